import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import positive, whole
from sgtheory.networks import EndState
from sgtheory.neurons import phase_to_line


class ConstantDrive(eqx.Module):
    r"""Pseudospikes of the first type: after the end $T$ of a trial a constant drive makes every neuron spike in turn.

    $\tau\dot V=V(V-1)+I_c$ with $I_c-\frac14=\alpha\ln(1+e^{I_p/\alpha})$ and $I_p=I(T)+\sum_jw_jr_j$, where $r_j=\Phi_j/\Theta_j$
    says how near the sender $j$ is to its own next spike. With $\varrho=\sqrt{I_c-\frac14}$, the period is
    $\Theta=\tau\pi/\varrho$, the time since the last spike $\Phi=\frac\tau\varrho[\arctan\frac{V(T)-1/2}\varrho+\frac\pi2]$, and
    the pseudospike $k$ comes at $T+k\Theta-\Phi$. A spike that crosses the end becomes a pseudospike twice continuously
    differentiably; a pseudospike that it drives has a kink there.

    **Arguments:** `softness` $\alpha$; `time_constant` $\tau$, that of the neurons.
    **Raises** `ValueError` for numbers that are not positive.
    **Source:** Klos & Memmesheimer (2025), as published.

    >>> import jax.numpy as jnp
    >>> end = EndState(phase=jnp.array([0.5, 0.999]), current=jnp.array([0.0, 0.0]))
    >>> for times in ConstantDrive().times(end, duration=4.0, most=2):
    ...     print(*(f"{time:.3f}" for time in times))
    4.668 5.861
    4.001 5.194
    """

    softness: Scalar = eqx.field(converter=positive("softness", single=True), default=10.0)
    time_constant: Scalar = eqx.field(converter=positive("time_constant", single=True), default=1.0)

    def _turn(self, end: EndState, arriving: Float[Array, " units"] | float) -> tuple[jax.Array, jax.Array]:
        """Period, and time since the last spike."""
        softness, time_constant = (each.astype(end.phase.dtype) for each in (self.softness, self.time_constant))
        drive = end.current + arriving
        root = jnp.sqrt(softness * jnp.logaddexp(drive / softness, jnp.zeros_like(drive)))
        p, q = phase_to_line(end.phase)
        return time_constant * jnp.pi / root, time_constant / root * jnp.atan2(root * q, q / 2 - p)

    def readiness(self, end: EndState, arriving: Float[Array, " units"] | float = 0.0) -> Float[Array, " units"]:
        r"""$r=\Phi/\Theta$ of each neuron, from 0 just after a spike to 1 at the next one.

        **Arguments:** `end`, the neurons at the end of the trial; `arriving` $\sum_jw_jr_j$, one number a neuron.
        """
        period, since = self._turn(end, arriving)
        return since / period

    def arriving(self, end: EndState, recurrent: Float[Array, "units units"]) -> Float[Array, " units"]:
        r"""$\sum_jw_{ij}r_j$ in a recurrent network, where the readiness is that of the potentials alone, with $I_p=0$."""
        return recurrent @ self.readiness(EndState(end.phase, jnp.zeros_like(end.current)))

    def times(
        self,
        end: EndState,
        duration: Scalar | float,
        most: int,
        arriving: Float[Array, " units"] | float = 0.0,
    ) -> Float[Array, "units most"]:
        """The first `most` pseudospikes of each neuron, in rising order.

        **Arguments:** `end`, the neurons at the end of the trial; `duration` $T$; `most`, a whole number from 1; `arriving`, as
        `readiness` takes it.
        **Raises** `ValueError` for a number of pseudospikes below 1.
        """
        whole("most", most)
        period, since = self._turn(end, arriving)
        return duration + jnp.arange(1, most + 1, dtype=period.dtype)[None] * period[:, None] - since[:, None]
