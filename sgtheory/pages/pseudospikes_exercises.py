"""The exercises of page 10: what computes their answers, and their hints."""

import functools

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise

HIDDEN_SOFTNESS = 6.5
"""The softness that gives the slope in the text of exercise 10.2; a test compares."""
EARLIER_END = 3.0
"""The end of the trial in exercise 10.1."""


@functools.cache
def _entering() -> float:
    """The weight at which the first spike of neuron 1 crosses the earlier end."""
    import jax.numpy as jnp

    from sgtheory.experiments.pseudospikes import entering_weight

    with in_64_bits():
        return float(entering_weight(jnp.asarray(EARLIER_END)))


@functools.cache
def next_slope(softness: float) -> float:
    """The slope of the first spike of neuron 2 just below the crossing, with the page's first values and this softness."""
    from sgtheory.experiments.pseudospikes import PairSetting, driven_pair

    with in_64_bits():
        return float(driven_pair(PairSetting(softness=softness)).next_slope[0])


@functools.cache
def _active() -> float:
    """When the active pseudospike of a neuron at rest comes, for an exponent of 3, behind the end of its layer."""
    import jax.numpy as jnp

    from sgtheory.networks import EndState
    from sgtheory.pseudospikes import ContinuedPhase

    with in_64_bits():
        return float(ContinuedPhase(3.0).active(EndState(jnp.array([0.5]), jnp.zeros(1)), 0.0)[0])


EXERCISES = {
    "10.1": Exercise(
        _entering,
        (
            (lambda v: v <= 0, "Without a positive weight this neuron does not spike."),
            (lambda v: v < 2.4674, "Below π²/4 the neuron does not spike in a trial of any length."),
            (lambda v: v < _entering(), "With that weight the spike comes a little too late."),
        ),
        "With that weight the spike comes earlier than T = 3. The input comes at 0.5, so 2.5 are left.",
    ),
    "10.2": Exercise(
        lambda: HIDDEN_SOFTNESS,
        (
            (lambda v: v <= 0, "A softness is positive."),
            (lambda v: v < HIDDEN_SOFTNESS, "With such a softness the slope is further from 0."),
        ),
        "With such a softness the slope is nearer to 0. Move it until the numbers agree.",
    ),
    "10.3": Exercise(
        _active,
        (
            (lambda v: v <= 0, "It comes behind the end."),
            (lambda v: v < _active(), "Too early. The phase begins at ½, and its third power is 1/8."),
        ),
        "Too late. The phase goes on for τ/3 only, once around, and it begins at ½.",
    ),
}  # fmt: skip
