"""Result tables: Parquet files that say what they were made with, sealed, and whose they are."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from bnnbench.files import integrity
from bnnbench.files.provenance import git_commit, versions
from bnnbench.files.writing import replacing

ABOUT, SEAL = b"bnnbench", b"bnnbench_seal"


def write_table(frame: pd.DataFrame, path: str | Path, **facts: Any) -> None:
    """Parquet with versions, commit and `facts` in the schema's metadata, written beside its place and renamed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    about = {"versions": versions(), "git_commit": git_commit()} | {k: str(v) for k, v in facts.items()}
    made = {ABOUT: json.dumps(about).encode(), SEAL: integrity.PLACEHOLDER.encode()}
    table = table.replace_schema_metadata((table.schema.metadata or {}) | made)
    with replacing(path) as temporary:
        pq.write_table(table, temporary)
        integrity.seal(temporary)


def read_table(path: str | Path, shard: str | None = None) -> pd.DataFrame:
    """A table as it was written. ValueError where it is damaged, or of another shard than `shard`."""
    integrity.verify(path)
    if shard is not None and (other := about(path).get("shard")) != shard:
        raise ValueError(f"{path} is a table of shard {other!r}, not of {shard!r}: delete it and run again")
    return pd.read_parquet(path)


def about(path: str | Path) -> dict[str, str]:
    """What a table was made with: versions, commit and the facts that its writer gave."""
    import pyarrow.parquet as pq

    return json.loads(pq.read_schema(path).metadata[ABOUT])
