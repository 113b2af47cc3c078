from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sgtheory._arrays import Distance
from sgtheory._checks import escape_fault, shorten
from sgtheory.escape._base import AbstractEscape, derivative, entrywise, in_dtype

_FARTHEST = 1e6
_MAGNITUDES = np.geomspace(1e-3, _FARTHEST, 901)
_GRID = np.concatenate([-_MAGNITUDES, np.linspace(-5.0, 5.0, 2001), _MAGNITUDES])


def _as_pytree(function: Callable) -> Callable:
    """A plain function becomes a leafless pytree, so that it passes through jit and vmap; a module passes as it is."""
    if isinstance(function, jax.tree_util.Partial) or (isinstance(function, eqx.Module) and callable(function)):
        return function
    return jax.tree_util.Partial(function)


def _as_domain(value: Any) -> tuple[float, float]:
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            f"`domain` must be two finite distances with the lower one first, got {shorten(value)}. "
            "Leave it out to have the function checked everywhere."
        )
    return low, high


class Custom(AbstractEscape):
    r"""Escape noise from any monotone JAX function $p(u)$, with its slope by automatic differentiation.

    **Arguments:** `function` takes an array of distances and returns an array of probabilities of the same shape and
    dtype: a plain function, an `equinox.Module`, or a `jax.tree_util.Partial`. The arrays that the latter two hold (a
    steepness, say) may be traced, and the function is then not checked.
    `domain`: the distances between which the function is checked at construction, from $-10^6$ to $10^6$ by default, on
    a fine grid about threshold and on a logarithmic one beyond. A domain of your own is your promise that no distance
    outside it will occur: nothing is checked there, and the probability may be wrong.
    **Raises** `ValueError` when the function leaves [0, 1], falls or is not finite somewhere in `domain`, is constant
    there, or changes the shape or returns no real numbers; and when `domain` is not two finite distances, the lower one
    first.

    Logarithms are those of the rounded probability: where $p$ rounds to 0, $\log p$ is minus infinity and the ratio
    $p'/p$ is 0, since a spike cannot be drawn there; likewise for silence where $p$ rounds to 1. The slope is as good
    as the derivative of `function`: prefer `jax.nn.sigmoid(u)` to `1 / (1 + jnp.exp(-u))`, whose derivative is NaN where
    the exponential overflows.

    >>> import jax.numpy as jnp
    >>> escape = Custom(lambda u: 0.5 * (1 + jnp.tanh(u)))
    >>> print(round(float(escape.probability(0.5)), 4), round(float(escape.slope(0.5)), 4))
    0.7311 0.3932
    """

    function: Callable = eqx.field(converter=_as_pytree)
    domain: tuple[float, float] = eqx.field(converter=_as_domain, default=(-_FARTHEST, _FARTHEST), static=True)

    def __check_init__(self):
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self.function)):
            return
        grid = np.unique(np.concatenate([np.clip(_GRID, *self.domain), np.linspace(*self.domain, 2001)]))
        with jax.ensure_compile_time_eval():
            distances = jnp.asarray(grid)
            values = in_dtype(self.function, distances.dtype)(distances)
        if isinstance(values, Tracer):  # a plain function that encloses a traced number
            return
        if not jnp.issubdtype(values.dtype, jnp.floating):
            fault = f"must return real numbers, got {values.dtype}; convert them by `.astype(u.dtype)`."
        else:
            fault = escape_fault(grid, np.asarray(values))
        if fault:
            raise ValueError(f"`function`, as an escape function, {fault}")

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        return self.function(distance)

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        return derivative(self.function, distance)

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        return _safe_log(self.probability(distance))

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return _safe_log(1.0 - self.probability(distance))


def _safe_log(probability: Distance) -> Distance:
    possible = probability > 0
    return jnp.where(possible, jnp.log(jnp.where(possible, probability, 1.0)), -jnp.inf)
