"""All spike patterns of a network, a piece at a time."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Inputs, Noise, cut
from sgtheory.networks import AbstractEscapeNoiseNetwork
from sgtheory.networks._uniforms import noise_dtype
from sgtheory.rules import Forced, SpikeRule

FORCED = SpikeRule(Forced())
MAX_DECISIONS = 20
"""Of a network that is enumerated pattern by pattern, unless a caller knows better: a million runs."""
_TOGETHER = 2**12  # patterns that are run side by side


def patterns(width: int, dtype: np.dtype | type) -> Float[Array, "patterns units"]:
    """All spike patterns of some units, a row each; unit $i$ is bit $i$ of the row's number."""
    bits = (np.arange(2**width)[:, None] >> np.arange(width)) & 1
    return jnp.asarray(bits, dtype=dtype)


def count_decisions(network: AbstractEscapeNoiseNetwork, inputs: Inputs, max_decisions: int = MAX_DECISIONS) -> int:
    """The decisions of a run. **Raises** `ValueError` for more than `max_decisions`."""
    count = sum(math.prod(shape) for shape in network.sites(inputs))
    if count > max_decisions:
        raise ValueError(
            f"`network` must have at most {max_decisions} decisions to be enumerated, got {count}, that is "
            f"{2.0**count:.3g} spike patterns. Take a smaller network, or raise `max_decisions` if you can wait."
        )
    return count


def spike_patterns(
    network: AbstractEscapeNoiseNetwork, inputs: Inputs, max_decisions: int = MAX_DECISIONS
) -> tuple[Noise, ...]:
    """All $2^n$ outcomes of the $n$ decisions of a run, as the noise of `Forced()`: a tuple with one array a layer.

    Each array has a leading axis over the patterns; decision $i$, counted through the layers, is bit $i$ of a pattern's
    number.

    **Raises** `ValueError` for more than `max_decisions` decisions.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import MultilayerPerceptron
    >>> hidden, output = spike_patterns(MultilayerPerceptron((1, 1, 1), Sigmoid(2.0)), jnp.ones(1))
    >>> print(hidden[:, 0], output[:, 0])
    [0. 1. 0. 1.] [0. 0. 1. 1.]
    """
    count = count_decisions(network, inputs, max_decisions)
    return jax.vmap(lambda number: _pattern(number, network, inputs, count))(jnp.arange(2**count))


def _pattern(number: Array, network: AbstractEscapeNoiseNetwork, inputs: Inputs, count: int) -> tuple[Noise, ...]:
    bits = ((number >> jnp.arange(count, dtype=number.dtype)) & 1).astype(noise_dtype(inputs))
    return cut(bits, network.sites(inputs))


def sum_over_patterns(
    term: Callable[[tuple[Noise, ...]], Any],
    network: AbstractEscapeNoiseNetwork,
    inputs: Inputs,
    max_decisions: int = MAX_DECISIONS,
) -> Any:
    """The sum of a function of the pattern over all patterns, some thousand at a time.

    Differentiable; the backward pass runs each piece again, so that memory does not grow with the number of patterns.

    **Raises** `ValueError` for more than `max_decisions` decisions.
    """
    count = count_decisions(network, inputs, max_decisions)

    def piece(numbers):
        terms = jax.vmap(lambda number: term(_pattern(number, network, inputs, count)))(numbers)
        return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), terms)

    numbers = jnp.arange(2**count)
    if 2**count <= _TOGETHER:
        return piece(numbers)
    pieces = jax.lax.map(jax.checkpoint(piece), numbers.reshape(-1, _TOGETHER))
    return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), pieces)
