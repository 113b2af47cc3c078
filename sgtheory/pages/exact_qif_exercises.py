"""The exercises of page 09: what computes their answers, and their hints."""

import functools
import math

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise

HIDDEN_WEIGHT = 1.85
"""The weight, in units of the least one, that gives the spike time in the text of exercise 9.3; a test compares."""


@functools.cache
def spike_time(weight: float) -> float:
    """When a QIF neuron at rest spikes after one input at 0.5, of this weight in units of the least one."""
    import jax.numpy as jnp

    from sgtheory.experiments.exact_qif import LEAST
    from sgtheory.neurons import QIF

    with in_64_bits():
        neuron, rest = QIF(), jnp.zeros(())
        return 0.5 + float(neuron.time_to_spike(neuron.start(rest, jnp.asarray(weight * LEAST["qif"]))))


EXERCISES = {
    "09.1": Exercise(
        lambda: 1 / (1 - math.exp(-1.0)) ** 2,
        (
            (lambda v: v <= 1, "With such a weight there is no spike even in a trial without end."),
            (lambda v: v < 2, "It must be more. How much of the current is left to come when the trial ends?"),
        ),
        "In the closed form of the tour, put the time from the input to the end of the trial.",
    ),
    "09.2": Exercise(
        lambda: 25.0,
        (
            (lambda v: v <= 9, "That is enough for two spikes at most."),
            (lambda v: v < 25, "Not yet the third. Between two spikes the angle grows by π."),
        ),
        "Fewer will do. The first spike needs an angle of π/2, and each further one π more.",
    ),
    "09.3": Exercise(
        lambda: HIDDEN_WEIGHT,
        (
            (lambda v: v <= 1, "With such a weight this neuron never spikes."),
            (lambda v: v < HIDDEN_WEIGHT, "With such a weight the spike comes later."),
        ),
        "With such a weight the spike comes earlier. Move it until the times agree.",
    ),
}  # fmt: skip
