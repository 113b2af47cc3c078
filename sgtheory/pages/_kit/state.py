"""The state of a page as one line of text, which can be copied, sent to a colleague and restored."""

import json
from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit.controls import Control, brief

LONGEST_STATE = 20_000


def write_state(page: str, version: int, settings: Mapping[str, Any]) -> str:
    return f"sgtheory:{page}:{version}:{json.dumps(dict(settings), separators=(',', ':'))}"


def read_state(text: Any, page: str, version: int, controls: Mapping[str, Control]) -> dict[str, Any]:
    """The settings in `text`. **Raises** `ValueError`, one sentence, for text that is not a state of this page."""
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
    return _checked(_parsed(parts[3]), controls)


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
