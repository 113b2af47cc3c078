import math

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import positive
from sgtheory.neurons._event import AbstractProjectiveNeuron, EventState, crossings

_NEAR = 0.5  # the series below holds to all digits up to here
_TERMS = 9


class QIF(AbstractProjectiveNeuron):
    r"""A quadratic integrate-and-fire neuron with an exponential synapse, solved exactly from event to event.

    $\tau\dot V=V(V-1)+I$ and $\tau_s\dot I=-I$ with $\tau_s=\tau/2$; an input raises $I$ by its weight, and at a spike $V$
    goes from $+\infty$ to $-\infty$. With $s=1-e^{-t/\tau}$, $C=\cos\sqrt{I_0}s$ and $S=\sin(\sqrt{I_0}s)/\sqrt{I_0}$, both
    entire in $I_0$, the flow is linear on the projective line: $(p,q)\to(e^{-t/\tau}(Cp+I_0Sq),\,Cq-Sp)$. The next spike is
    the smallest positive root of $Cq=Sp$. Values and derivatives are finite everywhere, at $V=\pm\infty$ and $I=0$ too.

    **Arguments:** `time_constant` $\tau$, in the unit of all times.
    **Raises** `ValueError` for a time constant that is not positive.
    **Source:** Klos & Memmesheimer (2025), Eq. 1–5; the projective form is derived.

    >>> import jax, jax.numpy as jnp
    >>> neuron = QIF()
    >>> state = neuron.start(jnp.array(0.0), jnp.array(1.15 * jnp.pi**2 / 4))
    >>> print(round(0.5 + float(neuron.time_to_spike(state)), 4))
    3.1957
    >>> slope = jax.grad(lambda weight: neuron.time_to_spike(neuron.receive(neuron.start(0.0 * weight, 0.0 * weight), weight)))
    >>> print(round(float(slope(jnp.array(1.15 * jnp.pi**2 / 4))), 4))
    -2.4345
    """

    time_constant: Scalar = eqx.field(converter=positive("time_constant", single=True), default=1.0)

    def start(self, potential, current) -> EventState:
        return EventState(potential, jnp.ones_like(potential), current)

    def flow(self, state, duration) -> EventState:
        elapsed = -jnp.expm1(-duration / self.time_constant)
        return EventState(*flow_on_line(state.p, state.q, state.current, elapsed))

    def time_to_spike(self, state, number=1) -> Float[Array, "*units"]:
        crossing = crossing_of(state.p, state.q, state.current)
        if not (isinstance(number, int) and number == 1):
            turns = jnp.asarray(number - 1).astype(crossing.dtype)
            again = turns * jnp.pi / jnp.sqrt(jnp.where(state.current > 0, state.current, 1.0))
            crossing = crossing + jnp.where(turns == 0, 0.0, jnp.where(state.current > 0, again, jnp.inf))
        fires = crossing < 1
        return jnp.where(fires, -self.time_constant * jnp.log1p(-jnp.where(fires, crossing, 0.0)), jnp.inf)

    def receive(self, state, weight) -> EventState:
        return EventState(state.p, state.q, state.current + weight)

    def spikes_during(self, state, later, duration):
        elapsed = -jnp.expm1(-duration / self.time_constant)
        return crossings(jnp.sqrt(jnp.maximum(state.current, 0.0)) * elapsed / jnp.pi, state.p, later.q)

    def flow_back(self, state, duration, mu, on_current):
        elapsed = -jnp.expm1(-duration / self.time_constant)
        keeps = 1 - elapsed
        on_current = keeps**2 * on_current + keeps * mu * sine_area(state.p, state.q, state.current, elapsed)
        return keeps * mu, on_current, jnp.zeros_like(mu)

    def on_weight(self, state, mu, on_current):
        return on_current

    def on_time(self, state, mu, on_current):
        p, q = state.p, state.q
        return (mu * (p**2 - p * q + state.current * q**2) - 2 * on_current * state.current) / self.time_constant


@jax.custom_jvp
def circular(current: Float[Array, "..."], elapsed: Float[Array, "..."]) -> tuple[jax.Array, jax.Array]:
    r"""$C=\cos\sqrt Is$ and $S=\sin(\sqrt Is)/\sqrt I$, entire in $I$: hyperbolic for $I<0$, and 1 and $s$ for $I=0$.

    $\partial_sC=-IS$, $\partial_sS=C$, $\partial_IC=-sS/2$, $\partial_IS=(sC-S)/(2I)$.

    >>> import jax.numpy as jnp
    >>> cosine, sine = circular(jnp.array([-4.0, 0.0, 4.0]), jnp.array(0.5))
    >>> print(jnp.round(cosine**2 + jnp.array([-4.0, 0.0, 4.0]) * sine**2, 6))
    [1. 1. 1.]
    """
    root = jnp.sqrt(jnp.abs(current))
    angle = root * elapsed
    still = angle == 0
    divisor = jnp.where(still, 1.0, root)
    grown = jnp.expm1(jnp.where(current < 0, angle, 0.0))
    falling = grown / (grown + 1)
    cosine = jnp.where(current < 0, 1 + (grown - falling) / 2, jnp.cos(angle))
    sine = jnp.where(current < 0, (grown + falling) / 2, jnp.sin(angle)) / divisor
    return cosine, jnp.where(still, elapsed, sine)


