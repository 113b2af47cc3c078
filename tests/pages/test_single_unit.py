"""Page 01: what theory says about one unit is true of the columns that are drawn, and no typed text breaks the page."""

import html
import itertools
import re

import hypothesis
import hypothesis.strategies as st
import jax
import numpy as np
import pytest
import traitlets

from sgtheory.pages import SingleUnit
from sgtheory.pages._kit import Slider

CONTROLS = {control.name: control for control in SingleUnit.specification}
ESCAPES = CONTROLS["escape"].options
NUMBERS = [control for control in SingleUnit.specification if isinstance(control, Slider) and not control.sizes]
START = {name: control.value for name, control in CONTROLS.items()}

every_escape = pytest.mark.parametrize("escape", ESCAPES)

REFUSED = {
    "empty": "",
    "blank": "   ",
    "unknown function": "gamma(u)",
    "a call that is none": "u(2)",
    "an attribute": "u.real",
    "an import": "__import__('os')",
    "a tag": "<img src=x onerror=alert(1)>",
    "the end of a script": "</script><script>alert(1)</script>",
    "falling": "sigmoid(-beta*u)",
    "negative": "tanh(beta*u)",
    "above one": "2*sigmoid(beta*u)",
    "constant": "0.5",
    "not finite": "1/(1-exp(-beta*u))",
    "not finite at the far end of the weight": "sqrt(max(0, u+7))/4 + 0*log(u+7)",
    "too long": "u+" * 400,
    "10 MB": "u" * 10_000_000,
    "too deep": "(" * 100 + "u" + ")" * 100,
    "two lines": "sigmoid(u)\nsigmoid(u)",
    "half a letter": "\ud800",
}


@pytest.fixture(scope="module")
def picture(ready_pages):
    """The columns for some settings, with the others at their first values."""

    def compute(**settings):
        return ready_pages["single_unit"].compute(START | settings)

    return compute


@pytest.fixture(scope="module")
def compilations():
    """Grows by one with every program that is compiled."""
    events = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield events
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def typing(front_end):
    """A front end with the reader's own formula chosen; without tables, which would be compiled for each formula."""
    front_end.page.loop.active = "trials"
    front_end.moves("escape", "your own")
    return front_end


def assert_finite(sources):
    for columns in sources.values():
        for values in columns.values():
            assert np.all(np.isfinite(values))


EXPECTED = "curves.expected_gradient"
ALL, SECOND, FOURTH = (f"membrane_potentials(){every}" for every in ("", " every 2", " every 4"))
"""Sources of the curves, and of the marks at every second and at every fourth potential."""


# ---- theory ----------------------------------------------------------------------------------------------------------


@every_escape
def test_the_matched_surrogate_gradient_is_the_derivative_of_the_expected_output(picture, escape):
    derivatives = picture(escape=escape)[ALL]
    np.testing.assert_allclose(
        derivatives["curves.surrogate_gradient"], derivatives["curves.expected_gradient"], rtol=1e-12, atol=1e-12
    )


@every_escape
def test_the_affine_combination_of_one_draw_is_that_derivative_too(picture, escape):
    derivatives = picture(escape=escape)[ALL]
    np.testing.assert_allclose(
        derivatives["curves.affine_draw"], derivatives["curves.expected_gradient"], rtol=1e-12, atol=1e-12
    )


@every_escape
def test_the_numerical_derivative_agrees_wherever_the_slope_has_no_kink(picture, escape):
    """The fast sigmoid has a kink at threshold, the hard threshold a jump."""
    sources = picture(escape=escape, threshold=0.025)
    smooth = np.abs(sources[FOURTH]["x"] - 0.025) > 0.03
    difference = sources[FOURTH]["curves.numerical_gradient"] - sources[ALL]["curves.expected_gradient"][::4]
    assert np.max(np.abs(difference[smooth])) < 1e-5


def test_without_noise_there_is_nothing_to_learn_from(picture):
    derivatives = picture(escape="hard threshold")[ALL]
    assert all(np.all(derivatives[name] == 0) for name in (EXPECTED, "curves.surrogate_gradient", "curves.affine_draw"))


def test_another_surrogate_is_the_gradient_of_another_noise(picture):
    derivatives = picture(surrogate="SuperSpike")[ALL]
    assert np.max(np.abs(derivatives["curves.surrogate_gradient"] - derivatives["curves.expected_gradient"])) > 0.1
    np.testing.assert_array_equal(derivatives["curves.expected_gradient"], picture()[ALL]["curves.expected_gradient"])


