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
    SmoothedDerivative,
    StochasticTriple,
    SurrogateGradient,
    compare,
    enumerate_paths,
    expectation,
    expected_gradient,
    flip_gradient,
    layered_expectation,
    path_mean,
    sample_gradients,
)
from sgtheory.methods import METHODS
from sgtheory.networks import AbstractEscapeNoiseNetwork, MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import Forced, MeanField, MultilayerSpiker, SmoothedLeft, SpikeRule, Surrogate, Threshold
from sgtheory.surrogates import SuperSpike

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(0)
ONE = jnp.array([1.0])


def first(output):
    return output[0]


def curved(output):
    return jnp.exp(output[0] - 0.7 * output[-1]) + output[0] ** 2


def weights_of(gradient):
    return np.array([float(matrix[0, 0]) for matrix in gradient.weights])


CHAIN = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
CHAIN_PARAMETERS = MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]])
CHAIN_PROBLEM = first, CHAIN, CHAIN_PARAMETERS, ONE


def layers_of(uniform, network=CHAIN):
    """The same uniform for every decision."""
    return tuple(jnp.full(shape, uniform) for shape in network.sites(None))


def outcomes(path):
    """All spikes of a path, layer after layer."""
    return np.concatenate([decision.spike for decision in path.decisions])


OTHERS = {
    "wide": MultilayerPerceptron((2, 4, 1), Sigmoid(3.0), thresholds=0.2),
    "deep": MultilayerPerceptron((3, 2, 3, 2, 2), Arctan(1.5)),
    "gentle": MultilayerPerceptron((2, 3, 3, 2), Sigmoid(1.5)),
    "mixed": MultilayerPerceptron(
        (2, 3, 2), (ErrorFunction(2.0), Sigmoid(5.0)), thresholds=(jnp.array([0.1, -0.2, 0.3]), 0.0)
    ),
}


exact_gradient = eqx.filter_jit(lambda *problem: ExactGradient().estimate(*problem, key=KEY))
exact_value, by_flips, by_paths = (eqx.filter_jit(f) for f in (expectation, flip_gradient, enumerate_paths))


def problem(name, loss=curved):
    network = OTHERS[name]
    parameters = network.random_parameters(jax.random.key(3), spread=2.0)
    parameters = jax.tree.map(lambda leaf: leaf + 0.1, parameters)
    return loss, network, parameters, jnp.linspace(1.0, -0.5, network.widths[0])


# The chain of four units, whose numbers are known


def test_the_chain_has_its_reference_numbers():
    np.testing.assert_allclose(expectation(*CHAIN_PROBLEM), 0.3346043468664222, rtol=1e-13)
    exact = [-0.084056215408, -0.09300857765, 0.209074620694]
    np.testing.assert_allclose(weights_of(exact_gradient(*CHAIN_PROBLEM)), exact, atol=1e-10)
    np.testing.assert_allclose(weights_of(by_flips(*CHAIN_PROBLEM)), exact, atol=1e-10)


def test_the_paths_of_the_chain_have_their_reference_numbers():
    # Over the patterns of the two hidden units: the last is the output, over which a path's gradient is the same.
    paths = by_paths(*CHAIN_PROBLEM)
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
@pytest.mark.parametrize("loss", [first, curved])
def test_the_routes_agree(name, loss):
    loss, network, parameters, inputs = problem(name, loss)
    exact = ravel_pytree(exact_gradient(loss, network, parameters, inputs))[0]
    assert np.max(np.abs(exact)) > 1e-2
    np.testing.assert_allclose(ravel_pytree(by_flips(loss, network, parameters, inputs))[0], exact, atol=1e-10)
    visited = exact_value(loss, Unlayered(network), parameters, inputs)
    np.testing.assert_allclose(exact_value(loss, network, parameters, inputs), visited, rtol=1e-13)
    slow = exact_gradient(loss, Unlayered(network), parameters, inputs)
    np.testing.assert_allclose(ravel_pytree(slow)[0], exact, atol=1e-12)


