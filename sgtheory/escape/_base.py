"""What every escape function offers."""

import abc
import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from sgtheory._arrays import Array, Distance
from sgtheory._checks import as_real

Arguments = ParamSpec("Arguments")
Tree = TypeVar("Tree")


def entrywise(
    method: Callable[Concatenate[Any, Distance, Arguments], Distance],
) -> Callable[Concatenate[Any, ArrayLike, Arguments], Distance]:
    """Makes a method of an array of distances also take numbers, and return the dtype that it was given.

    Python's and NumPy's numbers and whole numbers become real arrays. Half precision is computed in single precision
    and rounded at the end, because in half precision exponentials overflow a few widths from threshold.

    **Raises** `TypeError` for anything that is not a number or an array of numbers.
    """

    @functools.wraps(method)
    def converted(self: Any, distance: ArrayLike, *arguments: Arguments.args, **named: Arguments.kwargs) -> Distance:
        given = _as_distances(distance)
        dtype = given.dtype if given.dtype.itemsize >= 4 else jnp.float32
        value = method(in_dtype(self, dtype), in_dtype(given, dtype), *arguments, **named)
        return value if value.dtype == given.dtype else _rounded(value, given.dtype)

    return converted


def _as_distances(value: Any) -> Distance:
    if isinstance(value, (jax.Array, np.ndarray, np.generic)) and jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value)
    return as_real("distance", value)


def in_dtype(tree: Tree, dtype: Any) -> Tree:
    """The pytree with its real arrays converted to a dtype; a weakly typed number adapts by itself."""

    def converted(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or leaf.dtype == dtype or leaf.weak_type:
            return leaf
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(converted, tree)


def _rounded(value: Distance, dtype: Any) -> Distance:
    """Rounded to a dtype, with derivative 0 where that overflows: an infinite one times 0 would be NaN."""
    rounded = value.astype(dtype)
    return jnp.where(jnp.isinf(rounded), jax.lax.stop_gradient(rounded), rounded)


class AbstractEscape(eqx.Module):
    r"""Escape noise: the probability $p(u)$ of a spike at a distance $u$ to threshold, and its slope $p'(u)$.

    A member gives $p$, $p'$, $\log p$ and $\log(1-p)$, each computed such that it stays accurate far from threshold.
    All methods act entry by entry on a number or an array of any shape, and keep the dtype of an array of real numbers.
    """

    @abc.abstractmethod
    @entrywise
    def probability(self, distance: Distance) -> Distance:
        """Firing probability $p(u)$, in [0, 1]."""
        ...

    @abc.abstractmethod
    @entrywise
    def slope(self, distance: Distance) -> Distance:
        """Derivative $p'(u)$, per unit of distance: the surrogate derivative that matches this noise."""
        ...

    @abc.abstractmethod
    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        r"""$\log p(u)$, of a spike."""
        ...

    @abc.abstractmethod
    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        r"""$\log(1-p(u))$, of no spike."""
        ...

    @final
    @entrywise
    def log_likelihood(self, distance: Distance, spike: ArrayLike) -> Distance:
        r"""$\log p(u)$ where `spike` is 1 or true, $\log(1-p(u))$ where it is 0 or false.

        The outcome that did not occur is evaluated at threshold, so that neither it nor its derivative can spoil the
        other.
        """
        fired = jnp.asarray(spike).astype(distance.dtype) > 0.5
        zero = jnp.zeros_like(distance)
        return jnp.where(
            fired,
            self.log_probability(jnp.where(fired, distance, zero)),
            self.log_silence(jnp.where(fired, zero, distance)),
        )

    @final
    @entrywise
    def slope_over_probability(self, distance: Distance) -> Distance:
        r"""$p'/p = \frac{d}{du}\log p$, without dividing by a rounded zero: what a spike says about $u$."""
        return derivative(self.log_probability, distance)

    @final
    @entrywise
    def slope_over_silence(self, distance: Distance) -> Distance:
        r"""$p'/(1-p) = -\frac{d}{du}\log(1-p)$: what silence says about $u$, with its sign reversed."""
        return -derivative(self.log_silence, distance)


def derivative(function: Callable[[Any], Array], distance: Distance) -> Distance:
    """The derivative of a function that acts entry by entry, at every entry."""
    return jax.jvp(function, (distance,), (jnp.ones_like(distance),))[1]
