"""The guessing game of page 01: a unit whose escape noise is hidden."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from sgtheory.pages._kit import Choice, Readout, Slider, in_64_bits
from sgtheory.pages._kit.controls import brief
from sgtheory.pages._menus import MATCHED
from sgtheory.pages.single_unit import CONSTANT, SingleUnit

SHAPES = ("sigmoid", "fast sigmoid", "exponential hazard")
STORED_SECRET = 7
_LOST = 3.0  # log-likelihood that a guess may lose: half the 95 % quantile of chi-squared, for two parameters


class HiddenUnit(SingleUnit):
    """The trials are drawn with a hidden escape noise; find its shape and its steepness, then call `check()`.

    **Arguments:** `secret`, a whole number; each number gives another unit, and the default is that of the exercise.
    **Raises** `ValueError` for a secret that is not a whole number from 0 to 999.
    """

    name = "hidden_unit"
    title = "A hidden unit: which noise does it have?"
    experiment_name = "single_unit"
    specification = (
        Choice("escape", "your guess", "sigmoid", SHAPES, "Your guess of the shape of the escape noise"),
        Slider("steepness", "its steepness", 1.0, 0.5, 20.0, 0.25, "Your guess of the steepness of the noise"),
        Slider("threshold", "threshold ϑ", 0.0, -1.5, 1.5, 0.05, "Move the threshold to look at one side of the curve"),
        Slider("trials", "trials", 50, 10, 200, 10, "More trials give less scatter", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers"),
    )
    readouts = (
        Readout("log_likelihood", "log-likelihood of your guess"),
        Readout("probability", "… its p at potential 0", of="operating_point.probability"),
        Readout("trial_mean", "mean of the trials there", of="operating_point.trial_mean", jumps=True),
    )
    panels = tuple(
        dataclasses.replace(panel, text=text)
        for panel, text in zip(
            SingleUnit.panels[:2],
            (
                "Raster of trials against the membrane potential. At the potential 0 the unit fired in a fraction {trial_mean} "
                "of its trials.",
                "Firing probability of your guess against the membrane potential, {probability} at 0, and the mean of the trials.",
            ),
            strict=True,
        )
    )
    actions = ()
    tour = ()

    def __init__(self, secret: int = STORED_SECRET) -> None:
        if isinstance(secret, bool) or not isinstance(secret, int) or not 0 <= secret <= 999:
            raise ValueError(
                f"`secret` must be a whole number from 0 to 999, got {brief(secret)}. Take 7, for instance."
            )
        self._secret = secret
        super().__init__()

    def has_stored_picture(self) -> bool:
        return self._secret == STORED_SECRET

    def check(self) -> None:
        """Prints whether the guess explains the trials that are shown as well as the truth does: a hint, not the answer.

        It does if their log-likelihood is lower by at most 3: then the truth lies within the 95 % region around the guess
        that these trials allow.
        """
        (shape, steepness), guess = self._hidden(), self.settings()
        if all(guess[name] == self.by_name[name].value for name in ("escape", "steepness")):
            print("Choose a shape and a steepness, then run this cell.")
            return
        lost = self._lost_likelihood()
        if lost <= _LOST:
            rest = (
                "Your guess is the truth." if lost == 0 else f"{guess['trials']} trials cannot tell your guess from it."
            )
            print(f"Found: it was {shape}, steepness {steepness:g}. {rest}")
        elif guess["escape"] != shape:
            print("Not this shape: compare how fast the scatter vanishes on either side, and watch the log-likelihood.")
        else:
            slope = "steep" if guess["steepness"] > steepness else "flat"
            print(f"The shape is right, but your curve is too {slope} around threshold.")

    def _lost_likelihood(self) -> float:
        """By how much the log-likelihood of the trials, all together, is lower for the guess than for the truth."""
        import jax
        import jax.numpy as jnp

        from sgtheory.escape import ALL_ESCAPES
        from sgtheory.rules import Sample

        (shape, steepness), guess = self._hidden(), self.settings()
        with in_64_bits():
            uniforms = self.experiment().draw_uniforms(jax.random.key(guess["seed"]), guess["trials"])
            distance = jnp.broadcast_to(self._axis("membrane_potentials()") - guess["threshold"], uniforms.shape)
            guessed, true = ALL_ESCAPES[guess["escape"]](guess["steepness"]), ALL_ESCAPES[shape](steepness)
            trials = Sample().outcome(true, distance, uniforms)
            return float(jnp.sum(true.log_likelihood(distance, trials) - guessed.log_likelihood(distance, trials)))

    def _hidden(self) -> tuple[str, float]:
        import jax

        # Random numbers of 32 and of 64 bits differ: one width, so that `check` means the unit whose trials are shown.
        with in_64_bits():
            shape, size = jax.random.split(jax.random.key(self._secret))
            index = int(jax.random.randint(shape, (), 0, len(SHAPES)))
            return SHAPES[index], 0.5 * int(jax.random.randint(size, (), 3, 17))

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        return super().bundle(
            {"weight": 0.0 * numbers["seed"], "input": 1.0 + 0.0 * numbers["seed"], "baseline": 0.0, **numbers}, choices
        )

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        from sgtheory.escape import ALL_ESCAPES

        shape, steepness = self._hidden()
        fixed = {"rule": CONSTANT, "surrogate": MATCHED, "expression": ""}
        return super().choices(fixed | dict(settings)) | {"hidden": ALL_ESCAPES[shape](steepness)}
