"""Page 09: every number that its tour and its notebook tell, and its inputs that can be moved."""

import json
import math
import pathlib

import numpy as np
import pytest

from sgtheory.experiments.exact_qif import LEAST, several_curves
from sgtheory.pages import ExactQIF
from sgtheory.pages.exact_qif import FIRST_OTHERS, parse_inputs
from sgtheory.pages.exact_qif_tour import TOUR

NOTEBOOK = pathlib.Path(__file__).parents[2] / "notebooks" / "09_exact_qif.ipynb"


@pytest.fixture(scope="module")
def page():
    return ExactQIF()


def titled(title):
    return next(number for number, step in enumerate(TOUR) if step.title == title)


def said(step):
    """All texts of a step, in one line."""
    return " ".join(" ".join(TOUR[step].texts).split())


def computed(page, step, **moved):
    return page.compute(TOUR[step].settings(page.specification) | moved)


def numbers(page, step, **moved):
    return {key: float(values[0]) for key, values in computed(page, step, **moved)["readouts"].items()}


def curve(page, step, address, **moved):
    """The points of a curve that are in the trial."""
    lines = computed(page, step, **moved)[f"lines {address}"]
    inside = lines["y"] > -999
    return lines["x"][inside], lines["y"][inside]


def test_the_lif_neuron_spikes_from_the_least_weight_on(page):
    step = titled("A spike at a threshold")
    assert f"here it is {LEAST['lif']:g}" in said(step)
    at = {w: numbers(page, step, weight=w) for w in (0.95, 1.15, 1.5)}
    assert [each["lif_count"] for each in at.values()] == [0, 1, 1]
    assert at[1.5]["lif_first"] < at[1.15]["lif_first"]
    assert page.settings()["weight"] == 1.15


def test_its_spike_is_lost_in_the_middle_of_the_trial(page):
    step = titled("Where does the spike go?")
    x, times = curve(page, step, "lif.curves.times.0")
    assert times[0] == pytest.approx(0.5 + math.log(2), abs=1e-4)
    assert f"at {0.5 + math.log(2):.3f}" in said(step)
    assert x[0] == pytest.approx(1.0, abs=1e-8)
    assert float(computed(page, step)["level lif.duration"]["y"][0]) == 3
    assert (numbers(page, step, weight=1.05)["lif_count"], numbers(page, step, weight=0.95)["lif_count"]) == (1, 0)


def test_its_slope_goes_to_minus_infinity_and_is_0_below(page):
    step = titled("The slope at the edge")
    slopes = [numbers(page, step, weight=1 + distance)["lif_slope"] for distance in (1e-4, 1e-6)]
    assert slopes[1] / slopes[0] == pytest.approx(10, rel=0.02)  # "a hundred times closer … ten times larger"
    assert numbers(page, step, weight=0.95)["lif_slope"] == 0
    near = [numbers(page, step, weight=w)["lif_slope"] for w in (1.5, 1.15, 1.05)]
    assert near[2] < near[1] < near[0] < 0
    assert computed(page, step)["lines lif.curves.slopes.0"]["y"][0] == -1000  # nothing is drawn there
    assert curve(page, step, "lif.curves.slopes.0")[1].min() < -6


def test_the_qif_neuron_spikes_when_it_is_told(page):
    step = titled("A neuron that makes its own spike")
    for weight, told in ((1.5, "2.196"), (1.15, "3.196")):
        assert f"{numbers(page, step, weight=weight)['qif_first']:.3f}" == told
        assert f"[{weight}](weight={weight}): at {told}" in said(step)
    assert numbers(page, step, weight=0.95)["qif_count"] == 0
    assert LEAST["qif"] == pytest.approx(math.pi**2 / 4)


@pytest.mark.parametrize("weight", [1.15, 1.5])
def test_the_phase_passes_its_end_at_the_rate_of_one(page, weight):
    shown = computed(page, titled("Infinity is only a point"), weight=weight)
    moments, phase = shown["qif.moments"]["x"], shown["qif.moments"]["qif.trace"]
    resets = np.flatnonzero(np.diff(phase) < -0.5)
    assert len(resets) == 1
    rates = np.diff(phase) / np.diff(moments)
    np.testing.assert_allclose(rates[[resets[0] - 1, resets[0] + 1]], 1.0, atol=0.03)
    potential = computed(page, titled("Infinity is only a point"), weight=weight, show="potential V")["qif.moments"][
        "qif.trace"
    ]
    inside = np.abs(potential) < 50
    np.testing.assert_allclose(phase[inside], (np.arctan(potential / np.pi) / np.pi + 0.5)[inside], atol=1e-9)


