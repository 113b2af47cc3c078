import equinox as eqx
import jax

from sgtheory._arrays import Distance, Noise, Spikes
from sgtheory._checks import instance
from sgtheory.escape import AbstractEscape
from sgtheory.rules._backward import AbstractBackward, Detached
from sgtheory.rules._base import AbstractSpikeRule, with_slope
from sgtheory.rules._forward import AbstractForward, Sample


class SpikeRule(AbstractSpikeRule):
    """One forward half and one backward half: which outcome, and which slope it shows to the chain rule.

    **Arguments:** `forward`: `Sample()`, `Threshold()` or `Forced()`; `backward`: any of the slopes of this package;
    `through_reset`, by name: whether the gradient also passes through a neuron's own reset.
    **Raises** `TypeError` for a half of the wrong family.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.rules import SpikeRule, Surrogate, Threshold
    >>> rule = SpikeRule(Threshold(), Surrogate())
    >>> spike, slope = jax.value_and_grad(lambda u: rule(Sigmoid(2.0), u, jnp.array(0.0)))(0.5)
    >>> print(spike, round(float(slope), 4))
    1.0 0.3932
    """

    forward: AbstractForward = eqx.field(default_factory=Sample)
    backward: AbstractBackward = eqx.field(default_factory=Detached)

    def __check_init__(self):
        instance("forward", self.forward, AbstractForward, "Take `Sample()`, `Threshold()` or `Forced()`.")
        instance("backward", self.backward, AbstractBackward, "Take a slope of `sgtheory.rules`, `Surrogate()` say.")

    def __call__(self, escape: AbstractEscape, distance: Distance, noise: Noise) -> Spikes:
        spike = jax.lax.stop_gradient(self.forward.outcome(escape, distance, noise))
        return with_slope(spike, self.backward.slope(escape, distance, spike), distance)
