import equinox as eqx

from sgtheory._arrays import Scalar
from sgtheory._checks import positive
from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.rules import AbstractSpikeRule, Concrete as ConcreteRule


class ConcreteRelaxation(AbstractRuleGradient):
    r"""The true gradient of a relaxed run: every decision is a Concrete sample at the temperature $\tau$.

    Approximates: the gradient of $E[L]$ as $\tau\to0$. With: $L'(h)\,\partial h/\partial\theta$. Requires: a loss
    that is differentiable between 0 and 1, for the output layer is relaxed too. Biased at every $\tau>0$; its variance
    grows without bound as $\tau\to0$.

    **Arguments:** `temperature` $\tau$, positive.
    **Raises** `ValueError` for a temperature that is not positive and finite.
    **Source:** Maddison et al. (2017); Jang et al. (2017).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]), (jnp.array(0.5),))
    >>> print(round(float(ConcreteRelaxation(temperature=0.5).evaluate(*arguments).weights[0]), 4))
    0.42
    """

    temperature: Scalar = eqx.field(converter=positive("temperature", single=True))

    @property
    def claim(self) -> Claim:
        return Claim(Losses.NONE)

    @property
    def rule(self) -> AbstractSpikeRule:
        return ConcreteRule(self.temperature)
