"""The still picture, drawn by matplotlib, has exactly the numbers and colours of the live figures."""

import io

import matplotlib.collections
import matplotlib.colors
import numpy as np
import pytest
from bokeh.models import HArea, Image, Line, MultiLine, Scatter, Segment, Step, Text, VArea
from matplotlib.figure import Figure

from sgtheory.pages._kit.drawing import key_of
from sgtheory.pages._kit.still import still_picture
from sgtheory.pages._kit.theme import THEME
from sgtheory.pages._kit.ticks import exponents, labels, powers_of


@pytest.fixture(scope="module")
def drawn():
    return {}


@pytest.fixture
def still(any_page, drawn):
    """The still picture of a page at its start, drawn once."""
    if any_page.name not in drawn:
        drawn[any_page.name] = any_page.still()
    return drawn[any_page.name]


def framed(still):
    """The axes of the figures, without those of colour bars."""
    return [axes for axes in still.axes if axes.get_label() != "<colorbar>"]


def test_every_figure_gets_axes_of_its_own_with_its_title_labels_and_limits(any_page, still):
    figures = any_page.figures(any_page.data)
    assert isinstance(still, Figure)
    assert len(framed(still)) == len(figures) == len(any_page.panels)
    for axes, figure in zip(framed(still), figures, strict=True):
        plot = figure.plot
        assert axes.get_title(loc="left") == plot.title.text
        labels = [axis[0].axis_label or "" for axis in (plot.xaxis, plot.yaxis)]
        assert [axes.get_xlabel(), axes.get_ylabel()] == labels
        assert axes.get_xlim() == (plot.x_range.start, plot.x_range.end)
        assert axes.get_ylim() == (plot.y_range.start, plot.y_range.end)


