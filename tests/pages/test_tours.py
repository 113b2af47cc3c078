"""Tours: what they name is there, what they say is true, and what is wrongly declared is refused."""

import dataclasses
import html.parser
import json
import math
import re

import numpy as np
import pytest

from sgtheory.pages._kit import Choice, Choose, DeclaredPage, Number, Panel, Readout, Sketch, Slider, Step
from sgtheory.pages._kit.formula import formula
from sgtheory.pages._kit.marks import Line
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
    text = "[a](weight=1.5) [b](play:seed) [c](light:one/two) [d](rule=1 − p) {surrogate} [e](step:2) [f](page:g) {setting.weight}"
    assert [(each.kind, each.target, each.value) for each in words_of(text)] == [
        ("set", "weight", 1.5), ("play", "seed", None), ("light", "one/two", None), ("set", "rule", "1 − p"),
        ("step", "2", None), ("page", "g", None),
    ]  # fmt: skip
    assert live_numbers(text) == ["surrogate", "setting.weight"]


def test_a_formula_becomes_mathml_with_its_number():
    shown = as_html(r"Before:" + "\n\n" + r"$$5: \frac{∂E[y]}{∂w} = σ'_β(u) x$$" + "\n\nafter $x^2$.")
    assert "(Eq. 5)" in shown
    assert "<mfrac><mrow><mo>∂</mo><mi>E</mi>" in shown
    assert re.search(
        r"<msubsup><mi>σ</mi><mi>β</mi><mrow><mpadded [^>]*><mo [^>]*>′</mo></mpadded></mrow></msubsup>", shown
    )
    assert shown.count("<p>") == 2
    assert Reader(shown).open == []
    assert formula("2.5 < 3") == "<math><mrow><mn>2.5</mn><mo>&lt;</mo><mn>3</mn></mrow></math>"


def test_no_line_begins_with_what_ends_a_formula_or_a_button():
    shown = as_html("Take $x$, then [go](weight=1)). But $y$ and {slope}.")
    tied = re.findall(r'<span class="sgtheory-tied">(.*?)</span>', shown)
    assert [re.sub("<[^>]*>", "", each) for each in tied] == ["x,", "go)."]
    assert Reader(shown).words == "Take x, then go). But y and …."
    assert as_html("\n  The two are\u00a0…\n  here\n\n\n  there ") == "<p>The two are\u00a0… here</p><p>there</p>"


def test_a_page_is_a_link_only_where_the_script_knows_the_way():
    tag, attributes = Reader(as_html("[Page 2](page:path_tree)")).tags[1]
    assert (tag, attributes) == ("a", {"class": "sgtheory-link", "data-page": "path_tree"})


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
    check(
        GOOD, with_(controls=("weight",), in_words=("noise",), text="[a](noise=none) [b](step:2) [c](page:path_tree)")
    )


