"""The exercises of page 04: what computes their answers, and their hints."""

import functools

import numpy as np

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise


def _brackets(steepnesses: np.ndarray) -> np.ndarray:
    """The surrogate's bracket of Eq. 9 at Table 1, from the same function that the page shows."""
    import jax
    import jax.numpy as jnp

    from sgtheory.experiments.sign_flip import TABLE_1, SignFlipSetting, bracket

    with in_64_bits():
        numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
        setting = SignFlipSetting(**numbers)
        return np.asarray(jax.vmap(lambda steepness: bracket(setting, setting.w, steepness).total)(steepnesses))


@functools.cache
def _balance() -> float:
    """The steepness at which the bracket changes sign; on so fine a grid it is a straight line between two points."""
    steepnesses = np.linspace(30.0, 60.0, 30_001)
    return float(np.interp(0.0, _brackets(steepnesses), steepnesses))


_HIDDEN_SURROGATE = 62.0
"""The steepness that gives the bracket in the text of exercise 4.2; a test compares."""

EXERCISES = {
    "04.1": Exercise(
        _balance,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 100, "The slider does not go that far."),
            (lambda v: v < 0.5 * _balance(), "There the second term still outweighs the first: the sign is wrong."),
        ),
        "Move w to 0 and watch the sum of the two terms in the surrogate's bracket: where does it cross zero?",
    ),
    "04.2": Exercise(
        lambda: _HIDDEN_SURROGATE,
        (
            (lambda v: 0 < v < _balance(), "With such a surrogate the bracket is negative, and the sign is wrong."),
            (lambda v: v <= 0, "A steepness is positive."),
        ),
        "Compare the displayed bracket of the surrogate with the one in the exercise, and keep moving the slider until they "
        "agree.",
    ),
}  # fmt: skip
