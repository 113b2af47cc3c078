"""The second tab of page 03: derivatives of small random programs that are not networks."""

from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit import Choice, DeclaredPage, Panel, Readout, ReadoutTable, Slider
from sgtheory.pages._kit.marks import Dots, ErrorBand, Interval, Key, Level, Line, NameTag

PROGRAMS = ("random walk, X²", "random walk, X", "toy program")
TOY = PROGRAMS[-1]
METHODS = {
    "score": ("score function", "purple", "circle"),
    "baseline": ("score, mean as control variate", "purple", "triangle"),
    "triple": ("stochastic triple", "blue", "circle"),
    "smoothed": ("smoothed", "orange", "circle"),
}
"""Name → label, colour role and marker."""
SPREAD, DISTANCE = "standard deviation of a draw", "error of the mean"


def _each(marks_of) -> tuple:
    """The marks of all methods."""
    return tuple(mark for name, style in METHODS.items() for mark in marks_of(name, *style))


class ProgramLaboratory(DeclaredPage):
    """A random walk and a toy program: four estimators of a derivative, and how much each scatters."""

    name = "program_laboratory"
    title = "Derivatives of random programs"
    play = "walk_parameter"
    specification = (
        Choice("program", "program", PROGRAMS[0], PROGRAMS, "The program; the derivative is that of its mean result"),
        Slider("walk_parameter", "p of the walk", 200.0, 40.0, 360.0, 10.0, "The walk goes up with the probability exp(−X/p)"),
        Slider("toy_parameter", "p of the toy", 0.6, 0.05, 0.95, 0.05, "Probability in the toy program", tabled=False),
        Slider("draws", "draws", 1000, 100, 5000, 100, "Number of estimates by each method", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers", tabled=False),
    )  # fmt: skip
    readouts = (Readout("exact", "derivative, exact"),)
    table = ReadoutTable(
        "The methods in numbers",
        tuple((name, *style) for name, style in METHODS.items()),
        (("mean", "mean"), ("error", "its standard error"), ("spread", SPREAD)),
    )
    panels = (
        Panel(
            "walks", "A walk, and the same with one step reversed", x=("step", "walk_steps()"), y_label="position X",
            marks=(
                Line("alternative", "blue", "one step went the other way", width=2, dash="dashed", jumps=True),
                Line("walk", "ink", "the walk", jumps=True),
            ),
            text="A random walk, and beside it the alternative walk that a stochastic triple carries along; they separate at one "
            "step and may meet again. The exact derivative is {exact}.",
        ),
        Panel(
            "running", "Mean of the draws so far", x=("draws", "counts"), x_powers_of=10, y_label="relative to exact",
            x_range=(0.9, 3.8), y_range=(-0.5, 2.5),
            marks=(
                Level(1.0, "ink", width=1.5),
                *_each(
                    lambda name, label, role, marker: (
                        ErrorBand(f"{name}.running", f"{name}.running_error", role),
                        Line(f"{name}.running", role, label, dash="dashed" if marker == "triangle" else "solid"),
                    )
                ),
            ),
            text="Running means divided by the exact derivative, with standard errors, on a logarithmic axis of draws. At the end "
            "the mean is {score_mean} for the score function, {baseline_mean} with a control variate, {triple_mean} for the "
            "stochastic triple and {smoothed_mean} for the smoothed derivative; the exact derivative is {exact}.",
        ),
        Panel(
            "spread", "Spread of one draw, and error of the mean", x=("relative to exact", "exact"), x_powers_of=10,
            x_range=(-4.2, 2.2), y_range=(0.0, 1.0), ticks=(),
            marks=(
                *_each(
                    lambda name, label, role, marker: (
                        NameTag(label, role, x=-4.2, y=f"{name}.place", above=0.1),
                        Dots(f"{name}.place", role, x=f"{name}.relative_spread", size=8, marker=marker, name=f"{label}: {SPREAD}"),
                        Dots(f"{name}.place", role, x=f"{name}.relative_distance", size=8, marker=marker, hollow=True,
                             name=f"{label}: {DISTANCE}"),
                    )
                ),
                Key(SPREAD), Key(DISTANCE, hollow=True),
            ),
            text="Standard deviation of one draw, and distance of the mean from the exact derivative. The standard deviation is "
            "{score_spread} for the score function, {baseline_spread} with a control variate, {triple_spread} for the "
            "stochastic triple and {smoothed_spread} for the smoothed derivative.",
        ),
        Panel(
            "derivative", "The derivative against p", x=("p", "axis"), y_label="d E / dp",
            marks=(
                Line("derivative", "ink", "exact", width=2),
                *_each(
                    lambda name, label, role, marker: (
                        Interval(f"{name}.mean", f"{name}.error", role, x=f"{name}.beside"),
                        Dots(f"{name}.mean", role, label, x=f"{name}.beside", size=6, marker=marker),
                    )
                ),
            ),
            text="The exact derivative against the parameter, {exact} at the chosen one, and the four estimates there.",
        ),
    )  # fmt: skip

    # ---- numbers ----

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        import jax
        import jax.numpy as jnp

        walk, toy = (jnp.asarray(numbers[name]) for name in ("walk_parameter", "toy_parameter"))
        return cls.experiment().program_picture(
            choices["program"], toy if choices["program"] == TOY else walk, walk,
            jax.random.key(jnp.rint(numbers["seed"]).astype(int)), choices["draws"],
        )  # fmt: skip
