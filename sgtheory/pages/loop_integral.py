"""Page 05: the integral of a surrogate gradient along a closed loop."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._drawn_loop import CIRCLE, DRAWN, START_CORNERS, DrawnLoop
from sgtheory.pages._kit import PALE, Action, Choice, Panel, Readout, Slider, Text
from sgtheory.pages._kit.marks import Dots, HeatMap, Level, Line

PUBLISHED, RANDOM = "of Fig. 5", "random"

_LOOP = (
    Line("loop.1", "orange", "the loop", x="loop.0", width=2.5),
    Dots("start.1", "orange", "its start", x="start.0", size=8),
)


def _map(name: str, title: str, marks: tuple, text: str) -> Panel:
    return Panel(
        name, title, x=("along d₁", "map_across()"), y_label="along d₂", y_range=(-2.0, 2.0), marks=(*marks, *_LOOP), text=text,
        map=("centre_x", "centre_y"), equal=True,
    )  # fmt: skip


class LoopIntegral(DrawnLoop):
    """Walk once around a loop in weight space and add up the surrogate gradient: a true gradient would give zero."""

    name = "loop_integral"
    title = "Once around: is a surrogate gradient a gradient?"
    version = 2
    play = "surrogate"
    specification = (
        Slider(
            "surrogate", "surrogate β_SG", 5.0, 0.5, 32.0, 0.5, "Steepness of the surrogate derivative in the backward pass"
        ),
        Slider("forward", "network β", 1e4, 1.0, 1e4, 0.1, "Steepness of the units: 10000 is almost a step", base=10),
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
    parts: ClassVar = {"maps": ("surrogate", "forward", "first_tilt", "second_tilt", "seed")}
    readouts = (
        Readout("integral", "∮ surrogate · dθ"),
        Readout("true_integral", "∮ true gradient · dθ, 1500 points"),
        Readout("change", "change of the output, once around"),
        Readout("size", "mean |∮| over random planes", of="size_elsewhere"),
    )
    panels = (
        _map(
            "network", "The network in the plane", (HeatMap("maps.output", "map_upward()", "blue 33", low=0.0),),
            "Output of the network over a plane of its weights, with the loop. Once around it, the output changes by {change}.",
        ),
        _map(
            "curl", "Curl c of the surrogate, as c/(1+|c|)", (HeatMap("maps.bounded_curl", "map_upward()", "purple green 33"),),
            "Curl of the surrogate gradient over the same plane: green where it is positive, purple where negative. "
            "Its sum over the disc is minus the loop integral, {integral}.",
        ),
        Panel(
            "loop", "Along the loop", x=("way around (on a circle: γ), degrees", "loop_degrees()"),
            y_label="change since the start",
            marks=(
                Line("along", "blue", "output of the network", width=5, alpha=PALE),
                Line("cumulated", "orange", "accumulated surrogate gradient", width=2),
            ),
            text="Along the loop: the change of the network's output, which returns to {change}, and the accumulated surrogate "
            "gradient, which ends at {integral}.",
        ),
        Panel(
            "steepness", "Once around, against steepness", x=("surrogate β_SG", "steepness_exponents()"), x_powers_of=2,
            y_label="∮ surrogate · dθ",
            marks=(
                Level(0.0, width=1.5, dash="dotted"),
                Line("by_steepness", "orange", "at each steepness", width=2),
                Dots("integral", "orange", "at the chosen one", x="exponent", size=8),
            ),
            text="Integral of the surrogate gradient around the loop against its steepness: {integral} at the chosen one.",
        ),
        Panel(
            "points", "How many points are enough?", x=("number of points", "count_exponents()"), x_powers_of=10,
            y_label="|∮|", y_powers_of=10, x_range=(0.4, 3.2), y_range=(-16.8, 4.5),
            marks=(
                Line("size_by_points", "orange", "surrogate gradient", width=2),
                Dots("size_by_points", "orange", size=4),
                Line("true_size_by_points", "blue", "true gradient", dash="dashed"),
                Dots("true_size_by_points", "blue", size=5, hollow=True),
            ),
            text="Size of the integral against the number of points, both axes logarithmic. With 1500 points the integral of the "
            "true gradient is {true_integral}, which for a smooth network vanishes; that of the surrogate gradient stays at "
            "{integral}.",
        ),
        Panel(
            "planes", "The same loop in 40 random planes", x=("plane, in order of the integral", "plane_numbers()"),
            y_label="∮ surrogate · dθ", x_range=(0.0, 41.0),
            marks=(Level(0.0, width=1.5, dash="dotted"), Dots("elsewhere", "purple")),
            text="The same loop in forty random planes: the size of its integral is {size} on average.",
        ),
    )  # fmt: skip

    # ---- numbers ----

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        return cls.experiment().loop_picture(cls._setting(numbers, choices), choices["planes"])

    @classmethod
    def maps(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The two maps, which no loop changes."""
        return cls.experiment().loop_maps(
            cls._setting({"radius": 1.0, "centre_x": 0.0, "centre_y": 0.0, **numbers}, choices)
        )

    @classmethod
    def _setting(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        import jax
        import jax.numpy as jnp

        experiment = cls.experiment()
        seed = jnp.rint(numbers["seed"]).astype(int)
        directions = (
            jnp.array(experiment.PUBLISHED_DIRECTIONS),
            experiment.random_directions(jax.random.key(1000 + seed)),
        )
        return experiment.LoopSetting(
            directions=jnp.where(choices["published"], *directions),
            first_tilt=jnp.radians(numbers["first_tilt"]), second_tilt=jnp.radians(numbers["second_tilt"]),
            corners=choices["corners"], sides=choices["sides"],
            **{
                name: jnp.asarray(numbers[name], dtype=float)
                for name in ("forward", "surrogate", "radius", "centre_x", "centre_y")
            },
        )  # fmt: skip

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays only, so that one program serves all of them."""
        plane = {"published": np.asarray(settings["plane"] == PUBLISHED), "planes": self._axis("random_planes()")}
        return super().choices(settings) | plane
