"""Names of the kinds of array that the package passes around."""

from typing import Any

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
]
