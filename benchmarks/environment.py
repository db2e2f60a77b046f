"""The environments of the workers that run other libraries, and what machine this is."""

import hashlib
import os
import platform
import subprocess
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python_of(library: str, beside_ours: bool = False) -> Path:
    """Interpreter of .venv-bench-<library>, which is made where it is missing or older than its list of packages.

    The list is requirements-<library>.txt, complete, so that nothing else is installed. `beside_ours` lets the
    environment see our own packages too. RuntimeError where the packages cannot be installed.
    """
    pinned = Path(__file__).parent / f"requirements-{library}.txt"
    folder = ROOT / f".venv-bench-{library}"
    python = folder / "bin" / "python"
    stamp = folder / f".installed-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    if not stamp.is_file():
        print(f"Making {folder.name} (a minute or two, once) ...", flush=True)
        try:
            venv.create(folder, with_pip=True, symlinks=True, clear=True)
            options = ["--quiet", "--disable-pip-version-check", "--no-deps", "-r", pinned]
            subprocess.run([python, "-m", "pip", "install", *options], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            reason = (error.stderr or str(error)).strip().splitlines()[-1]
            raise RuntimeError(f"its packages could not be installed ({reason})") from None
        if beside_ours:
            (packages,) = folder.glob("lib/python*/site-packages")
            (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        stamp.touch()
    return python


def machine() -> dict:
    """Processor, cores that may be used, memory, Python."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [
            line.split(":", 1)[1].strip()
            for line in cpuinfo.read_text(encoding="utf-8").splitlines()
            if "model name" in line
        ]
        processor = names[0] if names else processor
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": processor,
        "cores": cores(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "bnnbench": version("bnnbench"),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))
