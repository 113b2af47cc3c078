"""Refusals: the rule, the value received, the remedy, in one sentence.

A concrete value is refused at construction; a traced one when the compiled program runs (`equinox.error_if`).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def shorten(value: Any, limit: int = 60) -> str:
    """`value` as a user would recognise it, never longer than `limit` characters."""
    concrete_array = isinstance(value, (np.ndarray, np.generic, jax.Array)) and not isinstance(value, jax.core.Tracer)
    text = np.array2string(np.asarray(value), threshold=6) if concrete_array else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def require(value: jax.Array, holds: jax.Array, name: str, rule: str, remedy: str = "") -> jax.Array:
    """`value` again, or an error when `holds` is not true everywhere.

    **Raises** `ValueError` at once for a concrete value, `equinox.EquinoxRuntimeError` when the compiled program
    runs for a traced one.
    """
    if isinstance(holds, jax.core.Tracer):
        return eqx.error_if(value, ~jnp.all(holds), f"`{name}` must be {rule}. {remedy}".strip())
    if not np.all(np.asarray(holds)):
        raise ValueError(f"`{name}` must be {rule}, got {shorten(value)}. {remedy}".strip())
    return value


def as_real(name: str, value: Any, remedy: str = "") -> jax.Array:
    """`value` as an array of floating-point numbers; a Python number stays weakly typed, so that it never widens."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise TypeError(f"`{name}` must be a number, got {shorten(value)}. {remedy}".strip())
    try:
        array = np.asarray(value)
        return jnp.asarray(float(value)) if array.ndim == 0 else jnp.asarray(array.astype(float))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`{name}` must be a number or a regular array of numbers, got {shorten(value)}. {remedy}".strip()
        ) from error


def finite(name: str, remedy: str = "") -> Callable[[Any], jax.Array]:
    """A field converter that lets finite numbers pass."""

    def convert(value: Any) -> jax.Array:
        array = as_real(name, value, remedy)
        return require(array, jnp.isfinite(array), name, "finite", remedy)

    return convert


def positive(name: str, remedy: str = "") -> Callable[[Any], jax.Array]:
    """A field converter that lets positive, finite numbers pass."""

    def convert(value: Any) -> jax.Array:
        array = as_real(name, value, remedy)
        return require(array, jnp.isfinite(array) & (array > 0), name, "positive and finite", remedy)

    return convert


def instance(name: str, value: Any, kind: type, remedy: str = "") -> None:
    """Refuses a `value` of another family."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be of the family {kind.__name__}, got {shorten(value)}. {remedy}".strip())


def escape_fault(distances: np.ndarray, probabilities: np.ndarray) -> str | None:
    """Why these values are no escape function, in one sentence; None where they are one.

    Rounding is forgiven: 64 units in the last place of the dtype of `probabilities`.
    """
    if probabilities.shape != distances.shape:
        return f"its values have the shape {probabilities.shape} where the distances have {distances.shape}."
    slack = 64 * float(np.finfo(probabilities.dtype).eps)

    def at(index: int) -> str:
        return f"p({distances[index]:.3g}) = {probabilities[index]:.6g}"

    if not np.all(np.isfinite(probabilities)):
        return f"it must be finite, but {at(int(np.argmin(np.isfinite(probabilities))))}."
    outside = np.maximum(-probabilities, probabilities - 1)
    if outside.max() > slack:
        return f"it must stay in [0, 1], but {at(int(outside.argmax()))}."
    fall = np.diff(probabilities)
    if fall.min() < -slack:
        worst = int(fall.argmin())
        return f"it must not fall, but {at(worst)} is above {at(worst + 1)}."
    if np.ptp(probabilities) <= slack:
        return f"it must rise somewhere, but it is {probabilities[0]:.6g} throughout."
    return None