def test_long_sums_taken_in_pieces_are_the_same(monkeypatch):
    arguments = problem("deep")
    whole = ravel_pytree(exact_gradient(*arguments))[0]
    monkeypatch.setattr("sgtheory.gradients._layered._CHUNK", 8)
    pieces = eqx.filter_jit(lambda *a: ExactGradient().estimate(*a, key=KEY))(*arguments)
    np.testing.assert_allclose(ravel_pytree(pieces)[0], whole, rtol=1e-12)


def test_the_flip_identity_holds_where_an_outcome_is_impossible():
    loss, _, parameters, inputs = problem("wide")
    network = MultilayerPerceptron((2, 4, 1), (HardThreshold(), Sigmoid(2.0)))
    exact = exact_gradient(loss, network, parameters, inputs)
    flipped = ravel_pytree(by_flips(loss, network, parameters, inputs))[0]
    assert np.all(np.isfinite(flipped))
    np.testing.assert_allclose(flipped, ravel_pytree(exact)[0], atol=1e-12)


# Estimators


@pytest.fixture(scope="module")
def comparisons():
    return compare(METHODS, *problem("gentle"), draws=20_000, key=jax.random.key(8))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_estimator_is_unbiased_where_it_claims_depth_and_biased_elsewhere(comparisons, method):
    arguments, found = problem("gentle"), comparisons[method.label]
    claimed = method().claim.on(*arguments[1::2]) is Losses.ANY
    mean = expected_gradient(method(), *arguments)
    if mean is None:  # then draws must tell
        assert bool(np.any(found.biased())) != claimed
        return
    # What it gives on average is known without noise: its draws are held to that, and that to the claim.
    mean = ravel_pytree(mean)[0]
    distance = np.abs(found.mean - mean) - 4.5 * np.asarray(found.standard_error)
    assert np.all(distance <= 1e-12)
    np.testing.assert_array_equal(np.max(np.abs(mean - found.exact)) <= 1e-12, claimed)


@pytest.mark.parametrize("coupled", [True, False])
def test_finite_differences_have_the_mean_of_the_exact_difference(coupled):
    step = 0.5
    loss, network, parameters, inputs = problem("mixed")
    flat, unravel = ravel_pytree(parameters)

    def value(vector):
        return expectation(loss, network, unravel(vector), inputs)

    shifts = 0.5 * step * jnp.eye(flat.size)
    expected = jax.jit(jax.vmap(lambda shift: (value(flat + shift) - value(flat - shift)) / step))(shifts)
    draws = sample_gradients(
        FiniteDifference(step, coupled), loss, network, parameters, inputs, draws=20_000, key=jax.random.key(2)
    )
    draws = jax.vmap(lambda tree: ravel_pytree(tree)[0])(draws)
    error = np.std(draws, axis=0, ddof=1) / np.sqrt(draws.shape[0])
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) <= 4.5 * error + 1e-12)


def test_smoothed_derivatives_share_the_bias_of_the_surrogate_gradient():
    """Smoothing drops the coupling: for the loss of one unit in the last layer the path means are one and the same."""
    paths = by_paths(*CHAIN_PROBLEM)
    left = by_paths(*CHAIN_PROBLEM, backward=SmoothedLeft())
    last = weights_of(paths.mean_gradient())[-1], weights_of(left.mean_gradient())[-1]
    np.testing.assert_allclose(*last, rtol=1e-12)
    exact = weights_of(exact_gradient(*CHAIN_PROBLEM))
    assert abs(weights_of(paths.mean_gradient())[0] - exact[0]) > 0.01


