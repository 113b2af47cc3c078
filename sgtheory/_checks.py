"""Refusals: the rule, the value received, the remedy, in one sentence.

A concrete value is refused at construction; a traced one when the compiled program runs (`equinox.error_if`).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def shorten(value: Any, limit: int = 60) -> str:
    """`value` as a user would recognise it, never longer than `limit` characters."""
    concrete_array = isinstance(value, (np.ndarray, np.generic, jax.Array)) and not isinstance(value, Tracer)
    text = np.array2string(np.asarray(value), threshold=6) if concrete_array else repr(value)
    text = " ".join(text.split()).rstrip("." if concrete_array else "")  # 2, not 2., before the end of a sentence
    return text if len(text) <= limit else text[: limit - 1] + "…"


def require(
    value: jax.Array, test: Callable[[jax.Array], jax.Array], name: str, rule: str, remedy: str = ""
) -> jax.Array:
    """`value` again, or an error when its `test` is not true everywhere.

    **Raises** `ValueError` at once for a concrete value, `equinox.EquinoxRuntimeError` when the compiled program
    runs for a traced one.
    """
    if isinstance(value, Tracer):
        return eqx.error_if(value, ~jnp.all(test(value)), f"`{name}` must be {rule}. {remedy}".strip())
    # A known number is tested here and now even while something else is being traced: nothing is left in the program.
    with jax.ensure_compile_time_eval():
        holds = bool(jnp.all(test(value)))
    if not holds:
        raise ValueError(f"`{name}` must be {rule}, got {shorten(value)}. {remedy}".strip())
    return value


def as_real(name: str, value: Any, remedy: str = "") -> jax.Array:
    """`value` as an array of floating-point numbers; a Python number stays weakly typed, so that it never widens."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value
    if isinstance(value, Tracer) and jnp.issubdtype(value.dtype, jnp.integer):
        return value.astype(jnp.result_type(float))
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise TypeError(f"`{name}` must be a number, got {shorten(value)}. {remedy}".strip())
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":  # NumPy would drop an imaginary part, and read words as numbers
            raise TypeError(array.dtype)
        with jax.ensure_compile_time_eval():
            return jnp.asarray(float(value)) if array.ndim == 0 else jnp.asarray(array.astype(float))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`{name}` must be a number or a regular array of numbers, got {shorten(value)}. {remedy}".strip()
        ) from error


def finite(name: str, remedy: str = "") -> Callable[[Any], jax.Array]:
    """A field converter that lets finite numbers pass."""

    def convert(value: Any) -> jax.Array:
        array = as_real(name, value, remedy)
        return require(array, jnp.isfinite, name, "finite", remedy)

    return convert


def positive(name: str, remedy: str = "") -> Callable[[Any], jax.Array]:
    """A field converter that lets positive, finite numbers pass."""

    def convert(value: Any) -> jax.Array:
        array = as_real(name, value, remedy)
        return require(array, lambda x: jnp.isfinite(x) & (x > 0), name, "positive and finite", remedy)

    return convert


def instance(name: str, value: Any, kind: type | tuple[type, ...], remedy: str = "") -> None:
    """Refuses a `value` of another family, or of none of several classes."""
    if not isinstance(value, kind):
        names = [each.__name__ for each in kind] if isinstance(kind, tuple) else [kind.__name__]
        rule = f"of the family {names[0]}" if len(names) == 1 else f"one of {', '.join(names)}"
        raise TypeError(f"`{name}` must be {rule}, got {shorten(value)}. {remedy}".strip())


def escape_fault(distances: np.ndarray, values: np.ndarray) -> str | None:
    """Why these values, at rising distances, are those of no escape function: the rest of a sentence, or None.

    Rounding is forgiven: 64 units in the last place of 1, in the dtype of `values`.
    """
    if values.shape != distances.shape:
        return f"must keep the shape of the distances, got {values.shape} for {distances.shape}; act entry by entry."
    tolerance = 64 * float(np.finfo(values.dtype).eps)
    return (
        _not_finite(distances, values)
        or _out_of_range(distances, values, tolerance)
        or _falling(distances, values, tolerance)
        or _level(distances, values, tolerance)
    )


def _not_finite(distances: np.ndarray, values: np.ndarray) -> str | None:
    failing = np.flatnonzero(~np.isfinite(values))
    if not failing.size:
        return None
    return (
        f"must have a finite value everywhere, got p({distances[failing[0]]:.4g}) = {values[failing[0]]}; "
        "look for a division by zero, a logarithm or a root of a negative number."
    )


def _out_of_range(distances: np.ndarray, values: np.ndarray, tolerance: float) -> str | None:
    excess = np.maximum(-values, values - 1)
    worst = int(np.argmax(excess))
    if excess[worst] <= tolerance:
        return None
    bound = 0.0 if values[worst] < 0 else 1.0
    return (
        f"must lie between 0 and 1, got p({distances[worst]:.4g}) = {_told_apart(float(values[worst]), bound)[0]}; "
        "rescale it, or cut it off with min and max."
    )


def _falling(distances: np.ndarray, values: np.ndarray, tolerance: float) -> str | None:
    # Compared with the highest value so far and not with the neighbour: a slow fall would hide in each step's rounding.
    fall = np.maximum.accumulate(values) - values
    lowest = int(np.argmax(fall))
    if fall[lowest] <= tolerance:
        return None
    highest = int(np.argmax(values[: lowest + 1]))
    places = _told_apart(float(distances[highest]), float(distances[lowest]))
    heights = _told_apart(float(values[highest]), float(values[lowest]))
    return (
        f"must not fall, got p({places[0]}) = {heights[0]} above p({places[1]}) = {heights[1]}; "
        "change it so that a larger u never makes a spike less likely."
    )


def _level(distances: np.ndarray, values: np.ndarray, tolerance: float) -> str | None:
    if values[-1] - values[0] > tolerance:
        return None
    return (
        f"must rise somewhere, got p = {values[0]:.4g} all the way from u = {distances[0]:.4g} to {distances[-1]:.4g}; "
        "let it depend on u."
    )


def _told_apart(first: float, second: float) -> tuple[str, str]:
    """Two numbers with as few digits as show that they differ, and at least three."""
    texts = (f"{first:.17g}", f"{second:.17g}")
    for digits in range(17, 2, -1):
        shorter = (f"{first:.{digits}g}", f"{second:.{digits}g}")
        if shorter[0] == shorter[1]:
            break
        texts = shorter
    return texts
