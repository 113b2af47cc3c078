"""The single unit as a network: a pure function of parameters, inputs, noise and a rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import HardThreshold, Sigmoid
from sgtheory.networks import SingleUnit, decide
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Forced, MeanField, Sample, SpikeRule, Surrogate, Threshold

NETWORK = SingleUnit(Perceptron(Sigmoid(2.0), threshold=0.3))
PARAMETERS = PerceptronParameters([0.5, -0.25], 0.1)
INPUTS = jnp.array([1.0, 0.4])
UNIFORMS = jnp.array([0.0, 0.2, 0.5, 0.6, 0.999])


def spikes(rule, noise):
    return jax.jit(jax.vmap(lambda uniform: NETWORK(PARAMETERS, INPUTS, uniform, rule).output))(noise)


def test_one_unit_takes_one_decision():
    assert NETWORK.sites(INPUTS) == ()


def test_a_path_records_what_was_decided():
    path = NETWORK(PARAMETERS, INPUTS, jnp.array(0.2), SpikeRule())
    assert path.output == path.decisions.spike == 1.0
    np.testing.assert_allclose(path.decisions.distance, NETWORK.unit.distance(PARAMETERS, INPUTS), rtol=1e-15)
    expected = NETWORK.unit.escape.log_probability(path.decisions.distance)
    np.testing.assert_allclose(path.decisions.log_probability, expected, rtol=1e-15)


def test_it_spikes_where_the_uniform_is_below_the_probability():
    probability = NETWORK.unit.escape.probability(NETWORK.unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_array_equal(spikes(SpikeRule(), UNIFORMS), probability > UNIFORMS)


def test_the_deterministic_network_is_the_stochastic_one_with_every_uniform_at_one_half():
    for bias in (-1.0, -0.01, 0.01, 1.0):
        parameters = PerceptronParameters([0.5, -0.25], bias)
        run = [NETWORK(parameters, INPUTS, jnp.array(0.5), SpikeRule(rule)).output for rule in (Sample(), Threshold())]
        assert run[0] == run[1]


def test_without_noise_every_uniform_gives_the_same_spike():
    network = SingleUnit(Perceptron(HardThreshold()))
    run = jax.vmap(lambda uniform: network(PARAMETERS, INPUTS, uniform, SpikeRule()).output)(UNIFORMS)
    np.testing.assert_array_equal(run, jnp.ones(5))


def test_a_backward_half_leaves_the_spikes_bit_identical():
    np.testing.assert_array_equal(spikes(SpikeRule(), UNIFORMS), spikes(SpikeRule(backward=Surrogate()), UNIFORMS))


def test_compiled_and_mapped_runs_are_those_of_a_loop():
    loop = [NETWORK(PARAMETERS, INPUTS, uniform, SpikeRule()).output for uniform in UNIFORMS]
    np.testing.assert_array_equal(spikes(SpikeRule(), UNIFORMS), loop)


def test_the_probabilities_of_both_outcomes_add_up_to_1():
    both = [NETWORK(PARAMETERS, INPUTS, jnp.array(spike), SpikeRule(Forced())) for spike in (0.0, 1.0)]
    np.testing.assert_allclose(sum(np.exp(path.decisions.log_probability) for path in both), 1, rtol=1e-15)


@pytest.mark.parametrize("rule", [SpikeRule(), SpikeRule(backward=Surrogate()), MeanField()], ids=repr)
def test_the_score_is_that_of_the_outcome_whatever_the_rule_shows_backward(rule):
    def log_probability(parameters):
        return NETWORK(parameters, INPUTS, jnp.array(0.2), rule).decisions.log_probability

    ratio = NETWORK.unit.escape.slope_over_probability(NETWORK.unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_allclose(jax.grad(log_probability)(PARAMETERS).weights, ratio * INPUTS, rtol=1e-14)


def test_the_mean_field_network_is_smooth_and_equals_the_mean_output():
    probability = NETWORK.unit.escape.probability(NETWORK.unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_allclose(NETWORK(PARAMETERS, INPUTS, jnp.array(0.9), MeanField()).output, probability, rtol=1e-15)


def test_single_precision_stays_single_precision():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (PARAMETERS, INPUTS, jnp.array(0.2)))
    path = jax.eval_shape(lambda *arguments: NETWORK(*arguments, SpikeRule(backward=Surrogate())), *single)
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_noise_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"`noise` must have one entry a decision, got the shape \(.,\) for \(\)\. Take"
    ):
        NETWORK(PARAMETERS, INPUTS, jnp.zeros(shape), SpikeRule())
    with pytest.raises(ValueError, match=r"Take `network\.sites\(inputs\)` as its shape\."):
        decide(SpikeRule(), Sigmoid(2.0), jnp.array(0.1), jnp.zeros(shape))
