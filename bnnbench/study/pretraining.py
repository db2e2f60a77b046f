"""Which trained cell each cell of a plan takes pretrained weights from, and whether they fit its network."""

import difflib

from bnnbench import datasets, likelihoods, networks
from bnnbench.model.centre import counterparts
from bnnbench.networks import Network
from bnnbench.study.cells import Cell
from bnnbench.study.prior_entries import PretrainedCell


def resolved(cells: list[Cell]) -> tuple[list[Cell], list[tuple[str, str]]]:
    """The cells of a run, those with pretrained weights with the cell that these are of; and (study, fault) of what is
    wrong, once each."""
    by_id, found, faults = {cell.id: cell for cell in cells}, [], {}
    fits: dict[tuple, str] = {}
    wrong: set[tuple[str, str]] = set()
    for cell in cells:
        where = cell.entry.pretrained
        # Of an entry whose cells all lack theirs one is told: to find the nearest to each takes a while.
        if cell.merged or not isinstance(where, PretrainedCell) or (cell.study, cell.prior) in wrong:
            found.append(cell)
            continue
        source = by_id.get(where.id_for(cell))
        fault = _fault(cell, source, by_id) or _misfit(cell, source, fits)
        if fault:
            faults.setdefault((cell.study, fault))
            wrong |= {(cell.study, cell.prior)} if source is None else set()
        else:
            cell = cell.with_pretrained(source)
        found.append(cell)
    return found, list(faults)


def _place(cell: Cell) -> str:
    return f"priors.{cell.prior}.{'centre' if cell.entry.is_centred else 'start'}"


def _fault(cell: Cell, source: Cell | None, by_id: dict[str, Cell]) -> str:
    if source is None:
        wanted = cell.entry.pretrained.id_for(cell)
        near = difflib.get_close_matches(wanted, by_id, n=1, cutoff=0.7)
        hint = f": did you mean {near[0]}?" if near else ""
        return (
            f"{_place(cell)}: there is no cell {wanted} in this run{hint} Its study, data set, model, method and seed "
            "must be among those that the run trains"
        )
    if source.merged:
        return f"{_place(cell)}: the cell {source.id} is never trained: it is merged into {source.merged}"
    if source.entry.pretrained is not None:
        return f"{_place(cell)}: the cell {source.id} takes pretrained weights itself: name one that does not"
    return ""


def _misfit(cell: Cell, source: Cell, known: dict[tuple, str]) -> str:
    """What of a trained cell's weights has no place in a cell's network; "" where nobody can say yet."""
    asked = (cell.dataset.name, cell.network, cell.likelihood, cell.prior), (source.dataset.name, source.network)
    if asked not in known:
        own, theirs = network_of(cell), network_of(source)
        known[asked] = ""
        if own and theirs:
            shapes = {p.name: p.shape for p in theirs.parameters}
            try:
                counterparts(own, shapes, source.id.rpartition("/")[0], cell.entry.given.new_layers)
            except ValueError as error:
                known[asked] = f"{_place(cell)}: {error}"
    return known[asked]


def network_of(cell: Cell) -> Network | None:
    """A cell's network; None where its data set does not say its shapes before it is made."""
    shape = datasets.shape(cell.dataset.family, cell.dataset.options)
    if shape is None:
        return None
    likelihood = likelihoods.make(cell.likelihood, cell.likelihood_options)
    return networks.make(cell.network_options, shape.inputs, likelihood.n_outputs(shape.classes))