@circular.defjvp
def _(primals, tangents):
    (current, elapsed), (d_current, d_elapsed) = primals, tangents
    cosine, sine = circular(current, elapsed)
    return (cosine, sine), (
        -elapsed * sine / 2 * d_current - current * sine * d_elapsed,
        sine_slope(current, elapsed, cosine, sine) * d_current + cosine * d_elapsed,
    )


def sine_slope(current, elapsed, cosine, sine) -> jax.Array:
    r"""$\partial_IS=(sC-S)/(2I)$, by its series $-s^3\sum_k\frac{k}{(2k+1)!}(-Is^2)^{k-1}$ near $I=0$."""
    square = current * elapsed**2
    near = jnp.abs(square) < _NEAR
    series = _series(jnp.where(near, square, 0.0), [-k / math.factorial(2 * k + 1) for k in range(1, _TERMS + 1)])
    far = (elapsed * cosine - sine) / (2 * jnp.where(near, 1.0, current))
    return jnp.where(near, elapsed**3 * series, far)


def _series(square, coefficients) -> jax.Array:
    r"""$\sum_ka_k(-z)^k$."""
    total = jnp.full_like(square, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient - square * total
    return total


def flow_on_line(
    p: Float[Array, "..."], q: Float[Array, "..."], current: Float[Array, "..."], elapsed: Float[Array, "..."]
) -> tuple[jax.Array, jax.Array, jax.Array]:
    r"""The flow of `QIF` over $s=1-e^{-t/\tau}$, `elapsed`: the point of the projective line and the current, not scaled."""
    cosine, sine = circular(current, elapsed)
    keeps = 1 - elapsed
    return keeps * (cosine * p + current * sine * q), cosine * q - sine * p, keeps**2 * current


@jax.custom_jvp
def crossing_of(p: Float[Array, "..."], q: Float[Array, "..."], current: Float[Array, "..."]) -> jax.Array:
    r"""The smallest positive root $s^*$ of $Cq=Sp$, infinite where there is none; it is a spike if $s^*<1$.

    $s^*=\text{atan2}(\sqrt Iq,p)/\sqrt I$ for $I>0$, $q/p$ for $I=0$, $\text{artanh}(\sqrt{-I}q/p)/\sqrt{-I}$ for $I<0$.

    >>> import jax.numpy as jnp
    >>> print(crossing_of(jnp.array([1.0, -1.0]), jnp.array([0.5, 0.5]), jnp.zeros(2)))
    [0.5 inf]
    """
    root = jnp.sqrt(jnp.abs(current))
    still = root == 0
    upward = p > jnp.where(current > 0, 0.0, root * q)  # where the root is that of the artanh, or the ratio
    safe_p = jnp.where(upward, p, 1.0)
    divisor = jnp.where(still, 1.0, root)
    ratio = jnp.where(upward, root * q / safe_p, 0.0)
    turning = jnp.atan2(divisor * q, p) / divisor
    ratio = jnp.where(current < 0, ratio, 0.0)
    approaching = jnp.where(still, q / safe_p, jnp.log1p(2 * ratio / (1 - ratio)) / (2 * divisor))
    return jnp.where(current > 0, turning, jnp.where(upward, approaching, jnp.inf))


@crossing_of.defjvp
def _(primals, tangents):
    (p, q, current), (d_p, d_q, d_current) = primals, tangents
    crossing = crossing_of(p, q, current)
    fires = crossing < 1  # any later root is no spike
    elapsed = jnp.where(fires, crossing, 0.0)
    cosine, sine = circular(current, elapsed)
    speed = jnp.where(fires, cosine * p + current * sine * q, 1.0)
    along = -elapsed * sine / 2 * q - sine_slope(current, elapsed, cosine, sine) * p
    moved = (cosine * d_q - sine * d_p + along * d_current) / speed
    return crossing, jnp.where(fires, moved, 0.0)


def sine_area(p, q, current, elapsed) -> jax.Array:
    r"""What the current does to a point of the projective line during a flow, $q'\partial_Ip'-p'\partial_Iq'$ less a factor.

    $G=\frac{s-CS}{2I}p^2-S^2pq+\frac{s+CS}2q^2$ with $C$, $S$ at $s$: the factor is $1-s$. The first term by its series near
    $I=0$, $s^3\sum_k\frac{4^k}{2(2k+1)!}(-Is^2)^{k-1}$.
    """
    cosine, sine = circular(current, elapsed)
    square = current * elapsed**2
    near = jnp.abs(square) < _NEAR
    terms = [4**k / (2 * math.factorial(2 * k + 1)) for k in range(1, _TERMS + 3)]
    series = elapsed**3 * _series(jnp.where(near, square, 0.0), terms)
    first = jnp.where(near, series, (elapsed - cosine * sine) / (2 * jnp.where(near, 1.0, current)))
    return first * p**2 - sine**2 * p * q + (elapsed + cosine * sine) / 2 * q**2
