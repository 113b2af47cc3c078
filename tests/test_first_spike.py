"""The first spike of a LIF neuron in closed form, at both ratios of its time constants."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import lambertw

import sgtheory as sg
from sgtheory.neurons import EventState, decay_to_crossing, lambert_w

RATIOS = (1, 2)
THRESHOLD, TIME_CONSTANT = 0.8, 1.7
CALL = {"threshold": THRESHOLD, "time_constant": TIME_CONSTANT}


@functools.cache
def compiled(ratio, gradient=False):
    function = functools.partial(sg.first_spike_time, ratio=ratio)
    arguments = ("threshold", "time_constant")

    def positional(weights, times, threshold, time_constant):
        return function(weights, times, **dict(zip(arguments, (threshold, time_constant), strict=True)))

    return jax.jit(jax.grad(positional, argnums=(0, 1, 2, 3)) if gradient else positional)


def potential(ratio, weights, times, now):
    since = np.maximum(np.asarray(now)[..., None] - np.asarray(times), 0.0) / TIME_CONSTANT
    shape = since * np.exp(-since) if ratio == 1 else np.exp(-since) - np.exp(-2 * since)
    return np.sum(np.asarray(weights) * shape, axis=-1)


def inputs(seed, size=7):
    draw = np.random.default_rng(seed)
    return jnp.asarray(draw.normal(0.9, 2.0, size)), jnp.asarray(draw.uniform(0, 4, size))


def arguments(seed):
    return (*inputs(seed), jnp.asarray(THRESHOLD), jnp.asarray(TIME_CONSTANT))


def by_differential_equation(ratio, weights, times):
    state, now = np.zeros(2), 0.0
    order = np.argsort(times)

    reaches: Any = lambda _, state: state[0] - THRESHOLD  # noqa: E731
    reaches.terminal, reaches.direction = True, 1.0
    for time, weight in [*((float(times[k]), float(weights[k])) for k in order), (60.0, 0.0)]:
        solved = solve_ivp(
            lambda _, x: [(x[1] - x[0]) / TIME_CONSTANT, -ratio * x[1] / TIME_CONSTANT], (now, time), state,
            method="DOP853", rtol=1e-12, atol=1e-13, events=reaches, max_step=0.05,
        )  # fmt: skip
        if solved.t_events[0].size:
            return float(solved.t_events[0][0])
        state, now = solved.y[:, -1] + np.array([0.0, weight]), time
    return math.inf


@pytest.mark.parametrize("ratio", RATIOS)
def test_at_the_spike_the_potential_is_the_threshold_and_never_before(ratio):
    fired = 0
    for seed in range(60):
        weights, times = inputs(seed)
        spike = float(compiled(ratio)(*arguments(seed)))
        last = spike if spike < math.inf else 30.0
        assert potential(ratio, weights, times, np.linspace(0, last, 3000)[:-1]).max() < THRESHOLD
        if spike < math.inf:
            fired += 1
            assert abs(potential(ratio, weights, times, spike) - THRESHOLD) < 1e-12
    assert 15 < fired < 60  # some spike, some do not


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_spike_is_that_of_the_differential_equation(ratio):
    seeds = range(4, 12)
    found = [float(compiled(ratio)(*arguments(seed))) for seed in seeds]
    known = [by_differential_equation(ratio, *inputs(seed)) for seed in seeds]
    assert 2 < np.isfinite(known).sum() < 8
    np.testing.assert_allclose(found, known, atol=1e-9)


def test_a_membrane_twice_as_slow_is_the_event_driven_neuron():
    neuron, fired = sg.EventLIF(**CALL), 0
    for seed in range(30):
        weights, times = inputs(seed)
        state, now, spike = neuron.start(jnp.zeros(()), jnp.zeros(())), 0.0, math.inf
        for k in np.argsort(times):
            until = float(neuron.time_to_spike(state))
            if now + until < times[k]:
                break
            state, now = neuron.receive(neuron.flow(state, times[k] - now), weights[k]), times[k]
        spike = float(now + neuron.time_to_spike(state))
        fired += spike < math.inf
        np.testing.assert_allclose(compiled(2)(*arguments(seed)), spike, rtol=1e-12)
    assert 10 < fired < 30


@pytest.mark.parametrize("ratio", RATIOS)
def test_slopes_agree_with_differences_and_are_zero_without_a_spike_and_for_later_inputs(ratio):
    silent, later = 0, 0
    for seed in range(12):
        at = arguments(seed)
        spike = float(compiled(ratio)(*at))
        slopes = compiled(ratio, gradient=True)(*at)
        if spike == math.inf:
            silent += 1
            assert not any(np.any(each) for each in slopes)
            continue
        for which, slope in enumerate(slopes):
            for place in np.ndindex(slope.shape):
                step = 1e-6
                ends = [
                    float(compiled(ratio)(*at[:which], at[which].at[place].add(sign * step), *at[which + 1 :]))
                    for sign in (1, -1)
                ]
                np.testing.assert_allclose(slope[place], (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)
        after = np.asarray(at[1]) > spike
        later += after.sum()
        assert not np.any(slopes[0][after])
        assert not np.any(slopes[1][after])
    assert silent > 0
    assert later > 0


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_slope_by_hand_is_that_of_the_formula(ratio):
    """One input: automatic differentiation goes through the formula itself, Lambert's function included."""

    def formula(weight):
        if ratio == 1:
            return -lambert_w(-1.0 / weight)
        return -jnp.log(decay_to_crossing(jnp.zeros(()), weight, jnp.ones(())))

    for weight in (4.1, 6.0, 60.0):
        weight = jnp.asarray(weight)
        by_hand = jax.grad(lambda each: sg.first_spike_time(each[None], jnp.zeros(1), ratio=ratio))(weight)
        np.testing.assert_allclose(by_hand, jax.grad(formula)(weight), rtol=1e-12)


