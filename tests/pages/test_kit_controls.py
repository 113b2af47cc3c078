"""Controls: what each allows, and the words in which it refuses everything else."""

import json

import numpy as np
import pytest
import traitlets

from sgtheory.pages._kit import Choice, Film, Several, Slider, Text, Toggle, Upload
from sgtheory.pages._kit.controls import LONGEST_TEXT, brief

REAL = Slider("steepness", "steepness β", 4.0, 0.5, 20.0, 0.25, "How steep")
WHOLE = Slider("trials", "trials", 50, 10, 200, 10, "How many", sizes=True, tabled=False)
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


@pytest.mark.parametrize("control", [REAL, WHOLE], ids=["real", "whole"])
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


@pytest.mark.parametrize("control", [REAL, WHOLE, CHOICE, TEXT], ids=lambda control: type(control).__name__)
def test_a_widget_starts_as_its_control_says(control):
    widget = control.widget()
    assert (widget.value, widget.description, widget.tooltip) == (control.value, control.label, control.help)


@pytest.mark.parametrize("control", [REAL, WHOLE], ids=["real", "whole"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9, -1e9, None, "many"])
def test_a_slider_that_is_set_out_of_range_stays_where_it_was(control, value):
    """A number out of range is a slip, not a wish: it is neither moved silently to the nearest end nor taken in part."""
    widget = control.widget()
    widget.value = control.high
    for give in (lambda: setattr(widget, "value", value), lambda: widget.set_state({"value": value})):
        with pytest.raises(traitlets.TraitError):
            give()
        assert (widget.value, widget.min, widget.max) == (control.high, control.low, control.high)


def test_a_menu_that_is_set_to_what_it_does_not_offer_stays_where_it_was():
    widget = CHOICE.widget()
    with pytest.raises(traitlets.TraitError):
        widget.value = "a rose"
    assert widget.value == "sigmoid"


def test_only_a_slider_that_changes_sizes_waits_until_it_is_let_go():
    assert REAL.widget().continuous_update
    assert not WHOLE.widget().continuous_update


@pytest.mark.parametrize("control", [REAL, WHOLE], ids=["real", "whole"])
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
