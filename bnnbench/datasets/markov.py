"""Symbols of a Markov chain, whose true probabilities and entropy rate are known exactly."""

from collections.abc import Iterable
from functools import cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import entr

from bnnbench.base.philox import generator
from bnnbench.base.settings import Count, Positive, WholeNumber
from bnnbench.datasets._base import DataSet, Shape, drawn_pool
from bnnbench.datasets._symbols import Cut

TASK = "language"
TEST_SEED = 0

Array = NDArray[np.float64]
Symbols = Annotated[int, Field(ge=2, le=10)]
Order = Annotated[int, Field(ge=1, le=4)]


def name(n_symbols: int, order: int, concentration: float, table: int) -> str:
    """Such as `markov_order_3`; what else is not the default stands in it too."""
    parts = [(n_symbols, 4, "symbols"), (concentration, 0.3, "concentration"), (table, 0, "table")]
    return "_".join(
        [f"markov_order_{order}", *(f"{word}_{value:g}" for value, default, word in parts if value != default)]
    )


def generate(
    seeds: Iterable[int] = range(5),
    n_train: Count = 1000,
    n_validation: Count = 200,
    n_test: Count = 500,
    n_symbols: Symbols = 4,
    order: Order = 3,
    concentration: Positive = 0.3,
    table: WholeNumber = 0,
    length: Count = 20,
    context: Count = 3,
) -> DataSet:
    """Pieces (n, steps) uint8 of chains of `order`: each symbol depends on so many before it.

    `n_train`, `n_validation` and `n_test` count pieces, of `length` predicted symbols each, before the first of which
    `context` are read. Every seed has chains of its own, and all the transition table, drawn by `table`: a row of
    probabilities for each context from the symmetric Dirichlet distribution of that concentration; the smaller, the
    more certain the next symbol. Chains begin in their stationary distribution.
    """
    cut, transitions = Cut(length, context), transition_table(n_symbols, order, concentration, table)

    def draw(rng, n):
        return cut.pieces(chain(transitions, cut.symbols(n), rng))

    called = name(n_symbols, order, concentration, table)
    arrays = drawn_pool(called, draw, n_train, n_validation, n_test, seeds, TEST_SEED)
    return DataSet(name=called, n_classes=n_symbols, task=TASK, **arrays)


def shape(n_train: int, n_validation: int, n_test: int, n_symbols: int, length: int, context: int) -> Shape:
    """Codes of a piece's steps."""
    return Shape((Cut(length, context).steps,), n_symbols, n_train, n_validation, n_test)


@cache
def transition_table(n_symbols: int, order: int, concentration: float, table: int) -> Array:
    """Probabilities (n_symbols,) * (order + 1): of the next symbol, the last axis, after those before it in order."""
    rng = generator("markov", f"table-{table}")
    rows = rng.dirichlet(np.full(n_symbols, concentration), n_symbols**order)
    return rows.reshape((n_symbols,) * (order + 1))


def chain(transitions: Array, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """n symbols of a chain with these transitions, from its stationary distribution."""
    k, order = transitions.shape[0], transitions.ndim - 1
    cumulative = transitions.reshape(-1, k).cumsum(1)[:, :-1]
    context = int(rng.choice(k**order, p=stationary(transitions).ravel()))
    codes = list(np.unravel_index(context, (k,) * order))
    for u in rng.random(max(n - order, 0)):
        symbol = int((cumulative[context] <= u).sum())
        codes.append(symbol)
        context = (context * k + symbol) % k**order
    return np.array(codes[:n], dtype=np.int64)


def stationary(transitions: Array) -> Array:
    """Stationary probabilities of the contexts, (n_symbols,) * order.

    Of the lazy chain, which stays where it is half the time and has the same: it converges where the chain is periodic.
    """
    k, order = transitions.shape[0], transitions.ndim - 1
    found = np.full((k,) * order, k ** -float(order))
    for _ in range(100_000):
        new = 0.5 * found + 0.5 * (found[..., None] * transitions).sum(0)
        if abs(new - found).max() < 1e-15:
            break
        found = new
    return new / new.sum()


def entropy_rate(n_symbols: int = 4, order: int = 3, concentration: float = 0.3, table: int = 0) -> float:
    """Bits a symbol of the source: no predictor can do with fewer, on average."""
    return rate_of(transition_table(n_symbols, order, concentration, table))


def rate_of(transitions: Array) -> float:
    """Entropy rate, bits a symbol, of a stationary chain of these transitions (Cover & Thomas 2006, th. 4.2.4)."""
    return float((stationary(transitions) * entr(transitions).sum(-1)).sum() / np.log(2))


def next_symbol_proba(x: np.ndarray, n_symbols: int, order: int, concentration: float, table: int) -> Array:
    """True probabilities (pieces, steps, n_symbols) of the next symbol at each step of pieces (pieces, steps), given
    those that were read: where they are fewer than the order, averaged over what may have been before them."""
    transitions = transition_table(n_symbols, order, concentration, table)
    x = np.asarray(x).astype(int)
    joint = stationary(transitions)[..., None] * transitions
    found = np.empty((*x.shape, n_symbols))
    for step in range(x.shape[1]):
        known = min(order, step + 1)
        given = joint.sum(tuple(range(order - known)))
        with np.errstate(invalid="ignore"):  # contexts that never occur
            given = given / given.sum(-1, keepdims=True)
        found[:, step] = given[tuple(x[:, step - known + 1 + i] for i in range(known))]
    return found
