"""Page 03: any estimator on any small network, beside the exact gradient."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import PALE, Choice, DeclaredPage, Panel, Readout, ReadoutTable, Several, Slider, Text
from sgtheory.pages._kit.marks import Band, Dots, Interval, Key, Level, Line, Mark, Marker, NameTag
from sgtheory.pages._laboratory import (
    DASHES,
    LEFT,
    LIF,
    MENU,
    NETWORKS,
    OWN,
    TOLD,
    chosen_widths,
    picture,
    slug,
    stacked,
)

_COSINES = -1.05, 1.05


def _each(marks_of: Callable[..., tuple[Mark, ...]]) -> tuple[Mark, ...]:
    """The marks of all methods; those that are not ticked have no numbers."""
    return tuple(mark for name, method in MENU.items() for mark in marks_of(method, slug(name), *method.mark))


def _rows(left: float, filled: tuple[str, str], hollow: tuple[str, str]) -> tuple[Mark, ...]:
    """A row for each method, with two marks: each the field of their place and what they are."""
    rows = _each(
        lambda method, source, role, marker: (
            NameTag(method.short, role, x=left, y=f"{source}.title"),
            *(
                Dots(f"{source}.row", role, x=f"{source}.{field}", size=8, marker=marker, hollow=is_hollow,
                     name=f"{method.short}: {what}")
                for (field, what), is_hollow in ((filled, False), (hollow, True))
            ),
        )
    )  # fmt: skip
    return (*rows, Key(filled[1]), Key(hollow[1], hollow=True))


def _curves(over: str) -> tuple[Mark, ...]:
    """A curve for each method, with a band where its mean is not known without drawing."""
    return _each(
        lambda method, source, role, marker: (
            *(() if method.closed_form else (
                Band(f"{source}.{over}.low", f"{source}.{over}.high", role, x=f"{source}.{over}.x"),
            )),
            Line(f"{source}.{over}.y", role, method.short, x=f"{source}.{over}.x", dash=DASHES[marker], width=2),
        )
    )  # fmt: skip


class GradientLaboratory(DeclaredPage):
    """Choose a network, a loss and some methods; see how far off each is, how much it scatters, and what it costs."""

    name = "gradient_laboratory"
    title = "The gradient laboratory: bias, variance, cost"
    version = 2
    play = "steepness"
    specification = (
        Choice(
            "network", "network", "2-3-2-1", (*NETWORKS, LIF, OWN),
            "Number of inputs, then of units in each layer; or two recurrent LIF neurons over five steps",
        ),
        Text("widths", "widths", "4-4-2", "3 to 5 whole numbers such as 5-5-5-1, inputs first", ("network", OWN)),
        Choice("loss", "loss", "output", ("output", "squared error"), "The sum of the outputs, or of (output − target)²"),
        Several(
            "methods", "methods", "surrogate; surrogate, SuperSpike; score, mean baseline; stochastic triple",
            tuple(MENU), "Up to six methods, side by side", tuple(method.mark for method in MENU.values()), 6,
        ),
        Slider("steepness", "steepness β", 2.0, 0.5, 8.0, 0.25, "Steepness of the escape noise", base=2),
        Slider("surrogate", "surrogate β_SG", 8.0, 0.5, 32.0, 0.25, "Steepness of the SuperSpike surrogate", tabled=False, base=2),
        Slider("spread", "weights ×", 1.0, 0.1, 4.0, 0.1, "All weights are multiplied by this number", tabled=False),
        Slider("step", "step ε", 0.5, 1 / 128, 4.0, 0.25, "Step of the finite differences", tabled=False, base=2),
        Slider(
            "temperature", "temperature τ", 0.5, 1 / 128, 8.0, 0.25, "Temperature of the Concrete relaxation", tabled=False, base=2,
        ),
        Slider("target", "target", 1.0, -1.0, 2.0, 0.1, "Target of the squared error", tabled=False),
        Slider("along", "components", 0, 0, 100, 1, "Which twelve components are shown, from first to last", "%", tabled=False),
        Slider("draws", "draws", 300, 50, 2000, 50, "Number of estimates by each method", sizes=True, tabled=False),
        Slider("weights", "weights no.", 0, 0, 99, 1, "Another number, other random weights (not for the chain)", tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers", tabled=False),
    )  # fmt: skip
    readouts = (Readout("exact", "|∇E[L]|, exact", of="length"),)
    table = ReadoutTable(
        "The ticked methods in numbers", tuple((slug(name), name, *method.mark) for name, method in MENU.items()), TOLD
    )
    panels = (
        Panel(
            "components", "Components of the gradient", x=("component", "components"), x_range="ends.components",
            y_label="∂ E[L] / ∂θ", y_range="ends.gradients",
            marks=(
                Level(0.0),
                Interval("exact", "thickness", "blue", "exact", x="components", width=26, alpha=PALE),
                *_each(
                    lambda method, source, role, marker: (
                        Interval(f"{source}.mean", f"{source}.standard_error", role, x=f"{source}.x"),
                        Dots(f"{source}.mean", role, method.short, x=f"{source}.x", size=6, marker=marker),
                    )
                ),
            ),
            text="Components of the gradient: wide bars are the exact values, dots with intervals the estimates and their "
            "standard errors. The exact gradient has the length {exact}; the first ticked method is off by {bias} of that.",
        ),
        Panel(
            "cost", "Variance against cost", x=("runs of the network per draw", "equal.x"), x_powers_of=10, x_range=(-0.15, 2.6),
            y_label="variance of a draw", y_powers_of=10, y_range="ends.variances",
            marks=(
                Line("equal.y", "soft", "variance × runs the same", width=1, alpha=PALE, behind=True),
                *_each(
                    lambda method, source, role, marker: (
                        Dots(f"{source}.variance_exponent", role, method.short, x=f"{source}.runs_exponent", size=9, marker=marker),
                    )
                ),
            ),
            text="Variance of one draw against its cost, both axes logarithmic: {variance} at {runs} runs for the first ticked "
            "method. Methods that do not vary lie at the lower edge.",
        ),
        Panel(
            "biases", "How far off: bias", x=("relative bias", "exact"), x_powers_of=10, x_range="ends.biases",
            y_range=(0.0, 1.0), ticks=(),
            marks=_rows(LEFT, ("bias_exponent", "bias"), ("noise_exponent", "part that may be noise")),
            text="Relative bias of each method, on a logarithmic axis, and the part that may be noise: {bias} and {noise} for the "
            "first ticked method. Anything below a thousandth is drawn at a thousandth.",
        ),
        Panel(
            "directions", "Which direction: cosine", x=("cosine, or share of right signs", "exact"), x_range=_COSINES,
            y_range=(0.0, 1.0), ticks=(),
            marks=(
                Marker(0.0, width=1, dash="solid"),
                *_rows(_COSINES[0], ("cosine", "cosine"), ("signs", "share of right signs")),
            ),
            text="Cosine between each mean estimate and the exact gradient, and share of the components with the right sign: "
            "{cosine} and {signs} for the first ticked method.",
        ),
        Panel(
            "steepness", "Bias against steepness", x=("steepness β", "exponent"), x_powers_of=2, x_range=(-1.1, 3.1),
            y_label="relative bias", y_powers_of=10, y_range="ends.steepness",
            marks=(Marker("exponent"), *_curves("steepness")),
            text="Relative bias of each method against the steepness of the escape noise, without sampling noise except for the "
            "Concrete relaxation, which has a band, and for the LIF neurons. The lowest line means no bias at all. The exact "
            "gradient of the chosen network has the length {exact}.",
        ),
        Panel(
            "width", "Bias against width", x=("units in each hidden layer", "exponent"), x_range=(0.8, 5.2),
            y_label="relative bias", y_powers_of=10, y_range="ends.width", marks=_curves("width"),
            text="Relative bias of each method against the width of random networks with as many layers, medians of eight; for "
            "the LIF neurons there are none. The lowest line means no bias at all. For the chosen network and the first ticked "
            "method it is {bias}.",
        ),
    )  # fmt: skip

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["network"] != OWN:
            return {}
        try:
            chosen_widths(settings)
        except ValueError as error:
            return {"widths": str(error)}
        return {}

    @classmethod
    def computed(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any], part: str = "bundle") -> Any:
        """From several programs, one for each method, and from what they have given before: that is kept."""
        return picture({**numbers, **choices})

    @classmethod
    def computed_rows(cls, numbers: Mapping[str, np.ndarray], choices: Mapping[str, Any], part: str = "bundle") -> Any:
        """One after another, because most results are there already."""
        sliders = [each for each in cls.specification if isinstance(each, Slider) and each.name in numbers]
        rows = zip(*(map(each.check, numbers[each.name].tolist()) for each in sliders), strict=True)
        return stacked([cls.computed(dict(zip(numbers, row, strict=True)), choices) for row in rows])
