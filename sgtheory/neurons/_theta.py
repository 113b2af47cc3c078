import equinox as eqx
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import Numbers, positive
from sgtheory.neurons._event import AbstractEventNeuron, EventState


def _oscillates(value):
    return (value > 0.25) & (value < np.inf)


_DRIVE = Numbers(
    "drive",
    "above 1/4 and finite",
    _oscillates,
    "Below it the neuron rests; take `QIF()` for one that does.",
    single=True,
)


class Theta(AbstractEventNeuron):
    r"""A theta neuron: a quadratic integrate-and-fire neuron that oscillates by itself, with spikes that arrive as pulses.

    $\tau\dot V=V(V-1)+I_0+\tau\sum_kw_k\delta(t-t_k)$ with $I_0>\frac14$: a spike that arrives raises $V$ by its weight. With
    $r=\sqrt{I_0-\frac14}$ the flow turns the projective line: $(p-\frac q2,\,rq)$ by the angle $rt/\tau$, and a pulse shears it:
    $p\to p+wq$. Between two spikes of its own, if nothing arrives, pass $\tau\pi/r$.

    **Arguments:** `drive` $I_0$; `time_constant` $\tau$, in the unit of all times.
    **Raises** `ValueError` for a drive that is not above 1/4, and a time constant that is not positive.
    **Source:** Klos & Memmesheimer (2025), oscillatory neurons; the projective form is derived.

    >>> import jax.numpy as jnp
    >>> neuron = Theta(drive=1.25, time_constant=6 / jnp.pi)
    >>> state = neuron.after_spike(neuron.start(jnp.zeros(()), jnp.zeros(())))
    >>> print(round(float(neuron.time_to_spike(state)), 4))
    6.0
    >>> later = neuron.receive(neuron.flow(state, jnp.array(2.0)), jnp.array(0.7))
    >>> print(2 + float(neuron.time_to_spike(later)) < 6.0)
    True
    """

    drive: Scalar = eqx.field(converter=_DRIVE, default=1.25)
    time_constant: Scalar = eqx.field(converter=positive("time_constant", single=True), default=1.0)

    @property
    def speed(self) -> Scalar:
        r"""$r=\sqrt{I_0-\frac14}$, the angle that passes in a time constant."""
        return jnp.sqrt(self.drive - 0.25)

    def _angle_scale(self, state: EventState):
        return self.speed.astype(state.p.dtype), self.time_constant.astype(state.p.dtype)

    def start(self, potential, current) -> EventState:
        """The state with this membrane potential; there is no synaptic current that could flow, so `current` stays."""
        return EventState(potential, jnp.ones_like(potential), current)

    def flow(self, state, duration) -> EventState:
        speed, time_constant = self._angle_scale(state)
        angle = speed * duration / time_constant
        across, along = state.p - state.q / 2, speed * state.q
        across, along = (
            jnp.cos(angle) * across + jnp.sin(angle) * along,
            jnp.cos(angle) * along - jnp.sin(angle) * across,
        )
        q = along / speed
        return EventState(across + q / 2, q, state.current)

    def time_to_spike(self, state) -> Float[Array, "*units"]:
        speed, time_constant = self._angle_scale(state)
        return time_constant / speed * jnp.atan2(speed * state.q, state.p - state.q / 2)

    def receive(self, state, weight) -> EventState:
        return EventState(state.p + weight * state.q, state.q, state.current)
