import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._checks import instance
from sgtheory.networks._event_base import (
    AbstractRecurrentEventNetwork,
    chosen,
    in_step,
    on_time_constant,
    over_events,
    rows_of,
)
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
    log, input spikes included. With `throw` a run that is refused, or whose log is full, ends in an error; without it
    `log.result` tells.
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


def _forward(parameters, arriving, trial, events):
    duration, time_constant = trial
    *_, potential, current = parameters

    def advance(state, until):
        crossings = crossing_of(*state)
        first = jnp.argmin(crossings)
        limit = -jnp.expm1(-until / time_constant)
        fires = crossings[first] <= limit
        elapsed = jnp.where(fires, crossings[first], limit)
        until = jnp.where(fires, -time_constant * jnp.log1p(-jnp.where(fires, elapsed, 0.0)), until)
        p, q, current = flow_on_line(*state, elapsed=elapsed)
        # Rounding must not lose the spike of a neuron that spikes at the same time.
        p, q, _ = normalised(p, jnp.maximum(q, 0.0))
        own = fires & (jnp.arange(p.size) == first)
        return (jnp.where(own, -1.0, p), jnp.where(own, 0.0, q), current), fires, first, until

    p, q, _ = normalised(potential, jnp.ones_like(potential))
    start = p, q, current
    end, log = over_events(advance, start, rows_of(parameters), arriving, duration, events)
    found = log.times, EventState(*end).phase, end[2], log.units(potential.size), log.count
    return found, (end, log, jnp.stack(start))


def _forward_rule(parameters, arriving, trial, events):
    found, kept = _forward(parameters, arriving, trial, events)
    return found, (*kept, parameters, arriving, trial)


def _backward_rule(events, kept, cotangents):
    (p, q, current), log, start, parameters, (input_times, _), (duration, time_constant) = kept
    on_times, on_phase, on_current, *_ = cotangents
    rows, units = rows_of(parameters), start.shape[1]

    def led_by(index):
        """The state and the time from which a flow leads to this event."""
        last = jnp.maximum(index - 1, 0)
        return jnp.where(index == 0, start, log.states[last]), jnp.where(index == 0, 0.0, log.times[last])

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

    def step(carry, on):
        index, mu, on_current, on_rows, on_inputs, arrived = carry
        kind, q = log.kinds[index], log.states[index, 1]
        spikes = kind < units
        total = on_times[index] + jnp.sum(rows[kind] * (2 * on_current - mu * q**2)) / time_constant
        on_inputs = on_inputs.at[jnp.where(on & ~spikes, arrived, input_times.size)].set(total, mode="drop")
        on_rows = on_rows.at[jnp.where(on, kind, rows.shape[0])].add(on_current, mode="drop")
        state, elapsed, p, scale = flow_to(index, log.times[index])
        own = jnp.arange(units) == kind
        before = jnp.where(own, (mu - time_constant * total) / jnp.where(own, p, 1.0) ** 2, scale**2 * mu)
        flown = flow_back(state, elapsed, before, on_current)
        mu, on_current = chosen(on, flown, (mu, on_current))
        return index - jnp.where(on, 1, 0), mu, on_current, on_rows, on_inputs, arrived - jnp.where(on & ~spikes, 1, 0)

    count = jnp.minimum(log.count, events)
    at_end, on_end = on_phase / (p**2 + (jnp.pi * q) ** 2), on_current
    # At the end every state flows on.
    on_duration = jnp.sum(at_end * (p**2 - p * q + current * q**2) - 2 * on_end * current) / time_constant
    state, elapsed, _, scale = flow_to(count, duration)
    mu, on_current = flow_back(state, elapsed, scale**2 * at_end, on_end)
    carry = count - 1, mu, on_current, jnp.zeros_like(rows), jnp.zeros_like(input_times), log.arrived - 1
    _, mu, on_current, on_rows, on_inputs, _ = in_step(going, step, carry)
    on_constant = on_time_constant(
        time_constant, (log.times, on_times), (input_times, -on_inputs), (duration, -on_duration)
    )
    on_parameters = on_rows[units:].T, on_rows[:units].T, mu * start[1] ** 2, on_current
    return on_parameters, (on_inputs, None), (on_duration, on_constant)


_solved.defvjp(_forward_rule, _backward_rule)
