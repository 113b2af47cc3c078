"""QIF neurons from event to event: the flow, the next spike, networks, their adjoint, and pseudospikes."""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import sgtheory as sg
from sgtheory.neurons import EventState, circular, crossing_of, phase_to_line, sine_area
from tests.event_checks import many_at_once_are_each_by_itself

NEURON = sg.QIF()
LEAST = math.pi**2 / 4
"""The least weight with which one input from rest makes a spike, if a trial does not end."""
DURATION, COMES = 4.0, 0.5
"""Of the trials of Fig. 1."""


def points(seed, size=200, spread=4.0):
    draw = np.random.default_rng(seed)
    phase, current = draw.uniform(0.02, 0.98, size), draw.normal(0, spread, size)
    return EventState(*phase_to_line(jnp.asarray(phase)), jnp.asarray(current))


def spiking(state):
    fires = np.isfinite(np.asarray(NEURON.time_to_spike(state)))
    assert 20 < fires.sum() < fires.size
    return jax.tree.map(lambda leaf: leaf[fires], state)


# ---- the flow ----


def test_flows_one_after_another_are_one_flow():
    state = points(0)
    once = NEURON.flow(state, jnp.asarray(0.9))
    twice = NEURON.flow(NEURON.flow(state, jnp.asarray(0.4)), jnp.asarray(0.5))
    cross = once.p * twice.q - twice.p * once.q
    scale = jnp.hypot(once.p, once.q) * jnp.hypot(twice.p, twice.q)
    np.testing.assert_allclose(cross / scale, 0, atol=1e-14)
    np.testing.assert_allclose(once.current, twice.current, rtol=1e-14)


