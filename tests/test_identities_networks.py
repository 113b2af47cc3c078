"""Networks of several layers: reference numbers, two exact routes against one another, laws of the bias."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.test_util import check_grads

from sgtheory.escape import Arctan, ErrorFunction, HardThreshold, Sigmoid
from sgtheory.gradients import (
    ExactGradient,
    FiniteDifference,
    Losses,
    PathwiseGradient,
    ScoreFunction,
    StochasticTriple,
    SurrogateGradient,
    compare,
    enumerate_paths,
    expectation,
    expected_gradient,
    flip_gradient,
    layered_expectation,
    path_mean,
)
from sgtheory.methods import METHODS
from sgtheory.networks import AbstractEscapeNoiseNetwork, MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import Forced, MeanField, MultilayerSpiker, SmoothedLeft, SpikeRule, Surrogate, Threshold
from sgtheory.surrogates import SuperSpike

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(0)
ONE = jnp.array([1.0])


class Loss(eqx.Module):
    """The first output, and what is curved in all of them."""

    curvature: jax.Array

    def __call__(self, output):
        return output[0] + self.curvature * (jnp.exp(output[0] - 0.7 * output[-1]) + output[0] ** 2)


FIRST, CURVED = Loss(jnp.array(0.0)), Loss(jnp.array(1.0))


def weights_of(gradient):
    return np.array([float(matrix[0, 0]) for matrix in gradient.weights])


CHAIN = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
CHAIN_PARAMETERS = MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]])
CHAIN_PROBLEM = FIRST, CHAIN, CHAIN_PARAMETERS, ONE


def layers_of(uniform, network=CHAIN):
    """The same uniform for every decision."""
    return tuple(jnp.full(shape, uniform) for shape in network.sites(jnp.ones(network.widths[0])))


def outcomes(path):
    """All spikes of a path, layer after layer."""
    return np.concatenate([decision.spike for decision in path.decisions])


OTHERS = {
    "wide": MultilayerPerceptron((2, 4, 1), Sigmoid(3.0), thresholds=0.2),
    "deep": MultilayerPerceptron((3, 2, 3, 2, 2), Arctan(1.5)),
    "mixed": MultilayerPerceptron(
        (2, 3, 2), (ErrorFunction(2.0), Sigmoid(5.0)), thresholds=(jnp.array([0.1, -0.2, 0.3]), 0.0)
    ),
}


@pytest.fixture(scope="module")
def exact(quick_jit):
    """The exact expectation and its gradient."""
    return quick_jit(lambda *problem: (expectation(*problem), ExactGradient().estimate(*problem, key=KEY)))


@pytest.fixture(scope="module")
def exact_gradient(exact):
    return lambda *problem: exact(*problem)[1]


@pytest.fixture(scope="module")
def by_flips(quick_jit):
    return quick_jit(flip_gradient)


@pytest.fixture(scope="module")
def by_paths(quick_jit):
    return quick_jit(enumerate_paths)


@pytest.fixture(scope="module")
def by_layers(quick_jit):
    return quick_jit(path_mean)


def flat(tree):
    return ravel_pytree(tree)[0]


def problem(name, loss=CURVED):
    network = OTHERS[name]
    parameters = network.random_parameters(jax.random.key(3), spread=2.0)
    parameters = jax.tree.map(lambda leaf: leaf + 0.1, parameters)
    return loss, network, parameters, jnp.linspace(1.0, -0.5, network.widths[0])


# The chain of four units, whose numbers are known


def test_the_chain_has_its_reference_numbers(exact, by_flips):
    value, gradient = exact(*CHAIN_PROBLEM)
    expected = [-0.084056215408, -0.09300857765, 0.209074620694]
    np.testing.assert_allclose(value, 0.3346043468664222, rtol=1e-13)
    np.testing.assert_allclose(weights_of(gradient), expected, atol=1e-10)
    np.testing.assert_allclose(weights_of(by_flips(*CHAIN_PROBLEM)), expected, atol=1e-10)


def test_the_paths_of_the_chain_have_their_reference_numbers(by_paths):
    # Over the patterns of the two hidden units: the last is the output, over which a path's gradient is the same.
    paths = by_paths(*CHAIN_PROBLEM, None)
    expected = {
        (0, 0): (0.196611933241, (-0.08024469123, 0, 0)),
        (0, 1): (0.072329488129, (-0.052999172058, 0, 0.317369794991)),
        (1, 0): (0.144615165260, (-0.06476524793, -0.137252706517, 0)),
        (1, 1): (0.586443413370, (-0.042775471696, -0.090651228095, 0.317369794991)),
    }
    for hidden, (probability, gradient) in expected.items():
        chosen = np.all(np.concatenate(paths.spikes[:2], axis=1) == hidden, axis=1)
        assert chosen.sum() == 2
        np.testing.assert_allclose(np.asarray(paths.probability)[chosen].sum(), probability, atol=1e-12)
        for matrix, number in zip(paths.gradient.weights, gradient, strict=True):
            np.testing.assert_allclose(np.asarray(matrix)[chosen, 0, 0], number, atol=1e-12)
    mean = [-0.054061897524, -0.073010638466, 0.209074620694]
    np.testing.assert_allclose(weights_of(paths.mean_gradient()), mean, atol=1e-10)


def test_the_deterministic_path_of_the_chain():
    spikes = outcomes(CHAIN(CHAIN_PARAMETERS, ONE, layers_of(0.0), SpikeRule(Threshold())))
    np.testing.assert_array_equal(spikes[:2], [1, 1])
    half = outcomes(CHAIN(CHAIN_PARAMETERS, ONE, layers_of(0.5), SpikeRule()))
    np.testing.assert_array_equal(half, spikes)


# Two exact routes, and a third by all patterns at once


class Unlayered(AbstractEscapeNoiseNetwork):
    """The same network without the promise of layers, so that all patterns are visited."""

    network: MultilayerPerceptron

    def sites(self, inputs):
        return self.network.sites(inputs)

    def escape_of(self, layer):
        return self.network.escape_of(layer)

    def __call__(self, parameters, inputs, noise, rule):
        return self.network(parameters, inputs, noise, rule)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("loss", [FIRST, CURVED], ids=["first", "curved"])
def test_the_routes_agree(name, loss, exact, by_flips):
    loss, network, parameters, inputs = problem(name, loss)
    value, gradient = exact(loss, network, parameters, inputs)
    assert np.max(np.abs(flat(gradient))) > 1e-2
    np.testing.assert_allclose(flat(by_flips(loss, network, parameters, inputs)), flat(gradient), atol=1e-10)
    visited, slow = exact(loss, Unlayered(network), parameters, inputs)
    np.testing.assert_allclose(value, visited, rtol=1e-13)
    np.testing.assert_allclose(flat(slow), flat(gradient), atol=1e-12)


def test_long_sums_taken_in_pieces_are_the_same(monkeypatch, exact_gradient, quick_jit):
    arguments = problem("deep")
    whole = flat(exact_gradient(*arguments))
    monkeypatch.setattr("sgtheory.gradients._layered._CHUNK", 8)
    pieces = quick_jit(lambda *a: ExactGradient().estimate(*a, key=KEY))(*arguments)
    np.testing.assert_allclose(flat(pieces), whole, rtol=1e-12)


def test_the_flip_identity_holds_where_an_outcome_is_impossible(exact_gradient, by_flips):
    loss, _, parameters, inputs = problem("wide")
    network = MultilayerPerceptron((2, 4, 1), (HardThreshold(), Sigmoid(2.0)))
    flipped = flat(by_flips(loss, network, parameters, inputs))
    assert np.all(np.isfinite(flipped))
    np.testing.assert_allclose(flipped, flat(exact_gradient(loss, network, parameters, inputs)), atol=1e-12)


# Estimators


def test_finite_differences_have_the_mean_of_the_exact_difference(exact, quick_jit):
    step = 0.5
    loss, network, parameters, inputs = problem("mixed")
    vector, unravel = ravel_pytree(parameters)

    def value(vector):
        return exact(loss, network, unravel(vector), inputs)[0]

    shifts = 0.5 * step * np.eye(vector.size)
    expected = [(value(vector + shift) - value(vector - shift)) / step for shift in shifts]
    mean = quick_jit(lambda estimator, *problem: flat(expected_gradient(estimator, *problem)))
    for coupled in (True, False):
        found = mean(FiniteDifference(step, coupled), loss, network, parameters, inputs)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_a_method_that_is_right_on_other_networks_alone_has_no_closed_form_here():
    assert PathwiseGradient().claim.on(*CHAIN_PROBLEM[1::2]) is Losses.NONE
    assert expected_gradient(PathwiseGradient(), *CHAIN_PROBLEM) is None


def test_smoothed_derivatives_share_the_bias_of_the_surrogate_gradient(by_paths, exact_gradient):
    """Smoothing drops the coupling: for the loss of one unit in the last layer the path means are one and the same."""
    paths = by_paths(*CHAIN_PROBLEM, None)
    left = by_paths(*CHAIN_PROBLEM, SmoothedLeft())
    last = weights_of(paths.mean_gradient())[-1], weights_of(left.mean_gradient())[-1]
    np.testing.assert_allclose(*last, rtol=1e-12)
    exact = weights_of(exact_gradient(*CHAIN_PROBLEM))
    assert abs(weights_of(paths.mean_gradient())[0] - exact[0]) > 0.01


@pytest.mark.parametrize("name", OTHERS)
def test_the_surrogate_gradient_of_the_last_layer_is_unbiased(name, by_paths, exact_gradient):
    arguments = problem(name, FIRST)
    mean, exact = by_paths(*arguments, None).mean_gradient(), exact_gradient(*arguments)
    np.testing.assert_allclose(mean.weights[-1], exact.weights[-1], atol=1e-13)
    np.testing.assert_allclose(mean.biases[-1], exact.biases[-1], atol=1e-13)
    assert np.max(np.abs(mean.weights[0] - exact.weights[0])) > 1e-4


def test_the_bias_of_a_hidden_unit_at_one_half_is_that_of_the_trapezoid_rule(by_paths, exact_gradient):
    steepness, v, c = 1.0, 1e-2, 0.6
    network = MultilayerPerceptron((1, 1, 1), Sigmoid(steepness))
    parameters = MultilayerParameters([[[0.0]], [[v]]], [[0.0], [c]])
    arguments = FIRST, network, parameters, ONE
    difference = weights_of(by_paths(*arguments).mean_gradient())[0]
    difference -= weights_of(exact_gradient(*arguments))[0]
    third = jax.jit(jax.grad(jax.grad(jax.grad(jax.nn.sigmoid))))(c)
    np.testing.assert_allclose(difference, 0.25 * v**3 * third / 12, rtol=1e-2)


def test_a_network_that_may_share_parameters_gets_the_same_triples(quick_jit):
    """Each parameter has one decision here; the general way, which chooses among decisions, must find that one."""
    loss, network, parameters, inputs = problem("mixed")
    estimator = StochasticTriple()
    draws = jax.vmap(lambda key: estimator.draw(network, inputs, key=key))(jax.random.split(jax.random.key(5), 200))

    @quick_jit
    def sampled(network):
        return jax.vmap(lambda draw: flat(estimator.evaluate(loss, network, parameters, inputs, draw)))(draws)

    assert not network.shares_parameters
    assert Unlayered(network).shares_parameters
    np.testing.assert_allclose(sampled(network), sampled(Unlayered(network)), atol=1e-12)


def test_the_costs_are_those_told():
    problem_without_loss = problem("mixed")[1:]
    numbers, decisions = flat(problem_without_loss[1]).size, 5
    for estimator, runs in (
        (SurrogateGradient(), 1),
        (ScoreFunction(), 1),
        (StochasticTriple(), 1 + decisions),
        (FiniteDifference(0.5), 2 * numbers),
        (ExactGradient(), 2**3 + 2 ** (3 + 2)),
    ):
        assert estimator.runs(*problem_without_loss) == runs
    unlayered = Unlayered(problem_without_loss[0]), *problem_without_loss[1:]
    assert ExactGradient().runs(*unlayered) == 2**decisions


# Three networks in one


def test_the_smooth_network_passes_probabilities_on():
    path = CHAIN(CHAIN_PARAMETERS, ONE, layers_of(0.0), MeanField())
    h1 = jax.nn.sigmoid(2.0 * (0.8 - 0.3))
    h2 = jax.nn.sigmoid(2.0 * (1.2 * h1 - 0.5))
    np.testing.assert_allclose(path.output[0], jax.nn.sigmoid(2.0 * (-0.9 * h2 + 0.2)), rtol=1e-14)


def test_the_gradient_of_the_smooth_network_is_a_true_one_and_a_surrogate_is_none():
    loss, network, parameters, inputs = problem("wide", FIRST)

    def output(rule):
        return jax.jit(lambda p: loss(network(p, inputs, layers_of(0.4, network), rule).output))

    check_grads(output(MeanField()), (parameters,), order=1, modes=["rev"])
    with pytest.raises(AssertionError):
        check_grads(output(SurrogateGradient().rule), (parameters,), order=1, modes=["rev"])


def test_forced_outcomes_are_the_outcomes():
    pattern = jnp.ones(1), jnp.zeros(1), jnp.ones(1)
    np.testing.assert_array_equal(outcomes(CHAIN(CHAIN_PARAMETERS, ONE, pattern, SpikeRule(Forced()))), [1, 0, 1])


BACKWARD = [None, SmoothedLeft(), MultilayerSpiker(), Surrogate(SuperSpike(3.0))]


@pytest.mark.parametrize(
    ("name", "backward"),
    [("wide", None), *((name, backward) for name in ("deep", "mixed") for backward in BACKWARD)],
    ids=str,
)
def test_the_mean_over_the_paths_layer_by_layer(name, backward, by_paths, by_layers, exact_gradient):
    arguments = problem(name)
    mean = flat(by_layers(*arguments, backward))
    np.testing.assert_allclose(mean, flat(by_paths(*arguments, backward).mean_gradient()), atol=1e-13)
    assert np.max(np.abs(flat(exact_gradient(*arguments)) - mean)) > 1e-3


# Refusals


@pytest.mark.parametrize("widths", [(3,), (), (2, 0, 1), (2, -1), (0, 2), (2, 1.5)])
@pytest.mark.usefixtures("annotations_off")
def test_widths_that_are_none_are_refused(widths):
    with pytest.raises(ValueError, match=r"`widths` must be the number of inputs and then .* got \("):
        MultilayerPerceptron(widths, Sigmoid(1.0))


def test_layers_too_wide_for_an_exact_sum_are_refused():
    network = MultilayerPerceptron((2, 13, 12, 1), Sigmoid(1.0))
    parameters = MultilayerParameters([np.ones((13, 2)), np.ones((12, 13)), np.ones((1, 12))])
    for exact in (expectation, layered_expectation, flip_gradient, path_mean):
        with pytest.raises(
            ValueError, match=r"in two adjacent layers .* got \(13, 12\), that is 3\.36e\+07 transitions"
        ):
            exact(FIRST, network, parameters, jnp.ones(2))
    with pytest.raises(ValueError, match=r"got 26, that is 6\.71e"):
        enumerate_paths(FIRST, network, parameters, jnp.ones(2))


@pytest.mark.usefixtures("annotations_off")
def test_parameters_that_do_not_fit_are_refused():
    with pytest.raises(
        ValueError, match=r"`weights\[1\]` must have one column a unit of the layer below, got .*\(1, 3\)"
    ):
        MultilayerParameters([[[1.0], [2.0]], [[1.0, 1.0, 1.0]]])
    with pytest.raises(ValueError, match=r"`weights` must have at least one matrix, got none"):
        MultilayerParameters([])
    with pytest.raises(ValueError, match=r"`weights\[0\]` must be a matrix with entries, got the shape \(2,\)"):
        MultilayerParameters([[1.0, 2.0]])
    with pytest.raises(TypeError, match=r"`weights\[0\]` must be a number or a regular array"):
        MultilayerParameters([[[1.0], [2.0, 3.0]]])
    with pytest.raises(ValueError, match=r"`weights\[0\]` must be finite, got .*nan"):
        MultilayerParameters([[[jnp.nan]]])
    with pytest.raises(ValueError, match=r"`biases` must have one vector a layer, got 2 for 1"):
        MultilayerParameters([[[1.0]]], [[0.0], [0.0]])
    with pytest.raises(ValueError, match=r"`biases\[0\]` must have one entry a unit, got the shape \(2,\) for 1 units"):
        MultilayerParameters([[[1.0]]], [[0.0, 0.0]])
    with pytest.raises(
        ValueError, match=r"`parameters` must have weights of the shapes \[\(1, 1\), .*Make network and"
    ):
        CHAIN(MultilayerParameters([[[1.0]]]), ONE, layers_of(0.0), SpikeRule())
    with pytest.raises(ValueError, match=r"`inputs` must be a vector of 1, got the shape \(2,\)"):
        CHAIN(CHAIN_PARAMETERS, jnp.ones(2), layers_of(0.0), SpikeRule())


@pytest.mark.usefixtures("annotations_off")
def test_networks_that_are_none_are_refused():
    with pytest.raises(ValueError, match="`escape` must have one entry, or one a layer, got 3 for 2 layers"):
        MultilayerPerceptron((1, 1, 1), (Sigmoid(1.0),) * 3)
    with pytest.raises(TypeError, match="`escape` must be of the family AbstractEscape, got 'sigmoid'"):
        MultilayerPerceptron((1, 1), "sigmoid")
    with pytest.raises(ValueError, match=r"`thresholds` must be numbers or one entry a unit, got the shape \(2,\)"):
        MultilayerPerceptron((1, 1), Sigmoid(1.0), thresholds=(jnp.zeros(2),))
    with pytest.raises(
        ValueError,
        match=r"`thresholds` must be one number, or a tuple with one entry a layer, .*, got \[0\. 0\.\]\. Write",
    ):
        MultilayerPerceptron((1, 2), Sigmoid(1.0), thresholds=jnp.zeros(2))
    with pytest.raises(ValueError, match=r"`spread` must be positive and finite, got 0\."):
        CHAIN.random_parameters(KEY, spread=0.0)


def test_a_loss_of_several_numbers_is_refused():
    for exact in (expectation, flip_gradient):
        with pytest.raises(ValueError, match=r"`loss` must give one number, got the shape \(1,\)"):
            exact(lambda y: y, CHAIN, CHAIN_PARAMETERS, ONE)


def test_a_comparison_of_nothing_is_refused(exact_gradient):
    exact = exact_gradient(*CHAIN_PROBLEM)
    with pytest.raises(ValueError, match="`estimators` must hold at least one, got none"):
        compare({}, *CHAIN_PROBLEM, exact=exact, draws=10, key=KEY)
    with pytest.raises(ValueError, match="`draws` must be at least 2 for a variance, got 1"):
        compare(METHODS, *CHAIN_PROBLEM, exact=exact, draws=1, key=KEY)
