"""Spikes that cross the end of a trial: what is smooth there, what has a kink, and the negative controls."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg
from sgtheory.experiments.pseudospikes import (
    COMES,
    HIGHEST,
    LAYER_END,
    LOWEST,
    PLACES,
    TO_OUTPUT,
    PairSetting,
    _hidden_log,
    _pair_log,
    at_weight,
    continued_layers,
    driven_pair,
    entering_weight,
    layer_times,
    pair_times,
    places,
    transitions,
)


@functools.cache
def pair(coupling=2.0, duration=4.0, softness=10.0):
    return driven_pair(PairSetting(coupling, duration, softness))


@functools.cache
def layers(exponent=2.0):
    return continued_layers(jnp.asarray(exponent))


@functools.cache
def seen(weight=3.0, offset=1.0, exponent=2.0, duration=4.0):
    setting = PairSetting(duration=duration)
    return at_weight(setting, jnp.asarray(exponent), jnp.asarray(weight), jnp.asarray(offset))


# ---- the pair --------------------------------------------------------------------------------------------------------


def test_the_spike_crosses_as_smoothly_as_is_known():
    curves = pair()
    assert float(curves.crossing) == pytest.approx(2.623452, abs=5e-7)
    np.testing.assert_allclose(curves.time, 4.0, atol=1e-8)
    np.testing.assert_allclose(curves.slope, -6.120839499, atol=1e-6)
    np.testing.assert_allclose(curves.curvature, 40.96436313, atol=1e-3)


@pytest.mark.parametrize("duration", [2.0, 3.0, 6.0])
@pytest.mark.parametrize("softness", [1.0, 20.0])
def test_it_does_so_whatever_the_drive_behind_the_end(duration, softness):
    curves = pair(2.0, duration, softness)
    np.testing.assert_allclose(curves.time, duration, atol=1e-7)
    np.testing.assert_allclose(curves.slope[0], curves.slope[1], rtol=1e-7)
    np.testing.assert_allclose(curves.curvature[0], curves.curvature[1], rtol=1e-3)


def test_the_neuron_behind_it_has_a_kink_and_no_jump():
    curves = pair()
    np.testing.assert_allclose(curves.next_slope, [-0.23987, -1.154656], rtol=1e-5)
    np.testing.assert_array_equal(np.diff(curves.weights) > 0, True)
    here = int(jnp.searchsorted(curves.weights, curves.crossing))
    for times in (curves.first, curves.second):
        np.testing.assert_allclose(times[here - 1], times[here], atol=1e-8)
    jumps = np.abs(np.asarray(curves.second_slopes[here] - curves.second_slopes[here - 1]))
    assert np.all(jumps > 0.02)
    assert np.max(np.abs(curves.first_slopes[here] - curves.first_slopes[here - 1])) < 1e-6


def test_a_neuron_that_is_not_driven_has_no_kink():
    """The negative control: nothing but the coupling makes one."""
    curves = pair(coupling=0.0)
    assert not np.any(curves.second_slopes)
    assert np.ptp(np.asarray(curves.second), axis=0).max() == 0


def test_slopes_are_those_of_finite_differences_and_of_the_neuron_alone():
    weight, step = 2.1, 1e-6
    high, low = (pair_times(PairSetting(), jnp.asarray(weight + sign * step)) for sign in (1, -1))
    curves = pair()
    for slopes, difference in zip((curves.first_slopes, curves.second_slopes), (high - low) / (2 * step), strict=True):
        at = [np.interp(weight, curves.weights, slopes[:, spike]) for spike in range(3)]
        np.testing.assert_allclose(at, difference, rtol=2e-3, atol=1e-6)
    neuron = sg.QIF()
    state = neuron.receive(neuron.start(jnp.zeros(()), jnp.zeros(())), jnp.asarray(3.0))
    np.testing.assert_allclose(
        pair_times(PairSetting(), jnp.asarray(3.0))[0, 0], COMES + neuron.time_to_spike(state), rtol=1e-13
    )


def test_the_ordinary_part_of_a_curve_ends_where_the_trial_does():
    for curves, duration in ((pair(), 4.0), (pair(coupling=8.0), 4.0), (pair(coupling=-4.0), 4.0)):
        for times, ordinary in ((curves.first, curves.first_ordinary), (curves.second, curves.second_ordinary)):
            inside = np.asarray(times[:, 0]) <= duration
            assert np.all(np.asarray(ordinary.times) <= duration)
            np.testing.assert_array_equal(np.asarray(ordinary.times)[inside], np.asarray(times[:, 0])[inside])
            np.testing.assert_array_equal(np.asarray(ordinary.weights)[inside], np.asarray(curves.weights)[inside])
    assert np.all(np.asarray(pair().second[:, 0]) > 4.0)
    assert np.any(np.asarray(pair(coupling=8.0).second[:, 0]) <= 4.0)


def test_bad_numbers_are_refused(annotations_off):
    with pytest.raises(ValueError, match="`softness` must be positive"):
        PairSetting(softness=0.0)
    with pytest.raises(ValueError, match="`duration` must be positive"):
        PairSetting(duration=-1.0)
    with pytest.raises(ValueError, match="`coupling` must be finite"):
        PairSetting(coupling=math.nan)


# ---- the layers ------------------------------------------------------------------------------------------------------


def test_the_transitions_are_where_a_hidden_spike_comes_at_the_end_of_its_layer():
    around = transitions()
    np.testing.assert_allclose(around, [2.47, 3.43], atol=5e-3)
    for unit, weight in enumerate(around):
        just = [layer_times(jnp.asarray(2.0), weight + sign * 1e-9)[unit, 0] for sign in (-1, 1)]
        assert just[0] > LAYER_END > just[1]
        np.testing.assert_allclose(just, LAYER_END, atol=1e-5)
    np.testing.assert_allclose(around[0], (math.pi / 2 / -math.expm1(-(LAYER_END - 1.0))) ** 2, rtol=1e-13)


@pytest.mark.parametrize("exponent", [2.0, 2.5, 3.0, 4.0])
def test_no_slope_of_the_output_jumps_from_an_exponent_of_2_on(exponent):
    np.testing.assert_allclose(layers(exponent).slope[:, 0], layers(exponent).slope[:, 1], rtol=1e-6)


def test_with_an_exponent_of_1_they_jump_by_what_is_reported():
    """The negative control; the weights to the output are chosen so, but they are two numbers for two jumps."""
    np.testing.assert_allclose(layers(1.0).jump, [510, 94], atol=0.1)
    np.testing.assert_allclose(layers(1.0).slope[0], [-7.47, -45.56], atol=5e-3)
    assert TO_OUTPUT == (2.3904, 2.4941)


def test_between_1_and_2_nothing_jumps_but_the_slope_changes_at_an_infinite_rate():
    def change(exponent, distance):
        weight = transitions()[0] + distance * jnp.array([-1.0, 1.0])
        slopes = jax.vmap(jax.grad(lambda each: layer_times(jnp.asarray(exponent), each)[2, 0]))(weight)
        return float(abs(slopes[1] - slopes[0]))

    ratios = {exponent: change(exponent, 1e-7) / change(exponent, 1e-9) for exponent in (1.0, 1.5, 2.0)}
    assert ratios[1.0] == pytest.approx(1.0, abs=0.01)
    assert ratios[1.5] == pytest.approx(10.0, rel=0.02)  # the square root of a hundredfold distance
    assert ratios[2.0] == pytest.approx(100.0, rel=0.05)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0, 4.0])
def test_the_hidden_spikes_cross_smoothly_for_every_exponent(exponent):
    slopes = jax.vmap(jax.jacobian(lambda each: layer_times(jnp.asarray(exponent), each)[0]))(
        transitions()[0] + 1e-9 * jnp.array([-1.0, 1.0])
    )
    np.testing.assert_allclose(slopes[0], slopes[1], atol=1e-3 if exponent != 1.5 else 0.5)


def test_the_next_spike_comes_in_at_the_end_of_the_next_layer():
    middle = slice(PLACES - 1, PLACES + 1)
    for exponent in (1.0, 2.0, 3.0):
        curves = layers(exponent)
        np.testing.assert_allclose(curves.ends, [LAYER_END, LAYER_END + 1 / exponent], rtol=1e-14)
        np.testing.assert_allclose(curves.ends_behind, curves.ends - LAYER_END, atol=1e-14)
        np.testing.assert_allclose(curves.near[middle, 0], 0.0, atol=1e-6)
        np.testing.assert_allclose(curves.near[middle, 1], 1 / exponent, atol=1e-6)
        np.testing.assert_array_equal(np.diff(curves.near[:, 1]) <= 0, True)
    steep, flat = (np.diff(layers(exponent).near[PLACES:, 1])[0] for exponent in (1.0, 2.0))
    assert abs(flat) < 0.1 * abs(steep)


def test_places_lie_around_their_transition():
    around = places()
    assert around.size == 2 * PLACES
    np.testing.assert_allclose(around, -around[::-1], atol=1e-15)
    np.testing.assert_array_equal(np.diff(around) > 0, True)


# ---- at one weight ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [1.0, 2.4, 2.6, 3.0, 5.0])
def test_a_neuron_spikes_where_its_turns_pass_a_whole_number(weight):
    picture = seen(weight)
    times = pair_times(PairSetting(), jnp.asarray(weight))
    for turns, spikes, expected in (
        (picture.first, picture.first_spikes, times[0]), (picture.second, picture.second_spikes, times[1]),
    ):  # fmt: skip
        np.testing.assert_allclose(spikes, expected, rtol=1e-12)
        kept = np.asarray(spikes) < turns.times[-1]
        np.testing.assert_allclose(
            np.interp(spikes, turns.times, turns.turns)[kept], np.asarray(picture.first_ordinals)[kept], atol=5e-3
        )
        assert float(np.abs(np.diff(turns.turns)).max()) < 0.1  # no break, at the end of the trial neither
    assert np.all(np.diff(picture.first.times) > 0)


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("offset", [-2.0, 2.0])
def test_behind_the_end_of_a_layer_a_phase_goes_once_around(exponent, offset):
    picture = seen(3.0, offset, exponent)
    times = layer_times(jnp.asarray(exponent), transitions()[0] + 1e-3 * offset)
    for turns, end, spike in (
        (picture.hidden, 0.0, times[0, 0]), (picture.output, 1 / exponent, times[2, 0]),
    ):  # fmt: skip
        assert float(turns.times[-1]) == pytest.approx(end + 1 / exponent)
        at_end = np.interp(end, turns.times, turns.turns)
        assert float(turns.turns[-1]) == pytest.approx(at_end + 1, abs=1e-9)
        after = int(np.searchsorted(turns.times, spike - LAYER_END))  # for a large exponent the phase leaves 0 steeply
        assert turns.turns[after - 1] <= 1.0 <= turns.turns[after]
    np.testing.assert_allclose(picture.layer_span, [-1.0, 2 / exponent])


def test_the_law_behind_the_end_of_a_layer_is_the_stated_one():
    picture = seen(3.0, -1.0, 2.0)
    behind = np.asarray(picture.hidden.times) >= 0
    times, phase = (np.asarray(each)[behind] for each in (picture.hidden.times, picture.hidden.turns))
    before = phase < 0.999
    middles, speed = (phase[1:] + phase[:-1]) / 2, np.diff(phase) / np.diff(times)
    np.testing.assert_allclose((middles * speed)[before[1:]], 1.0, rtol=1e-9)  # φ̇ = 1/φ: the square grows evenly


# ---- programs --------------------------------------------------------------------------------------------------------


def test_changing_a_number_never_compiles_anew():
    traced = []

    @jax.jit
    def run(coupling, duration, softness, exponent, weight, offset):
        traced.append(1)
        setting = PairSetting(coupling, duration, softness)
        return (
            driven_pair(setting).slope,
            continued_layers(exponent).slope,
            at_weight(setting, exponent, weight, offset),
        )

    for shift in (0.0, 0.5):
        run(*(jnp.asarray(each + shift) for each in (2.0, 4.0, 10.0, 2.0, 3.0, 1.0)))
    assert len(traced) == 1


@pytest.mark.parametrize("weight", [LOWEST, HIGHEST])
@pytest.mark.parametrize(("coupling", "duration", "softness"), [(-4.0, 2.0, 1.0), (8.0, 6.0, 20.0)])
def test_all_numbers_are_finite(weight, coupling, duration, softness):
    setting = PairSetting(coupling, duration, softness)
    bundles = driven_pair(setting), at_weight(setting, jnp.asarray(1.0), jnp.asarray(weight), jnp.asarray(5.0))
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(bundles))
    assert float(entering_weight(jnp.asarray(duration))) < HIGHEST


def test_no_run_has_more_events_than_there_is_room_for():
    of_pair = jax.jit(jax.vmap(lambda *each: _pair_log(PairSetting(*each[:2]), *each[2:])))
    corners = [(*each, each[1]) for each in itertools.product((-4.0, 8.0), (2.0, 6.0), (LOWEST, HIGHEST))]
    pair = of_pair(*(jnp.array([(c, d, w, u) for c, d, w, u in corners]).T))
    layer = jax.jit(jax.vmap(lambda weight: _hidden_log(weight, jnp.asarray(LAYER_END))))(jnp.array([LOWEST, HIGHEST]))
    for log in (pair, layer):
        assert int(log.count.max()) <= 10
        assert bool(jnp.all(log.result == sg.EventResult.successful))


def test_compiled_programs_can_be_stored_as_nothing_in_them_calls_python():
    def throwing(weight):
        network = sg.RecurrentEventNetwork(duration=1.0, events=4)
        return network.run(sg.EventParameters([[weight]]), sg.InputSpikes([0.5], [0]), ()).output.times

    one = jnp.asarray(1.0)
    assert "callback" in jax.jit(throwing).lower(one).as_text()  # the negative control
    programs = (
        (driven_pair, (PairSetting(),)),
        (continued_layers, (one,)),
        (at_weight, (PairSetting(), one, one, one)),
    )
    for program, arguments in programs:
        assert "callback" not in jax.jit(program).lower(*arguments).as_text()
