r"""Gradients as vector fields over the parameters: line and loop integrals, curl.

A gradient field has no curl, and its integral along a closed loop is zero. Surrogate gradients are no gradient field.
A *field* here is any function from a vector to a vector of the same length; `field_of` makes one of anything that gives
a pytree of gradients for a pytree of parameters. A *curve* is a function from a number to a point.

**Source:** Gygax & Zenke (2025), Fig. 4 and Fig. 5.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Int, Key, Parameters, Scalar
from sgtheory._checks import finite, positive, shorten
from sgtheory.gradients._base import Loss
from sgtheory.networks import AbstractLayered
from sgtheory.surrogates import AbstractSurrogate

Vector = Float[Array, " parameters"]
Field = Callable[[Vector], Vector]
Curve = Callable[[Scalar], Vector]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def field_of(gradient: Callable[[Parameters], Parameters], parameters: Parameters) -> tuple[Field, Vector]:
    """A gradient as a field over flat vectors, and `parameters` as such a vector.

    >>> import jax.numpy as jnp
    >>> field, point = field_of(lambda p: {"a": 2 * p["a"], "b": p["a"]}, {"a": jnp.array(1.0), "b": jnp.array(5.0)})
    >>> print(field(point))
    [2. 1.]
    """
    point, unravel = ravel_pytree(parameters)
    return lambda vector: ravel_pytree(gradient(unravel(vector)))[0], point


def surrogate_gradient(
    loss: Loss,
    network: AbstractLayered,
    parameters: Parameters,
    inputs: Float[Array, " inputs"],
    derivative: AbstractSurrogate | None = None,
) -> Parameters:
    r"""The surrogate gradient of the smooth network, whose units pass their firing probabilities on.

    On the way back each true slope $p'(u)$ is replaced by the surrogate $h(u)$; distances are those of the forward pass.
    Without a `derivative` it is the true gradient. What `jax.grad` gives with the rule `MeanField(derivative)` is the
    same number, but not the same function: JAX differentiates a spike rule by its surrogate once more when it is asked
    for a second derivative, which hides the curl. Here the way back is written out, and its derivative is a true one.

    **Source:** Gygax & Zenke (2025), Eq. 7-9.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> from sgtheory.surrogates import SigmoidDerivative
    >>> network = MultilayerPerceptron((1, 1, 2, 1), Sigmoid(100.0))
    >>> parameters = MultilayerParameters([[[0.0]], [[0.05], [0.1]], [[1.0, -1.0]]])
    >>> for derivative in (None, SigmoidDerivative(25.0)):
    ...     gradient = surrogate_gradient(lambda y: y[0], network, parameters, jnp.ones(1), derivative)
    ...     print(round(float(gradient.weights[0][0, 0]), 3))
    0.702
    -2.978
    """
    below, distances = [inputs], []
    for layer in range(len(network.widths) - 1):
        distances.append(network.distance(parameters, layer, below[-1]))
        below.append(network.escape_of(layer).probability(distances[-1]))
    upstream = jax.grad(loss)(below[-1])
    gradient = jax.tree.map(jnp.zeros_like, parameters)
    for layer in reversed(range(len(distances))):
        slope = (network.escape_of(layer).slope if derivative is None else derivative.derivative)(distances[layer])
        _, back = jax.vjp(lambda p, h, layer=layer: network.distance(p, layer, h), parameters, below[layer])
        own, upstream = back(upstream * slope)
        gradient = jax.tree.map(jnp.add, gradient, own)
    return gradient


class Plane(eqx.Module):
    """A plane in parameter space: `origin`, and two orthonormal directions made of two given ones, the first first.

    **Raises** `ValueError` for vectors of different lengths, fewer than two parameters, entries that are not finite, a
    direction of length 0, and directions that are parallel.

    >>> plane = Plane([0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 0.0])
    >>> print(plane.first, plane.second, plane.point(1.0, 2.0))
    [1. 0. 0.] [0. 1. 0.] [1. 2. 0.]
    """

    origin: Vector
    first: Vector
    second: Vector

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
        # Once more, for the first pass leaves the rounding of what it takes away.
        across = across - jnp.dot(self.first, across) * self.first
        self.second = _unit("second", across, vectors["second"])

    @classmethod
    def random(cls, key: Key, parameters: int) -> "Plane":
        """A plane through the origin, its directions distributed evenly."""
        first, second = jax.random.normal(key, (2, parameters))
        return cls(jnp.zeros(parameters), first, second)

    def point(self, x: float | Scalar, y: float | Scalar) -> Vector:
        """The point at the coordinates `x` along `first` and `y` along `second`."""
        return self.origin + x * self.first + y * self.second

    def circle(
        self, radius: float | Scalar, centre: tuple[float | Scalar, float | Scalar] = (0.0, 0.0)
    ) -> Callable[[Scalar], Vector]:
        r"""The closed curve $\theta(\gamma) = \theta_0 + d_1 r\sin\gamma + d_2 r\cos\gamma$, $\gamma\in[0,2\pi]$.

        **Raises** `ValueError` for a radius that is not positive and finite.
        """
        r = positive("radius")(radius)
        return lambda angle: self.point(centre[0] + r * jnp.sin(angle), centre[1] + r * jnp.cos(angle))

    def polygon(self, corners: Any, count: int | Int[Array, ""] | None = None) -> Callable[[Scalar], Vector]:
        r"""The closed polygon through `corners` (one row x, y a corner) as a smooth curve over $[0, 2\pi]$.

        Each side takes as long as any other. It is walked at $s(\tau) = \tau^3(10 - 15\tau + 6\tau^2)$: who halts at
        each corner has no kink in the way, and the trapezoid rule converges as the third power of the points; as the
        fourth, where there are equally many on all sides.

        **Arguments:** `count`, how many of the rows are corners, where the rest are there to fill up an array.
        **Raises** `ValueError` for fewer than 3 rows, rows that are not two numbers, and corners that are not finite.

        >>> import jax.numpy as jnp
        >>> swirl = lambda x: jnp.array([-x[1], x[0]])
        >>> square = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]).polygon([[0, 0], [1, 0], [1, 1], [0, 1]])
        >>> print(round(float(loop_integral(swirl, square, points=80).value), 4))
        2.0
        """
        points = _corners(corners)
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


def _corners(corners: Any) -> Float[Array, "corners coordinates"]:
    points = finite("corners", "Give one row a corner.")(corners)
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


class Loop(eqx.Module):
    r"""An integral along a closed curve: `value`, the `angles` $\gamma_k$, the `integrand` there, and `cumulated`, the
    integral up to the end of each step."""

    value: Scalar
    angles: Float[Array, " points"]
    integrand: Float[Array, " points"]
    cumulated: Float[Array, " points"]


def along(field: Field, curve: Curve, position: Scalar) -> Scalar:
    r"""$F(c(t))\cdot c'(t)$: what one step along the curve adds to the integral."""
    point, velocity = jax.jvp(curve, (position,), (jnp.ones_like(position),))
    return jnp.dot(field(point), velocity)


