import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from sgtheory._arrays import Array, Float, Int, Scalar
from sgtheory._checks import Numbers, as_real, finite, require, shorten
from sgtheory.losses._base import AbstractLoss, Index, as_whole, check_shape, difference, entry, real_output, vector

_FINITE = "Remove or replace the entries that are NaN or infinite."


class MeanSquaredError(AbstractLoss):
    r"""Mean of the squared differences from a target, $L(y) = \frac1n\sum_i(y_i-\hat y_i)^2$.

    **Arguments:** `target` $\hat y$, in the shape of the output, or one number for all outputs; in units of the output.
    **Raises** `ValueError` for a target that is not finite, and for an output of another shape.

    >>> import jax.numpy as jnp
    >>> loss = MeanSquaredError([1.0, 0.0, 1.0, 0.0])
    >>> print(loss(jnp.array([1.0, 0.5, 0.0, 0.0])), loss(jnp.array([True, False, False, False])))
    0.3125 0.25
    """

    target: Float[Array, "..."] = eqx.field(converter=finite("target", _FINITE))

    def __call__(self, output: PyTree) -> Scalar:
        return jnp.mean(difference(output, self.target) ** 2)


class SquaredDistance(AbstractLoss):
    r"""Sum of the squared differences from a target, $L(y) = \sum_i(y_i-\hat y_i)^2$.

    **Arguments:** `target` $\hat y$, in the shape of the output, or one number for all outputs; in units of the output.
    **Raises** `ValueError` for a target that is not finite, and for an output of another shape.
    **Source:** twice the loss of Gygax & Zenke (2025), Eq. 24.

    >>> import jax.numpy as jnp
    >>> print(SquaredDistance([1.0, 0.0, 1.0, 0.0])(jnp.array([1.0, 0.5, 0.0, 0.0])))
    1.25
    """

    target: Float[Array, "..."] = eqx.field(converter=finite("target", _FINITE))

    def __call__(self, output: PyTree) -> Scalar:
        return jnp.sum(difference(output, self.target) ** 2)


class _ClassOrProbabilities(Numbers):
    """Lets whole numbers from 0 pass as they are, and other numbers where they are probabilities that add up to 1."""

    def __call__(self, value: Any) -> Array:
        array = as_whole(value)
        if array is None:
            array = as_real(self.name, value, self.remedy)
        return require(array, self.test, self.name, self.rule, self.remedy)


def _is_class_or_probabilities(value: Any) -> Any:
    if jnp.issubdtype(value.dtype, jnp.integer):
        return value >= 0
    if value.ndim == 0:
        return jnp.zeros((), dtype=bool)
    # To half of its digits, which is what softmax keeps in any precision.
    error = jnp.abs(jnp.sum(value, axis=-1, keepdims=True) - 1.0)
    return (value >= 0) & (error <= float(jnp.finfo(value.dtype).eps) ** 0.5)


class CrossEntropy(AbstractLoss):
    r"""Cross entropy of one sample, $L(y) = -\sum_c q_c\log\operatorname{softmax}(y)_c$ with the scores $y_c$ of classes.

    The scores are real numbers of any size: the logarithm of the softmax is computed without overflow. For a class
    number $c$ it is $\log\sum_{c'}e^{y_{c'}} - y_c$.

    **Arguments:** `target`: the number of a class, a whole number from 0, or the probabilities $q$ of the classes.
    **Raises** `ValueError` for a negative class number, for probabilities that are negative or do not add up to 1, and
    for scores that are no vector with one entry a class; `TypeError` for a target that is no number. A class number that
    is too large and only known when a compiled program runs makes the loss and its gradient NaN.

    >>> import jax.numpy as jnp
    >>> scores = jnp.array([2.0, 1.0, -1000.0])
    >>> print(round(float(CrossEntropy(1)(scores)), 4), round(float(CrossEntropy([0.5, 0.5, 0.0])(scores)), 4))
    1.3133 0.8133
    """

    target: Int[Array, "..."] | Float[Array, "..."] = eqx.field(
        converter=_ClassOrProbabilities(
            "target",
            "a class number from 0, or probabilities that add up to 1",
            _is_class_or_probabilities,
            "Write a class number as an integer, and divide probabilities by their sum.",
        )
    )

    def __call__(self, output: PyTree) -> Scalar:
        scores = vector(output, "one score a class")
        logarithms = jax.nn.log_softmax(scores)
        if jnp.issubdtype(self.target.dtype, jnp.integer):
            return -entry(logarithms, self.target, "target", "classes")
        check_shape(scores, self.target, "target")
        return -jnp.sum(self.target.astype(scores.dtype) * logarithms)


class LinearReadout(AbstractLoss):
    r"""A linear read-out, $L(y) = r\cdot y/\sqrt n$ of $n$ outputs: affine in the spikes.

    With weights of variance 1 its size does not depend on the number of outputs.

    **Arguments:** `weights` $r$, in the shape of the output, per unit of output.
    **Raises** `ValueError` for weights that are not finite, and for an output of another shape.

    >>> import jax.numpy as jnp
    >>> print(LinearReadout([1.0, -2.0, 0.5, 3.0])(jnp.array([1.0, 1.0, 0.0, 1.0])))
    1.0
    """

    weights: Float[Array, "..."] = eqx.field(converter=finite("weights", _FINITE))

    def __call__(self, output: PyTree) -> Scalar:
        values = real_output(output)
        check_shape(values, self.weights, "weights")
        return jnp.sum(self.weights.astype(values.dtype) * values) / math.sqrt(max(values.size, 1))


class Total(AbstractLoss):
    r"""The sum of all outputs, $L(y) = \sum_i y_i$, over all arrays of a pytree: affine in the spikes.

    Arrays of several dtypes are added in the widest one.

    **Raises** `ValueError` for an output without arrays, `TypeError` for one that does not hold real numbers.

    >>> import jax.numpy as jnp
    >>> print(Total()(jnp.array([1.0, 0.0, 1.0])), Total()({"spikes": jnp.array([True, True]), "rate": jnp.array(0.5)}))
    2.0 2.5
    """

    def __call__(self, output: PyTree) -> Scalar:
        arrays = [real_output(leaf) for leaf in jax.tree.leaves(output)]
        if not arrays:
            raise ValueError(
                f"`output` must hold at least one array, got {shorten(output)}. Let the network return one."
            )
        given = [leaf.dtype for leaf in arrays if not leaf.weak_type] or [jnp.dtype(jnp.result_type(float))]
        dtype = max(given, key=lambda each: each.itemsize)
        return jnp.sum(jnp.stack([jnp.sum(array.astype(dtype)) for array in arrays]))


class Component(AbstractLoss):
    r"""One output of several, $L(y) = y_i$: affine in the spikes.

    **Arguments:** `index` $i$, counted from 0. It is data as well: `jax.vmap` over it gives one gradient an output.
    **Raises** `TypeError` for an index that is no integer; `ValueError` for one that is negative or too large, and for an
    output that is no vector. An index that is too large and only known when a compiled program runs makes the loss and
    its gradient NaN.

    >>> import jax.numpy as jnp
    >>> print(Component(1)(jnp.array([0.25, 0.75])))
    0.75
    """

    index: Int[Array, "..."] = eqx.field(
        converter=Index("index", "an integer from 0", lambda value: value >= 0),
    )

    def __call__(self, output: PyTree) -> Scalar:
        return entry(vector(output, "one entry an output"), self.index, "index", "outputs")
