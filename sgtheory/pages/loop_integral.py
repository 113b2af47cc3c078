"""Page 05: the integral of a surrogate gradient along a closed loop."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import (
    BEHIND,
    Action,
    Choice,
    Figure,
    Page,
    Panel,
    Readout,
    Slider,
    Sources,
    Text,
    drawn_panels,
    filled_up,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    range_names,
    sent_range,
)

PUBLISHED, RANDOM = "of Fig. 5", "random"
CIRCLE, DRAWN = "circle", "drawn"
FARTHEST = 50.0  # the largest coordinate of a corner, from the centre, in units of the radius
START_CORNERS = "-1 -1; 1 -1; 1 1; 0 0.2; -1 1"
ROWS = 65  # rows of a sweep: one for every step of any slider
SMALLEST = 1e-16  # a number that is zero apart from rounding is drawn as this one

_TITLES = {
    "network": ("The network in the plane", "along d₂"),
    "curl": ("Curl c of the surrogate, as c/(1+|c|)", "along d₂"),
    "loop": ("Along the loop", "change since the start"),
    "steepness": ("Once around, against steepness", "∮ surrogate · dθ"),
    "points": ("How many points are enough?", "log₁₀ |∮|"),
    "planes": ("The same loop in 40 random planes", "∮ surrogate · dθ"),
}
_X_LABELS = {
    "loop": "way around (on a circle: γ), degrees", "steepness": "log₂ β_SG", "points": "log₁₀ number of points",
    "planes": "plane, in order of the integral",
}  # fmt: skip
_X_RANGES = {"loop": (0.0, 360.0), "steepness": (-1.0, 5.0), "points": (0.4, 3.2), "planes": (0.0, 41.0)}
_FIXED_RANGES = {"network": (-2.0, 2.0), "curl": (-2.0, 2.0), "points": (-16.8, 4.5)}
_CENTRE = ("centre_x", "centre_y")
_SENT_RANGES = ("loop", "steepness", "planes")


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


class LoopIntegral(Page):
    """Walk once around a loop in weight space and add up the surrogate gradient: a true gradient would give zero."""

    name = "loop_integral"
    title = "Once around: is a surrogate gradient a gradient?"
    play = "surrogate"
    specification = (
        Slider(
            "surrogate", "surrogate β_SG", 5.0, 0.5, 32.0, 0.5, "Steepness of the surrogate derivative in the backward pass"
        ),
        Slider("forward", "network log₁₀ β", 4.0, 0.0, 4.0, 0.0625, "Steepness of the units, as a logarithm: 4 is almost a step"),
        Slider("radius", "radius r", 1.8, 0.1, 2.0, 0.05, "Radius of the loop"),
        Slider("centre_x", "centre along d₁", 0.0, -3.0, 3.0, 0.1, "Moves the loop along d₁"),
        Slider("centre_y", "centre along d₂", 0.0, -1.5, 1.5, 0.05, "Moves the loop along d₂"),
        Slider("first_tilt", "tilt of d₁", 0, -90, 90, 1, "Turns d₁ towards a third direction", "°", tabled=False),
        Slider("second_tilt", "tilt of d₂", 0, -90, 90, 1, "Turns d₂ towards a fourth direction", "°", tabled=False),
        Choice("plane", "plane", PUBLISHED, (PUBLISHED, RANDOM), "The plane, in the space of five weights, that contains the loop"),
        Slider("seed", "random plane", 0, 0, 99, 1, "Another number gives another random plane", tabled=False),
        Choice("loop", "loop", CIRCLE, (CIRCLE, DRAWN), "A circle, or one of your own: click on a map to add a corner"),
        Text(
            "corners", "corners", START_CORNERS, "Two numbers per corner, x y; x y; … from the centre, in units of r",
            shown_for=("loop", DRAWN),
        ),
    )  # fmt: skip
    actions = (
        Action("new_loop", "Own loop", "Draw your own loop: click on a map, one corner after another, at least three"),
    )
    readouts = (
        Readout("integral", "∮ surrogate · dθ"),
        Readout("true_integral", "∮ true gradient · dθ, 1500 points"),
        Readout("change", "change of the output, once around"),
        Readout("size", "mean |∮| over random planes"),
    )
    panels = tuple(_TITLES)
    discrete = range_names(_SENT_RANGES)
    _collected: list[tuple[str, float, float]] | None = None  # clicked on maps, until they are a loop

    # ---- a loop drawn by the reader ----

    def new_loop(self) -> None:
        """Collects corners from now on; the third makes a loop."""
        self._collected = []
        self._say("Click on a map: at least three corners make a loop.")

    def pointed(self, figure: str, x: float, y: float) -> None:
        """Adds a corner to the drawn loop, or collects it while there are fewer than three."""
        settings = self.settings()
        if self._collected is None and settings["loop"] != DRAWN:
            self._say("Drag to move the circle; press “Own loop” to draw a loop corner by corner.")
            return
        drawn = self._collected is None and not self.refusals(settings)
        clicked = [*(self._collected or []), (figure, x, y)]
        radius, centre = settings["radius"], (settings["centre_x"], settings["centre_y"])
        corners = parse_corners(settings["corners"]) if drawn else []
        corners += [((across - centre[0]) / radius, (upward - centre[1]) / radius) for _, across, upward in clicked]
        if len(corners) < 3:
            self._collected = clicked
            self._say(f"{len(corners)} of at least 3 corners.")
            return
        self._collected = None
        text = "; ".join(f"{across:.4g} {upward:.4g}" for across, upward in corners)
        self._set({**settings, "loop": DRAWN, "corners": text})
        self._say_ready()

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

    # ---- numbers ----

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        import jax.numpy as jnp

        from sgtheory.experiments.loop_integral import LoopSetting, loop_picture

        with in_64_bits():
            setting = LoopSetting(**{name: jnp.asarray(number) for name, number in _numbers(settings).items()})
            return _arrange(loop_picture(setting, jnp.asarray(_planes())), settings)

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        rows = len(values)
        values = filled_up(np.asarray(values, dtype=float), ROWS)
        with in_64_bits():
            each = [_numbers({**settings, name: float(value)}) for value in values]
            batch = {field: np.stack([one[field] for one in each]) for field in each[0]}
            return _arrange(_sweep()(batch, _planes()), {**settings, name: values}, rows)

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Panel, self.panels, sources)


class _Panel(Panel):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        from sgtheory.experiments.loop_integral import HALF_WIDTH

        title, y_label = _TITLES[name]
        y_range = _FIXED_RANGES.get(name) or sent_range(ranges, name)
        x_range = Range1d(*_X_RANGES.get(name, (-HALF_WIDTH, HALF_WIDTH)))
        x_label = _X_LABELS.get(name, "along d₁")
        super().__init__(name, data, panel(title, x_range=x_range, y_range=y_range, x_label=x_label, y_label=y_label))

    def network(self):
        self.heat_map("output", 0.0, 1.0, "blue 33")
        self.line("path", "y", "orange", width=2.5)
        self.dots("start", "y", "orange", size=8)
        return self.finished(
            "Output of the network over a plane of its weights, with the loop. Once around it, the output changes by {change}.",
            map=_CENTRE,
        )

    def curl(self):
        self.heat_map("curl", -1.0, 1.0, "purple green 33")
        self.line("path", "y", "orange", width=2.5)
        return self.finished(
            "Curl of the surrogate gradient over the same plane: green where it is positive, purple where negative. "
            "Its sum over the disc is minus the loop integral, {integral}.",
            map=_CENTRE,
        )

    def loop(self):
        self.line("loop", "output", "blue", "output of the network", width=5, alpha=0.4)
        self.line("loop", "cumulated", "orange", "accumulated surrogate gradient", width=2)
        return self.finished(
            "Along the loop: the change of the network's output, which returns to {change}, and the accumulated surrogate "
            "gradient, which ends at {integral}.", "bottom_left",
        )  # fmt: skip

    def steepness(self):
        self.line("zero", "y", "soft", dash="dotted", width=1.5, level=BEHIND)
        self.line("steepness", "integral", "orange", width=2)
        self.dots("chosen", "y", "orange", size=8)
        return self.finished(
            "Integral of the surrogate gradient around the loop against its steepness: {integral} at the chosen one."
        )

    def points(self):
        self.line("points", "surrogate", "orange", "surrogate gradient", width=2)
        self.dots("points", "surrogate", "orange", size=4)
        self.line("points", "true", "blue", "true gradient", width=1.5, dash="dashed")
        self.dots("points", "true", "blue", size=5, hollow=True)
        return self.finished(
            "Logarithm of the integral's size against the number of points. With 1500 points the integral of the true "
            "gradient is {true_integral}, which for a smooth network vanishes; that of the surrogate gradient stays at "
            "{integral}.", "center_left",
        )  # fmt: skip

    def planes(self):
        self.line("zero", "y", "soft", dash="dotted", width=1.5, level=BEHIND)
        self.dots("planes", "integral", "purple", size=4)
        return self.finished("The same loop in forty random planes: the size of its integral is {size} on average.")


# ---- from settings to the experiment's arguments, and from its bundle to columns -----------------------------------------


@functools.cache
def _planes():
    import jax

    from sgtheory.experiments.loop_integral import PLANES, random_directions

    with in_64_bits():
        return np.asarray(jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES)))


@functools.cache
def _random_plane(seed: int) -> np.ndarray:
    import jax

    from sgtheory.experiments.loop_integral import random_directions

    with in_64_bits():
        return np.asarray(random_directions(jax.random.key(1000 + seed)))


def _numbers(settings: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The fields of a `LoopSetting`."""
    from sgtheory.experiments.loop_integral import MOST_CORNERS, PUBLISHED_DIRECTIONS

    published = settings["plane"] == PUBLISHED
    numbers = {name: settings[name] for name in ("surrogate", "radius", "centre_x", "centre_y")}
    numbers["forward"] = 10.0 ** settings["forward"]
    directions = np.array(PUBLISHED_DIRECTIONS) if published else _random_plane(int(settings["seed"]))
    numbers |= {name: np.radians(settings[name]) for name in ("first_tilt", "second_tilt")}
    corners = parse_corners(settings["corners"]) if settings["loop"] == DRAWN else []
    padded = np.zeros((MOST_CORNERS, 2))
    padded[: len(corners)] = np.reshape(corners, (-1, 2))
    return {name: np.asarray(number, dtype=float) for name, number in numbers.items()} | {
        "directions": directions, "corners": padded, "sides": np.asarray(len(corners)),
    }  # fmt: skip


