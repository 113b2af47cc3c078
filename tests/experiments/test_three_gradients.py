"""Three gradients of the same small task: which exist, which agree with differences, and which point the wrong way."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import sgtheory as sg
from sgtheory.experiments.three_gradients import (
    DURATION,
    METHODS,
    NAMES,
    OUTPUT,
    STEPS,
    WEIGHTS,
    ThreeGradientsSetting,
    clocked_loss,
    descend,
    event_prop_loss,
    exact_loss,
    gradient_of,
    three_gradients,
    van_rossum,
)

HIDDEN_TO_OUTPUT = NAMES.index("hidden 1 → output")


@functools.cache
def sweep(swept=0):
    return three_gradients(ThreeGradientsSetting(swept=swept))


@functools.cache
def compiled(method):
    return eqx.filter_jit(functools.partial(gradient_of, method))


def with_weight(value, swept=0):
    return ThreeGradientsSetting().weights.at[swept].set(value)


@functools.cache
def vanishing(swept=0):
    """Where the output's spike vanishes in the LIF network, to the last digits."""
    low, high = 0.0, 1.2
    for _ in range(60):
        middle = (low + high) / 2
        (_, times), _ = compiled("EventProp")(with_weight(middle, swept), ThreeGradientsSetting())
        low, high = (low, middle) if float(times[OUTPUT]) < math.inf else (middle, high)
    return high


@pytest.mark.parametrize("swept", [0, HIDDEN_TO_OUTPUT])
def test_the_exact_gradient_exists_everywhere_agrees_and_says_more_weight_is_better(swept):
    found = sweep(swept).exact
    assert 0 < int(found.spikes.sum()) < found.spikes.size  # spikes leave through the end of the trial
    assert bool(jnp.all(found.agrees))
    np.testing.assert_allclose(found.slope, found.difference, rtol=1e-5, atol=1e-7)
    assert bool(jnp.all(found.slope < 0))
    assert bool(jnp.all(jnp.isfinite(found.time)))


@pytest.mark.parametrize("swept", [0, HIDDEN_TO_OUTPUT])
def test_eventprop_agrees_where_the_spike_is_and_is_zero_where_it_is_gone(swept):
    for found in (sweep(swept).event_prop, sweep(swept).unclocked):
        assert bool(jnp.all(found.agrees))
        assert 0 < int(found.spikes.sum()) < found.spikes.size
        silent = ~np.asarray(found.spikes)
        assert not np.any(np.asarray(found.gradient)[silent])
        assert np.all(np.asarray(found.slope)[~silent] != 0)
        np.testing.assert_allclose(found.loss[silent], found.loss[0], rtol=1e-14)
    assert float(sweep(swept).event_prop.loss[0]) == 0.5 * (DURATION - 0.9) ** 2


def test_the_loss_of_lif_neurons_jumps_where_that_of_qif_neurons_is_continuous():
    """Of twice as many points the largest change is half as large, but for a jump."""
    setting, axis = ThreeGradientsSetting(), jnp.linspace(0.0, 1.2, 3073)
    for loss, changing in ((exact_loss, 2.0), (event_prop_loss, 1.0)):
        values = jax.jit(jax.vmap(lambda value, loss=loss: loss(with_weight(value), setting)[0]))(axis)
        coarse, fine = (float(jnp.abs(jnp.diff(values[::every])).max()) for every in (2, 1))
        np.testing.assert_allclose(coarse / fine, changing, rtol=0.1)
        assert (fine < 0.01) if changing == 2 else (fine > 4)


@pytest.mark.parametrize("swept", [0, HIDDEN_TO_OUTPUT])
def test_just_before_the_spike_vanishes_eventprop_explodes_and_the_others_do_not(swept):
    edge, distances = vanishing(swept), np.array([1e-4, 1e-6, 1e-8])

    def slopes(method):
        return [
            float(compiled(method)(with_weight(edge + each, swept), ThreeGradientsSetting())[1][swept])
            for each in distances
        ]

    exploding = np.asarray(slopes("EventProp"))
    assert np.all(exploding < 0)
    np.testing.assert_allclose(exploding[1:] / exploding[:-1], 10, rtol=0.1)  # like one over the root of the distance
    assert float(compiled("EventProp")(with_weight(edge - 1e-9, swept), ThreeGradientsSetting())[1][swept]) == 0
    for method in ("exact", "surrogate"):
        np.testing.assert_allclose(slopes(method), slopes(method)[-1], rtol=2e-2)


