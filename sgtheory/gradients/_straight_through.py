import equinox as eqx

from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.rules import AbstractBackward, AbstractSpikeRule, SpikeRule, Surrogate
from sgtheory.surrogates import Identity


class StraightThrough(AbstractRuleGradient):
    """Back-propagation along one sampled path, past the decisions as if they were smooth already.

    Approximates: the gradient of E[L], in sign at best. With: slope 1, or 1 above threshold (ReLU), or the spike
    itself (MultilayerSpiker). The clipped variant is a surrogate gradient with a `Boxcar`.
    Requires: a differentiable loss. Biased already for one unit: its size has nothing to do with the noise.

    **Arguments:** `backward`, the slope that each decision shows: `Surrogate(Identity())`, which is 1 and the one taken
    if none is given, `Surrogate(Rectifier())`, or `MultilayerSpiker()`, all of `sgtheory.rules` and `sgtheory.surrogates`.
    **Raises** `TypeError` for what is no slope.
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

    backward: AbstractBackward = eqx.field(default_factory=lambda: Surrogate(Identity()))

    def __check_init__(self):
        instance("backward", self.backward, AbstractBackward, "Take `Surrogate(Identity())`, say.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.NONE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(backward=self.backward)
