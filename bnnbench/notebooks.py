"""Execute a study's notebook with papermill and export it; the output is the same for the same results."""

import json
import logging
import os
import tempfile
from pathlib import Path

import nbformat
import papermill
from nbconvert import HTMLExporter
from traitlets.config import Config

from bnnbench.config import StudyConfig
from bnnbench.grid import Plan
from bnnbench.storage import replacing

FOLDER = Path(__file__).parent.parent / "notebooks"


def execute(plan: Plan, study: StudyConfig) -> None:
    """Run notebooks/<study>.ipynb on the results and write <results>/notebooks/<study>.ipynb and .html.

    Raises ValueError where the notebook lacks a parameter; on an error in a cell, the partial notebook is kept as
    <study>.failed.ipynb.
    """
    source = FOLDER / f"{study.notebook or study.name}.ipynb"
    target = plan.results / "notebooks" / f"{study.name}.ipynb"
    parameters = {"results_dir": str(plan.results.resolve()), "study": study.name}
    _check_parameters(source, parameters)
    target.parent.mkdir(parents=True, exist_ok=True)
    failed = target.with_suffix(".failed.ipynb")
    with tempfile.TemporaryDirectory(prefix="bnn") as folder:
        partial = Path(folder) / "run.ipynb"
        try:
            _run(source, partial, parameters, folder)
        except papermill.PapermillExecutionError:
            os.replace(partial, failed) if partial.exists() else None
            logging.error("%s: a cell failed; the partial notebook is %s", source.name, failed)
            raise
        notebook = nbformat.read(partial, as_version=4)
    failed.unlink(missing_ok=True)
    _make_stable(notebook, parameters)
    # Nothing is fetched from elsewhere: the page must open without a network.
    nowhere = {"require_js_url": "", "mathjax_url": "", "mermaid_js_url": "", "jquery_url": ""}
    exporter = HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True, **nowhere)
    html, _ = exporter.from_notebook_node(notebook)
    with replacing(target) as temporary:
        nbformat.write(notebook, temporary)
    with replacing(target.with_suffix(".html")) as temporary:
        temporary.write_text(html)


def _run(source: Path, output: Path, parameters: dict, folder: str) -> None:
    # Kernels that start together race for TCP ports; each gets sockets in a folder of its own instead.
    config = Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/k"}})
    papermill.execute_notebook(
        str(source), str(output), parameters, kernel_name="python3", progress_bar=False,
        start_timeout=180, execution_timeout=1200, config=config, cwd=str(FOLDER),
    )  # fmt: skip


def _check_parameters(source: Path, parameters: dict) -> None:
    """papermill only warns of a parameter that a notebook does not know; here it is an error."""
    cells = json.loads(source.read_text())["cells"]
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
