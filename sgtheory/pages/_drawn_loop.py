"""The loop that a reader draws on the maps of page 05, corner by corner."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import DeclaredPage

CIRCLE, DRAWN = "circle", "drawn"
FARTHEST = 50.0  # the largest coordinate of a corner, from the centre, in units of the radius
START_CORNERS = "-1 -1; 1 -1; 1 1; 0 0.2; -1 1"


def parse_corners(text: str) -> list[tuple[float, float]]:
    """The corners of a drawn loop. **Raises** `ValueError`, one sentence, for a text that is not a loop."""
    from sgtheory.experiments.loop_integral import MOST_CORNERS

    rule = f"The loop must be 3 to {MOST_CORNERS} corners such as “{START_CORNERS}”"
    corners = []
    for part in text.strip().strip(";").split(";"):
        try:
            across, upward = (float(number) for number in part.split())
        except ValueError:
            raise ValueError(f"{rule}, got “{part.strip()[:30]}”. Give two numbers per corner.") from None
        if not abs(across) <= FARTHEST or not abs(upward) <= FARTHEST:
            raise ValueError(f"{rule}, none farther than {FARTHEST:g}, got “{part.strip()[:30]}”. Bring it nearer.")
        corners.append((across, upward))
    if not 3 <= len(corners) <= MOST_CORNERS:
        raise ValueError(f"{rule}, got {len(corners)}. Click on a map, or type them.")
    return corners


class DrawnLoop(DeclaredPage):
    """A page whose loop is a circle or drawn by the reader: its controls are named loop, corners, radius, centre_x, centre_y."""

    _collected: list[tuple[str, float, float]] | None = None  # clicked on maps, until they are a loop

    def new_loop(self) -> None:
        """Collects corners from now on; the third makes a loop."""
        self._collected = []
        self.say("Click on a map: at least three corners make a loop.")

    def pointed(self, figure: str, x: float, y: float) -> None:
        """Adds a corner to the drawn loop, or collects it while there are fewer than three."""
        settings = self.settings()
        if self._collected is None and settings["loop"] != DRAWN:
            self.say("Drag to move the circle; press “Own loop” to draw a loop corner by corner.")
            return
        drawn = self._collected is None and not self.refusals(settings)
        clicked = [*(self._collected or []), (figure, x, y)]
        radius, centre = settings["radius"], (settings["centre_x"], settings["centre_y"])
        corners = parse_corners(settings["corners"]) if drawn else []
        corners += [((across - centre[0]) / radius, (upward - centre[1]) / radius) for _, across, upward in clicked]
        if len(corners) < 3:
            self._collected = clicked
            self.say(f"{len(corners)} of at least 3 corners.")
            return
        self._collected = None
        text = "; ".join(f"{across:.4g} {upward:.4g}" for across, upward in corners)
        self.move({**settings, "loop": DRAWN, "corners": text})
        self.say()

    def marks(self) -> list[tuple[str, float, float]]:
        return self._collected or []

    def reset(self) -> None:
        self._collected = None
        super().reset()

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["loop"] != DRAWN:
            return {}
        try:
            parse_corners(settings["corners"])
        except ValueError as error:
            return {"corners": str(error)}
        return {}

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The drawn corners alone, filled up: one program for loops of all kinds."""
        corners = parse_corners(settings["corners"]) if settings["loop"] == DRAWN else []
        padded = np.zeros((self.experiment().MOST_CORNERS, 2))
        padded[: len(corners)] = np.reshape(corners, (-1, 2))
        return {"corners": padded, "sides": np.asarray(len(corners))}
