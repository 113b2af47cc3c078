"""A panel of a page, as data: its axes, its texts, and the marks that it shows."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sgtheory.pages._kit.marks import Mark, Number, Shown
from sgtheory.pages._kit.numbers import nice_range

HISTORY = "history."
"""Addresses of a history of the page's work begin like this."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One figure of a page.

    `x`: the label of its x-axis and the address of the numbers along it. `x_range`: None for the ends of these numbers;
    where they are no axis but depend on the settings, with a small margin. `y_range`: None for round ends that contain
    everything drawn. Either may be the address of two numbers. `text`: what the figure shows, for readers who do not see it;
    its {read-outs} follow the numbers.
    `x_powers_of`, `y_powers_of`: the base of the logarithms that the numbers along an axis are; then it shows the powers.
    `map` and `equal` as in `Figure`.
    """

    name: str
    title: str
    _: dataclasses.KW_ONLY
    x: tuple[str, str]
    y_label: str = ""
    marks: tuple[Mark, ...]
    text: str
    x_range: tuple[Number, Number] | str | None = None
    y_range: tuple[Number, Number] | str | None = None
    map: tuple[str, str] | tuple[()] | None = None
    equal: bool = False
    x_powers_of: int | None = None
    y_powers_of: int | None = None
    ticks: tuple[tuple[Number, str], ...] | None = None
    """Names at places of the y-axis, in place of numbers; none where its positions are rows."""
    x_ticks: tuple[tuple[Number, str], ...] | None = None
    """The same along the x-axis."""
    height: int = 212
    """In pixels."""
    wide: bool = False
    """Whether it takes a whole row."""
    shown_for: tuple[str, str] | None = None
    """A control and its value without which the panel is not shown, where the reader explores freely."""
    words: Mapping[str, tuple[str, Mapping[str, str]]] = dataclasses.field(default_factory=dict)
    """Of `"title"`, `"x"` or `"y"`: a control, and the title or label for each of its values."""

    @property
    def grows(self) -> bool:
        """Whether it shows a history of the page's work."""
        return self.x[1].startswith(HISTORY)

    @property
    def moves_upward(self) -> bool:
        """Whether its y-axis follows the numbers."""
        return not isinstance(self.y_range, tuple)

    @property
    def moves_across(self) -> bool:
        """Whether its x-axis follows the numbers."""
        return isinstance(self.x_range, str) or (self.x_range is None and not self.x[1].endswith("()"))

    def y_ends(self, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        """The ends of a y-axis that follows the numbers."""
        if isinstance(self.y_range, str):
            return _both(shown(self.y_range))
        return nice_range([each for mark in self.marks for each in mark.reach(shown)])

    def x_ends(self, shown: Shown) -> tuple[np.ndarray, np.ndarray]:
        """The ends of an x-axis that follows the numbers: with a small margin, or 0 and 1 where there are none."""
        if isinstance(self.x_range, str):
            return _both(shown(self.x_range))
        numbers = shown(self.x[1])
        if not numbers.size:
            return np.zeros((len(numbers), 1)), np.ones((len(numbers), 1))
        lowest, highest = numbers.min(axis=1, keepdims=True), numbers.max(axis=1, keepdims=True)
        margin = 0.04 * (highest - lowest)
        return lowest - margin, highest + margin


def _both(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ends[:, :1], ends[:, 1:]
