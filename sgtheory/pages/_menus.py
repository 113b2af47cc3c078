"""Menus of several pages: escape functions and surrogate derivatives by the names that a reader chooses from."""

from typing import Any

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


def surrogate_of(name: str, steepness: Any) -> Any:
    """The surrogate derivative of this name; None for the one that matches the noise."""
    from sgtheory import surrogates

    if name == MATCHED:
        return None
    if name.startswith("SuperSpike"):
        return surrogates.SuperSpike(steepness, scaled=name == "SuperSpike")
    return surrogates.Identity() if name == "identity" else surrogates.ALL_SURROGATES[name](steepness)
