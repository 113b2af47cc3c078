"""The guessing game of page 01: a unit whose escape noise is hidden."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import Choice, Figure, Readout, Slider, Sources, in_64_bits
from sgtheory.pages._kit.controls import brief
from sgtheory.pages.single_unit import CONSTANT, MATCHED, SingleUnit, arrange

SHAPES = ("sigmoid", "fast sigmoid", "exponential hazard")
STORED_SECRET = 7
_CLOSE = 1.2  # a steepness within this factor cannot be told apart by eye


class HiddenUnit(SingleUnit):
    """The trials are drawn with a hidden escape noise; find its shape and its steepness, then call `check()`.

    **Arguments:** `secret`, a whole number; each number gives another unit, and the default is that of the exercise.
    **Raises** `ValueError` for a secret that is not a whole number from 0 to 999.
    """

    name = "hidden_unit"
    title = "A hidden unit: which noise does it have?"
    specification = (
        Choice("escape", "your guess", "sigmoid", SHAPES, "Your guess of the shape of the escape noise"),
        Slider("steepness", "its steepness", 1.0, 0.5, 20.0, 0.25, "Your guess of the steepness of the noise"),
        Slider("threshold", "threshold ϑ", 0.0, -1.5, 1.5, 0.05, "Move the threshold to look at one side of the curve"),
        Slider("trials", "trials", 50, 10, 200, 10, "More trials give less scatter", sizes=True, tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other random numbers"),
    )
    readouts = (Readout("log_likelihood", "log-likelihood of your guess"),)
    panels = ("trials", "probability")
    actions = ()
    discrete = frozenset({"probability.step", "means.mean", "means.low", "means.high", "readouts.trial_mean"})

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
        """Prints how close the guess is: a hint, not the answer."""
        shape, steepness = self._hidden()
        guess = self.settings()
        ratio = guess["steepness"] / steepness
        if guess["escape"] != shape:
            print("Not this shape: compare how fast the scatter vanishes on either side, and watch the log-likelihood.")
        elif not 1 / _CLOSE <= ratio <= _CLOSE:
            print(f"The shape is right, but your curve is too {'steep' if ratio > 1 else 'flat'} around threshold.")
        else:
            print(f"Found: {shape}, steepness {steepness:g}. Your guess explains the trials as well as the truth does.")

    def _hidden(self) -> tuple[str, float]:
        import jax

        # Random numbers of 32 and of 64 bits differ: one width, so that `check` means the unit whose trials are shown.
        with in_64_bits():
            shape, size = jax.random.split(jax.random.key(self._secret))
            index = int(jax.random.randint(shape, (), 0, len(SHAPES)))
            return SHAPES[index], 0.5 * int(jax.random.randint(size, (), 3, 17))

    def _complete(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        from sgtheory.escape import ALL_ESCAPES

        shape, steepness = self._hidden()
        fixed = {"weight": 0.0, "input": 1.0, "baseline": 0.0, "rule": CONSTANT, "surrogate": MATCHED, "expression": ""}
        return fixed | {**settings, "hidden": ALL_ESCAPES[shape](steepness)}

    def _columns(self, pictures, rows: int | None = None) -> Sources:
        sources = arrange(pictures, rows)
        likelihood = np.asarray(pictures.log_likelihood)[slice(rows) if rows else ...][..., None]
        readouts = {name: sources["readouts"][name] for name in ("potential", "probability", "trial_mean")}
        return {
            **{name: sources[name] for name in ("stochastic", "deterministic", "probability", "means", "marker")},
            "readouts": {**readouts, "log_likelihood": likelihood},
        }

    def figures(self, sources: Sources) -> list[Figure]:
        # Both panels have fixed axes, so there are no ranges to send.
        return super().figures({"ranges": {}, **sources})
