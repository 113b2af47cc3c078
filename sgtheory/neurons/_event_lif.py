import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import positive
from sgtheory.neurons._event import AbstractEventNeuron, EventState


class EventLIF(AbstractEventNeuron):
    r"""A leaky integrate-and-fire neuron in continuous time, solved from event to event: the contrast to `QIF`.

    $\tau\dot V=-V+I$ and $\tau_s\dot I=-I$ with $\tau_s=\tau/2$; an input raises $I$ by its weight, and at the threshold
    $\vartheta$ the neuron spikes and $V$ goes to 0. With $x=e^{-t/\tau}$, $V=V_0x+I_0(x-x^2)$, so that the next spike is at
    $x=[V_0+I_0+\sqrt{(V_0+I_0)^2-4I_0\vartheta}]/(2I_0)$. Where the potential only grazes the threshold this root vanishes at
    once, and the derivative of the spike time diverges before.

    **Arguments:** `threshold` $\vartheta$, in the unit of the potential; `time_constant` $\tau$, in the unit of all times.
    **Raises** `ValueError` for numbers that are not positive.
    **Source:** Klos & Memmesheimer (2025), Fig. 1; Göltz et al. (2021) for neurons at rest.

    >>> import jax.numpy as jnp
    >>> neuron = EventLIF()
    >>> states = (neuron.start(jnp.zeros(()), jnp.array(4.0 * ratio)) for ratio in (0.95, 1.15, 1.4))
    >>> print(*(f"{0.5 + float(neuron.time_to_spike(state)):.4f}" for state in states))
    inf 0.8848 0.7649
    """

    threshold: Scalar = eqx.field(converter=positive("threshold", single=True), default=1.0)
    time_constant: Scalar = eqx.field(converter=positive("time_constant", single=True), default=1.0)

    def start(self, potential, current) -> EventState:
        return EventState(potential, jnp.ones_like(potential), current)

    def flow(self, state, duration) -> EventState:
        left = jnp.exp(-duration / self.time_constant)
        potential = state.potential * left + state.current * (left - left**2)
        return EventState(potential, jnp.ones_like(potential), state.current * left**2)

    def time_to_spike(self, state) -> Float[Array, "*units"]:
        left = decay_to_crossing(state.potential, state.current, self.threshold.astype(state.p.dtype))
        rises = left > 0
        return jnp.where(rises, -self.time_constant.astype(left.dtype) * jnp.log(jnp.where(rises, left, 0.5)), jnp.inf)

    def receive(self, state, weight) -> EventState:
        return EventState(state.p, state.q, state.current + weight)

    def after_spike(self, state) -> EventState:
        """The state just after a spike of its own, $V=0$; the current flows on."""
        return EventState(jnp.zeros_like(state.p), jnp.ones_like(state.q), state.current)


def decay_to_crossing(
    potential: Float[Array, "..."], current: Float[Array, "..."], threshold: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$x=e^{-t/\tau}$ at the next crossing of the threshold $\vartheta$ by an `EventLIF`, in (0, 1]; 0 where there is none.

    $x=[V+I+\sqrt{(V+I)^2-4I\vartheta}]/(2I)$. The potential rises to the threshold only if it lies below, and the current
    drives it there.

    >>> import jax.numpy as jnp
    >>> print(decay_to_crossing(jnp.zeros(2), jnp.array([3.9, 4.0]), jnp.ones(())))
    [0.  0.5]
    """
    both = potential + current
    square = both**2 - 4 * current * threshold
    rises = (square >= 0) & (both > 0) & (current > potential) & (current > 0) & (potential <= threshold)
    safe = jnp.where(rises & (square > 0), square, 1.0)
    root = jnp.where(square > 0, jnp.sqrt(safe), 0.0)
    return jnp.where(rises, (both + root) / (2 * jnp.where(rises, current, 1.0)), 0.0)
