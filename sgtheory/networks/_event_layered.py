import functools
import itertools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sgtheory._arrays import Array, Float, Int
from sgtheory._checks import Numbers, finite, instance, require, shorten, whole
from sgtheory.networks._base import Path
from sgtheory.networks._event_base import AbstractEventNetwork, not_finite, on_time_constant
from sgtheory.networks._event_log import EndState, EventResult, InputSpikes
from sgtheory.neurons import AbstractProjectiveNeuron, EventState, normalised

_DELAYS = Numbers(
    "delays", "from 0 on and finite", lambda each: (each >= 0) & (each < np.inf), "No spike arrives early."
)


class EventLayer(eqx.Module):
    """What a layer of event-driven neurons learns.

    **Arguments:** `weights`, units × senders; `potential` and `current` of each unit at the time 0, by default 0; `delays`
    with which spikes arrive, one for each sender or units × senders, by default none.
    **Raises** `ValueError` for numbers that are not finite, negative delays, and shapes that do not fit.
    """

    weights: Float[Array, "units senders"]
    potential: Float[Array, " units"]
    current: Float[Array, " units"]
    delays: Float[Array, "*receivers senders"] | None

    def __init__(self, weights, potential=None, current=None, delays=None):
        self.weights = weights = finite("weights")(weights)
        units, senders = weights.shape
        for name, given in (("potential", potential), ("current", current)):
            value = jnp.zeros(units, weights.dtype) if given is None else finite(name)(given)
            if value.shape != (units,):
                raise ValueError(f"`{name}` must have the shape {(units,)}, got {shorten(value.shape)}.")
            setattr(self, name, value)
        self.delays = None if delays is None else _DELAYS(delays)
        if self.delays is not None and self.delays.shape not in ((senders,), (units, senders)):
            raise ValueError(
                f"`delays` must have the shape {(senders,)} or {(units, senders)}, got {shorten(self.delays.shape)}."
            )


class InputVolleys(eqx.Module):
    """Input spikes, several of which come at once: at the time `times[k]` channel `c` spikes `counts[k, c]` times.

    All spikes of a volley arrive in one product with the weights. Volleys may be in any order, at the same time too; one
    that never comes has the time infinity. A leading axis over samples is welcome where inputs may have one.

    **Raises** `ValueError` for times that are negative or NaN, and for counts that are not finite or of another shape.

    >>> volleys = InputVolleys.from_latencies([[0.1, 0.5, 0.1]], [0.1, 0.5])
    >>> print(volleys.counts)
    [[[1. 0. 1.]
      [0. 1. 0.]]]
    """

    times: Float[Array, "*samples volleys"]
    counts: Float[Array, "*samples volleys channels"]

    def __init__(self, times, counts):
        self.times = require(
            jnp.asarray(times, float), lambda each: each >= 0, "times", "from 0 on", "Let time begin before the first."
        )
        self.counts = finite("counts")(counts)
        if self.counts.shape[:-1] != self.times.shape:
            raise ValueError(f"`counts` must be channels for each time, got the shape {shorten(self.counts.shape)}.")

    @classmethod
    def from_latencies(cls, latencies, times) -> "InputVolleys":
        """One spike of each channel at its latency, which must be among the `times`, or infinite for none.

        **Arguments:** `latencies`, samples × channels; `times` of the volleys, in any order.
        **Raises** `ValueError` for a latency that is neither.
        """
        latencies, times = np.asarray(latencies, float), np.asarray(times, float)
        counts = latencies[..., None, :] == times[:, None]
        lost = np.isfinite(latencies) & ~counts.any(axis=-2)
        if lost.any():
            raise ValueError(f"`latencies` must be among `times`, got {latencies[lost][0]:.4g}. Add it to the times.")
        return cls(np.broadcast_to(times, counts.shape[:-1]), counts.astype(float))


class LayerSpikes(eqx.Module):
    """What a layer did: the spike times of each unit in rising order, how many spikes there were, and the state at the end.

    Of a unit with fewer spikes than there is room for the last times are infinite.
    """

    times: Float[Array, "units spikes"]
    count: Int[Array, " units"]
    end: EndState


