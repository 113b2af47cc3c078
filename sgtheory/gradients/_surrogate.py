import equinox as eqx

from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractPathwise, Claim, Losses
from sgtheory.rules import AbstractForward, AbstractSpikeRule, Sample, SpikeRule, Surrogate
from sgtheory.surrogates import AbstractSurrogate


class SurrogateGradient(AbstractPathwise):
    r"""Back-propagation along one path with a surrogate derivative $h(u)$ where $\Theta'(u)$ would stand.

    Approximates: the gradient of $E[L]$. With: $L'(y)\,h(u)\,x_i$ for one unit. Requires: a differentiable loss.
    With the matched derivative ($h = p'$) it is exact, draw by draw, for one layer of decisions and a loss affine in
    the spikes: on a sampled path as on the noiseless one, since $h(u)$ depends on no outcome. With more layers it is
    biased, except for the weights of the last; with any other derivative it is biased already for one unit.

    **Arguments:** `derivative`, one of `sgtheory.surrogates`, or None for the slope of the network's own escape noise;
    `forward`, `Sample()` for a stochastic network, `Threshold()` for a deterministic one.
    **Raises** `TypeError` for an argument of another family.
    **Source:** Gygax & Zenke (2025), Eq. 3.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> gradient = SurrogateGradient().estimate(
    ...     lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]), key=jax.random.key(0))
    >>> print(round(float(gradient.weights[0]), 4))
    0.3932
    """

    derivative: AbstractSurrogate | None = None
    forward: AbstractForward = eqx.field(default_factory=Sample)

    def __check_init__(self):
        instance("forward", self.forward, AbstractForward, "Take `Sample()` or `Threshold()`.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.AFFINE if self.derivative is None else Losses.NONE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(self.forward, Surrogate(self.derivative))
