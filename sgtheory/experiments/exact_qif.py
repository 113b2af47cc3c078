"""What happens to a spike time when an input changes a little?

A QIF neuron and a LIF neuron get the same inputs, each measured by the weight at which one input just makes the neuron spike.
One of the inputs is varied, in its weight or in its time. Both neurons are solved from event to event, so that spike times,
their slopes and the places where a spike appears or vanishes are exact. `exact_qif` is pure and jitted; every number in its
setting is traced, so that changing one never recompiles, and `jax.vmap` over a setting sweeps it.
"""

import functools
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Bool, Float, Int, Scalar
from sgtheory._checks import finite, positive
from sgtheory.neurons import QIF, AbstractEventNeuron, EventLIF, EventState

LEAST = {"qif": math.pi**2 / 4, "lif": 4.0}
r"""The weight $w_\min$ at which one input just makes a neuron at rest spike, in a trial without end: $\pi^2/4$, $4\vartheta$."""

INPUTS, SPIKES = 6, 4
"""How many inputs a neuron has at most, and how many of its first spikes are followed."""
LARGEST_WEIGHT = 3.0
"""The largest weight of an input, in units of the least one."""
_LOGGED = INPUTS + int(0.5 * LEAST["lif"] * INPUTS * LARGEST_WEIGHT)
"""Enough events: each spike of the LIF neuron takes at least its threshold from the charge that arrives."""

MOMENTS, PLACES = 401, 98
"""Points of a trace, and at least as many of a curve: none of them just where a LIF neuron grazes its threshold."""
_ENDS, _PARTS, _ROUNDS = 10, 15, 7  # curves may end or jump at so many places, which are found by sections
_CLOSER = 4
_STEP = 0.25  # no spike time changes by so much from one place to the next, unless it jumps or is steep
AWAY = -1000.0
"""Where a curve is drawn that is not there: beyond the end of every axis."""
HIGHEST = 60.0
"""Beyond this size a potential is drawn no farther: on its way through infinity."""

SEVERAL_START, SEVERAL_DURATION, SEVERAL_WEIGHTS = math.pi, 10.0, (-8.5, 60.0)
"""The neuron of Fig. S3: its potential at first, its trial, and the weights of its only input, which comes at 0."""


class Inputs(eqx.Module):
    """Inputs of a neuron, and its trial. Times may be infinite.

    **Raises** `ValueError` for a weight that is not finite, and a duration that is not positive.
    """

    times: Float[Array, " inputs"]
    weights: Float[Array, " inputs"] = eqx.field(converter=finite("weights"))
    duration: Scalar = eqx.field(converter=positive("duration", single=True))


class Log(eqx.Module):
    """What happens to a neuron: the start and every event after it, those that there are not at the time infinity."""

    times: Float[Array, " events"]
    spikes: Bool[Array, " events"]
    """Whether it is a spike of its own; else it is an input."""
    states: EventState
    """The state just after each event."""


class Scene(eqx.Module):
    """What stays the same while one input is varied; weights in units of the least one that makes a neuron at rest spike."""

    times: Float[Array, " others"]
    weights: Float[Array, " others"]
    durations: Float[Array, "2"]
    """The trials of the QIF neuron and of the LIF neuron."""
    weight_ends: Float[Array, "2"]
    """The weights between which the varied input is followed."""


class ExactQIFSetting(eqx.Module):
    """The varied input. **Raises** `ValueError` for a number that is not finite."""

    weight: Scalar = eqx.field(converter=finite("weight", single=True))
    """Its weight, in units of the least one."""
    time: Scalar = eqx.field(converter=finite("time", single=True))
    """Its time."""


class Curves(eqx.Module):
    """Times of the first spikes against what is varied, and their slopes; `AWAY` where a spike is not in the trial."""

    x: Float[Array, " places"]
    times: Float[Array, "places spikes"]
    slopes: Float[Array, "places spikes"]
    """Derivatives with respect to the weight itself, or to the time."""
    begin: Int[Array, "pieces spikes"]
    """Where the pieces of each curve begin, and the last one ends."""
    jump: Scalar
    """The largest jump of a spike time, where a spike that is not there counts as one at the end of the trial."""


class Neuron(eqx.Module):
    """What page 09 shows of one of the two neurons."""

    moments: Float[Array, " moments"]
    trace: Float[Array, " moments"]
    """Its potential, or its phase."""
    spikes: Float[Array, " spikes"]
    """The times of its first spikes; `AWAY` where there is none."""
    count: Scalar
    """The number of all its spikes in the trial."""
    first: Scalar
    """The time of the first spike; the end of the trial, if there is none."""
    slope: Scalar
    """Its slope; 0 if there is none."""
    duration: Scalar
    curves: Curves


