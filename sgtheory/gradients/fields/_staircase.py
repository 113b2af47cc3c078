from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Scalar
from sgtheory.gradients.fields._field import Field, Vector
from sgtheory.gradients.fields._plane import Plane

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)


def staircase_integrals(
    field: Field, plane: Plane, xs: Float[Array, " xs"], ys: Float[Array, " ys"]
) -> tuple[Float[Array, "ys xs"], Float[Array, "ys xs"]]:
    r"""The integral from the first corner of a grid to each of its points, along x and then y, and along y and then x.

    The two agree everywhere if and only if the field has no curl in the plane: then they are the function, up to a
    constant. Four Gauss-Legendre nodes for each grid step.

    **Raises** `ValueError` for a grid with fewer than two points on a side.
    **Source:** Gygax & Zenke (2025), Fig. 4C.

    >>> import jax.numpy as jnp
    >>> plane = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    >>> grid = jnp.array([0.0, 1.0])
    >>> first, second = staircase_integrals(lambda x: jnp.array([-x[1], x[0]]), plane, grid, grid)
    >>> print(round(float(first[1, 1]), 6), round(float(second[1, 1]), 6))
    1.0 -1.0
    """
    if xs.shape[0] < 2 or ys.shape[0] < 2:
        raise ValueError(
            f"A grid must have at least 2 points on each side, got {xs.shape[0]} and {ys.shape[0]}. Add points."
        )

    def cumulated(direction: Vector, places: Array, others: Array, point: Callable[[Scalar, Scalar], Vector]) -> Array:
        """Integrals along `places` from the first of them, one row for each of `others`."""
        nodes, weights = jnp.asarray(_NODES, places.dtype), jnp.asarray(_WEIGHTS, places.dtype)
        steps = jnp.diff(places)[:, None]
        positions = places[:-1, None] + 0.5 * (nodes[None] + 1) * steps

        def component(position, other):
            return jnp.dot(direction, field(point(position, other)))

        def row(other):
            values = jax.vmap(jax.vmap(lambda position: component(position, other)))(positions)
            return jnp.concatenate([jnp.zeros(1, places.dtype), jnp.cumsum(0.5 * steps[:, 0] * (values @ weights))])

        return jax.vmap(row)(others)

    across = cumulated(plane.first, xs, ys, plane.point)  # (ys, xs)
    upward = cumulated(plane.second, ys, xs, lambda y, x: plane.point(x, y)).T
    return across[:1] + upward, upward[:, :1] + across
