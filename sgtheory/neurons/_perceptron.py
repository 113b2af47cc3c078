from typing import Any

import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Distance, Float, Scalar
from sgtheory._checks import as_real, finite, instance, is_finite, require, shorten
from sgtheory.escape import AbstractEscape


class PerceptronParameters(eqx.Module):
    """What is learnt: `weights` (one an input) and a `bias`.

    **Raises** `ValueError` for weights that are empty, not a vector, or not finite, and for a bias that is not finite.

    >>> parameters = PerceptronParameters(weights=[0.5, -1.0], bias=0.1)
    >>> print(parameters.weights.shape)
    (2,)
    """

    weights: Float[Array, " inputs"]
    bias: Scalar

    def __init__(self, weights: Any, bias: Any = 0.0):
        self.weights = _vector("weights", weights)
        self.bias = finite("bias", single=True)(bias)


class Perceptron(eqx.Module):
    r"""A binary unit without memory: membrane potential $W\cdot x + b$, threshold $\vartheta$, escape noise $p$.

    Distance to threshold $u = W\cdot x + b - \vartheta$; it spikes with the probability $p(u)$.

    **Arguments:** `escape`, the escape noise; `threshold` $\vartheta$, in the units of the membrane potential.
    **Raises** `TypeError` for an `escape` of another family, `ValueError` for a threshold that is not finite.
    **Source:** Gygax & Zenke (2025), Eq. 2 and Eq. 4.

    >>> from sgtheory.escape import Sigmoid
    >>> import jax.numpy as jnp
    >>> unit = Perceptron(Sigmoid(steepness=2.0), threshold=0.3)
    >>> print(round(float(unit.distance(PerceptronParameters([0.8]), jnp.array([1.0]))), 4))
    0.5
    """

    escape: AbstractEscape
    threshold: Scalar = eqx.field(converter=finite("threshold", single=True), default=0.0)

    def __check_init__(self):
        instance("escape", self.escape, AbstractEscape, "Take one of `sgtheory.escape`.")

    def distance(self, parameters: PerceptronParameters, inputs: Float[Array, " inputs"]) -> Distance:
        """Distance to threshold $u$.

        **Raises** `ValueError` when there are not as many inputs as weights.
        """
        if inputs.shape != parameters.weights.shape:
            batch = inputs.ndim > 1 and inputs.shape[-1:] == parameters.weights.shape
            raise ValueError(
                f"`inputs` must be a vector with one entry a weight, got the shape {shorten(inputs.shape)} for "
                f"{parameters.weights.shape[0]} weights. "
                + ("Take `jax.vmap` over a batch." if batch else "Add or drop entries.")
            )
        return jnp.dot(parameters.weights, inputs) + parameters.bias - self.threshold


def _vector(name: str, value) -> Float[Array, " entries"]:
    remedy = "Give a vector such as [0.5, -1.0]."
    array = as_real(name, value, remedy)
    if array.ndim != 1 or array.shape[0] == 0:
        raise ValueError(
            f"`{name}` must be a vector with at least one entry, got the shape {shorten(array.shape)}. {remedy}"
        )
    return require(array, is_finite, name, "finite")
