"""Colours by role, light and dark; every figure of every page gets them from here.

The hues are those of Okabe & Ito, which readers with any colour vision can tell apart, lightened for the dark theme.
"""

from typing import Any

from sgtheory.pages._kit.ticks import formatter, label_axis

THEME = {
    "light": {
        "background": "#ffffff", "ink": "#1f2328", "soft": "#57606a", "line": "#d0d7de", "grid": "#eaeef2",
        "blue": "#0072b2", "orange": "#d55e00", "green": "#007a5a", "purple": "#a3467d", "yellow": "#b07d00",
    },
    "dark": {
        "background": "#111418", "ink": "#e6edf3", "soft": "#9da7b1", "line": "#3d444d", "grid": "#22272e",
        "blue": "#56b4e9", "orange": "#ff9249", "green": "#2ac9a0", "purple": "#e58fc2", "yellow": "#f0c649",
    },
}  # fmt: skip


PALE = 0.7
"""Opacity of wide lines and marks that others are drawn on: as little as stands out from the background, 3 : 1."""


def themed(model: Any, **roles: str) -> Any:
    """Sets colours of a Bokeh model by role, for the light theme; the browser can change them for the dark one.

    A `palette` with one role goes from transparent to that colour, in two shades or in as many as the number after a space
    says; with two roles, as in "purple green 31", it goes from one colour through transparent to the other.
    """
    for name, role in roles.items():
        setattr(model, name, palette(role, THEME["light"]) if name == "palette" else THEME["light"][role])
        model.tags = [*model.tags, ["theme", name, role]]
    return model


def palette(role: str, colours: dict[str, str]) -> list[str]:
    """The colours of a palette role, as `#rrggbbaa`; `palette` in elements.js does the same."""
    *names, shades = role.split() if " " in role else (role, "2")
    steps = [k / (int(shades) - 1) for k in range(int(shades))]
    if len(names) == 1:
        return [_faded(colours[names[0]], step) for step in steps]
    return [_faded(colours[names[step > 0.5]], abs(2 * step - 1)) for step in steps]


def _faded(colour: str, opacity: float) -> str:
    return f"{colour}{int(255 * opacity + 0.5):02x}"


def panel(
    title: str, *, x_range: Any, y_range: tuple[float, float], x_label: str, y_label: str, height: int = 212,
    x_powers_of: int | None = None, y_powers_of: int | None = None,
):  # fmt: skip
    """An empty figure in the house style: quiet axes, a light grid, linked by its `x_range` (a Bokeh `Range1d`).

    Along an axis whose data are logarithms, to the base `x_powers_of` or `y_powers_of`, stand the numbers themselves.
    """
    from bokeh.models import Range1d
    from bokeh.plotting import figure

    plot = figure(
        title=title, height=height, min_width=200, sizing_mode="stretch_width", x_range=x_range, y_range=Range1d(*y_range),
        x_axis_label=x_label, y_axis_label=y_label, toolbar_location=None, tools="",
        min_border_right=12, min_border_left=62,  # frames are aligned, and do not move when labels grow
    )  # fmt: skip
    themed(plot, background_fill_color="background", border_fill_color="background", outline_line_color="line")
    plot.title.text_font_size = "12px"
    themed(plot.title, text_color="ink")
    for axis, base in zip(plot.axis, (x_powers_of, y_powers_of), strict=True):
        label_axis(axis, base)
        axis.axis_label_text_font_size = "11px"
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
        axis.major_tick_in = 0
        axis.major_tick_out = 4
        themed(
            axis, axis_line_color="line", major_tick_line_color="line", major_label_text_color="soft",
            axis_label_text_color="soft",
        )  # fmt: skip
    for grid in plot.grid:
        grid.level = "image"  # below the lines and texts behind the curves
        themed(grid, grid_line_color="grid")
    return plot


def colour_bar(mapper: Any):
    """The scale of a colour mapper, beside a frame."""
    from bokeh.models import BasicTicker, ColorBar

    bar = ColorBar(
        color_mapper=mapper, ticker=BasicTicker(desired_num_ticks=3), formatter=formatter(), width=8, padding=2, margin=0,
        label_standoff=4, major_tick_line_color=None, major_label_text_font_size="11px",
    )  # fmt: skip
    return themed(bar, major_label_text_color="soft", background_fill_color="background", bar_line_color="line")
