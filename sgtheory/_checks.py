"""Refusals: the rule, the value received, the remedy, in one sentence.

A concrete value is refused at construction. A traced one passes there, so that what is built inside a compiled program
leaves nothing in it; it is refused where a run begins (`guarded`).
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
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


def require(value: jax.Array, test: Callable[[Any], Any], name: str, rule: str, remedy: str = "") -> jax.Array:
    """`value` again. **Raises** `ValueError` when it is concrete and its `test` is not true everywhere.

    The `test` is made of operators, which arrays of NumPy and of JAX share.
    """
    if isinstance(value, Tracer):
        return value
    # A known number is tested here and now even while something else is being traced: nothing is left in the program. And
    # as an array of NumPy, because JAX would compile the test for each shape.
    with jax.ensure_compile_time_eval():
        holds = bool(np.all(test(np.asarray(value))))
    if not holds:
        raise ValueError(f"`{name}` must be {rule}, got {shorten(value)}. {remedy}".strip())
    return value


def as_real(name: str, value: Any, remedy: str = "") -> jax.Array:
    """`value` as an array of floating-point numbers; a Python number stays weakly typed, so that it never widens."""
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating):
        return value
    if isinstance(value, Tracer) and (jnp.issubdtype(value.dtype, jnp.integer) or value.dtype == bool):
        return value.astype(jnp.result_type(float))
    if isinstance(value, (bool, str, bytes)) or value is None:
        raise TypeError(f"`{name}` must be a number, got {shorten(value)}. {remedy}".strip())
    try:
        if isinstance(value, (list, tuple)) and any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(value)):
            return as_real(name, jnp.asarray(value), remedy)
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":  # NumPy would drop an imaginary part, and read words as numbers
            raise TypeError(array.dtype)
        with jax.ensure_compile_time_eval():
            if array.ndim == 0:
                return jnp.asarray(float(array))
            # An array of 32 bits stays one.
            return jnp.asarray(array if array.dtype in (np.float16, np.float32) else array.astype(float))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`{name}` must be a number or a regular array of numbers, got {shorten(value)}. {remedy}".strip()
        ) from error


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A field converter that lets numbers of one kind pass, and knows the rule by which `guarded` checks them again."""

    name: str
    rule: str
    test: Callable[[Any], Any]
    remedy: str = ""
    single: bool = False
    optional: bool = False

    def __call__(self, value: Any) -> Any:
        if value is None and self.optional:
            return None
        array = as_real(self.name, value, self.remedy)
        if self.single and array.ndim:
            raise ValueError(
                f"`{self.name}` must be one number, got {shorten(value)}. For several take `jax.vmap` over it."
            )
        return require(array, self.test, self.name, self.rule, self.remedy)

    @property
    def sentence(self) -> str:
        """The refusal of a number that is only known when the program runs."""
        return f"`{self.name}` must be {self.rule}. {self.remedy}".strip()


def finite(name: str, remedy: str = "", *, single: bool = False, optional: bool = False) -> Numbers:
    """A field converter that lets finite numbers pass; a `single` one alone; with `optional` None too."""
    return Numbers(name, "finite", is_finite, remedy, single, optional)


def positive(name: str, remedy: str = "", *, single: bool = False, optional: bool = False) -> Numbers:
    """A field converter that lets positive, finite numbers pass; a `single` one alone; with `optional` None too."""
    return Numbers(name, "positive and finite", _is_positive, remedy, single, optional)


def is_finite(value: Any) -> Any:
    """Where an array of NumPy or JAX is finite."""
    return abs(value) < np.inf


def _is_positive(value: Any) -> Any:
    return (value > 0) & (value < np.inf)


_INPUTS = finite("inputs", "Remove or replace the entries that are NaN or infinite.")


def as_inputs(value: Any) -> Any:
    """`value` as a network takes it: arrays of finite real numbers, in a pytree.

    Whole numbers and Booleans become real, and lists of numbers arrays: a list `[1, 0]` and the array of the same
    numbers are one and the same input. Half precision stays what it is. A module, such as input spikes, has its own rules,
    which are kept where it is made and where the network runs.

    **Raises** `ValueError` for numbers that are not finite, as far as they are known; `TypeError` for what are none.
    """
    if isinstance(value, eqx.Module):
        return value
    leaves = jax.tree.leaves(value)
    if isinstance(value, (list, tuple)) and not any(isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves):
        return _INPUTS(value) if leaves else value
    return jax.tree.map(_INPUTS, value)


def guarded(carrier: Any, inputs: Any, *members: Any) -> Any:
    """`carrier` again, to be used in what follows: the one check of a run, of all that is traced.

    `inputs` must be finite, and every number of the `members` (networks, estimators) what its field demands. All that is
    concrete was checked before, and leaves nothing in the program.

    **Raises** `equinox.EquinoxRuntimeError` when the compiled program runs.
    """
    faults: dict[str, jax.Array] = {}
    for numbers, leaf in [*_traced_inputs(inputs), *(each for member in members for each in _traced_numbers(member))]:
        broken = ~jnp.all(numbers.test(leaf))
        faults[numbers.sentence] = faults[numbers.sentence] | broken if numbers.sentence in faults else broken
    return refused(carrier, faults)


def refused(carrier: Any, faults: Mapping[str, jax.Array]) -> Any:
    """`carrier` again, to be used in what follows, unless one of the faults, sentence → whether it is so, is one.

    **Raises** `equinox.EquinoxRuntimeError` with the sentence of the first such fault, when the compiled program runs.
    """
    if not faults:
        return carrier
    failing = jnp.stack(list(faults.values()))
    return eqx.branched_error_if(carrier, jnp.any(failing), jnp.argmax(failing), list(faults))


def _traced_inputs(inputs: Any) -> Iterator[tuple[Numbers, jax.Array]]:
    if isinstance(inputs, eqx.Module):
        return iter(())
    return ((_INPUTS, leaf) for leaf in jax.tree.leaves(inputs) if isinstance(leaf, Tracer))


def _traced_numbers(member: Any) -> Iterator[tuple[Numbers, jax.Array]]:
    """All traced numbers in the fields of a module, with the rule of each."""
    if isinstance(member, (tuple, list)):
        for each in member:
            yield from _traced_numbers(each)
    elif isinstance(member, eqx.Module):
        for field in dataclasses.fields(member):
            value, rule = getattr(member, field.name, None), field.metadata.get("converter")
            if isinstance(rule, Numbers) and isinstance(value, Tracer):
                yield rule, value
            else:
                yield from _traced_numbers(value)


def whole(name: str, value: Any, least: int = 1, most: int | None = None, of: str = "", remedy: str = "") -> None:
    """**Raises** `ValueError` unless `value` is a whole number from `least`, not above `most`, the number `of` something."""
    inside = (
        isinstance(value, int) and not isinstance(value, bool) and value >= least and (most is None or value <= most)
    )
    if not inside:
        limit = "" if most is None else f" and not above the number of {of}, {most}"
        raise ValueError(f"`{name}` must be a whole number from {least}{limit}, got {shorten(value)}. {remedy}".strip())


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
