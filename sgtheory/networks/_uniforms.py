"""The noise of decisions: one uniform each."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Inputs, Key, Noise, cut


def noise_dtype(inputs: Inputs) -> np.dtype:
    """The dtype of the uniforms of a run: that of the inputs, but never fewer than 32 bits.

    Uniforms of half precision would be multiples of 1/128 or 1/1024, and every draw would be biased.
    """
    leaves = [leaf for leaf in jax.tree.leaves(inputs) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]
    if not leaves:
        return jnp.result_type(float)
    dtype = jnp.result_type(*leaves)
    return dtype if jnp.finfo(dtype).bits >= 32 else np.dtype(np.float32)


def uniforms(key: Key, sites: Sequence[tuple[int, ...]], dtype: Any = None, *, fine: bool = False) -> tuple[Noise, ...]:
    r"""One uniform $\omega\in[0,1)$ for every decision: a tuple with one array a layer, of the shapes `sites`.

    Uniforms of 32 bits are multiples of $2^{-23}$, those of 64 bits of $2^{-52}$: the frequency of a spike is right to
    that, and one whose probability is below it is drawn too often, or never. `fine` ones have as many digits, but in
    floating point: the smallest is $2^{-33}$, and probabilities down to there are met to one part in $2^{23}$, for twice
    the random bits. (Near 1 nothing is finer than the probability itself, which rounds there.)

    **Arguments:** `sites`, as `network.sites(inputs)` gives them; `dtype`, that of a Python float where none is given.

    >>> import jax
    >>> first, second = uniforms(jax.random.key(0), ((3,), (1,)))
    >>> print(first.shape, second.shape)
    (3,) (1,)
    """
    dtype = jnp.result_type(float) if dtype is None else dtype
    count = sum(math.prod(shape) for shape in sites)
    return cut(_fine(key, count, dtype) if fine else jax.random.uniform(key, (count,), dtype), sites)


def _fine(key: Key, count: int, dtype: Any) -> Noise:
    """A number in [½, 1) times a power of ½, with the exponent that a uniform has: each next one half as often."""
    exponents, digits = jax.random.split(key)
    zeros = jax.lax.clz(jax.random.bits(exponents, (count,), jnp.uint32)).astype(jnp.int32)
    return jnp.ldexp(jax.random.uniform(digits, (count,), dtype, minval=0.5, maxval=1.0), -zeros)
