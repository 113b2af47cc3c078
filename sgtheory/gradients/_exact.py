import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Parameters, Scalar
from sgtheory.gradients._base import AbstractGradientEstimator, Claim, Depth, Loss, Losses, scalar_loss
from sgtheory.gradients._layered import PathTable, layered_expectation, patterns, transitions
from sgtheory.networks import AbstractLayered, AbstractNetwork
from sgtheory.rules import AbstractBackward, Forced, SpikeRule, Surrogate

_FORCED = SpikeRule(Forced())


def spike_patterns(network: AbstractNetwork, inputs: Float[Array, "..."], max_decisions: int) -> Array:
    """All $2^n$ outcomes of the $n$ decisions of a run, each of the shape `sites(inputs)`."""
    shape = network.sites(inputs)
    count = int(np.prod(shape))
    if count > max_decisions:
        raise ValueError(
            f"`network` must have at most {max_decisions} decisions to be enumerated, got {count}, that is "
            f"{2.0**count:.3g} spike patterns. Take a smaller network, or raise `max_decisions` if you can wait."
        )
    return patterns(count, jnp.result_type(inputs)).reshape(2**count, *shape)


def expectation(
    function: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Float[Array, "..."],
    max_decisions: int = 16,
) -> Scalar:
    r"""Exact $E[f(\text{output})] = \sum_{\text{patterns}} P(\text{pattern})\,f$, over all spike patterns.

    Differentiable in `parameters`. A layered network is taken layer by layer, at the cost of
    $\sum_l 2^{n_l+n_{l-1}}$ for widths $n_l$, see `sgtheory.gradients.layered_expectation`; any other costs $2^n$ runs
    for $n$ decisions.

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

    def term(pattern):
        path = network(parameters, inputs, pattern, _FORCED)
        return jnp.exp(jnp.sum(path.decisions.log_probability)) * scalar_loss(function, path)

    return jnp.sum(jax.vmap(term)(spike_patterns(network, inputs, max_decisions)))


def enumerate_paths(
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Float[Array, "..."],
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
    >>> print(paths.spikes.astype(int).tolist(), round(float(paths.probability.sum()), 6))
    [[0, 0], [1, 0], [0, 1], [1, 1]] 1.0
    """
    rule = SpikeRule(Forced(), Surrogate() if backward is None else backward)

    def path_of(pattern):
        def run(p):
            path = network(p, inputs, pattern, rule)
            return scalar_loss(loss, path), path.decisions.log_probability

        (value, log_probability), gradient = jax.value_and_grad(run, has_aux=True)(parameters)
        return jnp.exp(jnp.sum(log_probability)), value, gradient

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

    max_decisions: int = eqx.field(default=16, static=True)

    @property
    def claim(self) -> Claim:
        return Claim(Losses.ANY, Depth.ANY)

    def draw(self, network, inputs, *, key):
        del network, inputs, key
        return ()

    def evaluate(self, loss, network, parameters, inputs, noise):
        del noise
        return jax.grad(lambda p: expectation(loss, network, p, inputs, self.max_decisions))(parameters)

    def runs(self, network, parameters, inputs):
        """Transitions between patterns that are visited, each as long as a run at most."""
        del parameters
        if isinstance(network, AbstractLayered):
            return transitions(network)
        return 2 ** int(np.prod(network.sites(inputs)))
