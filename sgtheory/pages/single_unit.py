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
ROWS = 129  # of a sweep: enough for one row a step of any slider

_ESCAPES = ("sigmoid", "error function", "fast sigmoid", "arctan", "exponential hazard", NO_NOISE, CUSTOM)
_SURROGATES = (
    MATCHED, "SuperSpike", "SuperSpike, unscaled", "sigmoid", "piecewise linear", "boxcar", "Gaussian", "arctan", "identity",
)  # fmt: skip
_X = (-3.0, 3.0)
_FARTHEST = 7.5  # from threshold: the highest weight times the highest input, and the lowest threshold
_POTENTIAL = "membrane potential"


_TITLES = {
    "trials": ("One unit, many trials", ""),
    "probability": ("Firing probability", "probability"),
    "derivatives": ("Derivative by the weight", "∂ / ∂w"),
    "draws": ("One draw: left, right and their affine combination", "∂ / ∂w"),
    "score": ("Score function with baseline b, mean of the trials", "∂ / ∂w"),
    "variance": ("Variance of one draw", "variance"),
}
_FIXED_RANGES = {"trials": (0.0, 1.0), "probability": (-0.04, 1.04)}


class SingleUnit(Page):
    """Drag the noise, the threshold, the weight; see where the three derivatives agree, and where they cannot."""

    name = "single_unit"
    title = "One stochastic unit: three ways to a gradient"
    play = "steepness"
    specification = (
        Slider("steepness", "steepness β", 4.0, 0.5, 20.0, 0.25, "How sharply the noise is cut off around threshold"),
        Slider("threshold", "threshold ϑ", 0.0, -1.5, 1.5, 0.05, "The membrane potential at which the unit decides"),
        Slider("weight", "weight w", 0.8, -3.0, 3.0, 0.05, "Weight of the only input; w·x is the operating point"),
        Slider("input", "input x", 1.0, -2.0, 2.0, 0.05, "The input; derivatives by w are proportional to it"),
        Slider(
            "baseline", "baseline b", 0.0, 0.0, 1.0, 0.01, "Taken off the outcome before it is multiplied by the score"
        ),
        Choice(
            "rule",
            "baseline is",
            CONSTANT,
            (CONSTANT, OPTIMAL),
            "The same b everywhere, or the best one at each potential",
        ),
        Choice("escape", "escape noise", "sigmoid", _ESCAPES, "Probability of a spike over the distance to threshold"),
        Text(
            "expression",
            "p(u) =",
            "1/(1+exp(-beta*u))",
            "u: distance to threshold, beta: steepness",
            ("escape", CUSTOM),
        ),
        Choice("surrogate", "surrogate", MATCHED, _SURROGATES, "The derivative that back-propagation pretends to see"),
        Slider("trials", "trials", 50, 10, 200, 10, "How often each unit is run", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed, other dice"),
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
    actions = (Action("match_baseline", "b = 1 − p", "The probability of silence as the baseline, at each potential"),)
    # What jumps with a trial's outcome is not interpolated.
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
        """Takes 1 − p as the baseline: there the score function is the surrogate gradient, draw by draw."""
        self.controls["rule"].value = OPTIMAL

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["escape"] != CUSTOM:
            return {}
        from sgtheory._expressions import ExpressionError, check_escape, parse_expression

        try:
            expression = parse_expression(settings["expression"])
            with in_64_bits():
                check_escape(expression, settings["steepness"], -_FARTHEST, _FARTHEST)
        except ExpressionError as error:
            return {"expression": str(error)}
        return {}

    def culprit(self, settings: Mapping[str, Any]) -> str | None:
        return "expression" if settings.get("escape") == CUSTOM else None

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        from sgtheory.experiments import single_unit as experiment

        with in_64_bits():
            picture = experiment.single_unit(self._setting(settings), _uniforms(settings["seed"], settings["trials"]))
            return self._columns(picture)

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        rows = len(values)
        values = filled_up(values, ROWS)
        with in_64_bits():
            seeds = np.rint(values).astype(int) if name == "seed" else np.full(ROWS, settings["seed"])
            swept = _swept(self._setting(settings), name, values)
            return self._columns(_sweep()(*swept, seeds, settings["trials"]), rows)

    def _columns(self, pictures, rows: int | None = None) -> Sources:
        return arrange(pictures, rows)

    def _setting(self, settings: Mapping[str, Any]):
        from sgtheory.experiments.single_unit import SingleUnitSetting

        return SingleUnitSetting(
            escape=_escape(settings["escape"], settings["steepness"], settings["expression"]),
            surrogate=_surrogate(settings["surrogate"], settings["steepness"]),
            baseline=None if settings["rule"] == OPTIMAL else settings["baseline"],
            **{name: settings[name] for name in ("threshold", "weight", "input")},
        )

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        from bokeh.models import Range1d

        data = data_sources(sources)
        x_range = Range1d(*_X)
        return [getattr(_Panel(data, x_range, name, *_TITLES[name], sources["ranges"]), name)() for name in self.panels]


class _Panel(Panel):
    """One figure over the membrane potential; its methods say what is drawn, from which source, in which role."""

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
            "Raster of trials over the membrane potential. At the operating point {potential} the stochastic unit fired in "
            "a fraction {trial_mean} of its trials; the deterministic unit does the same in every trial."
        )

    def probability(self):
        self.band("means", "blue")
        # The step rises right after its last silent potential: Θ(0) = 0.
        step = self.plot.step("x", "step", source=self.data["probability"], mode="before", legend_label="deterministic")
        themed(step.glyph, line_color="ink")
        self.line("probability", "probability", "blue", "probability p", width=2)
        self.dots("means", "mean", "blue", "mean ± standard error", size=3)
        return self.finished(
            "Firing probability over the membrane potential: {probability} at the operating point {potential}."
        )

    def derivatives(self):
        self.line("derivatives", "expected", "blue", "d E[y]/dw, analytic", width=6, alpha=0.4)
        self.line("derivatives", "surrogate", "orange", "surrogate gradient", dash="dashed", width=2)
        self.dots("numerical", "numerical", "blue", "numerical", size=5, hollow=True)
        return self.finished(
            "Derivatives by the weight over the membrane potential. At {potential}: surrogate gradient {surrogate}, "
            "derivative of the expected output {expected}, numerically {numerical}."
        )

    def draws(self):
        self.dots("draws", "left", "green", "left, where it fired", size=4, marker="triangle")
        self.dots("draws", "right", "purple", "right, where silent", size=4, marker="inverted_triangle")
        self.line("derivatives", "affine", "orange", "(1−p) right + p left", width=2)
        return self.finished(
            "Smoothed derivatives in the first trial: the left one where it fired, the right one where it was silent; "
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
    """The experiment over a batch of settings: one compiled program, whichever slider the batch sweeps."""
    import equinox as eqx
    import jax

    from sgtheory.experiments.single_unit import draw_uniforms, single_unit

    @eqx.filter_jit
    def sweep(batched, fixed, seeds, trials):
        def row(numbers, seed):
            return single_unit(eqx.combine(numbers, fixed), draw_uniforms(jax.random.key(seed), trials))

        return jax.vmap(row)(batched, seeds)

    return sweep


def _swept(setting, name: str, values: np.ndarray):
    """A copy of the setting for each value of one number, and what all copies share."""
    import equinox as eqx
    import jax

    numbers, fixed = eqx.partition(setting, eqx.is_array)
    # NumPy arrays are never weakly typed: one type for the swept number and for the others.
    batched = jax.tree.map(lambda leaf: np.full(len(values), leaf), numbers)
    if not _numbers(setting, name):
        return batched, fixed
    return eqx.tree_at(lambda s: _numbers(s, name), batched, replace_fn=lambda _: values), fixed


def _numbers(setting, name: str) -> list[Any]:
    """Where a slider's number stands in a setting: the steepness is that of the noise and of the surrogate."""
    if name == "seed":
        return []
    if name != "steepness":
        number = getattr(setting, name)
        return [] if number is None else [number]
    own = setting.escape.function.keywords if hasattr(setting.escape, "function") else vars(setting.escape)
    surrogate = vars(setting.surrogate) if setting.surrogate is not None else {}
    return [holder["steepness"] for holder in (own, surrogate) if "steepness" in holder]


def _uniforms(seed: int, trials: int):
    import jax

    from sgtheory.experiments.single_unit import draw_uniforms

    return draw_uniforms(jax.random.key(seed), trials)


def _escape(name: str, steepness: float, expression: str):
    import jax
    import jax.numpy as jnp

    from sgtheory._expressions import parse_expression
    from sgtheory.escape import ALL_ESCAPES, Custom, HardThreshold

    if name == NO_NOISE:
        return HardThreshold()
    if name == CUSTOM:
        return Custom(jax.tree_util.Partial(parse_expression(expression), steepness=jnp.asarray(steepness)))
    return ALL_ESCAPES[name](steepness)


def _surrogate(name: str, steepness: float):
    from sgtheory import surrogates

    if name == MATCHED:
        return None
    if name.startswith("SuperSpike"):
        return surrogates.SuperSpike(steepness, scaled=name == "SuperSpike")
    return surrogates.Identity() if name == "identity" else surrogates.ALL_SURROGATES[name](steepness)


def arrange(picture, rows: int | None = None) -> Sources:
    """The experiment's bundle as columns; of a sweep the first `rows`, along a leading axis."""
    wanted = slice(rows) if rows else ...
    curves = {name: np.asarray(values)[wanted] for name, values in vars(picture.curves).items()}
    point = {name: np.asarray(values)[wanted] for name, values in vars(picture.operating_point).items()}
    potential = np.asarray(picture.operating_potential)[wanted][..., None]
    lead = potential.shape[:-1]
    x = np.broadcast_to(np.linspace(*_X, curves["probability"].shape[-1]), curves["probability"].shape)
    # Of marks fewer are told apart than of the points of a line, and each costs as much as ten points.
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
