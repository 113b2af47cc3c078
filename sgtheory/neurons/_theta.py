import equinox as eqx
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import Numbers, positive
from sgtheory.neurons._event import AbstractProjectiveNeuron, EventState, crossings


def _oscillates(value):
    return (value > 0.25) & (value < np.inf)


_DRIVE = Numbers(
    "drive",
    "above 1/4 and finite",
    _oscillates,
    "Below it the neuron rests; take `QIF()` for one that does.",
    single=True,
)


class Theta(AbstractProjectiveNeuron):
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

    def time_to_spike(self, state, number=1) -> Float[Array, "*units"]:
        speed, time_constant = self._angle_scale(state)
        angle = jnp.atan2(speed * state.q, state.p - state.q / 2)
        return time_constant / speed * (angle + jnp.pi * jnp.asarray(number - 1).astype(angle.dtype))

    def receive(self, state, weight) -> EventState:
        return EventState(state.p + weight * state.q, state.q, state.current)

    def spikes_during(self, state, later, duration):
        speed, time_constant = self._angle_scale(state)
        half_turns = jnp.broadcast_to(speed * duration / (jnp.pi * time_constant), later.q.shape)
        return crossings(half_turns, state.p - state.q / 2, later.q)

    def flow_back(self, state, duration, mu, on_current):
        r"""The drive matters by $\frac\mu\tau\int q^2dt$."""
        speed, time_constant = self._angle_scale(state)
        angle = speed * duration / time_constant
        across, along = state.p - state.q / 2, speed * state.q
        twice = jnp.sin(2 * angle) / 4
        area = along**2 * (angle / 2 + twice) - across * along * jnp.sin(angle) ** 2 + across**2 * (angle / 2 - twice)
        return mu, on_current, mu * area / speed**3

    def on_weight(self, state, mu, on_current):
        return mu * state.q**2

    def on_time(self, state, mu, on_current):
        p, q = state.p, state.q
        return mu * (p**2 - p * q + self.drive.astype(p.dtype) * q**2) / self.time_constant.astype(p.dtype)
