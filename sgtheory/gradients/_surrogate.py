import equinox as eqx

from sgtheory._checks import instance
from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.rules import AbstractForward, AbstractSpikeRule, Sample, SpikeRule, Surrogate
from sgtheory.rules._backward import check_derivative
from sgtheory.surrogates import AbstractSurrogate


class SurrogateGradient(AbstractRuleGradient):
    r"""Back-propagation along one path with a surrogate derivative $h(u)$ where $\Theta'(u)$ would stand.

    Approximates: the gradient of $E[L]$. With: $L'(y)\,h(u)\,x_i$ for one unit. Requires: a differentiable loss.
    With the matched derivative ($h = p'$) it is exact, draw by draw, where decisions are not chained and the loss is
    affine in the spikes: on a sampled path as on the noiseless one, since $h(u)$ depends on no outcome. Where one decision
    depends on another, as in a second layer, it is biased, except for the weights of the last; with any other derivative
    it is biased already for one unit. It claims the same however a matched derivative is written: `None`,
    `Matched(escape)` and `SigmoidDerivative(2.0)` all match a network whose noise is `escape = Sigmoid(2.0)`.

    **Arguments:** `derivative`, one of `sgtheory.surrogates`, or None for the slope of the network's own escape noise;
    `forward`, `Sample()` for a stochastic network, `Threshold()` for a deterministic one; `through_reset`, whether the
    gradient also passes through a neuron's own reset, where it has one.
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
    through_reset: bool = eqx.field(default=True, static=True)

    def __check_init__(self):
        check_derivative(self.derivative)
        instance("forward", self.forward, AbstractForward, "Take `Sample()` or `Threshold()`.")

    @property
    def claim(self) -> Claim:
        if self.derivative is None:
            return Claim(Losses.AFFINE)
        noise = self.derivative.matches()
        return Claim(Losses.NONE) if noise is None else Claim(Losses.AFFINE, noise=noise)

    @property
    def rule(self) -> AbstractSpikeRule:
        return SpikeRule(self.forward, Surrogate(self.derivative), through_reset=self.through_reset)
