"""Page 10: every number that its tour and its notebook tell, and what they say of the plots."""

import json
import math
import pathlib
import re

import numpy as np
import pytest

from sgtheory.pages import Pseudospikes
from sgtheory.pages.pseudospikes_tour import TOUR

NOTEBOOK = pathlib.Path(__file__).parents[2] / "notebooks" / "10_pseudospikes.ipynb"


@pytest.fixture(scope="module")
def page():
    return Pseudospikes()


def sources(page, step=0, **moved):
    return page.compute(TOUR[step].settings(page.specification) | moved)


def numbers(page, step=0, **moved):
    return {key: float(values[0]) for key, values in sources(page, step, **moved)["readouts"].items()}


def titled(title):
    return next(number for number, step in enumerate(TOUR) if step.title == title)


def told(text):
    return " ".join(text.split())


def test_ordinary_spikes_end_with_the_trial(page):
    found = sources(page)
    ordinary = found["driven.first_ordinary.weights"]
    assert ordinary["driven.first_ordinary.times"].max() == pytest.approx(4.0, abs=1e-6)
    assert ordinary["x"].min() == pytest.approx(numbers(page)["crossing"], abs=1e-6)
    assert numbers(page)["spike"] > 4.0  # "At the chosen w = 2.4 there is no spike before T"
    assert "chosen w = 2.4" in TOUR[0].ask.question
    assert page.by_name["weight"].value == 2.4


def test_the_phase_begins_at_one_half_and_is_a_curve_without_a_break(page):
    step = titled("A clock instead of a potential")
    for weight, spikes in ((4.0, True), (2.0, False), (2.6, False)):
        found = sources(page, step, weight=weight)["first.times"]
        assert found["first.turns"][0] == pytest.approx(0.5)
        assert np.abs(np.diff(found["first.turns"])).max() < 0.1
        at_end = np.interp(4.0, found["x"], found["first.turns"])
        assert (at_end >= 1) == spikes
    assert at_end > 0.85  # "just too weak"


def test_near_a_spike_the_phase_turns_at_its_own_pace_whatever_the_weight(page):
    step = titled("A clock instead of a potential")
    for weight in (3.0, 4.0, 5.0):
        found = sources(page, step, weight=weight)
        columns, spike = found["first.times"], numbers(page, step, weight=weight)["spike"]
        near = np.abs(columns["x"] - spike) < 0.06
        assert np.polyfit(columns["x"][near], columns["first.turns"][near], 1)[0] == pytest.approx(1.0, abs=0.03)


def test_the_valley_is_about_6_deep_and_its_two_sides_agree(page):
    step = titled("How smooth is smooth?")
    at, found = numbers(page, step), sources(page, step)["driven.weights"]
    assert "about 6 deep" in TOUR[step].ask.reason
    assert found["driven.first_slopes.0"].min() == pytest.approx(-6.2, abs=0.3)
    assert at["below"] == pytest.approx(at["above"], rel=1e-7)
    assert at["bend_below"] == pytest.approx(at["bend_above"], rel=1e-6)
    assert at["crossing"] == pytest.approx(2.623452, abs=5e-7)
    far_below = found["x"] < 2.0
    spread = np.ptp([found[f"driven.first_slopes.{k}"][far_below] for k in range(3)], axis=0)
    assert spread.max() < 0.01  # "Before the crossing they nearly coincide"


def test_an_input_just_before_a_spike_moves_it_by_a_third_order_law():
    import jax
    import jax.numpy as jnp

    import sgtheory as sg

    step = titled("Why the other drive does not matter")
    ask = TOUR[step].ask
    weight, early = 6.0, 0.1
    assert "weight 6 comes 0.1 τ before" in ask.question
    assert ask.value == pytest.approx(weight * early**3 / 3)
    with jax.enable_x64(True):
        neuron = sg.QIF()
        start = neuron.receive(neuron.start(jnp.zeros(()), jnp.zeros(())), jnp.asarray(4.0))
        alone = neuron.time_to_spike(start)
        before = neuron.flow(start, alone - early)
        moved = early - float(neuron.time_to_spike(neuron.receive(before, jnp.asarray(weight))))
    assert moved == pytest.approx(ask.value, rel=0.2)  # to leading order
    assert "By 0.002 $τ$: 20 μs" in ask.reason


def test_neuron_2_has_a_kink_and_no_jump(page):
    step = titled("A neuron behind the neuron")
    at, found = numbers(page, step), sources(page, step)["driven.weights"]
    assert at["next_below"] == pytest.approx(-0.240, abs=5e-4)
    assert at["next_above"] == pytest.approx(-1.155, abs=5e-4)
    steps = np.abs(np.diff(found["driven.second.0"]))
    assert steps.max() < 0.05
    assert numbers(page, step, coupling=0.0)["next_above"] == 0.0


