"""Controls: what each allows, and the words in which it refuses everything else."""

import json

import numpy as np
import pytest
import traitlets

from sgtheory.pages._kit import Choice, Film, Several, Slider, Text, Toggle, Upload
from sgtheory.pages._kit.controls import LONGEST_TEXT, brief
from sgtheory.pages._kit.numbers import tidy

REAL = Slider("steepness", "steepness β", 4.0, 0.5, 20.0, 0.25, "How steep")
WHOLE = Slider("trials", "trials", 50, 10, 200, 10, "How many", sizes=True, tabled=False)
LOGARITHMIC = Slider("surrogate", "surrogate β_SG", 2.0, 0.5, 8.0, 0.25, "How steep", base=2)
SLIDERS = pytest.mark.parametrize("control", [REAL, WHOLE, LOGARITHMIC], ids=["real", "whole", "logarithmic"])
CHOICE = Choice("escape", "escape noise", "sigmoid", ("sigmoid", "arctan"), "Which noise")
TEXT = Text("expression", "p(u) =", "u", "A formula")

NESTED = json.loads("[" * 900 + "]" * 900)
NOWHERE = [None, "4", b"4", True, False, [4.0], {}, 1j, np.nan, np.inf, -np.inf, 10**400, -(10**5000), NESTED]


@pytest.mark.parametrize(("value", "held"), [(0.5, 0.5), (20, 20.0), (4.1234, 4.1234), (np.float64(7.5), 7.5)])
def test_a_slider_holds_every_number_between_its_ends(value, held):
    assert REAL.check(value) == held
    assert type(REAL.check(value)) is float


@pytest.mark.parametrize("value", [10, 137, 200.0])
def test_a_whole_slider_holds_whole_numbers(value):
    assert WHOLE.check(value) == value
    assert type(WHOLE.check(value)) is int


@SLIDERS
def test_the_steps_of_a_slider_are_counted_from_its_lower_end(control):
    numbers = control.numbers(control.positions(most=10**4))
    np.testing.assert_array_equal(control.steps(numbers), np.arange(len(numbers)))
    between = control.steps(0.9 * numbers[1:] + 0.1 * numbers[:-1])
    np.testing.assert_array_equal(between, np.arange(len(numbers) - 1))


@SLIDERS
@pytest.mark.parametrize("value", [*NOWHERE, 0.25, 201, 1e300], ids=lambda value: brief(value)[:12])
def test_a_slider_refuses_everything_else_in_one_sentence(control, value):
    with pytest.raises(
        ValueError, match=f"^{control.label} must be a (whole )?number from .* to .*, got .*"
    ) as refusal:
        control.check(value)
    assert is_one_sentence(refusal)


def test_a_whole_slider_refuses_a_fraction():
    with pytest.raises(ValueError, match=r"^trials must be a whole number from 10 to 200, got 50\.5\.$"):
        WHOLE.check(50.5)


@pytest.mark.parametrize("value", [*NOWHERE, "Sigmoid", "x" * 10_000_000], ids=lambda value: brief(value)[:12])
def test_a_choice_refuses_what_it_does_not_offer_and_names_what_it_does(value):
    with pytest.raises(ValueError, match=r"^escape noise must be one of sigmoid, arctan, got ") as refusal:
        CHOICE.check(value)
    assert is_one_sentence(refusal)


@pytest.mark.parametrize(
    "value",
    [*(value for value in NOWHERE if value != "4"), "x" * (LONGEST_TEXT + 1), "x" * 10_000_000, "\ud800", "u + \udfff"],
    ids=lambda value: brief(value)[:12],
)
def test_a_text_refuses_what_is_too_long_or_cannot_be_sent(value):
    with pytest.raises(ValueError, match=r"^p\(u\) = must be text ") as refusal:
        TEXT.check(value)
    assert is_one_sentence(refusal)


def test_a_text_holds_whatever_else_is_typed():
    for value in ("", "x" * LONGEST_TEXT, "</script>", "σ(u)\n", "😀"):
        assert TEXT.check(value) == value


