"""What a spike rule is, and the one hand-written derivative behind all of them."""

import abc

import equinox as eqx
import jax

from sgtheory._arrays import Distance, Noise, Spikes
from sgtheory.escape import AbstractEscape


class AbstractSpikeRule(eqx.Module):
    """What happens at one decision, forward and backward.

    A network calls its rule with the escape noise of the layer, the distances to threshold and the noise, and takes
    what comes back as the spikes. It knows nothing else of gradient methods, and no rule knows the network.
    """

    @abc.abstractmethod
    def __call__(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        """The spikes, whose derivative with respect to `distance` is the one that this rule stands for.

        Entry by entry; `distance` and `noise` have one shape, which is the shape of the result.
        """


@jax.custom_jvp
def with_slope(value: Spikes, slope: Distance, distance: Distance) -> Spikes:
    """`value`, differentiated as if its derivative with respect to `distance` were `slope`, and no other."""
    del slope, distance
    return value


@with_slope.defjvp
def _with_slope_jvp(primals, tangents):
    # The value goes out through the rule again, so that a second derivative sees the same slope as the first.
    return with_slope(*primals), primals[1] * tangents[2]
