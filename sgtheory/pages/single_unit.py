"""Page 01: one stochastic unit, three ways to a gradient."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import (
    Action,
    Choice,
    Figure,
    Page,
    Panel,
    Readout,
    Slider,
    Sources,
    Text,
    data_sources,
    filled_up,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    range_names,
    sent_range,
    themed,
)

CUSTOM = "your own"
NO_NOISE = "hard threshold"
MATCHED = "matched"
CONSTANT, OPTIMAL = "the slider's b", "1 − p"
ROWS = 129  # rows of a sweep: enough for one at every step of any slider

_ESCAPES = ("sigmoid", "error function", "fast sigmoid", "arctan", "exponential hazard", NO_NOISE, CUSTOM)
_SURROGATES = (
    MATCHED, "SuperSpike", "SuperSpike, unscaled", "sigmoid", "piecewise linear", "boxcar", "Gaussian", "arctan", "identity",
)  # fmt: skip
_X = (-3.0, 3.0)
_FARTHEST = 7.5  # largest distance to threshold: highest weight times highest input, minus the lowest threshold
_POTENTIAL = "membrane potential"
_NUMBERS = ("steepness", "threshold", "weight", "input", "baseline")
_CHOICES = ("escape", "expression", "surrogate", "rule", "hidden")


_TITLES = {
    "trials": ("One unit, many trials", ""),
    "probability": ("Firing probability", "probability"),
    "derivatives": ("Derivative with respect to w", "∂ / ∂w"),
    "draws": ("One draw: left, right and their affine combination", "∂ / ∂w"),
    "score": ("Score function with baseline b, mean of the trials", "∂ / ∂w"),
    "variance": ("Variance of one draw", "variance"),
}
_FIXED_RANGES = {"trials": (0.0, 1.0), "probability": (-0.04, 1.04)}


class SingleUnit(Page):
    """Drag the noise, the threshold and the weight; see where the three derivatives agree, and where they cannot."""

    name = "single_unit"
    title = "One stochastic unit: three ways to a gradient"
    play = "steepness"
    specification = (
        Slider("steepness", "steepness β", 4.0, 0.5, 20.0, 0.25, "How steeply the probability rises at threshold"),
        Slider("threshold", "threshold ϑ", 0.0, -1.5, 1.5, 0.05, "The membrane potential at which the unit decides"),
        Slider("weight", "weight w", 0.8, -3.0, 3.0, 0.05, "Weight of the only input; w·x is the operating point"),
        Slider("input", "input x", 1.0, -2.0, 2.0, 0.05, "The input; all derivatives shown are proportional to it"),
        Slider(
            "baseline", "baseline b", 0.0, 0.0, 1.0, 0.01, "Subtracted from the outcome before multiplying by the score"
        ),
        Choice(
            "rule",
            "baseline is",
            CONSTANT,
            (CONSTANT, OPTIMAL),
            "The same b everywhere, or the best one at each potential",
        ),
        Choice("escape", "escape noise", "sigmoid", _ESCAPES, "Probability of a spike at each distance to threshold"),
        Text(
            "expression",
            "p(u) =",
            "1/(1+exp(-beta*u))",
            "u: distance to threshold, beta: steepness",
            ("escape", CUSTOM),
        ),
        Choice("surrogate", "surrogate", MATCHED, _SURROGATES, "The derivative used in back-propagation"),
        Slider("trials", "trials", 50, 10, 200, 10, "How many times each unit is run", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers"),
    )
    readouts = (
        Readout("potential", "operating point w·x"),
        Readout("probability", "firing probability p"),
        Readout("trial_mean", "mean of the trials"),
        Readout("surrogate", "surrogate gradient"),
        Readout("expected", "d E[y] / dw, analytic"),
        Readout("numerical", "d E[y] / dw, numerical"),
        Readout("score", "score function, mean"),
        Readout("score_error", "… its standard error"),
        Readout("variance", "variance, formula"),
        Readout("score_variance", "variance, measured"),
    )
    panels = tuple(_TITLES)
    actions = (Action("match_baseline", "b = 1 − p", "Take the probability of silence as the baseline everywhere"),)
    # Columns that jump with a trial's outcome are not interpolated.
    discrete = frozenset(
        {
            *(f"{source}.{column}" for source, column in (
                ("probability", "step"), ("means", "mean"), ("means", "low"), ("means", "high"),
                ("draws", "left"), ("draws", "right"), ("score", "mean"), ("score", "low"), ("score", "high"),
                ("measured", "variance"),
                ("readouts", "trial_mean"), ("readouts", "score"), ("readouts", "score_error"), ("readouts", "score_variance"),
            )),
            *range_names(("derivatives", "draws", "score", "variance")),
        }
    )  # fmt: skip

    def match_baseline(self) -> None:
        """Takes 1 − p as the baseline: every draw of the score-function estimate is then the surrogate gradient."""
        self.controls["rule"].value = OPTIMAL

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["escape"] != CUSTOM:
            return {}
        from sgtheory.expressions import ExpressionError, check_escape, expression

        try:
            formula = expression(settings["expression"])
            with in_64_bits():
                check_escape(formula, settings["steepness"], -_FARTHEST, _FARTHEST)
        except ExpressionError as error:
            return {"expression": str(error)}
        return {}

    def culprit(self, settings: Mapping[str, Any]) -> str | None:
        return "expression" if settings.get("escape") == CUSTOM else None

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        from sgtheory.experiments import single_unit as experiment

        with in_64_bits():
            setting = _setting(self._complete(settings))
            return self._columns(experiment.single_unit(setting, _uniforms(settings["seed"], settings["trials"])))

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        with in_64_bits():
            complete = self._complete(settings)
            _setting(complete)  # refused here if need be: inside the compiled program no number is known
            swept = complete | {name: filled_up(values, ROWS)}
            numbers = {
                each: np.broadcast_to(np.asarray(swept[each], dtype=float), ROWS) for each in (*_NUMBERS, "seed")
            }
            choices = {each: swept[each] for each in _CHOICES}
            return self._columns(_sweep()(numbers, choices, settings["trials"]), len(values))

    def _complete(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All that `_setting` reads, also where this page has no control for it."""
        # A formula that is not used must not make another program.
        expression = settings["expression"] if settings["escape"] == CUSTOM else ""
        return {**settings, "expression": expression, "hidden": None}

    def _columns(self, pictures, rows: int | None = None) -> Sources:
        return arrange(pictures, rows)

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        from bokeh.models import Range1d

        data = data_sources(sources)
        x_range = Range1d(*_X)
        return [getattr(_Panel(data, x_range, name, *_TITLES[name], sources["ranges"]), name)() for name in self.panels]


