from collections.abc import Callable

import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar

Vector = Float[Array, " parameters"]
"""A point in the space of the parameters, or a direction there."""

Field = Callable[[Vector], Vector]
"""From a point to a vector."""

Curve = Callable[[Scalar], Vector]
"""From a position on the curve to a point."""


def along(field: Field, curve: Curve, position: Scalar) -> Scalar:
    r"""$F(c(t))\cdot c'(t)$: the integrand of every integral of a field along a curve."""
    point, velocity = jax.jvp(curve, (position,), (jnp.ones_like(position),))
    return jnp.dot(field(point), velocity)