def test_a_table_has_a_row_a_step_where_there_are_not_too_many():
    assert REAL.positions() == 79
    assert Slider("weight", "weight", 0.0, -3.0, 3.0, 0.05, "w").positions() == 121
    assert Slider("fine", "fine", 0.0, 0.0, 1.0, 1e-4, "f").positions() == 65


def test_a_logarithmic_slider_holds_numbers_and_moves_along_their_exponents():
    assert LOGARITHMIC.check(3) == 3.0
    assert LOGARITHMIC.positions() == 17
    numbers = LOGARITHMIC.numbers(17)
    np.testing.assert_allclose(np.log2(numbers), np.linspace(-1.0, 3.0, 17), rtol=0, atol=1e-9)
    assert [*numbers[::4]] == [0.5, 1.0, 2.0, 4.0, 8.0]
    tenths = Slider("forward", "β", 1e4, 1e-2, 1e4, 0.1, "How steep", base=10)
    assert (tenths.positions(), *tenths.numbers(3)) == (61, 0.01, 10.0, 1e4)
    widget = tenths.widget()
    assert (widget.base, widget.min, widget.max, widget.step) == (10, -2.0, 4.0, 0.1)


def test_a_browser_s_rounding_at_the_ends_is_taken():
    widget = Slider("step", "ε", 0.1, 0.05, 0.7, 0.05, "How far", base=10).widget()
    for value in (0.05 - 1e-17, 0.7 + 2e-16):
        widget.set_state({"value": value})
        assert widget.value == value


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        (0.7999999999999998, 0.8), (-0.15000000000000002, -0.15), (5e-17, 0.0), (-1e-11, 0.0), (2**0.25, 1.189207115),
        (2**-6.75, 0.009290680586), (2.0**-15, 3.051757813e-05), (-(2.0**-15), -3.051757813e-05), (12, 12.0), (np.nan, np.nan),
    ],
)  # fmt: skip
def test_a_slider_s_number_is_kept_without_the_rounding_of_its_steps(number, kept):
    np.testing.assert_equal(tidy(number), kept)


@pytest.mark.parametrize(
    ("low", "step", "shown"),
    [(0.0, 0.05, ".2f"), (-1.5, 0.5, ".1f"), (0.25, 0.5, ".2f"), (1.0, 1.0, ".0f"), (10.0, 2.5, ".1f"), (0, 1, "d")],
)
def test_a_slider_shows_as_many_decimals_as_its_step_has(low, step, shown):
    assert Slider("w", "w", low, low, low + 10 * step, step, "Weight").widget().readout_format == shown


def test_numbers_are_told_as_a_reader_writes_them():
    assert [LOGARITHMIC.told(number) for number in (0.5, 2.0, 2**0.25, 8.0)] == ["0.5", "2", "1.19", "8"]
    assert [LOGARITHMIC.told(number) for number in (1e4, 12589.25, 2**-6.75)] == ["10000", "12600", "0.00929"]
    assert [REAL.told(-0.5), WHOLE.told(100)] == ["−0.5", "100"]


@pytest.mark.parametrize(
    "control", [REAL, WHOLE, LOGARITHMIC, CHOICE, TEXT], ids=lambda control: type(control).__name__
)
def test_a_widget_starts_as_its_control_says(control):
    widget = control.widget()
    assert (widget.value, widget.description, widget.tooltip) == (control.value, control.label, control.help)


@SLIDERS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, -1e9, None, "many"])
def test_a_slider_that_is_set_out_of_range_stays_where_it_was(control, value):
    """A number out of range is a slip, not a wish: it is neither moved silently to the nearest end nor taken in part."""
    widget = control.widget()
    widget.value = control.high
    for give in (lambda: setattr(widget, "value", value), lambda: widget.set_state({"value": value})):
        with pytest.raises(traitlets.TraitError):
            give()
        assert widget.value == control.high
        ends = (-1.0, 3.0) if control is LOGARITHMIC else (control.low, control.high)
        assert (widget.min, widget.max) == ends


def test_a_menu_that_is_set_to_what_it_does_not_offer_stays_where_it_was():
    widget = CHOICE.widget()
    with pytest.raises(traitlets.TraitError):
        widget.value = "a rose"
    assert widget.value == "sigmoid"