class ExactQIFPicture(eqx.Module):
    """What page 09 shows of one varied input."""

    x: Scalar
    """What is varied: the weight in units of the least one, or the time."""
    qif: Neuron
    lif: Neuron


class Several(eqx.Module):
    """The neuron of Fig. S3 with one weight."""

    moments: Float[Array, " moments"]
    trace: Float[Array, " moments"]
    """Its potential, or its phase."""
    spikes: Float[Array, "3"]
    """The times of its first three spikes; `AWAY` where there is none."""
    count: Scalar
    """The number of its spikes."""


def run(neuron: AbstractEventNeuron, potential: Scalar | float, inputs: Inputs, events: int) -> Log:
    """A neuron from event to event, until the trial ends or so many events have happened.

    **Arguments:** `potential` at the time 0, where the current is 0; `inputs` in any order.
    **Source:** Klos & Memmesheimer (2025), Eq. 1–5.

    >>> import jax.numpy as jnp
    >>> inputs = Inputs(jnp.array([0.5]), jnp.array([1.5 * LEAST["qif"]]), 4.0)
    >>> log = run(QIF(), 0.0, inputs, events=3)
    >>> print(log.times.round(4), log.spikes)
    [0.     0.5    2.1955    inf] [False False  True False]
    """
    order = jnp.argsort(inputs.times)
    times, weights = jnp.append(inputs.times[order], jnp.inf), jnp.append(inputs.weights[order], 0.0)

    def step(carry, _):
        state, time, arrived = carry
        until_spike, until_input = neuron.time_to_spike(state), times[arrived] - time
        fires = until_spike <= until_input
        until = jnp.where(fires, until_spike, until_input)
        ends = time + until > inputs.duration
        until = jnp.where(ends, 0.0, until)
        flowed = neuron.flow(state, until)
        flowed = EventState(flowed.p, jnp.maximum(flowed.q, 0.0), flowed.current)  # rounding must lose no spike
        received, fired = neuron.receive(flowed, weights[arrived]), neuron.after_spike(flowed)
        after = jax.tree.map(
            lambda old, new, own: jnp.where(ends, old, jnp.where(fires, own, new)), state, received, fired
        )
        time = time + until
        spikes = fires & ~ends
        arrived = arrived + jnp.where(fires | ends, 0, 1)
        told = (jnp.where(ends, jnp.inf, time), spikes, after.p, after.q, after.current)
        return (after, time, arrived), told

    zero = jnp.zeros((), inputs.weights.dtype)
    state = neuron.start(zero + potential, zero)
    start = (zero, jnp.zeros((), bool), state.p, state.q, state.current)
    _, found = jax.lax.scan(step, (state, zero, jnp.zeros((), int)), None, length=events)
    times, spikes, p, q, current = (
        jnp.concatenate([first[None], rest]) for first, rest in zip(start, found, strict=True)
    )
    return Log(times, spikes, EventState(p, q, current))


def spike_times(log: Log, most: int = SPIKES) -> Float[Array, " spikes"]:
    """The first spikes of a log; infinite where there are no more."""
    number = jnp.cumsum(log.spikes)
    of = log.spikes[None] & (number[None] == jnp.arange(1, most + 1)[:, None])
    return jnp.where(jnp.any(of, axis=1), jnp.sum(jnp.where(of, log.times[None], 0.0), axis=1), jnp.inf)


def trace(neuron: AbstractEventNeuron, log: Log, moments: Float[Array, " moments"]) -> EventState:
    """The state at each of these moments."""
    last = jnp.sum(log.times[None] <= moments[:, None], axis=1) - 1
    states = jax.tree.map(lambda leaf: leaf[last], log.states)
    return neuron.flow(states, moments - log.times[last])


