import equinox as eqx

from sgtheory.gradients._base import AbstractRuleGradient
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.networks import Rule


class RuleGradient(AbstractRuleGradient):
    r"""Back-propagation along one run under any spike rule: the open form of all methods of this kind.

    Approximates, with and requires: whatever the rule makes of it. The named ones, `SurrogateGradient`,
    `SmoothedDerivative`, `StraightThrough`, `MeanFieldGradient` and `ConcreteRelaxation`, are this with a rule and a claim.

    **Arguments:** `rule`, any spike rule, or a tuple with one a layer; `claim`, what it is right for, nothing if not
    said. Tests and `compare` can hold it to that.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> from sgtheory.rules import MultilayerSpiker, SpikeRule
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> method = RuleGradient(SpikeRule(backward=MultilayerSpiker()))
    >>> arguments = (lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))
    >>> print(method.evaluate(*arguments, (jnp.array(0.1),)).weights, method.claim.losses)
    [1.] Losses.NONE
    """

    rule: Rule  # pyright: ignore
    claim: Claim = eqx.field(default_factory=lambda: Claim(Losses.NONE))  # pyright: ignore
