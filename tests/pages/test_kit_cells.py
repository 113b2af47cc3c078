"""A cell that is run again leaves nothing of its earlier page behind."""

import ipywidgets
import pytest

from sgtheory.pages import SignFlip
from sgtheory.pages._kit import cells


@pytest.fixture
def running(monkeypatch):
    """Says which cell is run, and for which time."""
    now = {}
    monkeypatch.setattr(cells, "_pages", {})
    monkeypatch.setattr(cells, "_present", lambda: (now.get("cell"), now.get("run", "")))
    return now


def alive():
    return set(ipywidgets.Widget._instances) if hasattr(ipywidgets.Widget, "_instances") else set(_instances())


def _instances():
    from ipywidgets.widgets import widget

    return widget._instances


def test_ten_runs_of_a_cell_leave_the_widgets_of_one(running):
    counts = []
    for run in range(10):
        running |= {"cell": "a", "run": str(run)}
        SignFlip()
        counts.append(len(alive()))
    assert len(set(counts)) == 1


def test_without_that_every_run_leaves_its_widgets(running):
    """The negative control: a front end that names no cells."""
    counts = [len(alive()) for _ in range(3) if SignFlip()]
    assert counts[2] > counts[1] > counts[0]


def test_two_pages_of_one_run_and_pages_of_other_cells_stay(running):
    running |= {"cell": "a", "run": "1"}
    first, second = SignFlip(), SignFlip()
    running |= {"cell": "b", "run": "2"}
    other = SignFlip()
    assert all(page.stage.comm is not None for page in (first, second, other))
    running |= {"cell": "a", "run": "3"}
    SignFlip()
    assert first.stage.comm is None
    assert second.controls["w"].comm is None
    assert other.stage.comm is not None


def test_outside_a_notebook_no_cell_is_known():
    assert cells._present()[0] is None
