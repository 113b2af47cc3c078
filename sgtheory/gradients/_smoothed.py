from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.rules import AbstractSmoothed, AbstractSpikeRule, SpikeRule


class SmoothedDerivative(AbstractRuleGradient):
    r"""Back-propagation along one sampled path with the smoothed stochastic derivative $\tilde\delta$ of each decision.

    Approximates: the gradient of $E[L]$. With: $\tilde\delta = E[\delta + w(Y-X)\,|\,X]$ in the chain rule.
    Requires: a differentiable loss; unbiased where decisions are not chained and the loss is affine in the spikes. Where
    they are, smoothing drops the coupling of the two runs, and each side is biased, the affine one as the surrogate
    gradient is.

    **Arguments:** `side`: `SmoothedLeft()`, `SmoothedRight()`, `SmoothedTwoSided()`, `SmoothedAffine(weight)`, or an
    `AbstractSmoothed` of one's own.
    **Raises** `TypeError` for a slope that is no smoothed derivative; `RuleGradient` takes any.
    **Source:** Gygax & Zenke (2025), Eq. 1 and Eq. 6; Arya et al. (2022).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> from sgtheory.rules import SmoothedLeft
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> silent, fired = [SmoothedDerivative(SmoothedLeft()).evaluate(*arguments, (jnp.array(uniform),))
    ...                  for uniform in (0.9, 0.1)]
    >>> print(silent.weights[0], round(float(fired.weights[0]), 4))
    0.0 0.5379
    """

    side: AbstractSmoothed

    def __check_init__(self):
        instance("side", self.side, AbstractSmoothed, "Take `SmoothedLeft()`, say; `RuleGradient` takes any slope.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.AFFINE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(backward=self.side)
