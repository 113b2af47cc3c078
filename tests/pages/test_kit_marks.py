"""A declared page: what follows from its marks, tried on an experiment of three numbers."""

import dataclasses
import sys
import types

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
    Marker,
    Panel,
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


def axis():
    return jnp.linspace(0.0, 1.0, 9)


def wave(setting):
    xs = axis()
    values = setting.height * jnp.sin(6 * xs)
    image = setting.height * jnp.outer(xs, xs)
    here = setting.height * jnp.sin(6 * setting.place)
    return Wave(values, 0.1 * jnp.abs(values), values > 0, jnp.stack([values, -values], axis=-1), here, image)


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
