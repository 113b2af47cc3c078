"""EventProp: LIF networks from event to event, their adjoint, and where it breaks down."""

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sgtheory as sg
from tests.event_checks import many_at_once_are_each_by_itself

UNITS, CHANNELS, TRIAL, EVENTS = 5, 4, 5.0, 80
TIME_CONSTANT, THRESHOLD = 1.3, 0.9


def neuron():
    return sg.EventLIF(THRESHOLD, TIME_CONSTANT)


@functools.cache
def network_problem():
    draw = np.random.default_rng(9)
    times = np.sort(draw.uniform(0, TRIAL, 20))
    inputs = sg.InputSpikes(times, draw.integers(0, CHANNELS, 20))
    weights = sg.EventParameters(
        draw.normal(2.0, 1.5, (UNITS, CHANNELS)), draw.normal(-0.3, 1.0, (UNITS, UNITS)), draw.normal(0, 0.3, UNITS),
        draw.normal(0.5, 1, UNITS),
    )  # fmt: skip
    return sg.EventPropNetwork(neuron(), duration=TRIAL, events=EVENTS), weights, inputs


@eqx.filter_jit
def run(network, weights, inputs):
    return network.run(weights, inputs, ()).output


@functools.cache
def network_log():
    return run(*network_problem())


def moved_inputs(inputs, times):
    return eqx.tree_at(lambda each: each.times, inputs, times)


def loss_of(times, units, potential, current):
    """Something of all that is smooth: spike times, potentials and currents at the end."""
    spikes = units >= 0
    times = jnp.where(spikes, jnp.where(spikes, times, 0.0), 0.0)
    counted = jnp.sin(times) * (1 + 0.3 * jnp.where(spikes, units, 0).astype(times.dtype))
    return jnp.sum(counted) + jnp.sum(jnp.cos(3 * potential)) + jnp.sum(current**2)


def some_loss(network, weights, inputs):
    log = network.run(weights, inputs, ()).output
    return loss_of(log.times, log.units, log.end.potential, log.end.current)


def by_differential_equation(weights, inputs):
    """Events and the end state, by an ODE solver that looks for the crossings of the threshold."""
    state, now, events = np.concatenate([weights.potential, weights.current]), 0.0, []
    order = np.argsort(inputs.times)
    coming = [(float(inputs.times[k]), int(inputs.channels[k])) for k in order] + [(TRIAL, None)]

    def moving(_, state):
        return np.concatenate([state[UNITS:] - state[:UNITS], -2 * state[UNITS:]]) / TIME_CONSTANT

    for time, channel in coming:
        while now < time:
            crossings: Any = [lambda _, x, n=n: x[n] - THRESHOLD for n in range(UNITS)]
            for each in crossings:
                each.terminal, each.direction = True, 1.0
            solved = solve_ivp(
                moving, (now, time), state, method="DOP853", rtol=1e-12, atol=1e-12, events=crossings, max_step=0.05
            )
            state, now = solved.y[:, -1].copy(), float(solved.t[-1])
            for unit in (n for n in range(UNITS) if solved.t_events[n].size):
                state[unit] = 0.0
                state[UNITS:] += np.asarray(weights.recurrent[:, unit])
                events.append((now, unit))
        if channel is not None:
            state[UNITS:] += np.asarray(weights.inputs[:, channel])
            events.append((now, -1))
    return events, state[:UNITS], state[UNITS:]


def test_a_network_is_that_of_the_differential_equation():
    _, weights, inputs = network_problem()
    log = network_log()
    events, potential, current = by_differential_equation(weights, inputs)
    assert int(log.count) == len(events)
    assert len({unit for _, unit in events}) == UNITS + 1  # every unit spikes
    np.testing.assert_array_equal(log.units[: len(events)], [unit for _, unit in events])
    np.testing.assert_allclose(log.times[: len(events)], [time for time, _ in events], atol=1e-9)
    np.testing.assert_allclose(log.end.potential, potential, atol=1e-9)
    np.testing.assert_allclose(log.end.current, current, atol=1e-9)
    assert log.result == sg.EventResult.successful
    assert not np.any(np.isfinite(log.times[len(events) :]))


