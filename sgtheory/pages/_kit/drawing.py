"""What panels draw on all pages: lines, dots and bands, in roles instead of colours."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit.numbers import Sources
from sgtheory.pages._kit.stage import Figure
from sgtheory.pages._kit.theme import colour_bar, themed


def data_sources(sources: Sources) -> dict[str, Any]:
    """The sources of a picture as Bokeh holds them, by name; an image is a list of one array.

    Columns `x` and `y` with a column `begin` are many lines one behind the other, which Bokeh holds as `xs` and `ys`.
    """
    from bokeh.models import ColumnDataSource

    return {
        name: ColumnDataSource(
            _lines(columns) if "begin" in columns else {column: _held(values) for column, values in columns.items()},
            name=name,
        )
        for name, columns in sources.items()
    }


def _lines(columns: Mapping[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Each line by itself; line k goes from `begin[k]` to `begin[k + 1]`."""
    cuts = np.asarray(columns["begin"], dtype=int)[1:]
    return {f"{axis}s": np.split(np.asarray(columns[axis], dtype="f8"), cuts) for axis in "xy"}


def _held(values: np.ndarray) -> Any:
    numbers = values.astype("u1") if values.dtype == bool else np.asarray(values, dtype="f8")
    return [numbers] if values.ndim == 2 else numbers


def sent_range(ranges: dict[str, np.ndarray], name: str, sides=("start", "end")) -> tuple[float, float]:
    """The ends of a panel's y-axis, from the source `ranges`; with the sides "left" and "right", those of its x-axis."""
    first, last = sides
    return float(ranges[f"{name}.{first}"][0]), float(ranges[f"{name}.{last}"][0])


def drawn_columns(plot: Any) -> set[tuple[str, str]]:
    """The columns that a plot draws, each with its source."""
    fields = ("x", "y", "x0", "y0", "x1", "y1", "x2", "y2", "xs", "ys", "image")
    drawn = {
        (renderer.data_source.name, column)
        for renderer in plot.renderers
        for field in fields
        if isinstance(column := getattr(renderer.glyph, field, None), str)
        and column in renderer.data_source.data
        and renderer.data_source.name  # otherwise it is there for the key alone
    }
    lines = {source for source, column in drawn if column == "xs"}
    return {each for each in drawn if each[0] not in lines} | {
        (source, name) for source in lines for name in ("x", "y", "begin")
    }


BEHIND = "underlay"  # a level of Bokeh; scenery.js keeps what is painted there