class _Panel(Panel):
    """One figure against the membrane potential; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, x_range, name, title, y_label, ranges):
        y_range = _FIXED_RANGES.get(name) or sent_range(ranges, name)
        super().__init__(
            name, data, panel(title, x_range=x_range, y_range=y_range, x_label=_POTENTIAL, y_label=y_label)
        )
        self.line("marker", "y", "soft", dash="dotted")

    def trials(self):
        from bokeh.models import FixedTicker, LinearColorMapper

        for source, y, height, role in (("stochastic", 0.0, 0.72, "blue"), ("deterministic", 0.8, 0.2, "ink")):
            mapper = themed(LinearColorMapper(low=0, high=1), palette=role)
            width = _X[1] - _X[0]
            step = width / 120
            self.plot.image(
                "image",
                source=self.data[source],
                x=_X[0] - step / 2,
                y=y,
                dw=width + step,
                dh=height,
                color_mapper=mapper,
            )
        axis = self.plot.yaxis[0]
        axis.ticker = FixedTicker(ticks=[0.36, 0.9])
        axis.major_label_overrides = {0.36: "stochastic", 0.9: "deterministic"}
        axis.major_label_orientation = "vertical"
        self.plot.ygrid.visible = False
        return self.finished(
            "Raster of trials against the membrane potential. At the operating point {potential} the stochastic unit fired "
            "in a fraction {trial_mean} of its trials; the deterministic unit does the same thing in every trial."
        )

    def probability(self):
        self.band("means", "blue")
        # The step rises right after its last silent potential: Θ(0) = 0.
        step = self.plot.step("x", "step", source=self.data["probability"], mode="before", legend_label="deterministic")
        themed(step.glyph, line_color="ink")
        self.line("probability", "probability", "blue", "probability p", width=2)
        self.dots("means", "mean", "blue", "mean ± standard error", size=3)
        return self.finished(
            "Firing probability against the membrane potential: {probability} at the operating point {potential}."
        )

    def derivatives(self):
        self.line("derivatives", "expected", "blue", "d E[y]/dw, analytic", width=6, alpha=0.4)
        self.line("derivatives", "surrogate", "orange", "surrogate gradient", dash="dashed", width=2)
        self.dots("numerical", "numerical", "blue", "numerical", size=5, hollow=True)
        return self.finished(
            "Derivatives with respect to the weight, against the membrane potential. At {potential}: surrogate gradient "
            "{surrogate}, derivative of the expected output {expected}, numerically {numerical}."
        )

    def draws(self):
        self.dots("draws", "left", "green", "left, where it fired", size=4, marker="triangle")
        self.dots("draws", "right", "purple", "right, where silent", size=4, marker="inverted_triangle")
        self.line("derivatives", "affine", "orange", "(1−p) right + p left", width=2)
        return self.finished(
            "Smoothed derivatives in the first trial: the left one where the unit fired, the right one where it was silent; "
            "their affine combination is {expected} at the operating point, whatever the outcome."
        )

    def score(self):
        self.band("score", "purple")
        self.line("derivatives", "expected", "blue", "d E[y]/dw", width=5, alpha=0.35)
        self.line("score", "mean", "purple", "(y − b) · score ± s.e.", width=1.5)
        return self.finished("Mean of the score-function estimate: {score} ± {score_error} at the operating point.")

    def variance(self):
        self.line("variance", "left", "green", "b = 0: left", width=1.5, dash="dashed")
        self.line("variance", "right", "purple", "b = 1: right", width=1.5, dash="dashed")
        self.line("variance", "variance", "orange", "at b, formula", width=2.5)
        self.dots("measured", "variance", "orange", "measured", size=4, hollow=True)
        return self.finished(
            "Variance of one draw of the score function: {variance} by the formula and {score_variance} measured, "
            "at the operating point."
        )


# ---- from settings to the experiment's arguments, and from its bundle to columns -----------------------------------------


@functools.cache
def _sweep():
    """The experiment over a batch of numbers: one compiled program, whichever slider the batch sweeps."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.single_unit import draw_uniforms, single_unit

    @eqx.filter_jit
    def sweep(numbers, choices, trials):
        def row(each):
            key = jax.random.key(jnp.rint(each["seed"]).astype(int))
            return single_unit(_setting(each | choices), draw_uniforms(key, trials))

        return jax.vmap(row)(numbers)

    return sweep


