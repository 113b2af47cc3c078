"""How every slider of the pages after the first feels, dragged as `benchmarks.drag` drags those of the first.

    python -m benchmarks.pages [notebook …]

A slider with a table is drawn from it, any other by the kernel. Before and after each page a bare line is moved, as a
yardstick.
"""

import pathlib
import shutil
import sys
import tempfile
from typing import Any

from benchmarks.drag import NOTEBOOKS, VIEW, await_table, bare, dragged, offer_bare, open_in_view
from benchmarks.laboratory import await_ready, browser, running_lab
from sgtheory.pages import (
    Classification,
    ExactQIF,
    GradientLaboratory,
    LearningSpikeTimes,
    LIFNeuron,
    LoopIntegral,
    PathTree,
    Pseudospikes,
    SignFlip,
    SpikeTrainMatching,
)
from sgtheory.pages._kit import Slider

PAGES = {
    "02_path_tree.ipynb": PathTree,
    "03_gradient_laboratory.ipynb": GradientLaboratory,
    "04_sign_flip.ipynb": SignFlip,
    "05_loop_integral.ipynb": LoopIntegral,
    "06_lif_neuron.ipynb": LIFNeuron,
    "07_spike_train_matching.ipynb": SpikeTrainMatching,
    "08_classification.ipynb": Classification,
    "09_exact_qif.ipynb": ExactQIF,
    "10_pseudospikes.ipynb": Pseudospikes,
    "11_learning_spike_times.ipynb": LearningSpikeTimes,
}

CHOOSE = "([name, value]) => document.querySelector('.sgtheory-stage').sgtheory.controls[name].set(value)"


def measure(notebooks: list[str] | None = None, repeats: int = 1) -> list[dict[str, Any]]:
    """One row per slider; `notebooks` by name, by default all."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        shutil.copytree(NOTEBOOKS, root, dirs_exist_ok=True)
        offer_bare(root)
        rows = []
        with running_lab(root) as address, browser() as chromium:
            for notebook in notebooks or PAGES:
                rows += bare(chromium.new_page(viewport=VIEW), address, repeats)
                rows += _page(chromium.new_page(viewport=VIEW), address, notebook, repeats)
            return rows + bare(chromium.new_page(viewport=VIEW), address, repeats)


def _page(page, address: str, notebook: str, repeats: int) -> list[dict[str, Any]]:
    open_in_view(page, address, notebook)
    rows = []
    for control in PAGES[notebook].specification:
        if not isinstance(control, Slider) or control.sizes:
            continue  # a slider that changes the size of an array is answered only when it is let go
        if control.shown_for:
            page.evaluate(CHOOSE, list(control.shown_for))
            await_ready(page)
            page.wait_for_timeout(1500)
        path = "table" if control.tabled else "kernel"
        if control.tabled:
            await_table(page, control.name)
        slides = control.low, control.high, control.step, control.base
        rows.append(dragged(page, notebook[:2], path, repeats, control.name, *slides))
        page.evaluate("() => document.querySelector('.sgtheory-stage').sgtheory.tools.reset()")
        page.wait_for_timeout(1500)
    page.close()
    return rows


if __name__ == "__main__":
    for row in measure(sys.argv[1:]):
        print(row)
