"""What freed memory costs: pages that the kernel has to clear anew."""

import subprocess
import sys

import pytest

PAGES_OF_ARRAYS = """
import resource, sys
from bnnbench.base.allocation import keep_freed_memory
import numpy as np
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit(3)
for step in range(30):
    if step == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    kept = [np.ones(size * 2**18) for size in (2, 9, 14, 14)]  # 4, 18 and twice 28 MB
    del kept
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way: str) -> int:
    done = subprocess.run([sys.executable, "-c", PAGES_OF_ARRAYS, way], capture_output=True, text=True)
    if done.returncode == 3:
        pytest.skip("this system's C library gives freed memory back as it likes")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_job_reuses_the_memory_that_its_last_step_freed():
    assert faults("keep") < faults("default") / 20
