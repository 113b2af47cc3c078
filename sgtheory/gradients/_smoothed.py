from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractPathwise, Claim, Losses
from sgtheory.rules import (
    AbstractBackward,
    AbstractSpikeRule,
    SmoothedAffine,
    SmoothedLeft,
    SmoothedRight,
    SmoothedTwoSided,
    SpikeRule,
)

_SIDES = (SmoothedLeft, SmoothedRight, SmoothedTwoSided, SmoothedAffine)


class SmoothedDerivative(AbstractPathwise):
    r"""Back-propagation along one sampled path with the smoothed stochastic derivative $\tilde\delta$ of each decision.

    Approximates: the gradient of $E[L]$. With: $\tilde\delta = E[\delta + w(Y-X)\,|\,X]$ in the chain rule.
    Requires: a differentiable loss; unbiased for one layer of decisions and a loss affine in the spikes. With more
    layers smoothing drops the coupling of the two runs, and each side is biased, the affine one as the surrogate gradient.

    **Arguments:** `side`: `SmoothedLeft()`, `SmoothedRight()`, `SmoothedTwoSided()` or `SmoothedAffine(weight)`.
    **Raises** `TypeError` for a slope that is no smoothed derivative.
    **Source:** Gygax & Zenke (2025), Eq. 1 and Eq. 6; Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> silent, fired = [SmoothedDerivative(SmoothedLeft()).evaluate(*arguments, jnp.array(uniform))
    ...                  for uniform in (0.9, 0.1)]
    >>> print(silent.weights[0], round(float(fired.weights[0]), 4))
    0.0 0.5379
    """

    side: AbstractBackward

    def __check_init__(self):
        instance("side", self.side, _SIDES, "Take `SmoothedLeft()` or another smoothed slope of `sgtheory.rules`.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.AFFINE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(backward=self.side)
