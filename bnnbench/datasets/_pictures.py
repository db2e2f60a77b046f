"""Pictures in files: which files are some, and their pixels, refused by name where they cannot be read."""

from pathlib import Path

from PIL import Image

from bnnbench.datasets._check import DataError

ENDINGS = (".jpg", ".jpeg", ".png")


def files_in(folder: Path) -> dict[str, Path]:
    """The pictures in a folder, by their names without ending, sorted.

    Raises DataError for a folder that is not there or has none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; place the published files there")
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS}
    if not files:
        raise DataError(f"{folder} holds no image; place the published files there")
    return files


def opened(path: Path) -> Image.Image:
    """A picture with its pixels. Raises DataError for what is none."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is no image that can be read ({error}); get it again") from None
