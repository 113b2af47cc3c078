import abc

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float


class EventState(eqx.Module):
    r"""The state of neurons between two events, on the projective line: the membrane potential is $V=p/q$.

    A spike is $q$ crossing zero, and the reset from $+\infty$ to $-\infty$ is no jump: both are the same point. `current`
    is the synaptic current. All arrays have the shape of the layer; $q\geq0$, and $(p,q)$ may be scaled by any number.
    """

    p: Float[Array, "*units"]
    q: Float[Array, "*units"]
    current: Float[Array, "*units"]

    @property
    def potential(self) -> Float[Array, "*units"]:
        r"""Membrane potential $V=p/q$; $\pm\infty$ at a spike."""
        return self.p / self.q

    @property
    def phase(self) -> Float[Array, "*units"]:
        r"""Phase $\varphi=\arctan(V/\pi)/\pi+\frac12$, from 0 just after a spike to 1 at the next one."""
        return jnp.atan2(jnp.pi * self.q, -self.p) / jnp.pi


class AbstractEventNeuron(eqx.Module):
    """A neuron that is solved from event to event: how it flows, when it fires, what a spike does to it."""

    @abc.abstractmethod
    def start(self, potential: Float[Array, "*units"], current: Float[Array, "*units"]) -> EventState:
        """The state with this membrane potential and current."""

    @abc.abstractmethod
    def flow(self, state: EventState, duration: Float[Array, "..."]) -> EventState:
        """The state so much later, if nothing arrives meanwhile."""

    @abc.abstractmethod
    def time_to_spike(self, state: EventState) -> Float[Array, "*units"]:
        """How long until the next spike, if nothing arrives meanwhile; infinite if there is none."""

    @abc.abstractmethod
    def receive(self, state: EventState, weight: Float[Array, "*units"]) -> EventState:
        """The state after a spike has arrived through a synapse of this weight."""

    def after_spike(self, state: EventState) -> EventState:
        r"""The state just after a spike of its own, $V=-\infty$."""
        return EventState(-jnp.ones_like(state.p), jnp.zeros_like(state.q), state.current)


def phase_to_line(phase: Float[Array, "*units"]) -> tuple[Float[Array, "*units"], Float[Array, "*units"]]:
    r"""A point $(p,q)$ of the projective line with this phase: $p=-\pi\cos\pi\varphi$, $q=\sin\pi\varphi$.

    >>> import jax.numpy as jnp
    >>> p, q = phase_to_line(jnp.array(0.5))
    >>> print(abs(round(float(p / q), 6)))
    0.0
    """
    return -jnp.pi * jnp.cos(jnp.pi * phase), jnp.sin(jnp.pi * phase)


def normalised(p: Float[Array, "*units"], q: Float[Array, "*units"]) -> tuple[jax.Array, jax.Array, jax.Array]:
    """A point of the projective line scaled to |p| + q = 1, and the scale: the product of many flows never overflows."""
    scale = 1 / (jnp.abs(p) + q)
    return scale * p, scale * q, scale
