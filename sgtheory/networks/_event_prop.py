import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._checks import instance, require, shorten
from sgtheory.networks._event_base import (
    AbstractRecurrentEventNetwork,
    EventParameters,
    chosen,
    in_step,
    on_time_constant,
    over_events,
    rows_of,
)
from sgtheory.networks._event_log import EndState, InputSpikes
from sgtheory.neurons import EventLIF, EventState, decay_to_crossing


class EventPropNetwork(AbstractRecurrentEventNetwork):
    r"""Recurrently connected LIF neurons, solved exactly from event to event, with the gradient of EventProp.

    The contrast to `RecurrentEventNetwork`: the gradient is exact as long as spikes neither come nor go. But a spike
    vanishes in the midst of a trial, where the potential only grazes the threshold $\vartheta$. Before that its gradient
    grows beyond all bounds, and afterwards it is 0.

    With $\lambda_V=\partial L/\partial V$ and $\lambda_I=\partial L/\partial I$, a flow over $t$ with $x=e^{-t/\tau}$ takes
    $\lambda_I\to x^2\lambda_I+(x-x^2)\lambda_V$ and $\lambda_V\to x\lambda_V$. An event at $t$ adds $\lambda_I$ to the gradient
    of its weights $w$, and matters by its time as much as $s=\partial L/\partial t+\frac1\tau\sum_mw_m(2\lambda_{I,m}-
    \lambda_{V,m})$. A spike of the neuron $n$, whose reset forgets the potential, has $I_n$ in place of $w_n$ before
    $\lambda_{V,n}$, and takes $\lambda_{V,n}\to-s/\dot V_n$ with $\tau\dot V_n=I_n^--\vartheta$ just before it. Where that is
    0, the derivative does not exist, and it is taken as 0.

    A log's `end.phase` is $\arctan(V/\pi)/\pi+\frac12$, and its `end.potential` $V$.

    **Arguments:** `neuron`, an `EventLIF`; `duration` $T$ of a trial, in the unit of its time constant; `events`, the length of the
    log, input spikes included. With `throw` a run that is refused, or whose log is full, ends in an error; without it
    `log.result` tells.
    **Raises** `ValueError` for a duration that is not positive, a length that is no whole number from 1, and potentials above
    the threshold at the start of a run.
    **Source:** Wunderlich & Pehle (2021); here for $\tau_s=\tau/2$, where the flow and the spikes are formulas.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.networks import EventParameters, InputSpikes
    >>> network = EventPropNetwork(duration=3.0, events=8)
    >>> def first(weight):
    ...     weights = EventParameters(inputs=jnp.reshape(weight, (1, 1)))
    ...     time = network.run(weights, InputSpikes([0.5], [0]), ()).output.spike_times(0, most=1)[0]
    ...     return jnp.where(jnp.isfinite(time), time, 3.0)
    >>> for weight in (4.4, 4.004, 3.9):
    ...     print(*(f"{float(each(weight)):.3f}" for each in (first, jax.grad(first))))
    0.930 -0.263
    1.162 -3.826
    3.000 0.000
    """

    neuron: EventLIF = eqx.field(default_factory=EventLIF)

    def check_neuron(self) -> None:
        instance("neuron", self.neuron, EventLIF, "Take `EventLIF()`.")

    def check(self, parameters: EventParameters, inputs: InputSpikes) -> None:
        """**Raises** `ValueError` for a channel that has no weights, and potentials above the threshold."""
        super().check(parameters, inputs)
        if not isinstance(self.neuron.threshold, Tracer):
            threshold = float(self.neuron.threshold)
            require(
                parameters.potential, lambda each: each <= threshold, "potential",
                f"at most the threshold, {shorten(threshold)}", "A neuron above it would have spiked before.",
            )  # fmt: skip

    def faults(self, parameters: EventParameters, times: jax.Array) -> dict[str, jax.Array]:
        above = parameters.potential > self.neuron.threshold.astype(parameters.potential.dtype)
        sentence = "`potential` must be at most the threshold. Clip it after each step of learning."
        return {**super().faults(parameters, times), sentence: jnp.any(above)}

    def solve(self, values, arriving, duration):
        constants = (
            duration,
            *(each.astype(duration.dtype) for each in (self.neuron.time_constant, self.neuron.threshold)),
        )
        found: Any = _solved(values, arriving, constants, self.events)
        times, potential, current, units, count = found
        phase = EventState(potential, jnp.ones_like(potential), current).phase
        return times, EndState(phase, current), units, count


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _solved(parameters, arriving, constants, events):
    """Times, potentials and currents at the end, units, and the number of events."""
    return _forward(parameters, arriving, constants, events)[0]