@pytest.mark.parametrize(("ratio", "least", "where"), [(1, math.e, 1.0), (2, 4.0, math.log(2))])
def test_where_the_potential_only_grazes_the_threshold_the_slope_diverges_and_then_the_spike_is_gone(
    ratio, least, where
):
    def time(weight):
        return sg.first_spike_time(weight[None], jnp.zeros(1), ratio=ratio)

    np.testing.assert_allclose(time(jnp.asarray(least * (1 + 1e-14))), where, rtol=1e-6)
    assert float(time(jnp.asarray(0.999 * least))) == math.inf
    slopes = [float(jax.grad(time)(jnp.asarray(least * (1 + each)))) for each in (1e-3, 1e-5, 1e-7, 1e-9)]
    assert slopes[-1] < -1000
    np.testing.assert_allclose(
        np.divide(slopes[1:], slopes[:-1]), 10, rtol=0.1
    )  # like one over the root of the distance
    for weight in (0.999 * least, least, -3.0, 0.0):
        assert math.isfinite(float(jax.grad(time)(jnp.asarray(weight))))


@pytest.mark.parametrize("ratio", RATIOS)
def test_an_inhibitory_input_just_before_the_spike_deletes_it_and_just_after_it_does_nothing(ratio):
    spike = float(sg.first_spike_time(jnp.array([6.0]), jnp.zeros(1), ratio=ratio))
    for late, known in ((-1e-6, math.inf), (1e-6, spike)):
        both = jnp.array([6.0, -6.0]), jnp.array([0.0, spike + late])
        assert float(sg.first_spike_time(*both, ratio=ratio)) == known


@pytest.mark.parametrize("ratio", RATIOS)
def test_the_order_splitting_and_inputs_that_never_come_change_nothing(ratio):
    weights, times, *trial = arguments(1)
    known = float(compiled(ratio)(weights, times, *trial))
    assert known < math.inf
    shuffled = np.random.default_rng(0).permutation(weights.size)
    split = jnp.concatenate([weights.at[0].divide(2), weights[:1] / 2]), jnp.concatenate([times, times[:1]])
    never = jnp.append(weights, 5.0), jnp.append(times, jnp.inf)
    for each in ((weights[shuffled], times[shuffled]), split, never):
        np.testing.assert_allclose(sg.first_spike_time(*each, ratio=ratio, **CALL), known, rtol=1e-14)
    slope = jax.grad(lambda each: sg.first_spike_time(never[0], each, ratio=ratio, **CALL))(never[1])
    assert np.all(np.isfinite(slope))
    later = sg.first_spike_time(weights, times + 1000.0, ratio=ratio, **CALL)  # no power of a large number anywhere
    np.testing.assert_allclose(later, known + 1000, rtol=1e-14)


def test_strong_inhibition_before_is_a_number_in_both_neurons():
    for ratio in RATIOS:
        both = jnp.array([-1e4, 1.0]), jnp.array([0.0, 2.0])
        assert float(sg.first_spike_time(*both, ratio=ratio)) == math.inf
        assert np.all(np.isfinite(jax.grad(sg.first_spike_time)(*both, ratio=ratio)))
    state = EventState(jnp.asarray(-1.0), jnp.ones(()), jnp.asarray(0.1))  # both roots of the square lie below 0
    assert float(sg.EventLIF().time_to_spike(state)) == math.inf


def test_lamberts_function_is_that_of_scipy():
    z = np.concatenate([np.linspace(-0.36, 1, 500), np.logspace(0, 300, 200), -np.logspace(-300, -2, 50), [0.0]])
    np.testing.assert_allclose(lambert_w(jnp.asarray(z)), lambertw(z).real, rtol=1e-14, atol=0)
    near = -math.exp(-1) + np.logspace(-15, -2, 40)  # where its slope is infinite, it solves its equation
    found = np.asarray(lambert_w(jnp.asarray(near)))
    np.testing.assert_allclose(found * np.exp(found), near, rtol=1e-15)
    np.testing.assert_allclose(found, lambertw(near).real, atol=1e-7)
    slopes = jax.vmap(jax.grad(lambert_w))(jnp.asarray(z[:500]))
    known = 1 / (np.exp(lambertw(z[:500]).real) * (1 + lambertw(z[:500]).real))
    np.testing.assert_allclose(slopes, known, rtol=1e-12)
    assert math.isnan(lambert_w(jnp.asarray(-0.4)))
    np.testing.assert_array_equal(lambert_w(jnp.array([math.inf, -math.exp(-1)])), [math.inf, -1.0])


def test_bad_input_is_refused_in_a_sentence(annotations_off):
    ones = jnp.ones(2)
    with pytest.raises(ValueError, match="`ratio` must be 1 or 2, got 3"):
        sg.first_spike_time(ones, ones, ratio=3)
    with pytest.raises(ValueError, match="`times` must be one time a weight, got the shapes"):
        sg.first_spike_time(ones, jnp.ones(3))
    with pytest.raises(ValueError, match="`weights` must be finite"):
        sg.first_spike_time(jnp.array([1.0, jnp.nan]), ones)
    with pytest.raises(ValueError, match="`times` must be numbers"):
        sg.first_spike_time(ones, jnp.array([1.0, jnp.nan]))
    with pytest.raises(ValueError, match="`threshold` must be positive"):
        sg.first_spike_time(ones, ones, threshold=0.0)