class LayeredLog(eqx.Module):
    """All spikes of a run, layer by layer, and whether there was room for them."""

    layers: tuple[LayerSpikes, ...]
    result: EventResult
    """`EventResult.successful`, or why the log is not whole."""

    @property
    def most(self) -> Int[Array, ""]:
        """The largest number of spikes of a unit: so many `spikes` there must be room for."""
        return jnp.max(jnp.stack([jnp.max(layer.count) for layer in self.layers]))


class LayeredEventNetwork(AbstractEventNetwork):
    r"""Feed-forward layers of QIF or theta neurons, solved exactly from event to event, with their exact gradient.

    Layer by layer: a layer sees the spikes of the one before, and each arrival takes all its units on by one linear map of
    the projective line. A unit has spiked as often as $q$ has crossed zero, whose sign tells; only then, and once for each
    spike, its time is computed. So an arrival costs a few products a unit, and for theta neurons no transcendental function.

    The gradient is that of the adjoint $\mu=\partial L/\partial V\,/q^2$, which a flow of determinant $\delta$ takes to
    $\delta\mu$ and a spike of its own at the time $t$ raises by $-\frac\tau{p^2}\partial L/\partial t$; nothing is divided by
    $\dot V$. Times that come from a layer, or from outside, are differentiated too, and so are delays.

    **Arguments:** `neuron`, a `Theta` or a `QIF`; `duration` $T$ of a trial, in the unit of its time constant; `spikes` of a
    unit that there is room for; with `throw` a run that is refused, or that has more, ends in an error, without it
    `log.result` tells; `associative`: products of all flows by a tree, not one after the other, for machines that do much at
    once.
    **Raises** `ValueError` for a duration that is not positive, and a number of spikes that is no whole number from 1.
    **Source:** Klos & Memmesheimer (2025); counting by signs and the adjoint are derived.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.neurons import QIF
    >>> network = LayeredEventNetwork(QIF(), duration=4.0, spikes=2)
    >>> layers = EventLayer([[3.7]]), EventLayer([[6.0]])
    >>> log = network.run(layers, InputSpikes([0.5], [0]), ()).output
    >>> for layer in log.layers:
    ...     print(int(layer.count[0]), *(f"{time:.3f}" for time in layer.times[0]))
    1 2.196 inf
    1 3.221 inf
    """

    continuous = True
    overflow = EventResult.too_many_spikes
    neuron: AbstractProjectiveNeuron
    spikes: int = eqx.field(static=True, default=4, kw_only=True)
    associative: bool = eqx.field(static=True, default=False, kw_only=True)

    def __check_init__(self):
        instance("neuron", self.neuron, AbstractProjectiveNeuron, "Take `QIF()` or `Theta()`.")
        whole("spikes", self.spikes)

    def as_inputs(self, inputs: Any) -> InputSpikes | InputVolleys:
        """**Raises** `TypeError` for what are no input spikes."""
        instance(
            "inputs", inputs, (InputSpikes, InputVolleys),
            "Give `InputSpikes(times, channels)` or `InputVolleys(times, counts)`.",
        )  # fmt: skip
        return inputs

    def check(self, parameters: tuple[EventLayer, ...], inputs: InputSpikes | InputVolleys) -> None:
        """**Raises** `TypeError` for what are no layers; `ValueError` for layers that do not fit, and unknown channels."""
        if not (
            isinstance(parameters, tuple) and parameters and all(isinstance(each, EventLayer) for each in parameters)
        ):
            raise TypeError(f"`parameters` must be a tuple of `EventLayer`, got {shorten(parameters)}.")
        channels = parameters[0].weights.shape[1]
        for number, (before, after) in enumerate(itertools.pairwise(parameters), 1):
            if after.weights.shape[1] != before.weights.shape[0]:
                raise ValueError(
                    f"Layer {number} must have as many senders as there are units before it, "
                    f"{before.weights.shape[0]}, got {after.weights.shape[1]}."
                )
        if isinstance(inputs, InputVolleys):
            if inputs.counts.shape[-1] != channels:
                raise ValueError(
                    f"`counts` must have {channels} channels, as the first layer has, got {inputs.counts.shape[-1]}."
                )
        else:
            inputs.check_channels(channels)

    def run(self, parameters: tuple[EventLayer, ...], inputs: InputSpikes | InputVolleys, noise: Any) -> Path:
        del noise
        inputs = self.as_inputs(inputs)
        self.check(parameters, inputs)
        dtype = parameters[0].weights.dtype
        neuron = jax.tree.map(lambda leaf: leaf.astype(dtype), self.neuron)
        duration = self.duration.astype(dtype)
        arriving = inputs.times.astype(dtype)
        layers = []
        for number, layer in enumerate(parameters):
            arrivals = _arrivals(layer, inputs if number == 0 else None, arriving)
            layers.append(_layer(neuron, layer, arrivals, duration, self.spikes, self.associative))
            arriving = layers[-1].times
        most = jnp.max(jnp.stack([jnp.max(layer.count) for layer in layers]))
        times, result = self._judged(layers[-1].times, parameters, inputs.times, most > self.spikes)
        layers[-1] = eqx.tree_at(lambda each: each.times, layers[-1], times)
        return Path(LayeredLog(tuple(layers), result))

    def faults(self, parameters: tuple[EventLayer, ...], times: jax.Array) -> dict[str, jax.Array]:
        early = [jnp.any(layer.delays < 0) for layer in parameters if layer.delays is not None]
        return {
            "Weights, potentials, currents and delays must be finite. Look for a step of learning that is too long.": not_finite(
                parameters
            ),
            "`times` must be from 0 on, or infinite. Clip them after each step of learning.": jnp.any(~(times >= 0)),
            **(
                {"`delays` must be from 0 on. Clip them after each step of learning.": jnp.any(jnp.stack(early))}
                if early
                else {}
            ),
        }


