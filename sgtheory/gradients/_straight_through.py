import equinox as eqx

from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractPathwise, Claim, Losses
from sgtheory.rules import (
    AbstractBackward,
    AbstractSpikeRule,
    MultilayerSpiker,
    SpikeRule,
    StraightThrough as StraightThroughSlope,
    StraightThroughReLU,
)

_SLOPES = (StraightThroughSlope, StraightThroughReLU, MultilayerSpiker)


class StraightThrough(AbstractPathwise):
    """Back-propagation along one sampled path, past the decisions as if they were smooth already.

    Approximates: the gradient of E[L], in sign at best. With: slope 1, or 1 above threshold (ReLU), or the spike
    itself (MultilayerSpiker). The clipped variant is a surrogate gradient with a `Boxcar`.
    Requires: a differentiable loss. Biased already for one unit: its size has nothing to do with the noise.

    **Arguments:** `slope`: `StraightThrough()` of `sgtheory.rules`, `StraightThroughReLU()` or `MultilayerSpiker()`.
    **Raises** `TypeError` for another slope.
    **Source:** Bengio, Léonard & Courville (2013); Gardner, Sporea & Grüning (2015).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> gradient = StraightThrough().estimate(
    ...     lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.5]), key=jax.random.key(0))
    >>> print(gradient.weights)
    [1.5]
    """

    slope: AbstractBackward = eqx.field(default_factory=StraightThroughSlope)

    def __check_init__(self):
        instance(
            "slope",
            self.slope,
            _SLOPES,
            "Take `StraightThrough()` or another straight-through slope of `sgtheory.rules`.",
        )

    @property
    def claim(self) -> Claim:
        return Claim(Losses.NONE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(backward=self.slope)