def test_the_period_behind_the_end_is_the_one_that_is_asked_for(page):
    step = titled("A strong neuron and a soft drive")
    rate = math.sqrt(10.0 * math.log(2.0))
    assert f"$ρ^2$ = {rate**2:.2f} and $ρ$ = {rate:.2f}" in TOUR[step].text
    assert TOUR[step].ask.value == pytest.approx(math.pi / rate, abs=5e-4)
    found = sources(page, step)["driven.weights"]
    assert found["x"][0] == 1.0
    read = found["driven.first.1"][0] - found["driven.first.0"][0]
    assert abs(read - TOUR[step].ask.value) < TOUR[step].ask.tolerance
    for softness in (2.0, 20.0):
        at = numbers(page, step, softness=softness)
        assert at["below"] == pytest.approx(numbers(page, step)["below"], rel=1e-6)
        assert abs(at["next_below"] - numbers(page, step)["next_below"]) > 0.05
    periods = [np.diff([sources(page, step, softness=each)["driven.weights"][f"driven.first.{k}"][0] for k in (0, 1)])[0]
               for each in (2.0, 10.0, 20.0)]  # fmt: skip
    assert np.all(np.diff(periods) < 0)


def test_the_layer_of_the_output_ends_when_that_is_asked_for(page):
    step = titled("Layers with ends of their own")
    assert "d = 2" in TOUR[step].ask.question
    found = sources(page, step)
    assert found["at layers.ends_behind.0"]["x"][0] == 0.0
    assert found["at layers.ends_behind.1"]["x"][0] == TOUR[step].ask.value
    for source, end in (("hidden.times", 0.0), ("output.times", 0.5)):
        columns = found[source]
        turns = columns[source.replace("times", "turns")]
        assert columns["x"][-1] == pytest.approx(end + 0.5)
        assert turns[-1] - np.interp(end, columns["x"], turns) == pytest.approx(1.0, abs=1e-6)
    assert "After τ/2" in TOUR[step].ask.reason


def test_the_next_spike_touches_the_end_of_the_next_layer(page):
    step = titled("Out at one end, in at the other")
    found = sources(page, step)
    middle = len(found["places()"]["x"]) // 2
    assert found["places()"]["layers.near.1"][middle] == pytest.approx(0.5, abs=1e-6)
    near = found["places()"]["layers.near.1"][middle - 2 : middle + 3] - 0.5
    assert np.abs(near).max() < 0.002
    transitions = [found[f"at layers.transitions.{k}"]["x"][0] for k in (0, 1)]
    assert "$w_1$ ≈ 2.47 and $w_2$ ≈ 3.43" in told(TOUR[step].ask.reason)
    np.testing.assert_allclose(transitions, [2.47, 3.43], atol=0.005)


def test_with_an_exponent_of_1_the_slopes_of_the_output_jump_and_from_2_on_they_do_not(page):
    step = titled("The control: d = 1")
    at = numbers(page, step)
    assert at["near_jump"] == pytest.approx(510, abs=0.1)
    assert at["far_jump"] == pytest.approx(94, abs=0.1)
    for exponent in (2.0, 3.0):
        smooth = numbers(page, step, exponent=exponent)
        assert smooth["near_jump"] == smooth["far_jump"] == 0.0
    two = numbers(page, step, exponent=2.0)
    assert f"{two['near_below']:.2f}".replace("-", "−") in TOUR[step].ask.reason
    assert two["near_above"] == pytest.approx(two["near_below"], rel=1e-6)
    assert numbers(page, step, exponent=1.5)["near_jump"] < 0.2  # nothing jumps, as far as the sides can tell
    times = sources(page, step)["places()"]["layers.near.2"]
    middle = len(times) // 2
    assert abs(times[middle] - times[middle - 1]) < 1e-7
    from sgtheory.experiments.pseudospikes import TO_OUTPUT

    assert f"{TO_OUTPUT[0]} and {TO_OUTPUT[1]}" in TOUR[step].symbols


def test_the_page_says_what_is_published_and_what_is_reconstructed(page):
    titles = {panel.name: panel.title for panel in page.panels}
    assert "type 1, published" in titles["times"]
    assert "reconstructed" in titles["layers"]
    assert "reconstructed" in TOUR[titled("Layers with ends of their own")].text
    assert "as published" in TOUR[titled("Behind the end: a drive for everyone")].text
    assert "reconstructed" in Pseudospikes.__doc__


def test_the_notebook_tells_the_same(page):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    text = " ".join("".join(line for cell in cells for line in cell["source"]).split())
    at = numbers(page)
    assert f"at $w$ = {at['crossing']:.4f} for $T$ = 4" in text
    assert f"slope −{-at['below']:.4f} and second derivative {at['bend_above']:.3f}" in text
    assert f"goes from −{-at['next_below']:.3f} to −{-at['next_above']:.3f}" in text
    control = numbers(page, exponent=1.0)
    assert f"by {control['near_jump']:.0f} % and {control['far_jump']:.0f} %" in text
    assert re.search("reconstructed", text)