def test_axes_show_what_the_page_s_axes_show(any_page, still):
    """Numbers where the page has numbers, powers where it has powers, names where it has names."""
    still.draw_without_rendering()
    for axes, figure in zip(framed(still), any_page.figures(any_page.data), strict=True):
        for axis, bokehs, base in zip((axes.xaxis, axes.yaxis), figure.plot.axis, powers_of(figure.plot), strict=True):
            low, high = axis.get_view_interval()
            ticks = [tick for tick in axis.get_majorticklocs() if low <= tick <= high]
            shown = [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            named = bokehs.major_label_overrides
            assert shown == ([named[tick] for tick in ticks] if named else labels(ticks, base))
            if base:
                np.testing.assert_array_equal(ticks, exponents(low, high))


def test_single_unit_has_six_figures(page):
    assert len(page.still().axes) == 6


def test_artists_carry_the_numbers_of_the_page(any_page, still):
    """Compared with the page's data by the names of their columns, not with what Bokeh holds."""
    data = any_page.data
    for axes, figure in zip(framed(still), any_page.figures(data), strict=True):
        lines, images = iter(axes.lines), iter(axes.images)
        uprights = iter([c for c in axes.collections if isinstance(c, matplotlib.collections.LineCollection)])
        tags = iter(axes.texts)
        bands = iter([c for c in axes.collections if isinstance(c, matplotlib.collections.PolyCollection)])
        marks = iter([c for c in axes.collections if isinstance(c, matplotlib.collections.PathCollection)])
        for renderer in figure.plot.renderers:
            # A glyph for the legend alone has no points.
            glyph, columns = renderer.glyph, data.get(renderer.data_source.name, {"x": [], "y": []})
            if isinstance(glyph, Scatter) and isinstance(glyph.size, str):
                mark = next(marks)
                np.testing.assert_array_equal(mark.get_offsets(), np.transpose([columns[glyph.x], columns[glyph.y]]))
                np.testing.assert_allclose(np.sqrt(mark.get_sizes()) / 0.75, columns[glyph.size], atol=1e-12)
            elif isinstance(glyph, (Line, Step, Scatter)):
                line = next(lines)
                np.testing.assert_array_equal(line.get_xdata(), columns[glyph.x])
                np.testing.assert_array_equal(line.get_ydata(), columns[glyph.y])
            elif isinstance(glyph, Image):
                np.testing.assert_array_equal(np.asarray(next(images).get_array(), dtype=float), columns[glyph.image])
            elif isinstance(glyph, HArea):
                corners = next(bands).get_paths()[0].vertices[:, 0]
                assert set(columns[glyph.x1]) | set(columns[glyph.x2]) == set(corners)
            elif isinstance(glyph, MultiLine):
                drawn = np.concatenate([each for each in next(uprights).get_segments() if len(each)])
                np.testing.assert_array_equal(drawn, np.transpose([columns["x"], columns["y"]]))
            elif isinstance(glyph, Segment):
                drawn = np.array(next(uprights).get_segments()).reshape(-1, 4)
                expected = [columns[name] for name in (glyph.x0, glyph.y0, glyph.x1, glyph.y1)]
                np.testing.assert_array_equal(drawn, np.stack(expected, axis=-1))
            elif isinstance(glyph, Text):
                for place in zip(columns[glyph.x], columns[glyph.y], strict=True):
                    tag = next(tags)
                    assert (tag.xy, tag.get_text()) == (place, glyph.text.value)
            else:
                assert isinstance(glyph, VArea)
                paths = next(bands).get_paths()  # none of a band that has no points
                heights = paths[0].vertices[:, 1] if paths else []
                assert set(columns[glyph.y1]) | set(columns[glyph.y2]) == set(heights)
        left = [next(each, None) for each in (lines, images, bands, marks, uprights, tags)]
        assert left == [None] * 6


def test_a_wide_figure_has_a_row_of_its_own(any_page, still):
    figures = any_page.figures(any_page.data)
    spans = {figure.name: axes.get_subplotspec() for figure, axes in zip(figures, framed(still), strict=True)}
    rows = [span.rowspan.start for span in spans.values()]
    assert rows == sorted(rows)
    for name, span in spans.items():
        assert (len(span.colspan) == 2) == (name in any_page.wide)
        assert len([row for row in rows if row == span.rowspan.start]) <= 2 - (name in any_page.wide)


def test_legends_name_the_same_lines_where_they_are_drawn(any_page, still):
    data = any_page.data
    for axes, figure in zip(framed(still), any_page.figures(data), strict=True):
        key = key_of(figure.plot)
        drawn = [data.get(renderer.data_source.name, {"for the key alone": "·"}) for renderer in key.values()]
        labels = [
            name for name, columns in zip(key, drawn, strict=True) if any(len(values) for values in columns.values())
        ]
        legend = axes.get_legend()
        assert [text.get_text() for text in legend.get_texts()] == labels if legend else labels == []


@pytest.mark.parametrize("theme", THEME)
def test_colours_are_those_of_the_theme(page, theme):
    figure = page.still(theme=theme)
    colours = {matplotlib.colors.to_hex(line.get_color()) for axes in figure.axes for line in axes.lines}
    assert colours <= set(THEME[theme].values())
    assert {THEME[theme][role] for role in ("blue", "orange", "green", "purple")} <= colours
    assert matplotlib.colors.to_hex(figure.get_facecolor()) == THEME[theme]["background"]


def test_the_picture_is_that_of_the_present_settings(page):
    page.controls["weight"].value = -1.25
    marker = page.still().axes[0].lines[0]
    np.testing.assert_array_equal(marker.get_xdata(), [-1.25, -1.25])


def test_the_picture_can_be_saved(page):
    buffer = io.BytesIO()
    page.still().savefig(buffer, format="png", dpi=40)
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_an_unknown_glyph_is_refused_with_its_name(page):
    plot = page.figures(page.data)[1].plot
    plot.hbar(y=[0.5], right=[1.0])
    with pytest.raises(TypeError, match=r"knows no glyph HBar: add a case to still\.py\."):
        still_picture([plot])
