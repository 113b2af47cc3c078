"""The exercises of page 06: what computes their answers, and their hints."""

import functools

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise

HIDDEN_WEIGHT = 2.375
"""The weight that gives the expected spike count in the text of exercise 6.2; a test compares."""


@functools.cache
def expected_count(weight: float) -> float:
    """The expected spike count with the page's first values, and this weight."""
    import jax
    import jax.numpy as jnp

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.lif_neuron import firing_probabilities, input_spikes
    from sgtheory.neurons import LIF

    with in_64_bits():
        spikes = input_spikes(jax.random.key(0), 0.3)
        return float(jnp.sum(firing_probabilities(LIF(Sigmoid(10.0)), weight * spikes)))


@functools.cache
def _factor() -> float:
    """How many times too large the surrogate gradient with a detached reset is, as the page opens."""
    from sgtheory.pages.lif_neuron import LIFNeuron

    page = LIFNeuron()
    readouts = page.compute(page.settings())["readouts"]
    return float(readouts["detached"][0] / readouts["gradient"][0])


EXERCISES = {
    "06.1": Exercise(
        _factor,
        (
            (lambda v: v < 1, "It is larger than the exact derivative, not smaller."),
            (lambda v: v > 6, "That is too many times. Read both numbers when the page is at rest."),
        ),
        "Press Reset, then divide the surrogate gradient with the reset detached by the exact dE[N]/dw.",
    ),
    "06.2": Exercise(
        lambda: HIDDEN_WEIGHT,
        (
            (lambda v: v <= 0, "Without a positive weight the neuron would hardly fire."),
            (lambda v: v < HIDDEN_WEIGHT, "With such a weight fewer spikes are expected."),
        ),
        "With such a weight more spikes are expected. Move it until their number agrees.",
    ),
}  # fmt: skip
