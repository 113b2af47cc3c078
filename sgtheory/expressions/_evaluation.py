"""The value and the derivatives of a formula that has been read."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from sgtheory._checks import as_real
from sgtheory.expressions._tree import Apply, Node, Number, Symbol


def evaluate(tree: Node, distance: ArrayLike, steepness: ArrayLike) -> Array:
    """The formula at every distance, for one steepness; in the shape and dtype of the distances.

    **Raises** `TypeError` for distances that are no real numbers.
    """
    # NumPy's arrays keep their dtype, and Python's numbers take on that of what they meet.
    array = jnp.asarray(distance) if isinstance(distance, (np.ndarray, np.generic)) else distance
    distance = as_real("distance", array)
    # With a steepness at every distance the formula is elementwise in both of its arguments.
    steepness = jnp.broadcast_to(jnp.asarray(steepness, dtype=distance.dtype), distance.shape)
    return _forward_differentiated(functools.partial(_value, tree))(distance, steepness)


def _value(tree: Node, distance: Array, steepness: Array) -> Array:
    """The formula at each pair of distance and steepness, both of one shape and dtype."""
    dtype = distance.dtype
    constants = {"pi": jnp.asarray(math.pi, dtype=dtype), "e": jnp.asarray(math.e, dtype=dtype)}
    value = _evaluated(tree, {"u": distance, "beta": steepness, **constants})
    return jnp.broadcast_to(value, distance.shape)


def _evaluated(node: Node, symbols: Mapping[str, Array]) -> Array:
    match node:
        case Number(value=value):
            return jnp.asarray(value, dtype=symbols["u"].dtype)
        case Symbol(name=name):
            return symbols[name]
        case Apply(operation=operation, arguments=arguments):
            return _OPERATIONS[operation](*(_evaluated(argument, symbols) for argument in arguments))
        case _:
            raise AssertionError(f"no such node: {node}")


def _saturating(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The function held constant where its square would overflow, so that 1/x**2 times its derivative is finite."""

    def saturated(argument: Array) -> Array:
        bound = 0.5 * math.log(float(jnp.finfo(argument.dtype).max))
        return function(jnp.clip(argument, -bound if function in (jnp.sinh, jnp.cosh) else None, bound))

    return saturated


_NAMED = (jnp.arctan, jnp.log, jnp.log1p, jnp.negative, jnp.sign, jnp.sqrt, jnp.tanh, jnp.where)
_GROWING = (jnp.exp, jnp.expm1, jnp.sinh, jnp.cosh)
_OPERATIONS: Mapping[str, Callable[..., Array]] = {
    **{function.__name__: function for function in _NAMED},
    **{function.__name__: _saturating(function) for function in _GROWING},
    **dict(zip("+-*/<>", (jnp.add, jnp.subtract, jnp.multiply, jnp.divide, jnp.less, jnp.greater), strict=True)),
    "**": jnp.power,
    # Not jnp.abs, whose derivative at 0 is 0 in some versions of JAX and 1 in others.
    "abs": lambda argument: jnp.sign(argument) * argument,
    "<=": jnp.less_equal,
    ">=": jnp.greater_equal,
    "atan": jnp.arctan,
    "erf": jax.lax.erf,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
    "min": lambda *arguments: functools.reduce(jnp.minimum, arguments),
    "max": lambda *arguments: functools.reduce(jnp.maximum, arguments),
}
"""What each name in a tree computes."""


def _forward_differentiated(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The same elementwise function, whose derivatives are computed forwards even when JAX differentiates backwards.

    Backwards, JAX multiplies the derivative of an unselected branch of `where` by 0, and 0 times infinity is NaN.
    Forwards it selects between the two derivatives, and no such product arises. The derivatives are wrapped in the
    same way, so that this holds at every order.
    """
    value = jax.custom_jvp(function)

    def derivative(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
        change = jnp.zeros_like(primals[0])
        for index, tangent in enumerate(tangents):
            # Left out rather than multiplied by 0: the derivative of u**beta with respect to beta is NaN for negative u.
            if not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                slope = _forward_differentiated(functools.partial(_partial_derivative, function, index))
                change = change + slope(*primals) * tangent
        return value(*primals), change

    value.defjvp(derivative, symbolic_zeros=True)
    return value


def _partial_derivative(
    function: Callable[[Array, Array], Array], index: int, distance: Array, steepness: Array
) -> Array:
    """The derivative of an elementwise function with respect to its argument number `index`, at every element."""

    def along(argument: Array) -> Array:
        return function(argument, steepness) if index == 0 else function(distance, argument)

    point = (distance, steepness)[index]
    return jax.jvp(along, (point,), (jnp.ones_like(point),))[1]
