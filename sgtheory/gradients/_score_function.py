from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Parameters, Scalar
from sgtheory._checks import finite
from sgtheory.gradients._base import AbstractGradientEstimator, Claim, Depth, Loss, Losses, scalar_loss, uniforms
from sgtheory.gradients._exact import expectation, spike_patterns
from sgtheory.networks import AbstractNetwork
from sgtheory.rules import Forced, SpikeRule

Baseline = Callable[[Loss, AbstractNetwork, Parameters, Array], Array]
"""From the problem to the number that is taken off the loss. It must not depend on the draw."""


def mean_baseline(loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Float[Array, "..."]) -> Scalar:
    """The exact expected loss, by enumeration: the customary baseline, seldom the best."""
    return expectation(loss, network, parameters, inputs)


def optimal_baseline(
    loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Float[Array, "..."]
) -> Scalar:
    r"""The baseline of least total variance, $b^* = E[L\,|s|^2]/E[|s|^2]$ with the score $s$, by enumeration.

    For one unit whose loss is its spike, $b^* = 1-p$, and the variance is 0.
    """

    def terms(pattern):
        def run(p):
            path = network(p, inputs, pattern, SpikeRule(Forced()))
            log_probability = jnp.sum(path.decisions.log_probability)
            return log_probability, (log_probability, scalar_loss(loss, path))

        score, (log_probability, value) = jax.grad(run, has_aux=True)(parameters)
        probability = jnp.exp(log_probability)
        # An impossible pattern has no weight, however large its score.
        weight = jnp.where(probability > 0, probability * jnp.sum(ravel_pytree(score)[0] ** 2), 0.0)
        return weight * value, weight

    weighted, weights = jax.vmap(terms)(spike_patterns(network, inputs, max_decisions=16))
    total = jnp.sum(weights)
    # No score at all (a saturated unit): then every baseline is as good.
    return jnp.where(total > 0, jnp.sum(weighted) / jnp.where(total > 0, total, 1.0), 0.0)


def _as_baseline(value: Any) -> Any:
    return value if callable(value) else finite("baseline")(value)


class ScoreFunction(AbstractGradientEstimator):
    r"""REINFORCE: the loss of one run, less a baseline, times the score of that run.

    Approximates: the gradient of $E[L]$, for every loss and depth. With: $(L-b)\,\nabla_\theta\log P(\text{pattern})$,
    plus the derivative of the loss itself where it depends on the parameters. Requires: the probability of what was
    drawn. Unbiased for every baseline that does not depend on the draw; for one unit whose loss is its spike $b=0$ is
    the smoothed left derivative, $b=1$ the right one, and $b=1-p$ the matched surrogate gradient, with zero variance.

    **Arguments:** `baseline`, a number, or a function of the problem such as `mean_baseline` and `optimal_baseline`.
    **Raises** `ValueError` for a baseline that is not finite.
    **Source:** Williams (1992); the identity with the smoothed derivatives follows from Gygax & Zenke (2025), Eq. 6.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> for baseline in (0.0, optimal_baseline):
    ...     silent, fired = [ScoreFunction(baseline).evaluate(*arguments, jnp.array(u)) for u in (0.9, 0.1)]
    ...     print(round(float(silent.weights[0]), 4), round(float(fired.weights[0]), 4))
    0.0 0.5379
    0.3932 0.3932
    """

    baseline: Scalar | Baseline = eqx.field(default=0.0, converter=_as_baseline)

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, Depth.ANY)

    def draw(self, network, inputs, *, key):
        return uniforms(network, inputs, key)

    def evaluate(self, loss, network, parameters, inputs, noise):
        b = self.baseline(loss, network, parameters, inputs) if callable(self.baseline) else self.baseline

        def surrogate_loss(p):
            path = network(p, inputs, noise, SpikeRule())
            value = scalar_loss(loss, path)
            return value + jax.lax.stop_gradient(value - b) * jnp.sum(path.decisions.log_probability)

        return jax.grad(surrogate_loss)(parameters)

    def runs(self, network, parameters, inputs):
        del network, parameters, inputs
        return 1
