"""Tours: what they name is there, what they say is true, and what is wrongly declared is refused."""

import dataclasses
import html.parser
import json
import math
import re

import numpy as np
import pytest

from sgtheory.pages._kit import Choice, Choose, DeclaredPage, Line, Number, Panel, Readout, Sketch, Slider, Step
from sgtheory.pages._kit.formula import formula
from sgtheory.pages._kit.tour import as_html, check_tour, live_numbers, words_of
from sgtheory.pages._registry import ALL_PAGES
from sgtheory.pages.single_unit import SingleUnit
from sgtheory.pages.single_unit_tour import TOUR

GUIDED = [name for name, kind in ALL_PAGES.items() if kind.tour]

# ---- the markup ------------------------------------------------------------------------------------------------------


class Reader(html.parser.HTMLParser):
    """The tags of a text, and whether each is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


def test_everything_but_the_markup_is_escaped():
    text = '<img src=x onerror="alert(1)"> & **<b>** *<i>* [<u>"](weight=1) {surrogate}'
    reader = Reader(as_html(text))
    assert {tag for tag, _ in reader.tags} == {"p", "strong", "dfn", "button", "span"}
    assert '<img src=x onerror="alert(1)"> & <b> <i> <u>"' in reader.words


def test_words_and_numbers_are_found():
    text = "[a](weight=1.5) [b](play:seed) [c](light:one/two) [d](rule=1 − p) {surrogate} {setting.weight}"
    assert [(each.kind, each.target, each.value) for each in words_of(text)] == [
        ("set", "weight", 1.5), ("play", "seed", None), ("light", "one/two", None), ("set", "rule", "1 − p"),
    ]  # fmt: skip
    assert live_numbers(text) == ["surrogate", "setting.weight"]


def test_a_formula_becomes_mathml_with_its_number():
    shown = as_html(r"Before:" + "\n\n" + r"$$5: \frac{∂E[y]}{∂w} = σ'_β(u) x$$" + "\n\nafter $x^2$.")
    assert "(Eq. 5)" in shown
    assert "<mfrac><mrow><mo>∂</mo><mi>E</mi>" in shown
    assert "<msubsup><mi>σ</mi><mi>β</mi><mrow><mo>′</mo></mrow></msubsup>" in shown
    assert shown.count("<p>") == 2
    assert Reader(shown).open == []
    assert formula("2.5 < 3") == "<math><mrow><mn>2.5</mn><mo>&lt;</mo><mn>3</mn></mrow></math>"


@pytest.mark.parametrize("text", [r"\frac{1}", "{x", "x}", "x_", "^2", r"\sqrt{x}", r"\tilde"])
def test_a_formula_that_does_not_end_is_refused(text):
    with pytest.raises(ValueError, match="as many"):
        formula(text)


# ---- refusals --------------------------------------------------------------------------------------------------------

CONTROLS = (
    Slider("weight", "weight w", 0.0, -1.0, 1.0, 0.1, "The weight"),
    Choice("noise", "noise", "much", ("much", "none"), "The noise"),
    Slider("trials", "trials", 5, 1, 9, 1, "Trials", sizes=True, tabled=False),
)
PANELS = (
    Panel("one", "One", x=("x", "axis()"), marks=(Line("slope", "blue"),), text="A panel."),
    Panel("two", "Two", x=("x", "axis()"), marks=(Line("height", "blue"),), text="A panel."),
)
GOOD = Step("A step", "{slope} is [steep](weight=0.5)", panels=("one",), controls=("weight", "noise", "trials"))


def check(*steps):
    check_tour(steps, CONTROLS, PANELS, frozenset({"slope"}))


def with_(**changes):
    return dataclasses.replace(GOOD, **changes)


def asks(ask):
    return with_(ask=ask)


def test_a_good_step_passes():
    choose = Choose("?", ("yes", "no"), 0, ("", "look"), "so", reveals=("one",))
    check(
        GOOD,
        with_(set={"weight": 1.0, "noise": "none"}, without=("one/slope",)),
        asks(choose),
        asks(Sketch("?", "one", "so")),
    )
    check(asks(Number("?", "slope", 0.1, "more", "less", "so")), asks(Number("?", 2.5, 0.1, "more", "less", "so")))


BAD = {
    "no panel": (with_(panels=()), "at least one panel"),
    "an unknown panel": (with_(panels=("three",)), "one of one, two, got 'three'"),
    "an unknown control": (with_(controls=("height",)), "got 'height'"),
    "a value for nobody": (with_(set={"height": 1.0}), "got 'height'"),
    "a value outside a slider": (with_(set={"weight": 1.5}), "weight w must be a number from -1.0 to 1.0, got 1.5"),
    "a value not on a menu": (with_(set={"noise": "little"}), "noise must be one of much, none"),
    "an unknown number": (with_(text="{height}"), "A live number must be one of slope, got 'height'"),
    "an unknown setting": (with_(text="{setting.height}"), "got 'setting.height'"),
    "words for a hidden control": (with_(controls=()), "as the step shows it, must be one of , got 'weight'"),
    "words beyond the slider": (with_(text="[far](weight=2)"), "weight w must be a number"),
    "words that do nothing": (with_(text="[far](away)"), "must set, play or light"),
    "words that play a menu": (with_(text="[go](play:noise)"), "can play a slider"),
    "words that play a size": (with_(text="[go](play:trials)"), "can play a slider"),
    "a light on another panel": (with_(text="[it](light:two)"), "got 'two'"),
    "a light on no curve": (with_(text="[it](light:one/height)"), "named by its address, got 'height'"),
    "without a curve that is not there": (with_(without=("one/height",)), "got 'height'"),
    "without a whole panel": (with_(without=("one",)), "got ''"),
    "a formula without an end": (with_(text="$x_$"), "as many"),
    "a question about another panel": (asks(Sketch("?", "two", "so")), "got 'two'"),
    "too few hints": (asks(Choose("?", ("yes", "no"), 0, ("",), "so")), "2 options, 1 hints"),
    "no right answer": (asks(Choose("?", ("yes", "no"), 2, ("", ""), "so")), "and 2"),
    "an unknown answer": (asks(Number("?", "height", 0.1, "", "", "so")), "got 'height'"),
    "no tolerance": (asks(Number("?", 1.0, 0.0, "", "", "so")), "above 0, got 0.0"),
    "words in a hint": (asks(Choose("?", ("a", "b"), 0, ("", "[x](weight=9)"), "so")), "weight w must be a number"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_step_is_refused_in_one_sentence(fault):
    step, reason = BAD[fault]
    with pytest.raises(ValueError, match=re.escape(reason)) as refusal:
        check(GOOD, step)
    assert str(refusal.value).startswith("Step 2 of the tour, 'A step': ")
    assert "\n" not in str(refusal.value)


def test_the_first_step_sets_nothing():
    with pytest.raises(ValueError, match="must leave every control where it starts"):
        check(with_(set={"weight": 0.5}))


def test_no_control_takes_the_name_of_the_place():
    control = Slider("tour", "tour", 0.0, 0.0, 1.0, 0.1, "A name that is taken")
    with pytest.raises(ValueError, match="may be called 'tour'"):
        check_tour((GOOD,), (*CONTROLS, control), PANELS, frozenset({"slope"}))


def test_a_page_refuses_a_bad_tour_when_its_class_is_made():
    with pytest.raises(ValueError, match="Step 1 of the tour, 'A step': A panel must be one of"):

        class Bad(DeclaredPage):
            name, title, play = "bad", "Bad", "weight"
            specification, panels, readouts = CONTROLS, PANELS, (Readout("slope", "slope"),)
            tour = (with_(panels=("three",)),)


# ---- every page with a tour ------------------------------------------------------------------------------------------


@pytest.fixture(params=GUIDED)
def guided(ready_pages, request):
    """Every page with a tour in turn, on its first step."""
    page = ready_pages[request.param]
    page.stage.send = lambda content, buffers=(): None
    page.reset()
    page.stage.step = 0
    yield page
    page.reset()
    page.stage.step = 0


def test_page_01_has_a_tour_and_the_guessing_game_has_none():
    assert "single_unit" in GUIDED
    assert "hidden_unit" not in GUIDED


def test_every_text_is_well_formed_and_nothing_is_left_of_the_markup(guided):
    for step in guided.tour:
        for text in step.texts:
            reader = Reader(as_html(text))
            assert reader.open == []
            assert not re.search(r"\*\*|\$|\]\((?!Eq)|[{}\\]", reader.words), reader.words


def test_every_step_can_be_read_in_a_minute_or_two(guided):
    assert 9 <= len(guided.tour) <= 12
    for step in guided.tour:
        assert len(step.title) <= 42
        words = len(Reader(as_html(step.text)).words.split())
        assert words <= 150, (step.title, words)


def test_the_script_is_told_the_tour_in_json(guided):
    told = json.loads(json.dumps(guided.stage.spec["tour"], allow_nan=False))
    assert [step["title"] for step in told] == [step.title for step in guided.tour]
    for step in told:
        assert set(step["state"]) == set(guided.controls)


def test_the_page_opens_on_the_first_step_with_its_stored_picture(guided):
    new = type(guided)()
    assert new.stage.step == 0
    assert guided.tour[0].settings(guided.specification) == new.settings()


def test_numbers_are_finite_at_every_step(guided):
    for step in guided.tour:
        numbers = guided.compute(step.settings(guided.specification))["readouts"]
        assert all(math.isfinite(numbers[key][0]) for key in numbers)


def test_the_place_is_part_of_the_state(guided):
    guided.stage.step = 3
    text = guided.state
    assert json.loads(text.split(":", 3)[3])["tour"] == 4
    guided.stage.step = -1
    exploring = guided.state
    assert "tour" not in json.loads(exploring.split(":", 3)[3])
    guided.restore(text)
    assert (guided.stage.step, guided.state) == (3, text)
    guided.restore(exploring)
    assert (guided.stage.step, guided.state) == (-1, exploring)


@pytest.mark.parametrize("place", [0, 99, -1, 1.5, True, "1", None, [1]])
def test_a_place_that_is_not_there_is_refused_and_changes_nothing(guided, place):
    head, _, settings = guided.state.rpartition(":1:")
    text = f"{head}:1:{json.dumps(json.loads(settings) | {'tour': place})}"
    guided.stage.step = 2
    with pytest.raises(ValueError, match="The place in the tour must be a whole number from 1 to"):
        guided.restore(text)
    assert guided.stage.step == 2


def test_a_place_is_no_part_of_the_state_of_a_page_without_a_tour(hidden_page):
    head, _, settings = hidden_page.state.rpartition(":1:")
    with pytest.raises(ValueError, match="the unknown 'tour'"):
        hidden_page.restore(f"{head}:1:{json.dumps(json.loads(settings) | {'tour': 1})}")
    assert "tour" not in hidden_page.stage.spec
    assert "sgtheory-guided" not in hidden_page._dom_classes


def test_the_browser_cannot_leave_the_tour_for_nowhere(guided):
    for asked, kept in ((10**6, len(guided.tour) - 1), (-5, -1), (2, 2)):
        guided.stage.step = asked
        assert guided.stage.step == kept


def test_a_file_holds_each_state_in_which_a_step_opens(guided):
    from sgtheory.pages._kit.export import _tour

    tour = _tour(guided)
    assert len(tour["steps"]) == len(guided.tour)
    for step, told in zip(guided.tour, tour["steps"], strict=True):
        if step.settings(guided.specification) == guided.settings():
            assert told is None
            continue
        assert tour["pictures"][told["picture"]]["state"] == step.settings(guided.specification)
        assert set(told["tables"]) == {name for name in step.controls if guided.has_table(name)}


# ---- what the tour of page 01 says -----------------------------------------------------------------------------------


def numbers(page, step, **moved):
    """The read-outs where a step opens, or where its words lead."""
    readouts = page.compute(TOUR[step].settings(page.specification) | moved)["readouts"]
    return {key: float(values[0]) for key, values in readouts.items()}


def curve(page, step, name, every=1, **moved):
    sources = page.compute(TOUR[step].settings(page.specification) | moved)
    source = "membrane_potentials()" + (f" every {every}" if every > 1 else "")
    return sources[source]["x"], sources[source][f"curves.{name}"]


def titled(title):
    return next(number for number, step in enumerate(TOUR) if step.title == title)


def test_the_dotted_line_is_not_at_the_threshold_while_the_step_is_flat_there(page):
    x, output = curve(page, titled("The slope of a step"), "deterministic")
    at = numbers(page, titled("The slope of a step"))["potential"]
    near = np.abs(x - at) < 0.5
    assert np.ptp(output[near]) == 0


def test_a_steep_probability_scatters_less(page):
    step = titled("Noise turns the step into a probability")
    uncertain = []
    for steepness in (1.0, 4.0, 16.0):
        _, probability = curve(page, step, "probability", steepness=steepness)
        uncertain.append(np.mean((probability > 0.05) & (probability < 0.95)))
    assert uncertain[0] > uncertain[1] > uncertain[2]


def test_the_hump_is_highest_at_threshold_and_higher_and_narrower_if_steep(page):
    step = titled("The expected output has a slope")
    x, flat = curve(page, step, "expected_gradient")
    _, steep = curve(page, step, "expected_gradient", steepness=10.0)
    assert x[np.argmax(flat)] == pytest.approx(0.0, abs=1e-9)
    assert steep.max() > flat.max()
    assert np.sum(steep > steep.max() / 2) < np.sum(flat > flat.max() / 2)
    _, turned = curve(page, step, "expected_gradient", input=-1.0)
    np.testing.assert_allclose(turned, -flat, atol=1e-12)


@pytest.mark.parametrize("escape", ["sigmoid", "arctan", "exponential hazard"])
def test_the_matched_surrogate_coincides(page, escape):
    step = titled("The surrogate gradient")
    _, surrogate = curve(page, step, "surrogate_gradient", escape=escape)
    _, expected = curve(page, step, "expected_gradient", escape=escape)
    np.testing.assert_allclose(surrogate, expected, atol=1e-12)


def test_superspike_agrees_at_threshold_at_the_steepness_that_is_asked_for(page):
    step = titled("A surrogate that does not match")
    ask = TOUR[step].ask
    assert ask.value == 4.0
    for steepness, sign in ((ask.value, 0), (ask.value - 1, -1), (ask.value + 1, 1)):
        at = numbers(page, step, steepness=steepness)
        assert at["surrogate"] == pytest.approx(1.0)
        assert at["expected"] == pytest.approx(steepness / 4)
        assert np.sign(round(at["expected"] - at["surrogate"], 9)) == sign
    _, surrogate = curve(page, step, "surrogate_gradient", steepness=ask.value)
    _, expected = curve(page, step, "expected_gradient", steepness=ask.value)
    assert np.sum(np.isclose(surrogate, expected, rtol=0.02)) < 10  # "even then only at threshold"


def test_a_rare_spike_at_minus_1_speaks_loudly(page):
    step = titled("What a single draw tells")
    x, left = curve(page, step, "left_draw", every=2)
    _, right = curve(page, step, "right_draw", every=2)
    beta = 4.0
    assert left[np.argmin(np.abs(x + 1))] == pytest.approx(beta, rel=0.05)  # about βx, x = 1
    assert right[np.argmin(np.abs(x - 1))] == pytest.approx(beta, rel=0.05)
    assert np.all((left == 0) | (right == 0))


def test_the_combination_is_the_surrogate_gradient_in_every_trial(page):
    step = titled("A combination that never varies")
    for seed in (0.0, 7.0, 8.0):
        _, affine = curve(page, step, "affine_draw", seed=int(seed))
        _, surrogate = curve(page, step, "surrogate_gradient", seed=int(seed))
        np.testing.assert_allclose(affine, surrogate, rtol=1e-12)


def test_baseline_0_is_the_left_derivative_and_1_the_right_one(page):
    step = titled("The score function")
    for baseline, name in ((0.0, "left_variance"), (1.0, "right_variance")):
        _, variance = curve(page, step, "variance", baseline=baseline)
        np.testing.assert_allclose(variance, curve(page, step, name)[1], rtol=1e-12)
    at = numbers(page, step)
    assert abs(at["score"] - at["expected"]) < 4.5 * at["score_error"]


def test_the_best_baseline_is_the_one_that_is_asked_for(page):
    step = titled("The best baseline")
    ask, at = TOUR[step].ask, numbers(page, step)
    assert ask.value == pytest.approx(1 - at["probability"], abs=5e-4)
    slider = page.by_name["baseline"]
    best = min(
        np.arange(slider.low, slider.high, slider.step),
        key=lambda b: numbers(page, step, baseline=float(b))["variance"],
    )
    assert abs(best - ask.value) <= ask.tolerance
    _, variance = curve(page, step, "variance", rule="1 − p")
    np.testing.assert_allclose(variance, 0.0, atol=1e-20)


def test_without_noise_nothing_is_left_and_superspike_belongs_to_the_fast_sigmoid(page):
    step = titled("Without noise")
    at = numbers(page, step)
    assert at["expected"] == 0.0
    assert at["surrogate"] > 0.01
    for steepness, factor in ((4.0, 2.0), (2.0, 1.0)):
        moved = {"escape": "fast sigmoid", "steepness": steepness}
        _, surrogate = curve(page, step, "surrogate_gradient", **moved)
        _, expected = curve(page, step, "expected_gradient", **moved)
        np.testing.assert_allclose(expected, factor * surrogate, rtol=1e-9)


def test_every_equation_of_a_single_unit_is_shown_once():
    shown = [int(number) for step in TOUR for number in re.findall(r"\$\$(\d+):", step.text)]
    assert sorted(shown) == [1, 2, 3, 4, 5, 6]


def test_every_term_is_told_where_it_first_appears():
    words = " ".join(Reader(as_html(text)).words for step in TOUR for text in (step.text, *step.texts))
    marked = re.findall(r"<dfn>([^<]+)</dfn>", "".join(as_html(text) for step in TOUR for text in step.texts))
    for term in (
        "escape noise",
        "surrogate",
        "matched",
        "right derivative",
        "left derivative",
        "smoothed",
        "score function",
        "baseline",
    ):
        assert term in marked
        assert term in words


def test_the_kind_of_page_01_keeps_its_tour():
    assert SingleUnit.tour is TOUR