def test_its_spike_is_lost_at_the_end_of_the_trial(page):
    step = titled("Where does this spike go?")
    x, times = curve(page, step, "qif.curves.times.0")
    assert times[0] == pytest.approx(4.0, abs=1e-6)
    assert (f"{x[0]:.3f}", f"{x[0] * LEAST['qif']:.3f}") == ("1.063", "2.623")
    assert "at $w$ = 1.063 $w_0$, or 2.623" in said(step)
    at = numbers(page, step)
    assert at["qif_jump"] == 0
    assert at["lif_jump"] == pytest.approx(3 - 0.5 - math.log(2), abs=1e-4)


def test_a_spike_time_in_closed_form(page):
    step = titled("A spike time in closed form")
    assert numbers(page, step, weight=2.25)["qif_first"] - 0.5 == pytest.approx(TOUR[step].ask.value, abs=5e-5)
    assert TOUR[step].ask.value == pytest.approx(math.log(3), abs=5e-5)
    for ratio, told in ((1.15, "−2.43"), (1.5, "−0.60")):
        at, weight = numbers(page, step, weight=ratio), ratio * LEAST["qif"]
        assert 1 - math.exp(0.5 - at["qif_first"]) == pytest.approx(math.pi / (2 * math.sqrt(weight)), rel=1e-12)
        slope = -math.pi / 4 * weight**-1.5 * math.exp(at["qif_first"] - 0.5)
        assert at["qif_slope"] == pytest.approx(slope, rel=1e-10)
        assert f"{slope:.2f}".replace("-", "−") == told
        assert told in said(step)
    _, slopes = curve(page, step, "qif.curves.slopes.0")
    assert f"at most {-slopes.min():.2f} in size" in said(step)


def test_inhibition_deletes_the_spike_of_the_lif_neuron(page):
    step = titled("Inhibition, just before the spike")
    x, times = curve(page, step, "lif.curves.times.0")
    assert f"{times[0]:.3f}" == f"{x[0]:.3f}" == "0.737"
    assert said(step).count("0.737") == 2
    assert np.ptp(times) < 1e-9
    assert np.all(curve(page, step, "lif.curves.slopes.0")[1] == 0)
    assert [numbers(page, step, time=t)["lif_count"] for t in (0.7, 0.8, 1.0)] == [0, 1, 1]


def test_the_spike_of_the_qif_neuron_is_delayed_with_the_third_power(page):
    step = titled("The same for the QIF neuron")
    without = numbers(page, step, time=2.5)["qif_first"]
    assert f"{without:.3f}" == "2.196"
    for early in (0.02, 0.01):
        delay = numbers(page, step, time=without - early)["qif_first"] - without
        assert delay == pytest.approx(LEAST["qif"] * early**3 / 3, rel=0.05)
    x, times = curve(page, step, "qif.curves.times.0")
    assert f"before {x[0]:.3f} it goes over the end" in said(step)
    assert times[0] == pytest.approx(4.0, abs=1e-6)
    assert f"[1.4](time=1.4): at {numbers(page, step, time=1.4)['qif_first']:.3f}" in said(step)
    assert 0 < numbers(page, step, time=2.0)["qif_first"] - without < 0.01
    assert numbers(page, step, time=2.5)["qif_slope"] == 0


def test_three_spikes_from_one_input(page):
    step = titled("Three spikes from one input")
    curves = several_curves()
    for k, told in ((1, "−9.79"), (2, "16.43"), (3, "55.58")):
        assert f"{curves[f'enters_{k}']:.2f}".replace("-", "−") == told
        assert told in said(step)
    counts = {w: numbers(page, step, strong=w)["several_count"] for w in (-5.0, 16.3, 16.7, 57.0)}
    assert list(counts.values()) == [1, 1, 2, 3]
    assert f"{computed(page, step, strong=16.7)['several.spikes']['x'].max():.2f}" == "4.93"
    assert "a second, already at 4.93" in said(step)
    assert (page.by_name["strong"].low, page.by_name["strong"].high) == (-8.5, 60.0)