def test_the_surrogate_gradient_is_there_in_silence_and_is_the_derivative_of_nothing():
    for swept in (0, HIDDEN_TO_OUTPUT):
        found, exact = sweep(swept).surrogate, sweep(swept).exact
        silent = ~np.asarray(found.spikes)
        assert silent.sum() > 20
        # Where nothing spikes it points where the exact gradient of the other network does.
        if swept == HIDDEN_TO_OUTPUT:
            assert np.all(np.asarray(found.slope)[silent][1:] < 0)
        assert np.all(np.asarray(found.slope * exact.slope)[silent] >= 0)
        # The loss of spikes on a clock is a staircase: its derivative is 0, and the surrogate gradient is not.
        assert float(jnp.mean(found.difference == 0)) > 0.9
        assert float(jnp.mean(found.agrees)) < 0.05


def test_near_the_target_the_surrogate_gradient_points_away_from_it():
    """A spike that comes somewhat late: EventProp and differences ask for more weight, the surrogate gradient for less."""
    found = sweep()
    late = np.asarray(found.unclocked.spikes & (found.unclocked.time > 0.92) & (found.surrogate.time > 0.92))
    assert late.sum() >= 3
    assert np.all(np.asarray(found.unclocked.slope)[late] < 0)
    assert np.all(np.asarray(found.surrogate.slope)[late] > 0)
    known = [
        float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
        for one, other in zip(
            *(np.asarray(each.gradient)[late] for each in (found.surrogate, found.unclocked)), strict=True
        )
    ]
    np.testing.assert_allclose(np.asarray(found.cosine)[late], known, rtol=1e-12)


def by_hand(weights, steepness):
    """The surrogate gradient of the last two weights, forward in time, in NumPy."""
    step, weights = DURATION / STEPS, 4.0 * np.asarray(weights)
    keep, keep_current = math.exp(-step), math.exp(-2 * step)
    arriving = np.zeros((STEPS, 3))
    for sender, time in enumerate((0.2, 0.3, 0.4)):
        arriving[round(time / step) - 1, sender] = 1
    first, second = weights[:6].reshape(2, 3), weights[6:]
    state, current, out, drive = np.zeros(2), np.zeros(2), 0.0, 0.0
    tangent, along = np.zeros(2), np.zeros(2)
    spikes, slopes = np.zeros(STEPS), np.zeros((STEPS, 2))
    for n in range(STEPS):
        hidden, spikes[n] = (state >= 1).astype(float), out >= 1
        slopes[n] = tangent / (1 + steepness * abs(out - 1)) ** 2
        state = (keep * state + (1 - keep) * current) * (1 - hidden)
        out, tangent = ((keep * a + (1 - keep) * b) * (1 - spikes[n]) for a, b in ((out, drive), (tangent, along)))
        current = keep_current * current + first @ arriving[n]
        drive, along = keep_current * drive + second @ hidden, keep_current * along + hidden
    lags = step * np.arange(STEPS)
    kernel = np.exp(-lags) - np.exp(-2 * lags)
    wanted = np.zeros(STEPS)
    wanted[round(0.9 / step)] = 1
    error = np.convolve(spikes - wanted, kernel)[:STEPS]
    blame = np.array([error[n:] @ kernel[: STEPS - n] for n in range(STEPS)]) * step
    return 0.5 * step * float(error @ error), 4.0 * blame @ slopes


@pytest.mark.parametrize("weight", [0.3, 0.6, 0.75, 1.1])
def test_the_surrogate_gradient_is_that_of_a_forward_calculation(weight):
    (loss, _), gradient = compiled("surrogate")(with_weight(weight), ThreeGradientsSetting(steepness=10.0))
    known, slopes = by_hand(with_weight(weight), 10.0)
    np.testing.assert_allclose(loss, known, rtol=1e-10)
    assert np.any(slopes)
    np.testing.assert_allclose(gradient[6:], slopes, rtol=1e-9)


def test_the_clocked_network_is_the_same_lif_network():
    times = [
        jax.jit(jax.vmap(lambda value, loss=loss: loss(with_weight(value), ThreeGradientsSetting())[1]))(
            jnp.linspace(0.6, 1.2, 20)
        )
        for loss in (event_prop_loss, clocked_loss)
    ]
    assert np.all(np.isfinite(times))
    assert float(np.abs(times[0] - times[1]).max()) < 4 * DURATION / STEPS
    assert float(np.abs(times[0] - times[1]).max()) > 1e-3  # and yet not the same