BAD = {
    "no panel": (with_(panels=()), "at least one panel"),
    "an unknown panel": (with_(panels=("three",)), "one of one, two, got 'three'"),
    "an unknown control": (with_(controls=("height",)), "got 'height'"),
    "a value for nobody": (with_(set={"height": 1.0}), "got 'height'"),
    "a value outside a slider": (with_(set={"weight": 1.5}), "weight w must be a number from -1.0 to 1.0, got 1.5"),
    "a value not on a menu": (with_(set={"noise": "little"}), "noise must be one of much, none"),
    "an unknown number": (with_(text="{height}"), "A live number must be one of slope, got 'height'"),
    "an unknown setting": (with_(text="{setting.height}"), "got 'setting.height'"),
    "words for a hidden control": (with_(controls=()), "as the step shows or names it, must be one of , got 'weight'"),
    "words for nobody": (with_(in_words=("height",)), "got 'height'"),
    "words to a step beyond the last": (with_(try_="[on](step:3)"), "The step to which words lead must be one of 1, 2, got '3'"),
    "words to an unknown page": (with_(try_="[on](page:page_99)"), "The page to which words lead must be one of single_unit"),
    "a fault in symbols": (with_(symbols="{height}"), "got 'height'"),
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


def words_in(*texts):
    return sum(len(Reader(as_html(text)).words.split()) for text in texts if text)


def read_by_all(step):
    """The texts of a step but for hints and what unfolds."""
    asked = (step.ask.question, step.ask.reason, *getattr(step.ask, "options", ())) if step.ask else ()
    return step.text, *asked, step.try_


def test_every_step_can_be_read_in_a_minute_and_all_of_them_in_ten(guided):
    assert 9 <= len(guided.tour) <= 13
    for step in guided.tour:
        assert len(step.title) <= 42
        assert words_in(step.text) <= 130, step.title
        assert words_in(*read_by_all(step)) <= 220, step.title
    assert sum(words_in(*read_by_all(step)) for step in guided.tour) <= 2000  # two hundred a minute


def test_what_is_asked_is_true_of_what_is_seen(guided):
    """Until the answer is known nothing moves but the sliders with which a number may be looked for."""
    for step in guided.tour:
        if isinstance(step.ask, (Choose, Sketch)):
            assert {each.kind for each in words_of(step.text)} <= {"light"}, step.title


def test_an_answer_reads_well_behind_a_tick(guided):
    for step in guided.tour:
        for option in step.ask.options if isinstance(step.ask, Choose) else ():
            assert not re.search(r"[?…]", option)
            assert 3 <= len(step.ask.options) <= 4


def test_words_that_choose_lead_back_to_where_the_step_began(guided):
    for step in guided.tour:
        start = step.settings(guided.specification)
        reached = {(each.target, each.value) for text in step.texts for each in words_of(text) if each.kind == "set"}
        for name in step.in_words:
            assert len({value for target, value in reached if target == name}) >= 2, (step.title, name)
            assert (name, start[name]) in reached, (step.title, name)


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
    version = f":{guided.version}:"
    head, _, settings = guided.state.rpartition(version)
    text = f"{head}{version}{json.dumps(json.loads(settings) | {'tour': place})}"
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
        state = step.settings(guided.specification)
        assert tour["pictures"][told["picture"]]["state"] == state
        assert set(told["tables"]) == {
            name for name in (*step.controls, *step.in_words) if guided.loop.tables.possible(name, state)
        }


def test_a_file_alone_leads_nowhere_and_one_among_others_does(guided, monkeypatch):
    from sgtheory.pages._kit.export import page_as_html

    monkeypatch.setattr(guided, "sweep", lambda *_: {"curve": {"y": np.zeros((2, 1))}})
    assert guided.stage.spec["links"]["path_tree"] == "02_path_tree.ipynb"
    for links in ({}, {"path_tree": "path_tree.html"}):
        text = page_as_html(guided, links)
        payload = json.loads(re.search(r'id="payload">(.*?)</script>', text, re.DOTALL)[1])
        assert payload["spec"]["links"] == links


def test_notes_are_kept_for_a_browser_that_is_loaded_again(guided):
    notes = {"3": {"done": True, "given": None, "sketch": [[-1.0, 0.5]]}}
    guided.stage.set_state({"notes": notes})
    assert guided.stage.notes == guided.stage.get_state()["notes"] == notes
    assert "notes" not in guided.state
    guided.stage.notes = {}


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


def words_that_set(step, name):
    """All values of a control to which the words of a step lead."""
    return [
        each.value for text in TOUR[step].texts for each in words_of(text) if (each.kind, each.target) == ("set", name)
    ]


def test_the_unit_stands_at_the_potential_that_is_told_where_the_step_is_flat(page):
    step = titled("The slope of a step")
    x, output = curve(page, step, "deterministic")
    at = numbers(page, step)["potential"]
    assert at == pytest.approx(0.8)
    assert "At the potential 0.8" in TOUR[step].ask.question
    assert np.ptp(output[np.abs(x - at) < 0.5]) == 0
    assert page.by_name["input"].value == 1.0  # "one input, x = 1"


def test_the_width_of_the_scatter_is_proportional_to_the_inverse_steepness(page):
    step = titled("Noise turns the step into a probability")

    def width(steepness):
        x, p = curve(page, step, "probability", steepness=steepness)
        return np.interp(0.9, p, x) - np.interp(0.1, p, x)

    assert width(2.0) / width(4.0) == pytest.approx(2.0, rel=0.01)
    assert width(1.5) / width(3.0) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize("moved", [{}, {"steepness": 16.0}, {"steepness": 1.0}, {"seed": 5}])
def test_the_told_fraction_of_the_trials_is_the_dot_on_the_dotted_line(page, moved):
    step = titled("Noise turns the step into a probability")
    x, dots = curve(page, step, "trial_mean", every=2, **moved)
    at = numbers(page, step, **moved)
    index = np.argmin(np.abs(x - at["potential"]))
    assert x[index] == pytest.approx(at["potential"], abs=1e-9)
    assert at["trial_mean"] == dots[index]
    trials = page.compute(TOUR[step].settings(page.specification) | moved)["curves.trials"]["image"]
    assert at["trial_mean"] == pytest.approx(trials[:, 2 * index].mean())


def test_the_derivative_is_farthest_from_0_at_threshold_and_turned_over_by_a_negative_input(page):
    step = titled("The expected output has a slope")
    x, flat = curve(page, step, "expected_gradient")
    _, steep = curve(page, step, "expected_gradient", steepness=10.0)
    _, turned = curve(page, step, "expected_gradient", input=-1.0)
    assert set(words_that_set(step, "input")) == {-1.0, 1.0}
    for each in (flat, steep, turned):
        assert x[np.argmax(np.abs(each))] == pytest.approx(0.0, abs=1e-9)
    assert steep.max() > flat.max()
    assert np.sum(steep > steep.max() / 2) < np.sum(flat > flat.max() / 2)
    np.testing.assert_allclose(turned, -flat, atol=1e-12)
    _, p = curve(page, step, "probability")
    assert np.all(flat[(p < 0.01) | (p > 0.99)] < 0.05)
    _, rings = curve(page, step, "numerical_gradient", every=4)
    np.testing.assert_allclose(rings, flat[::4], atol=1e-4)


def test_numbers_that_are_told_in_words(page):
    step = titled("Noise turns the step into a probability")
    trials = page.compute(TOUR[step].settings(page.specification))["curves.trials"]["image"]
    assert "fraction of 50 trials" in TOUR[step].ask.reason
    assert len(trials) == 50
    step = titled("The expected output has a slope")
    assert "$β/4$, here 1" in TOUR[step].ask.reason
    x, expected = curve(page, step, "expected_gradient")
    assert expected[np.argmin(np.abs(x))] == pytest.approx(1.0)
    reason = TOUR[titled("What one trial says about the slope")].ask.reason
    assert "100 trials with $p = 0.2$, 80 are silent. Let $p$ become 0.21, and one of the 80 fires" in reason
    silent = 100 * (1 - 0.2)
    assert silent == pytest.approx(80)
    turned = 100 * (0.21 - 0.2)
    assert turned == pytest.approx(1)
    assert (1 / 80) / 0.01 == pytest.approx(1 / (1 - 0.2)) == pytest.approx(1.25)
    step = titled("The best baseline")
    assert words_that_set(step, "baseline") == [0.77]
    at = numbers(page, step, baseline=0.77)
    assert at["variance"] < 1e-4 < numbers(page, step)["variance"]


def test_the_fast_sigmoid_is_as_told(page):
    step = titled("Without noise")
    for beta in (1.0, 4.0):
        u, p = curve(page, step, "probability", escape="fast sigmoid", steepness=beta)
        np.testing.assert_allclose(p, 0.5 + beta * u / (2 * (1 + beta * np.abs(u))), atol=1e-9)
        _, slope = curve(page, step, "expected_gradient", escape="fast sigmoid", steepness=beta)
        np.testing.assert_allclose(slope, beta / 2 / (1 + beta * np.abs(u)) ** 2, atol=1e-9)


def test_the_matched_surrogate_coincides_for_every_noise_that_words_choose(page):
    step = titled("The surrogate gradient")
    assert {*words_that_set(step, "escape")} == {"sigmoid", "arctan", "exponential hazard"}
    for escape in words_that_set(step, "escape"):
        for steepness in (0.5, 4.0, 20.0):
            _, surrogate = curve(page, step, "surrogate_gradient", escape=escape, steepness=steepness)
            _, expected = curve(page, step, "expected_gradient", escape=escape, steepness=steepness)
            np.testing.assert_allclose(surrogate, expected, atol=1e-12)
            assert expected.max() > 0.1


def test_the_other_noises_are_as_told(page):
    step = titled("The surrogate gradient")
    x, arctan = curve(page, step, "probability", escape="arctan")
    _, sigmoid = curve(page, step, "probability")
    assert np.all(arctan[x < -1.5] > sigmoid[x < -1.5])  # longer tails
    _, hazard = curve(page, step, "probability", escape="exponential hazard")
    np.testing.assert_allclose(hazard, -np.expm1(-np.exp(4.0 * x)), rtol=1e-9)
    assert np.max(np.abs(hazard + hazard[::-1] - 1)) > 0.2  # not symmetric


def test_superspike_agrees_at_threshold_at_the_steepness_that_is_asked_for(page):
    step = titled("A surrogate that does not match")
    ask = TOUR[step].ask
    assert ask.value == 4.0
    for steepness, sign in ((ask.value, 0), (ask.value - 1, -1), (ask.value + 1, 1)):
        at = numbers(page, step, steepness=steepness)
        assert at["potential"] == 0.0
        assert at["surrogate"] == pytest.approx(1.0)
        assert at["expected"] == pytest.approx(steepness / 4)
        assert np.sign(round(at["expected"] - at["surrogate"], 9)) == sign
    x, surrogate = curve(page, step, "surrogate_gradient", steepness=ask.value)
    _, expected = curve(page, step, "expected_gradient", steepness=ask.value)
    near, tails = (np.abs(x) > 0.01) & (np.abs(x) < 1), np.abs(x) > 1.5
    assert np.all(surrogate[near] < expected[near])
    assert np.all(surrogate[tails] > expected[tails])


@pytest.mark.parametrize("steepness", [0.5, 2.0, 4.0, 20.0])
def test_the_area_under_superspike_is_2_over_the_steepness(steepness):
    from sgtheory.surrogates import SuperSpike

    part = (np.arange(200_000) + 0.5) / 200_000  # u = part/(1 − part), which goes to infinity
    slope = np.asarray(SuperSpike(steepness).derivative(part / (1 - part)), dtype=float)
    assert 2 * np.mean(slope / (1 - part) ** 2) == pytest.approx(2 / steepness, rel=1e-3)


def test_a_growing_probability_turns_silent_trials_into_spikes_and_a_shrinking_one_the_reverse(page):
    step = titled("What one trial says about the slope")

    def seen(threshold, seed):
        settings = TOUR[step].settings(page.specification) | {"threshold": threshold, "seed": seed}
        sources = page.compute(settings)
        return sources["curves.trials"]["image"], sources["membrane_potentials()"]["curves.probability"]

    assert {*words_that_set(step, "threshold")} == {-0.2, 0.2, 0.0}
    turned, likely, scatter = 0.0, 0.0, 0.0
    for seed in range(4):
        (before, p), (after, higher), (fewer, _) = (seen(threshold, seed) for threshold in (0.0, -0.2, 0.2))
        assert np.any(after & ~before)
        assert not np.any(before & ~after)
        assert np.any(before & ~fewer)
        assert not np.any(fewer & ~before)
        # Of the silent trials a fraction dp/(1 − p) fires.
        silent, fraction = (~before).sum(axis=0), (higher - p) / (1 - p)
        turned += np.sum(after & ~before)
        likely += np.sum(silent * fraction)
        scatter += np.sum(silent * fraction * (1 - fraction))
    assert abs(turned - likely) < 4.5 * np.sqrt(scatter)


def test_a_rare_spike_at_minus_1_and_a_rare_silence_at_1_weigh_most(page):
    step = titled("Rare outcomes weigh most")
    assert TOUR[step].settings(page.specification)["seed"] == 12
    assert words_that_set(step, "seed") == [12.0, 1.0, 2.0, 19.0]
    assert TOUR[step].controls == ("seed",)  # with another steepness there would be no such spike
    x, left = curve(page, step, "left_draw", every=2)
    _, right = curve(page, step, "right_draw", every=2)
    beta = 4.0
    assert left[np.argmin(np.abs(x + 1))] == pytest.approx(beta, rel=0.05)  # nearly βx, "which is 4 here"
    assert right[np.argmin(np.abs(x - 1))] == pytest.approx(beta, rel=0.05)
    assert max(left.max(), right.max()) < beta
    for seed in (1, 2, 19):
        assert np.any(curve(page, step, "left_draw", every=2, seed=seed)[1] != left)


def test_left_and_right_are_correct_on_average(page):
    """Over the two outcomes, with their probabilities."""
    step = titled("Rare outcomes weigh most")
    _, p = curve(page, step, "probability")
    _, true = curve(page, step, "expected_gradient")
    p, true = p[::2], true[::2]
    _, left = curve(page, step, "left_draw", every=2)
    _, right = curve(page, step, "right_draw", every=2)
    fired = page.compute(TOUR[step].settings(page.specification))["curves.trials"]["image"][0][::2]
    np.testing.assert_allclose(np.where(fired, p * left, (1 - p) * right), true, rtol=1e-9, atol=1e-12)
    assert np.all(np.where(fired, right, left) == 0)


def test_the_combination_is_the_surrogate_gradient_in_every_trial(page):
    step = titled("Both derivatives together")
    for seed in (0.0, 7.0, 8.0):
        _, affine = curve(page, step, "affine_draw", seed=int(seed))
        _, surrogate = curve(page, step, "surrogate_gradient", seed=int(seed))
        np.testing.assert_allclose(affine, surrogate, rtol=1e-12)


def test_baseline_0_is_the_left_derivative_and_1_the_right_one(page):
    step = titled("The score function")
    for baseline, name in ((0.0, "left_variance"), (1.0, "right_variance")):
        _, variance = curve(page, step, "variance", baseline=baseline)
        np.testing.assert_allclose(variance, curve(page, step, name)[1], rtol=1e-12)
    for baseline in (0.0, 0.4, 1.0):
        at = numbers(page, step, baseline=baseline)
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
    # What is accepted cannot be told from 0 in the plot, and where the reader begins can be.
    sources = page.compute(TOUR[step].settings(page.specification))
    pixel = (sources["ranges"]["variance.end"][0] - sources["ranges"]["variance.start"][0]) / 170
    for accepted in (ask.value - ask.tolerance, ask.value + ask.tolerance):
        assert numbers(page, step, baseline=accepted)["variance"] < pixel
    assert at["variance"] > 50 * pixel


def test_with_the_best_baseline_at_each_potential_nothing_varies_and_the_text_says_which_it_is(page):
    step = titled("The best baseline")
    assert words_that_set(step, "rule") == ["1 − p", "the slider's b"]
    assert "{baseline}" in TOUR[step].text
    _, variance = curve(page, step, "variance", rule="1 − p")
    np.testing.assert_allclose(variance, 0.0, atol=1e-20)
    _, score = curve(page, step, "score_mean", rule="1 − p")
    np.testing.assert_allclose(score, curve(page, step, "expected_gradient")[1], rtol=1e-9, atol=1e-12)
    at = numbers(page, step, rule="1 − p", baseline=0.05)
    assert at["baseline"] == pytest.approx(1 - at["probability"])
    assert numbers(page, step, baseline=0.05)["baseline"] == 0.05


def test_without_noise_nothing_is_left_and_superspike_belongs_to_the_fast_sigmoid(page):
    step = titled("Without noise")
    at = numbers(page, step)
    assert at["expected"] == 0.0
    assert at["surrogate"] > 0.01
    x, rings = curve(page, step, "numerical_gradient", every=4)
    assert rings[np.argmin(np.abs(x))] > 100  # infinite at threshold
    assert np.all(rings[np.abs(x) > 0.1] == 0)
    for steepness, factor in ((4.0, 2.0), (2.0, 1.0), (10.0, 5.0)):  # SuperSpike is 2/β times the slope
        moved = {"escape": "fast sigmoid", "steepness": steepness}
        _, surrogate = curve(page, step, "surrogate_gradient", **moved)
        _, expected = curve(page, step, "expected_gradient", **moved)
        np.testing.assert_allclose(expected, factor * surrogate, rtol=1e-9)


def test_every_equation_of_a_single_unit_is_shown_once():
    shown = [int(number) for step in TOUR for text in step.texts for number in re.findall(r"\$\$(\d+):", text)]
    assert sorted(shown) == [1, 2, 3, 4, 5, 6]


def test_every_term_is_told_where_it_first_appears():
    words = " ".join(Reader(as_html(text)).words for step in TOUR for text in (step.text, *step.texts))
    marked = re.findall(r"<dfn>([^<]+)</dfn>", "".join(as_html(text) for step in TOUR for text in step.texts))
    for term in (
        "membrane potential", "threshold", "output", "step function", "gradient", "surrogate", "probability", "escape noise",
        "sigmoid", "steepness", "expectation", "forward pass", "backward pass", "surrogate derivative", "surrogate gradient",
        "matched", "SuperSpike", "right derivative", "left derivative", "smoothed", "affine combination", "score function",
        "baseline", "variance", "hard threshold", "fast sigmoid",
    ):  # fmt: skip
        assert marked.count(term) == 1, term
        assert term in words


def test_the_kind_of_page_01_keeps_its_tour():
    assert SingleUnit.tour is TOUR
