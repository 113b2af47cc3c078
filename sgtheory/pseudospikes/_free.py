import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import instance, whole
from sgtheory.networks import EndState
from sgtheory.neurons import EventState, Theta, phase_to_line


class FreeRun(eqx.Module):
    r"""Pseudospikes of theta neurons: after the end of a trial each neuron just goes on turning, and nothing arrives.

    With $r=\sqrt{I_0-\frac14}$ the period is $\Theta=\tau\pi/r$, and the time since the last spike
    $\Phi=\frac\tau r[\arctan\frac{V-1/2}r+\frac\pi2]$, where $V=V(T)+\sum_jw_jr_j$: a sender that is as near to its own next spike
    as $r_j=\Phi_j/\Theta_j$ says has already done that part of its pulse. The pseudospike $k$ comes at $T+k\Theta-\Phi$. So a
    spike of a sender that crosses the end changes no time by a jump: just before it $r_j=1$, just after it a whole pulse has
    arrived.

    **Arguments:** `neuron`, the `Theta` that the network is made of.
    **Source:** the first type of Klos & Memmesheimer (2025), carried over from currents to pulses (derived).

    >>> import jax.numpy as jnp
    >>> end = EndState(phase=jnp.array([0.5, 0.999]), current=jnp.array([0.0, 0.0]))
    >>> for times in FreeRun(Theta(drive=1.25)).times(end, duration=2.0, most=2):
    ...     print(*(f"{time:.3f}" for time in times))
    4.034 7.176
    2.001 5.143
    """

    neuron: Theta

    def __check_init__(self):
        instance("neuron", self.neuron, Theta, "Take `ConstantDrive()` for neurons with currents.")

    def _state(self, end: EndState, arriving: Float[Array, " units"] | float) -> EventState:
        p, q = phase_to_line(end.phase)
        return EventState(p + arriving * q, q, end.current)

    def _period(self, end: EndState) -> Scalar:
        return (jnp.pi * self.neuron.time_constant / self.neuron.speed).astype(end.phase.dtype)

    def readiness(self, end: EndState, arriving: Float[Array, " units"] | float = 0.0) -> Float[Array, " units"]:
        r"""$r=\Phi/\Theta$ of each neuron, from 0 just after a spike to 1 at the next one.

        **Arguments:** `end`, the neurons at the end of the trial; `arriving` $\sum_jw_jr_j$, one number a neuron.
        """
        return 1 - self.neuron.time_to_spike(self._state(end, arriving)) / self._period(end)

    def times(
        self, end: EndState, duration: Scalar | float, most: int, arriving: Float[Array, " units"] | float = 0.0
    ) -> Float[Array, "units most"]:
        """The first `most` pseudospikes of each neuron, in rising order.

        **Arguments:** `end`, the neurons at the end of the trial; `duration` $T$; `most`, a whole number from 1; `arriving`, as
        `readiness` takes it.
        **Raises** `ValueError` for a number of pseudospikes below 1.
        """
        whole("most", most)
        period = self._period(end)
        first = duration + self.neuron.time_to_spike(self._state(end, arriving))
        return first[:, None] + jnp.arange(most, dtype=first.dtype)[None] * period