def test_the_mean_of_the_paths_is_what_the_estimator_estimates():
    for estimator, backward in ((SurrogateGradient(), None), (SmoothedDerivative(SmoothedLeft()), SmoothedLeft())):
        mean = by_paths(*CHAIN_PROBLEM, backward=backward).mean_gradient()
        draws = sample_gradients(estimator, *CHAIN_PROBLEM, draws=20_000, key=jax.random.key(1))
        for sampled, expected in zip(draws.weights, mean.weights, strict=True):
            error = np.std(sampled) / np.sqrt(20_000)
            assert abs(np.mean(sampled) - expected[0, 0]) <= 4.5 * error + 1e-12


def test_the_surrogate_gradient_of_the_last_layer_is_unbiased():
    for name in OTHERS:
        arguments = problem(name, first)
        mean = by_paths(*arguments).mean_gradient()
        exact = exact_gradient(*arguments)
        np.testing.assert_allclose(mean.weights[-1], exact.weights[-1], atol=1e-13)
        np.testing.assert_allclose(mean.biases[-1], exact.biases[-1], atol=1e-13)
        assert np.max(np.abs(mean.weights[0] - exact.weights[0])) > 1e-4


def test_the_bias_of_a_hidden_unit_at_one_half_is_that_of_the_trapezoid_rule():
    steepness, v, c = 1.0, 1e-2, 0.6
    network = MultilayerPerceptron((1, 1, 1), Sigmoid(steepness))
    parameters = MultilayerParameters([[[0.0]], [[v]]], [[0.0], [c]])
    arguments = first, network, parameters, ONE
    difference = weights_of(by_paths(*arguments).mean_gradient())[0]
    difference -= weights_of(exact_gradient(*arguments))[0]
    third = jax.grad(jax.grad(jax.grad(jax.nn.sigmoid)))(c)
    np.testing.assert_allclose(difference, 0.25 * v**3 * third / 12, rtol=1e-2)


def test_every_estimator_traces_once():
    """Other numbers of the problem compile nothing."""
    loss, network, parameters, inputs = problem("mixed")
    for name, method in METHODS.items():
        traces, estimator = 0, method()

        @jax.jit
        def estimate(parameters, inputs, key, estimator=estimator):
            nonlocal traces
            traces += 1
            return estimator.estimate(loss, network, parameters, inputs, key=key)

        for factor in (1.0, 2.0, 0.5):
            estimate(jax.tree.map(lambda leaf, f=factor: f * leaf, parameters), factor * inputs, jax.random.key(1))
        assert traces == 1, name


def test_a_network_that_may_share_parameters_gets_the_same_triples():
    """Each parameter has one decision here; the general way, which chooses among decisions, must find that one."""
    loss, network, parameters, inputs = problem("gentle")
    key = jax.random.key(5)
    several = [
        sample_gradients(StochasticTriple(), loss, each, parameters, inputs, draws=200, key=key)
        for each in (network, Unlayered(network))
    ]
    assert not network.shares_parameters
    assert Unlayered(network).shares_parameters
    for first_way, second_way in zip(*(jax.tree.leaves(each) for each in several), strict=True):
        np.testing.assert_allclose(first_way, second_way, atol=1e-12)


def test_the_costs_are_those_told():
    _, network, parameters, inputs = problem("mixed")
    counted = {name: method().runs(network, parameters, inputs) for name, method in METHODS.items()}
    numbers, decisions = ravel_pytree(parameters)[0].size, 5
    assert counted["surrogate, matched"] == counted["score function"] == 1
    assert counted["stochastic triple"] == StochasticTriple().runs(network, parameters, inputs) == 1 + decisions
    assert counted["finite difference, coupled"] == 2 * numbers
    assert counted["exact"] == 2**3 + 2 ** (3 + 2)


# Three networks in one


def test_the_smooth_network_passes_probabilities_on():
    path = CHAIN(CHAIN_PARAMETERS, ONE, layers_of(0.0), MeanField())
    h1 = jax.nn.sigmoid(2.0 * (0.8 - 0.3))
    h2 = jax.nn.sigmoid(2.0 * (1.2 * h1 - 0.5))
    np.testing.assert_allclose(path.output[0], jax.nn.sigmoid(2.0 * (-0.9 * h2 + 0.2)), rtol=1e-14)


