"""The state of a page as one line of text, which can be copied, sent to a colleague and restored."""

import json
from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit.controls import Control, brief
from sgtheory.pages._kit.tour import PLACE

LONGEST_STATE = 20_000


def write_state(page: str, version: int, settings: Mapping[str, Any], step: int = -1) -> str:
    """The settings and, unless the reader explores (−1), the step of the tour, which a reader counts from 1."""
    settings = dict(settings) | ({} if step < 0 else {PLACE: step + 1})
    return f"sgtheory:{page}:{version}:{json.dumps(settings, separators=(',', ':'))}"


def read_state(text: Any, page: str, version: int, controls: Mapping[str, Control], steps: int = 0) -> dict[str, Any]:
    """The settings in `text`, which may name a place in a tour of so many `steps`.

    **Raises** `ValueError`, one sentence, for text that is not a state of this page.
    """
    if not isinstance(text, str) or len(text) > LONGEST_STATE:
        got = f"{len(text):,} characters" if isinstance(text, str) else type(text).__name__
        raise ValueError(f"A state is a line of at most {LONGEST_STATE:,} characters, got {got}. Copy one from a page.")
    parts = text.strip().split(":", 3)
    if len(parts) != 4 or parts[0] != "sgtheory":
        raise ValueError(
            f"A state of this page begins with sgtheory:{page}:{version}:, got {brief(text)}. Copy one from a page."
        )
    if parts[1] != page:
        raise ValueError(f"This is the page {page}, got the state of the page {brief(parts[1])}. Restore it there.")
    if parts[2] != str(version):
        raise ValueError(
            f"This page reads states of version {version}, got version {brief(parts[2])}. "
            "Set the controls by hand, or open it with the release that wrote it."
        )
    settings = _parsed(parts[3])
    if steps and PLACE in settings:
        _check_place(settings.pop(PLACE), steps)
    return _checked(settings, controls)


def step_in(text: str) -> int:
    """The step of the tour that a state names, if it has been read; −1 if it names none."""
    return _parsed(text.strip().split(":", 3)[3]).get(PLACE, 0) - 1


def _check_place(place: Any, steps: int) -> None:
    if isinstance(place, bool) or not isinstance(place, int) or not 1 <= place <= steps:
        raise ValueError(
            f"The place in the tour must be a whole number from 1 to {steps}, got {brief(place)}. Copy the whole line."
        )


def _parsed(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise ValueError(f"The settings of a state must be a JSON object, got {brief(text)}. Copy the whole line.")
    return settings


def _checked(settings: dict[str, Any], controls: Mapping[str, Control]) -> dict[str, Any]:
    unknown, missing = sorted(settings.keys() - controls.keys()), sorted(controls.keys() - settings.keys())
    if unknown or missing:
        fault = f"the unknown {brief(unknown[0])}" if unknown else f"none for {missing[0]!r}"
        raise ValueError(f"A state must name each control of the page once, got {fault}. Copy the whole line.")
    return {name: control.check(settings[name]) for name, control in controls.items()}
