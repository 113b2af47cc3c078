from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Float, Int, Key, Scalar
from sgtheory._checks import finite, positive, shorten
from sgtheory.gradients.fields._field import Curve, Vector


class Plane(eqx.Module):
    """A plane in the space of the parameters: an origin, and two directions that are made orthonormal.

    **Raises** `ValueError` for vectors of different lengths, fewer than two parameters, entries that are not finite, a
    direction of length 0, and directions that are parallel.

    >>> plane = Plane([0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 0.0])
    >>> print(plane.first, plane.second, plane.point(1.0, 2.0))
    [1. 0. 0.] [0. 1. 0.] [1. 2. 0.]
    """

    origin: Vector
    """The point with the coordinates (0, 0)."""
    first: Vector
    """The direction of the coordinate x, of length 1: the first of the given ones."""
    second: Vector
    """The direction of the coordinate y, of length 1: what the second has at right angles to the first."""

    def __init__(self, origin: Any, first: Any, second: Any):
        given = {"origin": origin, "first": first, "second": second}
        vectors = {name: finite(name, "Give a vector of numbers.")(value) for name, value in given.items()}
        shapes = [vector.shape for vector in vectors.values()]
        if len(set(shapes)) > 1 or len(shapes[0]) != 1 or shapes[0][0] < 2:
            raise ValueError(
                f"`origin`, `first` and `second` must be vectors of one length, at least 2, got the shapes {shapes}. "
                "Give one entry a parameter to each."
            )
        self.origin = vectors["origin"]
        self.first = _unit("first", vectors["first"], vectors["first"])
        across = vectors["second"] - jnp.dot(self.first, vectors["second"]) * self.first
        # Twice, because the first subtraction leaves rounding errors along `first`.
        across = across - jnp.dot(self.first, across) * self.first
        self.second = _unit("second", across, vectors["second"])

    @classmethod
    def random(cls, key: Key, parameters: int) -> "Plane":
        """A plane through the origin, its directions distributed evenly.

        >>> import jax
        >>> print(Plane.random(jax.random.key(0), 5).first.shape)
        (5,)
        """
        first, second = jax.random.normal(key, (2, parameters))
        return cls(jnp.zeros(parameters), first, second)

    def point(self, x: float | Scalar, y: float | Scalar) -> Vector:
        """The point with the coordinates `x` along `first` and `y` along `second`."""
        return self.origin + x * self.first + y * self.second

    def circle(self, radius: float | Scalar, centre: tuple[float | Scalar, float | Scalar] = (0.0, 0.0)) -> Curve:
        r"""The closed curve $\theta(\gamma) = \theta_0 + d_1 r\sin\gamma + d_2 r\cos\gamma$, $\gamma\in[0,2\pi]$.

        **Raises** `ValueError` for a radius that is not positive and finite.
        """
        r = positive("radius", single=True)(radius)
        return lambda angle: self.point(centre[0] + r * jnp.sin(angle), centre[1] + r * jnp.cos(angle))

    def polygon(self, corners: Any, count: int | Int[Array, ""] | None = None) -> Curve:
        r"""The closed polygon through `corners` (one row x, y for each) as a smooth curve over $[0, 2\pi]$.

        Every side takes up an equal part of $[0, 2\pi]$. Within it, $\tau$ from 0 to 1, the share
        $s(\tau) = \tau^3(10 - 15\tau + 6\tau^2)$ of the side lies behind: speed and acceleration are 0 at each corner,
        so that the curve turns there without a kink. The trapezoid rule converges as the third power of the number of
        points, and as the fourth where all sides have equally many.

        **Arguments:** `count`, how many of the rows are corners, where the others only fill up an array.
        **Raises** `ValueError` for fewer than 3 rows, rows that are not two numbers, and corners that are not finite.

        >>> import jax.numpy as jnp
        >>> from sgtheory.gradients.fields import loop_integral
        >>> swirl = lambda x: jnp.array([-x[1], x[0]])
        >>> square = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]).polygon([[0, 0], [1, 0], [1, 1], [0, 1]])
        >>> print(round(float(loop_integral(swirl, square, points=80).value), 4))
        2.0
        """
        points = corner_points(corners)
        if points.shape[1] != 2:
            raise ValueError(
                f"`corners` must be rows of two numbers, got the shape {shorten(points.shape)}. Give x and y."
            )
        sides = points.shape[0] if count is None else count

        def at(angle):
            position = angle / (2 * jnp.pi) * jnp.asarray(sides, jnp.result_type(angle))
            side = jnp.floor(position)
            part = position - side
            first = jnp.asarray(side, int) % sides
            start, end = points[first], points[(first + 1) % sides]
            return self.point(*(start + part**3 * (10 - 15 * part + 6 * part**2) * (end - start)))

        return at


def corner_points(corners: Any) -> Float[Array, "corners coordinates"]:
    """The corners of a polygon. **Raises** `ValueError` for fewer than 3, and for numbers that are not finite."""
    points = finite("corners", "Give one row for each corner.")(corners)
    if points.ndim != 2 or points.shape[0] < 3:
        raise ValueError(
            f"`corners` must be at least 3 points, one row each, got the shape {shorten(points.shape)}. Add points."
        )
    return points


def _unit(name: str, direction: Vector, given: Vector) -> Vector:
    length, size = jnp.linalg.norm(direction), jnp.linalg.norm(given)
    if not isinstance(length, Tracer) and not bool(length > 1e-9 * size):
        rule = "have a length" if not bool(size > 0) else "not be parallel to `first`"
        raise ValueError(f"`{name}` must {rule}, got {shorten(given)}. Take another direction.")
    return direction / length
