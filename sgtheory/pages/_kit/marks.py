"""What a panel shows, as data: marks, each with addresses of the numbers that it draws.

An address is a field of the experiment's bundle ("gradient", "at_weight.gradient"; with a number, a column of it: "loop.0"),
a control ("setting.w"), or an axis that the experiment names ("weight_axis()"); in a panel over the history of a page's work,
a column of a history ("history.loss.step"). With a control in braces it is the column that this control selects: that of the
chosen option ("exact.{weight}"), or that of a slider's step, counted from its lower end ("frame.{time}").
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from sgtheory.pages._kit.drawing import BEHIND, Drawing
from sgtheory.pages._kit.numbers import Sources

Number = int | float

FAR = 1e4
"""Beyond the ends of any y-axis."""
FAR_ACROSS = 2e3
"""Beyond the ends of any x-axis; from much farther away, the places of dashes are no longer exact."""

Shown = Callable[[str], np.ndarray]
"""The numbers at an address, with a leading axis of rows."""


class Mark:
    """Something that a panel draws, from a source of its own or from the one of its panel's x-axis."""

    def sources(self, x: str, shown: Shown) -> Sources:
        """Its columns, by source; `x` is the address of the panel's x-axis."""
        raise NotImplementedError

    def draw(self, drawing: Drawing, x: str, axis: Callable[[str], np.ndarray]) -> None:
        """Draws it; `axis` gives the numbers of an axis."""
        raise NotImplementedError

    def reach(self, shown: Shown) -> list[np.ndarray]:
        """The numbers that an automatic y-axis contains."""
        del shown
        return []

    def jumping(self, x: str) -> frozenset[str]:
        """Its columns that must not be interpolated, each as "source.column"."""
        del x
        return frozenset()


def _points(values: np.ndarray, every: int = 1) -> np.ndarray:
    """Numbers with an axis of points, which a single number lacks; thinned out."""
    return (values[:, None] if values.ndim == 1 else values)[:, ::every]


def _at_both_ends(at: Number | str, x: str, shown: Shown) -> np.ndarray:
    """A number, or the one at an address, twice: for a straight line."""
    ends = _points(shown(at))[:, :1] if isinstance(at, str) else np.full((len(shown(x)), 1), at)
    return np.repeat(ends, 2, axis=1)


def _from_to(far: float, ends: np.ndarray) -> np.ndarray:
    return np.broadcast_to([-far, far], ends.shape)


def _named(at: Number | str) -> str:
    return at if isinstance(at, str) else f"{at:g}"


def _level(behind: bool) -> str:
    return BEHIND if behind else "glyph"


