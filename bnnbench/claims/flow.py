"""How close flows come to a density that is known."""

from bnnbench.claims._base import Claim, Measured, Statistic
from bnnbench.claims._measures import Measure, wide
from bnnbench.evaluation.results import Results
from bnnbench.evaluation.select import NothingToDraw, best_models, cells_of, methods_of
from bnnbench.words.names import method_name, model_name

REPORT = "Report on probabilistic deep learning: normalizing flows"
DATASET, MARGIN = "moons_density-0.2", 0.02
CHOICE = "The model that validation data chose: {network}, {model}."


def of_test(metric: str, inference: str | None = None) -> Measure:
    """A test metric on the moons, by seed, of the model with the lowest validation NLL: of a method, or of all."""

    def measure(results: Results, study: str) -> Measured:
        found = {}
        for method in [inference] if inference else methods_of(results, study, DATASET):
            found[method] = best_models(results, study, DATASET, method).iloc[0]
        if not found:
            raise NothingToDraw(f"no cell was trained on {DATASET}")
        method = min(found, key=lambda name: found[name]["mean"])
        model = found[method]
        cells = cells_of(results, study, model, dataset=DATASET, inference=method)
        rows = results.rows("metrics", id=list(cells.id), split="test")
        note = f"By {method_name(method)}. " + CHOICE.format(network=model.network, model=model_name(model))
        floor = rows[rows.metric == "kl_floor"].value.mean()
        return Measured.over(wide(rows[rows.metric == metric], ["dataset"]), note, floor)

    return measure


def close(inference: str | None = None, beside: bool = False) -> Statistic:
    """That the KL from the truth is small."""
    name = "KL from the truth on moons at noise 0.2, " + (method_name(inference) if inference else "best method")
    measure = of_test("kl_to_truth", inference)
    return Statistic(name, "at most", MARGIN, measure, FIGURE, beside, unit="nats")


FIGURE = "notebooks/{study}.html#Distance-from-the-truth"

CLAIMS = (
    Claim(
        "F1", REPORT, "Stacked bijectors fitted by maximum likelihood come to the density of their data.",
        (close(), *(close(method, beside=True) for method in ("map", "mean_field", "ensemble", "swag", "hmc"))),
    ),
    Claim(
        "F2", REPORT, "Where draws of the weights disagree about a density, the density is wrong.",
        tuple(
            Statistic(
                f"rank correlation of spread and error on moons at noise 0.2, {method_name(method)}", "above", 0.2,
                of_test("spread_error_rank_correlation", method),
                "notebooks/{study}.html#Does-the-spread-tell-where-the-density-is-wrong?", beside=method != "ensemble",
            )
            for method in ("ensemble", "mean_field", "hmc")
        ),
    ),
)  # fmt: skip
