"""The shipped first pictures are those that the program computes, to the precision in which they are stored."""

import importlib.metadata
import json
import re

import numpy as np
import pytest

from sgtheory.pages._kit import Slider, opening
from sgtheory.pages._kit.numbers import flatten, interpolated, unflatten
from sgtheory.pages._kit.opening import PICTURES, half_precision, stored_rows
from sgtheory.pages._registry import STORED_PAGES
from sgtheory.pages._training import TrainingPage

COARSE = {
    "single_unit": 0.11, "hidden_unit": 0.025, "path_tree": 1e-3, "sign_flip": 0.1, "loop_integral": 0.06,
    "gradient_laboratory": 0.001, "program_laboratory": 0.001, "lif_neuron": 2.5, "pseudospikes": 0.03, "exact_qif": 5e-4,
    "spike_train_matching": 0.001, "classification": 0.001, "learning_spike_times": 0.001,
}  # fmt: skip
"""Measured, rounded up: how far the stored table may be from the truth at a step, in lengths of the axis.

It has fewer rows than the slider has steps, and is shown for the seconds until JAX is there. The largest errors are those
at a steepness of 0.75, where the curves change fastest from row to row; see the test below for what half precision adds.
On page 06 the derivatives of a single trial are as good as others from one weight to the next: another spike, another chain.
"""

OTHER_DICE = {
    "single_unit": ({"seed": 1}, "curves.trials/image", "membrane_potentials()/curves.probability"),
    "hidden_unit": ({"seed": 1}, "curves.trials/image", "membrane_potentials()/curves.probability"),
    "path_tree": ({"seed": 1}, "running.x/running.y", "setting.draws/running_mean.{weight}.{draws}"),
    "gradient_laboratory": (
        {"seed": 1},
        "score_mean_baseline.x/score_mean_baseline.mean",
        "surrogate.x/surrogate.mean",
    ),
    "program_laboratory": ({"seed": 1}, "walk_steps()/walk", "triple.beside/triple.mean"),
    "sign_flip": ({"map_surrogate": 8.0}, "maps.across_first/image", "weight_axis()/surrogate"),
    "loop_integral": ({"plane": "random"}, "maps.output/image", "loop_degrees()/cumulated"),
    "lif_neuron": ({"seed": 1}, "trials/image", "times/firing_probability"),
    "spike_train_matching": ({"moment": 3}, "moment.stochastic/image", "at moment.step/x"),
    "classification": ({"network": "unscaled"}, "look.confusion/image", "at moment.step/x"),
    "exact_qif": ({"time": 1.0}, "qif.moments/qif.trace", "qif.moments/qif.trace"),
    "learning_spike_times": ({"stage": 3}, "raster.time/x", "at now.trial/x"),
    "pseudospikes": ({"exponent": 1.0}, "places()/layers.near_slopes", "first.times/first.turns"),
}
"""Settings that must change a column; a column that the test moves by hand."""