def loop_integral(field: Field, loop: Curve, points: int = 1500, start: float | Scalar = 0.0) -> Loop:
    r"""$\oint F\cdot d\theta$ along a closed curve over $[0, 2\pi]$, by the trapezoid rule on equally spaced points.

    For a smooth loop and field it converges faster than any power of the number of points.

    **Arguments:** `points`, at least 3; `start`, the angle of the first.
    **Raises** `ValueError` for fewer than 3 points.
    **Source:** Gygax & Zenke (2025), Fig. 5.

    >>> import jax.numpy as jnp
    >>> swirl = lambda x: jnp.array([-x[1], x[0]])
    >>> circle = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0]).circle(radius=1.0)
    >>> print(round(float(loop_integral(swirl, circle, points=10).value), 4))
    -6.2832
    """
    if points < 3:
        raise ValueError(f"`points` must be at least 3 for a loop, got {shorten(points)}. Take 1500, say.")
    angles = start + jnp.linspace(0.0, 2 * jnp.pi, points, endpoint=False)
    integrand = jax.vmap(lambda angle: along(field, loop, angle))(angles)
    step = 2 * jnp.pi / points
    halves = 0.5 * step * (integrand + jnp.roll(integrand, -1))
    return Loop(step * jnp.sum(integrand), angles, integrand, jnp.cumsum(halves))


