"""A declared page: what follows from its marks, tried on an experiment of three numbers."""

import dataclasses
import sys
import types
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.pages._kit import Choice, DeclaredPage, Panel, Progress, Readout, ReadoutTable, Slider
from sgtheory.pages._kit.marks import (
    Band,
    Bars,
    Discs,
    Dots,
    ErrorBand,
    Flow,
    HeatMap,
    Interval,
    Level,
    Line,
    Lines,
    Marker,
    NameTag,
    Shade,
)


class WaveSetting(eqx.Module):
    height: jnp.ndarray
    place: jnp.ndarray


class Wave(eqx.Module):
    wave: jnp.ndarray
    error: jnp.ndarray
    positive: jnp.ndarray
    pair: jnp.ndarray
    here: jnp.ndarray
    image: jnp.ndarray
    paths: jnp.ndarray
    begin: jnp.ndarray


def axis():
    return jnp.linspace(0.0, 1.0, 9)


def wave(setting):
    xs = axis()
    values = setting.height * jnp.sin(6 * xs)
    image = setting.height * jnp.outer(xs, xs)
    here = setting.height * jnp.sin(6 * setting.place)
    paths, begin = jnp.stack([xs, values], axis=-1), jnp.array([0, 4, 9])
    return Wave(
        values, 0.1 * jnp.abs(values), values > 0, jnp.stack([values, -values], axis=-1), here, image, paths, begin
    )  # fmt: skip


X = ("x", "axis()")
MARKS = (
    Shade("positive", "yellow"), Level(0.0), Marker("setting.place"), Line("wave", "blue", "wave"),
    Line("pair.1", "green", jumps=True), ErrorBand("wave", "error", "blue", every=2), Dots("here", "ink", x="setting.place"),
)  # fmt: skip


class WavePage(DeclaredPage):
    name = "wave"
    title = "A wave"
    play = "height"
    specification = (
        Slider("height", "height", 1.0, 0.0, 2.0, 0.5, "Its height"),
        Slider("place", "place", 0.5, 0.0, 1.0, 0.25, "Where it is read off"),
        Choice("kind", "kind", "a", ("a", "b"), "Nothing"),
    )
    readouts = (Readout("here", "here"), Readout("first", "first", of="pair.0"))
    panels = (
        Panel("curve", "Curve", x=X, marks=MARKS, text="It is {here}."),
        Panel("map", "Map", x=X, y_range=(0.0, 1.0), marks=(HeatMap("image", "axis()", "blue"),), text="A map."),
    )


@pytest.fixture(autouse=True, scope="module")
def experiment():
    module = types.ModuleType("sgtheory.experiments.wave")
    module.__dict__.update(WaveSetting=WaveSetting, wave=wave, axis=axis)
    sys.modules[module.__name__] = module
    yield
    del sys.modules[module.__name__]


class Readable(WavePage):
    readouts = (Readout("here", "here"),)


@pytest.fixture(scope="module")
def page():
    return Readable()


def test_every_mark_has_its_columns(page):
    sources = page.compute(page.settings())
    xs = np.linspace(0, 1, 9)
    np.testing.assert_allclose(sources["axis()"]["x"], xs)
    np.testing.assert_allclose(sources["axis()"]["wave"], np.sin(6 * xs))
    np.testing.assert_allclose(sources["axis()"]["pair.1"], -np.sin(6 * xs))
    np.testing.assert_allclose(
        sources["axis() every 2"]["wave + error"], np.sin(6 * xs[::2]) + 0.1 * abs(np.sin(6 * xs[::2]))
    )
    np.testing.assert_array_equal(sources["positive"]["high"] > 0, np.sin(6 * xs) > 0)
    np.testing.assert_allclose(sources["at setting.place"]["x"], [0.5, 0.5])
    np.testing.assert_allclose(sources["setting.place"]["x"], [0.5])
    np.testing.assert_allclose(sources["setting.place"]["here"], [np.sin(3)])
    assert sources["image"]["image"].shape == (9, 9)
    assert sources["readouts"]["here"] == pytest.approx(np.sin(3))
    low, high = (sources["ranges"][f"curve.{side}"][0] for side in ("start", "end"))
    assert low < -1 < 1 < high


def test_a_sweep_is_many_pictures(page):
    settings, heights = page.settings(), np.linspace(0, 2, 5)
    table = page.sweep(settings, "height", heights)
    for row, height in enumerate(heights):
        picture = page.compute(settings | {"height": float(height)})
        for source, columns in picture.items():
            for column, values in columns.items():
                np.testing.assert_allclose(table[source][column][row], values, atol=1e-12)


