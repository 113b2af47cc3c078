"""What a drag feels like: slider event to picture, pictures a second, messages and bytes a step, compilations.

    python -m benchmarks.drag

One slider of page 01 is moved through 100 steps, 60 a second, in a real JupyterLab and a real Chromium, first with its
table in the browser, then with the kernel drawing every step.
"""

import pathlib
import shutil
import statistics
import tempfile
from typing import Any

from benchmarks.laboratory import await_live, await_ready, browser, open_notebook, run_all, running_lab
from sgtheory.pages import SingleUnit

STEPS = 100
NOTEBOOKS = pathlib.Path(__file__).parent.parent / "notebooks"
INSTRUMENT = (pathlib.Path(__file__).parent / "drag.js").read_text(encoding="utf-8")


def measure(repeats: int = 3) -> list[dict[str, Any]]:
    """One row a path: latency, pictures a second, messages and bytes a step, time to the exact picture at rest."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(NOTEBOOKS, root, dirs_exist_ok=True)
        with running_lab(root) as address, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1360, "height": 1000})
            open_notebook(page, address, "01_single_unit.ipynb")
            run_all(page)
            await_live(page)
            await_ready(page)
            # What is out of sight is not painted, and costs little.
            page.evaluate("() => document.querySelector('.sgtheory-page').scrollIntoView()")
            page.wait_for_timeout(3000)
            rows = []
            for slider, tabled in (("steepness", True), ("baseline", True), ("seed", False), ("seed", True)):
                rows.append(_row(page, slider, tabled, repeats))
            return rows


def _row(page, slider: str, tabled: bool, repeats: int) -> dict[str, Any]:
    if tabled:
        page.evaluate("(name) => document.querySelector('.sgtheory-stage').sgtheory.approach(name)", slider)
        page.wait_for_function("(name) => document.querySelector('.sgtheory-stage').sgtheory.table(name)", arg=slider)
        page.wait_for_timeout(500)
    control = next(control for control in SingleUnit.specification if control.name == slider)
    drag = {"slider": slider, "low": control.low, "high": control.high, "step": control.step, "steps": STEPS}
    runs = [page.evaluate(INSTRUMENT, drag) for _ in range(repeats)]
    latencies = sorted(latency for run in runs for latency in run["latencies"])
    middle = sorted(runs, key=lambda run: run["pictures"])[len(runs) // 2]
    return {
        "slider": slider,
        "path": "table" if tabled else "kernel",
        "p50_ms": round(statistics.median(latencies), 1),
        "p95_ms": round(latencies[int(0.95 * len(latencies))], 1),
        "pictures_per_s": round(middle["pictures"] / middle["seconds"], 1),
        "steps": middle["steps"],
        "messages_per_step": round(middle["messages"] / middle["steps"], 2),
        "bytes_per_step": round(middle["bytes"] / middle["steps"]),
        "last_drawn_ms": round(max(run["last"] for run in runs), 1),
        "exact_after_rest_ms": round(max(run["settled"] for run in runs), 1),
    }


if __name__ == "__main__":
    for row in measure():
        print(row)
