"""A declared page: what follows from its marks, tried on an experiment of three numbers."""

import dataclasses
import sys
import types
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.pages._kit import (
    Choice,
    DeclaredPage,
    Dots,
    ErrorBand,
    HeatMap,
    Level,
    Line,
    Lines,
    Marker,
    Panel,
    Progress,
    Readout,
    Shade,
    Slider,
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


@pytest.mark.parametrize("address", ["wavy", "setting.colour", "pair.7", "wave.up"])
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
