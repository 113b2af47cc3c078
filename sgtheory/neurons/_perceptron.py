import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Distance, Float, Scalar
from sgtheory._checks import as_real, finite, instance, require, shorten
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

    def __init__(self, weights, bias=0.0):
        self.weights = _vector("weights", weights)
        self.bias = finite("bias")(bias)


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
    threshold: Scalar = eqx.field(converter=finite("threshold"), default=0.0)

    def __check_init__(self):
        instance("escape", self.escape, AbstractEscape, "Take one of `sgtheory.escape`.")

    def distance(self, parameters: PerceptronParameters, inputs: Float[Array, " inputs"]) -> Distance:
        """Distance to threshold $u$.

        **Raises** `ValueError` when there are not as many inputs as weights.
        """
        inputs = _shaped("inputs", inputs)
        if inputs.shape != parameters.weights.shape:
            raise ValueError(
                f"`inputs` must have one entry a weight, got {inputs.shape[0]} inputs for "
                f"{parameters.weights.shape[0]} weights. Add or drop entries."
            )
        return jnp.dot(parameters.weights, inputs) + parameters.bias - self.threshold


def _shaped(name: str, value) -> Float[Array, " entries"]:
    """`value` as a vector with at least one entry. Its numbers are checked where a run begins, not at every layer."""
    array = as_real(name, value, "Give a vector such as [0.5, -1.0].")
    if array.ndim != 1 or array.shape[0] == 0:
        raise ValueError(
            f"`{name}` must be a vector with at least one entry, got the shape {shorten(array.shape)}. "
            "Give a vector such as [0.5, -1.0]."
        )
    return array


def _vector(name: str, value) -> Float[Array, " entries"]:
    return require(_shaped(name, value), jnp.isfinite, name, "finite")
