from collections.abc import Callable

import jax
import jax.numpy as jnp

from sgtheory._arrays import Scalar


def inverted(
    uniform: Scalar, first: Scalar, log_ratio: Callable[[Scalar], Scalar], mean: Scalar, last: Scalar | float
) -> Scalar:
    r"""The smallest $k$ with $F(k) > \omega$: probabilities are added up until they exceed the `uniform` $\omega$.

    Logarithms, because the probability of 0 is often too small to be represented.

    **Arguments:** `first`, the logarithm of the probability of 0; `log_ratio`, from $k$ to $\log P(k) - \log P(k-1)$;
    `mean` of the distribution; `last`, its largest outcome.
    """

    def goes_on(state):
        k, log_probability, cumulated = state
        # Beyond the mean it stops once nothing is added any more: the rounded sum may never exceed a uniform close to 1.
        adds = (k <= mean) | (cumulated + jnp.exp(log_probability) > cumulated)
        return (cumulated <= uniform) & (k < last) & adds

    def advance(state):
        k, log_probability, cumulated = state
        log_probability = log_probability + log_ratio(k + 1)
        return k + 1, log_probability, cumulated + jnp.exp(log_probability)

    first = jnp.asarray(first, uniform.dtype)
    return jax.lax.while_loop(goes_on, advance, (jnp.zeros_like(uniform), first, jnp.exp(first)))[0]
