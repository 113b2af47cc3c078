from collections.abc import Callable

import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory.gradients.fields._field import Field, Vector
from sgtheory.gradients.fields._plane import Plane


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


def over_plane(
    function: Callable[[Vector], Array], plane: Plane, xs: Float[Array, " xs"], ys: Float[Array, " ys"]
) -> Float[Array, "ys xs ..."]:
    """A function of the parameters on a grid of a plane: one row for each of `ys`, one column for each of `xs`.

    >>> import jax.numpy as jnp
    >>> plane = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    >>> print(over_plane(lambda point: point[0] + 10 * point[1], plane, jnp.arange(3.0), jnp.arange(2.0)))
    [[ 0.  1.  2.]
     [10. 11. 12.]]
    """
    return jax.vmap(lambda y: jax.vmap(lambda x: function(plane.point(x, y)))(xs))(ys)


def curl_map(field: Field, plane: Plane, xs: Float[Array, " xs"], ys: Float[Array, " ys"]) -> Float[Array, "ys xs"]:
    """`curl` in the plane, on a grid of it: one row for each of `ys`, one column for each of `xs`.

    >>> import jax.numpy as jnp
    >>> plane = Plane([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    >>> print(curl_map(lambda x: jnp.array([-x[1], x[0]]), plane, jnp.arange(2.0), jnp.arange(1.0)))
    [[2. 2.]]
    """
    return over_plane(lambda point: curl(field, point, plane.first, plane.second), plane, xs, ys)