def test_what_jumps_is_not_interpolated(page):
    assert {"axis().pair.1", "positive.low", "positive.high", "ranges.curve.start", "ranges.curve.end"} == page.discrete


class Selecting(WavePage):
    """Columns that controls select, what NumPy arranges after the program, and ends of axes at an address."""

    specification = (
        *WavePage.specification,
        Slider("frame", "frame", 1.0, 0.0, 2.0, 0.25, "Which number of the wave is read"),
    )
    parts: ClassVar = {"bundle": ("height", "place")}
    readouts = (Readout("chosen", "chosen", of="wave.{frame}"),)
    panels = (
        Panel(
            "curve", "Curve", x=X, y_range="ends", wide=True, height=100, text="It is {chosen}.",
            marks=(
                Line("pair.{kind}", "blue"), Level("pair.{kind}.{frame}", "ink", "level"),
                Dots("pair.{kind}.{frame}", "ink", x="setting.frame", jumps=True),
            ),
        ),
        Panel(
            "tree", "Tree", x=("", "discs.x"), x_range="ends", x_ticks=((0.5, "half"),), text="A tree.",
            marks=(
                Flow("flow", "blue"), Bars("pair.{kind}", "ink", aside=0.1, width=0.2),
                Discs("discs", "blue", jumps=True, text="disc {number:bits} of {share}"),
            ),
        ),
    )  # fmt: skip

    @classmethod
    def bundle(cls, numbers, choices):
        return wave(WaveSetting(**numbers))

    def views(self, shown, settings):
        values = shown("wave")
        return {
            "ends": np.stack([shown("setting.height"), 3 + shown("setting.frame")], axis=1),
            "flow": {"y": values, "left": values - 1, "right": values + 1},
            "discs": {name: values + k for k, name in enumerate(("x", "y", "size", "number", "share"))},
        }


def test_a_control_selects_a_column_row_by_row():
    page = Selecting()
    values = np.sin(6 * np.linspace(0, 1, 9))
    for kind, sign in (("a", 1), ("b", -1)):
        sources = page.compute(page.settings() | {"kind": kind, "frame": 1.5})
        np.testing.assert_allclose(sources["axis()"]["pair.{kind}"], sign * values)
        np.testing.assert_allclose(sources["setting.frame"]["pair.{kind}.{frame}"], sign * values[6])
        np.testing.assert_allclose(sources["level pair.{kind}.{frame}"]["y"], sign * values[[6, 6]])
        assert sources["readouts"]["chosen"] == pytest.approx(values[6])
    frames = page.by_name["frame"].numbers(9)
    table = page.sweep(page.settings(), "frame", frames)
    np.testing.assert_allclose(table["setting.frame"]["pair.{kind}.{frame}"][:, 0], values)
    np.testing.assert_allclose(table["readouts"]["chosen"][:, 0], values)
    between = page.sweep(page.settings(), "frame", np.array([0.25, 0.49, 0.5]))
    np.testing.assert_allclose(between["readouts"]["chosen"][:, 0], values[[1, 1, 2]])


def test_the_table_of_a_slider_that_selects_computes_no_row(monkeypatch):
    page = Selecting()
    monkeypatch.setattr("sgtheory.pages._kit.declared._mapped_program", lambda *_: pytest.fail("a row was computed"))
    page.sweep(page.settings(), "frame", np.linspace(0, 2, 9))


def test_what_is_arranged_afterwards_is_addressed_like_the_rest_and_gives_axes_their_ends():
    page = Selecting()
    table = page.sweep(page.settings(), "height", np.array([0.5, 2.0]))
    waves = np.outer([0.5, 2.0], np.sin(6 * np.linspace(0, 1, 9)))
    np.testing.assert_allclose(table["flow"]["right"], waves + 1)
    assert set(table["discs"]) == {"x", "y", "size", "number", "share"}
    np.testing.assert_allclose(table["ranges"]["curve.start"], [[0.5], [2.0]])
    np.testing.assert_allclose(table["ranges"]["tree.right"], [[4.0], [4.0]])
    bars = table["bars pair.{kind}"]
    np.testing.assert_allclose(bars["high"][:, 1::4], waves)
    np.testing.assert_allclose(bars["x"][0, :4], [1.0, 1.0, 1.2, 1.2])
    np.testing.assert_array_equal(bars["high"][:, ::4], 0)
    curve, tree = (figure.plot for figure in page.figures(page.data))
    assert (curve.height, curve.y_range.start, curve.y_range.end) == (100, 1.0, 4.0)
    assert (tree.x_range.start, tree.x_range.end) == (1.0, 4.0)
    assert (tree.xaxis[0].ticker.ticks, tree.xaxis[0].major_label_overrides) == ([0.5], {0.5: "half"})
    assert curve.min_border_left > tree.min_border_left