def test_a_draw_is_one_sided(picture):
    """Left where the first trial fired, right where it was silent, zero on the other side."""
    sources = picture()
    fired = sources["curves.trials"]["image"][0]
    probability, slope = sources[ALL]["curves.probability"], sources[ALL]["curves.expected_gradient"]
    fired, probability, slope = (column[::2] for column in (fired, probability, slope))
    np.testing.assert_allclose(
        sources[SECOND]["curves.left_draw"], np.where(fired, slope / probability, 0.0), rtol=1e-9
    )
    np.testing.assert_allclose(
        sources[SECOND]["curves.right_draw"], np.where(fired, 0.0, slope / (1 - probability)), rtol=1e-9
    )


@pytest.mark.parametrize("baseline", [0.0, 0.31, 1.0])
def test_the_variance_is_the_closed_form_and_vanishes_where_silence_is_as_likely_as_the_baseline(picture, baseline):
    sources = picture(baseline=baseline, input=1.7)
    p, slope = sources[ALL]["curves.probability"], sources[ALL]["curves.expected_gradient"]
    expected = slope**2 * (1 - p - baseline) ** 2 / (p * (1 - p))
    np.testing.assert_allclose(sources[ALL]["curves.variance"], expected, rtol=1e-6, atol=1e-12)
    silence = 1.0 - float(sources["readouts"]["probability"][0])
    assert picture(baseline=silence, input=1.7)["readouts"]["variance"][0] < 1e-30


def test_measured_variance_agrees_with_the_closed_form(picture):
    sources = picture(trials=50, baseline=0.2)
    measured, formula = sources[FOURTH]["curves.score_variance"], sources[ALL]["curves.variance"][::4]
    # Where both outcomes occur in most sets of trials; 50 trials give a variance to some 20 %.
    common = np.abs(sources[ALL]["curves.probability"][::4] - 0.5) < 0.35
    assert np.sum(common) >= 5
    assert np.all(np.abs(measured[common] / formula[common] - 1) < 1.0)


def test_at_the_best_baseline_the_score_function_is_the_surrogate_gradient(picture):
    silence = 1.0 - float(picture()["readouts"]["probability"][0])
    readouts = picture(baseline=silence)["readouts"]
    assert readouts["score_variance"][0] < 1e-25
    assert readouts["score"][0] == pytest.approx(readouts["expected"][0], abs=1e-12)
    assert picture(baseline=0.5 * silence)["readouts"]["score_variance"][0] > 1e-5


def test_the_menu_takes_the_best_baseline_at_every_potential(picture):
    """There each draw of the score function is the surrogate gradient."""
    sources = picture(rule="1 − p", baseline=0.3)
    np.testing.assert_allclose(
        sources[ALL]["curves.score_mean"], sources[ALL]["curves.surrogate_gradient"], rtol=1e-10, atol=1e-12
    )
    assert np.max(sources[FOURTH]["curves.score_variance"]) < 1e-25
    assert np.all(sources[ALL]["curves.variance"] == 0)
    readouts = sources["readouts"]
    assert readouts["score_variance"][0] < 1e-25
    assert readouts["baseline"][0] == pytest.approx(1 - readouts["probability"][0], rel=1e-12)
    assert picture(baseline=0.3)["readouts"]["baseline"][0] == 0.3