def test_the_gradient_of_the_smooth_network_is_a_true_one_and_a_surrogate_is_none():
    loss, network, parameters, inputs = problem("wide", first)
    uniforms = layers_of(0.4, network)

    def output(p):
        return loss(network(p, inputs, uniforms, MeanField()).output)

    check_grads(output, (parameters,), order=1, modes=["rev"])

    def surrogate(p):
        return loss(network(p, inputs, uniforms, SurrogateGradient().rule).output)

    with pytest.raises(AssertionError):
        check_grads(surrogate, (parameters,), order=1, modes=["rev"])


def test_forced_outcomes_are_the_outcomes():
    pattern = jnp.ones(1), jnp.zeros(1), jnp.ones(1)
    np.testing.assert_array_equal(outcomes(CHAIN(CHAIN_PARAMETERS, ONE, pattern, SpikeRule(Forced()))), [1, 0, 1])


@pytest.mark.parametrize("backward", [None, SmoothedLeft(), MultilayerSpiker(), Surrogate(SuperSpike(3.0))], ids=str)
@pytest.mark.parametrize("name", OTHERS)
def test_the_mean_over_the_paths_layer_by_layer(name, backward):
    loss, network, parameters, inputs = problem(name)
    expected = by_paths(loss, network, parameters, inputs, backward).mean_gradient()
    mean = path_mean(loss, network, parameters, inputs, backward)
    np.testing.assert_allclose(ravel_pytree(mean)[0], ravel_pytree(expected)[0], atol=1e-13)
    exact = exact_gradient(loss, network, parameters, inputs)
    assert np.max(np.abs(ravel_pytree(exact)[0] - ravel_pytree(mean)[0])) > 1e-3


# Refusals


@pytest.mark.parametrize("widths", [(3,), (), (2, 0, 1), (2, -1), (0, 2), (2, 1.5)])
@pytest.mark.usefixtures("annotations_off")
def test_widths_that_are_none_are_refused(widths):
    with pytest.raises(ValueError, match=r"`widths` must be the number of inputs and then .* got \("):
        MultilayerPerceptron(widths, Sigmoid(1.0))


def test_layers_too_wide_for_an_exact_sum_are_refused():
    network = MultilayerPerceptron((2, 13, 12, 1), Sigmoid(1.0))
    parameters = network.random_parameters(KEY)
    for exact in (expectation, layered_expectation, flip_gradient, path_mean):
        with pytest.raises(
            ValueError, match=r"in two adjacent layers .* got \(13, 12\), that is 3\.36e\+07 transitions"
        ):
            exact(first, network, parameters, jnp.ones(2))
    with pytest.raises(ValueError, match=r"got 26, that is 6\.71e"):
        enumerate_paths(first, network, parameters, jnp.ones(2))


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
        MultilayerPerceptron((1, 1), Sigmoid(1.0), thresholds=jnp.zeros(2))
    with pytest.raises(ValueError, match=r"`spread` must be positive and finite, got 0\."):
        CHAIN.random_parameters(KEY, spread=0.0)


def test_a_loss_of_several_numbers_is_refused():
    for exact in (expectation, flip_gradient):
        with pytest.raises(ValueError, match=r"`loss` must give one number, got the shape \(1,\)"):
            exact(lambda y: y, CHAIN, CHAIN_PARAMETERS, ONE)


def test_a_comparison_of_nothing_is_refused():
    exact = exact_gradient(*CHAIN_PROBLEM)
    with pytest.raises(ValueError, match="`estimators` must hold at least one, got none"):
        compare({}, *CHAIN_PROBLEM, exact=exact, draws=10, key=KEY)
    with pytest.raises(ValueError, match="`draws` must be at least 2 for a variance, got 1"):
        compare(METHODS, *CHAIN_PROBLEM, exact=exact, draws=1, key=KEY)
