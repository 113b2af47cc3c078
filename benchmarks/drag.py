"""How a drag feels: time from slider event to picture, pictures per second, messages and bytes per step.

    python -m benchmarks.drag

Sliders of page 01 are moved in 100 steps, 60 per second, in a real JupyterLab and a real Chromium, once with their tables in
the browser and once with the kernel drawing every step. Before and after that, the simplest case, one bare figure with one
line (`bare_figure`), is moved in the same way: on a busy machine the ratio to it says more than milliseconds do.
"""

import pathlib
import shutil
import statistics
import tempfile
from typing import Any

import nbformat

from benchmarks import bare_figure
from benchmarks.laboratory import await_live, await_ready, browser, open_notebook, run_all, running_lab
from sgtheory.pages import SingleUnit

STEPS = 100
NOTEBOOKS = pathlib.Path(__file__).parent.parent / "notebooks"
INSTRUMENT = (pathlib.Path(__file__).parent / "drag.js").read_text(encoding="utf-8")


BARE = "bare_figure.ipynb"
VIEW = {"width": 1360, "height": 1000}


def measure(repeats: int = 3) -> list[dict[str, Any]]:
    """One row per slider and path: latency, pictures per second, messages and bytes per step, time to exact numbers at rest."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(NOTEBOOKS, root, dirs_exist_ok=True)
        offer_bare(root)
        with running_lab(root) as address, browser() as chromium:
            return [
                *bare(chromium.new_page(viewport=VIEW), address, repeats),
                *_single_unit(chromium.new_page(viewport=VIEW), address, repeats),
                *bare(chromium.new_page(viewport=VIEW), address, repeats),
            ]


def offer_bare(root: pathlib.Path) -> None:
    """Puts the notebook with the bare line into a folder."""
    shutil.copy(bare_figure.SOURCE, root)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(bare_figure.CELL)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, root / BARE)


def bare(page, address: str, repeats: int) -> list[dict[str, Any]]:
    """The rows for the bare line, drawn from its table and by the kernel."""
    open_notebook(page, address, BARE)
    run_all(page)
    page.wait_for_function("() => document.querySelector('.sgtheory-stage')?.sgtheory")
    page.wait_for_timeout(3000)
    rows = [dragged(page, "one bare line", path, repeats, path, 0.0, 1.0, 0.01) for path in ("table", "kernel")]
    page.close()
    return rows


def _single_unit(page, address: str, repeats: int) -> list[dict[str, Any]]:
    open_in_view(page, address, "01_single_unit.ipynb")
    rows = []
    for slider, path in (("steepness", "table"), ("baseline", "table"), ("seed", "kernel"), ("seed", "table")):
        control = next(control for control in SingleUnit.specification if control.name == slider)
        if path == "table":
            await_table(page, slider)
        rows.append(dragged(page, "six figures", path, repeats, slider, control.low, control.high, control.step))
    page.close()
    return rows


def open_in_view(page, address: str, notebook: str) -> None:
    """Runs a notebook, and waits until its first page computes and fills the view."""
    open_notebook(page, address, notebook)
    run_all(page)
    await_live(page)
    await_ready(page)
    # Figures out of sight are not painted, and would cost little.
    page.evaluate("() => document.querySelector('.sgtheory-page').scrollIntoView()")
    page.wait_for_timeout(3000)


def await_table(page, slider: str) -> None:
    """Asks for the table of a slider on the first page, and waits for it."""
    page.evaluate("(name) => document.querySelector('.sgtheory-stage').sgtheory.approach(name)", slider)
    page.wait_for_function("(name) => document.querySelector('.sgtheory-stage').sgtheory.table(name)", arg=slider)
    page.wait_for_timeout(500)


def dragged(
    page, what: str, path: str, repeats: int, slider: str, low: float, high: float, step: float, base: int | None = None
) -> dict[str, Any]:
    """A row of results: `slider` on the first page, moved from one end to the other, `repeats` times."""
    drag = {"slider": slider, "low": low, "high": high, "step": step, "base": base, "steps": STEPS}
    runs = [page.evaluate(INSTRUMENT, drag) for _ in range(repeats)]
    latencies = sorted(latency for run in runs for latency in run["latencies"])
    middle = sorted(runs, key=lambda run: run["pictures"] / run["seconds"])[len(runs) // 2]
    settled = [run["settled"] for run in runs if run.get("settled") is not None]
    return {
        "drawn": what,
        "slider": slider,
        "path": path,
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(0.95 * len(latencies))], 1),
        "pictures_per_s": round(middle["pictures"] / middle["seconds"], 1),
        "steps": middle["steps"],
        "messages_per_step": round(middle["messages"] / middle["steps"], 2),
        "bytes_per_step": round(middle["bytes"] / middle["steps"]),
        "last_drawn_ms": round(max(run["last"] for run in runs), 1),
        "exact_after_rest_ms": round(max(settled), 1) if settled else "",
    }


if __name__ == "__main__":
    for row in measure():
        print(row)
