"""Data whose seeds have test sets of their own: every cell is judged on its seed's."""

import numpy as np
import pytest
from small_run import run

from bnnbench import metrics
from bnnbench.evaluation.results import Results, load_results

NO_OTHERS = dict.fromkeys(("mean_field", "mc_dropout", "ensemble", "laplace_approximation", "sghmc", "hmc"))


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Results:
    study = {
        "datasets": {"uci": None, "diabetes": {}},
        "networks": {"mlp-50": {"hidden": [4]}, "mlp-100": None},
        "likelihoods": ["gaussian"],
        "models": ["normal-1"],
        "draws": 5,
        "inference": NO_OTHERS | {"map": {"settings": {"steps": 300}, "only": None}},
    }
    folder = tmp_path_factory.mktemp("tables") / "results"
    config = {"studies": ["uci"], "seeds": [0, 1], "device": "cpu", "compile": "off", "results_dir": str(folder)}
    return load_results(run(config | {"overrides": {"uci": study}}).results)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_metrics_are_of_the_rows_of_the_cells_own_seed(results, split):
    data, targets = results.data("diabetes"), []
    for cell in results.cells.itertuples():
        x, y = results.labels(cell.id, split)
        expected = data.test(cell.seed) if split == "test" else data.split(cell.seed)[2:]
        assert np.array_equal(x, expected[0]) and np.array_equal(y, expected[1])
        values = metrics.evaluate(results.predictions(cell.id, split), y, None)
        stored = results.metrics[(results.metrics.id == cell.id) & (results.metrics.split == split)]
        found = dict(zip(stored.metric, stored.value, strict=True))
        assert found["rmse"] == pytest.approx(values["rmse"]) and found["nll"] == pytest.approx(values["nll"])
        # A trained network is better than the mean of its own training targets on rows that belong to it.
        assert found["rmse"] < data.split(cell.seed)[1].std()
        targets.append(y)
    assert len(targets) == 2 and not np.array_equal(*targets)


def test_chance_knows_the_training_targets_of_its_seed(results):
    data, table = results.data("diabetes"), results.metrics
    rows = table[(table.inference == "chance") & (table.split == "test") & (table.metric == "rmse")]
    expected = [np.sqrt(((data.test(seed)[1] - data.split(seed)[1].mean()) ** 2).mean()) for seed in rows.seed]
    np.testing.assert_allclose(rows.value, expected, rtol=1e-6)
