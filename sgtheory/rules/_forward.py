"""The forward half of a spike rule: which outcome a decision has."""

import abc

import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Noise, Spikes
from sgtheory.escape import AbstractEscape


class AbstractForward(eqx.Module):
    """The outcome of a decision."""

    @abc.abstractmethod
    def outcome(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        """0 or 1, entry by entry, in the dtype of `distance`."""


class Sample(AbstractForward):
    r"""A draw, $y = 1[\omega < p(u)]$, with the uniform $\omega\in[0,1)$ given as the noise.

    The same uniform at two distances couples the two draws: the outcome can only rise with the probability. Uniforms
    of 32 bits are multiples of $2^{-23}$: rarer spikes than that need uniforms of 64 bits, or `uniforms(..., fine=True)`.
    **Source:** Gygax & Zenke (2025), Eq. 4.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(Sample().outcome(Sigmoid(2.0), jnp.array([0.5, 0.5]), jnp.array([0.7, 0.8])))
    [1. 0.]
    """

    def outcome(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        probability = escape.probability(distance)
        # Half-precision distances meet uniforms of 32 bits or more, which must not be rounded to them.
        wide = max(probability.dtype, noise.dtype, key=lambda dtype: jnp.finfo(dtype).bits)
        return (noise.astype(wide) < probability.astype(wide)).astype(distance.dtype)


class Threshold(AbstractForward):
    r"""The noiseless unit, $y = \Theta(u)$, strict: $\Theta(0) = 0$. The noise is not used.

    For an escape function with $p(0) = ½$ this is the draw whose uniform is ½.
    **Source:** Gygax & Zenke (2025), Eq. 2.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(Threshold().outcome(Sigmoid(2.0), jnp.array([-0.1, 0.0, 0.1]), jnp.zeros(3)))
    [0. 0. 1.]
    """

    def outcome(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        del escape, noise
        return (distance > 0).astype(distance.dtype)


class Forced(AbstractForward):
    """A given outcome: the noise, 0 or 1, is the spike. For enumerating all spike patterns.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(Forced().outcome(Sigmoid(2.0), jnp.array([0.5, 0.5]), jnp.array([0.0, 1.0])))
    [0. 1.]
    """

    def outcome(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        del escape
        return noise.astype(distance.dtype)