def _arrivals(layer: EventLayer, inputs, times):
    """When something arrives, in rising order, and how it raises each unit: arrivals, and arrivals × units.

    With a delay for each synapse both have an axis over units before these, of which the second's last one is one.
    """
    if isinstance(inputs, InputVolleys) and layer.delays is None:
        order = jnp.argsort(times)
        return times[order], (inputs.counts.astype(times.dtype) @ layer.weights.T)[order]
    senders = layer.weights.shape[1]
    if isinstance(inputs, InputVolleys):
        # Delayed apart, the spikes of a volley are spikes of their own.
        sender = jnp.tile(jnp.arange(senders), times.size)
        factor = inputs.counts.astype(times.dtype).ravel()
        times = jnp.repeat(times, senders)
    elif isinstance(inputs, InputSpikes):
        sender, factor = inputs.channels.astype(int), None
    else:
        sender, factor = jnp.repeat(jnp.arange(senders), times.shape[1]), None
        times = times.ravel()
    raised = layer.weights.T[sender]
    if factor is not None:
        raised = factor[:, None] * raised
    if layer.delays is None:
        order = jnp.argsort(times)
        return times[order], raised[order]
    late = layer.delays[..., sender]
    delayed = jnp.broadcast_to(times, late.shape) + late
    order = jnp.argsort(delayed, axis=-1)
    delayed = jnp.take_along_axis(delayed, order, axis=-1)
    if layer.delays.ndim == 1:
        return delayed, raised[order]
    return delayed, jnp.take_along_axis(raised.T, order, axis=-1)[..., None]


def _layer(neuron, layer: EventLayer, arrivals, duration, spikes: int, associative: bool) -> LayerSpikes:
    times, raised = arrivals
    live = times <= duration
    times = jnp.where(live, times, duration)
    raised = jnp.where(live[..., None], raised, 0.0)
    solve = functools.partial(_solved, spikes=spikes, associative=associative)
    if times.ndim == 1:
        found = solve(neuron, times, raised, layer.potential, layer.current, duration)
    else:
        own = [each[:, None] for each in (layer.potential, layer.current)]

        def alone(times, raised, potential, current):
            return solve(neuron, times, raised, potential, current, duration)

        found = tuple(each[:, 0] for each in jax.vmap(alone)(times, raised, *own))
    found_times, count, phase, current = found
    return LayerSpikes(found_times, count, EndState(phase, current))


def _solved(neuron, times, raised, potential, current, duration, *, spikes, associative):
    found: Any = _solve(neuron, times, raised, potential, current, duration, spikes, associative)
    times, count, phase, current = found
    return jnp.moveaxis(times, 0, -1), count, phase, current


@functools.partial(jax.custom_vjp, nondiff_argnums=(6, 7))
def _solve(neuron, times, raised, potential, current, duration, spikes, associative):
    """Spike times, spikes × units, the number of spikes, and phases and currents at the end."""
    return _forward(neuron, times, raised, potential, current, duration, spikes, associative)[0]


