"""What the panels of all pages draw: lines, dots, bands, in roles instead of colours."""

from typing import Any

from sgtheory.pages._kit.stage import Figure
from sgtheory.pages._kit.theme import finish_legend, themed


class Panel:
    """One figure of a page, `plot`, which draws columns of the named sources in `data`."""

    def __init__(self, name: str, data: dict[str, Any], plot: Any) -> None:
        self.name, self.data, self.plot = name, data, plot

    def line(self, source, y, role, legend=None, dash="solid", width=1.5, alpha=1.0):
        """The column `y` of a source over its column `x`."""
        line = self.plot.line(
            "x", y, source=self.data[source], line_dash=dash, line_width=width, line_alpha=alpha, **_named(legend)
        )
        themed(line.glyph, line_color=role)

    def dots(self, source, y, role, legend=None, size=4, marker="circle", hollow=False):
        """The same as marks."""
        fill = 0.0 if hollow else 0.9
        dots = self.plot.scatter(
            "x", y, source=self.data[source], size=size, marker=marker, fill_alpha=fill, **_named(legend)
        )
        themed(dots.glyph, line_color=role, fill_color=role)

    def band(self, source, role):
        """From the column `low` to the column `high`."""
        band = self.plot.varea("x", "low", "high", source=self.data[source], fill_alpha=0.25)
        themed(band.glyph, fill_color=role)

    def finished(self, description: str, legend: str = "top_left") -> Figure:
        """The figure with its text, once all is drawn."""
        if self.plot.legend:
            finish_legend(self.plot, legend)
        return Figure(self.name, self.plot, description)


def _named(legend: str | None) -> dict[str, str]:
    return {"legend_label": legend} if legend else {}
