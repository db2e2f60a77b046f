"""Result tables: Parquet files that say what they were made with, sealed, and whose they are."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from bnnbench.files import integrity
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.writing import replacing

ABOUT, SEAL = b"bnnbench", b"bnnbench_seal"


ROWS_AT_ONCE = 2**15
"""Rows of a table that are written together, and held in memory for it."""


def write_table(frame: pd.DataFrame, path: str | Path, **facts: Any) -> None:
    """Parquet with versions, commit and `facts` in the schema's metadata, written beside its place and renamed."""
    write_parts([frame], path, **facts)


def write_parts(parts: Iterable[pd.DataFrame], path: str | Path, **facts: Any) -> None:
    """The same of a table in parts, at least one, of equal columns and types: they are taken as they are written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {"versions": versions(), "git_commit": git_commit()} | {k: str(v) for k, v in facts.items()}
    made = {ABOUT: json.dumps(about).encode(), SEAL: integrity.PLACEHOLDER.encode()}
    with replacing(path) as temporary:
        with ExitStack() as open_file:
            writer = None
            for frame in _together(parts):
                table = pa.Table.from_pandas(plain(frame), preserve_index=False)
                if writer is None:
                    schema = table.schema.with_metadata((table.schema.metadata or {}) | made)
                    writer = open_file.enter_context(pq.ParquetWriter(temporary, schema))
                writer.write_table(table.cast(schema))
        integrity.seal(temporary)


def _together(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Neighbouring parts joined to tables of about ROWS_AT_ONCE."""
    waiting, n = [], 0
    for part in parts:
        waiting.append(part)
        n += len(part)
        if n >= ROWS_AT_ONCE:
            yield pd.concat(waiting, ignore_index=True)
            waiting, n = [], 0
    if waiting:
        yield pd.concat(waiting, ignore_index=True) if len(waiting) > 1 else waiting[0]


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """With words in the place of categories."""
    found = {name: str for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    return frame.astype(found) if found else frame


def read_table(path: str | Path, shard: str | None = None, *, compact: bool = False) -> pd.DataFrame:
    """A table as it was written. ValueError where it is damaged, or of another shard than `shard`.

    compact: with words as ordered-by-name categories, a sixth of the memory where rows are many
    """
    integrity.verify(path)
    if shard is not None and (other := about(path).get("shard")) != shard:
        raise ValueError(f"{path} is a table of shard {other!r}, not of {shard!r}: delete it and run again")
    return _compact(path) if compact else pd.read_parquet(path)


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


def about(path: str | Path) -> dict[str, str]:
    """What a table was made with: versions, commit and the facts that its writer gave."""
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(path).metadata[ABOUT])
