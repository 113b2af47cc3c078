"""Page 01: one stochastic unit, three ways to a gradient."""

from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit import PALE, Choice, DeclaredPage, Panel, Readout, Slider, Text
from sgtheory.pages._kit.marks import Dots, ErrorBand, Line, Marker, Raster, Steps
from sgtheory.pages._menus import CUSTOM, ESCAPES, MATCHED, SURROGATES, escape_of, refused_escape, surrogate_of
from sgtheory.pages.single_unit_tour import TOUR

CONSTANT, OPTIMAL = "the slider's b", "1 − p"
_FARTHEST = 7.5  # largest distance to threshold: highest weight times highest input, minus the lowest threshold
_POTENTIAL = ("membrane potential", "membrane_potentials()")
_HERE = Marker("operating_potential", legend="operating point w·x")


class SingleUnit(DeclaredPage):
    """Drag the noise, the threshold and the weight; see where the three derivatives agree, and where they cannot."""

    name = "single_unit"
    title = "One stochastic unit: three ways to a gradient"
    play = "steepness"
    specification = (
        Slider("steepness", "steepness β", 4.0, 0.5, 20.0, 0.25, "How steeply the probability rises at threshold"),
        Slider("threshold", "threshold ϑ", 0.0, -1.5, 1.5, 0.05, "The membrane potential at which the unit decides"),
        Slider("weight", "weight w", 0.8, -3.0, 3.0, 0.05, "Weight of the only input; w·x is the operating point"),
        Slider("input", "input x", 1.0, -2.0, 2.0, 0.05, "The input; all derivatives shown are proportional to it"),
        Slider("baseline", "baseline b", 0.0, 0.0, 1.0, 0.01, "Subtracted from the outcome before multiplying by the score",
               shown_for=("rule", CONSTANT)),
        Choice("rule", "baseline is", CONSTANT, (CONSTANT, OPTIMAL), "The same b everywhere, or the best one at each potential"),
        Choice("escape", "escape noise", "sigmoid", ESCAPES, "Probability of a spike at each distance to threshold"),
        Text("expression", "p(u) =", "1/(1+exp(-beta*u))", "u: distance to threshold, beta: steepness", ("escape", CUSTOM)),
        Choice("surrogate", "surrogate", MATCHED, SURROGATES, "The derivative used in back-propagation"),
        Slider("trials", "trials", 50, 10, 200, 10, "How many times each unit is run", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers"),
    )  # fmt: skip
    readouts = (
        Readout("potential", "operating point w·x", of="operating_potential"),
        Readout("probability", "firing probability p", of="operating_point.probability"),
        Readout("trial_mean", "mean of the trials", of="operating_point.trial_mean", jumps=True),
        Readout("surrogate", "surrogate gradient", of="operating_point.surrogate_gradient"),
        Readout("expected", "d E[y] / dw, analytic", of="operating_point.expected_gradient"),
        Readout("numerical", "d E[y] / dw, numerical", of="operating_point.numerical_gradient"),
        Readout("baseline", "baseline b in use", of="operating_point.baseline"),
        Readout("score", "score function, mean", of="operating_point.score_mean", jumps=True),
        Readout("score_error", "… its standard error", of="operating_point.score_error", jumps=True),
        Readout("variance", "variance, formula", of="operating_point.variance"),
        Readout("score_variance", "variance, measured", of="operating_point.score_variance", jumps=True),
    )
    tour = TOUR
    panels = (
        Panel(
            "trials", "One unit, many trials", x=_POTENTIAL, y_range=(0.0, 1.0),
            ticks=((0.36, "trials"), (0.9, "no noise")),
            marks=(_HERE, Raster("curves.trials", "blue", 0.0, 0.72), Raster("curves.deterministic", "ink", 0.8, 1.0)),
            text="Raster of trials against the membrane potential. At the operating point {potential} the noisy unit fired "
            "in a fraction {trial_mean} of its trials; the unit without noise does the same thing in every trial.",
        ),
        Panel(
            "probability", "Output of the unit", x=_POTENTIAL, y_label="output y", y_range=(-0.04, 1.04),
            marks=(
                _HERE,
                ErrorBand("curves.trial_mean", "curves.trial_error", "blue", jumps=True, every=2),
                # The step rises right after its last silent potential: Θ(0) = 0.
                Steps("curves.deterministic", "ink", "without noise", jumps=True),
                Line("curves.probability", "blue", "expected: probability p", width=2, upright=True),
                Dots("curves.trial_mean", "blue", "mean of the trials ± s.e.", size=3, jumps=True, every=2),
            ),
            text="Output of the unit against the membrane potential: without noise a step from 0 to 1 at threshold; with noise, "
            "at the operating point {potential}, it is expected to be {probability}, the probability of a spike.",
        ),
        Panel(
            "derivatives", "Derivative with respect to w", x=_POTENTIAL, y_label="∂ / ∂w",
            marks=(
                _HERE,
                Line("curves.expected_gradient", "blue", "d E[y]/dw, analytic", width=6, alpha=PALE),
                Line("curves.surrogate_gradient", "orange", "surrogate gradient", dash="dashed", width=3),
                Dots("curves.numerical_gradient", "ink", "numerical", size=5, hollow=True, every=4, scales=False),
            ),
            text="Derivatives with respect to the weight, against the membrane potential. At {potential}: surrogate gradient "
            "{surrogate}, derivative of the expected output {expected}, numerically {numerical}.",
        ),
        Panel(
            "draws", "Derivatives from a single trial", x=_POTENTIAL, y_label="∂ / ∂w",
            marks=(
                _HERE,
                Line("curves.expected_gradient", "blue", "d E[y]/dw", width=5, alpha=PALE),
                Dots("curves.left_draw", "green", "left: 0 if it was silent", marker="triangle", jumps=True, every=2),
                Dots("curves.right_draw", "purple", "right: 0 if it fired", marker="inverted_triangle", jumps=True, every=2),
                Line("curves.affine_draw", "orange", "(1−p) right + p left", width=2),
            ),
            text="Smoothed derivatives in the first trial: the left one, which is 0 where the unit was silent, and the right one, "
            "which is 0 where it fired; their affine combination is {expected} at the operating point, whatever the outcome.",
        ),
        Panel(
            "score", "Score function with baseline b, mean of the trials", x=_POTENTIAL, y_label="∂ / ∂w",
            marks=(
                _HERE,
                ErrorBand("curves.score_mean", "curves.score_error", "purple", jumps=True),
                Line("curves.expected_gradient", "blue", "d E[y]/dw", width=5, alpha=PALE),
                Line("curves.score_mean", "purple", "(y − b) · score ± s.e.", jumps=True),
            ),
            text="Mean of the score-function estimate: {score} ± {score_error} at the operating point.",
        ),
        Panel(
            "variance", "Variance of one draw", x=_POTENTIAL, y_label="variance",
            marks=(
                _HERE,
                Line("curves.variance", "orange", "at b, formula", width=5, alpha=0.85),
                Line("curves.left_variance", "green", "b = 0: left", dash="dashed"),
                Line("curves.right_variance", "purple", "b = 1: right", dash="dashed"),
                Dots("curves.score_variance", "orange", "measured", hollow=True, jumps=True, every=4, scales=False),
            ),
            text="Variance of one draw of the score function: {variance} by the formula and {score_variance} measured, "
            "at the operating point.",
        ),
    )  # fmt: skip

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        return refused_escape(settings, _FARTHEST)

    def culprit(self, settings: Mapping[str, Any]) -> str | None:
        return "expression" if settings.get("escape") == CUSTOM else None

    # ---- numbers ----

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        import jax
        import jax.numpy as jnp

        experiment = cls.experiment()
        key = jax.random.key(jnp.rint(numbers["seed"]).astype(int))
        setting = experiment.SingleUnitSetting(
            escape=escape_of(choices["escape"], numbers["steepness"], choices["expression"], reach=_FARTHEST),
            surrogate=surrogate_of(choices["surrogate"], numbers["steepness"]),
            baseline=None if choices["rule"] == OPTIMAL else numbers["baseline"],
            hidden=choices["hidden"],
            **{name: numbers[name] for name in ("threshold", "weight", "input")},
        )
        return experiment.single_unit(setting, experiment.draw_uniforms(key, choices["trials"]))

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        # A formula that is not used must not make another program.
        expression = settings["expression"] if settings["escape"] == CUSTOM else ""
        return super().choices(settings) | {"expression": expression, "hidden": None}
