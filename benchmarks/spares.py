"""What it is worth to spare BokehJS each piece of work: drags with one of the spares left out, with all, and with none.

    python -m benchmarks.spares [name[+name] …]

Pages as files are dragged from their tables, so that nothing but the browser is measured. In each round every choice of
spares is measured once, in an order of its own, and divided by what the same round gave with all spares; the medians of these
ratios are told, for all spares or for those that are named. "nothing" leaves out no spare a second time: how far its ratios
are from 1 is noise. Work is processor time, of the page's own thread or of the browser with all its processes, which depends
less on what else the machine does.
"""

import json
import os
import pathlib
import random
import statistics
import sys
import tempfile
from typing import Any

from benchmarks.laboratory import PATIENCE_MS, browser, explore
from sgtheory.pages import GradientLaboratory, SingleUnit
from sgtheory.pages._kit.spares import SPARES

STEPS = 100
ROUNDS = 5
INSTRUMENT = (pathlib.Path(__file__).parent / "spares.js").read_text(encoding="utf-8")
QUANTITIES = (
    "event_to_picture_ms",
    "pictures_per_s",
    "thread_per_picture_ms",
    "browser_per_picture_ms",
    "thread_before_ms",
)


def measure(names: list[str] | None = None, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """One row per page and what is left out: medians, and in brackets the medians, least and largest of their ratios."""
    choices = ["", "nothing", *(names or SPARES), "all"]
    rows = []
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for kind in (SingleUnit, GradientLaboratory):
            files = _files(pathlib.Path(folder), kind, choices)
            found: list[dict[str, dict[str, float]]] = []
            for number in range(rounds):
                order = random.Random(number).sample(choices, len(choices))
                found.append({without: _dragged(chromium, files[without], kind.play) for without in order})
            rows += [_row(kind.name, without, found) for without in choices]
    return rows


def _files(folder: pathlib.Path, kind: type, choices: list[str]) -> dict[str, pathlib.Path]:
    """The page as a file for each choice of spares, by the name of what is left out."""
    kind().export_html(path := folder / f"{kind.name}.html")
    text = path.read_text(encoding="utf-8")
    assert json.dumps(SPARES) in text
    files = {}
    for without in choices:
        left_out = SPARES if without == "all" else without.split("+")
        spares = [name for name in SPARES if name not in left_out]
        files[without] = folder / f"{kind.name} without {without}.html"
        files[without].write_text(text.replace(json.dumps(SPARES), json.dumps(spares)), encoding="utf-8")
    return files


def _dragged(chromium, file: pathlib.Path, slider: str) -> dict[str, float]:
    page = chromium.new_page(viewport={"width": 1360, "height": 1600})
    work = page.context.new_cdp_session(page)
    work.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(file.as_uri())
    page.wait_for_function("() => document.getElementById('stage').sgtheory?.statistics.drawn > 0", timeout=PATIENCE_MS)
    explore(page)
    page.wait_for_timeout(800)  # what stays the same is kept by now
    before, before_all = _worked(work), _worked_by_all(chromium)
    run = page.evaluate(INSTRUMENT, {"slider": slider, "steps": STEPS})
    worked, worked_by_all = _worked(work) - before, _worked_by_all(chromium) - before_all
    page.close()
    return {
        "event_to_picture_ms": statistics.median(run["latencies"]),
        "pictures_per_s": run["pictures"] / run["seconds"],
        "thread_per_picture_ms": 1000 * worked / run["pictures"],
        "browser_per_picture_ms": 1000 * worked_by_all / run["pictures"],
        "thread_before_ms": 1000 * before,
    }


def _worked(session) -> float:
    """Seconds that the page's thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def _worked_by_all(chromium) -> float:
    """Seconds that all processes of the browser have worked, one of which draws and lays the layers of the page together."""
    session = chromium.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return sum(process["cpuTime"] for process in processes)


def _row(page: str, without: str, found: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    row: dict[str, Any] = {"page": page, "without": without}
    for quantity in QUANTITIES:
        middle = statistics.median(each[without][quantity] for each in found)
        ratios = sorted(each[without][quantity] / each[""][quantity] for each in found)
        row[quantity] = f"{middle:.1f} ({statistics.median(ratios):.2f}, {ratios[0]:.2f}–{ratios[-1]:.2f})"
    return row


if __name__ == "__main__":
    import bokeh

    print(f"Bokeh {bokeh.__version__}, load {os.getloadavg()[0]:.1f}", flush=True)
    for row in measure(sys.argv[1:]):
        print(row)
    print(f"load {os.getloadavg()[0]:.1f}")
