"""What every gradient estimator must do, over the registry, for five kinds of noise and two kinds of loss.

An estimator says for which losses it is right. Where it says so, the mean of its draws is held to the exact gradient
within its own standard error, at every working point; where it does not, its bias must show at one of them.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from sgtheory import gradients as package
from sgtheory.escape import Arctan, ErrorFunction, ExponentialHazard, FastSigmoid, Sigmoid
from sgtheory.gradients import (
    ALL_ESTIMATORS,
    AbstractGradientEstimator,
    ConcreteRelaxation,
    ExactGradient,
    FiniteDifference,
    Losses,
    ScoreFunction,
    SmoothedDerivative,
    StochasticTriple,
    StraightThrough,
    SurrogateGradient,
    expectation,
    mean_baseline,
    optimal_baseline,
    sample_gradients,
)
from sgtheory.networks import SingleUnit
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Detached, SmoothedAffine, SpikeRule, Surrogate

DRAWS = 20_000
STEEPNESS, THRESHOLD = 2.0, 0.3
INPUTS = jnp.array([2.0, -3.0])
WEIGHTS = [0.3, -0.2]
DISTANCES = (-0.6, -0.2, 0.3, 0.9)
"""The working points: distances to threshold, reached by the bias; probabilities from 0.1 to 0.998."""
STRETCH = np.append(np.asarray(INPUTS), 1.0)
"""Derivatives of the distance with respect to the weights and the bias."""
CURVATURES = {Losses.AFFINE: 0.0, Losses.ANY: 1.0}
"""The curved part of each loss, and the least claim that covers it."""
NOISES = [Sigmoid, ErrorFunction, FastSigmoid, Arctan, ExponentialHazard]

pytestmark = pytest.mark.usefixtures("quick_compilation")
every_estimator = pytest.mark.parametrize("estimator", ALL_ESTIMATORS.values(), ids=ALL_ESTIMATORS)


def loss_of(curvature):
    return lambda output: 2 * output + 1 + curvature * jnp.exp(1.5 * output)


@functools.cache
def at_distances(distances):
    """Parameters that bring the unit to these distances; a leading axis of working points."""
    biases = np.asarray(distances) + THRESHOLD - float(np.dot(WEIGHTS, INPUTS))
    return jax.vmap(lambda bias: PerceptronParameters(jnp.array(WEIGHTS), bias))(jnp.asarray(biases))


def unit(noise, steepness=STEEPNESS):
    return SingleUnit(Perceptron(noise(steepness=steepness), THRESHOLD))


class Laboratory:
    """One estimator, compiled once a noise: draws for both losses and all working points. It counts its traces."""

    def __init__(self, estimator):
        self.estimator, self.traces, self.results = estimator, 0, {}

        def draw(inputs, keys):
            # Only the number of decisions matters, and it is the same for every noise.
            return jax.vmap(lambda key: estimator.draw(unit(Sigmoid), inputs, key=key))(keys)

        def evaluate(estimator, network, parameters, inputs, draws, curvatures):
            self.traces += 1

            def one(curvature, point, draw):
                return ravel_pytree(estimator.evaluate(loss_of(curvature), network, point, inputs, draw))[0]

            over_draws = jax.vmap(one, in_axes=(None, None, 0))
            over_points = jax.vmap(over_draws, in_axes=(None, 0, None))
            return jax.vmap(over_points, in_axes=(0, None, None))(curvatures, parameters, draws)

        self._draw, self._evaluate = eqx.filter_jit(draw), eqx.filter_jit(evaluate)

    def run(self, noise, steepness=STEEPNESS, distances=DISTANCES, inputs=INPUTS, seed=0, scale=1.0):
        """Estimates of shape (losses, working points, draws, parameters); `scale` for the estimator's own numbers."""
        estimator = jax.tree.map(lambda leaf: scale * leaf if eqx.is_array(leaf) else leaf, self.estimator)
        network = unit(noise, steepness)
        drawn = self._draw(inputs, jax.random.split(jax.random.key(seed), DRAWS))
        if not jax.tree.leaves(drawn):  # nothing is random: two draws are as good as many
            drawn = jnp.zeros(2)
        curvatures = jnp.array(list(CURVATURES.values()))
        return np.asarray(self._evaluate(estimator, network, at_distances(distances), inputs, drawn, curvatures))

    def result(self, noise):
        """The same, computed once."""
        if noise not in self.results:
            self.results[noise] = self.run(noise)
        return self.results[noise]


