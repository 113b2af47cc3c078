import abc
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.custom_batching import custom_vmap

from sgtheory._arrays import Array, Float
from sgtheory._checks import finite, instance, positive, refused, require, shorten, whole
from sgtheory.networks._base import AbstractNetwork, Path
from sgtheory.networks._event_log import EndState, EventLog, EventResult, InputSpikes

RUNAWAY = 16
"""So many logs full of events are counted before a run is given up."""


class EventParameters(eqx.Module):
    """What a network of event-driven neurons learns.

    **Arguments:** `inputs`, weights from input channels, units × channels; `recurrent`, weights among the units, receiver ×
    sender; `potential` and `current` of each unit at the time 0.
    **Raises** `ValueError` for weights, potentials or currents that are not finite, or of shapes that do not fit.
    """

    inputs: Float[Array, "units channels"]
    recurrent: Float[Array, "units units"]
    potential: Float[Array, " units"]
    current: Float[Array, " units"]

    def __init__(self, inputs, recurrent=None, potential=None, current=None):
        inputs = finite("inputs")(inputs)
        units = inputs.shape[0]
        self.inputs = inputs
        self.recurrent = (
            jnp.zeros((units, units), inputs.dtype) if recurrent is None else finite("recurrent")(recurrent)
        )
        self.potential, self.current = (
            jnp.zeros(units, inputs.dtype) if each is None else finite(name)(each)
            for name, each in (("potential", potential), ("current", current))
        )
        expected = {"recurrent": (units, units), "potential": (units,), "current": (units,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"`{name}` must have the shape {shape}, got {shorten(getattr(self, name).shape)}.")


class AbstractEventNetwork(AbstractNetwork):
    """Neurons that are solved from event to event for the duration of a trial, with room for so much: what all share.

    A member says which result it has where there is too little room (`overflow`), and what else it refuses (`faults`).
    """

    overflow: ClassVar[EventResult]

    duration: Float[Array, ""] = eqx.field(converter=positive("duration", single=True), kw_only=True)
    throw: bool = eqx.field(static=True, default=True, kw_only=True)

    @abc.abstractmethod
    def faults(self, parameters: Any, times: jax.Array) -> dict[str, jax.Array]:
        """What is refused that is only known when the program runs: sentence → whether it is so. `times` of input spikes."""

    def draw(self, inputs, *, key):
        """Nothing is random."""
        del inputs, key
        return ()

    def _judged(
        self, carrier: jax.Array, parameters: Any, times: jax.Array, full: jax.Array
    ) -> tuple[jax.Array, EventResult]:
        """`carrier` again, after all that is only known when the program runs was checked; and the result."""
        known = not any(isinstance(each, Tracer) for each in (times, *jax.tree.leaves(parameters)))
        faults = {} if known else self.faults(parameters, times)
        if self.throw:
            carrier = refused(carrier, {EventResult[self.overflow]: full, **faults})
        result = EventResult.where(full, self.overflow, EventResult.successful)
        for fault in () if self.throw else faults.values():
            result = EventResult.where(fault, EventResult.not_allowed, result)
        return carrier, result


class AbstractRecurrentEventNetwork(AbstractEventNetwork):
    """Recurrently connected neurons that are solved from event to event, in one log of events: what all of them share.

    A member says which neurons it has (`check_neuron`), and solves a trial (`solve`).
    """

    overflow = EventResult.log_full

    events: int = eqx.field(static=True, kw_only=True)

    def __check_init__(self):
        self.check_neuron()
        whole("events", self.events, remedy="Count input spikes too.")

    @abc.abstractmethod
    def check_neuron(self) -> None:
        """**Raises** `TypeError` for a neuron of another kind."""

    @abc.abstractmethod
    def solve(
        self, values: tuple[jax.Array, ...], arriving: tuple[jax.Array, jax.Array], duration: jax.Array
    ) -> tuple[jax.Array, EndState, jax.Array, jax.Array]:
        """Times, state at the end, units, and number of events.

        **Arguments:** `values`, weights of inputs and among units, potentials and currents; `arriving`, times of input spikes
        in rising order, and their channels.
        """

    def faults(self, parameters: EventParameters, times: jax.Array) -> dict[str, jax.Array]:
        late = (times > self.duration.astype(times.dtype)) & (times < jnp.inf)
        return {
            "Weights, potentials and currents must be finite. Look for a step of learning that is too long.": not_finite(
                parameters
            ),
            "`times` must be from 0 to the end of the trial, or infinite. Clip them after each step of learning.": jnp.any(
                late | ~(times >= 0)
            ),
        }

    def as_inputs(self, inputs: Any) -> InputSpikes:
        """**Raises** `TypeError` for what are no input spikes, `ValueError` for spikes beyond the end of the trial."""
        instance("inputs", inputs, InputSpikes, "Give `InputSpikes(times, channels)`.")
        if not isinstance(self.duration, Tracer):
            require(
                inputs.times, lambda each: (each <= np.asarray(self.duration)) | np.isinf(each), "times",
                f"up to the end of the trial at {shorten(self.duration)}", "Let it last longer, or leave the spike out.",
            )  # fmt: skip
        return inputs

    def check(self, parameters: EventParameters, inputs: InputSpikes) -> None:
        """**Raises** `ValueError` for a channel that has no weights."""
        inputs.check_channels(parameters.inputs.shape[1])

    def run(self, parameters: EventParameters, inputs: InputSpikes, noise: Any) -> Path:
        del noise
        inputs = self.as_inputs(inputs)
        self.check(parameters, inputs)
        dtype = parameters.inputs.dtype
        order = jnp.argsort(inputs.times)
        arriving = inputs.times.astype(dtype)[order], inputs.channels.astype(int)[order]
        values = parameters.inputs, parameters.recurrent, parameters.potential, parameters.current
        times, end, units, count = self.solve(values, arriving, self.duration.astype(dtype))
        times, result = self._judged(times, parameters, inputs.times, count > self.events)
        return Path(EventLog(times, units, end, count, result))


def not_finite(parameters: Any) -> jax.Array:
    """Whether any number of the parameters is not finite."""
    return ~jnp.all(jnp.stack([jnp.all(jnp.isfinite(each)) for each in jax.tree.leaves(parameters)]))


class Events(eqx.Module):
    """What a loop over events keeps: where it is, and each event with its kind and the state just after it.

    The kind is the row of `rows_of` that the event adds to the currents. `states` are events × parts of the state × units.
    """

    time: jax.Array
    arrived: jax.Array
    count: jax.Array
    done: jax.Array
    times: jax.Array
    kinds: jax.Array
    states: jax.Array

    def units(self, number: int) -> jax.Array:
        """Which of so many units spiked at each event; −1 where it was an input, or there is no event."""
        return jnp.where(self.kinds < number, self.kinds, -1)


def rows_of(parameters: tuple[jax.Array, ...]) -> jax.Array:
    """What an event adds to the currents, one row each: of the units' own spikes, then of the input channels'."""
    inputs, recurrent, *_ = parameters
    return jnp.concatenate([recurrent.T, inputs.T])


def over_events(
    advance: Callable[
        [tuple[jax.Array, ...], jax.Array], tuple[tuple[jax.Array, ...], jax.Array, jax.Array, jax.Array]
    ],
    state: tuple[jax.Array, ...],
    rows: jax.Array,
    arriving: tuple[jax.Array, jax.Array],
    duration: jax.Array,
    events: int,
) -> tuple[tuple[jax.Array, ...], Events]:
    """The state at the end of a trial, and all that happened in it, from one event to the next.

    **Arguments:** `advance`, from a state and how long it may flow, until an input or the end, to the state at the earliest
    spike or then, just after the spike, whether there is a spike, of which unit, and how long it flowed; `state` at the start,
    whose last part is the current; `rows`, what an event adds to it; `arriving`, times and channels of inputs in rising order.
    """
    (times, channels), units = arriving, state[0].size
    # After the last input spike nothing arrives any more.
    times, kinds = jnp.append(times, jnp.inf), jnp.append(units + channels, 0)

    def going(carry):
        _, log = carry
        return ~log.done & (log.count < RUNAWAY * events)

    def step(carry, on):
        before, log = carry
        until_input, until_end = times[log.arrived] - log.time, duration - log.time
        (*rest, current), fires, first, until = advance(before, jnp.minimum(until_input, until_end))
        ends = ~fires & (until_end < until_input)
        kind = jnp.where(fires, first, kinds[log.arrived])
        after = (*rest, current + jnp.where(ends, 0.0, rows[kind]))
        state = chosen(on, after, before)
        slot = jnp.where(on & ~ends, log.count, events)  # what does not fit, and the end, are dropped
        time = jnp.where(on, log.time + until, log.time)
        return state, Events(
            time, log.arrived + jnp.where(on & ~fires & ~ends, 1, 0), log.count + jnp.where(on & ~ends, 1, 0),
            jnp.where(on, ends, log.done),
            log.times.at[slot].set(time, mode="drop"), log.kinds.at[slot].set(kind, mode="drop"),
            log.states.at[slot].set(jnp.stack(state), mode="drop"),
        )  # fmt: skip

    none, dtype = jnp.zeros((), int), state[0].dtype
    log = Events(
        jnp.zeros((), dtype), none, none, jnp.zeros((), bool), jnp.full(events, jnp.inf, dtype), jnp.full(events, -1),
        jnp.zeros((events, len(state), units), dtype),
    )  # fmt: skip
    return in_step(going, step, (state, log))


def chosen(on: jax.Array, after: Any, before: Any) -> Any:
    """What is there after a step that is `on`, and before it otherwise."""
    return jax.tree.map(functools.partial(jnp.where, on), after, before)


def in_step(going: Callable[[Any], jax.Array], step: Callable[[Any, jax.Array], Any], carry: Any) -> Any:
    """What a loop ends with; under `jax.vmap`, a loop over all samples at once, until the last of them has ended.

    JAX's own batched loop chooses for each sample between the whole of the old and of the new, and so copies a log at every
    event. Here the step itself leaves as it is what is not `on`.

    **Arguments:** `going`, whether there is a next step; `step`, from what is carried and whether it is on; `carry` at the start.
    """
    on = jnp.ones((), bool)
    (kept, goes), (kept_too, steps) = _opened(going, carry), _opened(step, carry, on)

    @custom_vmap
    def loop(kept, carry):
        return lax.while_loop(lambda carry: goes(kept[0], carry), lambda carry: steps(kept[1], carry, on), carry)

    @loop.def_vmap
    def _(size, batched, kept, carry):
        (axes, axes_too), carried = jax.tree.map(lambda each: 0 if each else None, batched[0]), batched[1]
        carry = jax.tree.map(
            lambda each, has: each if has else jnp.broadcast_to(each, (size, *each.shape)), carry, carried
        )

        def all_going(carry):
            return jax.vmap(goes, (axes, 0))(kept[0], carry)

        def all_step(carry, on):
            return jax.vmap(steps, (axes_too, 0, 0))(kept[1], carry, on & all_going(carry))

        found = in_step(lambda carry: jnp.any(all_going(carry)), all_step, carry)
        return found, jax.tree.map(lambda _: True, found)

    return loop((kept, kept_too), carry)


def _opened(function: Callable[..., Any], *arguments: Any) -> tuple[list[jax.Array], Callable[..., Any]]:
    """The arrays that a function of these arguments closes over, and it as a function of them too."""
    values, shape = eqx.partition(eqx.filter_closure_convert(function, *arguments), eqx.is_array)
    kept, tree = jax.tree.flatten(values)
    return kept, lambda kept, *arguments: eqx.combine(jax.tree.unflatten(tree, kept), shape)(*arguments)


def on_time_constant(time_constant: jax.Array, *scaled: tuple[jax.Array, jax.Array]) -> jax.Array:
    """What the time constant matters, by Euler's theorem: all times scale with it.

    **Arguments:** `scaled`, pairs of times and what they matter, with a minus where they are given; infinite ones do not count.
    """
    parts = (jnp.sum(jnp.where(jnp.isfinite(times), on * times, 0.0)) for times, on in scaled)
    return sum(parts, jnp.zeros_like(time_constant)) / time_constant
