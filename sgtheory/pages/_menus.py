"""Menus of several pages: escape functions and surrogate derivatives by the names that a reader chooses from."""

from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit import in_64_bits

CUSTOM = "your own"
NO_NOISE = "hard threshold"
MATCHED = "matched"

ESCAPES = ("sigmoid", "error function", "fast sigmoid", "arctan", "exponential hazard", NO_NOISE, CUSTOM)
SURROGATES = (
    MATCHED, "SuperSpike", "SuperSpike, unscaled", "sigmoid", "piecewise linear", "boxcar", "Gaussian", "arctan", "identity",
)  # fmt: skip


def escape_of(name: str, steepness: Any, text: str = "", reach: float = 0.0) -> Any:
    """The escape function of this name; for your own, the formula `text`, which must hold up to `reach` from threshold."""
    from sgtheory.escape import ALL_ESCAPES, Custom, HardThreshold
    from sgtheory.expressions import expression

    if name == NO_NOISE:
        return HardThreshold()
    if name == CUSTOM:
        return Custom(expression(text, steepness), domain=(-reach, reach))
    return ALL_ESCAPES[name](steepness)


def refused_escape(settings: Mapping[str, Any], reach: float) -> dict[str, str]:
    """What is wrong with your own escape function up to `reach` from threshold, under the name of its control."""
    from sgtheory.expressions import ExpressionError, check_escape, expression

    try:
        if settings["escape"] == CUSTOM:
            with in_64_bits():
                check_escape(expression(settings["expression"]), settings["steepness"], -reach, reach)
    except ExpressionError as error:
        return {"expression": str(error)}
    return {}


def surrogate_of(name: str, steepness: Any) -> Any:
    """The surrogate derivative of this name; None for the one that matches the noise."""
    from sgtheory import surrogates

    if name == MATCHED:
        return None
    if name.startswith("SuperSpike"):
        return surrogates.SuperSpike(steepness, scaled=name == "SuperSpike")
    return surrogates.Identity() if name == "identity" else surrogates.ALL_SURROGATES[name](steepness)
