"""What a spike rule is, and the one hand-written derivative behind all of them."""

import abc
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Distance, Noise, Spikes
from sgtheory.escape import AbstractEscape


class AbstractSpikeRule(eqx.Module):
    """What happens at one decision, forward and backward.

    A network calls its rule with the escape noise of the layer, the distances to threshold and the noise, and takes
    what comes back as the spikes. It knows nothing else of gradient methods, and no rule knows the network.

    **Arguments:** `through_reset`, by name: whether the gradient also passes through the spike that resets a neuron's
    own membrane potential, or is cut off there. Networks without a reset do not ask.
    """

    through_reset: bool = eqx.field(default=True, static=True, kw_only=True)

    @abc.abstractmethod
    def __call__(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        """The spikes, whose derivative with respect to `distance` is the one that this rule stands for.

        Entry by entry; `distance` and `noise` have one shape, which is the shape of the result.
        """

    @final
    def for_reset(self, spike: Spikes) -> Spikes:
        """The same spikes as a neuron with a reset applies them to itself, with or without their gradient."""
        return spike if self.through_reset else jax.lax.stop_gradient(spike)


@jax.custom_jvp
def with_slope(value: Spikes, slope: Distance, distance: Distance) -> Spikes:
    r"""`value`, differentiated as if its derivative with respect to `distance` were `slope`, and no other.

    $\partial\,\text{value}/\partial\,\text{distance} := \text{slope}$. All three have one shape. Every surrogate gradient
    is this one line; a rule of one's own is a `value` and a `slope` passed through it. A second derivative sees the same
    slope again.

    **Source:** Gygax & Zenke (2025), Eq. 3.

    >>> import jax, jax.numpy as jnp
    >>> spike = lambda u: with_slope(jnp.where(u > 0, 1.0, 0.0), 1 / (1 + jnp.abs(u)) ** 2, u)
    >>> print(*jax.value_and_grad(spike)(1.0))
    1.0 0.25
    """
    del slope
    # The value whatever the distance, but not the bare argument: `jax.vmap` of a scan, as of JAX 0.10, loses track of
    # which axes a custom derivative has when its result is one of its arguments. The compiler takes the choice out.
    return jnp.where(distance > 0, value, value)


@with_slope.defjvp
def _with_slope_jvp(primals, tangents):
    # The value goes out through the rule again, so that a second derivative sees the same slope as the first.
    return with_slope(*primals), primals[1] * tangents[2]
