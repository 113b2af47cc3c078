"""Names of the kinds of array that the package passes around."""

from typing import Any

from jaxtyping import Array, Float, Int, PRNGKeyArray

Scalar = Float[Array, ""]
"""One real number: a steepness, a threshold, a loss."""

Distance = Float[Array, "..."]
"""Distance to threshold, membrane potential minus threshold; one entry a decision."""

Spikes = Float[Array, "..."]
"""Outcomes of decisions: 0 or 1, or a relaxed value between them; the dtype of the distances."""

Noise = Float[Array, "..."]
"""What decides an outcome: a uniform in [0, 1), or the outcome itself for a forced decision."""

Parameters = Any
"""A pytree of arrays, to be differentiated."""

Key = PRNGKeyArray
"""A JAX random key, the only source of randomness."""

__all__ = ["Array", "Distance", "Float", "Int", "Key", "Noise", "Parameters", "Scalar", "Spikes"]