def test_only_a_slider_that_changes_sizes_waits_until_it_is_let_go():
    assert REAL.widget().continuous_update
    assert not WHOLE.widget().continuous_update


@SLIDERS
def test_a_step_of_a_drag_is_not_echoed(control):
    assert control.widget().trait_metadata("value", "echo_update") is False


def is_one_sentence(refusal):
    text = str(refusal.value)
    return len(text) < 300 and "\n" not in text and text.endswith(".")


SEVERAL = Several("methods", "methods", "b; c", ("a", "b", "c"), "Some of them", (("blue", "circle"),) * 3, most=2)


@pytest.mark.parametrize("value", ["a", "b; c", "c; b"])
def test_several_holds_some_of_its_options_in_their_order(value):
    assert SEVERAL.check(value) == "; ".join(sorted(value.split("; ")))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("", "at least one, got none"), ("a; b; c", "at most 2, each once, got 3"), ("a; a", "at most 2, each once, got 2"),
        ("d", "some of a, b, c, got 'd'"), ("a;b", "some of a, b, c"), (None, "some of a, b, c, got None"),
        (["a"], "some of a, b, c"), (7, "some of a, b, c, got 7"), ("x" * 10_000_000, "some of a, b, c"),
    ],
    ids=lambda value: brief(value)[:12],
)  # fmt: skip
def test_several_refuses_everything_else_in_one_sentence(value, rule):
    with pytest.raises(ValueError, match=f"^methods must be {rule}") as refusal:
        SEVERAL.check(value)
    assert is_one_sentence(refusal)


def test_boxes_to_tick_follow_their_value_and_the_value_follows_them():
    widget = SEVERAL.widget()
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), names="value")
    assert [box.value for box in widget.boxes.values()] == [False, True, True]
    widget.boxes["a"].value = True
    widget.boxes["b"].value = False
    widget.value = "b"
    assert [box.value for box in widget.boxes.values()] == [False, True, False]
    assert seen == ["a; b; c", "a; c", "b"]  # none in between


def test_a_reader_who_ticked_too_many_is_told_how_many_to_untick():
    control = Several("m", "methods", "a", tuple("abcde"), "Some", (("blue", "circle"),) * 5, 2)
    for chosen, extra in (("a; b; c", 1), ("a; b; c; d", 2), ("a; a", 1)):
        with pytest.raises(ValueError, match=f"at most 2, each once, got {len(chosen.split('; '))}. Untick {extra}."):
            control.check(chosen)


def test_a_switch_is_on_or_off():
    control = Toggle("reset", "gradient through the reset", True, "Whether")
    assert control.check(False) is False
    for value in (1, "true", None):
        with pytest.raises(ValueError, match="must be on or off") as refusal:
            control.check(value)
        assert is_one_sentence(refusal)
    assert control.widget().value is True


def test_a_film_has_a_row_for_every_frame():
    assert Film("frame", "frame", 0, 0, 500, 1, "A frame").positions() == 501


FILE = Upload("picture", "picture", "Your own", kinds=(".png",), most=1000)


@pytest.mark.parametrize(
    ("name", "size", "rule"),
    [
        ("a.txt", 10, "of the kind .png, got 'a.txt'"), ("a.png", 1001, "at most 0.001 MB, got 0.001 MB"),
        ("a.png", 0, "at most 0.001 MB, got 0 MB"), ("png", 10, "of the kind .png"),
    ],
)  # fmt: skip
def test_a_file_is_refused_in_words(name, size, rule):
    widget = FILE.widget()
    with pytest.raises(ValueError, match=rule):
        widget.take(name, b"x" * size)
    assert widget.value == ""


def test_a_file_is_named_by_its_content():
    widget = FILE.widget()
    widget.take("cat.PNG", b"meow")
    first = widget.value
    assert first.startswith("cat.PNG #")
    assert (widget.contents[first], widget.chosen.value) == (b"meow", "cat.PNG")
    widget.take("cat.PNG", b"purr")
    assert widget.value != first
    assert FILE.check(first) == first
    with pytest.raises(ValueError, match="must name a file, got 7"):
        FILE.check(7)
