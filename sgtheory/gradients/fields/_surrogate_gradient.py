import jax
import jax.numpy as jnp

from sgtheory._arrays import Inputs, Parameters
from sgtheory.gradients._base import Loss
from sgtheory.networks import AbstractLayered
from sgtheory.surrogates import AbstractSurrogate


def surrogate_gradient(
    loss: Loss,
    network: AbstractLayered,
    parameters: Parameters,
    inputs: Inputs,
    derivative: AbstractSurrogate | None = None,
) -> Parameters:
    r"""The surrogate gradient of the smooth network, whose units pass their firing probabilities on.

    In the backward pass each true slope $p'(u)$ is replaced by the surrogate $h(u)$; the distances $u$ are those of the
    forward pass. Without a `derivative` it is the true gradient. `jax.grad` with the rule `MeanField(derivative)` gives
    the same numbers, but not the same function: when JAX is asked for a second derivative, it differentiates the rule by
    its surrogate once more, which hides the curl. Here the backward pass is written out, and its derivative is true.

    **Raises** `ValueError` for parameters and inputs that do not fit the network.
    **Source:** Gygax & Zenke (2025), Eq. 7-9.

    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> from sgtheory.surrogates import SigmoidDerivative
    >>> network = MultilayerPerceptron((1, 1, 2, 1), Sigmoid(100.0))
    >>> parameters = MultilayerParameters([[[0.0]], [[0.05], [0.1]], [[1.0, -1.0]]])
    >>> for derivative in (None, SigmoidDerivative(25.0)):
    ...     gradient = surrogate_gradient(lambda y: y[0], network, parameters, [1.0], derivative)
    ...     print(round(float(gradient.weights[0][0, 0]), 3))
    0.702
    -2.978
    """
    inputs = network.as_inputs(inputs)
    network.check(parameters, inputs)
    below, distances = [inputs], []
    for layer in range(len(network.widths) - 1):
        distances.append(network.distance(parameters, layer, below[-1]))
        below.append(network.escape_of(layer).probability(distances[-1]))
    upstream = jax.grad(loss)(below[-1])
    gradient = jax.tree.map(jnp.zeros_like, parameters)
    for layer in reversed(range(len(distances))):
        slope = (network.escape_of(layer).slope if derivative is None else derivative.derivative)(distances[layer])
        _, back = jax.vjp(lambda p, h, layer=layer: network.distance(p, layer, h), parameters, below[layer])
        own, upstream = back(upstream * slope)
        gradient = jax.tree.map(jnp.add, gradient, own)
    return gradient
