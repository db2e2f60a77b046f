"""Worker processes that answer requests one at a time, so that the repeats of several libraries can be interleaved.

A request and its answer are one line of JSON each. A worker that waits uses no processor time. Standard library only:
workers of other libraries run in environments of their own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def serve(*functions: Callable[..., dict]) -> None:
    """Answer requests on standard input by calling the function of that name, until the input ends."""
    answers, known = os.fdopen(os.dup(1), "w"), {f.__name__: f for f in functions}
    os.dup2(2, 1)  # whatever a library prints goes to standard error
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(known[request.pop("do")](**request)), file=answers, flush=True)


class Worker:
    """A script of this folder, running with one interpreter and environment."""

    def __init__(self, script: str, *arguments, python: str | Path = sys.executable, **environment: str):
        self.name, self.log = script, []
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).parent / script), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | environment,
        )

    def ask(self, do: str, **arguments) -> dict:
        """Call a function of the worker. RuntimeError where the worker has died."""
        try:
            self._process.stdin.write(json.dumps({"do": do} | arguments) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"{self.name} ended: run `python benchmarks/{self.name}` by hand to see why")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
