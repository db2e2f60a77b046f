"""The most memory that a process of its own takes for something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOLD = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""
"""Not `ru_maxrss`, which a new process takes over from the one that starts it."""


def peak(code: str, *arguments) -> float:
    """MB that a new Python takes at its peak, imports included, to run code with these arguments in `sys.argv`."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("this system does not say how much memory a process took")
    path = os.pathsep.join([str(TESTS.parent), str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    made = subprocess.run(
        [sys.executable, "-c", code + TOLD, *map(str, arguments)], env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return int(made.stdout.split()[-1]) / 1024
