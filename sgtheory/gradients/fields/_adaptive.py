import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Scalar
from sgtheory._checks import finite, positive
from sgtheory.gradients.fields._field import Curve, Field, Vector, along
from sgtheory.gradients.fields._plane import corner_points

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


@dataclasses.dataclass(frozen=True)
class LineIntegral:
    """An adaptive integral, and how far it can be trusted."""

    value: float
    """The integral."""
    error: float
    """How wrong it may be: an estimate from above, rounding included."""
    evaluations: int
    """How often the field was evaluated."""
    converged: bool
    """Whether the error is within the tolerance."""


def line_integral(
    field: Field, curve: Curve, start: float, end: float, tolerance: float = 1e-10, max_evaluations: int = 200_000
) -> LineIntegral:
    r"""$\int F\cdot d\theta$ along a curve from `start` to `end`, refined where necessary until the error is small enough.

    Ten-point Gauss-Legendre panels; a panel is halved when it differs from its two halves by more than its share of the
    tolerance. The error is the sum of those differences, which overestimates because the halves are what counts, and of
    the rounding of the integrand, four units in its last place. A tolerance below the rounding is never met: in 32 bits
    that is some $10^{-7}$ of the integral of $|F\cdot d\theta|$.

    **Arguments:** `tolerance`, absolute; `max_evaluations` of the field, after which the result says that it has not
    converged.
    **Raises** `ValueError` for ends that are not finite and a tolerance that is not positive.

    >>> import jax.numpy as jnp
    >>> slope = lambda x: jnp.array([jnp.cos(x[0])])
    >>> integral = line_integral(slope, lambda t: jnp.array([t]), 0.0, 1.0, tolerance=1e-5)
    >>> print(round(integral.value, 5), integral.converged)
    0.84147 True
    """
    first, last = (float(finite(name, single=True)(value)) for name, value in (("start", start), ("end", end)))
    tolerance = float(positive("tolerance", single=True)(tolerance))
    panels = np.linspace(first, last, 5)
    panels = np.stack([panels[:-1], panels[1:]], axis=1)

    @jax.jit
    def evaluate(positions):
        return jax.vmap(lambda position: along(field, curve, position))(positions)

    def integrate(panels):
        """The integral over each panel, and what rounding may have added to it."""
        middle, half = panels.mean(axis=1, keepdims=True), 0.5 * (panels[:, 1:] - panels[:, :1])
        positions = (middle + half * _NODES).ravel()
        # Filled up to a power of two, so that few programs are compiled.
        padded = np.full(1 << (len(positions) - 1).bit_length(), positions[-1])
        padded[: len(positions)] = positions
        values = np.asarray(evaluate(jnp.asarray(padded)))[: len(positions)].reshape(-1, len(_NODES))
        rounding = 4 * np.finfo(values.dtype).eps * np.abs(half[:, 0]) * (np.abs(values) @ _WEIGHTS)
        return half[:, 0] * (values @ _WEIGHTS), rounding

    total = error = 0.0
    (coarse, _), evaluations = integrate(panels), panels.shape[0] * len(_NODES)
    while True:
        middle = panels.mean(axis=1)
        halves = np.stack([panels[:, 0], middle, middle, panels[:, 1]], axis=1).reshape(-1, 2)
        fine, rounding = integrate(halves)
        evaluations += len(fine) * len(_NODES)
        both, rounding = (each.reshape(-1, 2).sum(axis=1) for each in (fine, rounding))
        difference = np.abs(both - coarse)
        share = tolerance * np.abs(panels[:, 1] - panels[:, 0]) / max(abs(last - first), 1e-300)
        # A difference beneath the rounding of the values cannot be refined away.
        done = (difference + rounding <= share) | (difference <= rounding)
        taken = done | (evaluations >= max_evaluations)
        total += float(both[taken].sum())
        error += float((difference + rounding)[taken].sum())
        if np.all(taken):
            return LineIntegral(total, error, evaluations, error <= tolerance)
        kept = np.repeat(~taken, 2)
        panels, coarse = halves[kept], fine[kept]


def polygon_integral(field: Field, corners: Any, tolerance: float = 1e-10) -> LineIntegral:
    r"""$\oint F\cdot d\theta$ along the closed polygon through `corners` (one row for each), and back to the first.

    **Arguments:** `tolerance`, absolute, of the whole loop.
    **Raises** `ValueError` for fewer than 3 corners, for corners that are not finite, and for a tolerance that is not
    positive.

    >>> import jax.numpy as jnp
    >>> swirl = lambda x: jnp.array([-x[1], x[0]])
    >>> print(round(polygon_integral(swirl, [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).value, 5))
    2.0
    """
    points = corner_points(corners)
    tolerance = float(positive("tolerance", single=True)(tolerance))
    count = points.shape[0]

    def side(number: int, position: Scalar) -> Vector:
        return points[number] + position.astype(points.dtype) * (points[(number + 1) % count] - points[number])

    sides = [
        line_integral(field, lambda position, k=k: side(k, position), 0.0, 1.0, tolerance / count) for k in range(count)
    ]
    error = sum(each.error for each in sides)
    return LineIntegral(
        sum(each.value for each in sides), error, sum(each.evaluations for each in sides), error <= tolerance
    )
