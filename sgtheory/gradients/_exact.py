from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Inputs, Parameters, Scalar
from sgtheory.gradients._base import AbstractGradientEstimator, Loss, accepted, gradient, scalar_loss
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.gradients._enumeration import FORCED, MAX_DECISIONS, count_decisions, spike_patterns, sum_over_patterns
from sgtheory.gradients._layered import PathTable, layered_expectation, transitions
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractLayered, AbstractNetwork
from sgtheory.rules import AbstractBackward, Forced, SpikeRule, Surrogate


def expectation(
    function: Loss,
    network: AbstractEscapeNoiseNetwork,
    parameters: Parameters,
    inputs: Inputs,
    max_decisions: int = MAX_DECISIONS,
) -> Scalar:
    r"""Exact $E[f(\text{output})] = \sum_{\text{patterns}} P(\text{pattern})\,f$, over all spike patterns.

    Differentiable with respect to `parameters`. A layered network is taken layer by layer, at the cost of
    $\sum_l 2^{n_l+n_{l-1}}$ for widths $n_l$, see `sgtheory.gradients.layered_expectation`; any other costs $2^n$ runs
    for $n$ decisions, some thousand of them at a time.

    **Raises** `ValueError` for a layered network with more than 24 decisions in two adjacent layers, and for another
    with more than `max_decisions` decisions.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> print(round(float(expectation(lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]))), 4))
    0.7311
    """
    if isinstance(network, AbstractLayered):
        return layered_expectation(function, network, parameters, inputs)
    inputs = accepted(network, parameters, inputs, AbstractEscapeNoiseNetwork)

    def term(pattern):
        path = network(parameters, inputs, pattern, FORCED)
        return jnp.exp(network.log_probability(path)) * scalar_loss(function, path)

    return sum_over_patterns(term, network, inputs, max_decisions)


def enumerate_paths(
    loss: Loss,
    network: AbstractEscapeNoiseNetwork,
    parameters: Parameters,
    inputs: Inputs,
    backward: AbstractBackward | None = None,
    max_decisions: int = 16,
) -> PathTable:
    r"""Every path of a network, its probability, and the gradient that back-propagation along it gives.

    **Arguments:** `backward`, the slope that each decision shows, a matched surrogate where none is given;
    `max_decisions`, beyond which a network is refused.
    **Raises** `ValueError` for a network with more decisions than that.
    **Source:** Gygax & Zenke (2025), Fig. 3.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1), Sigmoid(2.0))
    >>> paths = enumerate_paths(lambda y: y[0], chain, MultilayerParameters([[[1.0]], [[0.5]]]), jnp.array([1.0]))
    >>> print(*(layer[:, 0] for layer in paths.spikes), round(float(paths.probability.sum()), 6))
    [0. 1. 0. 1.] [0. 0. 1. 1.] 1.0
    """
    inputs = accepted(network, parameters, inputs, AbstractEscapeNoiseNetwork)
    rule = SpikeRule(Forced(), Surrogate() if backward is None else backward)

    def path_of(pattern):
        def run(p):
            path = network(p, inputs, pattern, rule)
            value = scalar_loss(loss, path)
            return value, (jnp.exp(network.log_probability(path)), value)

        along, (probability, value) = gradient(run, parameters, has_aux=True)
        return probability, value, along

    spikes = spike_patterns(network, inputs, max_decisions)
    return PathTable(spikes, *jax.vmap(path_of)(spikes))


class ExactGradient(AbstractGradientEstimator):
    r"""The gradient of $E[L]$ itself, by enumeration of all spike patterns; the same whatever the key.

    Approximates: nothing. With: $\nabla_\theta\sum P(\text{pattern})\,L(\text{pattern})$. Requires: narrow layers, or
    few decisions.

    **Arguments:** `max_decisions`, beyond which a network that is not layered is refused.
    **Raises** `ValueError` for a network with more decisions than that, and for a layered one with more than 24 in two
    adjacent layers.
    **Source:** Gygax & Zenke (2025), Eq. 5 for one unit.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> gradient = ExactGradient().estimate(
    ...     lambda y: y, network, PerceptronParameters([0.8]), jnp.array([1.0]), key=jax.random.key(0))
    >>> print(round(float(gradient.weights[0]), 4))
    0.3932
    """

    takes: ClassVar[type[AbstractNetwork]] = AbstractEscapeNoiseNetwork
    max_decisions: int = eqx.field(default=MAX_DECISIONS, static=True)

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, chained=True)

    def draw(self, network, inputs, *, key):
        del network, inputs, key
        return ()

    def evaluate(self, loss, network: Any, parameters, inputs, noise):
        del noise
        return gradient(lambda p: expectation(loss, network, p, inputs, self.max_decisions), parameters)

    def runs(self, network: Any, parameters, inputs):
        """Transitions between patterns that are visited, each as long as a run at most."""
        del parameters
        if isinstance(network, AbstractLayered):
            return transitions(network)
        return 2 ** count_decisions(network, inputs, self.max_decisions)
