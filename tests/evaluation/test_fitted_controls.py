"""Controls that are fitted: what they predict, by closed forms and known scores, and where they stand in the tables."""

import numpy as np
import pytest
from scipy import stats

from bnnbench import controls, datasets, metrics, tasks
from bnnbench.controls import Given, gaussian_process
from bnnbench.controls._base import about, of_all_classes
from bnnbench.datasets import DataSet
from bnnbench.evaluation.controls import evaluate_controls
from bnnbench.files.tables import read_table
from bnnbench.source import plugins
from bnnbench.study import failures, grid

NAMES = plugins.known("control")


def table(x, y, n_classes=1, task="regression", n_train=160, n_validation=60) -> DataSet:
    """Rows of which the first are trained on, for one seed; the rest is tested on."""
    rows = np.arange(len(y))[None]
    parts = np.split(rows, [n_train, n_train + n_validation], axis=1)
    return DataSet(
        name="rows", x_pool=x.astype(np.float32), y_pool=y, train_index=parts[0], validation_index=parts[1],
        test_index=parts[2], seeds=np.array([0]), x_test=x[:0].astype(np.float32), y_test=y[:0], n_classes=n_classes,
        task=task, standardise=True,
    )  # fmt: skip


def numbers(noise=0.5, scale=100.0) -> DataSet:
    """A linear law with noise of a known sd, in large units."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((420, 3)) * [1, 10, 0.1] + [0, 5, 3]
    y = x @ [1.0, 0.2, -4.0] + noise * rng.standard_normal(420)
    return table(x, (scale * y).astype(np.float32))


def classes(k: int) -> DataSet:
    """k clouds on a circle."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, 420)
    angle = 2 * np.pi * y / k
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) + 0.4 * rng.standard_normal((420, 2))
    return table(x, y, n_classes=k, task="classification")


def values(name: str, data: DataSet, split: str = "test") -> dict[str, float]:
    task = tasks.find(data.task)
    y = data.test(0)[1] if split == "test" else data.split(0)[3]
    return metrics.evaluate(task.of_truth(task.truth(controls.fit(name, data, 0).laws[split])), y)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_predicted_in_their_units_with_the_noise_that_there_is(name):
    data = numbers()
    mean, sd = controls.fit(name, data, 0).laws["test"]
    y = data.test(0)[1]
    limit = {"gradient_boosting": 2.2}.get(name, 1.15)
    assert np.sqrt(np.mean((mean[:, 0] - y) ** 2)) < limit * 50
    # The sd says how far off the predictions are: a share of 90% lies in the interval, but for its binomial error.
    assert abs(values(name, data)["coverage_90"] - 0.9) < 4 * np.sqrt(0.09 / len(y))
    assert np.mean((y - mean[:, 0]) ** 2 / sd[:, 0] ** 2) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [2, 3])
def test_classes_are_predicted_better_than_by_their_shares(name, k):
    data = classes(k)
    found = values(name, data)
    assert found["nll"] < 0.5 * np.log(k) and found["accuracy"] > 0.85 and found["ece"] < 0.12


def test_the_sd_is_the_error_on_validation_rows_and_of_no_others():
    x, residual = np.zeros((4, 1)), np.array([1.0, -1.0, 3.0, 1.0])
    given = Given(x, np.full(4, 9.0), x, residual, 1, 0)
    assert about(lambda x: np.zeros(len(x)), given)(x)[1] == pytest.approx(np.sqrt(3))
    assert about(lambda x: residual, given)(x)[1] > 0


def test_the_gaussian_process_is_the_closed_form():
    """Mean and sd, noise included, from the kernel that was found, by linear algebra of our own."""
    rng = np.random.default_rng(1)
    x, new = rng.standard_normal((40, 2)), rng.standard_normal((7, 2))
    y = np.sin(x[:, 0]) + 0.1 * rng.standard_normal(40)
    kept = {}

    class Kept(gaussian_process.GaussianProcess):
        def regression(self, given):
            predict = super().regression(given)
            kept["model"] = next(c.cell_contents for c in predict.__closure__)
            return predict

    mean, sd = Kept().regression(Given(x, y, x, y, 1, 0))(new)
    constant, rbf, noise = (kept["model"].kernel_.k1.k1, kept["model"].kernel_.k1.k2, kept["model"].kernel_.k2)

    def kernel(a, b):
        distance = ((a[:, None] - b) / rbf.length_scale) ** 2
        return constant.constant_value * np.exp(-0.5 * distance.sum(2))

    inverse = np.linalg.inv(kernel(x, x) + (noise.noise_level + 1e-8) * np.eye(40))
    np.testing.assert_allclose(mean, kernel(new, x) @ inverse @ y, rtol=1e-6)
    variance = constant.constant_value + noise.noise_level - np.sum(kernel(new, x) @ inverse * kernel(new, x), axis=1)
    np.testing.assert_allclose(sd**2, variance, rtol=1e-5)
    assert noise.noise_level == pytest.approx(0.01, rel=0.8)