def _turned(state: EventState) -> EventState:
    """The same point of the line with q from 0 on."""
    turns = state.q < 0
    return EventState(jnp.where(turns, -state.p, state.p), jnp.abs(state.q), state.current)


def _scaled(state: EventState) -> EventState:
    p, q, _ = normalised(state.p, state.q)
    return EventState(p, q, state.current)


def _forward(neuron, times, raised, potential, current, duration, spikes, associative):
    """The last flow leads to the end of the trial, where nothing arrives."""
    times, raised = jnp.append(times, duration), jnp.concatenate([raised, jnp.zeros_like(potential)[None]])
    lengths = jnp.diff(times, prepend=0.0)
    first = _scaled(EventState(potential, jnp.ones_like(potential), current))
    if associative:
        starts, end = _tree(neuron, lengths, raised, first)
    else:
        starts, end = None, first
    number = jnp.arange(1, spikes + 1)[:, None]
    none = jnp.zeros((spikes, *potential.shape), int)

    def count(carry, state, later, length):
        """How many spikes there were, and for each spike the flow in which it was and the number in it."""
        total, flow, before = carry
        total = total + neuron.spikes_during(state, later, length)
        waits = total[None] < number
        return total, flow + waits.astype(int), jnp.where(waits, total[None], before)

    counted = jnp.zeros(potential.shape, int), none, none
    if starts is None:

        def step(carry, arrival):
            state, counted = carry
            length, weight = arrival
            later = neuron.flow(state, length)
            after = _scaled(neuron.receive(_turned(later), weight))
            return (after, count(counted, state, later, length)), state

        (end, counted), starts = lax.scan(step, (end, counted), (lengths, raised))
    else:

        def look(counted, flow):
            state, length = flow
            return count(counted, state, neuron.flow(state, length), length), None

        counted, _ = lax.scan(look, counted, (starts, lengths))
    total, flow, before = counted
    fired = number <= total[None]
    begins = jax.tree.map(lambda leaf: jnp.take_along_axis(leaf, jnp.minimum(flow, times.size - 1), axis=0), starts)
    waits = neuron.time_to_spike(begins, jnp.where(fired, number - before, 1))
    since = (times - lengths)[jnp.minimum(flow, times.size - 1)]
    found = jnp.where(fired, since + waits, jnp.inf), total, end.phase, end.current
    return found, (
        starts,
        end,
        begins,
        jnp.where(fired, flow, times.size),
        jnp.where(fired, waits, 0.0),
        lengths,
        raised,
    )


def _tree(neuron, lengths, raised, first: EventState):
    """The state at the start of each flow, and at the end, by products of all flows in a tree."""
    zero, one = jnp.zeros_like(raised), jnp.ones_like(raised)
    length = jnp.broadcast_to(lengths[:, None], raised.shape)
    # The current of every unit is taken on by one factor and one term a flow.
    keeps = neuron.flow(EventState(one, zero, one), length).current
    gains = neuron.receive(EventState(one, zero, zero), raised).current
    factors, terms = lax.associative_scan(lambda a, b: (b[0] * a[0], b[0] * a[1] + b[1]), (keeps, gains))
    after = factors * first.current[None] + terms
    current = jnp.concatenate([first.current[None], after[:-1]])

    def column(p, q):
        moved = neuron.receive(neuron.flow(EventState(p, q, current), length), raised)
        return moved.p, moved.q

    (a, c), (b, d) = column(one, zero), column(zero, one)

    def product(early, late):
        (a, b, c, d), (e, f, g, h) = early, late
        out = e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d
        scale = 1 / functools.reduce(jnp.maximum, map(jnp.abs, out))
        return tuple(scale * each for each in out)

    a, b, c, d = lax.associative_scan(product, (a, b, c, d))
    p, q = a * first.p[None] + b * first.q[None], c * first.p[None] + d * first.q[None]
    later = _scaled(_turned(EventState(p, q, after)))
    starts = jax.tree.map(lambda early, each: jnp.concatenate([early[None], each[:-1]]), first, later)
    return starts, jax.tree.map(lambda each: each[-1], later)