@pytest.fixture(scope="module")
def laboratories():
    return {name: Laboratory(estimator) for name, estimator in ALL_ESTIMATORS.items()}


@pytest.fixture(scope="module", params=ALL_ESTIMATORS)
def laboratory(request, laboratories):
    return laboratories[request.param]


@pytest.fixture(params=NOISES, ids=lambda noise: noise.__name__)
def noise(request):
    return request.param


@pytest.fixture(scope="module")
def exact(laboratories):
    return lambda noise: laboratories["exact"].result(noise)[:, :, 0, :]


def mean_and_error(draws):
    return draws.mean(axis=-2), draws.std(axis=-2, ddof=1) / np.sqrt(draws.shape[-2])


def hold_to(draws, truth):
    """Fails unless the mean is the truth within 4.5 standard errors; where nothing varies, to rounding."""
    mean, error = mean_and_error(draws)
    excess = np.abs(mean - truth) - 4.5 * error - 1e-12 * (1 + np.abs(truth))
    assert excess.max() <= 0, f"mean {mean}, exact {truth}, standard error {error}"


def find_bias(draws, truth):
    """Fails unless the mean is off by more than 10 standard errors somewhere; where nothing varies, by 1e-3."""
    mean, error = mean_and_error(draws)
    excess = np.abs(mean - truth) - np.maximum(10 * error, 1e-3)
    assert excess.max() > 0, f"mean {mean}, exact {truth}, standard error {error}"


# The contract


def test_every_exported_estimator_is_registered(exported_members):
    registered = {type(estimator) for estimator in ALL_ESTIMATORS.values()}
    assert exported_members(package, AbstractGradientEstimator) == registered


@every_estimator
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_an_estimate_is_shaped_like_the_parameters(estimator, dtype):
    network = unit(Sigmoid)
    parameters = PerceptronParameters(jnp.array(WEIGHTS, dtype), jnp.array(0.1, dtype))

    def estimate(key):
        return estimator.estimate(loss_of(1.0), network, parameters, INPUTS.astype(dtype), key=key)

    shapes = jax.eval_shape(estimate, jax.random.key(0))
    assert jax.tree.structure(shapes) == jax.tree.structure(parameters)
    assert [leaf.shape for leaf in jax.tree.leaves(shapes)] == [(2,), ()]
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype(dtype)}


def test_estimates_are_finite_even_of_a_saturated_unit(laboratory, noise):
    assert np.all(np.isfinite(laboratory.result(noise)))
    assert np.all(np.isfinite(laboratory.run(noise, distances=(-1e5, -500.0, 500.0, 1e5))))


def test_changed_numbers_compile_nothing_and_a_key_gives_the_same_draws_again(laboratory, noise):
    first = laboratory.result(noise)
    traces = laboratory.traces
    laboratory.run(noise, steepness=3.0, distances=(-0.5, -0.1, 0.4, 1.0), inputs=2 * INPUTS, seed=1, scale=1.5)
    np.testing.assert_array_equal(laboratory.run(noise), first)
    assert laboratory.traces == traces


def test_the_mean_is_the_exact_gradient_where_claimed_and_is_not_elsewhere(laboratory, noise, exact):
    claim = laboratory.estimator.claim
    for least_claim, draws, truth in zip(CURVATURES, laboratory.result(noise), exact(noise), strict=True):
        check = hold_to if claim.losses in (Losses.ANY, least_claim) else find_bias
        check(draws, truth)


def test_many_draws_at_once_are_single_draws_of_split_keys(laboratory):
    parameters = jax.tree.map(lambda leaf: leaf[0], at_distances(DISTANCES))
    problem = loss_of(CURVATURES[Losses.ANY]), unit(Sigmoid), parameters, INPUTS
    many = sample_gradients(laboratory.estimator, *problem, draws=DRAWS, key=jax.random.key(0))
    together = np.column_stack([many.weights, many.bias])
    single = laboratory.result(Sigmoid)[1, 0]
    np.testing.assert_allclose(together[: len(single)], single, rtol=1e-12, atol=1e-13)


