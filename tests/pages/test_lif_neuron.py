"""Page 06: every number that its tour and its notebook tell."""

import json
import pathlib

import numpy as np
import pytest

from sgtheory.pages import LIFNeuron
from sgtheory.pages.lif_neuron import parse_times
from sgtheory.pages.lif_neuron_tour import TOUR

NOTEBOOK = pathlib.Path(__file__).parents[2] / "notebooks" / "06_lif_neuron.ipynb"


@pytest.fixture(scope="module")
def page():
    return LIFNeuron()


def numbers(page, step=0, **moved):
    found = page.compute(TOUR[step].settings(page.specification) | moved)["readouts"]
    return {key: float(values[0]) for key, values in found.items()}


def titled(title):
    return next(number for number, step in enumerate(TOUR) if step.title == title)


def test_the_potential_leaks_and_is_reset(page):
    sources = page.compute(page.settings() | {"weight": 8.0})["times"]
    many = np.sum(np.diff(sources["deterministic.potential"]) < -0.5)
    few = np.sum(np.diff(page.compute(page.settings() | {"weight": 1.0})["times"]["deterministic.potential"]) < -0.5)
    assert many > 15 > 8 > few


def test_steep_noise_makes_trials_alike(page):
    def spread(steepness):
        return page.compute(page.settings() | {"steepness": steepness})["trials"]["image"][:, ::8].std(axis=0).mean()

    assert spread(40.0) < spread(10.0) < spread(2.0)


def test_twice_the_weight_brings_less_than_twice_the_spikes(page):
    step = titled("What we want: a slope of the count")
    two, four = (numbers(page, step, weight=each) for each in (2.0, 4.0))
    assert (round(two["expected"], 1), round(four["expected"], 1)) == (10.4, 17.0)
    assert "from 10.4 to 17.0" in TOUR[step].ask.reason
    slopes = [numbers(page, step, weight=each)["gradient"] for each in (1.0, 2.0, 4.0, 8.0)]
    assert np.all(np.diff(slopes) < 0)  # "watch the slope fall"


def test_detached_it_is_about_three_times_too_large_and_too_large_with_a_small_weight(page):
    step = titled("Detached: too much or too little?")
    here, small = numbers(page, step), numbers(page, step, weight=1.0)
    assert here["detached"] / here["gradient"] == pytest.approx(3.0, abs=0.3)
    assert small["detached"] > 2 * small["gradient"]


def test_through_the_reset_it_is_nearer_on_average_and_varies_much_more(page):
    step = titled("Through the reset")
    for seed in (0, 1, 2):
        at = numbers(page, step, seed=seed)
        assert abs(at["through"] - at["gradient"]) < abs(at["detached"] - at["gradient"])
        assert at["through_deviation"] > 3 * at["detached_deviation"]


def test_the_steepness_decides(page):
    step = titled("How steep may it be?")
    shallow, steep = (numbers(page, step, steepness=each) for each in (2.0, 40.0))
    assert f"its mean is {shallow['through']:.2f}, where {shallow['gradient']:.2f} is exact" in TOUR[step].ask.reason
    assert f"hardly varies: {shallow['through_deviation']:.2f}" in TOUR[step].ask.reason.replace("\n            ", " ")
    assert f"Detached it is {shallow['detached']:.1f}" in TOUR[step].ask.reason
    told = f"gives {steep['through']:.0f} ± {steep['through_error']:.0f}, where {steep['gradient']:.1f} is exact"
    assert told in TOUR[step].ask.reason


def test_unscaled_superspike_grows_tenfold_detached_and_without_bounds_through_the_reset(page):
    step = titled("Another surrogate, and its scale")
    scaled, unscaled = (numbers(page, step, surrogate=each) for each in ("SuperSpike", "SuperSpike, unscaled"))
    assert unscaled["detached"] / scaled["detached"] == pytest.approx(TOUR[step].ask.value, rel=1e-9)
    assert unscaled["through_deviation"] > 1e4 * scaled["through_deviation"]


def test_the_notebook_tells_the_same(page):
    text = "".join(
        line for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] for line in cell["source"]
    )
    at = numbers(page)
    assert "about three times too large at the start" in " ".join(text.split())
    assert at["detached"] / at["gradient"] == pytest.approx(3.0, abs=0.3)
    assert "(1.60, where 1.65 is exact)" in text


def test_a_click_on_the_raster_adds_an_input_spike_and_the_next_one_removes_it():
    page = LIFNeuron()
    page.wait()
    before = np.flatnonzero(page.data["arriving"]["image"][0]).tolist()
    free = next(time for time in range(10, 60) if time not in before)
    page.pointed("spikes", free + 0.3, 0.9)
    settings = page.settings()
    assert settings["drive"] == "your own"
    assert parse_times(settings["own"]) == sorted([*before, free])
    assert np.flatnonzero(page.data["arriving"]["image"][0]).tolist() == sorted([*before, free])
    page.pointed("spikes", free - 0.4, 0.2)
    assert parse_times(page.settings()["own"]) == before
    assert np.flatnonzero(page.data["arriving"]["image"][0]).tolist() == before
    page.pointed("spikes", 75.0, 0.5)  # beside the raster
    assert parse_times(page.settings()["own"]) == before


def test_ones_own_spikes_have_an_exact_answer_too():
    page = LIFNeuron()
    page.wait()
    page.move({**page.settings(), "drive": "your own", "own": "3"})
    one = float(page.data["readouts"]["expected"][0])
    page.move({**page.settings(), "own": "3 5; 9, 9"})
    assert parse_times("3 5; 9, 9") == [3, 5, 9, 9]
    assert float(page.data["readouts"]["expected"][0]) > one > 0


@pytest.mark.parametrize("text", ["60", "-1", "2.5", "now", "1e1", "²"])
def test_input_spikes_outside_the_trial_are_refused(page, text):
    fault = page.refusals(page.settings() | {"drive": "your own", "own": text})
    assert fault["own"].startswith("Input spikes must be whole numbers from 0 to 59")
    assert page.refusals(page.settings() | {"own": text}) == {}