def unrolled(sequence, parameters, times, channels, threshold, time_constant, duration):
    """The same trial as a plain chain of the neuron's own flow and next spike, one event after another."""
    each, (weights, potential, current) = sg.EventLIF(threshold, time_constant), parameters
    recurrent, inputs = weights
    state, now, arrived, logged = each.start(potential, current), jnp.zeros(()), 0, []
    for unit in sequence:
        until = each.time_to_spike(state)[unit] if unit >= 0 else times[arrived] - now
        state, now = each.flow(state, until), now + until
        if unit >= 0:
            reset = each.after_spike(state)
            own = jnp.arange(UNITS) == unit
            state = jax.tree.map(lambda new, old: jnp.where(own, new, old), reset, state)  # noqa: B023
        state = each.receive(state, recurrent[:, unit] if unit >= 0 else inputs[:, channels[arrived]])
        arrived += unit < 0
        logged.append(now)
    state = each.flow(state, duration - now)
    return loss_of(jnp.stack(logged), jnp.asarray(sequence), state.potential, state.current)


@functools.cache
def both_gradients():
    """By the adjoint, and by automatic differentiation through the unrolled chain, with respect to everything.

    Half a trial: a chain of all events takes long to compile.
    """
    _, weights, inputs = network_problem()
    inputs = moved_inputs(inputs, jnp.where(inputs.times < TRIAL / 2, inputs.times, jnp.inf))
    log = run(sg.EventPropNetwork(neuron(), duration=TRIAL / 2, events=EVENTS), weights, inputs)
    sequence = [int(unit) for unit in log.units[: int(log.count)]]
    assert len({unit for unit in sequence if unit >= 0}) >= 3

    def by_network(parameters, times, threshold, time_constant, duration):
        (recurrent, ins), potential, current = parameters
        network = sg.EventPropNetwork(sg.EventLIF(threshold, time_constant), duration=duration, events=EVENTS)
        moved = moved_inputs(inputs, times)
        return some_loss(network, sg.EventParameters(ins, recurrent, potential, current), moved)

    def by_chain(parameters, times, threshold, time_constant, duration):
        return unrolled(sequence, parameters, times, inputs.channels, threshold, time_constant, duration)

    at = (
        ((weights.recurrent, weights.inputs), weights.potential, weights.current), inputs.times,
        *map(jnp.asarray, (THRESHOLD, TIME_CONSTANT, TRIAL / 2)),
    )  # fmt: skip
    return tuple(jax.jit(jax.value_and_grad(each, argnums=tuple(range(5))))(*at) for each in (by_network, by_chain)), at


