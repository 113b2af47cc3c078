"""The exercises of page 05: what computes their answers, and their hints."""

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise, near


def _loop(surrogate: float) -> float:
    """The loop of the paper's Fig. 5, from the same function that the page shows."""
    import jax.numpy as jnp

    from sgtheory.experiments._five_weights import WEIGHTS, weight_field
    from sgtheory.experiments.loop_integral import POINTS, PUBLISHED_DIRECTIONS
    from sgtheory.gradients.fields import Plane, loop_integral

    with in_64_bits():
        plane = Plane(jnp.zeros(WEIGHTS), *jnp.asarray(PUBLISHED_DIRECTIONS))
        field = weight_field(jnp.asarray(1e4), jnp.asarray(surrogate))
        return float(loop_integral(field, plane.circle(1.8), POINTS).value)


def _twice_backwards() -> float:
    return -2.0 * _loop(20.0)


_HIDDEN_STEEPNESS = 7.0
"""The steepness that gives the integral in the text of exercise 5.3; a test compares."""

EXERCISES = {
    "05.1": Exercise(
        _twice_backwards,
        (
            (lambda v: near(v, 0.5 * _twice_backwards()), "That is once around. What is the integral along a path walked twice?"),
            (lambda v: v == 0, "It would be zero for the gradient of a function. The page shows what it is here."),
            (lambda v: v < 0, "Backwards, each step has the opposite sign, and the surrogate gradient at each point is the same."),
        ),
        "An integral along a path is a sum over its steps: reverse each step, and take each of them twice.",
    ),
    "05.3": Exercise(
        lambda: _HIDDEN_STEEPNESS,
        (
            (lambda v: v <= 0, "A steepness is positive."),
            (lambda v: v > 32, "The slider does not go that far."),
        ),
        "Compare the displayed loop integral with the one in the exercise, and keep moving the slider until they agree.",
    ),
}  # fmt: skip