class WrongScoreFunction(AbstractGradientEstimator):
    """The score function with log p where log(1 − p) belongs."""

    claim = ScoreFunction().claim

    def draw(self, network, inputs, *, key):
        return ScoreFunction().draw(network, inputs, key=key)

    def runs(self, network, parameters, inputs):
        return 1

    def evaluate(self, loss, network, parameters, inputs, noise):
        def surrogate_loss(p):
            path = network(p, inputs, noise, SpikeRule())
            score = network.unit.escape.log_probability(network.unit.distance(p, inputs))
            return jax.lax.stop_gradient(loss(path.output)) * score

        return jax.grad(surrogate_loss)(parameters)


def test_the_contract_notices_a_wrong_score(exact):
    for draws, truth in zip(Laboratory(WrongScoreFunction()).result(Sigmoid), exact(Sigmoid), strict=True):
        with pytest.raises(AssertionError):
            hold_to(draws, truth)


# The exact gradient


def test_the_exact_gradient_is_the_closed_form(noise, exact):
    slope = np.asarray(noise(STEEPNESS).slope(jnp.asarray(DISTANCES)))
    for curvature, gradient in zip(CURVATURES.values(), exact(noise), strict=True):
        loss = loss_of(curvature)
        expected = float(loss(1.0) - loss(0.0)) * slope[:, None] * STRETCH
        np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_the_expectation_is_the_closed_form():
    network, parameters = unit(Sigmoid), PerceptronParameters(WEIGHTS, 0.1)
    probability = network.unit.escape.probability(network.unit.distance(parameters, INPUTS))
    np.testing.assert_allclose(expectation(jnp.exp, network, parameters, INPUTS), 1 + (np.e - 1) * probability)


# Finite differences


def test_finite_differences_have_the_mean_of_the_exact_difference(laboratories, noise):
    for laboratory in laboratories.values():
        if isinstance(laboratory.estimator, FiniteDifference):
            step = float(laboratory.estimator.step)
            shifted = np.asarray(DISTANCES)[:, None] + np.multiply.outer([0.5, -0.5], step * STRETCH)[:, None, :]
            above, below = np.asarray(noise(STEEPNESS).probability(jnp.asarray(shifted)))
            for curvature, draws in zip(CURVATURES.values(), laboratory.result(noise), strict=True):
                jump = loss_of(curvature)(1.0) - loss_of(curvature)(0.0)
                hold_to(draws, jump * (above - below) / step)


@pytest.mark.parametrize(("coupled", "power", "tolerance"), [(False, -2.0, 0.05), (True, -1.0, 0.1)])
def test_the_variance_of_finite_differences_grows_with_its_law(coupled, power, tolerance):
    def loss(output):
        return output

    def sample(step):
        problem = FiniteDifference(step, coupled), loss, unit(Sigmoid), PerceptronParameters([0.5], 0.1), jnp.ones(1)
        return np.asarray(sample_gradients(*problem, draws=200_000, key=jax.random.key(3)).bias)

    steps = np.logspace(-2, -0.5, 7)
    variances = [np.var(sample(step), ddof=1) for step in steps]
    slope = np.polyfit(np.log(steps), np.log(variances), 1)[0]
    assert abs(slope - power) < tolerance


# Baselines


def test_the_best_baseline_of_one_unit_is_the_probability_of_silence(noise):
    @jax.jit
    def baselines(parameters):
        return [
            baseline(lambda y: y, unit(noise), parameters, INPUTS) for baseline in (optimal_baseline, mean_baseline)
        ]

    best, mean = jax.vmap(baselines)(at_distances(DISTANCES))
    probability = noise(STEEPNESS).probability(jnp.asarray(DISTANCES))
    np.testing.assert_allclose(best, 1 - probability, rtol=1e-12)
    np.testing.assert_allclose(mean, probability, rtol=1e-12)


def test_the_best_baseline_of_one_unit_leaves_no_variance(laboratories, noise):
    draws = laboratories["score function, optimal baseline"].result(noise)
    np.testing.assert_allclose(draws, np.broadcast_to(draws[:, :, :1], draws.shape), rtol=1e-12)


