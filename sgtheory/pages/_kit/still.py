"""The figures of a page as a still picture: for print, for the README, for a notebook that nobody has run.

It draws the glyphs of a page's Bokeh figures with matplotlib, so that a page describes its picture only once.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from bokeh.models import ColorBar, FixedTicker, HArea, Image, Line, MultiLine, Scatter, Segment, Step, Text, VArea
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as StillFigure
from matplotlib.ticker import Formatter

from sgtheory.pages._kit.drawing import key_of
from sgtheory.pages._kit.theme import THEME, palette
from sgtheory.pages._kit.ticks import exponents, labels, powers_of

_DASHES: dict[tuple[int, ...], Any] = {(): "-", (6,): "--", (2, 4): ":", (2, 4, 6, 4): "-."}
_MARKERS = {"circle": "o", "triangle": "^", "inverted_triangle": "v", "square": "s"}
_STEPS = {"before": "pre", "after": "post", "center": "mid"}
_INCHES = (5.6, 2.5)
_HEIGHT = 212  # CSS pixels, of most panels
_POINTS = 0.75  # per CSS pixel
_LETTERS = 88  # of the key, side by side below a plot
_ROW = 13  # CSS pixels of a row of the key


def still_picture(
    plots: list[Any], theme: str = "light", wide: Sequence[bool] = (), equal: Sequence[bool] = ()
) -> StillFigure:
    """All `plots` in two columns, with those that are `wide` across both, and `equal` units where they are to be.

    Pyplot's global state does not hold the figure.
    """
    places = _places(wide or [False] * len(plots))
    tall = [
        plot.height + _ROW * _rows_of(_named(plot), _is_wide(place)) for plot, place in zip(plots, places, strict=True)
    ]
    heights = [max(each for each, (own, _) in zip(tall, places, strict=True) if own == row)
               for row in range(places[-1][0] + 1)]  # fmt: skip
    figure = StillFigure(figsize=(2 * _INCHES[0], _INCHES[1] * sum(heights) / _HEIGHT), layout="constrained")
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    colours = THEME[theme]
    figure.set_facecolor(colours["background"])
    for plot, place, is_equal in zip(plots, places, equal or [False] * len(plots), strict=True):
        axes = figure.add_subplot(grid[place])
        _frame(axes, plot, colours)
        artists = {
            id(renderer.glyph): _draw(axes, renderer.glyph, renderer.data_source.data, theme)
            for renderer in plot.renderers
        }
        _key(axes, plot, colours, artists, _is_wide(place))
        _colour_bar(axes, plot, colours, artists)
        if is_equal:
            axes.set_aspect("equal")
    return figure


def _places(wide: Sequence[bool]) -> list[tuple[int, Any]]:
    """The row, and the column or columns, of each plot."""
    places, cell = [], 0
    for is_wide in wide:
        cell += cell % 2 if is_wide else 0
        places.append((cell // 2, slice(None) if is_wide else cell % 2))
        cell += 2 if is_wide else 1
    return places


def _is_wide(place: tuple[int, Any]) -> bool:
    return isinstance(place[1], slice)


def _draw(axes: Any, glyph: Any, data: Any, theme: str) -> Any:
    """The artist of one glyph."""
    match glyph:
        case Line():
            return axes.plot(
                *_xy(glyph, data), color=_colour(glyph, "line_color", theme), alpha=glyph.line_alpha,
                linewidth=glyph.line_width * _POINTS, linestyle=_DASHES.get(tuple(glyph.line_dash), "-"),
            )[0]  # fmt: skip
        case MultiLine():
            lines = [np.transpose(each) for each in zip(data[glyph.xs], data[glyph.ys], strict=True)]
            return axes.add_collection(LineCollection(lines, colors=_colour(glyph, "line_color", theme), alpha=glyph.line_alpha,
                                                      linewidths=glyph.line_width * _POINTS), autolim=False)  # fmt: skip
        case Step():
            return axes.step(*_xy(glyph, data), where=_STEPS[glyph.mode], color=_colour(glyph, "line_color", theme),
                             linewidth=glyph.line_width * _POINTS)[0]  # fmt: skip
        case Scatter():
            return _marks(axes, glyph, data, theme)
        case Segment():
            return axes.vlines(data[glyph.x0], data[glyph.y0], data[glyph.y1], color=_colour(glyph, "line_color", theme),
                        linewidth=glyph.line_width * _POINTS, alpha=glyph.line_alpha)  # fmt: skip
        case Text():
            for x, y in zip(data[glyph.x], data[glyph.y], strict=True):
                axes.annotate(glyph.text.value, (x, y), (glyph.x_offset * _POINTS, 0), textcoords="offset points", fontsize=7.5,
                              va="center", color=_colour(glyph, "text_color", theme), annotation_clip=True)  # fmt: skip
            return None
        case VArea():
            return axes.fill_between(data[glyph.x], data[glyph.y1], data[glyph.y2], alpha=glyph.fill_alpha, linewidth=0,
                                     color=_colour(glyph, "fill_color", theme))  # fmt: skip
        case HArea():
            return axes.fill_betweenx(data[glyph.y], data[glyph.x1], data[glyph.x2], alpha=glyph.fill_alpha, linewidth=0,
                                      color=_colour(glyph, "fill_color", theme))  # fmt: skip
        case Image():
            mapper = glyph.color_mapper
            colours = ListedColormap(palette(_role(mapper, "palette"), THEME[theme]))
            extent = (glyph.x, glyph.x + glyph.dw, glyph.y, glyph.y + glyph.dh)
            return axes.imshow(data[glyph.image][0], cmap=colours, vmin=mapper.low, vmax=mapper.high, extent=extent,
                               origin="lower", aspect="auto", interpolation="nearest", zorder=1.5)  # fmt: skip
        case _:
            raise TypeError(f"A still picture knows no glyph {type(glyph).__name__}: add a case to still.py.")


def _marks(axes: Any, glyph: Any, data: Any, theme: str) -> Any:
    line, fill = (_colour(glyph, name, theme) for name in ("line_color", "fill_color"))
    fill, marker = fill if glyph.fill_alpha else "none", _MARKERS[glyph.marker]
    if isinstance(glyph.size, str):
        areas = (data[glyph.size] * _POINTS) ** 2
        return axes.scatter(
            *_xy(glyph, data), areas, marker=marker, facecolors=fill, edgecolors=line, linewidths=0.8, zorder=2
        )
    size = glyph.size * _POINTS
    return axes.plot(
        *_xy(glyph, data), marker, color=line, markersize=size, markerfacecolor=fill, markeredgewidth=0.8
    )[0]  # fmt: skip


def _xy(glyph: Any, data: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(data[glyph.x]), np.asarray(data[glyph.y])


def _role(model: Any, name: str) -> str:
    return next(role for _, tagged, role in model.tags if tagged == name)


def _colour(model: Any, name: str, theme: str) -> str:
    return THEME[theme][_role(model, name)]


def _frame(axes: Any, plot: Any, colours: dict[str, str]) -> None:
    axes.set_facecolor(colours["background"])
    _limit(axes, plot)
    axes.set_autoscale_on(False)
    axes.set_title(plot.title.text, loc="left", fontsize=9, fontweight="bold", color=colours["ink"])
    axes.set_xlabel(plot.xaxis[0].axis_label, fontsize=8, color=colours["soft"])
    axes.set_ylabel(plot.yaxis[0].axis_label, fontsize=8, color=colours["soft"])
    axes.grid(color=colours["grid"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7.5, color=colours["line"], labelcolor=colours["soft"])
    for spine in axes.spines.values():
        spine.set_color(colours["line"])
    for axis, base in zip((axes.xaxis, axes.yaxis), powers_of(plot), strict=True):
        axis.set_major_formatter(_Labels(base))
        if base:
            axis.set_ticks(exponents(*axis.get_view_interval()))
    named = plot.yaxis[0].major_label_overrides
    if getattr(plot.yaxis[0].ticker, "ticks", None) == []:
        axes.set_yticks([])
    if named:
        axes.set_yticks(list(named), list(named.values()))
        axes.grid(visible=False, axis="y")
    if isinstance(plot.xaxis[0].ticker, FixedTicker):
        named = plot.xaxis[0].major_label_overrides
        axes.set_xticks(list(named), list(named.values()))
        axes.grid(visible=False, axis="x")
    _limit(axes, plot)  # which names of places beyond the ends have moved


def _limit(axes: Any, plot: Any) -> None:
    axes.set_xlim(plot.x_range.start, plot.x_range.end)
    axes.set_ylim(plot.y_range.start, plot.y_range.end)


def _colour_bar(axes: Any, plot: Any, colours: dict[str, str], artists: dict[int, Any]) -> None:
    """Beside the frame, where the live figure has one."""
    if not any(isinstance(each, ColorBar) for each in plot.right):
        return
    image = next(artists[id(each.glyph)] for each in plot.renderers if isinstance(each.glyph, Image))
    bar = axes.figure.colorbar(image, ax=axes, aspect=30, pad=0.02)
    bar.ax.yaxis.set_major_formatter(_Labels(0))
    bar.ax.tick_params(labelsize=7.5, color=colours["line"], labelcolor=colours["soft"])
    bar.ax.set_facecolor(colours["background"])
    bar.outline.set_color(colours["line"])


class _Labels(Formatter):
    """The numbers along an axis, as the page shows them."""

    def __init__(self, base: int) -> None:
        self.base = base

    def format_ticks(self, values: Any) -> list[str]:
        return labels(values, self.base)

    def __call__(self, x: Any, pos: Any = None) -> str:
        return labels([x], self.base)[0]


def _named(plot: Any) -> dict[str, Any]:
    """What the key names: label → glyph, without what has no points; a glyph for the key alone has a nameless source."""
    return {
        label: renderer.glyph
        for label, renderer in key_of(plot).items()
        if renderer.data_source.name is None or any(len(values) for values in renderer.data_source.data.values())
    }


def _columns_of(labels: Iterable[str], wide: bool) -> int:
    """How many names stand side by side below a plot."""
    room = (2 if wide else 1) * _LETTERS
    return max(1, room // (max(map(len, labels)) + 6))


def _rows_of(labels: Collection[str], wide: bool) -> int:
    return math.ceil(len(labels) / _columns_of(labels, wide)) if labels else 0


def _key(axes: Any, plot: Any, colours: dict[str, str], artists: dict[int, Any], wide: bool) -> None:
    """The names below the plot, as in the browser, where they hide no curve."""
    named = _named(plot)
    if not named:
        return
    handles = [artists[id(glyph)] for glyph in named.values()]
    has_label = bool(plot.xaxis[0].axis_label)
    legend = axes.legend(
        handles, named, loc="upper left", bbox_to_anchor=(0.0, -0.24 if has_label else -0.1), fontsize=7, frameon=False,
        ncols=_columns_of(named, wide), borderpad=0, borderaxespad=0, labelspacing=0.2, markerscale=0.8,
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_color(colours["ink"])
    for handle in legend.legend_handles:
        if isinstance(handle, LineCollection):  # a bar that is wider than a line of text
            handle.set_linewidth(min(np.max(handle.get_linewidth()), 4))
