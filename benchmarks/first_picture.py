"""How long a reader waits for imports, for the first live picture after "Run" and for exact numbers; and what a drag compiles.

python -m benchmarks.first_picture [notebook …]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.drag import NOTEBOOKS, VIEW
from benchmarks.laboratory import await_live, await_ready, browser, open_notebook, running_lab

# Moves every slider of page 01 through its range, table after table, and counts what is compiled meanwhile.
COMPILATIONS = """
import jax
from sgtheory.pages import SingleUnit
from sgtheory.pages._kit import Slider
page = SingleUnit()
page.wait()
for control in page.specification:
    if isinstance(control, Slider) and control.tabled:
        page.loop._send_table(control.name)
compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, *_, **__: compiled.append(event) if event.endswith("backend_compile_duration") else None)
for control in page.specification:
    if isinstance(control, Slider) and control.tabled:
        for k in range(20):
            page.controls[control.name].value = control.low + k * control.step
            page.data
        page.loop._send_table(control.name)
print(len(compiled))
"""


# Drawings are painted in the next frame.
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"


def measure(notebooks: list[str] | None = None) -> list[dict[str, Any]]:
    """One row per quantity; times in seconds, for imports the shortest of three. `notebooks` by name, by default all."""
    rows = [
        _row("import sgtheory", min(_python("import sgtheory") for _ in range(3))),
        _row(
            "page constructed, before JAX",
            min(_python("from sgtheory.pages import SingleUnit; SingleUnit()") for _ in range(3)),
        ),
        {"quantity": "compilations while all sliders move", "value": _compilations(), "unit": "programs"},
    ]
    for notebook in notebooks or [path.name for path in sorted(NOTEBOOKS.glob("0*.ipynb"))]:
        with tempfile.TemporaryDirectory() as kept:
            rows += [row for kind in ("cold", "warm") for row in _pictures(notebook, kind, kept)]
    return rows


def _row(quantity: str, seconds: float) -> dict[str, Any]:
    return {"quantity": quantity, "value": round(seconds, 2), "unit": "s"}


def _python(program: str) -> float:
    code = f"import time; began = time.perf_counter()\n{program}\nprint(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _compilations() -> int:
    done = subprocess.run([sys.executable, "-c", COMPILATIONS], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def _pictures(notebook: str, kind: str, kept: str) -> list[dict[str, Any]]:
    """Times from "Run" on the page's cell to the first live picture and to exact numbers; warm: with kept programs."""
    cache = {
        "JAX_COMPILATION_CACHE_DIR": kept,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NOTEBOOKS, folder, dirs_exist_ok=True)
        with running_lab(pathlib.Path(folder), **cache) as address, browser() as chromium:
            page = chromium.new_page(viewport=VIEW)
            open_notebook(page, address, notebook)
            page.evaluate(
                """() => {
                  const notebook = window.jupyterapp.shell.currentWidget.content;
                  notebook.activeCellIndex = notebook.widgets.findIndex((cell) => cell.model.type === 'code');
                }"""
            )
            began = time.perf_counter()
            page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")
            await_live(page, tour=True)
            page.evaluate(PAINTED)
            live = time.perf_counter() - began
            await_ready(page)
            ready = time.perf_counter() - began
    name = pathlib.Path(notebook).stem
    return [_row(f"{name}: first live picture, {kind}", live), _row(f"{name}: exact numbers, {kind}", ready)]


if __name__ == "__main__":
    for row in measure(sys.argv[1:]):
        print(row)