def _forward_rule(neuron, times, raised, potential, current, duration, spikes, associative):
    found, kept = _forward(neuron, times, raised, potential, current, duration, spikes, associative)
    return found, (neuron, found[0], duration, *kept)


def _backward_rule(spikes, associative, kept, cotangents):
    neuron, found, duration, starts, end, begins, flow, waits, lengths, raised = kept
    on_spikes, _, on_phase, on_current = cotangents
    fired = flow < lengths.size
    on_spikes = jnp.where(fired, on_spikes, 0.0)
    # What each spike matters, taken back to the start of the flow in which it was.
    p = neuron.flow(begins, waits).p
    at_spike = -neuron.time_constant * on_spikes / jnp.where(fired, p, 1.0) ** 2
    mu, on_it, on_drive = neuron.flow_back(begins, waits, at_spike, jnp.zeros_like(at_spike))
    column = jnp.arange(end.p.size)[None]
    from_spikes = tuple(jnp.zeros_like(raised).at[flow, column].add(each, mode="drop") for each in (mu, on_it))
    at_end = on_phase / (end.p**2 + (jnp.pi * end.q) ** 2)
    on_duration = jnp.sum(neuron.on_time(end, at_end, on_current))

    def terms(state, length, weight):
        later = _turned(neuron.flow(state, length))
        received = neuron.receive(later, weight)
        return later, received, normalised(received.p, received.q)[2] ** 2

    def arrived(later, received, mu, on_current):
        moved = neuron.on_time(later, mu, on_current) - neuron.on_time(received, mu, on_current)
        return neuron.on_weight(later, mu, on_current), jnp.sum(moved, axis=-1)

    flows = starts, jnp.broadcast_to(lengths[:, None], raised.shape) if associative else lengths, raised
    if associative:
        later, received, square = terms(*flows)
        one, zero = jnp.ones_like(raised), jnp.zeros_like(raised)
        keeps, gains, _ = neuron.flow_back(starts, flows[1], one, zero)
        lasts = neuron.flow_back(starts, flows[1], zero, one)[1]
        mu, first_mu = _affine(square * keeps, from_spikes[0], at_end)
        mu = square * mu
        on_current, first_current = _affine(lasts, gains * mu + from_spikes[1], on_current)
        on_raised, on_times = arrived(later, received, mu, on_current)
        on_drives = neuron.flow_back(starts, flows[1], mu, on_current)[2]
    else:

        def step(carry, flow):
            (mu, on_current), (state, length, weight, more_mu, more_current) = carry, flow
            later, received, square = terms(state, length, weight)
            mu = square * mu
            on_weight, on_time = arrived(later, received, mu, on_current)
            mu, on_current, on_drive = neuron.flow_back(state, length, mu, on_current)
            return (mu + more_mu, on_current + more_current), (on_weight, on_time, on_drive)

        carry, (on_raised, on_times, on_drives) = lax.scan(
            step, (at_end, on_current), (*flows, *from_spikes), reverse=True
        )
        first_mu, first_current = carry
    on_potential = first_mu * starts.q[0] ** 2
    on_times = on_times[:-1]
    on_constant = on_time_constant(
        neuron.time_constant, (found, on_spikes), (jnp.cumsum(lengths)[:-1], -on_times), (duration, -on_duration)
    )
    on_neuron = _on_neuron(neuron, on_constant, jnp.sum(on_drives) + jnp.sum(on_drive))
    return on_neuron, on_times, on_raised[:-1], on_potential, first_current, on_duration


def _affine(factors, terms, last):
    """From the last on x_k = factors_k x_{k+1} + terms_k: x_{k+1} for each k, and x_0."""
    product, total = lax.associative_scan(
        lambda a, b: (b[0] * a[0], b[0] * a[1] + b[1]), (factors, terms), reverse=True
    )
    after = product * last[None] + total
    return jnp.concatenate([after[1:], last[None]]), after[0]


def _on_neuron(neuron, on_constant, on_drive):
    """The cotangent of a neuron: of its time constant, and of its drive where it has one."""
    found = eqx.tree_at(lambda each: each.time_constant, jax.tree.map(jnp.zeros_like, neuron), on_constant)
    if hasattr(neuron, "drive"):
        found = eqx.tree_at(lambda each: each.drive, found, on_drive)
    return found


_solve.defvjp(_forward_rule, _backward_rule)