def test_panels_say_which_are_wide_and_whose_points_are_read():
    assert Selecting.wide == {"curve"}
    assert {name: vars(points) for name, points in Selecting.points.items()} == {
        "tree": {"source": "discs", "text": "disc {number:bits} of {share}"}
    }
    assert {
        "discs.size",
        "setting.frame.x",
        "setting.frame.pair.{kind}.{frame}",
        "ranges.tree.left",
    } < Selecting.discrete
    assert not {"axis().pair.{kind}", "bars pair.{kind}.high", "discs.x"} & Selecting.discrete


def test_a_level_that_moves_is_drawn_among_the_curves():
    """What is behind them is kept as a picture, and a drag would paint it anew at each step."""
    page = Selecting()
    levels = [renderer.level for renderer in page.figures(page.data)[0].plot.renderers]
    assert levels == ["glyph"] * 3
    assert WavePage.panels[0].marks[1].y == 0.0
    assert Readable().figures(Readable().data)[0].plot.renderers[1].level == "underlay"


class Telling(WavePage):
    """A table and a text that name fields of the bundle, and marks of several methods, of which one has no numbers."""

    readouts = (Readout("here", "here"),)
    table = ReadoutTable(
        "Rows", (("one", "One", "blue", "circle"), ("none", "None", "ink", "square")), (("most", "most"),)
    )
    panels = (
        Panel(
            "rows", "Rows", x=("x", "one.x"), text="At most {most}, here {here}.",
            marks=(
                Marker(0.5), Line("one.y", "blue", x="one.x", behind=True), Band("one.y", "one.z", "blue", x="one.x"),
                Interval("one.y", "one.z", "ink", "intervals", x="one.x", width=20, alpha=0.8),
                NameTag("One", "blue", x=0.0, y="one.most"), NameTag("One", "blue", x=0.5, y="one.most"),
                *(Dots(f"{name}.y", "blue", x=f"{name}.x") for name in ("one", "none")),
            ),
        ),
    )  # fmt: skip

    def views(self, shown, settings):
        values = shown("wave")
        one = {"x": shown("axis()"), "y": values, "z": values + 1, "most": values.max(axis=1)}
        return {"one": one, "none": {name: np.zeros((len(values), 0)) for name in one}, "most": one["most"]}


def test_texts_and_tables_tell_fields_and_leave_out_what_has_no_numbers():
    page = Telling()
    told = page.compute(page.settings())["readouts"]
    most = np.sin(6 * np.linspace(0, 1, 9)).max()
    assert {key: float(values[0]) for key, values in told.items()} == pytest.approx(
        {"here": np.sin(3), "most": most, "one_most": most}
    )


def test_a_text_that_names_nothing_is_refused():
    class Slip(Telling):
        panels = (dataclasses.replace(Telling.panels[0], text="At most {moist}."),)

    with pytest.raises(ValueError, match=r"An address must name a field .* got 'moist'"):
        Slip()


def test_methods_are_drawn_side_by_side_also_where_one_has_no_numbers():
    page = Telling()
    sources = page.compute(page.settings())
    values = np.sin(6 * np.linspace(0, 1, 9))
    assert sources["none.x"]["x"].size == sources["none.x"]["none.y"].size == 0
    np.testing.assert_allclose(sources["one.x"]["one.z"], values + 1)
    np.testing.assert_allclose(sources["one.x"]["one.y − error"], -1)
    np.testing.assert_allclose([sources[f"name one.most at {x}"]["x"][0] for x in ("0", "0.5")], [0, 0.5])
    np.testing.assert_array_equal(sources["at 0.5"]["x"], [0.5, 0.5])
    low, high = (sources["ranges"][f"rows.{side}"][0] for side in ("start", "end"))
    assert low < -1 < 2 * values.max() + 1 < high
    plot = page.figures(page.data)[0].plot
    marker, line, area, intervals, *_ = plot.renderers
    assert (marker.level, line.level) == ("underlay", "underlay")
    assert (area.glyph.y1, area.glyph.y2) == ("one.y", "one.z")
    assert (intervals.glyph.line_width, intervals.glyph.line_alpha) == (20, 0.8)