def test_validation_targets_do_not_move_what_a_regression_predicts():
    data = numbers()
    moved = data.y_pool.copy()
    moved[data.validation_index[0]] += 1000
    other = table(data.x_pool, moved)
    for name in NAMES:
        before, after = (controls.fit(name, each, 0).laws["test"] for each in (data, other))
        np.testing.assert_array_equal(after[0], before[0])
        assert (name == "gaussian_process") == np.array_equal(after[1], before[1])


def test_a_class_without_training_rows_is_improbable_but_possible():
    proba = of_all_classes(np.array([[0.25, 0.75]]), np.array([0, 2]), 3)
    np.testing.assert_allclose(proba, [[0.25, 0, 0.75]], atol=1e-5)
    assert proba.min() > 0 and proba.sum() == pytest.approx(1)
    data = classes(3)
    y = data.y_pool.copy()
    y[data.train_index[0]] = 1
    for name in NAMES:
        found = controls.fit(name, table(data.x_pool, y, 3, "classification"), 0).laws["test"]
        assert (found.argmax(1) == 1).all() and (found > 0).all()


@pytest.mark.parametrize(("n", "k", "taken"), [(1000, 1, True), (1001, 1, False), (1000, 2, True), (700, 3, False)])
def test_a_gaussian_process_takes_few_points_only(n, k, taken):
    assert (n <= controls.find("gaussian_process").most_points((5,), k)) == taken
    assert controls.find("linear_model").most_points((5,), k) > 1e9


def test_which_families_have_them():
    have = {family for family in datasets.FAMILIES if datasets.controls(family)}
    assert have == {"diabetes", "uci", "table"}
    assert all(set(datasets.controls(family)) <= set(NAMES) for family in have)


def test_missing_inputs_are_filled_and_images_are_not_taken():
    data = numbers()
    x = data.x_pool.copy()
    x[::7, 1] = np.nan
    assert np.isfinite(controls.fit("linear_model", table(x, data.y_pool), 0).laws["test"][0]).all()
    assert controls.find("linear_model").most_points((1, 28, 28), 10) == 0


def test_the_law_is_a_gaussian_in_the_metrics():
    data = numbers()
    mean, sd = controls.fit("linear_model", data, 0).laws["test"]
    expected = -stats.norm.logpdf(data.test(0)[1], mean[:, 0], sd[:, 0]).mean()
    assert values("linear_model", data)["nll"] == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def plan(tmp_path):
    """Of the diabetes data, which lie in its results, and a function that evaluates their controls."""
    made = grid.load({"studies": ["uci"], "seeds": [0], "results_dir": str(tmp_path),
                      "overrides": {"uci": {"datasets": {"uci": None}}}})  # fmt: skip
    data = datasets.make("diabetes", {}, [0])
    datasets.store("diabetes", {}, data, tmp_path / "data" / "diabetes.nc")
    return made


def evaluated(plan):
    evaluate_controls(plan, "diabetes", plan.results / "controls.parquet")
    return read_table(plan.results / "controls.parquet", "diabetes")


def test_a_control_that_fails_costs_its_own_rows_only(plan, monkeypatch, caplog):
    class Broken(controls.Control):
        def regression(self, given):
            raise RuntimeError("no trees today")

    others = {name: controls.find(name) for name in NAMES}
    monkeypatch.setattr(controls, "find", lambda name: Broken() if name == "gradient_boosting" else others[name])
    table = evaluated(plan)
    assert set(table.inference) == {"linear_model", "gaussian_process"}
    assert "gradient_boosting could not be fitted: no trees today" in caplog.text
    assert set(table.id) == {f"/diabetes/{name}/seed-0" for name in set(table.inference)}
    assert set(table.split) == {"validation", "test"} and set(table.study) == {""}
    seconds = table[table.metric == "fit_seconds"]
    assert len(seconds) == 2 and (seconds.value > 0).all()


def test_data_that_cannot_be_had_leave_an_empty_table(plan):
    failures.mark_data(plan.results / "data" / "diabetes.nc", "gone")
    assert len(evaluated(plan)) == 0