def test_a_unit_that_cannot_change_its_mind_has_a_baseline_all_the_same():
    # At a hazard of e^600 the score of a silence is too large to be squared, and its probability is 0.
    @jax.jit
    def best(bias):
        return optimal_baseline(lambda y: y, unit(ExponentialHazard), PerceptronParameters(WEIGHTS, bias), INPUTS)

    assert best(300.0) == 0.0


# Claims of single members


def test_only_the_matched_surrogate_claims_anything():
    assert SurrogateGradient().claim.losses is Losses.AFFINE
    assert ALL_ESTIMATORS["surrogate, deterministic"].claim.losses is Losses.AFFINE
    assert ALL_ESTIMATORS["surrogate, SuperSpike"].claim.losses is Losses.NONE


# Refusals

PROBLEM = unit(Sigmoid), PerceptronParameters(WEIGHTS, 0.1), INPUTS


@every_estimator
def test_a_loss_of_several_numbers_is_refused(estimator):
    with pytest.raises(ValueError, match=r"`loss` must give one number, got the shape \(2,\)\. Sum or average"):
        jax.eval_shape(
            lambda key: estimator.estimate(lambda y: jnp.stack([y, y]), *PROBLEM, key=key), jax.random.key(0)
        )


@pytest.mark.parametrize("draws", [0, -1])
def test_fewer_than_one_draw_is_refused(draws):
    with pytest.raises(ValueError, match=f"`draws` must be at least 1, got {draws}. Ask for 1000"):
        sample_gradients(StochasticTriple(), jnp.exp, *PROBLEM, draws=draws, key=jax.random.key(0))


def test_noise_of_the_wrong_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"`noise` must have one entry a decision, got the shape \(2,\) for \(\)\. Take"
    ):
        SurrogateGradient().evaluate(jnp.exp, *PROBLEM, jnp.zeros(2))


def test_a_network_too_large_to_enumerate_is_refused():
    with pytest.raises(ValueError, match="`network` must have at most 0 decisions to be enumerated, got 1, that is 2"):
        expectation(jnp.exp, *PROBLEM, max_decisions=0)
    with pytest.raises(ValueError, match="Take a smaller network, or raise `max_decisions`"):
        ExactGradient(max_decisions=0).estimate(jnp.exp, *PROBLEM, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("build", "argument"),
    [
        (lambda value: FiniteDifference(step=value), "step"),
        (lambda value: ConcreteRelaxation(temperature=value), "temperature"),
    ],
    ids=["step", "temperature"],
)
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_number_that_must_be_positive_is_refused(build, argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be positive and finite, got"):
        build(value)


def test_a_baseline_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="`baseline` must be finite, got nan"):
        ScoreFunction(np.nan)
    with pytest.raises(TypeError, match="`baseline` must be a number, got 'mean'"):
        ScoreFunction("mean")


@pytest.mark.usefixtures("annotations_off")
def test_a_slope_or_rule_of_another_kind_is_refused():
    with pytest.raises(TypeError, match=r"`side` must be one of SmoothedLeft, SmoothedRight, .* got Detached"):
        SmoothedDerivative(Detached())
    with pytest.raises(
        TypeError, match=r"`slope` must be one of StraightThrough, .*MultilayerSpiker, got SmoothedAffine"
    ):
        StraightThrough(SmoothedAffine())
    with pytest.raises(TypeError, match="`forward` must be of the family AbstractForward, got Surrogate"):
        SurrogateGradient(forward=Surrogate())


@every_estimator
def test_inputs_that_are_not_finite_are_refused_at_once(estimator):
    problem = jnp.exp, *PROBLEM[:2], jnp.array([1.0, np.nan])
    with pytest.raises(ValueError, match=r"`inputs` must be finite, got .*nan.*Remove or replace the entries"):
        estimator.estimate(*problem, key=jax.random.key(0))


def test_inputs_that_are_not_finite_are_refused_inside_compiled_code():
    problem = jnp.exp, *PROBLEM[:2], jnp.array([1.0, np.inf])
    with pytest.raises(eqx.EquinoxRuntimeError, match="`inputs` must be finite"):
        sample_gradients(SurrogateGradient(), *problem, draws=2, key=jax.random.key(0))
