"""Exact answers for layered networks, layer by layer; never a product over all layers."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Distance, Float, Inputs, Noise, Parameters, Scalar
from sgtheory._checks import shorten
from sgtheory.gradients._base import Loss, accepted, gradient as gradient_of
from sgtheory.gradients._enumeration import patterns
from sgtheory.networks import AbstractLayered
from sgtheory.rules import AbstractBackward, Surrogate

MAX_PAIR = 24  # decisions in two adjacent layers: 16.8 million transitions
MAX_WRITTEN_PAIR = 18  # where the transitions are written out, unit by unit
_CHUNK = 2**21  # numbers that one step of a long sum may hold


def layered_expectation(function: Loss, network: AbstractLayered, parameters: Parameters, inputs: Inputs) -> Scalar:
    r"""Exact $E[f(\text{output})]$ of a layered network by dynamic programming over its layers, from the last to the first.

    $V_l(h^l) = \sum_{h^{l+1}} P(h^{l+1}|h^l)\,V_{l+1}(h^{l+1})$, with $V = f$ at the last layer: each pattern of a layer
    averages over the patterns above it, one unit at a time, which is as many additions as there are transitions.
    Differentiable with respect to `parameters`. Long sums are taken in pieces, so that two layers of 12 units fit in 2 GB.

    **Raises** `ValueError` for two adjacent layers with more than 24 units together (inputs do not count, for they are
    given), for parameters or inputs that do not fit, and for a function that is not one number.
    **Source:** Gygax & Zenke (2025), Fig. 3, of whose tree this is the sum.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
    >>> parameters = MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]])
    >>> print(round(float(layered_expectation(lambda y: y[0], chain, parameters, jnp.array([1.0]))), 5))
    0.3346
    """
    inputs = accepted(network, parameters, inputs)
    _refuse_wide(network)
    values = output_values(function, network, inputs)
    for layer in reversed(range(1, len(network.widths) - 1)):
        values = _step_down(network, parameters, layer, values, jnp.result_type(inputs))
    return average(_probabilities(network, parameters, 0, inputs), values)


def _refuse_wide(network: AbstractLayered, limit: int = MAX_PAIR) -> None:
    units = network.widths[1:]
    # Of the first layer's units all patterns are needed, of the inputs one.
    pairs = [(0, units[0]), *itertools.pairwise(units)]
    widest = max(pairs, key=sum)
    if sum(widest) > limit:
        raise ValueError(
            f"`network` must have at most {limit} decisions in two adjacent layers to be summed exactly, got "
            f"{shorten(widest)}, that is {2.0 ** sum(widest):.3g} transitions. Take narrower layers, or estimate."
        )


def output_values(
    function: Loss, network: AbstractLayered, inputs: Float[Array, " inputs"]
) -> Float[Array, " patterns"]:
    """The function at every pattern of the last layer."""
    values = jax.vmap(function)(patterns(network.widths[-1], jnp.result_type(inputs)))
    if values.ndim != 1:
        raise ValueError(
            f"`loss` must give one number, got the shape {shorten(values.shape[1:])}. Sum or average over its axes."
        )
    return values


def _probabilities(network: AbstractLayered, parameters: Parameters, layer: int, below: Array) -> Distance:
    return network.escape_of(layer).probability(network.distance(parameters, layer, below))


def average(probabilities: Float[Array, " units"], values: Float[Array, " patterns"]) -> Scalar:
    r"""$\sum_h \prod_i p_i^{h_i}(1-p_i)^{1-h_i}\,V(h)$, one unit after the other: twice as many steps as patterns."""
    for unit in reversed(range(probabilities.shape[0])):
        silent, fired = values.reshape(2, -1)
        values = silent + probabilities[unit] * (fired - silent)
    return values[0]


def _step_down(network, parameters, layer, values, dtype) -> Float[Array, " patterns"]:
    """The values of the patterns of the layer below `layer`."""
    below = patterns(network.widths[layer], dtype)

    @jax.checkpoint
    def value(pattern, parameters, values):
        return average(_probabilities(network, parameters, layer, pattern), values)

    together = max(1, _CHUNK // values.shape[0])
    if together >= below.shape[0]:
        return jax.vmap(value, in_axes=(0, None, None))(below, parameters, values)
    return jax.lax.map(lambda pattern: value(pattern, parameters, values), below, batch_size=together)


def flip_gradient(loss: Loss, network: AbstractLayered, parameters: Parameters, inputs: Inputs) -> Parameters:
    r"""The exact gradient of $E[L]$ by the flip identity: what each unit's outcome is worth, times its slope.

    $\partial E[L]/\partial a_i = \sum_{h} P(h)\,p'(a_i)\,\big(E[L\,|\,h_i=1] - E[L\,|\,h_i=0]\big)$ with the patterns $h$
    of the layer below and the other units of its own layer summed over. Transfer matrices are written out in full and
    nothing but distances is differentiated: a second route beside `ExactGradient`, with which it shares no formula.

    **Raises** `ValueError` for two adjacent layers with more than 18 units together.
    **Source:** Gygax & Zenke (2025), section 2; the identity is the discrete form of their Eq. 5.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
    >>> parameters = MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]])
    >>> gradient = flip_gradient(lambda y: y[0], chain, parameters, jnp.array([1.0]))
    >>> print([round(float(weight[0, 0]), 4) for weight in gradient.weights])
    [-0.0841, -0.093, 0.2091]
    """
    written = _WrittenOut(network, parameters, inputs)
    gradient = written.zero_gradient()
    values = output_values(loss, network, written.inputs)
    for layer in reversed(range(len(network.widths) - 1)):
        signs = 2 * written.above[layer] - 1
        # Each unit's own term is left out of the sum, not divided away: its outcome may be impossible.
        others = jnp.exp(_sum_of_others(written.terms[layer]))
        worth = jnp.einsum("bau,au,a->bu", others, signs, values)
        slopes = network.escape_of(layer).slope(written.distances[layer])
        gradient = jax.tree.map(jnp.add, gradient, written.gradient(layer, slopes * worth))
        values = written.transitions(layer) @ values
    return gradient


def path_mean(
    loss: Loss,
    network: AbstractLayered,
    parameters: Parameters,
    inputs: Inputs,
    backward: AbstractBackward | None = None,
) -> Parameters:
    r"""What back-propagation along a sampled path gives on average, without any noise of its own, layer by layer.

    $D_l(h^l) = \sum_{h^{l+1}} P(h^{l+1}|h^l)\,W^\top\big(s(a, h^{l+1})\odot D_{l+1}(h^{l+1})\big)$, with the slopes $s$
    that the decisions show and $D = \nabla L$ at the last layer. The mean over all paths, as
    `enumerate_paths(...).mean_gradient()` has it, at the cost of the transitions between adjacent layers.

    **Arguments:** `backward`, the slope that each decision shows, a matched surrogate where none is given.
    **Raises** `ValueError` for two adjacent layers with more than 18 units together.
    **Source:** Gygax & Zenke (2025), Fig. 3, of whose tree this is the mean.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
    >>> parameters = MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]])
    >>> mean = path_mean(lambda y: y[0], chain, parameters, jnp.array([1.0]))
    >>> print([round(float(weight[0, 0]), 4) for weight in mean.weights])
    [-0.0541, -0.073, 0.2091]
    """
    backward = Surrogate() if backward is None else backward
    written = _WrittenOut(network, parameters, inputs)
    gradient = written.zero_gradient()
    cotangents = jax.vmap(jax.grad(loss))(written.above[-1])
    for layer in reversed(range(len(network.widths) - 1)):
        escape, distances, above = network.escape_of(layer), written.distances[layer], written.above[layer]

        def shown(distance, escape=escape, above=above):
            return jax.vmap(lambda spikes: backward.slope(escape, distance, spikes))(above)

        towards = jnp.einsum("ba,bau,au->bu", written.transitions(layer), jax.vmap(shown)(distances), cotangents)
        gradient = jax.tree.map(jnp.add, gradient, written.gradient(layer, towards))
        cotangents = written.passed_down(layer, towards)
    return gradient


class _WrittenOut:
    """All patterns of all layers: `below` and `above` each layer, distances, likelihoods of each unit's outcome, and how
    often a pattern below is `occupied`."""

    def __init__(self, network: AbstractLayered, parameters: Parameters, inputs: Inputs):
        inputs = accepted(network, parameters, inputs)
        _refuse_wide(network, MAX_WRITTEN_PAIR)
        self.network, self.parameters, self.inputs = network, parameters, inputs
        dtype = jnp.result_type(inputs)
        self.below = [inputs[None], *(patterns(width, dtype) for width in network.widths[1:-1])]
        self.above = [patterns(width, dtype) for width in network.widths[1:]]
        self.distances, self.terms, self.occupied = [], [], [jnp.ones(1, dtype)]
        for layer in range(len(network.widths) - 1):
            self.distances.append(
                jax.vmap(lambda row, layer=layer: network.distance(parameters, layer, row))(self.below[layer])
            )
            self.terms.append(self._likelihoods(layer))
            self.occupied.append(self.occupied[-1] @ self.transitions(layer))

    def _likelihoods(self, layer: int) -> Float[Array, "below above units"]:
        likelihood, above = self.network.escape_of(layer).log_likelihood, self.above[layer]
        return jax.vmap(lambda d: jax.vmap(lambda h: likelihood(d, h))(above))(self.distances[layer])

    def transitions(self, layer: int) -> Float[Array, "below above"]:
        return jnp.exp(jnp.sum(self.terms[layer], axis=-1))

    def gradient(self, layer: int, sensitivities: Float[Array, "below units"]) -> Parameters:
        """With respect to the parameters, of all distances with these weights; each pattern below counts as often as it
        occurs."""
        weights = self.occupied[layer][:, None] * sensitivities

        def weighted(candidate):
            rows = jax.vmap(lambda row: self.network.distance(candidate, layer, row))(self.below[layer])
            return jnp.sum(rows * weights)

        return gradient_of(weighted, self.parameters)

    def zero_gradient(self) -> Parameters:
        return jax.tree.map(jnp.zeros_like, eqx.filter(self.parameters, eqx.is_inexact_array))

    def passed_down(self, layer: int, sensitivities: Float[Array, "below units"]) -> Float[Array, "below inputs"]:
        """The same with respect to the spikes below."""

        def through(row, sensitivity):
            return jax.vjp(lambda below: self.network.distance(self.parameters, layer, below), row)[1](sensitivity)[0]

        return jax.vmap(through)(self.below[layer], sensitivities)


def _sum_of_others(terms: Float[Array, "below above units"]) -> Float[Array, "below above units"]:
    sums = [jnp.sum(jnp.delete(terms, unit, axis=-1), axis=-1) for unit in range(terms.shape[-1])]
    return jnp.stack(sums, axis=-1)


def transitions(network: AbstractLayered) -> int:
    """How many transitions between patterns of adjacent layers an exact sum visits."""
    units = (0, *network.widths[1:])
    return sum(2 ** (first + second) for first, second in itertools.pairwise(units))


class PathTable(eqx.Module):
    """All paths of a network: a leading axis over spike patterns."""

    spikes: tuple[Noise, ...]
    """The outcomes of all decisions, one array a layer."""
    probability: Float[Array, " paths"]
    """The probability of each path."""
    loss: Float[Array, " paths"]
    """The loss on it."""
    gradient: Parameters
    """What back-propagation along it gives, a pytree like the parameters."""

    def mean_gradient(self) -> Parameters:
        """The gradients averaged over the paths: what the method estimates, without any noise of its own."""
        return jax.tree.map(lambda leaf: jnp.tensordot(self.probability, leaf, axes=1), self.gradient)