@dataclasses.dataclass(frozen=True)
class _Points(Mark):
    """Numbers `y` over the panel's x-axis or over `x`; `jumps` where they change in steps, as spikes do, and with them `x`."""

    y: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    x: str | None = None
    jumps: bool = False
    every: int = 1
    """The eye tells apart fewer marks than points of a line, and each mark costs as much as ten points: 2 takes every other."""
    scales: bool = True
    """Whether an automatic y-axis contains them."""

    def source(self, x: str) -> str:
        return (self.x or x) + (f" every {self.every}" if self.every > 1 else "")

    def sources(self, x: str, shown: Shown) -> Sources:
        numbers = {"x": shown(self.x or x), self.y: shown(self.y)}
        return {self.source(x): {name: _points(values, self.every) for name, values in numbers.items()}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [_points(shown(self.y))] if self.scales else []

    def jumping(self, x: str) -> frozenset[str]:
        columns = (self.y,) if self.x is None else (self.y, "x")
        return frozenset(f"{self.source(x)}.{column}" for column in columns if self.jumps)


@dataclasses.dataclass(frozen=True)
class Line(_Points):
    """A curve; `behind` all others where no control moves it.

    `upright`: a probability that jumps from 0 to 1 between two points does so in a vertical line, at the first of them.
    """

    width: Number = 1.5
    dash: str = "solid"
    alpha: Number = 1.0
    upright: bool = False
    behind: bool = False

    def sources(self, x: str, shown: Shown) -> Sources:
        sources = super().sources(x, shown)
        if self.upright:
            columns = sources[self.source(x)]
            columns[self._across] = _upright(columns["x"], columns[self.y])
        return sources

    @property
    def _across(self) -> str:
        return f"x of {self.y}"

    def jumping(self, x: str) -> frozenset[str]:
        return super().jumping(x) | ({f"{self.source(x)}.{self._across}"} if self.upright else set())

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.line(
            self.source(x), self.y, self.role, self.legend, dash=self.dash, width=self.width, alpha=self.alpha,
            x=self._across if self.upright else "x", level=_level(self.behind),
        )  # fmt: skip


def _upright(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The places `x` of a curve, with the one behind a jump from 0 to 1 moved to the one before it."""
    moved = np.array(x)
    moved[:, 1:] = np.where((y[:, :-1] < 1e-9) & (y[:, 1:] > 1 - 1e-9), x[:, :-1], x[:, 1:])
    return moved


@dataclasses.dataclass(frozen=True)
class Lines(Mark):
    """Many curves at once, one behind the other in `x` and `y`: curve k goes from `begin[k]` to `begin[k + 1]`."""

    x: str
    y: str
    begin: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    width: Number = 1.0
    alpha: Number = 1.0
    jumps: bool = False

    def sources(self, x: str, shown: Shown) -> Sources:
        return {f"lines {self.y}": {name: shown(getattr(self, name)) for name in ("x", "y", "begin")}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [shown(self.y)]

    def jumping(self, x: str) -> frozenset[str]:
        jumping = ("x", "y", "begin") if self.jumps else ("begin",)
        return frozenset(f"lines {self.y}.{column}" for column in jumping)

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.lines(f"lines {self.y}", self.role, self.legend, width=self.width, alpha=self.alpha)


@dataclasses.dataclass(frozen=True)
class Steps(_Points):
    """A curve that jumps, at the right end of each interval."""

    width: Number = 1.0

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.steps(self.source(x), self.y, self.role, self.legend, width=self.width)


@dataclasses.dataclass(frozen=True)
class Dots(_Points):
    """Markers."""

    size: Number = 4
    marker: str = "circle"
    hollow: bool = False
    fill: str | None = None
    """The role of the colour within, if it is another."""
    name: str | None = None
    """What its values are called under the pointer, where no legend says so."""

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.dots(
            self.source(x), self.y, self.role, self.legend, size=self.size, marker=self.marker, hollow=self.hollow,
            fill=self.fill, name=self.name,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class ErrorBand(Mark):
    """An area one standard error around a mean."""

    mean: str
    error: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    jumps: bool = False
    every: int = 1

    def source(self, x: str) -> str:
        return x + (f" every {self.every}" if self.every > 1 else "")

    def _ends(self, shown: Shown) -> dict[str, np.ndarray]:
        mean, error = (_points(shown(address), self.every) for address in (self.mean, self.error))
        return {f"{self.mean} − error": mean - error, f"{self.mean} + error": mean + error}

    def sources(self, x: str, shown: Shown) -> Sources:
        return {self.source(x): {"x": _points(shown(x), self.every), **self._ends(shown)}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return list(self._ends(shown).values())

    def jumping(self, x: str) -> frozenset[str]:
        names = (f"{self.source(x)}.{self.mean} {sign} error" for sign in "−+")
        return frozenset(names if self.jumps else ())

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        ends = f"{self.mean} − error", f"{self.mean} + error"
        drawing.band(self.source(x), self.role, self.legend, ends=ends)


@dataclasses.dataclass(frozen=True)
class Band(Mark):
    """An area from the numbers at one address to those at another."""

    low: str
    high: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    x: str | None = None

    def sources(self, x: str, shown: Shown) -> Sources:
        return {self.x or x: {"x": shown(self.x or x), self.low: shown(self.low), self.high: shown(self.high)}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [shown(self.low), shown(self.high)]

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.band(self.x or x, self.role, self.legend, ends=(self.low, self.high))


@dataclasses.dataclass(frozen=True)
class Interval(Mark):
    """Vertical lines one standard error up and down from a mean, each at its `x`."""

    mean: str
    error: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    x: str
    width: Number = 1.5
    alpha: Number = 1.0

    def _ends(self, shown: Shown) -> dict[str, np.ndarray]:
        mean, error = _points(shown(self.mean)), _points(shown(self.error))
        return {f"{self.mean} − error": mean - error, f"{self.mean} + error": mean + error}

    def sources(self, x: str, shown: Shown) -> Sources:
        return {self.x: {"x": _points(shown(self.x)), **self._ends(shown)}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return list(self._ends(shown).values())

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        ends = f"{self.mean} − error", f"{self.mean} + error"
        drawing.intervals(self.x, self.role, self.legend, width=self.width, alpha=self.alpha, ends=ends)


@dataclasses.dataclass(frozen=True)
class NameTag(Mark):
    """A text that does not change, `above` a number and to the right of `x`."""

    text: str
    role: str
    _: dataclasses.KW_ONLY
    x: Number
    y: str
    above: Number = 0.0

    @property
    def _source(self) -> str:
        return f"name {self.y} at {self.x:g}"

    def sources(self, x: str, shown: Shown) -> Sources:
        y = _points(shown(self.y))
        return {self._source: {"x": np.full_like(y, self.x), "y": y + self.above}}

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.name_tag(self._source, self.role, self.text)


@dataclasses.dataclass(frozen=True)
class Shade(Mark):
    """The whole height of a panel, where something is true."""

    where: str
    role: str
    legend: str | None = None

    def sources(self, x: str, shown: Shown) -> Sources:
        true = shown(self.where) > 0.5
        return {self.where: {"x": shown(x), "low": np.where(true, -FAR, 0.0), "high": np.where(true, FAR, 0.0)}}

    def jumping(self, x: str) -> frozenset[str]:
        return frozenset({f"{self.where}.low", f"{self.where}.high"})

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.band(self.where, self.role, self.legend)


@dataclasses.dataclass(frozen=True)
class Level(Mark):
    """A horizontal line, at a number that no control moves or at the one at an address."""

    y: Number | str
    role: str = "soft"
    legend: str | None = None
    _: dataclasses.KW_ONLY
    width: Number = 1.0
    dash: str = "solid"
    alpha: Number = 1.0

    @property
    def _source(self) -> str:
        return f"level {_named(self.y)}"

    def sources(self, x: str, shown: Shown) -> Sources:
        ends = _at_both_ends(self.y, x, shown)
        return {self._source: {"x": _from_to(FAR_ACROSS, ends), "y": ends}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [_points(shown(self.y))] if isinstance(self.y, str) else []

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.line(
            self._source, "y", self.role, self.legend, dash=self.dash, width=self.width, alpha=self.alpha,
            level=_level(not isinstance(self.y, str)),
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Marker(Mark):
    """A vertical line, at the number at an address or at one that no control moves."""

    x: Number | str
    role: str = "soft"
    legend: str | None = None
    _: dataclasses.KW_ONLY
    width: Number = 1.5
    dash: str = "dotted"

    @property
    def _source(self) -> str:
        return f"at {_named(self.x)}"

    def sources(self, x: str, shown: Shown) -> Sources:
        ends = _at_both_ends(self.x, x, shown)
        return {self._source: {"x": ends, "y": _from_to(FAR, ends)}}

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        level = _level(not isinstance(self.x, str))
        drawing.line(self._source, "y", self.role, self.legend, dash=self.dash, width=self.width, level=level)


@dataclasses.dataclass(frozen=True)
class Bars(Mark):
    """A bar from zero for each number, at 1, 2, … or `aside` of there."""

    y: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    aside: Number = 0.0
    width: Number = 0.22
    alpha: Number = 1.0
    jumps: bool = False

    def sources(self, x: str, shown: Shown) -> Sources:
        heights = shown(self.y)
        corners = self.aside + 0.5 * self.width * np.array([-1.0, -1.0, 1.0, 1.0])  # of one area
        across = (np.arange(1, heights.shape[1] + 1)[:, None] + corners).ravel()
        high = (heights[:, :, None] * np.array([0.0, 1.0, 1.0, 0.0])).reshape(len(heights), -1)
        return {f"bars {self.y}": {"x": np.broadcast_to(across, high.shape), "low": np.zeros(high.shape), "high": high}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [shown(self.y)]

    def jumping(self, x: str) -> frozenset[str]:
        return frozenset({f"bars {self.y}.high"} if self.jumps else ())

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.band(f"bars {self.y}", self.role, self.legend, alpha=self.alpha)


@dataclasses.dataclass(frozen=True)
class Flow(Mark):
    """An area between two curves that go upward: the fields `left` and `right` of an address, over its field `y`."""

    of: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    alpha: Number = 1.0

    def sources(self, x: str, shown: Shown) -> Sources:
        return {self.of: {name: shown(f"{self.of}.{name}") for name in ("y", "left", "right")}}

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.flow(self.of, self.role, self.legend, alpha=self.alpha)


@dataclasses.dataclass(frozen=True)
class Discs(Mark):
    """Circles at the fields `x` and `y` of an address, each with its own diameter in pixels: the field `size`.

    `text`: what is read of each of them, under the pointer or with the arrow keys; it names further fields in braces.
    """

    of: str
    role: str
    legend: str | None = None
    _: dataclasses.KW_ONLY
    size: str = "size"
    fill: str | None = None
    jumps: bool = False
    text: str = ""

    def sources(self, x: str, shown: Shown) -> Sources:
        names = ("x", "y", self.size, *re.findall(r"{(\w+)", self.text))
        return {self.of: {name: shown(f"{self.of}.{name}") for name in names}}

    def reach(self, shown: Shown) -> list[np.ndarray]:
        return [shown(f"{self.of}.y")]

    def jumping(self, x: str) -> frozenset[str]:
        return frozenset({f"{self.of}.{self.size}"} if self.jumps else ())

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.dots(self.of, "y", self.role, self.legend, size=self.size, hollow=self.fill is None, fill=self.fill)


@dataclasses.dataclass(frozen=True)
class Key(Mark):
    """A legend for what has many colours, such as all hollow markers, or for a colour of a map."""

    legend: str
    role: str = "soft"
    _: dataclasses.KW_ONLY
    marker: str = "circle"
    hollow: bool = False

    def sources(self, x: str, shown: Shown) -> Sources:
        return {}

    def draw(self, drawing: Drawing, x: str, axis: Any) -> None:
        drawing.key(self.legend, self.role, self.marker, self.hollow)


@dataclasses.dataclass(frozen=True)
class HeatMap(Mark):
    """Numbers over the panel's x-axis and the axis `y`, as colours from `low` to `high`."""

    values: str
    y: str
    palette: str
    _: dataclasses.KW_ONLY
    low: Number = -1.0
    high: Number = 1.0

    def sources(self, x: str, shown: Shown) -> Sources:
        return {self.values: {"image": shown(self.values)}}

    def draw(self, drawing: Drawing, x: str, axis: Callable[[str], np.ndarray]) -> None:
        drawing.heat_map(self.values, self.low, self.high, self.palette, axis(x), axis(self.y))


@dataclasses.dataclass(frozen=True)
class Raster(Mark):
    """Spikes over the panel's x-axis, one row a trial, from `bottom` to `top`; a single row may fill the whole height."""

    spikes: str
    role: str
    bottom: Number
    top: Number

    def sources(self, x: str, shown: Shown) -> Sources:
        fired = shown(self.spikes) > 0.5
        return {self.spikes: {"image": np.repeat(fired[:, None], 8, axis=1) if fired.ndim == 2 else fired}}

    def draw(self, drawing: Drawing, x: str, axis: Callable[[str], np.ndarray]) -> None:
        drawing.raster(self.spikes, self.role, axis(x), self.bottom, self.top)
