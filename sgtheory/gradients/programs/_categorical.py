from typing import Any

import jax.numpy as jnp

from sgtheory._checks import Numbers, as_real, shorten
from sgtheory.gradients.programs._distribution import AbstractDistribution, enforced, ratio


def _adds_up(vector: Any) -> Any:
    tolerance = 16 * vector.size * float(jnp.finfo(vector.dtype).eps)
    return (vector >= 0) & (jnp.abs(jnp.sum(vector) - 1) <= tolerance)


_REMEDY = "Divide a vector of numbers that are not negative by their sum."
PROBABILITIES = Numbers("probabilities", "0 or more with the sum 1", _adds_up, _REMEDY)
"""The rule for the probabilities of all entries."""


class Categorical(AbstractDistribution):
    r"""The number $x$ of an entry, from 0, with the probability $p_x$.

    Inversion lays the entries side by side on [0, 1), with the borders $C_x = \sum_{k\le x}p_k$. When the parameters
    move, the borders move by $dC_x = \sum_{k\le x}dp_k$, and an outcome that a border passes changes its entry: $x$ jumps
    up with the weight $\max(0, -dC_x)/p_x$ and down with $\max(0, dC_{x-1})/p_x$, to the next entry. Entries of
    probability 0 have no width yet; what flows towards them fills them first, as fast as their probabilities rise. For
    two entries it is the rule of the Bernoulli distribution.

    **Parameters:** $p$, a vector of at least one probability, with the sum 1; its tangent has the sum 0.
    **Source:** derived here, from the borders of the inversion; for two entries it is that of Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> probabilities = jnp.array([0.5, 0.25, 0.25])
    >>> print([float(Categorical().sample(probabilities, jnp.array(uniform))) for uniform in (0.4, 0.6, 0.8)])
    [0.0, 1.0, 2.0]
    >>> tangents = jnp.array([-1.0, 0.0, 1.0])
    >>> print(*Categorical().jump(probabilities, tangents, jnp.array(1.0), jnp.array(0.5)))
    2.0 4.0
    """

    def checked(self, parameters):
        vector = as_real("probabilities", parameters, _REMEDY)
        if vector.ndim != 1 or not vector.size:
            raise ValueError(f"`probabilities` must be a vector, got the shape {shorten(vector.shape)}. {_REMEDY}")
        return enforced(PROBABILITIES, vector)

    def sample(self, parameters, uniform):
        borders = jnp.cumsum(parameters)
        # Relative to the rounded sum and not to 1, so that an entry of probability 0 at the end is never taken.
        outcome = jnp.sum(borders <= uniform * borders[-1])
        return jnp.minimum(outcome, parameters.size - 1).astype(uniform.dtype)

    def jump(self, parameters, tangents, outcome, uniform):
        entries, x = jnp.arange(parameters.size), outcome.astype(int)
        above = jnp.cumsum(tangents)
        below = above - tangents
        up = jnp.where(x == parameters.size - 1, 0.0, jnp.maximum(-above[x], 0.0))
        down = jnp.where(x == 0, 0.0, jnp.maximum(below[x], 0.0))
        # A place within all that flows out: first what flows upwards, then what flows downwards.
        place = uniform * (up + down)
        wide = parameters > 0
        higher = jnp.min(jnp.where((entries > x) & (wide | (above > -place)), entries, parameters.size - 1))
        lower = jnp.max(jnp.where((entries < x) & (wide | (below < place - up)), entries, 0))
        other = jnp.where(place < up, higher, lower).astype(outcome.dtype)
        return other, ratio(up + down, parameters[x])
