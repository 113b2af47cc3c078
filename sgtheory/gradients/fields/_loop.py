from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import shorten
from sgtheory.gradients.fields._field import Curve, Field, along


class Loop(eqx.Module):
    """An integral along a closed curve, by the trapezoid rule."""

    value: Scalar
    """The integral of the whole loop."""
    angles: Float[Array, " points"]
    r"""The angles $\gamma_k$ of the points, in radians."""
    integrand: Float[Array, " points"]
    r"""$F\cdot d\theta/d\gamma$ at these points."""
    cumulated: Float[Array, " points"]
    """The integral from the start to the end of each step; the last one is that of the whole loop."""


def loop_integral(field: Field, loop: Curve, points: int = 1500, start: float | Scalar = 0.0) -> Loop:
    r"""$\oint F\cdot d\theta$ along a closed curve over $[0, 2\pi]$, by the trapezoid rule on equally spaced points.

    For a smooth loop and field it converges faster than any power of the number of points.

    **Arguments:** `points`, at least 3; `start`, the angle of the first.
    **Raises** `ValueError` for fewer than 3 points.
    **Source:** Gygax & Zenke (2025), Fig. 5.

    >>> import jax.numpy as jnp
    >>> from sgtheory.gradients.fields import Plane
    >>> swirl = lambda x: jnp.array([-x[1], x[0]])
    >>> circle = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]).circle(radius=1.0)
    >>> print(round(float(loop_integral(swirl, circle, points=10).value), 4))
    -6.2832
    """
    return loop_integrals(field, loop, (points,), start)[0]


def loop_integrals(field: Field, loop: Curve, counts: Sequence[int], start: float | Scalar = 0.0) -> tuple[Loop, ...]:
    """`loop_integral` at several numbers of points: how fast does it converge?

    The points of all of them are evaluated in one long row, which is compiled once and runs as one.

    **Arguments:** `counts`, numbers of points, each at least 3; `start`, the angle of the first point.
    **Raises** `ValueError` for no count, and for one below 3.
    **Source:** Gygax & Zenke (2025), Fig. 5C.

    >>> import jax.numpy as jnp
    >>> from sgtheory.gradients.fields import Plane
    >>> slope = lambda x: jnp.exp(x[0]) * jnp.array([1.0, 0.0])  # a gradient, whose loops are all 0
    >>> circle = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]).circle(radius=2.0)
    >>> print([bool(abs(loop.value) < 1e-4) for loop in loop_integrals(slope, circle, (4, 8, 24), start=1.0)])
    [False, False, True]
    """
    if not counts:
        raise ValueError("`counts` must have at least one number of points, got none. Take (30, 100, 300), say.")
    for points in counts:
        if points < 3:
            raise ValueError(f"`points` must be at least 3 for a loop, got {shorten(points)}. Take 1500, say.")
    rows = np.concatenate([2 * np.pi * np.arange(points) / points for points in counts])
    angles = start + jnp.asarray(rows, jnp.result_type(float, start))
    integrand = jax.vmap(lambda angle: along(field, loop, angle))(angles)
    # Added up point after point: a sum in blocks would be rounded in another way under `jax.vmap`, which shows where the
    # integral is 0.
    sums = jax.ops.segment_sum(integrand, np.repeat(np.arange(len(counts)), counts), len(counts))
    ends = np.cumsum(counts)[:-1].tolist()
    return tuple(map(_trapezoids, sums, jnp.split(angles, ends), jnp.split(integrand, ends)))


def _trapezoids(total: Scalar, angles: Float[Array, " points"], integrand: Float[Array, " points"]) -> Loop:
    step = 2 * jnp.pi / angles.size
    halves = 0.5 * step * (integrand + jnp.roll(integrand, -1))
    return Loop(step * total, angles, integrand, jnp.cumsum(halves))
