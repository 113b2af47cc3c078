import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import positive, whole
from sgtheory.networks import EndState


class ContinuedPhase(eqx.Module):
    r"""Pseudospikes of the second type, a reconstructed law: after the end of its trial the phase of a neuron just goes on.

    A layer runs until $T_l$, and then for $\tau/d$ by $\tau\dot\varphi=\varphi^{1-d}$, until $T_{l+1}=T_l+\tau/d$. One *active*
    pseudospike of each neuron, at $T_l+\frac\tau d(1-\varphi^d)$, acts on the next layer like any spike; later ones are
    *inactive*, at $T_{l+1}+\frac\tau d(1-\varphi)^d$ and then $T_{l+1}+\frac\tau d+(k-2)\tau+\tau(1-\varphi)$, with
    $\varphi=\varphi(T_l)$. Where a spike crosses $T_l$ the times and slopes of this layer are continuous; those of the
    next one, which receives the active pseudospikes, for $d>1$ alone, and smooth enough for $d\geq2$: between 1 and 2 they
    bend at an infinite rate, and for $d=1$ they jump.

    **Arguments:** `exponent` $d$; `time_constant` $\tau$, that of the neurons.
    **Raises** `ValueError` for numbers that are not positive.
    **Source:** reconstructed: it satisfies every property that Klos & Memmesheimer (2025) state, whose formula was not at hand.

    >>> import jax.numpy as jnp
    >>> end = EndState(phase=jnp.array([0.5]), current=jnp.array([0.0]))
    >>> law = ContinuedPhase(exponent=2.0)
    >>> print(jnp.round(law.active(end, duration=8.0), 3), jnp.round(law.inactive(end, duration=8.0, most=2), 3))
    [8.375] [[8.625 9.5  ]]
    """

    exponent: Scalar = eqx.field(converter=positive("exponent", single=True), default=2.0)
    time_constant: Scalar = eqx.field(converter=positive("time_constant", single=True), default=1.0)

    def _scales(self, end: EndState):
        return (each.astype(end.phase.dtype) for each in (self.exponent, self.time_constant))

    def next_duration(self, duration: Scalar | float) -> Scalar:
        r"""$T_{l+1}=T_l+\tau/d$, until which the next layer runs ordinarily."""
        return duration + self.time_constant / self.exponent

    def active(self, end: EndState, duration: Scalar | float) -> Float[Array, " units"]:
        """The time of the pseudospike of each neuron that acts on the next layer; `duration` is that of this layer."""
        exponent, time_constant = self._scales(end)
        return duration + time_constant / exponent * (1 - end.phase**exponent)

    def inactive(self, end: EndState, duration: Scalar | float, most: int) -> Float[Array, "units most"]:
        """The first `most` later pseudospikes of each neuron, in rising order.

        **Raises** `ValueError` for a number of pseudospikes below 1.
        """
        whole("most", most)
        exponent, time_constant = self._scales(end)
        left, turn = (1 - end.phase)[:, None], time_constant / exponent
        later = turn + time_constant * (jnp.arange(most - 1, dtype=left.dtype)[None] + left)
        return duration + turn + jnp.concatenate([turn * left**exponent, later], axis=1)

    def times(self, end: EndState, duration: Scalar | float, most: int) -> Float[Array, "units most"]:
        """The first `most` pseudospikes of each neuron, the active one first.

        **Raises** `ValueError` for a number of pseudospikes below 1.
        """
        whole("most", most)
        active = self.active(end, duration)[:, None]
        return active if most == 1 else jnp.concatenate([active, self.inactive(end, duration, most - 1)], axis=1)