class LineIntegral(eqx.Module):
    """An adaptive integral: `value`, its estimated `error`, the `evaluations` spent, and whether it `converged`."""

    value: float = eqx.field(static=True)
    error: float = eqx.field(static=True)
    evaluations: int = eqx.field(static=True)
    converged: bool = eqx.field(static=True)


def line_integral(
    field: Field, curve: Curve, start: float, end: float, tolerance: float = 1e-10, max_evaluations: int = 200_000
) -> LineIntegral:
    r"""$\int F\cdot d\theta$ along a curve from `start` to `end`, refined where it must be until it is right.

    Ten-point Gauss-Legendre panels; a panel that differs from its two halves by more than its share of the tolerance is
    halved. The error told is the sum of those differences, an upper estimate, for the halves are what counts.

    **Arguments:** `tolerance`, absolute; `max_evaluations` of the field, after which the result says that it has not
    converged.
    **Raises** `ValueError` for ends that are not finite and a tolerance that is not positive.

    >>> import jax.numpy as jnp
    >>> slope = lambda x: jnp.array([jnp.cos(x[0])])
    >>> integral = line_integral(slope, lambda t: jnp.array([t]), 0.0, 1.0)
    >>> print(round(integral.value, 5), integral.converged)
    0.84147 True
    """
    first, last = (float(finite(name)(value)) for name, value in (("start", start), ("end", end)))
    tolerance = float(positive("tolerance")(tolerance))
    panels = np.linspace(first, last, 5)
    panels = np.stack([panels[:-1], panels[1:]], axis=1)

    @jax.jit
    def evaluate(positions):
        return jax.vmap(lambda position: along(field, curve, position))(positions)

    def integrate(panels):
        middle, half = panels.mean(axis=1, keepdims=True), 0.5 * (panels[:, 1:] - panels[:, :1])
        positions = (middle + half * _NODES).ravel()
        # Filled up to a power of two, so that few programs are compiled.
        padded = np.full(1 << (len(positions) - 1).bit_length(), positions[-1])
        padded[: len(positions)] = positions
        values = np.asarray(evaluate(jnp.asarray(padded)))[: len(positions)].reshape(-1, len(_NODES))
        # Beneath the rounding of its own values no panel can be refined.
        rounding = 4 * np.finfo(values.dtype).eps * np.abs(half[:, 0]) * (np.abs(values) @ _WEIGHTS)
        return half[:, 0] * (values @ _WEIGHTS), rounding

    total = error = 0.0
    (coarse, _), evaluations = integrate(panels), panels.shape[0] * len(_NODES)
    while True:
        middle = panels.mean(axis=1)
        halves = np.stack([panels[:, 0], middle, middle, panels[:, 1]], axis=1).reshape(-1, 2)
        fine, rounding = integrate(halves)
        evaluations += len(fine) * len(_NODES)
        both = fine.reshape(-1, 2).sum(axis=1)
        difference = np.abs(both - coarse)
        share = np.abs(panels[:, 1] - panels[:, 0]) / max(abs(last - first), 1e-300)
        done = difference <= np.maximum(tolerance * share, rounding.reshape(-1, 2).sum(axis=1))
        exhausted = evaluations >= max_evaluations
        taken = np.ones_like(done) if exhausted else done
        total += float(both[taken].sum())
        error += float(difference[taken].sum())
        if np.all(taken):
            return LineIntegral(total, error, evaluations, bool(np.all(done)))
        kept = np.repeat(~taken, 2)
        panels, coarse = halves[kept], fine[kept]


def polygon_integral(field: Field, corners: Any, tolerance: float = 1e-10) -> LineIntegral:
    r"""$\oint F\cdot d\theta$ along the closed polygon through `corners` (one row a corner), and back to the first.

    **Raises** `ValueError` for fewer than 3 corners, and corners that are not finite.

    >>> import jax.numpy as jnp
    >>> swirl = lambda x: jnp.array([-x[1], x[0]])
    >>> print(round(polygon_integral(swirl, [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]).value, 5))
    2.0
    """
    points = _corners(corners)
    count = points.shape[0]

    def side(number: int, position: Scalar) -> Vector:
        return points[number] + position * (points[(number + 1) % count] - points[number])

    sides = [
        line_integral(field, lambda position, k=k: side(k, position), 0.0, 1.0, tolerance / count) for k in range(count)
    ]
    return LineIntegral(
        sum(s.value for s in sides), sum(s.error for s in sides), sum(s.evaluations for s in sides),
        all(s.converged for s in sides),
    )  # fmt: skip