@pytest.mark.parametrize("current", [-40.0, -1e-3, -1e-9, 0.0, 1e-9, 0.3, 40.0])
def test_circular_functions_lie_on_their_curve_and_their_slopes_agree_with_differences(current):
    elapsed = jnp.asarray(0.7)
    cosine, sine = circular(jnp.asarray(current), elapsed)
    np.testing.assert_allclose(cosine**2 + current * sine**2, 1, rtol=1e-12 * float(cosine**2))
    for which in (0, 1):
        for argument in (0, 1):
            arguments = [jnp.asarray(current), elapsed]
            slope = jax.jacobian(lambda *each: circular(*each)[which], argnums=argument)(*arguments)  # noqa: B023
            step = 1e-5
            ends = []
            for sign in (1, -1):
                moved = list(arguments)
                moved[argument] = moved[argument] + sign * step
                ends.append(circular(*moved)[which])
            np.testing.assert_allclose(slope, (ends[0] - ends[1]) / (2 * step), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("current", [-40.0, -1.01, -1e-3, 0.0, 1e-7, 1.0, 1.1, 40.0])
def test_what_a_current_does_to_a_flow_in_closed_form_and_by_automatic_differentiation(current):
    p, q, elapsed = 0.7, 0.4, jnp.asarray(0.7)

    def moved(current):
        cosine, sine = circular(current, elapsed)
        return cosine * p + current * sine * q, cosine * q - sine * p

    (first, second), (d_first, d_second) = jax.jvp(moved, (jnp.asarray(current),), (jnp.ones(()),))
    area = sine_area(p, q, jnp.asarray(current), elapsed)
    np.testing.assert_allclose(area, second * d_first - first * d_second, rtol=1e-12)


def test_the_flow_is_that_of_the_differential_equation():
    state = jax.tree.map(lambda leaf: leaf[:12], points(1, spread=2.0))
    until = jnp.minimum(0.8, 0.9 * NEURON.time_to_spike(state))
    found = NEURON.flow(state, until)
    for k in range(12):
        start = [float(state.phase[k]) * math.pi, float(state.current[k])]
        solved = solve_ivp(turning, (0.0, float(until[k])), start, method="DOP853", rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(float(found.phase[k]) * math.pi, solved.y[0, -1], atol=1e-11)


def turning(_, state):
    """The angle πφ of a neuron, or of several, and the currents; it has no pole."""
    angle, current = np.split(np.asarray(state), 2)
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.concatenate([math.pi * cosine**2 + sine * cosine + current * sine**2 / math.pi, -2 * current])


# ---- the next spike ----


def test_the_time_to_the_next_spike_shrinks_as_time_goes_by():
    state = spiking(points(2))
    until = NEURON.time_to_spike(state)
    later = NEURON.time_to_spike(NEURON.flow(state, until / 3))
    np.testing.assert_allclose(later, until * 2 / 3, rtol=1e-11, atol=1e-12)


def test_slopes_of_the_time_to_a_spike_are_the_published_ones_and_negative():
    state = spiking(points(3))
    p, current = state.potential, state.current

    def time(potential, current):
        return NEURON.time_to_spike(EventState(potential, jnp.ones_like(potential), current))

    on_potential, on_current = (jax.vmap(jax.grad(time, argnums=which))(p, current) for which in (0, 1))
    times = time(p, current)
    known = -jnp.exp(times) / (p**2 + current)
    np.testing.assert_allclose(on_potential, known, rtol=1e-8)
    assert bool(jnp.all(on_potential < 0))
    assert bool(jnp.all(on_current < 0))
    # Starting later by dt shifts the spike by dt: time translation.
    moving = on_potential * (p**2 - p + current) - 2 * on_current * current
    np.testing.assert_allclose(moving, -1, rtol=1e-9)
    step = 1e-6
    differences = (time(p, current + step) - time(p, current - step)) / (2 * step)
    np.testing.assert_allclose(on_current, differences, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("current", [-2.0, 0.0, 1e-300, 2.0])
@pytest.mark.parametrize(("p", "q"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (1.0, 0.3), (-1.0, 0.3)])
def test_nothing_is_infinite_or_undefined_at_a_spike_or_without_current(p, q, current):
    arguments = jnp.asarray(p), jnp.asarray(q), jnp.asarray(current)
    assert not bool(jnp.isnan(crossing_of(*arguments)))
    slopes = jax.grad(lambda *each: NEURON.time_to_spike(EventState(*each)), argnums=(0, 1, 2))(*arguments)
    assert all(bool(jnp.isfinite(each)) for each in slopes)


def test_the_time_to_a_spike_is_continuous_where_the_current_vanishes():
    times = [
        NEURON.time_to_spike(EventState(jnp.asarray(3.0), jnp.ones(()), jnp.asarray(x))) for x in (-1e-12, 0.0, 1e-12)
    ]
    np.testing.assert_allclose(times, times[1], rtol=1e-12)
    slope = jax.grad(lambda x: NEURON.time_to_spike(EventState(jnp.asarray(3.0), jnp.ones(()), x)))
    expected = -math.exp(float(times[1])) / (3 * 27)
    np.testing.assert_allclose([slope(jnp.asarray(x)) for x in (-1e-12, 0.0, 1e-12)], expected, rtol=1e-10)


def test_numbers_of_figure_1():
    times = {
        ratio: COMES + NEURON.time_to_spike(NEURON.start(jnp.zeros(()), jnp.asarray(ratio * LEAST)))
        for ratio in (0.95, 1.15, 1.5)
    }
    assert not np.isfinite(times[0.95])
    np.testing.assert_allclose([times[1.15], times[1.5]], [3.195699, 2.195522], atol=5e-7)
    entering = (math.pi / 2 / -math.expm1(-(DURATION - COMES))) ** 2
    np.testing.assert_allclose([entering, entering / LEAST], [2.623452, 1.063245], atol=5e-7)
    np.testing.assert_allclose(
        COMES + NEURON.time_to_spike(NEURON.start(jnp.zeros(()), jnp.asarray(entering))), 4, rtol=1e-12
    )


# ---- a network ----

UNITS, CHANNELS, TRIAL = 6, 5, 6.0


@functools.cache
def network_problem():
    draw = np.random.default_rng(7)
    times = np.sort(draw.uniform(0, TRIAL, 24))
    inputs = sg.InputSpikes(times, draw.integers(0, CHANNELS, 24))
    among = draw.normal(0, 1.5, (UNITS, UNITS))
    np.fill_diagonal(among, 0.0)
    weights = sg.EventParameters(
        draw.normal(1.0, 2.0, (UNITS, CHANNELS)), among, draw.normal(0, 1, UNITS), draw.normal(0.5, 1, UNITS)
    )
    return sg.RecurrentEventNetwork(duration=TRIAL, events=80), weights, inputs


@functools.cache
def network_log():
    network, weights, inputs = network_problem()
    return run(network, weights, inputs)


@eqx.filter_jit
def run(network, weights, inputs):
    return network.run(weights, inputs, ()).output


def moved_inputs(inputs, times):
    return eqx.tree_at(lambda each: each.times, inputs, times)


def some_loss(network, weights, inputs):
    """Something of all that is smooth: spike times, phases and currents at the end."""
    log = network.run(weights, inputs, ()).output
    spikes = log.units >= 0
    times = jnp.where(spikes, jnp.where(spikes, log.times, 0.0), 0.0)
    counted = jnp.sin(times) * (1 + 0.3 * jnp.where(spikes, log.units, 0).astype(times.dtype))
    return jnp.sum(counted) + jnp.sum(jnp.cos(2 * jnp.pi * log.end.phase)) + jnp.sum(log.end.current**2)


def by_differential_equation(weights, inputs):
    """Events and the end state, by an ODE solver that looks for the angles at which neurons spike."""
    state, now, events = (
        np.concatenate([np.arctan2(math.pi, -np.asarray(weights.potential)), np.asarray(weights.current)]),
        0.0,
        [],
    )
    order = np.argsort(inputs.times)
    coming = [(float(inputs.times[k]), int(inputs.channels[k])) for k in order] + [(TRIAL, None)]
    for time, channel in coming:
        while now < time:
            crossings = [lambda _, x, n=n: x[n] - math.pi for n in range(UNITS)]
            for each in crossings:
                each.terminal, each.direction = True, 1.0
            solved = solve_ivp(turning, (now, time), state, method="DOP853", rtol=1e-12, atol=1e-12, events=crossings)
            state, now = solved.y[:, -1].copy(), float(solved.t[-1])
            fired = [n for n in range(UNITS) if solved.t_events[n].size]
            for unit in fired:
                state[unit] -= math.pi
                state[UNITS:] += np.asarray(weights.recurrent[:, unit])
                events.append((now, unit))
        if channel is not None:
            state[UNITS:] += np.asarray(weights.inputs[:, channel])
            events.append((now, -1))
    return events, state[:UNITS] / math.pi, state[UNITS:]


def test_a_network_is_that_of_the_differential_equation():
    _, weights, inputs = network_problem()
    log = network_log()
    events, phase, current = by_differential_equation(weights, inputs)
    assert int(log.count) == len(events)
    assert sum(unit >= 0 for _, unit in events) > 10
    np.testing.assert_array_equal(log.units[: len(events)], [unit for _, unit in events])
    np.testing.assert_allclose(log.times[: len(events)], [time for time, _ in events], atol=1e-9)
    np.testing.assert_allclose(log.end.phase, phase, atol=1e-9)
    np.testing.assert_allclose(log.end.current, current, atol=1e-9)
    assert log.result == sg.EventResult.successful
    assert not np.any(np.isfinite(log.times[len(events) :]))


PLACES = [
    (lambda weights, _: weights.inputs, [(0, 0), (3, 2), (5, 4)]),
    (lambda weights, _: weights.recurrent, [(0, 1), (2, 5), (4, 3), (1, 1)]),
    (lambda weights, _: weights.potential, [(0,), (4,)]),
    (lambda weights, _: weights.current, [(1,), (5,)]),
    (lambda _, inputs: inputs.times, [(0,), (9,), (23,)]),
]


@pytest.mark.parametrize(
    ("where", "places"), PLACES, ids=["input weights", "recurrent", "potential", "current", "input times"]
)
def test_the_adjoint_is_the_derivative(where, places):
    network, weights, inputs = network_problem()
    times = inputs.times
    loss = eqx.filter_jit(lambda weights, times: some_loss(network, weights, moved_inputs(inputs, times)))
    gradient = jax.grad(lambda both: loss(*both))((weights, times))
    gradient = gradient[0], moved_inputs(inputs, gradient[1])

    def shifted(place, step):
        both = eqx.tree_at(
            lambda both: where(both[0], both[1]), (weights, inputs), replace_fn=lambda x: x.at[place].add(step)
        )
        return loss(both[0], both[1].times)

    for place in places:
        step = 1e-6
        difference = (shifted(place, step) - shifted(place, -step)) / (2 * step)
        np.testing.assert_allclose(where(*gradient)[place], difference, rtol=2e-6, atol=1e-7)


def test_the_derivative_with_respect_to_the_duration_and_the_time_constant():
    _, weights, inputs = network_problem()

    @jax.jit
    def loss(duration, time_constant):
        network = sg.RecurrentEventNetwork(sg.QIF(time_constant), duration=duration, events=80)
        return some_loss(network, weights, inputs)

    trial = jnp.asarray(TRIAL + 0.01), jnp.asarray(1.0)
    for which, slope in enumerate(jax.grad(loss, argnums=(0, 1))(*trial)):
        ends = [loss(*(each + sign * 1e-6 * (k == which) for k, each in enumerate(trial))) for sign in (1, -1)]
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6)


def test_shifting_all_inputs_shifts_all_spikes():
    _, weights, inputs = network_problem()
    weights = eqx.tree_at(lambda each: (each.potential, each.current), weights, replace_fn=jnp.zeros_like)
    logs = [
        run(
            sg.RecurrentEventNetwork(duration=TRIAL + shift, events=80),
            weights,
            moved_inputs(inputs, inputs.times + shift),
        )
        for shift in (0.0, 0.7)
    ]
    count = int(logs[0].count)
    np.testing.assert_allclose(logs[1].times[:count] - 0.7, logs[0].times[:count], atol=1e-12)
    np.testing.assert_allclose(logs[1].end.phase, logs[0].end.phase, atol=1e-12)

    # So from rest the derivatives of a spike time with respect to all input times sum to 1, and those of later inputs are 0.
    spikes = np.flatnonzero(np.asarray(logs[0].units) >= 0)
    network = sg.RecurrentEventNetwork(duration=TRIAL, events=80)

    @jax.jit
    def sensitivity(event):
        return jax.grad(lambda times: network.run(weights, moved_inputs(inputs, times), ()).output.times[event])(
            inputs.times
        )

    for event in spikes[:: max(1, len(spikes) // 4)]:
        slopes = sensitivity(event)
        np.testing.assert_allclose(jnp.sum(slopes), 1, rtol=1e-10)
        assert bool(jnp.all(slopes[inputs.times > logs[0].times[event]] == 0))


def test_an_input_in_two_parts_is_one_input():
    network, weights, inputs = network_problem()
    halves = eqx.tree_at(lambda each: each.inputs, weights, weights.inputs / 2)
    both = sg.InputSpikes(jnp.tile(inputs.times, 2), jnp.tile(inputs.channels, 2))
    network = sg.RecurrentEventNetwork(duration=TRIAL, events=110)
    log, expected = run(network, halves, both), network_log()
    spikes, known = log.times[log.units >= 0], expected.times[expected.units >= 0]
    np.testing.assert_allclose(spikes, known, rtol=1e-13)


def test_a_silent_input_changes_nothing_but_its_weight_would():
    network, weights, inputs = network_problem()
    wider = eqx.tree_at(lambda each: each.inputs, weights, jnp.pad(weights.inputs, [(0, 0), (0, 1)]))
    more = sg.InputSpikes(jnp.append(inputs.times, 1.0), jnp.append(inputs.channels, CHANNELS))
    log, expected = run(network, wider, more), network_log()
    np.testing.assert_allclose(log.times[log.units >= 0], expected.times[expected.units >= 0], rtol=1e-13)
    slope = jax.grad(lambda each: some_loss(network, each, more))(wider)
    assert float(jnp.min(jnp.abs(slope.inputs[:, -1]))) > 1e-6


def test_twins_spike_together_and_units_can_be_exchanged():
    network, weights, inputs = network_problem()
    order = np.array([3, 1, 0, 5, 4, 2])
    exchanged = sg.EventParameters(
        weights.inputs[order], weights.recurrent[order][:, order], weights.potential[order], weights.current[order]
    )
    log, expected = run(network, exchanged, inputs), network_log()
    np.testing.assert_allclose(log.times, expected.times, rtol=1e-12)
    np.testing.assert_array_equal(np.where(log.units >= 0, order[log.units], -1), expected.units)

    twins = sg.EventParameters(jnp.full((2, 1), 5.0), jnp.array([[0.0, 1.0], [1.0, 0.0]]))
    log = run(sg.RecurrentEventNetwork(duration=TRIAL, events=16), twins, sg.InputSpikes([0.5, 1.5, 3.0], [0, 0, 0]))
    first, second = (log.spike_times(unit, most=4) for unit in (0, 1))
    assert np.isfinite(first).sum() >= 2
    np.testing.assert_allclose(first, second, rtol=1e-14)


def test_many_networks_at_once_are_each_by_itself_and_a_longer_log_changes_nothing():
    network, weights, inputs = network_problem()
    many_at_once_are_each_by_itself(network, weights, inputs, some_loss, (0.0, 0.5, 1.0, 1.4), 1e-11)
    longer = run(sg.RecurrentEventNetwork(duration=TRIAL, events=120), weights, inputs)
    np.testing.assert_array_equal(longer.times[:80], network_log().times)
    np.testing.assert_array_equal(longer.end.phase, network_log().end.phase)


def test_an_input_that_crosses_its_target_moves_it_by_a_third_order_law():
    weight, late = 0.8, 1e-3

    def spike(distance):
        weights = sg.EventParameters([[1.5 * LEAST, weight]])
        inputs = sg.InputSpikes([COMES, target - distance], [0, 1])
        return run(sg.RecurrentEventNetwork(duration=TRIAL, events=8), weights, inputs).spike_times(0, 1)[0]

    target = float(COMES + NEURON.time_to_spike(NEURON.start(jnp.zeros(()), jnp.asarray(1.5 * LEAST))))
    np.testing.assert_allclose(spike(-late), target, rtol=1e-14)
    np.testing.assert_allclose(target - spike(late), weight * late**3 / 3, rtol=5e-3)


# ---- what is refused ----


def test_a_log_that_is_too_short_says_how_long_it_must_be():
    _, weights, inputs = network_problem()
    needed = int(network_log().count)
    for events, full in ((needed - 1, True), (needed, False)):
        log = run(sg.RecurrentEventNetwork(duration=TRIAL, events=events, throw=False), weights, inputs)
        assert int(log.count) == needed
        assert bool(log.result == sg.EventResult.log_full) == full
        np.testing.assert_array_equal(log.end.phase, network_log().end.phase)
    with pytest.raises(eqx.EquinoxRuntimeError, match="The log of events is full"):
        run(sg.RecurrentEventNetwork(duration=TRIAL, events=needed - 1), weights, inputs).times.block_until_ready()


def test_without_throw_a_result_tells_what_is_refused():
    quiet = sg.RecurrentEventNetwork(duration=TRIAL, events=8, throw=False)
    result = jax.jit(lambda weight: run(quiet, sg.EventParameters([[weight]]), sg.InputSpikes([0.5], [0])).result)
    for weight, allowed in ((5.0, True), (np.nan, False), (np.inf, False)):
        expected = sg.EventResult.successful if allowed else sg.EventResult.not_allowed
        assert bool(result(weight) == expected)


def test_a_network_that_never_stops_spiking_is_given_up():
    weights = sg.EventParameters([[50.0], [50.0]], [[0.0, 400.0], [400.0, 0.0]])
    log = run(sg.RecurrentEventNetwork(duration=50.0, events=4, throw=False), weights, sg.InputSpikes([0.0], [0]))
    assert log.result == sg.EventResult.log_full
    assert int(log.count) >= 64


def test_bad_input_is_refused_in_a_sentence(annotations_off):
    network, weights, inputs = network_problem()
    with pytest.raises(ValueError, match="`times` must be from 0 on, got"):
        sg.InputSpikes([-0.1], [0])
    with pytest.raises(ValueError, match="`times` must be from 0 on, got"):
        sg.InputSpikes([np.nan], [0])
    with pytest.raises(ValueError, match="`channels` must be one whole number a time"):
        sg.InputSpikes([0.1], [0.5])
    with pytest.raises(ValueError, match="`times` must be up to the end of the trial at"):
        network.as_inputs(sg.InputSpikes([TRIAL + 1], [0]))
    with pytest.raises(ValueError, match="`channels` must be from 0 and below the number of input channels, 5"):
        network.check(weights, sg.InputSpikes([0.1], [CHANNELS]))
    with pytest.raises(ValueError, match="`times` must be up to the end of the trial at"):
        network.run(weights, sg.InputSpikes([TRIAL + 1], [0]), ())
    with pytest.raises(TypeError, match="InputSpikes"):
        network.as_inputs([0.1])
    with pytest.raises(ValueError, match="`inputs` must be finite"):
        sg.EventParameters([[np.nan]])
    with pytest.raises(ValueError, match="`recurrent` must have the shape"):
        sg.EventParameters([[1.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="`duration` must be positive"):
        sg.RecurrentEventNetwork(duration=0.0, events=4)
    with pytest.raises(ValueError, match="`events` must be a whole number from 1"):
        sg.RecurrentEventNetwork(duration=1.0, events=0)
    with pytest.raises(
        ValueError, match="`unit` must be a whole number from 0 and not above the number of the last unit, 5"
    ):
        sg.first_spikes(network_log(), UNITS, sg.ConstantDrive().times(network_log().end, TRIAL, 1))
    with pytest.raises(eqx.EquinoxRuntimeError, match="`times` must be from 0 to the end of the trial"):
        run(network, weights, moved_inputs(inputs, inputs.times + TRIAL)).times.block_until_ready()
    broken = eqx.tree_at(lambda each: each.potential, weights, weights.potential.at[0].set(jnp.nan))
    with pytest.raises(eqx.EquinoxRuntimeError, match="must be finite"):
        run(network, broken, inputs).times.block_until_ready()


def test_inputs_in_any_order_are_the_same_inputs():
    network, weights, inputs = network_problem()
    order = np.random.default_rng(0).permutation(inputs.times.size)
    shuffled = sg.InputSpikes(inputs.times[order], inputs.channels[order])
    np.testing.assert_array_equal(run(network, weights, shuffled).times, network_log().times)
    gradient = eqx.filter_jit(eqx.filter_grad(lambda inputs: some_loss(network, weights, inputs)))
    np.testing.assert_allclose(gradient(shuffled).times, gradient(inputs).times[order], rtol=1e-12)


def test_the_exact_gradient_by_the_general_estimator():
    network, weights, inputs = network_problem()

    def loss(log):
        return jnp.sum(log.end.current**2) + log.times[3]

    estimate = sg.PathwiseGradient().estimate(loss, network, weights, inputs, key=jax.random.key(0))
    known = jax.grad(lambda each: loss(network.run(each, inputs, ()).output))(weights)
    for found, expected in zip(jax.tree.leaves(estimate), jax.tree.leaves(known), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_single_precision_stays_within_its_digits():
    network, weights, inputs = network_problem()
    narrow: Any = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, (weights, inputs)
    )
    log = run(network, *narrow)
    assert log.times.dtype == jnp.float32
    np.testing.assert_array_equal(log.units, network_log().units)
    count = int(log.count)
    np.testing.assert_allclose(log.times[:count], network_log().times[:count], atol=2e-4)


# ---- pseudospikes ----


def entering_weight():
    return (math.pi / 2 / -math.expm1(-(DURATION - COMES))) ** 2


def first_spike(law, weight, most=1):
    network = sg.RecurrentEventNetwork(duration=DURATION, events=8)
    weights = sg.EventParameters(jnp.reshape(weight, (1, 1)))
    log = network.run(weights, sg.InputSpikes([COMES], [0]), ()).output
    return sg.first_spikes(log, 0, law.times(log.end, DURATION, most))


def one_sided(law, order):
    """A derivative of the first spike's time with respect to the weight, just below and just above where it crosses T."""
    function = eqx.filter_jit(lambda weight: first_spike(law, weight)[0])
    slope = eqx.filter_jit(jax.grad(lambda weight: first_spike(law, weight)[0]))
    crossing = entering_weight()
    if order == 0:
        return [function(jnp.asarray(crossing + sign * 1e-9)) for sign in (-1, 1)]
    if order == 1:
        return [slope(jnp.asarray(crossing + sign * 1e-9)) for sign in (-1, 1)]
    step = 1e-4  # of a one-sided second-order difference
    values = [[slope(jnp.asarray(crossing + sign * k * step)) for k in (1e-6, 1, 2)] for sign in (-1, 1)]
    return [sign * (-3 * a + 4 * b - c) / (2 * step) for sign, (a, b, c) in zip((-1, 1), values, strict=True)]


@pytest.mark.parametrize(
    ("order", "known", "tolerance"), [(0, 4.0, 1e-8), (1, -6.120839499, 1e-6), (2, 40.96436313, 2e-3)]
)
def test_a_spike_that_crosses_the_end_becomes_a_driven_pseudospike_smoothly(order, known, tolerance):
    np.testing.assert_allclose(one_sided(sg.ConstantDrive(), order), known, atol=tolerance)


def second_layer(law, weight):
    """Spikes of a neuron below another one, whose active pseudospike it receives like any spike."""
    first = sg.RecurrentEventNetwork(duration=DURATION, events=8)
    below = first.run(sg.EventParameters(jnp.reshape(weight, (1, 1))), sg.InputSpikes([COMES], [0]), ()).output
    times = jnp.concatenate([below.spike_times(0, 3), law.active(below.end, DURATION)])
    last = law.next_duration(DURATION)
    second = sg.RecurrentEventNetwork(duration=last, events=8)
    log = second.run(sg.EventParameters(jnp.array([[2.0]]), potential=jnp.array([0.9])), inputs_at(times), ()).output
    return sg.first_spikes(log, 0, law.times(log.end, last, 2))


def inputs_at(times):
    return moved_inputs(sg.InputSpikes(jnp.zeros(times.size), jnp.zeros(times.size, int)), times)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
def test_times_of_continued_phases_and_their_slopes_are_continuous(exponent):
    law = sg.ContinuedPhase(exponent)
    function = functools.partial(first_spike, law, most=3)
    for each, tolerance in ((function, 1e-5), (jax.jacobian(function), 1e-3)):
        before, after = (each(jnp.asarray(entering_weight() + sign * 1e-7)) for sign in (-1, 1))
        np.testing.assert_allclose(before, after, atol=tolerance)


@pytest.mark.parametrize(("exponent", "smooth"), [(1.0, False), (2.0, True), (3.0, True)])
def test_the_next_layer_needs_an_exponent_of_2_to_be_smooth(exponent, smooth):
    function = eqx.filter_jit(functools.partial(second_layer, sg.ContinuedPhase(exponent)))
    slopes = eqx.filter_jit(jax.jacobian(functools.partial(second_layer, sg.ContinuedPhase(exponent))))
    before, after = (entering_weight() + sign * 1e-7 for sign in (-1, 1))
    np.testing.assert_allclose(function(jnp.asarray(before)), function(jnp.asarray(after)), atol=1e-5)
    jump = np.max(np.abs(slopes(jnp.asarray(after)) - slopes(jnp.asarray(before))))
    assert (jump < 1e-3) if smooth else (jump > 0.1)


def test_pseudospikes_of_a_recurrent_network_know_how_near_the_others_are():
    _, weights, _ = network_problem()
    log, law = network_log(), sg.ConstantDrive()
    readiness = law.readiness(log.end)
    assert bool(jnp.all((readiness > 0) & (readiness < 1)))
    arriving = law.arriving(log.end, weights.recurrent)
    alone = law.readiness(sg.EndState(log.end.phase, jnp.zeros(UNITS)))
    np.testing.assert_allclose(arriving, weights.recurrent @ alone, rtol=1e-13)
    times = law.times(log.end, TRIAL, 3, arriving)
    assert bool(jnp.all(jnp.diff(jnp.column_stack([jnp.full(UNITS, TRIAL), times]), axis=1) > 0))
    for unit in range(UNITS):
        spikes = sg.first_spikes(log, unit, times)
        assert bool(jnp.all(jnp.diff(spikes) > 0))


def test_a_driven_pseudospike_is_where_the_driven_neuron_spikes():
    law, phase, current = sg.ConstantDrive(), 0.4, 1.3
    drive = 0.25 + 10.0 * math.log1p(math.exp(current / 10.0))
    time = law.times(sg.EndState(jnp.array([phase]), jnp.array([current])), 0.0, 1)[0, 0]

    def angle(until):
        def moving(_, state):
            sine, cosine = np.sin(state[0]), np.cos(state[0])
            return [math.pi * cosine**2 + sine * cosine + drive * sine**2 / math.pi]

        return (
            solve_ivp(moving, (0.0, until), [phase * math.pi], method="DOP853", rtol=1e-12, atol=1e-12).y[0, -1]
            - math.pi
        )

    np.testing.assert_allclose(time, brentq(angle, 0.1, 3.0, xtol=1e-12), atol=1e-10)
