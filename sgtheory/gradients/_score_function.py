from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Inputs, Parameters, Scalar
from sgtheory._checks import Numbers, is_finite
from sgtheory.gradients._base import AbstractDifferentiable, Loss, accepted, flatten_parameters, gradient, scalar_loss
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.gradients._enumeration import FORCED, sum_over_patterns
from sgtheory.gradients._exact import expectation
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractNetwork

Baseline = Callable[[Loss, AbstractNetwork, Parameters, Inputs], Any]
"""From the problem to the number that is taken off the loss. It must not depend on the draw."""


def mean_baseline(
    loss: Loss, network: AbstractEscapeNoiseNetwork, parameters: Parameters, inputs: Inputs, max_decisions: int = 20
) -> Scalar:
    """The exact expected loss, by enumeration: the customary baseline, seldom the best.

    **Raises** what `expectation` raises. For another limit take `functools.partial(mean_baseline, max_decisions=24)`.
    """
    return expectation(loss, network, parameters, inputs, max_decisions)


def optimal_baseline(
    loss: Loss, network: AbstractEscapeNoiseNetwork, parameters: Parameters, inputs: Inputs, max_decisions: int = 20
) -> Scalar:
    r"""The baseline of least total variance, $b^* = E[L\,|s|^2]/E[|s|^2]$ with the score $s$, by enumeration.

    For one unit whose loss is its spike, $b^* = 1-p$, and the variance is 0.

    **Raises** `ValueError` for a network with more than `max_decisions` decisions. For another limit take
    `functools.partial(optimal_baseline, max_decisions=24)`.
    """
    inputs = accepted(network, parameters, inputs, AbstractEscapeNoiseNetwork)

    def terms(pattern):
        def run(p):
            path = network(p, inputs, pattern, FORCED)
            log_probability = network.log_probability(path)
            return log_probability, (log_probability, scalar_loss(loss, path))

        score, (log_probability, value) = gradient(run, parameters, has_aux=True)
        probability = jnp.exp(log_probability)
        # An impossible pattern has no weight, however large its score.
        weight = jnp.where(probability > 0, probability * jnp.sum(flatten_parameters(score)[0] ** 2), 0.0)
        return jnp.stack([weight * value, weight])

    weighted, total = sum_over_patterns(terms, network, inputs, max_decisions)
    # No score at all (a saturated unit): then every baseline is as good.
    return jnp.where(total > 0, weighted / jnp.where(total > 0, total, 1.0), 0.0)


class _Baseline(Numbers):
    """A number that is finite, or a function of the problem."""

    def __call__(self, value: Any) -> Any:
        return value if callable(value) else super().__call__(value)


class ScoreFunction(AbstractDifferentiable):
    r"""REINFORCE: the loss of one run, less a baseline, times the score of that run.

    Approximates: the gradient of $E[L]$, for every loss, chained decisions or not. With:
    $(L-b)\,\nabla_\theta\log P(\text{path})$, plus the derivative of the loss itself where it depends on the parameters.
    It is the gradient of $L + (L-b)\,\big(\log P - \overline{\log P}\big)$, in which $L-b$ and the barred term are held
    fixed, and whose value is the loss. Requires: the probability of what was drawn. Unbiased for every baseline that does
    not depend on the draw; for one unit whose loss is its spike $b=0$ is the smoothed left derivative, $b=1$ the right
    one, and $b=1-p$ the matched surrogate gradient, with zero variance.

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
    ...     silent, fired = [ScoreFunction(baseline).evaluate(*arguments, (jnp.array(u),)) for u in (0.9, 0.1)]
    ...     print(round(float(silent.weights[0]), 4), round(float(fired.weights[0]), 4))
    0.0 0.5379
    0.3932 0.3932
    """

    takes: ClassVar[type[AbstractNetwork]] = AbstractEscapeNoiseNetwork
    baseline: Scalar | Baseline = eqx.field(
        default=0.0, converter=_Baseline("baseline", "finite", is_finite, single=True)
    )

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, chained=True)

    def objective(self, loss, network: Any, parameters, inputs, noise):
        b = self.baseline(loss, network, parameters, inputs) if callable(self.baseline) else self.baseline
        path = network.run(parameters, inputs, noise)
        value, score = scalar_loss(loss, path), network.log_probability(path)
        held = jax.lax.stop_gradient
        return value + held(value - b) * (score - held(score)), path
