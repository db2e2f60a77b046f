"""Execute a study's notebook with papermill and export it; the output is the same for the same results."""

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import papermill
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from bnnbench.files.writing import replacing
from bnnbench.study.config import NOTEBOOKS, StudyConfig
from bnnbench.study.failures import failed_notebook
from bnnbench.study.grid import Plan
from bnnbench.words import prose

LONGEST_PLACE = 70
"""Bytes: a socket's whole path may have 103 on some systems."""

log = logging.getLogger(__name__)


class OurKernel(AsyncKernelManager):
    """A kernel of the Python that runs this, whatever kernel of that name others have installed, and without what a
    user's IPython profile or start-up files would do in it."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        profile = str(Path(self.connection_file).parent / "ipython")
        env = {"IPYTHONDIR": profile, "PYTHONSTARTUP": ""}
        return KernelSpec(argv=argv, env=env, display_name="Python 3", language="python")


def execute(plan: Plan, study: StudyConfig) -> str:
    """Run notebooks/<study>.ipynb on the results and write <results>/notebooks/<study>.ipynb and .html.

    Returns what was raised in a cell of it, in a line, or "". What was run until then is the page, which ends in the
    error, and stays as <study>.failed.ipynb until the notebook runs through.
    Raises ValueError where the notebook lacks a parameter.
    """
    source = NOTEBOOKS / f"{study.notebook or study.name}.ipynb"
    target = plan.results / "notebooks" / f"{study.name}.ipynb"
    parameters = {"results_dir": str(plan.results.resolve()), "study": study.name}
    _check_parameters(source, parameters)
    fault = ""
    with short_folder() as folder:
        partial = folder / "run.ipynb"
        try:
            _run(source, partial, parameters, folder)
        except (papermill.PapermillExecutionError, CellTimeoutError, DeadKernelError) as error:
            if not partial.exists():
                raise
            fault = _in_a_line(error)
        notebook = nbformat.read(partial, as_version=4)
    if fault:
        _end_at_fault(notebook, fault)
    _make_stable(notebook, parameters)
    # Nothing is fetched from elsewhere: the page must open without a network.
    nowhere = {"require_js_url": "", "mathjax_url": "", "mermaid_js_url": "", "jquery_url": ""}
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True, **nowhere)
    html, _ = exporter.from_notebook_node(notebook)
    failed = failed_notebook(plan, study.name)
    if fault:
        notebook.metadata["fault"] = fault
    for path in (target, *([failed] if fault else [])):
        with replacing(path) as temporary:
            nbformat.write(notebook, temporary)
    with replacing(target.with_suffix(".html")) as temporary:
        temporary.write_text(html, encoding="utf-8")
    if fault:
        log.error("%s: %s; what was run of it is %s", source.name, fault, failed)
    else:
        failed.unlink(missing_ok=True)
    return fault


@contextmanager
def short_folder() -> Iterator[Path]:
    """A new folder for sockets, whose paths may have 100 characters at most; removed in the end.

    Raises OSError where no place for temporary files is short enough.
    """
    places = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    short = [place for place in places if len(os.fsencode(place)) < LONGEST_PLACE and os.access(place, os.W_OK)]
    if not short:
        raise OSError(
            f"no folder for a kernel's sockets: TMPDIR ({places[0]}) is too long, and /tmp cannot be written to"
        )
    with tempfile.TemporaryDirectory(prefix="bnn", dir=short[0]) as folder:
        yield Path(folder)


def _run(source: Path, output: Path, parameters: dict, folder: Path) -> None:
    # Kernels that start together race for TCP ports; each gets sockets in a folder of its own instead.
    sockets = {"transport": "ipc", "ip": str(folder / "k"), "connection_file": str(folder / "kernel.json")}
    config = Config({"OurKernel": sockets, "NotebookClient": {"kernel_manager_class": OurKernel}})
    papermill.execute_notebook(
        str(source), str(output), parameters, kernel_name="python3", progress_bar=False,
        start_timeout=180, execution_timeout=1200, config=config, cwd=str(NOTEBOOKS),
    )  # fmt: skip


def _in_a_line(error: Exception) -> str:
    if isinstance(error, papermill.PapermillExecutionError):
        return f"{error.ename}: {error.evalue}".splitlines()[0]
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _end_at_fault(notebook, fault: str) -> None:
    """Leave out the cells after the last that was run, and end in the fault, which a dead kernel cannot write."""
    run = [i for i, cell in enumerate(notebook.cells) if cell.get("execution_count")]
    notebook.cells = notebook.cells[: run[-1] + 1] if run else notebook.cells
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    if not any(output.output_type == "error" for output in outputs):
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"**{prose.markdown(fault)}**"))


def _check_parameters(source: Path, parameters: dict) -> None:
    """papermill only warns of a parameter that a notebook does not know; here it is an error."""
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    tagged = [c for c in cells if "parameters" in c.get("metadata", {}).get("tags", [])]
    text = "".join(tagged[0]["source"]) if tagged else ""
    unknown = [name for name in parameters if f"{name} =" not in text]
    if unknown:
        raise ValueError(f"{source}: the cell tagged 'parameters' does not set '{unknown[0]}': add it there")


def _make_stable(notebook, parameters: dict) -> None:
    """Strip what differs from run to run: timings, paths and ids."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata.get("language_info", {}).pop("version", None)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace(parameters["results_dir"], Path(parameters["results_dir"]).name)
