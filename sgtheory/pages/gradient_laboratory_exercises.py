"""The exercises of page 03: what computes their answers, and their hints."""

import functools

import numpy as np

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise, near


def _runs_ratio() -> float:
    """Runs of finite differences divided by those of a stochastic triple, for the widths 5-5-5-1."""
    import jax
    import jax.numpy as jnp

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.gradient_laboratory import draw_parameters
    from sgtheory.gradients import FiniteDifference, StochasticTriple
    from sgtheory.networks import MultilayerPerceptron

    with in_64_bits():
        widths = (5, 5, 5, 1)
        problem = MultilayerPerceptron(widths, Sigmoid(1.0)), draw_parameters(widths, jax.random.key(0)), jnp.ones(5)
        return FiniteDifference(0.5).runs(*problem) / StochasticTriple().runs(*problem)


@functools.cache
def _uncoupled_ratio() -> float:
    """How much larger the variance of uncoupled differences on the chain is with a step of 1/64 than with 1/8."""

    def variance(step):
        return sum(q * (1 - q) for sides in _chain_outputs(step) for q in sides) / step**2

    return float(variance(1 / 64) / variance(1 / 8))


def _chain_outputs(step: float) -> np.ndarray:
    """The firing probability of the chain's output, each parameter moved to either side."""
    import jax
    import jax.numpy as jnp

    from sgtheory.escape import Sigmoid
    from sgtheory.experiments.gradient_laboratory import CHAIN, draw_parameters
    from sgtheory.gradients import expectation, flatten_parameters
    from sgtheory.losses import Total
    from sgtheory.networks import MultilayerPerceptron

    with in_64_bits():
        flat, as_parameters, _ = flatten_parameters(draw_parameters(CHAIN, jax.random.key(0)))
        network = MultilayerPerceptron(CHAIN, Sigmoid(2.0))
        moved = flat[None, None] + 0.5 * step * np.stack([np.eye(flat.size), -np.eye(flat.size)], axis=1)
        of_output = jax.vmap(jax.vmap(lambda each: expectation(Total(), network, as_parameters(each), jnp.ones(1))))
        return np.asarray(of_output(moved))


def _mean_field_bias(spread: float) -> float:
    """The relative bias of the mean field on the chain, from the same function that the page shows."""
    import jax

    from sgtheory.experiments.gradient_laboratory import (
        CHAIN,
        LaboratorySetting,
        draw_noise,
        draw_parameters,
        exact_components,
        measure,
    )

    with in_64_bits():
        setting = LaboratorySetting(2.0, 8.0, spread, step=0.5, temperature=0.5, target=1.0)
        problem = setting, draw_parameters(CHAIN, jax.random.key(0)), "output"
        noise = draw_noise("mean field", CHAIN, jax.random.key(1), 2)  # the mean field does not use it
        return float(measure("mean field", *problem, exact_components(*problem), noise).bias)


_HIDDEN_SPREAD = 2.3
"""The factor that gives the bias in the text of exercise 3.3; a test compares."""

EXERCISES = {
    "03.1": Exercise(
        _runs_ratio,
        (
            (lambda v: near(v, 0.5 * _runs_ratio()), "A central difference runs the network on both sides of each parameter."),
            (lambda v: near(v, 1.0 / _runs_ratio()), "Invert the fraction: differences divided by triple."),
        ),
        "Count the parameters, weights and biases; then count the decisions, one per unit. A triple takes one run, and one "
        "more for each decision.",
    ),
    "03.2": Exercise(
        _uncoupled_ratio,
        (
            (lambda v: 0 < v < 1, "The loss of each run is as noisy as before, and it is divided by a smaller number."),
            (lambda v: near(v, 8.0), "That is what happens with common random numbers. Here nothing cancels."),
            (lambda v: v <= 0, "The ratio of two variances is positive."),
        ),
        "Write down the variance of the difference of two independent numbers, divided by ε.",
    ),
    "03.3": Exercise(
        lambda: _HIDDEN_SPREAD,
        (
            (lambda v: v <= 0, "The slider has only positive numbers."),
            (lambda v: v > 4, "The slider does not go that far."),
        ),
        "Tick only the mean field, so that the displayed bias is free of noise, and move the slider until it agrees.",
    ),
}  # fmt: skip
