"""What is drawn stands out from the background, by the formula of the Web Content Accessibility Guidelines, in both themes."""

import pytest
from bokeh.models import HArea, Line, Scatter, Segment, Step, VArea

from sgtheory.pages._kit.theme import THEME

LEAST = 3.0
QUIET = {"grid", "line"}  # roles of grids and frames, which nobody need see


def luminance(colour):
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(role, alpha, colours):
    """Between a colour of the theme, as opaque as `alpha` says, and the background."""
    above, below = ([int(colours[each][k : k + 2], 16) / 255 for k in (1, 3, 5)] for each in (role, "background"))
    mixed = [alpha * one + (1 - alpha) * other for one, other in zip(above, below, strict=True)]
    dark, light = sorted((luminance(mixed), luminance(below)))
    return (light + 0.05) / (dark + 0.05)


def drawn(figure):
    """Role and opacity of each line, mark and bar; a band around a curve is seen by its curve, a shade by its text."""
    for renderer in figure.plot.renderers:
        glyph = renderer.glyph
        roles = {name: role for _, name, role in glyph.tags}
        if isinstance(glyph, (Line, Step, Segment, Scatter)):
            yield roles["line_color"], glyph.line_alpha
        elif isinstance(glyph, HArea) or (isinstance(glyph, VArea) and glyph.fill_alpha > 0.25):
            yield roles["fill_color"], glyph.fill_alpha


@pytest.mark.parametrize("theme", THEME)
def test_lines_marks_and_bars_are_seen(any_page, theme):
    faint = {
        (role, alpha): ratio
        for figure in any_page.figures(any_page.data)
        for role, alpha in drawn(figure)
        if role not in QUIET and (ratio := contrast(role, alpha, THEME[theme])) < LEAST
    }
    assert faint == {}


def test_the_formula_gives_its_known_values():
    assert contrast("ink", 1.0, {"ink": "#000000", "background": "#ffffff"}) == pytest.approx(21.0)
    assert contrast("ink", 0.0, {"ink": "#000000", "background": "#ffffff"}) == pytest.approx(1.0)