def _forward(parameters, arriving, constants, events):
    duration, time_constant, threshold = constants
    *_, potential, current = parameters

    def advance(state, until):
        potential, current = state
        lefts = decay_to_crossing(potential, current, threshold)
        first = jnp.argmax(lefts)
        limit = jnp.exp(-until / time_constant)
        fires = lefts[first] >= limit
        left = jnp.where(fires, lefts[first], limit)
        until = jnp.where(fires, -time_constant * jnp.log(left), until)
        # Rounding must not lift a neuron above the threshold that spikes at the same time: its spike would be lost.
        potential = jnp.minimum(potential * left + current * (left - left**2), threshold)
        potential = jnp.where(fires & (jnp.arange(potential.size) == first), 0.0, potential)
        return (potential, current * left**2), fires, first, until

    start = potential, current
    end, log = over_events(advance, start, rows_of(parameters), arriving, duration, events)
    return (log.times, *end, log.units(potential.size), log.count), (end, log, jnp.stack(start))


def _forward_rule(parameters, arriving, constants, events):
    found, kept = _forward(parameters, arriving, constants, events)
    return found, (*kept, parameters, arriving, constants)


def _backward_rule(events, kept, cotangents):
    (potential, current), log, start, parameters, (input_times, _), (duration, time_constant, threshold) = kept
    on_times, on_potential, on_current, *_ = cotangents
    rows, units = rows_of(parameters), start.shape[1]

    def flow_back(index, time, on_potential, on_current):
        """From what the state at the end of the flow that leads to an event matters to what that at its start does."""
        since = jnp.where(index == 0, 0.0, log.times[jnp.maximum(index - 1, 0)])
        left = jnp.exp(-(time - since) / time_constant)
        return left * on_potential, left**2 * on_current + (left - left**2) * on_potential

    def going(carry):
        return carry[0] >= 0

    def step(carry, on):
        index, on_potential, on_current, on_rows, on_inputs, on_threshold, arrived = carry
        kind, after = log.kinds[index], log.states[index, 1]
        spikes, own = kind < units, jnp.arange(units) == kind
        row = rows[kind]
        total = (2 * row * on_current - jnp.where(own, after, row) * on_potential) / time_constant
        total = on_times[index] + jnp.sum(total)
        on_inputs = on_inputs.at[jnp.where(on & ~spikes, arrived, input_times.size)].set(total, mode="drop")
        on_rows = on_rows.at[jnp.where(on, kind, rows.shape[0])].add(on_current, mode="drop")
        speed = (after - row - threshold) / time_constant  # just before the spike, as the current was then
        crosses = own & (speed > 0)
        on_spike = jnp.where(crosses, -total / jnp.where(crosses, speed, 1.0), 0.0)
        flown = flow_back(index, log.times[index], jnp.where(own, on_spike, on_potential), on_current)
        on_potential, on_current = chosen(on, flown, (on_potential, on_current))
        on_threshold = on_threshold - jnp.where(on, jnp.sum(on_spike), 0.0)
        index, arrived = index - jnp.where(on, 1, 0), arrived - jnp.where(on & ~spikes, 1, 0)
        return index, on_potential, on_current, on_rows, on_inputs, on_threshold, arrived

    count = jnp.minimum(log.count, events)
    end = on_potential, on_current
    carry = (
        count - 1, *flow_back(count, duration, *end), jnp.zeros_like(rows), jnp.zeros_like(input_times),
        jnp.zeros_like(threshold), log.arrived - 1,
    )  # fmt: skip
    _, on_potential, on_current, on_rows, on_inputs, on_threshold, _ = in_step(going, step, carry)
    # At the end every state flows on.
    on_duration = jnp.sum(end[0] * (current - potential) - 2 * end[1] * current) / time_constant
    on_constant = on_time_constant(
        time_constant, (log.times, on_times), (input_times, -on_inputs), (duration, -on_duration)
    )
    on_parameters = on_rows[units:].T, on_rows[:units].T, on_potential, on_current
    return on_parameters, (on_inputs, None), (on_duration, on_constant, on_threshold)


_solved.defvjp(_forward_rule, _backward_rule)