def test_the_distance_in_closed_form_is_its_integral_and_that_of_spike_trains_on_a_fine_clock():
    times, target = jnp.array([0.4, 1.3, math.inf, 2.0]), jnp.array(0.9)

    def error(now):
        kernel = [math.exp(-(now - t)) - math.exp(-2 * (now - t)) if now > t else 0.0 for t in (0.4, 1.3, 2.0, 0.9)]
        return 0.5 * (sum(kernel[:3]) - kernel[3]) ** 2

    known = sum(quad(error, a, b, epsabs=1e-13)[0] for a, b in ((0.4, 0.9), (0.9, 1.3), (1.3, 2.0), (2.0, DURATION)))
    np.testing.assert_allclose(van_rossum(times, target), known, rtol=1e-11)
    steps = 4000
    trains = [jnp.zeros((steps, 1)).at[slots, 0].set(1.0) for slots in (jnp.array([400, 1300, 2000]), jnp.array([900]))]
    distance = sg.VanRossumDistance(trains[1], 10.0, 5.0, scale=math.sqrt(1e-3), time_step=0.01)
    np.testing.assert_allclose(distance(trains[0]), known, rtol=2e-3)
    gradient, step = jax.grad(van_rossum)(times, target), 1e-6
    for place in (0, 1, 3):
        ends = [van_rossum(times.at[place].add(sign * step), target) for sign in (1, -1)]
        np.testing.assert_allclose(gradient[place], (ends[0] - ends[1]) / (2 * step), rtol=1e-6)
    assert float(gradient[2]) == 0


def test_learning_from_silence_and_from_a_spike():
    silent = ThreeGradientsSetting(weights=with_weight(0.5))
    courses = {method: descend(method, silent) for method in METHODS[:3]}
    times = np.asarray(courses["exact"].time)
    assert times[0] > DURATION
    assert np.all(np.diff(times) < 0)  # the spike comes in and nearer, trial by trial
    assert times[-1] < 1.5
    stuck = courses["EventProp"]
    np.testing.assert_array_equal(stuck.weights, np.broadcast_to(stuck.weights[0], stuck.weights.shape))
    assert np.all(np.isinf(stuck.time))
    # The surrogate gradient, which knows no size of the step that is left, brings spikes and takes them away again.
    fires = np.isfinite(courses["surrogate"].time)
    assert np.abs(np.diff(fires.astype(int))).sum() > 4
    # With a spike to begin with, EventProp learns best of all: the negative control.
    found = descend("EventProp", ThreeGradientsSetting())
    np.testing.assert_allclose(found.time[-1], 0.9, atol=1e-3)


def test_numbers_never_recompile():
    traces = []

    @eqx.filter_jit
    def counted(setting):
        traces.append(1)
        return three_gradients(setting, points=5)

    first = counted(ThreeGradientsSetting())
    second = counted(
        ThreeGradientsSetting(
            weights=1.1 * ThreeGradientsSetting().weights, times=[0.3, 0.4, 0.6], target=1.1, steepness=3.0, swept=6,
            lowest=0.2, highest=1.0, rate=0.2,
        )
    )  # fmt: skip
    assert len(traces) == 1
    assert float(jnp.abs(first.exact.loss - second.exact.loss).max()) > 0.01


def test_bad_input_is_refused_in_a_sentence(annotations_off):
    with pytest.raises(ValueError, match="`weights` must be 8 numbers"):
        ThreeGradientsSetting(weights=[1.0])
    with pytest.raises(ValueError, match=r"`times` must be from 0\.01 to the end of the trial at 4"):
        ThreeGradientsSetting(times=[0.2, 0.3, 5.0])
    with pytest.raises(ValueError, match="`swept` must be from 0 to 7"):
        ThreeGradientsSetting(swept=WEIGHTS)
    with pytest.raises(ValueError, match="`swept` must be one whole number"):
        ThreeGradientsSetting(swept=0.5)
    with pytest.raises(ValueError, match="`steepness` must be positive"):
        ThreeGradientsSetting(steepness=0.0)
    with pytest.raises(ValueError, match="`method` must be one of exact, EventProp"):
        gradient_of("guess", ThreeGradientsSetting().weights, ThreeGradientsSetting())