@functools.cache
def _sweep():
    import equinox as eqx
    import jax

    from sgtheory.experiments.loop_integral import LoopSetting, loop_picture

    return eqx.filter_jit(lambda batch, planes: jax.vmap(lambda one: loop_picture(LoopSetting(**one), planes))(batch))


def _arrange(picture, settings: Mapping[str, Any], rows: int | None = None) -> Sources:
    """The experiment's bundle as columns; for a sweep, its first `rows` along a leading axis."""
    from sgtheory.experiments.loop_integral import COUNTS, PLANES, shown_angles, steepness_axis

    wanted = slice(rows) if rows else ...
    shown = {name: np.asarray(values)[wanted] for name, values in vars(picture).items()}
    lead = shown["integral"].shape

    def number(name):
        return np.broadcast_to(
            np.asarray(settings[name], dtype=float)[wanted if np.ndim(settings[name]) else ...], lead
        )[..., None]

    def still(values):
        values = np.asarray(values, dtype=float)
        return np.broadcast_to(values, lead + values.shape)

    def logarithm(values):
        return np.log10(np.maximum(np.abs(values), SMALLEST))

    angles = np.asarray(shown_angles(), dtype=float)
    loop = {"x": shown["loop"][..., 0], "y": shown["loop"][..., 1]}
    integral = shown["integral"][..., None]
    ranges = {
        "loop": nice_range([shown["along"], shown["cumulated"]]),
        "steepness": nice_range([shown["by_steepness"], integral]),
        "planes": nice_range([shown["elsewhere"]]),
    }
    return {
        "output": {"image": shown["output"]},
        "curl": {"image": shown["curl"] / (1 + np.abs(shown["curl"]))},
        "path": loop,
        "start": {name: values[..., :1] for name, values in loop.items()},
        "loop": {"x": still(np.degrees(angles)), "output": shown["along"], "cumulated": shown["cumulated"]},
        "zero": {"x": still([-1.0, 400.0]), "y": still([0.0, 0.0])},
        "steepness": {"x": still(np.log2(np.asarray(steepness_axis()))), "integral": shown["by_steepness"]},
        "chosen": {"x": np.log2(number("surrogate")), "y": integral},
        "points": {
            "x": still(np.log10(COUNTS)), "surrogate": logarithm(shown["by_points"]), "true": logarithm(shown["true_by_points"]),
        },
        "planes": {"x": still(np.arange(1.0, PLANES + 1)), "integral": shown["elsewhere"]},
        "ranges": range_columns(ranges),
        "readouts": {
            "integral": integral, "true_integral": shown["true_integral"][..., None],
            "change": shown["along"][..., -1:], "size": np.mean(np.abs(shown["elsewhere"]), axis=-1)[..., None],
        },
    }  # fmt: skip
