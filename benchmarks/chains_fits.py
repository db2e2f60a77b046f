"""Worker: one network's posterior by chains, ours or sklearn-contrib-bde's, with what is needed to judge the draws.

It runs in an environment of its own for the other library, and imports only the one that it is asked for.
"""

import time
from importlib.metadata import version

import numpy as np
from serve import serve
from sklearn.datasets import make_moons

POINTS, TEST_POINTS, NOISE = 700, 4000, 0.4
PROBED = 50
"""Training points at which the function is followed."""
NETWORK = (16, 16)
"""Of ReLU units: bde has no tanh."""


def data() -> tuple[np.ndarray, ...]:
    """Training inputs and labels, then those to test on; float32 and standardised, as bde asks for."""
    X, y = make_moons(POINTS + TEST_POINTS, noise=NOISE, random_state=0)
    X = ((X - X[:POINTS].mean(0)) / X[:POINTS].std(0)).astype(np.float32)
    y = y.astype(np.int32)
    return X[:POINTS], y[:POINTS], X[POINTS:], y[POINTS:]


def fit(library: str, method: str, settings: dict, seed: int, path: str) -> dict:
    """Seconds of one fit, the import of the library not counted, and the test NLL of the mean prediction.

    The log-odds at PROBED training points go to a `.npy` file, (chains, draws, PROBED).
    """
    X, y, X_test, y_test = data()
    begin, log_odds = PEERS[library](method, settings, seed)
    started = time.perf_counter()
    model = begin(X, y)
    seconds = time.perf_counter() - started
    np.save(path, log_odds(model, X[:: POINTS // PROBED][:PROBED]))
    found = log_odds(model, X_test)
    p = (1 / (1 + np.exp(-found.reshape(-1, TEST_POINTS).astype(np.float64)))).mean(0)
    nll = -np.log(np.where(y_test == 1, p, 1 - p)).mean()
    return {"seconds": seconds, "nll": float(nll), "draws": int(found.shape[0] * found.shape[1]),
            "versions": f"{library} {version(library)}"}  # fmt: skip


def _ours(method: str, settings: dict, seed: int):
    from bnnbench import BNNClassifier

    def begin(X, y):
        return BNNClassifier(
            hidden=NETWORK, activation="relu", prior="normal", prior_scale=1.0, inference=method, settings=settings,
            standardize=False, random_state=seed,
        ).fit(X, y)  # fmt: skip

    def log_odds(model, X):
        chain = model.trained_.posterior.arrays["chain"][0].numpy()
        logits = model.trained_.sample_logits(X, len(chain))
        odds = np.asarray(logits[..., 1] - logits[..., 0])
        return np.stack([odds[chain == number] for number in np.unique(chain)])

    return begin, log_odds


def _bde(method: str, settings: dict, seed: int):
    from bde import BdeClassifier

    def begin(X, y):
        hidden = list(NETWORK)
        return BdeClassifier(hidden_layers=hidden, activation="relu", seed=seed, **settings).fit(X, y)

    def log_odds(model, X):
        logits = np.asarray(model.predict(X, raw=True))  # (chains, draws, points, classes)
        return logits[..., 1] - logits[..., 0]

    return begin, log_odds


PEERS = {"bnnbench": _ours, "sklearn-contrib-bde": _bde}
"""By library, given a method, its settings and a seed: what fits, and what gives log-odds (chains, draws, points)."""

if __name__ == "__main__":
    serve(fit)
