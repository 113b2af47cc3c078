"""The tables from which the browser draws the drag of a slider, so that the kernel need not answer."""

from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit.board import Board
from sgtheory.pages._kit.controls import Slider
from sgtheory.pages._kit.messages import without

LARGEST = 8_000_000  # bytes; beyond that the kernel draws


class Tables:
    """Knows which sliders can have a table, and which tables the browser has."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._sent: dict[str, dict[str, Any]] = {}  # slider → the other controls at its table
        self._too_large: set[tuple[Any, ...]] = set()  # sliders and choices

    def possible(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a slider can be drawn from a table around these settings.

        It may change nothing, a formula may hold here and not at the end of the slider, and the table may be too large.
        """
        control = self._board.by_name[name]
        if not isinstance(control, Slider) or not control.tabled or not self._board.applies(name, settings):
            return False
        if (name, *self._choices(settings)) in self._too_large:
            return False
        return not any(self._board.refusals({**settings, name: end}) for end in (control.low, control.high))

    def cover(self, name: str) -> bool:
        """Whether the browser draws this slider's drag from a table, as the other controls are now."""
        return name in self._sent and self._sent[name] == without(name, self._board.settings())

    def admit(self, name: str, settings: Mapping[str, Any], size: int) -> bool:
        """Counts a table around these settings among those that the browser has; false for one of too many bytes."""
        if size > LARGEST:
            self._too_large.add((name, *self._choices(settings)))
            return False
        self._sent[name] = without(name, settings)
        return True

    def forget(self) -> None:
        """The browser has none any more."""
        self._sent.clear()

    def _choices(self, settings: Mapping[str, Any]) -> tuple[Any, ...]:
        """What decides how large a table is."""
        controls = self._board.by_name.values()
        return tuple(settings[each.name] for each in controls if not isinstance(each, Slider) or each.sizes)