def test_the_adjoint_is_what_automatic_differentiation_finds():
    ((value, by_hand), (known, automatic)), _ = both_gradients()
    np.testing.assert_allclose(value, known, rtol=1e-12)
    for found, expected in zip(jax.tree.leaves(by_hand), jax.tree.leaves(automatic), strict=True):
        assert np.any(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("which", ["recurrent", "inputs", "potential", "current", "times"])
def test_the_adjoint_is_the_derivative(which):
    network, weights, inputs = network_problem()
    loss = eqx.filter_jit(lambda weights, times: some_loss(network, weights, moved_inputs(inputs, times)))
    on_weights, on_times = jax.grad(lambda both: loss(*both))((weights, inputs.times))
    gradient = on_times if which == "times" else getattr(on_weights, which)
    places = [each for k, each in enumerate(np.ndindex(gradient.shape)) if k % 4 == 0]
    for place in places:

        def shifted(step, place=place):
            if which == "times":
                return loss(weights, inputs.times.at[place].add(step))
            return loss(
                eqx.tree_at(lambda each: getattr(each, which), weights, replace_fn=lambda x: x.at[place].add(step)),
                inputs.times,
            )

        difference = (shifted(1e-6) - shifted(-1e-6)) / 2e-6
        np.testing.assert_allclose(gradient[place], difference, rtol=2e-6, atol=2e-6)


def test_all_potentials_scale_with_the_threshold_and_no_time_changes():
    """Euler's theorem for spike times, which are of degree 0: a check of the threshold's gradient."""
    network, weights, inputs = network_problem()

    def times(weights, threshold):
        each = sg.EventPropNetwork(sg.EventLIF(threshold, TIME_CONSTANT), duration=TRIAL, events=EVENTS)
        log = each.run(weights, inputs, ()).output
        return loss_of(log.times, log.units, jnp.zeros(UNITS), jnp.zeros(UNITS))

    on_weights, on_threshold = jax.jit(jax.grad(times, argnums=(0, 1)))(weights, network.neuron.threshold)
    scaled = sum(
        float(jnp.sum(a * b)) for a, b in zip(jax.tree.leaves(weights), jax.tree.leaves(on_weights), strict=True)
    )
    assert abs(scaled) > 0.1
    np.testing.assert_allclose(scaled + THRESHOLD * float(on_threshold), 0, atol=1e-10)


# ---- where it breaks down ----


def chain(weight, duration=TRIAL):
    """The last spike of two neurons in a row, of which the first is driven with so many times its least weight."""
    weights = sg.EventParameters(jnp.stack([4.0 * weight, 0.0 * weight])[:, None], jnp.array([[0.0, 0.0], [6.0, 0.0]]))
    log = sg.EventPropNetwork(duration=duration, events=8).run(weights, sg.InputSpikes([0.5], [0]), ()).output
    time = log.spike_times(1, 1)[0]
    return jnp.where(time < jnp.inf, jnp.where(time < jnp.inf, time, 0.0), duration)


def test_towards_the_grazing_point_the_gradient_grows_as_one_over_the_speed_of_the_potential():
    slope = jax.jit(jax.vmap(jax.grad(chain)))
    distances = np.array([1e-2, 1e-4, 1e-6, 1e-8])
    slopes = np.asarray(slope(jnp.asarray(1 + distances)))
    left = (1 + np.sqrt(1 - 1 / (1 + distances))) / 2  # x at the first spike
    speeds = 4 * (1 + distances) * left**2 - 1
    assert slopes[-1] < -1000
    # dt/dw = −(x − x²)/V̇, passed on unchanged: the second neuron waits as long as ever.
    np.testing.assert_allclose(slopes * speeds, -4 * (left - left**2), rtol=1e-7)
    assert speeds[-1] < 1e-3


def test_a_spike_that_is_gone_has_the_gradient_zero_and_the_loss_jumps():
    values = [float(chain(jnp.asarray(1 + distance))) for distance in (1e-9, -1e-9)]
    assert values[0] < 2
    assert values[1] == TRIAL
    for weight in (0.999, 1 - 1e-12, 1.0, 0.0, -2.0):
        slope = float(jax.grad(chain)(jnp.asarray(weight)))
        assert math.isfinite(slope)
        if weight < 1:
            assert slope == 0


def test_a_qif_network_has_a_gradient_there_where_this_one_has_none():
    """The contrast: the same two neurons in a row, pseudospikes included, on both sides of where a spike vanishes."""
    least = math.pi**2 / 4

    def last(weight):
        weights = sg.EventParameters(
            jnp.stack([least * weight, 0.0 * weight])[:, None], jnp.array([[0.0, 0.0], [1.5 * least, 0.0]])
        )
        log = sg.RecurrentEventNetwork(duration=TRIAL, events=8).run(weights, sg.InputSpikes([0.5], [0]), ()).output
        law = sg.ConstantDrive()
        arriving = weights.recurrent @ law.readiness(log.end)
        return sg.first_spikes(log, 1, law.times(log.end, TRIAL, 1, arriving))[0]

    slopes = jax.jit(jax.vmap(jax.grad(last)))(jnp.linspace(0.3, 1.5, 40))
    assert np.all(np.asarray(slopes) < 0)
    assert np.all(np.asarray(slopes) > -30)


@pytest.mark.parametrize("late", [1e-3, 1e-6])
def test_an_inhibitory_input_just_before_a_spike_deletes_it(late):
    log = run(
        sg.EventPropNetwork(duration=TRIAL, events=8), sg.EventParameters([[6.0, -6.0]]), sg.InputSpikes([0.5], [0])
    )
    spike = float(log.spike_times(0, 1)[0])
    for time, known in ((spike - late, math.inf), (spike + late, spike)):
        inputs = sg.InputSpikes([0.5, time], [0, 1])
        found = run(sg.EventPropNetwork(duration=TRIAL, events=8), sg.EventParameters([[6.0, -6.0]]), inputs)
        assert float(found.spike_times(0, 1)[0]) == known


# ---- identities ----


def test_the_first_spike_is_that_of_the_closed_form_with_all_its_slopes():
    draw = np.random.default_rng(5)
    times, weights = jnp.asarray(draw.uniform(0, 2, 6)), jnp.asarray(draw.normal(1.5, 1.0, 6))
    network = sg.EventPropNetwork(neuron(), duration=TRIAL, events=20)

    def by_network(weights, times):
        inputs = moved_inputs(sg.InputSpikes(jnp.zeros(6), jnp.arange(6)), times)
        return network.run(sg.EventParameters(weights[None]), inputs, ()).output.spike_times(0, 1)[0]

    def by_formula(weights, times):
        return sg.first_spike_time(weights, times, threshold=THRESHOLD, time_constant=TIME_CONSTANT)

    found, known = (
        jax.jit(jax.value_and_grad(each, argnums=(0, 1)))(weights, times) for each in (by_network, by_formula)
    )
    assert float(known[0]) < math.inf
    for each, expected in zip(jax.tree.leaves(found), jax.tree.leaves(known), strict=True):
        np.testing.assert_allclose(each, expected, rtol=1e-11, atol=1e-13)


def test_twins_spike_together():
    twins = sg.EventParameters(jnp.full((2, 1), 7.0), jnp.array([[0.0, 1.0], [1.0, 0.0]]))
    log = run(sg.EventPropNetwork(duration=TRIAL, events=64), twins, sg.InputSpikes([0.3, 0.8, 3.0], [0, 0, 0]))
    first, second = (log.spike_times(unit, most=4) for unit in (0, 1))
    assert np.isfinite(first).sum() >= 2
    np.testing.assert_allclose(first, second, rtol=1e-13)


def test_many_networks_at_once_are_each_by_itself_and_a_longer_log_changes_nothing():
    network, weights, inputs = network_problem()
    many_at_once_are_each_by_itself(network, weights, inputs, some_loss, (0.0, 0.5, 1.0, 1.2), 1e-10)
    longer = run(sg.EventPropNetwork(neuron(), duration=TRIAL, events=120), weights, inputs)
    np.testing.assert_array_equal(longer.times[:EVENTS], network_log().times)
    np.testing.assert_array_equal(longer.end.phase, network_log().end.phase)


def test_single_precision_stays_within_its_digits():
    network, weights, inputs = network_problem()
    narrow: Any = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, (weights, inputs)
    )
    log = run(network, *narrow)
    assert log.times.dtype == jnp.float32
    np.testing.assert_array_equal(log.units, network_log().units)
    np.testing.assert_allclose(log.times[: int(log.count)], network_log().times[: int(log.count)], atol=2e-4)