def test_an_upright_line_jumps_at_the_last_point_before_and_is_the_same_elsewhere():
    line = Line("p", "blue", upright=True)
    numbers = {
        "x": np.array([[0.0, 1.0, 2.0, 3.0]] * 3),
        "p": np.array([[0, 0, 1, 1], [0, 0.5, 1, 1], [0, 0.1, 0.9, 1]]),
    }
    columns = line.sources("x", numbers.__getitem__)["x"]
    np.testing.assert_array_equal(columns["x"], numbers["x"])
    np.testing.assert_array_equal(columns["x of p"], [[0, 1, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3]])
    assert line.jumping("x") == {"x.x of p"}


def test_figures_draw_from_these_columns(page):
    curve, image = page.figures(page.compute(page.settings()))
    assert {renderer.data_source.name for renderer in curve.plot.renderers} == {
        "axis()", "axis() every 2", "positive", "level 0", "at setting.place", "setting.place"
    }  # fmt: skip
    assert (image.plot.x_range.start, image.plot.x_range.end) == (0.0, 1.0)
    glyph = image.plot.renderers[0].glyph
    assert (glyph.x, glyph.dw) == pytest.approx((-1 / 16, 9 / 8))


@pytest.mark.parametrize("address", ["wavy", "setting.colour", "pair.7", "wave.up", "pair.{colour}"])
def test_an_address_that_leads_nowhere_is_refused_by_its_name(address):
    class Slip(WavePage):
        readouts = ()
        panels = (dataclasses.replace(WavePage.panels[0], marks=(Line(address, "blue"),), y_range=(0.0, 1.0)),)

    with pytest.raises(ValueError, match=f"An address must name a field .* got '{address}'"):
        Slip()


class Working(WavePage):
    readouts = ()
    job_name = "training"
    histories: ClassVar = {"loss": ("step", "train", "error")}
    panels = (
        Panel(
            "paths", "Paths", x=("x", "axis()"), text="Two paths.", marks=(Lines("paths.0", "paths.1", "begin", "blue"),),
        ),
        Panel(
            "loss", "Loss", x=("step", "history.loss.step"), text="Loss.",
            marks=(Level(0.0), Line("history.loss.train", "blue"), ErrorBand("history.loss.train", "history.loss.error", "blue")),
        ),
    )  # fmt: skip

    def work(self, settings, checkpoint):
        for step in range(1, 6):
            yield Progress(step, 5, points={"loss": {"step": step, "train": settings["height"] / step, "error": 0.1}})


def test_many_lines_are_drawn_each_by_itself():
    page = Working()
    sources = page.compute(page.settings())
    xs = np.linspace(0, 1, 9)
    np.testing.assert_allclose(sources["lines paths.1"]["y"], np.sin(6 * xs))
    drawn = page.figures(page.data)
    data = drawn[0].plot.renderers[0].data_source.data
    assert [len(line) for line in data["xs"]] == [4, 5, 0]
    np.testing.assert_allclose(np.concatenate(data["ys"]), np.sin(6 * xs))
    still = page.still().axes[0].collections[0].get_segments()
    np.testing.assert_allclose(still[1], np.transpose([xs[4:], np.sin(6 * xs[4:])]))


def test_a_history_is_drawn_while_the_page_works(tools):
    page = Working()
    front_end = tools.FrontEnd(page)
    front_end.says("hello")
    page.start()
    page.job.wait(60)
    assert page.history["loss"]["train"].tolist() == [1 / step for step in range(1, 6)]
    shown = {}
    for message, buffers in front_end.received:
        if message["kind"] != "append":
            continue
        for source, columns in tools.row(tools.read_columns(message["layout"], *buffers), 0).items():
            for column, values in columns.items():
                kept = shown.get((source, column), np.zeros(0))[: message["from"][source]]
                shown[source, column] = np.concatenate([kept, values])
    source = "history.loss.step"
    assert shown[source, "x"].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(shown[source, "history.loss.train − error"], [1 / step - 0.1 for step in range(1, 6)])
    assert shown["ranges", "loss.end"][0] > 1.1
    assert shown["ranges", "loss.left"][0] < 1 < 5 < shown["ranges", "loss.right"][0]
    assert page.data[source]["history.loss.train"].tolist() == [1 / step for step in range(1, 6)]
    assert page.still().axes[1].lines[1].get_xdata().tolist() == [1, 2, 3, 4, 5]
