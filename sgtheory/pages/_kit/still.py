"""The same figures as a still picture: for print, for the README, for a notebook that nobody has run.

Reads the Bokeh figures of a page and draws their glyphs with matplotlib, so that a page describes its picture once.
"""

from typing import Any

import numpy as np
from bokeh.models import Image, Line, Scatter, Segment, Step, Text, VArea
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as StillFigure

from sgtheory.pages._kit.theme import THEME, palette

_DASHES: dict[tuple[int, ...], Any] = {(): "-", (6,): "--", (2, 4): ":"}
_MARKERS = {"circle": "o", "triangle": "^", "inverted_triangle": "v", "square": "s"}
_STEPS = {"before": "pre", "after": "post", "center": "mid"}
_INCHES = (5.6, 2.5)
_POINTS = 0.75  # of a CSS pixel


def still_picture(plots: list[Any], columns: int = 2, theme: str = "light") -> StillFigure:
    """All `plots` in a grid, as they stand; the figure belongs to no global state of pyplot."""
    rows = -(-len(plots) // columns)
    figure = StillFigure(figsize=(_INCHES[0] * columns, _INCHES[1] * rows), layout="constrained")
    colours = THEME[theme]
    figure.set_facecolor(colours["background"])
    for index, plot in enumerate(plots):
        axes = figure.add_subplot(rows, columns, index + 1)
        _frame(axes, plot, colours)
        for renderer in plot.renderers:
            _draw(axes, renderer.glyph, renderer.data_source.data, theme)
        _legend(axes, plot, colours)
    return figure


def _draw(axes: Any, glyph: Any, data: Any, theme: str) -> None:
    match glyph:
        case Line():
            axes.plot(*_xy(glyph, data), color=_colour(glyph, "line_color", theme), alpha=glyph.line_alpha,
                      linewidth=glyph.line_width * _POINTS, linestyle=_DASHES.get(tuple(glyph.line_dash), "-"))  # fmt: skip
        case Step():
            axes.step(*_xy(glyph, data), where=_STEPS[glyph.mode], color=_colour(glyph, "line_color", theme),
                      linewidth=glyph.line_width * _POINTS)  # fmt: skip
        case Scatter():
            colour = _colour(glyph, "line_color", theme)
            axes.plot(*_xy(glyph, data), _MARKERS[glyph.marker], color=colour, markersize=glyph.size * _POINTS,
                      markerfacecolor=colour if glyph.fill_alpha else "none", markeredgewidth=0.8)  # fmt: skip
        case Segment():
            axes.vlines(data[glyph.x0], data[glyph.y0], data[glyph.y1], color=_colour(glyph, "line_color", theme),
                        linewidth=glyph.line_width * _POINTS, alpha=glyph.line_alpha)  # fmt: skip
        case Text():
            for x, y in zip(data[glyph.x], data[glyph.y], strict=True):
                axes.annotate(glyph.text.value, (x, y), (glyph.x_offset * _POINTS, 0), textcoords="offset points", fontsize=7.5,
                              va="center", color=_colour(glyph, "text_color", theme), annotation_clip=True)  # fmt: skip
        case VArea():
            axes.fill_between(data[glyph.x], data[glyph.y1], data[glyph.y2], color=_colour(glyph, "fill_color", theme),
                              alpha=glyph.fill_alpha, linewidth=0)  # fmt: skip
        case Image():
            mapper = glyph.color_mapper
            colours = ListedColormap(palette(_role(mapper, "palette"), THEME[theme]))
            extent = (glyph.x, glyph.x + glyph.dw, glyph.y, glyph.y + glyph.dh)
            axes.imshow(data[glyph.image][0], cmap=colours, vmin=mapper.low, vmax=mapper.high, extent=extent, origin="lower",
                        aspect="auto", interpolation="nearest", zorder=1.5)  # fmt: skip
        case _:
            raise TypeError(f"A still picture knows no glyph {type(glyph).__name__}: add a case to still.py.")


def _xy(glyph: Any, data: Any) -> tuple[np.ndarray, np.ndarray]:
    return data[glyph.x], data[glyph.y]


def _role(model: Any, name: str) -> str:
    return next(role for _, tagged, role in model.tags if tagged == name)


def _colour(model: Any, name: str, theme: str) -> str:
    return THEME[theme][_role(model, name)]


def _frame(axes: Any, plot: Any, colours: dict[str, str]) -> None:
    axes.set_facecolor(colours["background"])
    axes.set_xlim(plot.x_range.start, plot.x_range.end)
    axes.set_ylim(plot.y_range.start, plot.y_range.end)
    axes.set_autoscale_on(False)
    axes.set_title(plot.title.text, loc="left", fontsize=9, fontweight="bold", color=colours["ink"])
    axes.set_xlabel(plot.xaxis[0].axis_label, fontsize=8, color=colours["soft"])
    axes.set_ylabel(plot.yaxis[0].axis_label, fontsize=8, color=colours["soft"])
    axes.grid(color=colours["grid"], linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7.5, color=colours["line"], labelcolor=colours["soft"])
    for spine in axes.spines.values():
        spine.set_color(colours["line"])
    named = plot.yaxis[0].major_label_overrides
    if getattr(plot.yaxis[0].ticker, "ticks", None) == []:
        axes.set_yticks([])
    if named:
        axes.set_yticks(list(named), list(named.values()), rotation=90, va="center")
        axes.grid(visible=False, axis="y")


def _legend(axes: Any, plot: Any, colours: dict[str, str]) -> None:
    if not plot.legend:
        return
    drawn = iter(axes.lines)
    handles = {}
    owners = {id(item.renderers[0].glyph): item.label.value for item in plot.legend[0].items}
    for renderer in plot.renderers:
        if isinstance(renderer.glyph, (Line, Step, Scatter)):
            line = next(drawn)
            if id(renderer.glyph) in owners:
                handles[owners[id(renderer.glyph)]] = line
    where = plot.legend[0].location.replace("top", "upper").replace("bottom", "lower").replace("_", " ")
    legend = axes.legend(handles.values(), handles.keys(), loc=where, fontsize=7, framealpha=0.75, edgecolor="none")
    legend.get_frame().set_facecolor(colours["background"])
    for text in legend.get_texts():
        text.set_color(colours["ink"])