def curves_of(
    spikes: Callable[[Scalar], Float[Array, " spikes"]],
    here: Scalar,
    ends: Float[Array, "2"],
    duration: Scalar,
    scale: Scalar,
) -> tuple[Curves, Float[Array, " spikes"], Float[Array, " spikes"]]:
    """Spike times over what is varied, with every place at which one appears, vanishes or jumps found by sections.

    All places of a round are looked at by one program, which is compiled once: first those of a grid, then the sections between
    two of them where something happens, at last the two ends of each.

    **Arguments:** `spikes`, from a place to spike times, infinite where there is none; `here`, a place; `ends` of the axis;
    `scale`, by which slopes are divided.
    **Returns:** the curves, and the spike times and their slopes at `here`.
    """

    def unlike(one, other):
        """Whether the spikes at two places are not the same ones, a little moved."""
        one, other = jnp.minimum(one, duration), jnp.minimum(other, duration)
        return jnp.any(((one < duration) != (other < duration)) | (jnp.abs(one - other) > _STEP), axis=-1)

    def sections(low, high):
        return (low[None] + (high - low)[None] * jnp.arange(1, _PARTS, dtype=low.dtype)[:, None] / _PARTS).ravel()

    def around(low, high):
        """The two ends, and further places closer and closer to them, where a slope may diverge."""
        aside = (grid[1] - grid[0]) * 0.25 ** jnp.arange(1, _CLOSER + 1, dtype=low.dtype)[:, None]
        places = jnp.concatenate([low, high, (low[None] - aside).ravel(), (high[None] + aside).ravel()])
        return jnp.concatenate([jnp.clip(places, ends[0], ends[1]), jnp.broadcast_to(here, size - added)])

    def opened(times):
        """Between which places of the grid something happens, and the spikes at the left one."""
        where = _first(unlike(times[: PLACES - 1], times[1:PLACES]), _ENDS, PLACES - 2)
        return grid[where], grid[where + 1], times[where]

    def narrowed(times, low, high, left):
        other = unlike(times.reshape(_PARTS - 1, _ENDS, -1), left[None])
        number = jnp.where(jnp.any(other, axis=0), jnp.argmax(other, axis=0), _PARTS - 1).astype(low.dtype)
        width = (high - low) / _PARTS
        return low + number * width, low + (number + 1) * width, left

    def looked(carry, number):
        x, _, first, (low, high, left) = carry
        found = jax.vmap(lambda each: jax.jvp(spikes, (each,), (jnp.ones_like(each),)))(x)
        begins = number == 0

        def either(one, other):
            return jax.tree.map(lambda new, old: jnp.where(begins, new, old), one, other)

        narrower = narrowed(found[0], low, high, left)
        narrower = jax.tree.map(lambda new, old: jnp.where(number > _ROUNDS, old, new), narrower, (low, high, left))
        between = either(opened(found[0]), narrower)
        x = jnp.where(number >= _ROUNDS, around(*between[:2]), sections(*between[:2]))
        return (x, found, either(found, first), between), None

    size, added = (_PARTS - 1) * _ENDS, 2 * _ENDS * (1 + _CLOSER)
    grid = jnp.linspace(ends[0], ends[1], PLACES)
    empty = jnp.zeros((size, SPIKES), grid.dtype)
    between = grid[:_ENDS], grid[:_ENDS], empty[:_ENDS]
    start = jnp.concatenate([grid, jnp.broadcast_to(here, size - PLACES)]), (empty, empty), (empty, empty), between
    (_, last, first, (low, high, _)), _ = jax.lax.scan(looked, start, jnp.arange(_ROUNDS + 2))
    x = jnp.concatenate([grid, around(low, high)[:added]])
    order = jnp.argsort(x)
    x = x[order]
    times, slopes = (
        jnp.concatenate([one[:PLACES], other[:added]])[order].T for one, other in zip(first, last, strict=True)
    )
    there = times < duration
    steps = jnp.abs(jnp.diff(jnp.minimum(times, duration)))
    jumps = (jnp.diff(x) < 1e-6 * (ends[1] - ends[0]))[None] & (steps > 1e-3)
    breaks = jumps | (there[:, :-1] != there[:, 1:])
    begin = jax.vmap(lambda each: _first(each, 2 * _ENDS, x.size - 1) + 1)(breaks)
    curves = Curves(
        x,
        jnp.where(there, times, AWAY).T,
        jnp.where(there, jnp.clip(slopes / scale, AWAY, -AWAY), AWAY).T,
        jnp.concatenate([jnp.zeros_like(begin[:, :1]), begin, jnp.full_like(begin[:, :1], x.size)], axis=1).T,
        jnp.max(jnp.where(jumps, steps, 0.0)),
    )
    return curves, first[0][PLACES], first[1][PLACES] / scale


def _first(true: Bool[Array, " places"], most: int, fill: int) -> Int[Array, " most"]:
    """The first places where something is true; `fill` where there are fewer."""
    return jnp.sort(jnp.where(true, jnp.arange(true.size), fill))[:most]


