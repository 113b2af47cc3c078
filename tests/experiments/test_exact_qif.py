"""Page 09: spike times of a QIF and of a LIF neuron while one input is varied."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg
from sgtheory.experiments import exact_qif as experiment
from sgtheory.experiments.exact_qif import (
    AWAY,
    LEAST,
    ExactQIFSetting,
    Inputs,
    alone,
    among_others,
    beside_excitation,
    exact_qif,
    run,
    several,
    several_curves,
    several_times,
    spike_times,
    trace,
)
from sgtheory.networks import EventParameters, InputSpikes, RecurrentEventNetwork

WEIGHT, TIME = jnp.zeros((), bool), jnp.ones((), bool)


def picture(weight, time, scene, against=WEIGHT, as_phase=False):
    return exact_qif(ExactQIFSetting(weight, time), scene, against, jnp.asarray(as_phase))


def there(neuron, number=0):
    """Places, times and slopes of a curve where the spike is in the trial."""
    curves = neuron.curves
    inside = np.asarray(curves.times[:, number]) > 0
    return (
        np.asarray(curves.x)[inside],
        np.asarray(curves.times[:, number])[inside],
        np.asarray(curves.slopes[:, number])[inside],
    )


def test_the_published_numbers_of_figure_1():
    at = {ratio: picture(ratio, 0.5, alone()) for ratio in (0.95, 1.15, 1.4, 1.5)}
    assert float(at[0.95].qif.count) == float(at[0.95].lif.count) == 0
    assert (float(at[0.95].qif.first), float(at[0.95].lif.first)) == (4.0, 3.0)  # as if at the end of the trial
    np.testing.assert_allclose([at[1.15].qif.first, at[1.5].qif.first], [3.195699, 2.195522], atol=5e-7)
    np.testing.assert_allclose([at[1.15].qif.slope, at[1.5].qif.slope], [-2.434505, -0.601103], atol=5e-7)
    np.testing.assert_allclose([at[1.15].lif.first, at[1.4].lif.first], [0.884812, 0.764928], atol=5e-7)


def test_a_qif_spike_enters_at_the_end_of_the_trial_with_a_finite_slope():
    x, times, slopes = there(picture(1.15, 0.5, alone()).qif)
    enters = (math.pi / 2 / (1 - math.exp(-3.5))) ** 2
    assert enters == pytest.approx(2.623452, abs=5e-7)
    assert LEAST["qif"] * x[0] == pytest.approx(enters, rel=1e-8)
    assert times[0] == pytest.approx(4.0, abs=1e-8)
    assert slopes[0] == pytest.approx(-6.1208, abs=5e-5)
    assert np.all(np.diff(times) < 1e-12)
    assert slopes.min() == slopes[0]  # nowhere steeper


def test_a_lif_spike_jumps_out_of_existence_where_its_slope_diverges():
    x, times, slopes = there(picture(1.15, 0.5, alone()).lif)
    assert x[0] == pytest.approx(1.0, abs=1e-9)
    assert times[0] == pytest.approx(0.5 + math.log(2), abs=1e-4)
    assert slopes[0] < -900
    near = [float(picture(1 + 10.0**-k, 0.5, alone()).lif.slope) for k in (2, 4, 6)]
    np.testing.assert_allclose(np.divide(near[1:], near[:-1]), 10, rtol=0.12)


@pytest.mark.parametrize(
    ("scene", "against", "weight", "time"),
    [
        (alone, WEIGHT, 1.15, 0.5),
        (alone, TIME, 1.15, 0.5),
        (beside_excitation, TIME, -1.0, 1.0),
        (beside_excitation, WEIGHT, -1.0, 1.0),
        (among_others, TIME, 1.0, 1.0),
        (among_others, TIME, -1.0, 1.0),
        (among_others, WEIGHT, 1.0, 5.0),
    ],
)
def test_no_spike_time_of_a_qif_neuron_jumps_and_some_of_the_lif_neuron_do(scene, against, weight, time):
    found = picture(weight, time, scene(), against)
    assert float(found.qif.curves.jump) == 0
    if not (scene is alone and against):  # a shift in time deletes no spike
        assert float(found.lif.curves.jump) > 0.2


def test_inhibition_just_before_a_spike():
    qif, lif = (getattr(picture(-1.0, 1.0, beside_excitation(), TIME), name) for name in ("qif", "lif"))
    x, times, slopes = there(lif)
    assert x[0] == pytest.approx(times[0], abs=1e-9)  # deleted until then
    np.testing.assert_allclose(times, times[0], rtol=1e-12)
    np.testing.assert_array_equal(slopes, 0)
    x, times, slopes = there(qif)
    assert 4 - 1e-6 < times[0] <= 4
    assert x[0] == pytest.approx(1.3170, abs=5e-5)
    late = x > times.min() + 1e-9
    assert times.min() == pytest.approx(2.195522, abs=5e-7)
    np.testing.assert_array_equal(slopes[late], 0)  # exactly
    assert np.all(slopes[x < times.min()] < 0)
    # An input that comes d before the spike moves it by w d³ / 3.
    moved = float(picture(-1.0, times.min() - 1e-2, beside_excitation(), TIME).qif.first) - times.min()
    assert moved == pytest.approx(LEAST["qif"] * 1e-6 / 3, rel=0.02)


def test_slopes_are_those_of_the_curves_and_of_the_network():
    scene = among_others()
    step = 1e-6
    for against, weight, time in ((TIME, 1.0, 1.3), (TIME, -1.0, 4.4), (WEIGHT, 1.0, 1.3)):
        change = (0.0, step) if against else (step, 0.0)
        for name in ("qif", "lif"):
            low, here, high = (
                getattr(picture(weight + sign * change[0], time + sign * change[1], scene, against), name)
                for sign in (-1, 0, 1)
            )
            scale = 1.0 if against else LEAST[name]
            assert float(here.slope) == pytest.approx(
                float(high.first - low.first) / (2 * step * scale), rel=1e-5, abs=1e-8
            )


@pytest.mark.parametrize(("weight", "time"), [(1.0, 1.3), (-1.0, 0.3), (2.9, 7.2), (-3.0, 5.0)])
def test_the_run_of_the_qif_neuron_is_that_of_the_network(weight, time):
    scene = among_others()
    times, weights = jnp.append(scene.times, time), LEAST["qif"] * jnp.append(scene.weights, weight)
    found = spike_times(run(sg.QIF(), 0.0, Inputs(times, weights, 10.0), 20))
    network = RecurrentEventNetwork(duration=10.0, events=20)
    log = network.run(EventParameters(weights[None]), InputSpikes(times, jnp.arange(times.size)), ()).output
    np.testing.assert_allclose(found, log.spike_times(0, most=4), rtol=1e-12)


def test_a_trace_goes_through_the_events_of_its_log():
    inputs = Inputs(jnp.array([0.5, 1.0]), jnp.array([8.0, -1.0]), 3.0)
    log = run(sg.EventLIF(), 0.0, inputs, 12)
    spikes = spike_times(log)
    just_before = trace(sg.EventLIF(), log, spikes[:1] * (1 - 1e-12)).potential
    np.testing.assert_allclose(just_before, 1.0, rtol=1e-9)
    np.testing.assert_array_equal(trace(sg.EventLIF(), log, spikes[:1]).potential, 0.0)


def test_a_phase_passes_its_end_at_the_rate_of_one_whatever_the_current():
    for weight in (1.15, 1.5):
        neuron = picture(weight, 0.5, alone(), as_phase=True).qif
        phase, moments = np.asarray(neuron.trace), np.asarray(neuron.moments)
        after = int(np.argmax(np.diff(phase) < -0.5)) + 1
        assert phase.min() >= 0
        assert phase.max() <= 1
        rates = np.diff(phase)[[after - 2, after]] / np.diff(moments)[[after - 2, after]]
        np.testing.assert_allclose(rates, 1.0, atol=0.03)


def test_the_thresholds_of_figure_s3():
    curves = several_curves()
    np.testing.assert_allclose([curves[f"enters_{k}"] for k in (1, 2, 3)], [-9.7944, 16.4285, 55.5848], atol=5e-5)
    for k in (1, 2, 3):
        assert curves[f"times_{k}"][0] == pytest.approx(10, abs=1e-6)
        assert np.all(np.diff(curves[f"times_{k}"]) < 0)
    no = jnp.zeros((), bool)
    assert [int(several(jnp.asarray(w), no).count) for w in (-9.8, -5.0, 16.3, 16.7, 55.5, 57.0)] == [0, 1, 1, 2, 2, 3]
    inputs = Inputs(jnp.zeros(1), jnp.array([57.0]), 10.0)
    np.testing.assert_allclose(
        several_times(jnp.asarray(57.0)), spike_times(run(sg.QIF(), math.pi, inputs, 5), 3), rtol=1e-12
    )


def test_a_spike_that_is_not_there_is_drawn_beyond_every_axis():
    found = picture(0.95, 0.5, alone())
    np.testing.assert_array_equal(found.qif.spikes, AWAY)
    assert np.all(np.isfinite(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(found)])))


def test_all_events_fit_even_with_the_largest_weights():
    scene = among_others(tuple((0.1 * k, 3.0) for k in range(5)))
    found = picture(3.0, 0.0, scene)
    assert 10 < float(found.lif.count) <= experiment._LOGGED - experiment.INPUTS


def test_changing_a_number_never_compiles_anew():
    jax.clear_caches()
    with jax.log_compiles(), pytest.MonkeyPatch.context() as patch:
        traces = []
        patch.setattr(experiment, "curves_of", lambda *a, f=experiment.curves_of: traces.append(1) or f(*a))
        for weight, time, scene, against in ((1.0, 0.5, alone(), WEIGHT), (1.5, 0.7, among_others(), TIME)):
            picture(weight, time, scene, against)
    assert len(traces) == 2  # one a neuron


@pytest.mark.usefixtures("annotations_off")
def test_what_is_refused():
    with pytest.raises(ValueError, match="`others` must be at most 5 inputs, got 6"):
        among_others(((0.0, 1.0),) * 6)
    with pytest.raises(ValueError, match=r"`others` must have weights of at most 3\.0 in size, got 3\.5"):
        among_others(((0.0, 3.5),))
    with pytest.raises(ValueError, match="`weight` must be"):
        ExactQIFSetting(float("nan"), 0.5)