class Drawing:
    """One figure of a page, `plot`, which draws columns of the named sources in `data`."""

    def __init__(self, name: str, data: dict[str, Any], plot: Any) -> None:
        self.name, self.data, self.plot = name, data, plot

    def line(self, source, y, role, legend=None, dash="solid", width=1.5, alpha=1.0, level="glyph", x="x"):
        """The column `y` of a source over its column `x`; at the level `BEHIND` where it changes with no slider."""
        line = self.plot.line(
            x, y, source=self.data[source], line_dash=dash, line_width=width, line_alpha=alpha, level=level
        )  # fmt: skip
        _drawn(line, legend, line_color=role)

    def dots(self, source, y, role, legend=None, size=4, marker="circle", hollow=False, fill=None, x="x", name=None):
        """The same as markers, of one size or of the sizes in a column; filled with their own colour or that of `fill`.

        `name`: what their values are called under the pointer, where no legend says so.
        """
        opacity = 0.0 if hollow else 0.9 if fill is None else 1.0
        dots = self.plot.scatter(
            x, y, source=self.data[source], size=size, marker=marker, fill_alpha=opacity, name=name
        )
        _drawn(dots, legend, line_color=role, fill_color=fill or role)

    def key(self, legend, role="soft", marker="circle", hollow=False):
        """A legend for marks of many colours, such as all hollow ones."""
        from bokeh.models import ColumnDataSource

        nothing = ColumnDataSource({"x": [], "y": []})
        dots = self.plot.scatter("x", "y", source=nothing, size=7, marker=marker, fill_alpha=0.0 if hollow else 0.9)
        _drawn(dots, legend, line_color=role, fill_color=role)

    def steps(self, source, y, role, legend=None, width=1.0):
        """The column `y` over the column `x`, in steps that rise at the right end of each interval."""
        steps = self.plot.step("x", y, source=self.data[source], mode="before", line_width=width)
        _drawn(steps, legend, line_color=role)

    def lines(self, source, role, legend=None, width=1.0, alpha=1.0):
        """The many lines of a source with the columns `x`, `y` and `begin`."""
        lines = self.plot.multi_line("xs", "ys", source=self.data[source], line_width=width, line_alpha=alpha)
        _drawn(lines, legend, line_color=role)

    def band(self, source, role, legend=None, alpha=0.25, ends=("low", "high")):
        """An area from one column to another, over the column `x`."""
        band = self.plot.varea("x", *ends, source=self.data[source], fill_alpha=alpha)
        _drawn(band, legend, fill_color=role)

    def flow(self, source, role, legend=None, alpha=0.25):
        """An area from the column `left` to the column `right`, over the column `y`."""
        flow = self.plot.harea("left", "right", "y", source=self.data[source], fill_alpha=alpha)
        _drawn(flow, legend, fill_color=role)

    def intervals(self, source, role, legend=None, width=1.5, alpha=1.0, ends=("low", "high")):
        """Vertical lines from one column to another, each at its `x`."""
        low, high = ends
        lines = self.plot.segment("x", low, "x", high, source=self.data[source], line_width=width, line_alpha=alpha)
        _drawn(lines, legend, line_color=role)

    def name_tag(self, source, role, text):
        """A text that does not change, to the right of the one point of a source."""
        tag = self.plot.text(
            "x", "y", source=self.data[source], text={"value": text}, text_font_size="11px", text_baseline="middle",
            x_offset=4, level=BEHIND,
        )  # fmt: skip
        themed(tag.glyph, text_color=role)

    def heat_map(self, source, low, high, role, xs=None, ys=None):
        """The image of a source, whose outermost numbers lie at the ends of `xs` and `ys`, or else of the axes."""
        from bokeh.models import LinearColorMapper

        rows, columns = self.data[source].data["image"][0].shape
        (left, right), (bottom, top) = (
            (each.start, each.end) if axis is None else (axis[0], axis[-1])
            for each, axis in ((self.plot.x_range, xs), (self.plot.y_range, ys))
        )
        # A number is the value at the middle of its cell.
        across, upward = (right - left) / (columns - 1), (top - bottom) / (rows - 1)
        mapper = themed(LinearColorMapper(low=low, high=high), palette=role)
        self.plot.image(
            "image", source=self.data[source], x=left - across / 2, y=bottom - upward / 2,
            dw=right - left + across, dh=top - bottom + upward, color_mapper=mapper,
        )  # fmt: skip
        self.plot.grid.visible = False
        self.plot.add_layout(colour_bar(mapper), "right")

    def raster(self, source, role, xs, bottom, top):
        """The spikes of a source, from `bottom` to `top`, over `xs`."""
        from bokeh.models import LinearColorMapper

        step = xs[1] - xs[0]
        mapper = themed(LinearColorMapper(low=0, high=1), palette=role)
        self.plot.image(
            "image", source=self.data[source], x=xs[0] - step / 2, y=bottom, dw=xs[-1] - xs[0] + step, dh=top - bottom,
            color_mapper=mapper,
        )  # fmt: skip
        self.plot.ygrid.visible = False

    def named_rows(self, names):
        """Names at places of the y-axis, in place of numbers."""
        _name(self.plot.yaxis[0], names)
        self.plot.ygrid.visible = False

    def named_places(self, names):
        """The same along the x-axis."""
        _name(self.plot.xaxis[0], names)

    def without_scale(self):
        """No numbers and no grid lines along the y-axis, because its positions are rows."""
        self.named_rows({})

    def finished(self, description: str, map: tuple[str, str] | tuple[()] | None = None, equal: bool = False) -> Figure:
        """The figure with its text, once everything is drawn; `map` and `equal` as in `Figure`."""
        for renderer in self.plot.renderers:  # nothing is selected or muted, so no separate glyphs are needed for that
            glyph = renderer.glyph
            renderer.update(selection_glyph=glyph, nonselection_glyph=glyph, muted_glyph=glyph)
        return Figure(self.name, self.plot, description, map, equal)


def _name(axis: Any, names: dict[Any, str]) -> None:
    from bokeh.models import FixedTicker

    axis.ticker = FixedTicker(ticks=list(names))
    axis.major_label_overrides = names


def _drawn(renderer: Any, legend: str | None, **roles: str) -> None:
    """Gives a glyph its colours by role, and its name in the key below the plot.

    Not in a legend of Bokeh, which makes itself anew, canvas by canvas, whenever a number changes, even where it is hidden.
    """
    themed(renderer.glyph, **roles)
    if legend:
        renderer.tags = [["key", legend]]


def key_of(plot: Any) -> dict[str, Any]:
    """What the key below a plot names: the first renderer of each name; `keyOf` in captions.js does the same."""
    key = {}
    for renderer in plot.renderers:
        for _, name in renderer.tags:
            key.setdefault(name, renderer)
    return key