def _neuron(
    neuron: QIF | EventLIF,
    setting: ExactQIFSetting,
    scene: Scene,
    against_time: Bool[Array, ""],
    as_phase: Bool[Array, ""],
) -> Neuron:
    qif = isinstance(neuron, QIF)
    least, duration = LEAST["qif" if qif else "lif"], scene.durations[0 if qif else 1]
    x = jnp.where(against_time, setting.time, setting.weight)
    ends = jnp.where(against_time, jnp.stack([jnp.zeros_like(duration), duration]), scene.weight_ends)
    scale = jnp.where(against_time, 1.0, least)

    def log(x, events):
        weight, time = jnp.where(against_time, setting.weight, x), jnp.where(against_time, x, setting.time)
        times, weights = jnp.append(scene.times, time), least * jnp.append(scene.weights, weight)
        return run(neuron, 0.0, Inputs(times, weights, duration), events)

    def spikes(x):
        return spike_times(log(x, INPUTS + SPIKES))

    whole = log(x, _LOGGED)
    moments = jnp.linspace(0.0, duration, MOMENTS)
    curves, first, slopes = curves_of(spikes, x, ends, duration, scale)
    fires = first[0] < duration
    return Neuron(
        moments=moments,
        trace=_drawn(trace(neuron, whole, moments), as_phase if qif else jnp.zeros((), bool)),
        spikes=_or_away(spike_times(whole)),
        count=jnp.sum(whole.spikes).astype(moments.dtype),
        first=jnp.where(fires, first[0], duration),
        slope=jnp.where(fires, slopes[0], 0.0),
        duration=duration,
        curves=curves,
    )


def _drawn(state: EventState, as_phase: Bool[Array, ""]) -> Float[Array, " moments"]:
    """The phase, or the potential, which is on its way through infinity at a spike."""
    potential = state.p / jnp.maximum(state.q, jnp.abs(state.p) / HIGHEST + 1e-12)
    return jnp.where(as_phase, state.phase, potential)


def _or_away(times: Float[Array, " spikes"]) -> Float[Array, " spikes"]:
    return jnp.where(jnp.isfinite(times), times, AWAY)


@eqx.filter_jit
def exact_qif(
    setting: ExactQIFSetting, scene: Scene, against_time: Bool[Array, ""], as_phase: Bool[Array, ""]
) -> ExactQIFPicture:
    """Both neurons at the varied input's weight and time, and their spike times against the one or the other.

    **Arguments:** `against_time`: what is varied, the time of the input or its weight; `as_phase`: what is traced of the QIF
    neuron, the phase or the potential.
    **Source:** Klos & Memmesheimer (2025), Fig. 1, S4 and S5; slopes are derived.

    >>> import jax.numpy as jnp
    >>> no = jnp.zeros((), bool)
    >>> picture = exact_qif(ExactQIFSetting(1.15, 0.5), alone(), no, no)
    >>> print(f"{picture.qif.first:.3f} {picture.qif.slope:.3f}; {picture.lif.first:.3f} {picture.lif.slope:.3f}")
    3.196 -2.435; 0.885 -0.192
    >>> print(f"{picture.qif.curves.jump:.3f} {picture.lif.curves.jump:.1f}")
    0.000 1.8
    """
    shared = setting, scene, against_time, as_phase
    x = jnp.where(against_time, setting.time, setting.weight)
    return ExactQIFPicture(x, _neuron(QIF(), *shared), _neuron(EventLIF(), *shared))


# ---- scenes ----------------------------------------------------------------------------------------------------------

OTHERS = ((0.5, 1.25), (2.0, -0.5), (3.5, 1.4), (6.0, 1.6))
"""Times and weights, in units of the least one, of the inputs of the scene with several."""
_FIGURE_1 = (4.0, 3.0)


def _scene(others, durations, weight_ends) -> Scene:
    times, weights = np.full(INPUTS - 1, np.inf), np.zeros(INPUTS - 1)
    for k, (time, weight) in enumerate(others):
        times[k], weights[k] = time, weight
    return Scene(*(jnp.asarray(each, dtype=float) for each in (times, weights, durations, weight_ends)))


def alone() -> Scene:
    """The varied input is the only one, as on the left of Fig. 1."""
    # No section ends at 1 exactly, where the slope of the LIF neuron does not exist.
    return _scene((), _FIGURE_1, (0.0, 3.2))


