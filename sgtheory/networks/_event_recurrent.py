import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from sgtheory._checks import instance
from sgtheory.networks._event_base import RUNAWAY, AbstractRecurrentEventNetwork
from sgtheory.networks._event_log import EndState
from sgtheory.neurons import QIF, EventState, crossing_of, flow_on_line, normalised, sine_area


class RecurrentEventNetwork(AbstractRecurrentEventNetwork):
    r"""Recurrently connected QIF neurons, solved exactly from event to event, with their exact gradient.

    Between two events every neuron flows in closed form; the next event is the earliest of the next input spike and the
    next spike of any neuron, and raises the currents of those that it reaches. Spike times are smooth functions of all
    weights, input times and initial values as long as they lie in the trial, and appear and vanish only at its end.

    The gradient is that of the adjoint, back through the log of events: with $\mu=\partial L/\partial V\,/q^2$ and
    $\lambda=\partial L/\partial I$, a flow over $s$ takes $\mu\to(1-s)\mu$ and $\lambda\to(1-s)^2\lambda+(1-s)\mu G$, an event
    adds $\lambda$ to the gradient of its weights, and a spike takes $\mu_n\to\mu_n-\tau\,(\partial L/\partial t+\sum_m
    \frac{w_m}\tau(2\lambda_m-\mu_mq_m^2))$. Nothing is divided by $\dot V$. The memory is one state an event.

    **Arguments:** `neuron`, a `QIF`; `duration` $T$ of a trial, in the unit of its time constant; `events`, the length of the
    log, input spikes included. With `throw` a run whose log is full ends in an error; without, `log.result` tells.
    **Raises** `ValueError` for a duration that is not positive, and a length that is no whole number from 1.
    **Source:** Klos & Memmesheimer (2025); the adjoint is derived.

    >>> import jax.numpy as jnp
    >>> from sgtheory.networks import EventParameters, InputSpikes
    >>> network = RecurrentEventNetwork(duration=4.0, events=8)
    >>> weights = EventParameters(inputs=[[3.7]])
    >>> log = network.run(weights, InputSpikes([0.5], [0]), ()).output
    >>> print(int(log.count), jnp.round(log.spike_times(0, most=2), 4))
    2 [2.1962    inf]
    """

    continuous = True
    neuron: QIF = eqx.field(default_factory=QIF)

    def check_neuron(self) -> None:
        instance("neuron", self.neuron, QIF, "Take `QIF()`.")

    def solve(self, values, arriving, duration):
        trial = duration, self.neuron.time_constant.astype(duration.dtype)
        found: Any = _solved(values, arriving, trial, self.events)
        times, phase, current, units, count = found
        return times, EndState(phase, current), units, count


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _solved(parameters, arriving, trial, events):
    """Times, phases and currents at the end, units, and the number of events."""
    return _forward(parameters, arriving, trial, events)[0]


class _Loop(eqx.Module):
    """What the loop over events carries; `states` are p, q and current just after each event."""

    p: jax.Array
    q: jax.Array
    current: jax.Array
    time: jax.Array
    arrived: jax.Array
    count: jax.Array
    done: jax.Array
    times: jax.Array
    kinds: jax.Array
    states: jax.Array


def _rows(parameters):
    """What an event adds to the currents, one row each: of the units' own spikes, then of the input channels'."""
    inputs, recurrent, *_ = parameters
    return jnp.concatenate([recurrent.T, inputs.T])


def _forward(parameters, arriving, trial, events):
    times, channels = arriving
    duration, time_constant = trial
    *_, potential, current = parameters
    rows, units = _rows(parameters), potential.size
    # The kind of an event is its row. After the last input spike nothing arrives any more.
    times, kinds = jnp.append(times, jnp.inf), jnp.append(units + channels, 0)

    def going(loop):
        return ~loop.done & (loop.count < RUNAWAY * events)

    def step(loop):
        crossings = crossing_of(loop.p, loop.q, loop.current)
        first = jnp.argmin(crossings)
        until_input, until_end = times[loop.arrived] - loop.time, duration - loop.time
        until = jnp.minimum(until_input, until_end)
        limit = -jnp.expm1(-until / time_constant)
        fires = crossings[first] <= limit
        ends = ~fires & (until_end < until_input)
        arrives = ~fires & ~ends
        elapsed = jnp.where(fires, crossings[first], limit)
        until = jnp.where(fires, -time_constant * jnp.log1p(-jnp.where(fires, elapsed, 0.0)), until)
        p, q, current = flow_on_line(loop.p, loop.q, loop.current, elapsed)
        p, q, _ = normalised(
            p, jnp.maximum(q, 0.0)
        )  # rounding must not lose the spike of a neuron that spikes at the same time
        own = fires & (jnp.arange(units) == first)
        p, q = jnp.where(own, -1.0, p), jnp.where(own, 0.0, q)
        kind = jnp.where(fires, first, kinds[loop.arrived])
        current = current + jnp.where(ends, 0.0, rows[kind])
        slot = jnp.where(ends, events, loop.count)  # what does not fit, and the end, are dropped
        time = loop.time + until
        return _Loop(
            p, q, current, time, loop.arrived + jnp.where(arrives, 1, 0), loop.count + jnp.where(ends, 0, 1), ends,
            loop.times.at[slot].set(time, mode="drop"), loop.kinds.at[slot].set(kind, mode="drop"),
            loop.states.at[slot].set(jnp.stack([p, q, current]), mode="drop"),
        )  # fmt: skip

    p, q, _ = normalised(potential, jnp.ones_like(potential))
    none, dtype = jnp.zeros((), int), p.dtype
    loop = lax.while_loop(
        going, step,
        _Loop(
            p, q, current, jnp.zeros((), dtype), none, none, jnp.zeros((), bool), jnp.full(events, jnp.inf, dtype),
            jnp.full(events, -1), jnp.zeros((events, 3, units), dtype),
        ),
    )  # fmt: skip
    phase = EventState(loop.p, loop.q, loop.current).phase
    found = loop.times, phase, loop.current, jnp.where(loop.kinds < units, loop.kinds, -1), loop.count
    return found, (loop, jnp.stack([p, q, current]))