def test_an_input_passes_others_and_spikes(page):
    step = titled("An input passes others, and spikes")
    at, late = numbers(page, step), numbers(page, step, time=8.0)
    assert f"first spike comes at {late['qif_first']:.3f} if the input is later" in said(step)
    assert late["qif_slope"] == TOUR[step].ask.value == 0
    assert at["qif_slope"] != 0
    assert at["qif_jump"] == 0 < 1 < at["lif_jump"]
    _, second = curve(page, step, "qif.curves.times.1", weight=-1.0)
    assert second.max() > 9.9  # over the end of the trial
    assert numbers(page, step, weight=-1.0)["qif_jump"] == 0


def test_a_weight_is_varied_among_others(page):
    step = titled("Its weight")
    x, times = curve(page, step, "qif.curves.times.1")
    assert f"{x[0]:.3f}".replace("-", "−") == "−0.330"
    assert "Below a weight of −0.330" in said(step)
    assert times[0] == pytest.approx(10.0, abs=1e-4)
    assert [numbers(page, step, weight=w)["qif_count"] for w in (-3.0, -0.5, 1.0, 3.0)] == [1, 1, 2, 2]
    assert numbers(page, step)["qif_jump"] == 0 < 1 < numbers(page, step)["lif_jump"]


def test_the_notebook_tells_the_same(page):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    text = " ".join("".join(line for cell in cells for line in cell["source"]).split())
    for told in ("in mid-air, at 1.193", "at 1.063 $w_0$", "at most 6.12 in size", "deleted until 0.737"):
        assert told in text  # these numbers are held by the tests above
    page_still = ExactQIF()
    page_still.wait()
    page_still.figure_s4()
    page_still.move({**page_still.settings(), "weight": -1.0})
    assert float(page_still.data["readouts"]["qif_jump"][0]) == 0


def test_a_button_leads_to_each_figure():
    page = ExactQIF()
    page.wait()
    page.figure_1_right()
    assert [page.settings()[name] for name in ("scene", "against", "weight", "time")] == [
        "excitation",
        "its time",
        -1.0,
        1.0,
    ]
    page.figure_s5()
    assert (page.settings()["scene"], page.settings()["against"]) == ("several", "its weight")
    page.figure_s4()
    assert page.settings()["against"] == "its time"
    page.figure_1_left()
    assert page.settings() == {control.name: control.value for control in page.specification}


def test_a_click_on_an_input_takes_it_and_leaves_the_other():
    page = ExactQIF()
    page.wait()
    page.pointed("inputs", 2.0, -0.5)  # there are no others
    assert page.settings()["others"] == FIRST_OTHERS
    page.figure_s4()
    before = page.data["inputs.times"]["inputs.weights"]
    page.pointed("inputs", 2.1, -0.4)
    settings = page.settings()
    assert (settings["time"], settings["weight"]) == (2.0, -0.5)
    assert parse_inputs(settings["others"]) == ((0.5, 1.25), (1.0, 1.0), (3.5, 1.4), (6.0, 1.6))
    assert sorted(page.data["inputs.times"]["inputs.weights"]) != sorted(before)
    first = float(page.data["readouts"]["qif_first"][0])
    page.pointed("inputs", 1.0, 1.0)  # back again
    assert parse_inputs(page.settings()["others"]) == parse_inputs(FIRST_OTHERS)
    assert float(page.data["readouts"]["qif_first"][0]) == pytest.approx(first, rel=1e-12)  # the same inputs all along
    page.pointed("inputs", 8.0, 2.0)  # beside them all
    assert (page.settings()["time"], page.settings()["weight"]) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1", "got '1'"), ("1 2 3", "got '1 2 3'"), ("a b", "got 'a b'"), ("11 1", "got '11 1'"), ("1 3.5", "got '1 3.5'"),
        ("nan 1", "got 'nan 1'"), ("-1 1", "got '-1 1'"), ("1 1;" * 6, "at most 5, got 6"),
    ],
)  # fmt: skip
def test_inputs_that_are_none_are_refused_in_words(page, text, reason):
    fault = page.refusals(page.settings() | {"scene": "several", "others": text})
    assert reason in fault["others"]
    assert page.refusals(page.settings() | {"others": text}) == {}
    assert parse_inputs("0.5 −1; 2 1;") == ((0.5, -1.0), (2.0, 1.0))