def _setting(settings: Mapping[str, Any]):
    """The experiment's setting; numbers may be traced."""
    from sgtheory.experiments.single_unit import SingleUnitSetting

    return SingleUnitSetting(
        escape=_escape(settings["escape"], settings["steepness"], settings["expression"]),
        surrogate=_surrogate(settings["surrogate"], settings["steepness"]),
        threshold=settings["threshold"],
        weight=settings["weight"],
        input=settings["input"],
        baseline=None if settings["rule"] == OPTIMAL else settings["baseline"],
        hidden=settings["hidden"],
    )


def _uniforms(seed: int, trials: int):
    import jax

    from sgtheory.experiments.single_unit import draw_uniforms

    return draw_uniforms(jax.random.key(seed), trials)


def _escape(name: str, steepness: Any, text: str):
    from sgtheory.escape import ALL_ESCAPES, Custom, HardThreshold
    from sgtheory.expressions import expression

    if name == NO_NOISE:
        return HardThreshold()
    if name == CUSTOM:
        return Custom(expression(text, steepness), domain=(-_FARTHEST, _FARTHEST))
    return ALL_ESCAPES[name](steepness)


def _surrogate(name: str, steepness: Any):
    from sgtheory import surrogates

    if name == MATCHED:
        return None
    if name.startswith("SuperSpike"):
        return surrogates.SuperSpike(steepness, scaled=name == "SuperSpike")
    return surrogates.Identity() if name == "identity" else surrogates.ALL_SURROGATES[name](steepness)


