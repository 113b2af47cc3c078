from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.rules import AbstractSpikeRule, MeanField


class MeanFieldGradient(AbstractRuleGradient):
    r"""The true gradient of the smooth network, in which every unit passes its firing probability on.

    Approximates: the gradient of $E[L]$, by that of $L(E[h])$ layer by layer; the same whatever the key. With:
    $L'(p)\,p'(u)\,x_i$ for one unit. Requires: a loss that is differentiable between 0 and 1. Exact for one layer of
    decisions and a loss affine in the spikes; with more layers the mean of a product is not the product of means.

    **Source:** Gygax & Zenke (2025), section 2 (the smoothed network whose gradient surrogate gradients are not).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> gradient = MeanFieldGradient().estimate(
    ...     lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]), key=jax.random.key(0))
    >>> print(round(float(gradient.weights[0]), 4))
    0.3932
    """

    @property
    def claim(self) -> Claim:
        return Claim(Losses.AFFINE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return MeanField()
