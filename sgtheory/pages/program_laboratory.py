"""The second tab of page 03: derivatives of small random programs that are not networks."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import (
    Choice,
    Figure,
    Page,
    Panel,
    Readout,
    Slider,
    Sources,
    drawn_panels,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    range_names,
    sent_range,
)

PROGRAMS = ("random walk, X²", "random walk, X", "toy program")
TOY = PROGRAMS[-1]
METHODS = {
    "score": ("score function", "purple", "circle"),
    "baseline": ("score, mean as control variate", "purple", "triangle"),
    "triple": ("stochastic triple", "blue", "circle"),
    "smoothed": ("smoothed", "orange", "circle"),
}
"""Name → label, colour role and marker."""
COUNTS = 40  # numbers of draws at which the running mean is shown

_TITLES = {
    "walks": ("A walk, and the same with one step reversed", "position X"),
    "running": ("Mean of the draws so far", "relative to exact"),
    "spread": ("Spread of one draw; hollow: error of the mean", ""),
    "derivative": ("The derivative against p", "d E / dp"),
}
_X_LABELS = {"walks": "step", "running": "log₁₀ draws", "spread": "log₁₀, relative to exact", "derivative": "p"}
_X_RANGES = {"walks": (0.0, 100.0), "running": (0.9, 3.8), "spread": (-4.2, 2.2)}
_Y_RANGES = {"spread": (0.0, 1.0), "running": (-0.5, 2.5)}
SMALLEST = 1e-4  # a smaller number is drawn as this one


class ProgramLaboratory(Page):
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
    readouts = (
        Readout("exact", "derivative, exact"),
        *(
            readout
            for name, (label, *_) in METHODS.items()
            for readout in (
                Readout(f"{name}_mean", f"{label}: mean"),
                Readout(f"{name}_error", "… its standard error"),
                Readout(f"{name}_spread", "… standard deviation of a draw"),
            )
        ),
    )
    panels = tuple(_TITLES)
    discrete = range_names(("walks", "derivative"), ("derivative",)) | {"walks.walk", "walks.alternative"}

    # ---- numbers ----

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        import jax
        import jax.numpy as jnp

        from sgtheory.experiments.program_laboratory import exact_derivative, program_draws, walk_pair

        program = settings["program"]
        with in_64_bits():
            p = jnp.asarray(settings["toy_parameter" if program == TOY else "walk_parameter"], dtype=float)
            key = jax.random.key(settings["seed"])
            draws = {
                name: np.asarray(each)
                for name, each in vars(program_draws(program, p, key, int(settings["draws"]))).items()
            }
            exact = float(exact_derivative(program, p[None])[0])
            pair = walk_pair(jnp.asarray(settings["walk_parameter"], dtype=float), key)
            return _arrange(float(p), exact, draws, pair, _curve(program))

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Panel, self.panels, sources)


class _Panel(Panel):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        title, y_label = _TITLES[name]
        x_range = Range1d(*(_X_RANGES.get(name) or sent_range(ranges, name, ("left", "right"))))
        y_range = _Y_RANGES.get(name) or sent_range(ranges, name)
        super().__init__(
            name, data, panel(title, x_range=x_range, y_range=y_range, x_label=_X_LABELS[name], y_label=y_label)
        )
        if name == "spread":
            self.without_scale()

    def walks(self):
        self.line("walks", "alternative", "blue", "one step went the other way", width=2, dash="dashed")
        self.line("walks", "walk", "ink", "the walk", width=1.5)
        return self.finished(
            "A random walk, and beside it the alternative walk that a stochastic triple carries along; they separate at one "
            "step and may meet again. The exact derivative is {exact}.", "bottom_right",
        )  # fmt: skip

    def running(self):
        self.line("one", "y", "ink", width=1.5)
        for name, (_, role, marker) in METHODS.items():
            self.band(f"{name}_running", role)
            self.line(f"{name}_running", "mean", role, width=1.5, dash="dashed" if marker == "triangle" else "solid")
        return self.finished(
            "Running means divided by the exact derivative, with standard errors, on a logarithmic axis of draws. At the end "
            "the mean is {score_mean} for the score function, {baseline_mean} with a control variate, {triple_mean} for the "
            "stochastic triple and {smoothed_mean} for the smoothed derivative; the exact derivative is {exact}."
        )

    def spread(self):
        for name, (label, role, marker) in METHODS.items():
            self.name_tag(f"{name}_name", role, label)
            self.dots(f"{name}_row", "y", role, size=8, marker=marker, x="spread")
            self.dots(f"{name}_row", "y", role, size=8, marker=marker, x="off", hollow=True)
        return self.finished(
            "Standard deviation of one draw, and distance of the mean from the exact derivative. The standard deviation is "
            "{score_spread} for the score function, {baseline_spread} with a control variate, {triple_spread} for the "
            "stochastic triple and {smoothed_spread} for the smoothed derivative."
        )

    def derivative(self):
        self.line("derivative", "y", "ink", "exact", width=2)
        for name, (_, role, marker) in METHODS.items():
            self.intervals(f"{name}_here", role)
            self.dots(f"{name}_here", "mean", role, size=6, marker=marker)
        return self.finished(
            "The exact derivative against the parameter, {exact} at the chosen one, and the four estimates there."
        )


# ---- from the experiment's bundle to columns ------------------------------------------------------------------------------


@functools.cache
def _curve(program: str) -> tuple[np.ndarray, np.ndarray]:
    from sgtheory.experiments.program_laboratory import exact_derivative, parameter_axis

    axis = parameter_axis(program)
    return np.asarray(axis, dtype=float), np.asarray(exact_derivative(program, axis))


def _arrange(p: float, exact: float, draws: Mapping[str, np.ndarray], pair, curve) -> Sources:
    axis, derivatives = curve
    count = len(next(iter(draws.values())))
    counts = np.unique(np.geomspace(10, count, COUNTS).astype(int))
    margin = 0.04 * (axis[-1] - axis[0])
    rows, running, here, readouts = {}, {}, {}, {"exact": np.array([exact])}
    for place, (name, values) in enumerate(draws.items()):
        mean, spread = np.mean(values), np.std(values, ddof=1)
        error = spread / np.sqrt(count)
        means = np.cumsum(values)[counts - 1] / counts
        squares = np.cumsum((values - mean) ** 2)[counts - 1] / (counts - 1)
        errors = np.sqrt(squares / counts)
        running[f"{name}_running"] = {
            "x": np.log10(counts), "mean": means / exact, "low": (means - errors) / exact, "high": (means + errors) / exact,
        }  # fmt: skip
        top = 1 - place / len(draws)
        rows[f"{name}_name"] = {"x": np.array([_X_RANGES["spread"][0]]), "y": np.array([top - 0.07])}
        rows[f"{name}_row"] = {
            "y": np.array([top - 0.17]),
            "spread": _log(spread / abs(exact)), "off": _log(abs(mean - exact) / abs(exact)),
        }  # fmt: skip
        x = p + 0.012 * (axis[-1] - axis[0]) * (place - 1.5)
        here[f"{name}_here"] = {
            "x": np.array([x]), "mean": np.array([mean]), "low": np.array([mean - error]), "high": np.array([mean + error]),
        }  # fmt: skip
        readouts |= {
            f"{name}_{key}": np.array([each]) for key, each in (("mean", mean), ("error", error), ("spread", spread))
        }
    positions = {name: np.concatenate([[0.0], np.asarray(getattr(pair, name))]) for name in ("walk", "alternative")}
    return {
        "walks": {"x": np.arange(len(positions["walk"]), dtype=float), **positions},
        "one": {"x": np.array([0.0, 5.0]), "y": np.ones(2)},
        **running, **rows, **here,
        "derivative": {"x": axis, "y": derivatives},
        "ranges": range_columns(
            {
                "walks": nice_range(list(positions.values())),
                "derivative": nice_range([derivatives, *(each[side] for each in here.values() for side in ("low", "high"))]),
            },
            {"derivative": (np.array([axis[0] - margin]), np.array([axis[-1] + margin]))},
        ),
        "readouts": readouts,
    }  # fmt: skip


def _log(value: float) -> np.ndarray:
    return np.log10(np.maximum(np.atleast_1d(value), SMALLEST))
