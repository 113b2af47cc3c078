"""Losses: from the output of a network to one number.

Every loss is a module whose numbers are data, so that a new target never recompiles, and `jax.vmap` over a loss takes one
of many targets at a time. Any function of the output is a loss as well; a loss of one's own that is to be as cheap to
change is a sub-class of `AbstractLoss`.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import PyTree

from sgtheory._arrays import Array, Scalar
from sgtheory._checks import Numbers, as_real, require, shorten

_FINITE = "Remove or replace the entries that are NaN or infinite."


class AbstractLoss(eqx.Module):
    """From the output of one run of a network to one number.

    A loss takes all that a network lets it see, `Path.output`: a real array, or a pytree of arrays. Boolean spikes count
    as 0 and 1, whole numbers as real ones. The loss is computed in the dtype of the output, whatever that of the target.
    For many runs at once take `jax.vmap`.
    """

    @abc.abstractmethod
    def __call__(self, output: PyTree) -> Scalar:
        """The loss, in the dtype of `output`."""


def real_output(value: Any) -> Array:
    """One array of an output as real numbers."""
    if not isinstance(value, (jax.Array, np.ndarray, np.generic, float, int)):
        raise TypeError(
            f"`output` must be one array of real numbers, got {shorten(value)}. "
            "Of a pytree let the network return one array, or take the sum of all, `Total()`."
        )
    array = jnp.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else value
    if isinstance(array, jax.Array) and (array.dtype == bool or jnp.issubdtype(array.dtype, jnp.integer)):
        return array.astype(jnp.result_type(float))
    return as_real("output", array)


def vector(output: PyTree, entries: str) -> Array:
    values = real_output(output)
    if values.ndim != 1:
        raise ValueError(
            f"`output` must be a vector with {entries}, got the shape {values.shape}. "
            "Take `jax.vmap` over samples, and `jnp.ravel` of several axes of one."
        )
    return values


def check_shape(values: Array, expected: Array, name: str) -> None:
    if values.shape != expected.shape:
        raise ValueError(
            f"`output` must have the shape of `{name}`, {expected.shape}, got {values.shape}. "
            "Change one of them, or take `jax.vmap` over samples."
        )


def difference(output: PyTree, target: Array) -> Array:
    """The output minus the target, in the dtype of the output."""
    values = real_output(output)
    if target.ndim:
        check_shape(values, target, "target")
    return values - target.astype(values.dtype)


def as_whole(value: Any) -> Array | None:
    """`value` as an array of integers where it is one or a list of them, else None."""
    if isinstance(value, Tracer):
        return value.astype(jnp.result_type(int)) if jnp.issubdtype(value.dtype, jnp.integer) else None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return None
    if array.dtype.kind not in "iu":
        return None
    with jax.ensure_compile_time_eval():
        return jnp.asarray(array.astype(int))


def entry(values: Array, index: Array, name: str, entries: str) -> Scalar:
    """One entry of a vector; NaN, and so is its derivative, where a traced index does not lie in it."""
    if index.ndim:
        raise ValueError(
            f"`{name}` must be one number, got the shape {index.shape}. Take `jax.vmap` over samples, "
            "and floating-point numbers for probabilities."
        )
    count = values.shape[0]
    require(index, lambda number: number < count, name, f"below the number of {entries}, {count}", "Count from 0.")
    inside = (index >= 0) & (index < count)
    factor = jnp.where(inside, 1.0, jnp.nan).astype(values.dtype)
    return values[jnp.clip(index, 0, count - 1)] * factor


class Index(Numbers):
    """Lets whole numbers from 0 pass."""

    def __call__(self, value: Any) -> Array:
        array = as_whole(value)
        if array is None:
            raise TypeError(f"`{self.name}` must be {self.rule}, got {shorten(value)}.")
        return require(array, self.test, self.name, self.rule)