def _forward_rule(parameters, arriving, trial, events):
    found, (loop, start) = _forward(parameters, arriving, trial, events)
    return found, (loop, start, parameters, arriving, trial)


def _backward_rule(events, kept, cotangents):
    loop, start, parameters, (input_times, _), (duration, time_constant) = kept
    on_times, on_phase, on_current, *_ = cotangents
    rows, units = _rows(parameters), start.shape[1]

    def led_by(index):
        """The state and the time from which a flow leads to this event."""
        last = jnp.maximum(index - 1, 0)
        return jnp.where(index == 0, start, loop.states[last]), jnp.where(index == 0, 0.0, loop.times[last])

    def flow_back(state, elapsed, mu, on_current):
        """From what the state at the end of a flow matters to what that at its start does, both in its scale."""
        p, q, current = state
        keeps = 1 - elapsed
        return keeps * mu, keeps**2 * on_current + keeps * mu * sine_area(p, q, current, elapsed)

    def flow_to(index, time):
        """The flow that leads to an event: its start, its length, where it ends, and the scale that is taken there."""
        state, since = led_by(index)
        elapsed = -jnp.expm1(-(time - since) / time_constant)
        p, q, current = state
        p, q, _ = flow_on_line(p, q, current, elapsed)
        return state, elapsed, p, normalised(p, jnp.maximum(q, 0.0))[2]

    def going(carry):
        return carry[0] >= 0

    def step(carry):
        index, mu, on_current, on_rows, on_inputs, arrived = carry
        kind, q = loop.kinds[index], loop.states[index, 1]
        spikes = kind < units
        total = on_times[index] + jnp.sum(rows[kind] * (2 * on_current - mu * q**2)) / time_constant
        on_inputs = on_inputs.at[jnp.where(spikes, input_times.size, arrived)].set(total, mode="drop")
        on_rows = on_rows.at[kind].add(on_current)
        state, elapsed, p, scale = flow_to(index, loop.times[index])
        own = jnp.arange(units) == kind
        mu = jnp.where(own, (mu - time_constant * total) / jnp.where(own, p, 1.0) ** 2, scale**2 * mu)
        mu, on_current = flow_back(state, elapsed, mu, on_current)
        return index - 1, mu, on_current, on_rows, on_inputs, arrived - jnp.where(spikes, 0, 1)

    count = jnp.minimum(loop.count, events)
    at_end, on_end = on_phase / (loop.p**2 + (jnp.pi * loop.q) ** 2), on_current
    state, elapsed, _, scale = flow_to(count, duration)
    mu, on_current = flow_back(state, elapsed, scale**2 * at_end, on_end)
    carry = count - 1, mu, on_current, jnp.zeros_like(rows), jnp.zeros_like(input_times), loop.arrived - 1
    _, mu, on_current, on_rows, on_inputs, _ = lax.while_loop(going, step, carry)
    # At the end every state flows on. And all times scale with the time constant, by Euler's theorem.
    p, q, current = loop.p, loop.q, loop.current
    on_duration = jnp.sum(at_end * (p**2 - p * q + current * q**2) - 2 * on_end * current) / time_constant
    logged = jnp.sum(jnp.where(jnp.arange(events) < count, on_times * loop.times, 0.0))
    came = jnp.sum(jnp.where(jnp.isfinite(input_times), on_inputs * input_times, 0.0))
    on_constant = (logged - came - duration * on_duration) / time_constant
    on_parameters = on_rows[units:].T, on_rows[:units].T, mu * start[1] ** 2, on_current
    return on_parameters, (on_inputs, None), (on_duration, on_constant)


_solved.defvjp(_forward_rule, _backward_rule)