def beside_excitation() -> Scene:
    """The varied input comes beside an excitatory one of 1.5 times the least weight at 0.5, as on the right of Fig. 1."""
    return _scene(((0.5, 1.5),), _FIGURE_1, (-LARGEST_WEIGHT, LARGEST_WEIGHT))


def among_others(others: tuple[tuple[float, float], ...] = OTHERS) -> Scene:
    """The varied input comes among others, each a time and a weight, in a trial of 10 time constants, as in Fig. S4 and S5.

    **Raises** `ValueError` for more inputs than there may be, and for larger weights.
    """
    if len(others) >= INPUTS:
        raise ValueError(f"`others` must be at most {INPUTS - 1} inputs, got {len(others)}. Leave some out.")
    if (largest := max((abs(weight) for _, weight in others), default=0.0)) > LARGEST_WEIGHT:
        raise ValueError(
            f"`others` must have weights of at most {LARGEST_WEIGHT} in size, got {largest}. Take smaller ones."
        )
    return _scene(others, (10.0, 10.0), (-LARGEST_WEIGHT, LARGEST_WEIGHT))


# ---- several spikes --------------------------------------------------------------------------------------------------


@eqx.filter_jit
def several_times(weight: Scalar) -> Float[Array, "3"]:
    r"""The first three spikes of a neuron with $V_0=\pi$ and one input at the time 0, in a trial without end.

    **Source:** Klos & Memmesheimer (2025), Fig. S3.

    >>> import jax.numpy as jnp
    >>> print(several_times(jnp.array(60.0)).round(2))
    [0.17  0.82  3.33]
    """
    return _several(weight)[0]


def _several(weight) -> tuple[jax.Array, EventState, jax.Array]:
    """Times of three spikes, and the states and times from which they come."""
    neuron = QIF()
    state = neuron.start(SEVERAL_START + 0 * weight, weight)
    time, times, states, starts = 0 * weight, [], [], []
    for _ in range(3):
        until = neuron.time_to_spike(state)
        states, starts = [*states, state], [*starts, time]
        time = time + until
        state = neuron.after_spike(neuron.flow(state, jnp.where(jnp.isfinite(until), until, 0.0)))
        times.append(time)
    states, starts = [*states, state], [*starts, time]
    return jnp.stack(times), jax.tree.map(lambda *leaves: jnp.stack(leaves), *states), jnp.stack(starts)


@eqx.filter_jit
def several(weight: Scalar, as_phase: Bool[Array, ""]) -> Several:
    """The trace of the neuron of Fig. S3, and its spikes in the trial.

    >>> import jax.numpy as jnp
    >>> print([int(several(jnp.array(each), jnp.zeros((), bool)).count) for each in (-5.0, 16.3, 16.7, 57.0)])
    [1, 1, 2, 3]
    """
    times, states, starts = _several(weight)
    moments = jnp.linspace(0.0, SEVERAL_DURATION, MOMENTS)
    log = Log(starts, jnp.ones_like(starts, dtype=bool), states)
    inside = times <= SEVERAL_DURATION
    return Several(
        moments,
        _drawn(trace(QIF(), log, moments), as_phase),
        jnp.where(inside, times, AWAY),
        jnp.sum(inside).astype(moments.dtype),
    )


def several_curves() -> dict[str, np.ndarray]:
    """Weights and times of each of the three spikes, from the weight at which it enters the trial; and this weight.

    >>> print(*(f"{several_curves()[f'enters_{k}']:.2f}" for k in (1, 2, 3)))
    -9.79 16.43 55.58
    """
    return _several_curves(str(jnp.result_type(float)))


@functools.cache
def _several_curves(precision: str) -> dict[str, np.ndarray]:
    """Once for each precision."""
    del precision
    low, high, found = np.full(3, -12.0), np.full(3, SEVERAL_WEIGHTS[1]), {}
    times_of = jax.vmap(several_times)
    for _ in range(60):
        middle = (low + high) / 2
        enters = np.diagonal(np.asarray(times_of(jnp.asarray(middle)))) <= SEVERAL_DURATION
        low, high = np.where(enters, low, middle), np.where(enters, middle, high)
    for k, enters in enumerate(high):
        weights = enters + (SEVERAL_WEIGHTS[1] - enters) * np.linspace(0.0, 1.0, 161) ** 6  # close where it is steep
        times = np.asarray(times_of(jnp.asarray(weights)))[:, k]
        found |= {f"enters_{k + 1}": np.asarray(enters), f"weights_{k + 1}": weights, f"times_{k + 1}": times}
    return found
