"""Whatever a reader hands over is taken in one way by every public function, or refused in words that lead somewhere."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(0)
NETWORK = sg.MultilayerPerceptron((3, 2, 1), sg.Sigmoid(2.0))
PARAMETERS = NETWORK.random_parameters(jax.random.key(1))
UNIT = sg.SingleUnit(sg.Perceptron(sg.Sigmoid(2.0), 0.3))


def below_two(output):
    return (output[0] - 2) ** 2


def numbers(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


QUESTIONS = {
    "expectation": sg.expectation,
    "layered expectation": sg.layered_expectation,
    "exact, estimated": functools.partial(sg.ExactGradient().estimate, key=KEY),
    "exact, evaluated": lambda *problem: sg.ExactGradient().evaluate(*problem, ()),
    "exact gradient": sg.exact_gradient,
    "flip identity": sg.flip_gradient,
    "mean over paths": sg.path_mean,
    "all paths": lambda *problem: sg.enumerate_paths(*problem).mean_gradient(),
    "mean baseline": sg.mean_baseline,
    "optimal baseline": sg.optimal_baseline,
    "surrogate": functools.partial(sg.SurrogateGradient().estimate, key=KEY),
    "triple": functools.partial(sg.StochasticTriple().estimate, key=KEY),
    "difference": functools.partial(sg.FiniteDifference(0.5).estimate, key=KEY),
    "many": functools.partial(sg.sample_gradients, sg.ScoreFunction(), draws=3, key=KEY),
    "comparison": lambda *problem: sg.compare(
        {"score": sg.ScoreFunction()}, *problem, draws=3, key=KEY)["score"].mean,
}  # fmt: skip
"""All that take a loss, a network, parameters and inputs."""
every_question = pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)


@every_question
def test_whole_numbers_and_lists_are_the_real_numbers_that_they_look_like(ask):
    problem = below_two, NETWORK, PARAMETERS
    expected = numbers(ask(*problem, jnp.array([1.0, 0.0, 3.0])))
    for inputs in (
        jnp.array([1, 0, 3], jnp.uint8), jnp.array([1, 0, 3], jnp.int8), np.array([1, 0, 3]), [1, 0, 3], (1.0, 0.0, 3.0)
    ):  # fmt: skip
        np.testing.assert_allclose(numbers(ask(*problem, inputs)), expected, rtol=1e-13)
    spikes = jnp.array([True, False, True])
    np.testing.assert_allclose(
        numbers(ask(*problem, spikes)), numbers(ask(*problem, jnp.array([1.0, 0.0, 1.0]))), rtol=1e-13
    )


def test_the_exact_answer_for_whole_numbers_is_the_right_one():
    parameters = sg.MultilayerParameters([[[0.5, -0.3, 0.2], [0.1, 0.4, -0.6]], [[1.0, -1.0]]])
    hidden = jax.nn.sigmoid(2.0 * parameters.weights[0] @ jnp.array([1.0, 2.0, 3.0]))
    value = 0.0
    for first in (0, 1):
        for second in (0, 1):
            weight = (hidden[0] if first else 1 - hidden[0]) * (hidden[1] if second else 1 - hidden[1])
            p = jax.nn.sigmoid(2.0 * (first - second))
            value += weight * (p * 1.0 + (1 - p) * 4.0)
    asked = sg.expectation(below_two, NETWORK, parameters, jnp.array([1, 2, 3], jnp.uint8))
    np.testing.assert_allclose(asked, value, rtol=1e-13)


@every_question
@pytest.mark.usefixtures("annotations_off")
def test_inputs_that_make_no_sense_are_refused_by_all_in_the_same_words(ask):
    with pytest.raises(ValueError, match=r"`inputs` must be finite, got .*nan.*Remove or replace"):
        ask(below_two, NETWORK, PARAMETERS, [1.0, np.nan, 0.0])
    with pytest.raises(TypeError, match="`inputs` must be a number or a regular array of numbers, got"):
        ask(below_two, NETWORK, PARAMETERS, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"`inputs` must be a vector of 3, got the shape \(2,\). Add or drop entries"):
        ask(below_two, NETWORK, PARAMETERS, [1.0, 2.0])
    with pytest.raises(
        ValueError, match=r"must be a vector of 3, got the shape \(5, 3\). Take `jax.vmap` over a batch"
    ):
        ask(below_two, NETWORK, PARAMETERS, jnp.ones((5, 3)))
    with pytest.raises(TypeError, match="`network` must be of the family AbstractNetwork, got 'net'"):
        ask(below_two, "net", PARAMETERS, jnp.ones(3))


@pytest.mark.usefixtures("annotations_off")
def test_a_batch_for_one_unit_is_told_of_vmap():
    with pytest.raises(ValueError, match=r"must be a vector with one entry a weight, got .*\(4, 2\).*Take `jax.vmap`"):
        sg.expectation(lambda y: y, UNIT, sg.PerceptronParameters([0.1, 0.2]), jnp.ones((4, 2)))


# Half precision


def test_half_precision_inputs_do_not_bias_the_draws():
    parameters = sg.PerceptronParameters(jnp.array([-1.5], jnp.bfloat16), jnp.array(-1.0, jnp.bfloat16))
    unit = sg.SingleUnit(sg.Perceptron(sg.Sigmoid(jnp.array(2.0, jnp.bfloat16)), jnp.array(0.3, jnp.bfloat16)))
    inputs = jnp.ones(1, jnp.bfloat16)
    noise = jax.vmap(lambda key: unit.draw(inputs, key=key))(jax.random.split(KEY, 400_000))
    assert noise[0].dtype == jnp.float32
    spikes = jax.vmap(lambda each: unit.run(parameters, inputs, each).output)(noise)
    assert spikes.dtype == jnp.bfloat16
    probability = float(unit.unit.escape.probability(unit.unit.distance(parameters, inputs)))
    mean = float(jnp.mean(spikes.astype(jnp.float64)))
    error = np.sqrt(probability * (1 - probability) / 400_000)
    assert abs(mean - probability) < 4.5 * error
    # The same draws with uniforms of half precision: a hundredth of them is exactly 0, and spikes.
    coarse = jax.vmap(lambda each: unit.run(parameters, inputs, (each[0].astype(jnp.bfloat16),)).output)(
        jax.vmap(lambda key: (jax.random.uniform(key, (), jnp.bfloat16).astype(jnp.float32),))(
            jax.random.split(KEY, 400_000)
        )
    )
    assert abs(float(jnp.mean(coarse.astype(jnp.float64))) - probability) > 10 * error


def test_fine_uniforms_meet_probabilities_that_coarse_ones_miss():
    count = 1 << 22
    coarse, fine = (sg.uniforms(KEY, ((count,),), jnp.float32, fine=choice)[0] for choice in (False, True))
    for uniform in (coarse, fine):
        assert uniform.dtype == jnp.float32
        assert 0 <= float(uniform.min()) < float(uniform.max()) < 1
        quantiles = np.quantile(np.asarray(uniform, float), [0.1, 0.5, 0.9])
        np.testing.assert_allclose(quantiles, [0.1, 0.5, 0.9], atol=4.5 * 0.5 / np.sqrt(count))
    spacing = float(jnp.finfo(jnp.float32).eps)
    small = np.asarray(coarse[coarse < 1e-5], float)
    np.testing.assert_array_equal(small / spacing, np.round(small / spacing))  # multiples of 2⁻²³
    small = np.asarray(fine[fine < 1e-5], float)
    assert np.mean(small / spacing == np.round(small / spacing)) < 0.2
    for bound in (1e-4, 1e-5):
        found, error = float(np.mean(np.asarray(fine) < bound)), np.sqrt(bound / count)
        assert abs(found - bound) < 4.5 * error


# Remedies that lead somewhere


@pytest.mark.usefixtures("annotations_off")
def test_what_is_no_part_of_a_network_or_a_method_is_refused_at_once():
    with pytest.raises(TypeError, match=r"got the escape noise Sigmoid\(.*Take `Matched\(\.\.\.\)` of it"):
        sg.SurrogateGradient(sg.Sigmoid(2.0))
    with pytest.raises(TypeError, match=r"`unit` must be of the family Perceptron, got 3.0. Take `Perceptron\("):
        sg.SingleUnit(3.0)
    with pytest.raises(TypeError, match=r"`loss` must be a function of the output, got 1.0. Take `Total\(\)`"):
        sg.Problem(1.0, NETWORK, PARAMETERS, [1, 2, 3])
    with pytest.raises(ValueError, match="`side` must be 'right', 'left' or 'two-sided', got 'up'"):
        sg.StochasticTriple("up")


def test_widths_may_be_an_array():
    assert sg.MultilayerPerceptron(np.array([3, 2, 1]), sg.Sigmoid(2.0)).widths == (3, 2, 1)


@pytest.mark.usefixtures("annotations_off")
@pytest.mark.parametrize("thresholds", [[0.5, -0.5], np.array([0.5, -0.5]), jnp.array([0.5, -0.5])], ids=type)
def test_thresholds_that_could_be_meant_by_layers_or_by_units_are_refused(thresholds):
    with pytest.raises(ValueError, match=r"`thresholds` must be one number, or a tuple .*Write \(0.5, -0.5\) for two"):
        sg.MultilayerPerceptron((2, 2, 1), sg.Sigmoid(2.0), thresholds)
    by_layers = sg.MultilayerPerceptron((2, 2, 1), sg.Sigmoid(2.0), (0.5, -0.5))
    by_units = sg.MultilayerPerceptron((2, 2, 1), sg.Sigmoid(2.0), ([0.5, -0.5], 0.0))
    assert [each.shape for each in by_layers.thresholds] == [(), ()]
    assert [each.shape for each in by_units.thresholds] == [(2,), ()]


@pytest.mark.parametrize(
    "noise", [(jnp.zeros(3),), (jnp.zeros(2), jnp.zeros(2)), jnp.zeros(3)], ids=["one", "wide", "flat"]
)
@pytest.mark.usefixtures("annotations_off")
def test_noise_of_the_wrong_shape_is_told_the_whole_shape(noise):
    with pytest.raises(
        ValueError, match=r"tuple with one array a layer, of the shapes \(\(2,\), \(1,\)\), got .*draw\("
    ):
        NETWORK(PARAMETERS, jnp.ones(3), noise, sg.SpikeRule())


def test_one_rule_a_layer():
    noise = NETWORK.draw(jnp.ones(3), key=KEY)
    mixed = NETWORK(PARAMETERS, jnp.ones(3), noise, (sg.Concrete(0.5), sg.SpikeRule()))
    assert 0 < float(mixed.decisions[0].spike[0]) < 1
    assert float(mixed.output[0]) in (0.0, 1.0)
    with pytest.raises(ValueError, match="`rule` must be one rule, or a tuple with one a layer, got 1 for 2 layers"):
        NETWORK(PARAMETERS, jnp.ones(3), noise, (sg.SpikeRule(),))


def test_the_limit_of_a_baseline_can_be_raised():
    class Unlayered(sg.AbstractEscapeNoiseNetwork):
        def sites(self, inputs):
            return ((3,),)

        def escape_of(self, layer):
            return sg.Sigmoid(2.0)

        def __call__(self, weights, inputs, noise, rule):
            decision = sg.decide(rule, self.escape_of(0), weights * inputs, noise[0])
            return sg.Path(decision.spike, (decision,))

    problem = jnp.sum, Unlayered(), jnp.ones(3), jnp.ones(3)
    for baseline in (sg.mean_baseline, sg.optimal_baseline):
        with pytest.raises(ValueError, match=r"at most 2 decisions to be enumerated, got 3.*raise `max_decisions`"):
            baseline(*problem, max_decisions=2)
        method = sg.ScoreFunction(functools.partial(baseline, max_decisions=3))
        assert method.estimate(*problem, key=KEY).shape == (3,)


# Construction inside compiled code


def test_a_network_built_inside_compiled_code_leaves_nothing_in_the_program():
    @jax.jit
    def gradient(steepness, weight, threshold, temperature, noise):
        network = sg.MultilayerPerceptron((1, 1), sg.Sigmoid(steepness), threshold)
        parameters = sg.MultilayerParameters([weight[None, None]], [weight[None]])
        methods = (
            sg.SurrogateGradient(sg.SuperSpike(steepness)),
            sg.ConcreteRelaxation(temperature),
            sg.ScoreFunction(weight),
        )
        problem = jnp.sum, network, parameters, jnp.ones(1)
        return [method.evaluate(*problem, noise) for method in methods]

    arguments = [jnp.array(0.5)] * 4
    program = gradient.lower(*arguments, (jnp.ones(1),)).compile().as_text()
    assert "callback" not in program
    # Such a word is there to be found.
    assert "callback" in jax.jit(checked_estimate).lower(jnp.array(2.0), KEY).compile().as_text()


def checked_estimate(steepness, key):
    network = sg.SingleUnit(sg.Perceptron(sg.Sigmoid(steepness)))
    return sg.SurrogateGradient().estimate(lambda y: y, network, sg.PerceptronParameters([0.8]), jnp.ones(1), key=key)


def test_a_traced_number_is_refused_where_the_run_begins():
    estimate = eqx.filter_jit(checked_estimate)
    assert np.isfinite(numbers(estimate(jnp.array(2.0), KEY))).all()
    with pytest.raises(
        eqx.EquinoxRuntimeError, match=r"`steepness` must be positive and finite\. For the noiseless limit"
    ):
        jax.block_until_ready(estimate(jnp.array(-1.0), KEY))


# Sums in pieces, and draws in batches


def test_a_sum_over_patterns_in_pieces_is_the_same(monkeypatch, quick_jit):
    network = sg.MultilayerPerceptron((2, 3, 2), sg.Sigmoid(2.0))
    parameters, inputs = network.random_parameters(KEY), jnp.array([0.3, -1.0])

    def answer(parameters):
        best = sg.optimal_baseline(lambda y: y[0] * y[1], network, parameters, inputs)
        return best, jax.grad(lambda p: sg.optimal_baseline(jnp.sum, network, p, inputs))(parameters)

    whole = numbers(quick_jit(answer)(parameters))
    monkeypatch.setattr("sgtheory.gradients._enumeration._TOGETHER", 4)
    np.testing.assert_allclose(numbers(quick_jit(lambda p: answer(p))(parameters)), whole, rtol=1e-10)


def test_draws_in_batches_are_the_same_draws():
    problem = below_two, NETWORK, PARAMETERS, jnp.ones(3)
    whole, batches = (
        sg.sample_gradients(sg.ScoreFunction(), *problem, draws=10, key=KEY, batch_size=size) for size in (None, 3)
    )
    np.testing.assert_allclose(numbers(batches), numbers(whole), rtol=1e-13)
    with pytest.raises(ValueError, match="`batch_size` must be at least 1, got 0"):
        sg.sample_gradients(sg.ScoreFunction(), *problem, draws=10, key=KEY, batch_size=0)


def test_a_comparison_over_several_inputs_is_of_the_gradient_of_the_mean_loss():
    inputs = jnp.array([[1.0, 0.0, -1.0], [0.5, 2.0, 1.0]])
    methods = {"exact": sg.METHODS["exact"], "score": sg.ScoreFunction(), "surrogate": sg.SurrogateGradient()}
    found = sg.compare(methods, below_two, NETWORK, PARAMETERS, inputs, several=True, draws=4000, key=KEY)
    singly = [sg.exact_gradient(below_two, NETWORK, PARAMETERS, each) for each in inputs]
    expected = np.mean([numbers(each) for each in singly], axis=0)
    np.testing.assert_allclose(found["score"].exact, expected, rtol=1e-12)
    assert not np.any(found["exact"].biased())
    assert not np.any(found["score"].biased())
    assert np.any(found["surrogate"].biased())
    assert found["score"].runs == 2


class Current(sg.AbstractNetwork):
    """A network that decides nothing: its output is its input times its parameter."""

    continuous = True

    def draw(self, inputs, *, key):
        return ()

    def run(self, parameters, inputs, noise):
        return sg.Path(parameters * inputs)


def test_a_network_that_a_method_does_not_take_is_refused_over_several_inputs_too():
    problem = lambda output: output, Current(), jnp.array(2.0), jnp.array([1.0, 3.0])
    found = sg.compare({"pathwise": sg.PathwiseGradient()}, *problem, several=True, draws=2, key=KEY)
    np.testing.assert_allclose(found["pathwise"].mean, [2.0])
    with pytest.raises(TypeError, match="`network` must be one that decides by a spike rule here, got Current"):
        sg.compare({"surrogate": sg.SurrogateGradient()}, *problem, several=True, draws=2, key=KEY)


# Losses that differ in their numbers alone


def test_a_new_target_compiles_nothing():
    traces = 0

    @eqx.filter_jit
    def gradient(problem, key):
        nonlocal traces
        traces += 1
        return sg.SurrogateGradient().estimate(*problem, key=key)

    for target in (0.0, 1.0, 2.0):
        gradient(sg.Problem(sg.SquaredDistance(jnp.full(1, target)), NETWORK, PARAMETERS, [1, 0, 1]), KEY)
    assert traces == 1


# Concrete


def test_an_impossible_spike_stays_impossible_whatever_the_uniform():
    escape = sg.Custom(lambda u: jnp.clip(0.5 + 0.1 * u, 0.0, 1.0))
    distance = jnp.array([-8.0, 0.0, 8.0])
    for uniform in (0.0, 0.5):
        relaxed = sg.Concrete(0.5)(escape, distance, jnp.full(3, uniform))
        assert np.all(np.isfinite(relaxed))
        np.testing.assert_array_equal(relaxed[jnp.array([0, 2])], [0.0, 1.0])
        slope = jax.grad(lambda u, w: jnp.sum(sg.Concrete(0.5)(escape, u, w)))(distance, jnp.full(3, uniform))
        assert np.all(np.isfinite(slope))
