"""What every page in the registry must do, and which messages pass between a page and its front end."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from sgtheory.pages import HiddenUnit, SingleUnit
from sgtheory.pages._kit import THEME, Action, Slider
from sgtheory.pages._kit.hearing import hear
from sgtheory.pages._kit.opening import stored_rows
from sgtheory.pages._kit.ticks import powers_of

WITHOUT_LIBRARIES = """
import sys
from sgtheory.pages._registry import ALL_PAGES
for kind in ALL_PAGES.values():
    kind()
print(sorted({"jax", "matplotlib", "equinox", "bokeh"} & set(sys.modules)))
"""


# ---- every page ------------------------------------------------------------------------------------------------------


def test_pages_are_constructed_before_jax_and_bokeh_are_loaded():
    done = subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT_LIBRARIES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_every_control_says_what_it_is_and_starts_where_it_may_stand(any_page):
    for control in any_page.specification:
        assert control.label
        assert len(control.help) > 5
        assert control.check(control.value) == control.value
        assert any_page.controls[control.name].value == control.value
        assert any_page.messages[control.name].value == ""


def test_a_slider_starts_and_ends_at_one_of_its_positions(any_page):
    """The browser moves it to the nearest, and would ask for another picture."""
    for control in any_page.specification:
        if isinstance(control, Slider):
            assert {control.low, control.value, control.high} <= set(control.numbers(control.positions(most=10**4)))


def test_no_control_and_no_axis_shows_logarithms(any_page):
    words = [control.label + control.help for control in any_page.specification]
    for figure in any_page.figures(any_page.data):
        axes = figure.plot.xaxis[0], figure.plot.yaxis[0]
        words += [figure.plot.title.text, *(axis.axis_label or "" for axis in axes)]
    assert [text for text in words if "log" in text] == []


def test_the_slider_that_plays_can_be_drawn_from_a_table(any_page):
    control = any_page.by_name[any_page.play]
    assert isinstance(control, Slider)
    assert control.tabled


def test_every_figure_draws_columns_that_are_there_and_every_column_is_drawn(any_page):
    data, figures = any_page.data, any_page.figures(any_page.data)
    drawn = {r.data_source.name: r.data_source for figure in figures for r in figure.plot.renderers}
    drawn.pop(None, None)  # of what is there for the key alone
    told = set(any_page.stage.spec["sources"])
    assert set(drawn) == {name for name in data if name not in ("readouts", "ranges")} == told
    for name, source in drawn.items():
        # Bokeh holds many lines, one behind the other, as a list of lines.
        assert set(source.data) == ({"xs", "ys"} if "begin" in data[name] else set(data[name]))
        assert not any("," in column for column in source.data)  # the file of numbers parts its columns with commas
    for column in data.get("ranges", {}):
        figure, side = column.split(".")
        assert side in ("start", "end", "left", "right")
        assert figure in {figure.name for figure in figures}


def test_numbers_are_finite_and_columns_of_a_source_are_equally_long(any_page):
    for name, columns in any_page.data.items():
        assert all(np.all(np.isfinite(values)) for values in columns.values())
        assert len({values.shape[-1] for column, values in columns.items() if column != "begin"}) == 1, name


def test_what_the_script_is_told_is_json(any_page):
    spec = json.loads(json.dumps(any_page.stage.spec, allow_nan=False))
    roots = {root["id"] for root in json.loads(any_page.stage.doc)["roots"]}
    assert {figure["root"] for figure in spec["figures"]} == roots
    assert set(spec["controls"]) == set(any_page.controls)
    powers = [powers_of(figure.plot) for figure in any_page.figures(any_page.data)]
    assert [figure["powers"] for figure in spec["figures"]] == powers


def test_every_number_that_is_named_is_there(any_page):
    numbers = any_page.data["readouts"]
    assert {readout.key for readout in any_page.readouts} <= set(numbers)
    for figure in any_page.figures(any_page.data):
        assert set(re.findall(r"\{(\w+)\}", figure.description)) <= set(numbers), figure.name
        assert len(figure.description) > 40


def test_words_that_follow_a_control_are_told_for_each_of_its_values(any_page):
    for figure in any_page.figures(any_page.data):
        labels = {
            "title": figure.plot.title.text,
            "x": figure.plot.xaxis[0].axis_label,
            "y": figure.plot.yaxis[0].axis_label,
        }
        for place, (name, texts) in figure.words.items():
            control = any_page.by_name[name]
            assert set(texts) == set(control.options)
            assert labels[place] == texts[control.value]


def test_a_table_names_numbers_that_are_there_and_marks_that_are_drawn(any_page):
    if any_page.table is None:
        pytest.skip("a page without a table")
    numbers, rows = any_page.data["readouts"], any_page.table.rows
    told = [row for row, *_ in rows if any(f"{row}_{key}" in numbers for key, _ in any_page.table.columns)]
    assert {f"{row}_{key}" for row in told for key, _ in any_page.table.columns} <= set(numbers)
    assert told
    assert {role for *_, role, _ in rows} <= set(THEME["light"])


def test_points_that_can_be_read_are_drawn_and_have_the_numbers_that_they_name(any_page):
    figures = {figure.name: figure.plot for figure in any_page.figures(any_page.data)}
    for name, points in any_page.points.items():
        assert points.source in {renderer.data_source.name for renderer in figures[name].renderers}
        columns = any_page.data[points.source]
        assert {"x", "y", *re.findall(r"\{(\w+)(?::bits)?\}", points.text)} <= set(columns)
        for key in re.findall(r"\{(\w+):bits\}", points.text):
            np.testing.assert_array_equal(columns[key], np.rint(columns[key]))
            assert np.all(columns[key] >= 1)


def test_wide_figures_are_there(any_page):
    assert any_page.wide <= {figure.name for figure in any_page.figures(any_page.data)}


def test_every_column_that_jumps_is_there(any_page, tools):
    assert any_page.discrete <= set(tools.columns_of(any_page.data))


def test_every_action_can_be_taken(any_page):
    for action in any_page.actions:
        assert callable(getattr(any_page, action.name))
        assert action.label
        assert action.title


def test_a_row_of_a_table_is_the_picture_of_that_position(any_page, tools):
    """One compiled program maps over rows, another computes one picture: they must agree."""
    settings = any_page.settings()
    for control in any_page.specification:
        if not (isinstance(control, Slider) and control.tabled):
            continue
        values = control.numbers(control.positions())
        table = any_page.sweep(settings, control.name, values)
        for index in (0, len(values) // 3, len(values) - 1):
            picture = any_page.compute(settings | {control.name: control.check(float(values[index]))})
            for name, column in tools.columns_of(tools.row(table, index)).items():
                expected = tools.columns_of(picture)[name]
                np.testing.assert_allclose(column, expected, rtol=1e-9, atol=1e-9, err_msg=f"{control.name}: {name}")


def greeted(page):
    """What answers a new view; a page that works for long also says how far it is."""
    return ["picture", *(["job"] if page.job_name else []), "ready", "table"]


def test_a_greeting_is_answered_with_a_picture_and_a_table(any_page, tools):
    front_end = tools.FrontEnd(any_page)
    assert front_end.says("hello") == greeted(any_page)
    picture, data = front_end.last("picture")
    assert picture["state"] == any_page.settings()
    read = tools.row(tools.read_columns(picture["layout"], data), 0)
    for name, values in tools.columns_of(any_page.data).items():
        np.testing.assert_array_equal(tools.columns_of(read)[name], values)
    table, data = front_end.last("table")
    control = any_page.by_name[any_page.play]
    ends = (table["low"], table["high"], table["base"])
    assert (table["control"], *ends) == (control.name, control.low, control.high, control.base)
    assert table["rows"] == control.positions()
    assert table["others"] == {name: value for name, value in any_page.settings().items() if name != control.name}
    assert tools.read_columns(table["layout"], data, table["rows"])


ODD_MESSAGES = [
    {}, {"kind": None}, {"kind": []}, {"kind": "nonsense"}, {"kind": "HELLO"}, {"kind": "settled"}, {"kind": "activate"},
    {"kind": "settled", "state": None}, {"kind": "settled", "state": {"nobody": 1.0}}, {"kind": "settled", "state": [1]},
    {"kind": "settled", "state": {"seed": [1.0]}}, {"kind": "activate", "control": "nobody"},
    {"kind": "activate", "control": None}, {"kind": "activate", "control": "seed"}, {"kind": "action"},
    {"kind": "action", "name": "reset"}, {"kind": "action", "name": "as_html"}, {"kind": "action", "name": ["x"]},
    {"kind": "moved"}, {"kind": "moved", "control": "steepness"}, {"kind": "moved", "control": [], "values": [1.0]},
    {"kind": "moved", "control": "steepness", "values": 5, "state": {}}, {"kind": "moved", "values": [1], "state": {}},
    {"kind": "moved", "control": "steepness", "values": [None, []], "state": {}}, {"kind": "moved", "control": {}, "state": 1},
    {"kind": "restore"}, {"kind": "restore", "text": 5}, {"kind": "restore", "text": {}}, None, [], "hello",
]  # fmt: skip


@pytest.mark.usefixtures("annotations_off")
def test_odd_messages_raise_nothing_and_change_nothing(any_page, tools):
    front_end = tools.FrontEnd(any_page)
    before, picture = any_page.settings(), any_page.data
    for message in ODD_MESSAGES:
        hear(any_page, message)
        any_page.stage._handle_custom_msg(message, [])
    any_page.loop.rest()
    assert any_page.settings() == before
    assert any_page.data is picture
    assert front_end.says("hello") == greeted(any_page)


def test_the_front_end_gets_bokeh_from_the_installed_package(any_page, tools):
    front_end = tools.FrontEnd(any_page)
    assert front_end.says("need-bokeh") == ["bokeh"]
    assert b"Bokeh" in front_end.last("bokeh")[1][:20_000]


# ---- starting --------------------------------------------------------------------------------------------------------


def opening(page):
    """The messages that come with the widget, each with its bytes."""
    offset, messages = 0, {}
    for message in page.stage.opening:
        messages[message["kind"]] = message, page.stage.opening_bytes[offset : offset + message["bytes"]]
        offset += message["bytes"]
    assert offset == len(page.stage.opening_bytes)
    return messages


def test_a_page_brings_its_stored_picture_with_it(tools):
    """A kernel that runs the cells below answers no message."""
    page = SingleUnit()
    messages = opening(page)
    picture, data = messages["picture"]
    assert picture["state"] == page.settings()
    read = tools.columns_of(tools.row(tools.read_columns(picture["layout"], data), 0))
    for name, values in tools.columns_of(page.loop.latest[1]).items():
        np.testing.assert_array_equal(read[name], values)
    table, data = messages["table"]
    assert (table["control"], table["rows"]) == (page.play, stored_rows(page.by_name[page.play]))
    assert table["others"] == {name: value for name, value in page.settings().items() if name != page.play}
    assert tools.read_columns(table["layout"], data, table["rows"])


def test_a_page_without_a_stored_picture_brings_a_computed_one():
    assert set(opening(HiddenUnit(secret=3))) == {"picture"}


def test_the_exact_picture_follows_the_stored_one(tools):
    page = SingleUnit()
    front_end = tools.FrontEnd(page)
    # JAX begins at once, on a thread of its own; the view has its picture before.
    assert front_end.says("hello")[0] == "picture"
    page.wait()
    assert page.loop.rest()
    # The reader need not wait for the table, which is compiled after that.
    found = [content["kind"] for content, _ in front_end.received]
    assert found == ["picture", "status", "picture", "status", "ready", "table"]
    assert front_end.words[0].startswith("JAX is starting")
    assert front_end.words[1] == "Ready."
    assert front_end.last("table")[0]["rows"] == page.by_name["steepness"].positions()


def test_a_browser_that_has_not_heard_of_a_reset_does_not_undo_it(tools):
    page = SingleUnit()
    front_end = tools.FrontEnd(page)
    page.wait()
    start, known = page.settings(), page.stage.moves
    front_end.moves("weight", 1.1)
    page.reset()
    late = front_end.state(weight=1.1)
    front_end.says("settled", state=late, approximate=False, moves=known)
    assert page.settings() == start
    front_end.says("settled", state=late, approximate=False, moves=page.stage.moves)
    assert page.settings()["weight"] == 1.1


def test_what_is_moved_before_jax_is_there_is_drawn_once_it_is(tools):
    page = SingleUnit()
    front_end = tools.FrontEnd(page)
    assert front_end.moves("weight", 1.1) == []
    assert front_end.settles(weight=1.1) == []
    page.wait()
    assert front_end.last("picture")[0]["state"]["weight"] == 1.1


def test_a_page_that_cannot_start_says_why_and_keeps_its_stored_picture(tools, monkeypatch):
    def fail(settings):
        raise RuntimeError("no such device")

    page = SingleUnit()
    front_end, stored = tools.FrontEnd(page), page.loop.latest
    monkeypatch.setattr(page, "compute", fail)
    page.wait()
    assert front_end.words[-1] == "The picture could not be computed: no such device"
    assert page.loop.latest is stored


def test_waiting_has_an_end(monkeypatch):
    page = SingleUnit()
    monkeypatch.setattr(page.loop, "start", lambda: None)
    with pytest.raises(TimeoutError, match=r"must be ready within 0\.01 s"):
        page.wait(timeout=0.01)


# ---- one drag --------------------------------------------------------------------------------------------------------


def is_exact(layout):
    return {entry["dtype"] for entry in layout} == {"f8", "bit"}


def test_a_drag_along_a_table_asks_the_kernel_for_nothing_until_it_rests(front_end):
    for value in (4.25, 4.5, 4.75):
        assert front_end.moves("steepness", value) == []
    assert front_end.settles(steepness=4.75) == ["picture"]
    picture = front_end.last("picture")[0]
    assert is_exact(picture["layout"])
    assert picture["state"] == front_end.page.settings()
    assert front_end.settles(steepness=4.75) == []
    # The browser has drawn other positions since, without telling the kernel, and has come back.
    assert front_end.settles(steepness=4.75, approximate=True) == ["picture"]
    assert is_exact(front_end.last("picture")[0]["layout"])


def test_a_control_without_a_table_gets_one_small_picture_a_step(front_end):
    for value in (1, 2, 3):
        assert front_end.drags("seed", value) == [value]
        assert {entry["dtype"] for entry in front_end.last("moved")[0]["layout"]} == {"f4", "bit"}
    assert front_end.moves("seed", 3) == ["picture"]  # the slider's own message, at rest
    assert is_exact(front_end.last("picture")[0]["layout"])
    assert front_end.settles(seed=3) == ["table"]


def test_every_question_of_a_drag_is_answered(front_end):
    """The browser waits for the answer before it asks for the next pictures."""
    assert front_end.drags("seed", 7) == [7]
    assert front_end.drags("seed", 7) == [7]
    for name, value in (("seed", 1e9), ("seed", "x"), ("nobody", 1.0)):
        front_end.asks(name, value)
        assert front_end.last("moved")[0]["left"] == 0
        assert len(front_end.words) == 1


def test_a_drag_gets_the_pictures_that_lie_ahead_of_it(front_end, tools):
    assert front_end.drags("seed", 7, 8, 9) == [7, 8, 9]
    assert [content["left"] for content, _ in front_end.received if content["kind"] == "moved"] == [2, 1, 0]
    picture, data = front_end.last("moved")
    shown = tools.row(tools.read_columns(picture["layout"], data), 0)
    front_end.moves("seed", 9)
    assert tools.largest_error(front_end.page, shown, front_end.page.data)[0] < 1e-6
    assert front_end.drags("seed", 98, 99, 100) == [98, 99, "the end"]  # no slider is there


def test_what_lies_ahead_is_not_computed_once_another_question_is_asked(front_end):
    page = front_end.page

    def asks_twice():
        with page.loop.lock:  # no picture can be made before the second question
            for number, values in enumerate(([1, 2, 3], [5])):
                message = {"kind": "moved", "control": "seed", "values": values, "state": {}, "question": number}
                hear(page, message)

    front_end._answers(asks_twice)
    answers = [(each["question"], each["left"], each.get("state", {}).get("seed")) for each, _ in front_end.received]
    assert answers[-1] == (1, 0, 5)
    assert set(answers[:-1]) <= {(0, 2, 1), (0, 0, None)}  # the first question may have been begun


def test_a_value_set_in_python_is_drawn(front_end):
    assert front_end.moves("seed", 5) == ["picture"]
    assert front_end.last("picture")[0]["state"]["seed"] == 5


def test_a_new_view_of_the_page_gets_tables_anew(front_end):
    assert front_end.says("activate", control="weight") == ["table"]
    assert front_end.says("activate", control="input") == ["table"]
    front_end.says("hello")
    assert front_end.says("activate", control="weight") == ["table"]


def test_a_slider_that_is_approached_gets_its_table_once(front_end):
    assert front_end.says("activate", control="weight") == ["table"]
    assert front_end.last("table")[0]["control"] == "weight"
    assert front_end.says("activate", control="weight") == []
    assert front_end.moves("weight", 1.0) == []
    assert front_end.settles(weight=1.0) == ["picture"]
    # The table of the steepness belonged to another weight.
    assert front_end.moves("steepness", 5.0) == ["picture"]


def test_a_table_belongs_to_the_settings_for_which_it_was_computed(front_end, monkeypatch):
    """A control may be moved meanwhile."""
    page, sweep = front_end.page, front_end.page.sweep

    def moved_meanwhile(settings, name, values):
        page.controls["input"].value = 1.5
        return sweep(settings, name, values)

    monkeypatch.setattr(page, "sweep", moved_meanwhile)
    front_end.says("activate", control="weight")
    table = next(content for content, _ in front_end.received if content["kind"] == "table")
    assert (table["control"], table["others"]["input"]) == ("weight", 1.0)


def test_the_word_that_a_slider_rests_may_overtake_the_slider(front_end):
    assert front_end.settles(steepness=7.5) == ["picture"]
    assert front_end.last("picture")[0]["state"]["steepness"] == 7.5
    assert front_end.moves("steepness", 7.5) == []
    assert front_end.settles(steepness=7.5) == []
    assert front_end.page.settings()["steepness"] == 7.5


@pytest.mark.parametrize("value", [1e9, -1.0, float("nan"), float("inf"), None, "7.5", True, [7.5]])
def test_a_resting_place_that_does_not_exist_is_refused_in_words(front_end, value):
    picture = front_end.page.data
    assert front_end.settles(steepness=value) == []
    assert len(front_end.words) == 1
    assert "steepness β must be a number from 0.5 to 20.0, got" in front_end.words[0]
    assert front_end.page.data is picture


def test_the_last_of_many_values_is_drawn(front_end):
    for seed in range(99, -1, -9):
        front_end.moves("seed", seed)
    assert front_end.last("picture")[0]["state"] == front_end.page.settings()


def test_reset_returns_every_control(front_end):
    for name, value in (("weight", -1.0), ("seed", 5), ("baseline", 0.5)):
        front_end.moves(name, value)
    assert front_end.says("reset") == ["picture"]  # the table that the browser has is right again
    page = front_end.page
    assert page.settings() == {control.name: control.value for control in page.specification}
    assert front_end.last("picture")[0]["state"] == page.settings()


def test_a_button_of_the_page_does_what_it_says(front_end, monkeypatch):
    page = front_end.page
    page.loop.active = "trials"  # a control without a table: none is compiled for this
    monkeypatch.setattr(page, "actions", (Action("leap", "Leap", "Leap over the threshold"),))
    monkeypatch.setattr(page, "leap", lambda: setattr(page.controls["weight"], "value", -0.8), raising=False)
    assert front_end.says("action", name="leap") == ["picture"]
    assert front_end.last("picture")[0]["state"]["weight"] == -0.8
    assert front_end.says("action", name="close") == []  # a method, but no button


def test_the_page_as_a_file_is_sent_and_announced(front_end, monkeypatch):
    monkeypatch.setattr(front_end.page, "as_html", lambda: "<!doctype html>")
    assert front_end.says("export") == ["download"]
    message, data = front_end.last("download")
    assert (message["name"], message["mime"], data) == ("single_unit.html", "text/html", b"<!doctype html>")
    assert front_end.words == ["Writing the web page …", "Ready."]
