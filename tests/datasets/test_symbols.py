"""Sources of symbols: their cuts, their laws and their entropy rate."""

import numpy as np
import pytest
from scipy.special import entr

from bnnbench import datasets
from bnnbench.base.philox import generator
from bnnbench.datasets import DataError, markov, text
from bnnbench.datasets._symbols import Cut
from bnnbench.study import grid
from bnnbench.study.config import ConfigError


def test_the_entropy_rate_of_two_symbols_by_hand():
    """From 0 to 1 with probability a, back with b: stationary b / (a + b), and a binary entropy in each state."""
    a, b = 0.1, 0.4
    transitions = np.array([[1 - a, a], [b, 1 - b]])
    share = np.array([b, a]) / (a + b)
    np.testing.assert_allclose(markov.stationary(transitions), share)
    by_hand = sum(s * -(p * np.log2(p) + (1 - p) * np.log2(1 - p)) for s, p in zip(share, (a, b), strict=True))
    assert markov.rate_of(transitions) == pytest.approx(by_hand)
    assert markov.rate_of(np.full((2, 2), 0.5)) == pytest.approx(1)
    assert markov.rate_of(np.array([[0.0, 1.0], [1.0, 0.0]])) == pytest.approx(0)  # it alternates, with a period of two


def test_the_stationary_distribution_stays_and_a_chain_has_it():
    transitions = markov.transition_table(3, 2, 0.5, 0)
    share = markov.stationary(transitions)
    np.testing.assert_allclose((share[..., None] * transitions).sum(0), share, atol=1e-12)
    codes = markov.chain(transitions, 40_000, generator("test", "chain"))
    seen = np.zeros((3, 3, 3))
    np.add.at(seen, (codes[:-2], codes[1:-1], codes[2:]), 1)
    np.testing.assert_allclose(seen.sum(2) / seen.sum(), share, atol=0.02)
    often = seen.sum(2) > 500
    np.testing.assert_allclose((seen / seen.sum(2, keepdims=True))[often], transitions[often], atol=0.06)


def test_pieces_predict_each_symbol_once_given_what_stands_before_it():
    codes = np.arange(30) % 10
    x, y = Cut(length=4, context=3).pieces(codes)
    assert x.shape == y.shape == (6, 6)
    np.testing.assert_array_equal(y[:, :2], -1)
    np.testing.assert_array_equal(y[:, 2:].ravel(), codes[3:27])
    for piece, targets in enumerate(y):
        start = 4 * piece
        np.testing.assert_array_equal(x[piece], codes[start : start + 6])
        np.testing.assert_array_equal(targets[2:], codes[start + 3 : start + 7])
    assert Cut(4, 3).symbols(6) == 27
    with pytest.raises(ValueError, match="shorter than a piece of 40 after 3: lower length or context"):
        Cut(40, 3).pieces(codes)


@pytest.mark.parametrize("context", [1, 3])
def test_the_law_of_the_next_symbol_is_what_the_source_does(context):
    options = {"n_symbols": 3, "order": 2, "concentration": 0.5, "context": context, "n_test": 4000, "length": 5}
    data = datasets.make("markov", options, [0])
    x, y = data.test()
    law = datasets.law("markov", options, x, "next_symbol_proba")
    np.testing.assert_allclose(law.sum(-1), 1)
    transitions = markov.transition_table(3, 2, 0.5, 0)
    whole = transitions[x[:, -2].astype(int), x[:, -1].astype(int)]
    np.testing.assert_allclose(law[:, -1], whole)
    hits = np.eye(3)[y.clip(0)] - law
    for step in range(context - 1, x.shape[1]):
        error = np.sqrt((law[:, step] * (1 - law[:, step])).mean(0) / len(x))
        assert (abs(hits[:, step].mean(0)) < 4.5 * error + 1e-9).all()
    # What is known of less than a whole context is less sure, and right on average.
    entropy = entr(law[:, -1]).sum(-1).mean() / np.log(2)
    assert entropy == pytest.approx(markov.entropy_rate(3, 2, 0.5), abs=0.03)
    assert entr(law[:, 0]).sum(-1).mean() / np.log(2) > entropy + 0.05


def test_text_is_in_its_vocabulary_and_tests_on_what_is_not_trained_on():
    assert text.plain("A  Fox's 12 dens\n----\n(see: [3]) é") == "a fox's 0 dens (see 0 )"
    assert set("".join(text.texts())) <= set(text.VOCABULARY)
    data = datasets.make("text", {"n_train": 50, "n_validation": 20}, [0])
    letters = np.array(data.class_names)
    piece = "".join(letters[data.y_test[0][data.y_test[0] >= 0]])
    assert len(piece) == 40 and any(piece in whole for whole in text.texts())
    trained = ["".join(letters[row]) for row in data.x_pool]
    assert not any(piece in whole for whole in trained)
    with pytest.raises(ValueError, match="not in the vocabulary: '!' 'Z'; use `plain`"):
        text.codes_of("Z!")
    assert "exceed its pool" in datasets.faults("text", {"n_train": 100_000})[0]
    assert "longer than the texts" in datasets.faults("text", {"length": 30_000})[0]


def test_wrong_symbols_and_shapes_are_refused():
    data = datasets.make("markov", {"n_train": 10, "n_validation": 5, "n_test": 5}, [0])
    fields = {name: getattr(data, name) for name in data.__dataclass_fields__}

    def fault(**changes):
        with pytest.raises(DataError) as caught:
            datasets.DataSet(**fields | changes)
        return str(caught.value)

    assert "x_pool has codes from 0 to 9 and the vocabulary has 4" in fault(x_pool=data.x_pool + 6 * (data.x_pool == 3))
    assert "y_pool has codes from -2" in fault(y_pool=data.y_pool - 1)
    assert "y_test has shape (5,) for 5 inputs; make it (5, 22)" in fault(y_test=data.y_test[:, 0])
    assert "nothing to predict in row 0" in fault(y_test=np.full_like(data.y_test, -1))


def config(**changes) -> dict:
    study = {"datasets": {"digits": None, "text": None}, "models": ["normal-1"], "inference": {"ensemble": None}}
    return {"studies": ["sequence"], "seeds": [0], "overrides": {"sequence": study | changes}}


def test_networks_that_cannot_read_the_data_are_refused_when_a_run_is_planned():
    with pytest.raises(
        ConfigError, match="mlp cannot be built on markov_order_3: language needs a network that reads symb"
    ):
        grid.load(config(networks={"mlp": {}}), thorough=False)
    tables = {"digits": None, "text": None, "markov": None, "moons": {"noise": 0.2}}
    with pytest.raises(ConfigError, match=r"lstm-24 cannot be built on moons-0.2: it reads symbols"):
        grid.load(config(datasets=tables), thorough=False)
