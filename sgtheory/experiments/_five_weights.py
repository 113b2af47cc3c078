r"""The differentiable network of Gygax & Zenke (2025), Eq. 7, in which pages 04 and 05 look at surrogate gradients.

One input, one unit, two units, one output, with the weights $(w, v_1, v_2, u_1, u_2)$, no biases and the input $x = 1$:
$g = \sigma(wx)$, $h_k = \sigma(v_k g)$, $y = \sigma(u_1 h_1 + u_2 h_2)$. The steepness may be traced, so that changing it
never recompiles.
"""

import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory.escape import Sigmoid
from sgtheory.gradients.fields import Field, surrogate_gradient
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import MeanField
from sgtheory.surrogates import SigmoidDerivative

WEIGHTS = 5
"""How many weights the network has."""


def network_output(forward: Scalar, weights: Float[Array, " weights"]) -> Scalar:
    r"""The output $y$ of the network.

    **Arguments:** `forward`, the steepness $\beta_f$ of its units; `weights` $(w, v_1, v_2, u_1, u_2)$.
    **Source:** Gygax & Zenke (2025), Eq. 7.

    >>> import jax.numpy as jnp
    >>> print(round(float(network_output(jnp.array(100.0), jnp.array([0.2, 0.05, 0.1, 1.0, -1.0]))), 4))
    0.3397
    """
    network, inputs = _network(forward), jnp.ones(1, weights.dtype)
    noise = tuple(jnp.zeros(shape, weights.dtype) for shape in network.sites(inputs))
    return network(_parameters(weights), inputs, noise, MeanField()).output[0]


def weight_field(forward: Scalar, surrogate: Scalar | None = None) -> Field:
    r"""The surrogate gradient of the output as a field over the five weights; without a `surrogate` the true gradient.

    **Arguments:** `forward`, the steepness $\beta_f$ of the units; `surrogate`, the steepness $\beta_{SG}$ in the
    backward pass.
    **Source:** Gygax & Zenke (2025), Eq. 8.

    >>> import jax.numpy as jnp
    >>> weights = jnp.array([0.0, 0.05, 0.1, 1.0, -1.0])
    >>> for surrogate in (None, jnp.array(25.0)):
    ...     print(round(float(weight_field(jnp.array(100.0), surrogate)(weights)[0]), 3))
    0.702
    -2.978
    """
    derivative = None if surrogate is None else SigmoidDerivative(surrogate)

    def field(weights):
        inputs = jnp.ones(1, weights.dtype)
        gradient = surrogate_gradient(lambda y: y[0], _network(forward), _parameters(weights), inputs, derivative)
        return jnp.concatenate([matrix.ravel() for matrix in gradient.weights])

    return field


def _network(forward: Scalar) -> MultilayerPerceptron:
    return MultilayerPerceptron((1, 1, 2, 1), Sigmoid(forward))


def _parameters(weights: Float[Array, " weights"]) -> MultilayerParameters:
    return MultilayerParameters([weights[:1, None], weights[1:3, None], weights[None, 3:]])