def integrated_gradients(field: Field, baseline: Vector, point: Vector, points: int = 64) -> Vector:
    r"""$(\theta-\theta^0)_i\int_0^1 F_i\big(\theta^0+t(\theta-\theta^0)\big)\,dt$: what each parameter adds on a straight line.

    Of a true gradient the entries sum up to the difference of the function at the two ends.
    By Gauss-Legendre quadrature on `points` nodes.

    **Raises** `ValueError` for fewer than one node.
    **Source:** Sundararajan, Taly & Yan (2017).

    >>> import jax.numpy as jnp
    >>> print(jnp.round(integrated_gradients(lambda x: 2 * x, jnp.zeros(2), jnp.array([1.0, 3.0])), 4))
    [1. 9.]
    """
    if points < 1:
        raise ValueError(f"`points` must be at least 1, got {shorten(points)}. Take 64, say.")
    nodes, weights = _quadrature(points, point.dtype)
    values = jax.vmap(lambda t: field(baseline + t * (point - baseline)))(0.5 * (nodes + 1))
    return (point - baseline) * (0.5 * weights @ values)


def _quadrature(points: int, dtype: np.dtype) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """Nodes and weights of Gauss and Legendre on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return jnp.asarray(nodes, dtype), jnp.asarray(weights, dtype)


def curl(field: Field, point: Vector, first: Vector, second: Vector) -> Scalar:
    r"""$d_2^\top J d_1 - d_1^\top J d_2$ with $J = \partial F/\partial\theta$: the antisymmetric part of the Jacobian in a plane.

    Zero everywhere for a gradient field. The integral along a small circle of the area $A$ is $-A$ times this, in the
    sense of rotation of `Plane.circle`. The field must have true derivatives: take `surrogate_gradient` of this module
    and not `jax.grad` of a run with a spike rule, whose second derivative is a surrogate again.

    >>> import jax.numpy as jnp
    >>> print(curl(lambda x: jnp.array([-x[1], x[0]]), jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])))
    2.0
    """
    forth = jax.jvp(field, (point,), (first,))[1]
    back = jax.jvp(field, (point,), (second,))[1]
    return jnp.dot(second, forth) - jnp.dot(first, back)


def over_plane(function: Callable[[Vector], Array], plane: Plane, xs: Array, ys: Array) -> Array:
    """A function of the parameters on a grid of a plane: one row a `y`, one column an `x`.

    >>> import jax.numpy as jnp
    >>> plane = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    >>> print(over_plane(lambda point: point[0] + 10 * point[1], plane, jnp.arange(3.0), jnp.arange(2.0)))
    [[ 0.  1.  2.]
     [10. 11. 12.]]
    """
    return jax.vmap(lambda y: jax.vmap(lambda x: function(plane.point(x, y)))(xs))(ys)


def curl_map(field: Field, plane: Plane, xs: Array, ys: Array) -> Float[Array, "ys xs"]:
    """`curl` in the plane, on a grid of it: one row a `y`, one column an `x`."""
    return over_plane(lambda point: curl(field, point, plane.first, plane.second), plane, xs, ys)


def staircase_integrals(
    field: Field, plane: Plane, xs: Float[Array, " xs"], ys: Float[Array, " ys"]
) -> tuple[Float[Array, "ys xs"], Float[Array, "ys xs"]]:
    r"""The integral from the first corner of a grid to each of its points, along x and then y, and along y and then x.

    The two agree everywhere if and only if the field has no curl in the plane: then they are the function, up to a
    constant. Four Gauss-Legendre nodes a grid step.

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
        raise ValueError(f"A grid must have at least 2 points a side, got {xs.shape[0]} and {ys.shape[0]}. Add points.")

    def cumulated(direction: Vector, places: Array, others: Array, point: Callable[[Scalar, Scalar], Vector]) -> Array:
        """Integrals along `places` from the first of them, one row for each of `others`."""
        nodes, weights = _quadrature(4, places.dtype)
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