def arrange(picture, rows: int | None = None) -> Sources:
    """The experiment's bundle as columns; for a sweep, its first `rows` along a leading axis."""
    wanted = slice(rows) if rows else ...
    curves = {name: np.asarray(values)[wanted] for name, values in vars(picture.curves).items()}
    point = {name: np.asarray(values)[wanted] for name, values in vars(picture.operating_point).items()}
    potential = np.asarray(picture.operating_potential)[wanted][..., None]
    lead = potential.shape[:-1]
    x = np.broadcast_to(np.linspace(*_X, curves["probability"].shape[-1]), curves["probability"].shape)
    # The eye tells apart fewer marks than points of a line, and each mark costs as much as ten points.
    second, fourth = slice(None, None, 2), slice(None, None, 4)

    def bars(mean, error):
        return {"x": x, "mean": mean, **dict(zip(("low", "high"), _band(mean, error), strict=True))}

    derivatives = ("surrogate_gradient", "expected_gradient")
    ranges = {
        "derivatives": nice_range([curves[name] for name in derivatives]),
        "draws": nice_range([curves[name] for name in ("left_draw", "right_draw", "expected_gradient")]),
        "score": nice_range([curves["expected_gradient"], *_band(curves["score_mean"], curves["score_error"])]),
        "variance": nice_range([curves[name] for name in ("left_variance", "right_variance")]),
    }
    ends = np.stack([np.full(lead, -100.0), np.full(lead, 100.0)], axis=-1)
    return {
        "stochastic": {"image": curves["trials"] > 0.5},
        "deterministic": {"image": np.repeat(curves["deterministic"][..., None, :] > 0.5, 8, axis=-2)},
        "probability": {"x": x, "step": curves["deterministic"], "probability": curves["probability"]},
        "means": {name: values[..., second] for name, values in bars(curves["trial_mean"], curves["trial_error"]).items()},
        "derivatives": {
            "x": x, "surrogate": curves["surrogate_gradient"], "expected": curves["expected_gradient"],
            "affine": curves["affine_draw"],
        },
        "numerical": {"x": x[..., fourth], "numerical": curves["numerical_gradient"][..., fourth]},
        "draws": {
            "x": x[..., second], "left": curves["left_draw"][..., second], "right": curves["right_draw"][..., second],
        },
        "score": bars(curves["score_mean"], curves["score_error"]),
        "variance": {"x": x, **{short: curves[name] for short, name in (
            ("left", "left_variance"), ("right", "right_variance"), ("variance", "variance"))}},
        "measured": {"x": x[..., fourth], "variance": curves["score_variance"][..., fourth]},
        "marker": {"x": np.concatenate([potential, potential], axis=-1), "y": ends},
        "ranges": range_columns(ranges),
        "readouts": {
            "potential": potential, "probability": point["probability"], "trial_mean": point["trial_mean"],
            "surrogate": point["surrogate_gradient"], "expected": point["expected_gradient"],
            "numerical": point["numerical_gradient"], "score": point["score_mean"],
            "score_error": point["score_error"], "variance": point["variance"],
            "score_variance": point["score_variance"],
        },
    }  # fmt: skip


def _band(mean: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mean - error, mean + error
