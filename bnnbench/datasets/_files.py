"""Files of published data: in the folder that the user names, or in the cache, filled by download."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from bnnbench.datasets._check import DataError
from bnnbench.files.folders import expanded

ENVIRONMENT = "BNNBENCH_DATA"


def find(
    folder: str, files: Iterable[str], data_dir: str | Path | None, fetch: Callable[[str, Path], Path]
) -> list[Path]:
    """Paths of the files of `folder`, each with or without `.gz`.

    data_dir: holds `folder`; default: what BNNBENCH_DATA names. Only where the user named neither is the cache used,
    and filled by `fetch`: (file, folder in the cache) -> path. Raises DataError for what is missing there.
    """
    home = named_folder(folder, data_dir)
    if home is None:
        import pooch

        cache = Path(pooch.os_cache("bnnbench")) / folder
        return [existing(cache, file) or fetch(file, cache) for file in files]
    where = f"{home} ({_source(data_dir)})"
    paths = {file: existing(home / folder, file) for file in files}
    if missing := [str(home / folder / file) for file, path in paths.items() if path is None]:
        raise DataError(
            f"{where} lacks {', '.join(missing)}; place the published files there (with .gz or without), "
            "or leave the folder unset to download them"
        )
    return list(paths.values())


def named_folder(folder: str, data_dir: str | Path | None) -> Path | None:
    """The folder of files that the user names, by data_dir or by BNNBENCH_DATA; None where by neither.

    folder: what is looked for in it, for the error. Raises DataError for one that is not there.
    """
    named = os.environ.get(ENVIRONMENT) or None if data_dir is None else data_dir
    if named is None:
        return None
    try:
        home = expanded(named)
    except ValueError as error:
        raise DataError(f"{_source(data_dir)}: {error}") from None
    if not home.is_dir():
        where = f"{home} ({_source(data_dir)})"
        raise DataError(f"{where} is not a folder; correct it, or leave it unset to download {folder}")
    return home


def _source(data_dir: str | Path | None) -> str:
    return f"the environment variable {ENVIRONMENT}" if data_dir is None else "the data folder given"


def existing(folder: Path, file: str) -> Path | None:
    """Where a file lies in a folder, with or without `.gz`; None where it does not."""
    return next((path for path in (folder / f"{file}.gz", folder / file) if path.is_file()), None)


def download(folder: str, urls: Iterable[str], target: Path, verify: Callable[[Path], object]) -> Path:
    """Fetch one file from the first address whose content `verify` takes; `target` appears only then.

    verify: raises DataError for a file that is not the published one. Raises DataError listing what was tried where no
    address gives it.
    """
    import pooch

    tried = []
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    for url in urls:
        try:
            pooch.HTTPDownloader(timeout=30)(url, str(temporary), None)
            verify(temporary)
            os.replace(temporary, target)
            return target
        except (OSError, DataError) as error:  # every error of requests is an OSError
            tried.append(f"\n  {url}: {error}")
        finally:
            temporary.unlink(missing_ok=True)
    raise DataError(
        f"could not download {target.name} of {folder}. Tried:{''.join(tried)}\n"
        f"Place the file by hand at {target}, or in <folder>/{folder}/ with {ENVIRONMENT}=<folder>."
    )
