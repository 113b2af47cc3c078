"""Names of the kinds of array that the package passes around."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

Scalar = Float[Array, ""]
"""One real number: a steepness, a threshold, a loss."""

Distance = Float[Array, "..."]
"""Distance to threshold, membrane potential minus threshold; one entry a decision."""

Spikes = Float[Array, "..."]
"""Outcomes of decisions: 0 or 1, or a relaxed value between them; the dtype of the distances."""

Noise = Float[Array, "..."]
"""What decides the outcomes of a layer: uniforms in [0, 1), or the outcomes themselves for forced decisions."""

Draw = Any
"""Everything random about a run: a pytree of arrays, `()` where nothing is."""

Inputs = Any
"""What a network is given: an array, or a pytree of arrays."""

Parameters = Any
"""A pytree of arrays, to be differentiated."""

Key = PRNGKeyArray
"""A JAX random key, the only source of randomness."""


def cut(numbers: Array, shapes: Sequence[tuple[int, ...]]) -> tuple[Array, ...]:
    """A long row of numbers as arrays of these shapes, one after another; axes before the last one are kept.

    Random numbers are drawn at once and then cut, because each call of the generator takes a quarter second to compile.

    >>> import jax.numpy as jnp
    >>> print(*(piece.shape for piece in cut(jnp.zeros((4, 5)), [(3,), (1, 2)])))
    (4, 3) (4, 1, 2)
    """
    sizes = [math.prod(shape) for shape in shapes]
    pieces = jnp.split(numbers, list(itertools.accumulate(sizes[:-1])), axis=-1)
    return tuple(piece.reshape(*numbers.shape[:-1], *shape) for piece, shape in zip(pieces, shapes, strict=True))


__all__ = [
    "Array",
    "Bool",
    "Distance",
    "Draw",
    "Float",
    "Inputs",
    "Int",
    "Key",
    "Noise",
    "Parameters",
    "Scalar",
    "Spikes",
    "cut",
]