def test_a_typed_sigmoid_gives_the_picture_of_the_sigmoid(picture, tools):
    typed, known = picture(escape="your own"), picture()
    for name, values in tools.columns_of(typed).items():
        np.testing.assert_allclose(values, tools.columns_of(known)[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize(("weight", "steepness"), [(0.8, 4.0), (0.8, 1.0), (-0.3, 4.0), (1.2, 2.0)])
def test_read_outs_are_the_numbers_that_are_seen_at_the_dotted_line(picture, weight, steepness):
    """Those of the dots and curves at this potential, for the same trials."""
    sources = picture(weight=weight, steepness=steepness, seed=5)
    for readout, column, source in (
        ("trial_mean", "trial_mean", SECOND), ("score", "score_mean", ALL), ("probability", "probability", ALL),
        ("expected", "expected_gradient", ALL), ("variance", "variance", ALL),
    ):  # fmt: skip
        index = np.argmin(np.abs(sources[source]["x"] - weight))
        assert sources[source]["x"][index] == pytest.approx(weight, abs=1e-12)
        seen = sources[source][f"curves.{column}"][index]
        assert sources["readouts"][readout][0] == pytest.approx(seen, rel=1e-9, abs=1e-12), readout


@pytest.mark.parametrize("threshold", [0.0, 0.35, -1.5])
def test_a_hard_threshold_is_drawn_upright_and_a_smooth_curve_as_it_is(picture, threshold):
    columns = picture(escape="hard threshold", threshold=threshold)[ALL]
    x, p = columns["x of curves.probability"], columns["curves.probability"]
    jump = np.flatnonzero(np.diff(p))
    np.testing.assert_array_equal(x[jump], x[jump + 1])
    assert x[jump] == pytest.approx(threshold, abs=1e-9)
    smooth = picture(escape="error function", steepness=20.0)[ALL]
    np.testing.assert_array_equal(smooth["x of curves.probability"], smooth["x"])


def test_means_of_trials_scatter_about_the_probability(picture):
    sources = picture(trials=50)
    p, error = sources[ALL]["curves.probability"][::2], np.sqrt(0.25 / 50)
    assert np.max(np.abs(sources[SECOND]["curves.trial_mean"] - p)) < 4.5 * error
    assert np.max(np.abs(sources[SECOND]["curves.trial_mean"] - p)) > 0.5 * error


def test_the_precision_of_the_notebook_does_not_matter(picture, tools):
    exact = picture()
    with jax.enable_x64(False):
        again = picture()
    for name, values in tools.columns_of(exact).items():
        np.testing.assert_array_equal(tools.columns_of(again)[name], values, err_msg=name)


@every_escape
def test_every_corner_can_be_drawn(picture, escape):
    ends = [(control.low, control.high) for control in NUMBERS if control.name != "seed"]
    names = [control.name for control in NUMBERS if control.name != "seed"]
    for corner in itertools.product(*ends):
        assert_finite(picture(escape=escape, **dict(zip(names, corner, strict=True))))


# ---- the reader's own formula ----------------------------------------------------------------------------------------


def sentence(page, name="expression"):
    """The message beside a control, read as a browser does; it must be one alert and nothing else."""
    found = re.fullmatch(r'<span role="alert">([^<>]*)</span>', page.messages[name].value)
    assert found, page.messages[name].value
    text = html.unescape(found[1])
    assert len(text) < 300
    assert "\n" not in text
    return text


@pytest.mark.parametrize("fault", REFUSED)
def test_a_formula_that_is_none_is_refused_beside_its_field_and_the_picture_stays(typing, fault):
    before = typing.page.data
    assert typing.moves("expression", REFUSED[fault]) == []
    assert len(sentence(typing.page)) > 20
    assert typing.page.data is before
    typing.moves("expression", START["expression"])
    assert typing.page.messages["expression"].value == ""


def test_a_formula_is_refused_only_while_it_is_used(typing):
    typing.moves("expression", "gamma(u)")
    assert typing.moves("escape", "sigmoid") == ["picture"]
    assert typing.page.messages["expression"].value == ""


def test_the_field_for_a_formula_is_there_only_while_it_is_used(typing):
    widgets = typing.page.controls["expression"], typing.page.messages["expression"]
    assert [widget.layout.display for widget in widgets] == [None, None]
    typing.moves("escape", "sigmoid")
    assert [widget.layout.display for widget in widgets] == ["none", "none"]


def test_the_slider_of_the_baseline_is_there_only_while_it_changes_something(front_end):
    page = front_end.page
    page.loop.active = "trials"
    for rule, display in (("1 − p", "none"), ("the slider's b", None)):
        front_end.moves("rule", rule)
        assert page.controls["baseline"].layout.display == display
        assert page.loop.tables.possible("baseline", page.settings()) == (display is None)
    assert page.loop.tables.possible("baseline", page.settings())
    assert not page.loop.tables.possible("baseline", page.settings() | {"rule": "1 − p"})


def test_sliders_work_while_a_formula_is_refused_and_the_picture_catches_up(typing):
    typing.moves("expression", "gamma(u)")
    assert typing.moves("weight", 1.3) == []
    assert typing.moves("expression", START["expression"]) == ["picture"]
    assert typing.last("picture")[0]["state"]["weight"] == 1.3


def test_a_formula_with_an_infinite_slope_is_refused_beside_its_field(front_end):
    """It is a probability at every distance; that it cannot be drawn is known only when it has been computed."""
    page = front_end.page
    front_end.moves("expression", "sqrt(min(1, max(0, 0.5 + u)))")
    before = page.data
    assert front_end.moves("escape", "your own") == []
    assert "finite" in sentence(page)
    assert page.data is before
    assert "finite" in sentence(page)
    assert front_end.settles() == []
    assert front_end.last("refusal")[0]["state"] == page.settings()
    assert "finite" in sentence(page)
    front_end.moves("escape", "sigmoid")
    assert page.messages["expression"].value == ""


def test_a_formula_that_holds_for_some_steepness_only_has_no_table_and_is_refused_for_the_others(
    front_end, monkeypatch
):
    """A table would show probabilities above 1. What the picture is does not matter here, and need not be compiled."""
    monkeypatch.setattr(front_end.page, "compute", lambda settings, picture=front_end.page.data: dict(picture))
    front_end.moves("expression", "0.1*beta*sigmoid(u)")
    assert front_end.moves("escape", "your own") == ["picture"]
    assert front_end.moves("steepness", 9.0) == ["picture"]
    before = front_end.page.data
    assert front_end.moves("steepness", 11.0) == []
    assert "between 0 and 1" in sentence(front_end.page)
    assert front_end.page.data is before


# ---- anything at all -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9])
@pytest.mark.parametrize("control", NUMBERS, ids=lambda control: control.name)
def test_a_number_that_is_out_of_range_is_refused_and_nothing_is_lost(front_end, control, value):
    before, picture = front_end.page.settings(), front_end.page.data
    with pytest.raises(traitlets.TraitError):
        front_end.moves(control.name, value)
    assert front_end.page.settings() == before
    assert front_end.page.data is picture


def test_no_number_compiles_anything(front_end, compilations):
    for control in NUMBERS:
        front_end.says("activate", control=control.name)
    before = len(compilations)
    for control in NUMBERS:
        middle = 0.5 * (control.low + control.high)
        for value in (control.low, control.high, int(middle) if control.whole else middle + 0.0123):
            front_end.moves(control.name, value)
            front_end.settles(**{control.name: value})
            front_end.says("activate", control=control.name)
    assert len(compilations) == before


def test_another_choice_does_compile(front_end, compilations):
    """The negative control of the test above."""
    front_end.page.loop.active = "trials"
    before = len(compilations)
    front_end.moves("surrogate", "boxcar")
    assert len(compilations) > before
    before = len(compilations)
    front_end.moves("weight", 1.234)
    assert len(compilations) == before


def within(control):
    """Values of a slider: its ends, its steps and whatever lies between them."""
    if control.whole:
        return st.integers(control.low, control.high)
    steps = st.integers(0, control.positions() - 1).map(lambda index: control.low + index * control.step)
    return st.one_of(st.sampled_from([control.low, control.high]), steps, st.floats(control.low, control.high))


numbers = st.sampled_from(NUMBERS).flatmap(lambda c: st.tuples(st.just("moves"), st.just(c.name), within(c)))
rests = st.sampled_from(NUMBERS).flatmap(lambda c: st.tuples(st.just("settled"), st.just(c.name), within(c)))
# Few examples, because each pair of an escape noise and a surrogate is compiled once.
choices = st.sampled_from(
    [("escape", "sigmoid"), ("escape", "hard threshold"), ("escape", "your own"), ("surrogate", "matched"),
     ("surrogate", "SuperSpike"), ("expression", START["expression"]), *(("expression", text) for text in REFUSED.values())]
).map(lambda choice: ("moves", *choice))  # fmt: skip
slips = st.tuples(
    st.just("slips"),
    st.sampled_from([control.name for control in NUMBERS]),
    st.sampled_from([np.nan, np.inf, -1e9, 1e9]),
)
others = st.sampled_from(
    [("says", "reset", None), ("says", "hello", None), ("briefly", "trials", 10), ("briefly", "rule", "1 − p")]
)
steps = st.lists(st.one_of(numbers, numbers, rests, choices, slips, others), min_size=1, max_size=10)


@hypothesis.settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
@hypothesis.given(steps=steps)
def test_whatever_is_done_the_picture_stays_finite(front_end, steps):
    """No sequence raises (a slip only gives its message), reports a failure, or leaves a gap in the picture."""
    front_end.says("reset")
    front_end.page.loop.active = "trials"
    for kind, name, value in steps:
        take(front_end, kind, name, value)
        assert not any("could not" in text for text in front_end.words)
        assert_finite(front_end.page.loop.latest[1])
    assert_finite(front_end.page.data)
    assert front_end.page.loop.latest[0] == front_end.page.settings() or front_end.page.messages["expression"].value


def take(front_end, kind, name, value):
    if kind == "moves":
        front_end.moves(name, value)
    elif kind == "settled":
        front_end.settles(**{name: round(value, 10)})
    elif kind == "says":
        front_end.says(name)
    elif kind == "briefly":
        front_end.says("reset")
        front_end.moves(name, value)
        front_end.moves(name, START[name])
    else:
        with pytest.raises(traitlets.TraitError):
            front_end.moves(name, value)
