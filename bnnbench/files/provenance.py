"""What results were made with: versions, processor, commit."""

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path


@cache
def versions() -> str:
    """The versions that results depend on, as one line."""
    packages = ("bnnbench", "torch", "numpy", "scipy", "scikit-learn", "pymc")
    return f"python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages)


@cache
def processor() -> str:
    """The processor's model, without the machine's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def git_commit() -> str:
    """Short commit of the source tree, with + where it has uncommitted changes; empty outside a checkout.

    A checkout that does not track the package, as where it was copied into another project, says nothing of it.
    """
    here = Path(__file__).parent
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*arguments):
        return subprocess.run(
            ["git", "-C", here, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=20,
            env=environment,
        )  # fmt: skip

    try:
        if git("ls-files", "--error-unmatch", Path(__file__).name).returncode:
            return ""
        commit = git("rev-parse", "--short=10", "HEAD").stdout.strip()
        return commit + ("+" if commit and git("status", "--porcelain", "--untracked-files=no").stdout.strip() else "")
    except (OSError, subprocess.TimeoutExpired):
        return ""
