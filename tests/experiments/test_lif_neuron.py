"""One LIF neuron: exact answers by enumeration, and the published numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg
from sgtheory.experiments.lif_neuron import (
    LIFNeuronSetting,
    draw_uniforms,
    firing_probabilities,
    input_spikes,
    lif_neuron,
    weights,
)

KEY = jax.random.key(0)


def setting(weight=4.0, surrogate=None, **changes):
    return LIFNeuronSetting(sg.LIF(sg.Sigmoid(10.0), **changes), surrogate, weight)


@pytest.mark.parametrize("reset_step", ["next", "same"])
def test_the_expected_spike_count_is_that_of_all_spike_patterns(reset_step):
    neuron = sg.LIF(sg.Sigmoid(3.0), reset_step=reset_step)
    arriving = jnp.array([1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0])
    network = sg.ClockedNetwork((1,), (sg.Dense(1, neuron),))

    def by_enumeration(weight):
        parameters = sg.ClockedParameters((sg.LayerParameters(jnp.reshape(weight, (1, 1))),))
        return sg.expectation(sg.SpikeCount(), network, parameters, arriving[:, None])

    def by_renewal(weight):
        return jnp.sum(firing_probabilities(neuron, weight * arriving))

    for function in (lambda each: each, jax.grad):
        one, two = (function(route)(jnp.array(3.0)) for route in (by_enumeration, by_renewal))
        assert float(one) == pytest.approx(float(two), rel=1e-12)


def test_a_trial_forward_in_time_is_the_run_of_the_network_and_its_gradient():
    for reset_step in ("next", "same"):
        for surrogate in (None, sg.SuperSpike(10.0)):
            given = setting(surrogate=surrogate, reset_step=reset_step)
            picture = lif_neuron(given, input_spikes(KEY, 0.3), draw_uniforms(KEY, 6))
            np.testing.assert_array_equal(picture.stochastic.spikes, picture.trials[0])
            for slopes, estimates in (
                (picture.stochastic.spike_slope, picture.through_reset),
                (picture.stochastic.spike_slope_detached, picture.detached),
            ):
                assert float(jnp.sum(slopes)) == pytest.approx(float(estimates.draws[0]), rel=1e-12)


def test_the_published_numbers_of_one_neuron():
    """17.66 spikes, dE/dw = 2.73; surrogate 2.97, sd 8.9, through the reset, and 7.75, sd 0.68, without: for one input train."""
    found = []
    for seed in range(8):
        arriving = input_spikes(jax.random.key(seed), 0.3)
        picture = lif_neuron(setting(), arriving, draw_uniforms(KEY, 1000))
        numbers = picture.expected_count, picture.gradient, picture.detached.mean, picture.detached.deviation
        found.append([*map(float, numbers), float(picture.through_reset.deviation)])
    mean, deviation = np.mean(found, axis=0), np.std(found, axis=0)
    assert np.all(np.abs(mean[:4] - [17.66, 2.73, 7.75, 0.68]) < 2.5 * deviation[:4])
    assert mean[4] > 8.9 / 2  # long tails: a mean of few trains


def test_bias_and_variance_of_the_reset():
    arriving = input_spikes(jax.random.key(3), 0.3)
    picture = lif_neuron(setting(), arriving, draw_uniforms(KEY, 4000))
    error = float(jnp.std(jnp.sum(picture.trials, axis=1))) / 4000**0.5
    assert abs(float(picture.mean_count - picture.expected_count)) < 4.5 * error
    np.testing.assert_allclose(picture.trial_mean, picture.firing_probability, atol=4.5 * 0.5 / 4000**0.5)
    through, detached = picture.through_reset, picture.detached
    assert abs(float(detached.mean - picture.gradient)) > 20 * float(detached.error)  # biased
    assert float(through.deviation) > 5 * float(detached.deviation)  # and noisy
    assert abs(float(through.mean - picture.gradient)) < abs(float(detached.mean - picture.gradient))


def test_only_a_neuron_that_forgets_is_taken():
    for wrong in ({"reset": "subtractive"}, {"refractory_steps": 2}):
        with pytest.raises(ValueError, match="must be reset to zero"):
            setting(**wrong)


def test_changing_a_number_never_compiles_anew():
    counted = 0

    @eqx.filter_jit
    def run(given, arriving, uniforms):
        nonlocal counted
        counted += 1
        return lif_neuron(given, arriving, uniforms).expected_count

    values = {float(run(setting(weight), input_spikes(KEY, 0.3), draw_uniforms(KEY, 5))) for weight in (2.0, 3.0, 4.0)}
    assert len(values) == 3
    assert counted == 1


def test_unscaled_superspike_multiplies_the_gradient_by_the_steepness_once_or_with_every_reset():
    arriving, uniforms = input_spikes(KEY, 0.3), draw_uniforms(KEY, 50)
    scaled, unscaled = (
        lif_neuron(setting(surrogate=sg.SuperSpike(10.0, scaled=each)), arriving, uniforms) for each in (True, False)
    )
    np.testing.assert_allclose(unscaled.detached.draws, 10.0 * scaled.detached.draws, rtol=1e-12)
    assert float(unscaled.through_reset.deviation) > 100 * float(scaled.through_reset.deviation)


def test_the_lines_through_the_expected_count_have_the_slopes_that_are_told():
    picture = lif_neuron(setting(), input_spikes(KEY, 0.3), draw_uniforms(KEY, 50))
    step = float(weights()[1] - weights()[0])
    chosen = int(np.argmin(np.abs(np.asarray(weights()) - 4.0)))
    for line, slope in (
        (picture.exact_tangent, picture.gradient),
        (picture.through_tangent, picture.through_reset.mean),
        (picture.detached_tangent, picture.detached.mean),
    ):
        np.testing.assert_allclose(np.diff(line) / step, slope, rtol=1e-9)
        assert float(line[chosen]) == pytest.approx(float(picture.expected_count))
    assert float(picture.counts[chosen]) == pytest.approx(float(picture.expected_count))
