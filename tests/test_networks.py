"""Networks as pure functions of parameters, inputs, noise and rules: one unit, and layers of units."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Arctan, HardThreshold, Sigmoid
from sgtheory.networks import (
    AbstractEscapeNoiseNetwork,
    Decision,
    MultilayerParameters,
    MultilayerPerceptron,
    Path,
    SingleUnit,
    decide,
    rule_of,
    uniforms,
)
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Concrete, Forced, MeanField, Sample, SpikeRule, Surrogate, Threshold

pytestmark = pytest.mark.usefixtures("quick_compilation")

KEY = jax.random.key(0)
NETWORK = SingleUnit(Perceptron(Sigmoid(2.0), threshold=0.3))
PARAMETERS = PerceptronParameters([0.5, -0.25], 0.1)
INPUTS = jnp.array([1.0, 0.4])
UNIFORMS = jnp.array([0.0, 0.2, 0.5, 0.6, 0.999])
LAYERED = MultilayerPerceptron((2, 3, 1), (Sigmoid(2.0), Arctan(1.5)), thresholds=(jnp.array([0.1, -0.2, 0.3]), 0.2))
LAYERED_PARAMETERS = MultilayerParameters(
    [[[0.8, 0.1], [-0.4, 0.6], [1.2, -0.5]], [[0.7, -0.3, 0.9]]], [[0.1] * 3, [0.0]]
)
LAYERED_NOISE = jnp.array([0.2, 0.7, 0.4]), jnp.array([0.6])
PROBLEMS = {
    "single unit": (NETWORK, PARAMETERS, INPUTS, (jnp.array(0.2),)),
    "layers": (LAYERED, LAYERED_PARAMETERS, INPUTS, LAYERED_NOISE),
}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def spikes(rule):
    return jax.jit(jax.vmap(lambda uniform: NETWORK(PARAMETERS, INPUTS, (uniform,), rule).output))(UNIFORMS)


# Where decisions are taken, and what is drawn for them


def test_decisions_come_layer_by_layer():
    assert NETWORK.sites(INPUTS) == ((),)
    assert LAYERED.sites(INPUTS) == ((3,), (1,))
    assert not NETWORK.chained
    assert LAYERED.chained
    assert not MultilayerPerceptron((2, 3), Sigmoid(1.0)).chained


@every_problem
@pytest.mark.parametrize(
    ("dtype", "drawn"), [(jnp.float16, jnp.float32), (jnp.float32, jnp.float32), (jnp.float64, jnp.float64)]
)
def test_a_draw_is_one_uniform_a_decision_of_32_bits_at_least(problem, dtype, drawn):
    network, _, inputs, _ = problem
    noise = jax.eval_shape(lambda: network.draw(inputs.astype(dtype), key=KEY))
    assert tuple(each.shape for each in noise) == network.sites(inputs)
    assert {each.dtype for each in noise} == {jnp.dtype(drawn)}


def test_uniforms_fill_the_unit_interval_and_differ():
    first, second = uniforms(KEY, ((400, 5), (3000,)))
    together = np.sort(np.concatenate([np.ravel(first), second]))
    assert len(np.unique(together)) == 5000
    # Kolmogorov's distance: 1.95/√n is passed once in a thousand.
    assert np.max(np.abs(together - (np.arange(5000) + 0.5) / 5000)) < 1.95 / np.sqrt(5000)


def test_fine_uniforms_are_uniforms_whose_small_ones_are_finer():
    count = 2**20
    (drawn,), (plain,) = jax.jit(
        lambda: [uniforms(KEY, ((count,),), jnp.float32, fine=fine) for fine in (True, False)]
    )()
    assert drawn.dtype == plain.dtype == jnp.float32
    assert np.all((drawn > 0) & (drawn < 1))
    for numbers, finer in ((drawn, True), (plain, False)):
        small = np.asarray(numbers, dtype=np.float64)[numbers < 1e-3]
        assert np.any(small % 2.0**-23 != 0) == finer
        assert abs(len(small) - count * 1e-3) < 4.5 * np.sqrt(count * 1e-3)
    assert abs(np.mean(drawn, dtype=np.float64) - 0.5) < 4.5 / np.sqrt(12 * count)


# A run


@every_problem
def test_a_path_records_what_was_decided(problem):
    network, parameters, inputs, noise = problem
    path = network(parameters, inputs, noise, SpikeRule())
    assert len(path.decisions) == len(noise)
    np.testing.assert_array_equal(path.output, path.decisions[-1].spike)
    below = inputs
    for layer, (decision, uniform) in enumerate(zip(path.decisions, noise, strict=True)):
        single = isinstance(network, SingleUnit)
        distance = network.unit.distance(parameters, below) if single else network.distance(parameters, layer, below)
        np.testing.assert_allclose(decision.distance, distance, rtol=1e-15)
        np.testing.assert_array_equal(decision.spike, network.escape_of(layer).probability(distance) > uniform)
        below = decision.spike


@every_problem
def test_a_sampled_run_is_one_under_the_plain_rule(problem):
    network, parameters, inputs, noise = problem
    for run in (
        network.run(parameters, inputs, noise),
        network(parameters, inputs, noise, (SpikeRule(),) * len(noise)),
    ):
        for leaf, expected in zip(*map(jax.tree.leaves, (run, network(*problem[1:], SpikeRule()))), strict=True):
            np.testing.assert_array_equal(leaf, expected)


def test_every_layer_may_have_a_rule_of_its_own():
    path = LAYERED(LAYERED_PARAMETERS, INPUTS, LAYERED_NOISE, (MeanField(), SpikeRule(Threshold())))
    hidden, output = path.decisions
    np.testing.assert_array_equal(hidden.spike, Sigmoid(2.0).probability(hidden.distance))
    np.testing.assert_array_equal(output.spike, output.distance > 0)
    relaxed = LAYERED(LAYERED_PARAMETERS, INPUTS, LAYERED_NOISE, (Concrete(0.5), SpikeRule()))
    assert np.all((relaxed.decisions[0].spike > 0) & (relaxed.decisions[0].spike < 1))
    assert relaxed.output in (0.0, 1.0)


@pytest.mark.parametrize("inputs", [[1, 0], (1.0, 0.0), np.array([True, False]), jnp.array([1, 0])], ids=repr)
@every_problem
def test_numbers_of_every_kind_are_inputs(problem, inputs):
    network, parameters, _, noise = problem
    expected = network.run(parameters, jnp.array([1.0, 0.0]), noise)
    given = network.run(parameters, network.as_inputs(inputs), noise)
    np.testing.assert_array_equal(given.decisions[0].distance, expected.decisions[0].distance)


def test_the_deterministic_network_is_the_stochastic_one_with_every_uniform_at_one_half():
    for bias in (-1.0, -0.01, 0.01, 1.0):
        parameters = PerceptronParameters([0.5, -0.25], bias)
        halves = (jnp.array(0.5),)
        run = [NETWORK(parameters, INPUTS, halves, SpikeRule(rule)).output for rule in (Sample(), Threshold())]
        assert run[0] == run[1]


def test_without_noise_every_uniform_gives_the_same_spike():
    network = SingleUnit(Perceptron(HardThreshold()))
    run = jax.jit(jax.vmap(lambda uniform: network.run(PARAMETERS, INPUTS, (uniform,)).output))(UNIFORMS)
    np.testing.assert_array_equal(run, np.ones(5))


def test_a_backward_half_leaves_the_spikes_bit_identical():
    np.testing.assert_array_equal(spikes(SpikeRule()), spikes(SpikeRule(backward=Surrogate())))


def test_compiled_and_mapped_runs_are_those_of_a_loop():
    loop = [NETWORK(PARAMETERS, INPUTS, (uniform,), SpikeRule()).output for uniform in UNIFORMS]
    np.testing.assert_array_equal(spikes(SpikeRule()), loop)


def test_the_mean_field_network_is_smooth_and_equals_the_mean_output():
    probability = NETWORK.unit.escape.probability(NETWORK.unit.distance(PARAMETERS, INPUTS))
    output = NETWORK(PARAMETERS, INPUTS, (jnp.array(0.9),), MeanField()).output
    np.testing.assert_allclose(output, probability, rtol=1e-15)


@every_problem
def test_single_precision_stays_single_precision(problem):
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), problem)
    path = jax.eval_shape(lambda network, *rest: network(*rest, SpikeRule(backward=Surrogate())), *single)
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} == {jnp.dtype(jnp.float32)}


def test_networks_and_parameters_are_built_inside_compiled_code():
    def distances(steepness, threshold, number):
        unit = SingleUnit(Perceptron(Sigmoid(steepness), threshold))
        layers = MultilayerPerceptron((2, 1), Sigmoid(steepness), (threshold,))
        one = unit.run(PerceptronParameters([number, -0.25], number), INPUTS, (jnp.array(0.5),))
        several = layers.run(MultilayerParameters([[[number, -0.25]]], [[number]]), INPUTS, (jnp.array([0.5]),))
        return one.decisions[0].distance, several.decisions[0].distance[0]

    numbers = jnp.array([0.5, 1.0, 2.0])
    one, several = jax.jit(jax.vmap(distances))(numbers, numbers, numbers)
    np.testing.assert_allclose(one, numbers - 0.25 * INPUTS[1], rtol=1e-14)
    np.testing.assert_allclose(several, one, rtol=1e-14)
    primitives = {str(each.primitive) for each in jax.make_jaxpr(jax.vmap(distances))(*[numbers] * 3).eqns}
    assert not any("callback" in name for name in primitives)


# The probability of a path


def test_the_probabilities_of_both_outcomes_add_up_to_1():
    both = [NETWORK(PARAMETERS, INPUTS, (jnp.array(spike),), SpikeRule(Forced())) for spike in (0.0, 1.0)]
    np.testing.assert_allclose(sum(np.exp(NETWORK.log_probability(path)) for path in both), 1, rtol=1e-15)


@every_problem
def test_the_probability_of_a_path_is_the_product_over_its_decisions(problem):
    network, parameters, inputs, noise = problem
    path = network.run(parameters, inputs, noise)
    expected = []
    for layer, decision in enumerate(path.decisions):
        probability = np.asarray(network.escape_of(layer).probability(decision.distance))
        expected.append(np.where(decision.spike, probability, 1 - probability))
    found = network.log_probabilities(path)
    assert [each.shape for each in found] == [each.shape for each in noise]
    for logarithm, likelihood in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.exp(logarithm), likelihood, rtol=1e-14)
    product = np.prod([np.prod(each) for each in expected])
    np.testing.assert_allclose(np.exp(network.log_probability(path)), product, rtol=1e-14)


@pytest.mark.parametrize("rule", [SpikeRule(), SpikeRule(backward=Surrogate()), MeanField()], ids=repr)
def test_the_score_is_that_of_the_outcome_whatever_the_rule_shows_backward(rule):
    @jax.jit
    def score(parameters):
        return jax.grad(
            lambda p: NETWORK.log_probability(NETWORK(p, INPUTS, (jnp.array(0.2),), rule)),
        )(parameters)

    ratio = eqx.filter_jit(NETWORK.unit.escape.slope_over_probability)(NETWORK.unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_allclose(score(PARAMETERS).weights, ratio * INPUTS, rtol=1e-14)


def test_a_relaxed_outcome_counts_as_the_nearer_one():
    decision = Decision(jnp.array([0.4, 0.6]), jnp.array([0.5, 0.5]))
    probability = Sigmoid(2.0).probability(0.5)
    (logarithms,) = NETWORK.log_probabilities(Path(decision.spike, (decision,)))
    np.testing.assert_allclose(np.exp(logarithms), [1 - probability, probability], rtol=1e-14)


# Refusals


@every_problem
@pytest.mark.parametrize(
    "noise", [jnp.array(0.5), (), (jnp.zeros(2),), (jnp.zeros(3),) * 2], ids=["array", "none", "one", "two"]
)
@pytest.mark.usefixtures("annotations_off")
def test_noise_of_another_shape_is_refused(problem, noise):
    network, parameters, inputs, _ = problem
    shapes = r"\(\(\),\)" if isinstance(network, SingleUnit) else r"\(\(3,\), \(1,\)\)"
    message = (
        rf"`noise` must be a tuple with one array a layer, of the shapes {shapes}, got .*\. Take what `network\.draw"
    )
    with pytest.raises(ValueError, match=message):
        network.run(parameters, inputs, noise)


@pytest.mark.parametrize("shape", [(1,), (2,)])
def test_noise_of_another_shape_than_the_distances_is_refused(shape):
    with pytest.raises(
        ValueError,
        match=r"`noise` must have one entry a decision, got the shape \(.,\) for \(\)\. Take what `network\.draw",
    ):
        decide(SpikeRule(), Sigmoid(2.0), jnp.array(0.1), jnp.zeros(shape))


def test_a_tuple_of_rules_must_have_one_a_layer():
    with pytest.raises(ValueError, match="`rule` must be one rule, or a tuple with one a layer, got 1 for 2 layers"):
        LAYERED(LAYERED_PARAMETERS, INPUTS, LAYERED_NOISE, (SpikeRule(),))
    with pytest.raises(ValueError, match="`rule` must be one rule, or a tuple with one a layer, got 2 for 1 layers"):
        NETWORK(PARAMETERS, INPUTS, (jnp.array(0.2),), (SpikeRule(), MeanField()))


@pytest.mark.usefixtures("annotations_off")
def test_a_rule_of_another_family_is_refused():
    with pytest.raises(
        TypeError, match=r"`rule` must be of the family AbstractSpikeRule, got 'sample'\. Take `SpikeRule"
    ):
        rule_of("sample", 0, 1)


@every_problem
def test_inputs_that_are_none_are_refused(problem):
    network = problem[0]
    for inputs in (0.5, {"first": [1.0, 0.4]}):
        with pytest.raises(
            ValueError, match=r"`inputs` must be a vector, got .*\. Give a vector such as \[0\.5, -1\.0\]"
        ):
            network.as_inputs(inputs)
    with pytest.raises(ValueError, match=r"`inputs` must be finite, got \[ 1\. nan\]\. Remove or replace"):
        network.as_inputs([1.0, np.nan])
    with pytest.raises(TypeError, match="`inputs` must be a number or a regular array of numbers, got"):
        network.as_inputs([[1.0], [2.0, 3.0]])


@every_problem
@pytest.mark.usefixtures("annotations_off")
def test_a_batch_of_inputs_is_told_of_vmap(problem):
    network, parameters, inputs, _ = problem
    with pytest.raises(ValueError, match=r"got the shape \(7, 2\).*Take `jax\.vmap` over a batch\."):
        network.check(parameters, jnp.ones((7, 2)))
    with pytest.raises(ValueError, match=r"got the shape \(3,\).*Add or drop entries\."):
        network.check(parameters, jnp.ones(3))
    network.check(parameters, inputs)


@pytest.mark.usefixtures("annotations_off")
def test_a_unit_that_is_none_is_refused():
    with pytest.raises(
        TypeError, match=r"`unit` must be of the family Perceptron, got Sigmoid.*Take `Perceptron\(Sigm"
    ):
        SingleUnit(Sigmoid(2.0))


class OneLayer(AbstractEscapeNoiseNetwork):
    """A network of one's own: as much as must be written."""

    def sites(self, inputs):
        return (inputs.shape,)

    def escape_of(self, layer):
        return Sigmoid(2.0)

    def __call__(self, parameters, inputs, noise, rule):
        decision = decide(rule_of(rule, 0, 1), self.escape_of(0), parameters * inputs, noise[0])
        return Path(decision.spike, (decision,))


def test_a_network_of_ones_own_is_three_methods():
    network, inputs = OneLayer(), jnp.ones((4, 3))
    noise = network.draw(inputs, key=KEY)
    path = network.run(jnp.array(0.5), inputs, noise)
    assert network.chained
    assert network.shares_parameters
    np.testing.assert_array_equal(path.output, noise[0] < Sigmoid(2.0).probability(0.5))
