"""Result tables: Parquet files that say what they were made with, sealed, and whose they are.

They are written and read row group by row group, so that a table may be larger than memory: who reads asks for rows
and columns, and what is held is those and one row group.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bnnbench.files import integrity
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.writing import replacing

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ABOUT, SEAL = b"bnnbench", b"bnnbench_seal"
ROWS_AT_ONCE = 2**15
"""Rows of a row group, written together and read together: of the table of metrics some 7 MB in memory."""


def write_table(frame: pd.DataFrame, path: str | Path, **facts: Any) -> None:
    """Parquet with versions, commit and `facts` in the schema's metadata, written beside its place and renamed."""
    write_parts([frame], path, **facts)


def write_parts(parts: Iterable[pd.DataFrame], path: str | Path, **facts: Any) -> None:
    """The same of a table that comes in parts, in their order: a part is dropped when it is written.

    The first part with rows says what types the columns have. ValueError where there is no part, not even an empty one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {"versions": versions(), "git_commit": git_commit()} | {k: str(v) for k, v in facts.items()}
    made = {ABOUT: json.dumps(about).encode(), SEAL: integrity.PLACEHOLDER.encode()}
    with replacing(path) as temporary, ExitStack() as opened:
        writer = None
        for part in _together(parts):
            table = pa.Table.from_pandas(plain(part), preserve_index=False)
            if writer is None:
                schema = table.schema.with_metadata((table.schema.metadata or {}) | made)
                writer = opened.enter_context(pq.ParquetWriter(temporary, schema))
            writer.write_table(table.cast(schema), row_group_size=ROWS_AT_ONCE)
        if writer is None:
            raise ValueError(f"{path}: there is nothing to write, not even columns")
        opened.close()
        integrity.seal(temporary)


def _together(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Parts that have rows, neighbours joined until they fill a row group; one without rows where none has any."""
    waiting, empty, are_rows = [], [], False
    for part in parts:
        if part.empty:
            empty = empty or [part]
            continue
        waiting.append(part)
        are_rows = True
        if sum(map(len, waiting)) >= ROWS_AT_ONCE:
            yield pd.concat(waiting, ignore_index=True)
            waiting.clear()
    if waiting or (empty and not are_rows):
        yield pd.concat(waiting or empty, ignore_index=True)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """With words in the place of categories."""
    found = {name: str for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    return frame.astype(found) if found else frame


def read_table(path: str | Path, shard: str | None = None, *, compact: bool = False) -> pd.DataFrame:
    """A table as it was written. ValueError where it is damaged, or of another shard than `shard`.

    compact: with words as ordered-by-name categories, a sixth of the memory where rows are many
    """
    found = StoredTable.open(path, shard)
    return _compact(path) if compact else found.read()


def _compact(path: str | Path) -> pd.DataFrame:
    """Column by column, so that no more than one is there as Arrow has it, with codes of four bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for field in pq.read_schema(path):
        columns[field.name] = _column(path, field.name, _is_text(field.type))
        pa.default_memory_pool().release_unused()
    return pd.DataFrame(columns, copy=False)


def _column(path: str | Path, name: str, is_text: bool) -> pd.Series:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=[name], read_dictionary=[name] if is_text else [])
    column = table.unify_dictionaries().to_pandas()[name]
    # Categories in the order in which words sort.
    return column.cat.set_categories(sorted(column.cat.categories)) if is_text else column


def _is_text(kind) -> bool:
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


@dataclass(frozen=True)
class StoredTable:
    """A table of which rows and columns are read as they are asked for, in the order in which they stand there."""

    path: Path

    @classmethod
    def open(cls, path: str | Path, shard: str | None = None) -> "StoredTable":
        """ValueError where the table is damaged, or of another shard than `shard`."""
        integrity.verify(path)
        if shard is not None and (other := about(path).get("shard")) != shard:
            raise ValueError(f"{path} is a table of shard {other!r}, not of {shard!r}: delete it and run again")
        return cls(Path(path))

    def read(self, columns: Sequence[str] | None = None, **where: Any) -> pd.DataFrame:
        """Rows whose columns have the values in `where`, each one or several in a list, numbered anew.

        columns: those of the result; default: all
        """
        import pyarrow as pa

        found = list(self._pieces(columns, where)) or [self._columns(columns).empty_table()]
        return pa.concat_tables(found).to_pandas()

    def parts(self) -> Iterator[pd.DataFrame]:
        """All rows, a row group at a time."""
        return (piece.to_pandas() for piece in self._pieces(None, {}))

    def distinct(self, *columns: str) -> pd.DataFrame:
        """What stands in these columns together, each once."""
        found = [piece.to_pandas().drop_duplicates() for piece in self._pieces(columns, {})]
        return pd.concat(found or [self.read(columns)]).drop_duplicates(ignore_index=True)

    @cached_property
    def _schema(self) -> "pa.Schema":
        import pyarrow.parquet as pq

        return pq.read_schema(self.path)

    def _columns(self, names: Sequence[str] | None) -> "pa.Schema":
        """The schema of some columns, or of all."""
        import pyarrow as pa

        kept = [self._schema.field(name) for name in (self._schema.names if names is None else names)]
        return pa.schema(kept, self._schema.metadata)

    def _pieces(self, columns: Sequence[str] | None, where: dict[str, Any]) -> Iterator["pa.Table"]:
        """What is asked for of each row group that has any of it.

        Text is read as a dictionary, since a few words stand in most of its columns, and spelled out only in the rows
        that are asked for.
        """
        import pyarrow.parquet as pq

        wanted = {name: value if isinstance(value, list) else [value] for name, value in where.items()}
        schema = self._columns(columns)
        text = [field.name for field in self._schema if _is_text(field.type)]
        with pq.ParquetFile(self.path, read_dictionary=text) as file:
            for i in range(file.num_row_groups):
                rows = _rows(file, i, wanted)
                if rows is None or len(rows):
                    piece = file.read_row_group(i, schema.names, use_threads=False)
                    yield (piece if rows is None else piece.take(rows)).cast(schema)


def _rows(file: "pq.ParquetFile", i: int, wanted: dict[str, list]) -> np.ndarray | None:
    """Which rows of a row group have the wanted values in their columns; None stands for all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not wanted:
        return None
    group = file.metadata.row_group(i)
    known = {group.column(c).path_in_schema: group.column(c).statistics for c in range(group.num_columns)}
    for name, values in wanted.items():
        found = known[name]  # the least and the greatest value say that there can be none
        if found is not None and found.has_min_max and not any(found.min <= v <= found.max for v in values):
            return np.empty(0, int)
    read = file.read_row_group(i, list(wanted), use_threads=False)
    keep = np.ones(read.num_rows, bool)
    for name, values in wanted.items():
        has_none = pa.types.is_null(read[name].type)  # as every column of a table without rows
        keep &= False if has_none else pc.is_in(read[name], value_set=pa.array(values)).to_numpy()
    return keep.nonzero()[0]


def about(path: str | Path) -> dict[str, str]:
    """What a table was made with: versions, commit and the facts that its writer gave."""
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(path).metadata[ABOUT])
