from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sgtheory._arrays import Distance
from sgtheory._checks import escape_fault
from sgtheory.escape._base import AbstractEscape, _derivative


def _as_pytree(function: Callable) -> Callable:
    """A plain function becomes a leafless pytree, so that it passes through jit and vmap; a module passes as it is."""
    if isinstance(function, jax.tree_util.Partial) or (isinstance(function, eqx.Module) and callable(function)):
        return function
    return jax.tree_util.Partial(function)


class Custom(AbstractEscape):
    r"""Escape noise from any monotone JAX function $p(u)$, its slope by automatic differentiation.

    **Arguments:** `function` takes an array of distances to one of probabilities of the same shape and dtype. A plain
    function, an `equinox.Module`, or a `jax.tree_util.Partial` whose arrays (a steepness, say) are then traced.
    `domain`: the distances between which it is checked at construction, on 2001 points.
    **Raises** `ValueError` when the function leaves [0, 1], falls, is constant or is not finite somewhere in `domain`.

    Logarithms are those of the rounded probability: where $p$ rounds to 0 or 1 its logarithm is minus infinity or 0,
    and the ratios $p'/p$ and $p'/(1-p)$ are 0 there, for the outcome concerned cannot be drawn.

    >>> import jax.numpy as jnp
    >>> escape = Custom(lambda u: 0.5 * (1 + jnp.tanh(u)))
    >>> print(round(float(escape.probability(jnp.array(0.5))), 4), round(float(escape.slope(jnp.array(0.5))), 4))
    0.7311 0.3932
    """

    function: Callable = eqx.field(converter=_as_pytree)
    domain: tuple[float, float] = eqx.field(default=(-5.0, 5.0), static=True)

    def __check_init__(self):
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(self.function)):
            return  # a traced steepness: the function was checked where it was concrete
        grid = np.linspace(*self.domain, 2001)
        fault = escape_fault(grid, np.asarray(self.function(jnp.asarray(grid))))
        if fault:
            raise ValueError(f"`function`, as an escape function, {fault}")

    def probability(self, distance: Distance) -> Distance:
        return self.function(distance)

    def slope(self, distance: Distance) -> Distance:
        return _derivative(self.function, distance)

    def log_probability(self, distance: Distance) -> Distance:
        return _safe_log(self.probability(distance))

    def log_silence(self, distance: Distance) -> Distance:
        return _safe_log(1.0 - self.probability(distance))


def _safe_log(probability: Distance) -> Distance:
    possible = probability > 0
    return jnp.where(possible, jnp.log(jnp.where(possible, probability, 1.0)), -jnp.inf)