def test_a_log_that_is_too_short_says_so_and_bad_input_is_refused_in_a_sentence(annotations_off):
    network, weights, inputs = network_problem()
    needed = int(network_log().count)
    short = sg.EventPropNetwork(neuron(), duration=TRIAL, events=needed - 1, throw=False)
    assert run(short, weights, inputs).result == sg.EventResult.log_full
    assert int(run(short, weights, inputs).count) == needed
    with pytest.raises(TypeError, match="`neuron` must be of the family EventLIF"):
        sg.EventPropNetwork(sg.QIF(), duration=1.0, events=4)  # pyright: ignore
    with pytest.raises(ValueError, match="`events` must be a whole number from 1"):
        sg.EventPropNetwork(duration=1.0, events=0)
    with pytest.raises(ValueError, match="`channels` must be from 0 and below the number of input channels, 4"):
        network.check(weights, sg.InputSpikes([0.1], [CHANNELS]))
    high = sg.EventParameters([[1.0]], potential=[THRESHOLD + 0.1])
    one = sg.InputSpikes([0.1], [0])
    with pytest.raises(ValueError, match=r"`potential` must be at most the threshold, 0\.9, got"):
        network.run(high, one, ())
    with pytest.raises(eqx.EquinoxRuntimeError, match="`potential` must be at most the threshold"):
        run(network, high, one).times.block_until_ready()