@pytest.fixture
def stored(any_page):
    with np.load(PICTURES / f"{any_page.name}.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays}


def stored_positions(page):
    control = page.by_name[page.play]
    return control.numbers(stored_rows(control))


def differences(stored, fresh, rtol, atol):
    """Names of the arrays that differ by more than that."""
    assert stored.keys() == fresh.keys()
    close = {name: np.allclose(stored[name], fresh[name], rtol=rtol, atol=atol) for name in fresh}
    return {name for name, same in close.items() if not same}


def test_every_page_ships_its_first_picture_and_no_other_is_shipped():
    assert {path.name for path in PICTURES.iterdir()} == {f"{name}.npz" for name in STORED_PAGES}


def test_a_stored_picture_is_small(any_page):
    most = 700_000 if isinstance(any_page, TrainingPage) else 300_000  # a film of rasters
    assert (PICTURES / f"{any_page.name}.npz").stat().st_size < most


def test_a_stored_picture_is_the_present_one(any_page, stored):
    """In single precision; the table in half precision, three significant digits, and its images in 254 steps."""
    fresh = flatten(any_page.data, "picture")
    kept = {name: values for name, values in stored.items() if name.startswith("picture/")}
    assert differences(kept, fresh, rtol=1e-6, atol=1e-7) == set()
    table = any_page.sweep(any_page.settings(), any_page.play, stored_positions(any_page))
    kept = {name: values for name, values in stored.items() if name.startswith("table/")}
    fresh = flatten(table, "table")
    assert kept.keys() == fresh.keys()
    for name, values in fresh.items():
        step = np.ptp(values) / 254 if values.ndim == 3 and values.dtype != bool else 0.0
        np.testing.assert_allclose(kept[name], values, rtol=1e-3, atol=1e-6 + 0.51 * step, err_msg=name)


def test_a_stored_picture_of_other_dice_would_be_noticed(any_page, stored):
    """The negative control of the test above."""
    fresh = flatten(any_page.compute(any_page.settings() | OTHER_DICE[any_page.name][0]), "picture")
    kept = {name: values for name, values in stored.items() if name.startswith("picture/")}
    assert f"picture/{OTHER_DICE[any_page.name][1]}" in differences(kept, fresh, rtol=1e-6, atol=1e-7)
    control = any_page.by_name[any_page.play]
    numbers = control.numbers(control.positions())
    here = int(np.argmin(abs(numbers - control.value)))
    steeper = control.check(float(numbers[here + 1 if here + 1 < len(numbers) else here - 1]))
    steeper = flatten(any_page.compute(any_page.settings() | {any_page.play: steeper}), "picture")
    assert f"picture/{OTHER_DICE[any_page.name][2]}" in differences(kept, steeper, rtol=1e-6, atol=1e-7)


def described(page):
    return opening.described_figures(page, page.loop.latest[1])


def nameless(figures):
    """The description of figures, with Bokeh's running numbers counted from one, without its version and the data."""
    text = json.dumps(figures)
    seen = {}
    text = re.sub(r'"p\d+"', lambda match: seen.setdefault(match[0], f'"model {len(seen)}"'), text)
    text = re.sub(r'"version": "[^"]*"', "", text)
    return re.sub(r'"data": \{"type": "map", "entries": .*?\]\}, "|"data": "[^"]*"', "", text)


def test_the_stored_figures_are_those_that_the_page_describes(any_page, stored):
    kept = json.loads(stored["figures"].tobytes())
    fresh = described(type(any_page)())
    assert nameless(kept) == nameless(fresh)


def test_the_stored_figures_of_the_survey_are_those_that_it_describes():
    with np.load(PICTURES / "network_survey.npz", allow_pickle=False) as arrays:
        kept = json.loads(arrays["figures"].tobytes())
    assert nameless(kept) == nameless(described(STORED_PAGES["network_survey"]()))


def test_other_figures_would_be_noticed(any_page, stored):
    """The negative control of the test above."""
    page = type(any_page)()
    page.panels = page.panels[:-1]
    assert nameless(described(page)) != nameless(json.loads(stored["figures"].tobytes()))


def test_figures_stored_by_another_major_version_are_described_anew(any_page, monkeypatch):
    kind, description = type(any_page), described(any_page)
    monkeypatch.setattr(opening, "described_figures", lambda *_: description)
    for installed, anew in [("3.9.2", False), ("3.99.0", False), ("4.0.0", True)]:
        monkeypatch.setattr(importlib.metadata, "version", lambda name, installed=installed: installed)
        document = json.loads(kind().stage.doc)
        assert document["version"] == installed
        assert (document["roots"] == description["document"]["roots"]) == anew


def test_a_page_begins_with_what_is_stored(any_page, stored):
    first = flatten(type(any_page)().loop.latest[1], "picture")
    assert differences({name: stored[name] for name in first}, first, rtol=0, atol=0) == set()


def test_half_precision_is_far_below_a_pixel(any_page, tools):
    """At the rows of the table the error is less than a thousandth of an axis, a fifth of a pixel."""
    table = any_page.sweep(any_page.settings(), any_page.play, stored_positions(any_page))
    halves = {source: {name: half_precision(v) for name, v in columns.items()} for source, columns in table.items()}
    rows = range(len(stored_positions(any_page)))
    errors = [tools.largest_error(any_page, tools.row(halves, k), tools.row(table, k)) for k in rows]
    assert max(errors)[0] < 1e-3


def test_a_stored_table_is_as_coarse_as_stated(any_page, stored, tools):
    control = any_page.by_name[any_page.play]
    assert isinstance(control, Slider)
    steps = control.numbers(control.positions())
    exact = any_page.sweep(any_page.settings(), control.name, steps)
    table = {
        source: {name: v if v.dtype == bool else v.astype("f4") for name, v in columns.items()}
        for source, columns in unflatten(stored, "table").items()
    }
    positions = np.linspace(0, stored_rows(control) - 1, len(steps))
    shown = [interpolated(table, float(position), any_page.discrete) for position in positions]
    errors = [tools.largest_error(any_page, picture, tools.row(exact, k)) for k, picture in enumerate(shown)]
    assert max(errors)[0] < COARSE[any_page.name]
