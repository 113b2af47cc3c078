import abc
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Int, Scalar


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


class AbstractProjectiveNeuron(AbstractEventNeuron):
    r"""An event-driven neuron whose flow is linear on the projective line, with what its adjoint needs.

    The adjoint of a state is $\mu=\partial L/\partial V\,/q^2$, in the scale of that state, and $\lambda=\partial L/\partial
    I$. A flow of determinant $\delta$ takes $\mu$ back to $\delta\mu$; scaling a state by $c$ takes $\mu$ to $c^2\mu$ before.
    """

    if TYPE_CHECKING:

        @property
        def time_constant(self) -> Scalar:
            r"""$\tau$, in the unit of all times: where $V$ is large, $\tau\dot V=V^2$."""
            ...
    else:
        time_constant: eqx.AbstractVar[Scalar]

    @abc.abstractmethod
    def spikes_during(
        self, state: EventState, later: EventState, duration: Float[Array, "..."]
    ) -> Int[Array, "*units"]:
        """How many spikes there are in a flow, which leads from `state` to `later`, not scaled."""

    @abc.abstractmethod
    def time_to_spike(self, state: EventState, number: Int[Array, "*units"] | int = 1) -> Float[Array, "*units"]:
        """How long until the next spike, or the next but one …, if nothing arrives meanwhile; infinite if there is none."""

    @abc.abstractmethod
    def flow_back(
        self,
        state: EventState,
        duration: Float[Array, "..."],
        mu: Float[Array, "*units"],
        on_current: Float[Array, "*units"],
    ) -> tuple[Float[Array, "*units"], Float[Array, "*units"], Float[Array, "*units"]]:
        r"""The adjoint $\mu,\lambda$ at the start of a flow from that at its end, and what the neuron's drive matters in it."""

    @abc.abstractmethod
    def on_weight(
        self, state: EventState, mu: Float[Array, "*units"], on_current: Float[Array, "*units"]
    ) -> Float[Array, "*units"]:
        """What the weight of a spike that arrives matters; `state` is that before or after it."""

    @abc.abstractmethod
    def on_time(
        self, state: EventState, mu: Float[Array, "*units"], on_current: Float[Array, "*units"]
    ) -> Float[Array, "*units"]:
        r"""What it matters to flow a moment longer, $\lambda_V\dot V+\lambda_I\dot I$."""


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


def crossings(half_turns: Float[Array, "..."], p: Float[Array, "..."], q: Float[Array, "..."]) -> Int[Array, "..."]:
    """How often $q$ has crossed zero in so many half turns: once more than there are whole ones if its sign says so.

    **Arguments:** `p` at the start, where $q$ is not negative; `q` at the end. The sign has the last word: where rounding makes
    a turn whole that is not quite, it is taken back.

    >>> import jax.numpy as jnp
    >>> print(crossings(jnp.array([0.2, 0.2, 1.2, 1.0]), jnp.array([1.0, 1.0, -1.0, -1.0]), jnp.array([0.3, -0.3, -0.3, 1e-17])))
    [0 1 1 0]
    """
    whole = jnp.floor(half_turns).astype(int)
    differs = jnp.where(whole % 2 == 1, -q, q) < 0
    taken_back = (p < 0) & (half_turns - whole.astype(half_turns.dtype) < 0.5) & (whole > 0)
    return whole + jnp.where(differs, jnp.where(taken_back, -1, 1), 0)
