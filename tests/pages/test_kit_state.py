"""The state of a page as a line of text: written and restored, and every text that is not such a line."""

import json
import re

import pytest

from sgtheory.pages import GradientLaboratory, LoopIntegral, NetworkSurvey
from sgtheory.pages._kit.state import LONGEST_STATE, read_state, write_state

MOVED = {
    "steepness": 7.5, "threshold": 0.15, "weight": -1.2, "input": 1.95, "baseline": 0.37, "rule": "1 − p", "escape": "your own",
    "expression": "0.5 + atan(beta*u)/pi", "surrogate": "SuperSpike, unscaled", "trials": 20, "seed": 12,
}  # fmt: skip


def start(page):
    return {name: control.value for name, control in page.by_name.items()}


def line(settings, page="single_unit", version=1):
    return f"sgtheory:{page}:{version}:{json.dumps(settings)}"


def changed(page, **values):
    """A line with some of the settings replaced; those set to None are left out."""
    return line({name: value for name, value in (start(page) | values).items() if value is not None})


def test_what_is_written_is_read(page):
    text = write_state(page.name, page.version, MOVED)
    assert "\n" not in text
    assert read_state(f"  {text}\n", page.name, page.version, page.by_name) == MOVED


def test_a_page_takes_back_its_own_state(page, monkeypatch):
    monkeypatch.setattr(page, "compute", lambda settings: page.loop.latest[1])
    monkeypatch.setattr(page.loop, "_send_table", lambda _: None)
    page.restore(write_state(page.name, page.version, MOVED))
    assert page.settings() == MOVED
    text = page.state
    page.reset()
    assert page.settings() == start(page)
    page.restore(text)
    assert page.settings() == MOVED


def test_the_front_end_copies_and_restores(front_end):
    front_end.moves("weight", 1.1)
    assert front_end.says("copy") == ["state"]
    text = front_end.last("state")[0]["text"]
    front_end.says("reset")
    assert front_end.page.controls["weight"].value == 0.8
    assert "picture" in front_end.says("restore", text=text)
    assert front_end.page.controls["weight"].value == 1.1


@pytest.mark.parametrize("kind", [GradientLaboratory, LoopIntegral, NetworkSurvey])
def test_a_state_from_when_sliders_held_logarithms_is_refused(kind):
    settings = {control.name: control.value for control in kind.specification}
    controls = {control.name: control for control in kind.specification}
    assert read_state(write_state(kind.name, kind.version, settings), kind.name, kind.version, controls) == settings
    with pytest.raises(ValueError, match=r"reads states of version 2, got version '1'\. Set the controls by hand"):
        read_state(write_state(kind.name, 1, settings), kind.name, kind.version, controls)


def refused_lines(page):
    """Name of the fault → the text, and a part of the refusal."""
    nested = "[" * 5000 + "]" * 5000
    deep = line(start(page)).replace('"sigmoid"', "[" * 300 + "]" * 300)
    return {
        "nothing": ("", "begins with sgtheory:single_unit:1:"),
        "not ours": ("weight=3", "begins with sgtheory"),
        "control signs": ("\x00\ud800\U000e0001" * 30, "begins with sgtheory"),
        "another page": (line(start(page), page="path_tree"), "the page single_unit, got the state of the page 'path_tree'"),
        "a page of 90 odd letters": (line({}, page="\U000e0001" * 90), "got the state of the page"),
        "another version": (line(start(page), version=2), "states of version 1, got version '2'"),
        "10 MB": ("x" * 10_000_000, f"at most {LONGEST_STATE:,} characters, got 10,000,000 characters"),
        "bytes": (line(start(page)).encode(), "got bytes"),
        "None": (None, "got NoneType"),
        "no JSON": ("sgtheory:single_unit:1:{weight: 3}", "must be a JSON object"),
        "half of it": (line(start(page))[:80], "must be a JSON object"),
        "a list": ("sgtheory:single_unit:1:[1, 2]", "must be a JSON object"),
        "5000 lists in lists": (f"sgtheory:single_unit:1:{nested}", "must be a JSON object"),
        "300 lists in a menu": (deep, "escape noise must be one of"),
        "control missing": (changed(page, seed=None), "none for 'seed'"),
        "control unknown": (changed(page, colour="red"), "the unknown 'colour'"),
        "control of 900 letters": (changed(page, **{"\U000e0001" * 900: 1}), "the unknown"),
        "NaN": (changed(page, weight=float("nan")), "weight w must be a number"),
        "infinite": (changed(page, weight=float("inf")), "weight w must be a number"),
        "too large": (changed(page, weight=3.0001), "weight w must be a number from -3.0 to 3.0, got 3.0001"),
        "400 digits": (changed(page, weight=10**400), "weight w must be a number"),
        "too small": (changed(page, trials=0), "trials must be a whole number from 10 to 200, got 0"),
        "a fraction": (changed(page, trials=20.5), "trials must be a whole number"),
        "yes": (changed(page, seed=True), "seed must be a whole number"),
        "a word": (changed(page, weight="3"), "weight w must be a number"),
        "a list for a number": (changed(page, weight=[3]), "weight w must be a number"),
        "another menu": (changed(page, escape="Sigmoid"), "escape noise must be one of"),
        "a number for a formula": (changed(page, expression=5), "must be text"),
        "a formula of 900 letters": (changed(page, expression="u+" * 450), "must be text of at most 500"),
        "half a letter": (changed(page, expression="\ud800"), "must be text that can be sent"),
    }  # fmt: skip


@pytest.mark.usefixtures("annotations_off")
def test_every_other_line_is_refused_in_one_sentence_and_changes_nothing(page):
    page.controls["weight"].value = 1.1
    before, picture = page.settings(), page.data
    for fault, (text, reason) in refused_lines(page).items():
        with pytest.raises(ValueError, match=re.escape(reason)) as refusal:
            page.restore(text)
        sentence = str(refusal.value)
        assert len(sentence) < 300, fault
        assert "\n" not in sentence, fault
        assert page.settings() == before, fault
    assert page.data is picture


@pytest.mark.usefixtures("annotations_off")
def test_the_front_end_is_told_the_reason(front_end):
    for fault, (text, reason) in refused_lines(front_end.page).items():
        assert front_end.says("restore", text=text) == ["refused"], fault
        assert reason in front_end.last("refused")[0]["text"], fault
    assert front_end.says("restore") == ["refused"]
    assert front_end.page.settings() == start(front_end.page)


def test_a_formula_that_makes_no_sense_is_restored_and_refused_beside_its_control(front_end):
    """As if it had been typed: the text stays to be corrected, and the last picture stays."""
    before = front_end.page.data
    text = changed(front_end.page, escape="your own", expression="2*u", weight=1.1)
    assert front_end.says("restore", text=text) == []
    page = front_end.page
    assert (page.controls["expression"].value, page.controls["weight"].value) == ("2*u", 1.1)
    assert 'role="alert"' in page.messages["expression"].value
    assert page.data is before
