"""Work that BokehJS is spared (`browser/spares.js`), and the switch for a reader whose browser draws wrongly without it."""

import os

SWITCH = "SGTHEORY_SPARES"
SPARES = (
    "styles", "sheets", "views", "index", "selection", "places", "visuals", "ranges", "layout", "scenery", "clock", "screen",
)  # fmt: skip


def spares_in_use() -> list[str]:
    """All, unless the environment says `SGTHEORY_SPARES=0`, or names those to switch off: `SGTHEORY_SPARES=-scenery,-screen`.

    **Raises** `ValueError`, one sentence, for anything else.
    """
    said = os.environ.get(SWITCH, "")
    off = {"": [], "1": [], "0": [f"-{name}" for name in SPARES]}.get(said, said.split(","))
    unknown = [name for name in off if name.removeprefix("-") not in SPARES or not name.startswith("-")]
    if unknown:
        raise ValueError(
            f"{SWITCH} must be 0, or some of these, joined by commas and each after a minus sign: {', '.join(SPARES)}; "
            f"got {said!r}. Leave out {', '.join(map(repr, unknown))}, or unset the variable."
        )
    return [name for name in SPARES if f"-{name}" not in off]
