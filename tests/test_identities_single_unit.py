"""What theory says of one stochastic unit, to rounding: Gygax & Zenke (2025), Eq. 1–6, and what follows from them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Arctan, ErrorFunction, ExponentialHazard, FastSigmoid, Sigmoid
from sgtheory.gradients import (
    ExactGradient,
    FiniteDifference,
    ScoreFunction,
    SmoothedDerivative,
    StraightThrough,
    SurrogateGradient,
    expectation,
    expected_gradient,
    sample_gradients,
)
from sgtheory.losses import Total
from sgtheory.networks import SingleUnit
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import (
    MultilayerSpiker,
    Sample,
    SmoothedAffine,
    SmoothedLeft,
    SmoothedRight,
    SmoothedTwoSided,
    Surrogate,
    Threshold,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

INPUTS = jnp.array([1.5, -2.0])
STRETCH = np.array([1.5, -2.0, 1.0])
"""Derivatives of the distance with respect to the weights and the bias."""
PARAMETERS = PerceptronParameters([0.4, -0.1], 0.2)
DISTANCES = jnp.linspace(-1.5, 1.5, 31)
BASELINES = [-1.0, 0.0, 0.3, 1.0, 2.5]


@pytest.fixture(
    scope="module",
    params=[Sigmoid(2.0), ErrorFunction(1.2), FastSigmoid(3.0), Arctan(2.0), ExponentialHazard(1.0, rate=0.5)],
    ids=lambda escape: type(escape).__name__,
)
def escape(request):
    return request.param


@pytest.fixture(scope="module")
def unit(escape):
    return Perceptron(escape, threshold=0.3)


def flat(gradient):
    return np.column_stack([gradient.weights, gradient.bias])


# Eq. 3 and Eq. 5


def test_the_surrogate_gradient_is_the_exact_gradient_in_every_sample(unit):
    problem = Total(), SingleUnit(unit), PARAMETERS, INPUTS
    exact = flat(sample_gradients(ExactGradient(), *problem, draws=1, key=jax.random.key(0)))
    slope = unit.escape.slope(unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_allclose(exact[0], float(slope) * STRETCH, rtol=1e-14)
    for forward in (Sample(), Threshold()):
        draws = flat(sample_gradients(SurrogateGradient(forward=forward), *problem, draws=100, key=jax.random.key(0)))
        np.testing.assert_allclose(draws, np.broadcast_to(exact, (100, 3)), rtol=1e-14, atol=1e-14)


# Eq. 1 and Eq. 6: what each backward half shows after either outcome


def left(p, slope):
    return slope**2 * (1 - p) / p


def right(p, slope):
    return slope**2 * p / (1 - p)


def two_sided(p, slope):
    return slope**2 * (1 - 2 * p) ** 2 / (4 * p * (1 - p))


def affine(weight):
    return lambda p, slope: slope**2 * (1 - p - weight) ** 2 / (p * (1 - p))


def none(p, slope):
    return 0 * p * slope


VARIANCES = {
    "left": (SmoothedLeft(), left),
    "right": (SmoothedRight(), right),
    "two-sided": (SmoothedTwoSided(), two_sided),
    "weight 0.2": (SmoothedAffine(0.2), affine(0.2)),
    "weight -1": (SmoothedAffine(-1.0), affine(-1.0)),
    "affine": (SmoothedAffine(), none),
    "surrogate": (Surrogate(), none),
}
"""Backward halves and the laws of their variances. The mean of each is the slope."""


class Enumeration:
    """The slopes that every half shows after silence and after a spike, and the law of the two outcomes."""

    def __init__(self, escape):
        @jax.jit
        def tabulate(distance):
            silent, fired = jnp.zeros_like(distance), jnp.ones_like(distance)
            shown = {
                name: [half.slope(escape, distance, outcome) for outcome in (silent, fired)]
                for name, (half, _) in VARIANCES.items()
            }
            return shown, escape.probability(distance), escape.slope(distance)

        self.shown, self.probability, self.slope = jax.tree.map(np.asarray, tabulate(DISTANCES))

    def mean(self, values):
        return (1 - self.probability) * values[0] + self.probability * values[1]


@pytest.fixture(scope="module")
def enumeration(escape):
    return Enumeration(escape)


def test_the_affine_combination_is_the_slope_after_either_outcome(enumeration):
    for shown in enumeration.shown["affine"]:
        np.testing.assert_allclose(shown / enumeration.slope, 1, rtol=1e-14)


def test_the_affine_combination_of_left_and_right_is_1(enumeration):
    probability = enumeration.probability
    for left_shown, right_shown in zip(enumeration.shown["left"], enumeration.shown["right"], strict=True):
        combination = (1 - probability) * right_shown + probability * left_shown
        np.testing.assert_allclose(combination / enumeration.slope, 1, rtol=1e-14)


@pytest.mark.parametrize("name", VARIANCES)
def test_the_mean_is_the_slope(enumeration, name):
    np.testing.assert_allclose(enumeration.mean(enumeration.shown[name]) / enumeration.slope, 1, rtol=1e-14)


@pytest.mark.parametrize("name", VARIANCES)
def test_the_variance_follows_its_law(enumeration, name):
    values = np.stack(enumeration.shown[name])
    variance = enumeration.mean((values - enumeration.mean(values)) ** 2)
    law = VARIANCES[name][1](enumeration.probability, enumeration.slope)
    np.testing.assert_allclose(variance, law, rtol=1e-12, atol=1e-12)


# The score function


@eqx.filter_jit
def evaluate_after_either_outcome(estimators, unit, parameters, inputs):
    def evaluate(uniform):
        return [each.evaluate(Total(), SingleUnit(unit), parameters, inputs, (uniform,)) for each in estimators]

    distance = unit.distance(parameters, inputs)
    both = jax.vmap(evaluate)(jnp.array([1.0, 0.0]))
    return both, unit.escape.probability(distance), unit.escape.slope(distance)


@pytest.fixture(scope="module")
def scores(unit):
    """Score functions with each baseline, the two smoothed derivatives, and the probability and slope."""
    probability = unit.escape.probability(unit.distance(PARAMETERS, INPUTS))
    baselines = [*BASELINES, float(1 - probability)]
    sides = [SmoothedDerivative(SmoothedLeft()), SmoothedDerivative(SmoothedRight())]
    estimators = [ScoreFunction(baseline) for baseline in baselines] + sides
    both, probability, slope = evaluate_after_either_outcome(estimators, unit, PARAMETERS, INPUTS)
    *with_baselines, left_side, right_side = [flat(each) for each in both]
    pairs = list(zip(baselines, with_baselines, strict=True))
    return pairs, left_side, right_side, float(probability), float(slope)


def test_the_score_function_with_a_baseline_is_a_mixture_of_left_and_right(scores):
    pairs, left_side, right_side, _, _ = scores
    for baseline, score in pairs:
        np.testing.assert_allclose(score, (1 - baseline) * left_side + baseline * right_side, rtol=1e-13, atol=1e-13)


def test_the_score_function_is_the_textbook_formula(scores):
    pairs, _, _, probability, slope = scores
    for baseline, score in pairs:
        for spike, row in zip((0.0, 1.0), score, strict=True):
            textbook = (spike - baseline) * slope * (spike - probability) / (probability * (1 - probability))
            np.testing.assert_allclose(row, textbook * STRETCH, rtol=1e-13, atol=1e-13)


def test_the_variance_of_the_score_function_follows_its_law_and_is_0_at_the_probability_of_silence(scores):
    pairs, _, _, probability, slope = scores
    for baseline, score in pairs:
        mean = (1 - probability) * score[0] + probability * score[1]
        variance = (1 - probability) * (score[0] - mean) ** 2 + probability * (score[1] - mean) ** 2
        law = affine(baseline)(probability, slope) * STRETCH**2
        np.testing.assert_allclose(variance, law, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(variance, 0, atol=1e-24)


# Means without draws


def test_the_expected_gradient_of_each_method_is_the_exact_one_where_it_claims_so(unit):
    problem = Total(), SingleUnit(unit), PARAMETERS, INPUTS
    exact = float(unit.escape.slope(unit.distance(PARAMETERS, INPUTS))) * STRETCH

    def mean(estimator):
        gradient = expected_gradient(estimator, *problem)
        return np.append(gradient.weights, gradient.bias)

    sides = [SmoothedDerivative(side) for side in (SmoothedLeft(), SmoothedRight(), SmoothedTwoSided())]
    for estimator in (SurrogateGradient(), ScoreFunction(), *sides):
        np.testing.assert_allclose(mean(estimator), exact, rtol=1e-13)
    np.testing.assert_allclose(mean(FiniteDifference(1e-3)), exact, rtol=1e-5)
    # The negative control: the spike itself is no slope.
    biased = mean(StraightThrough(MultilayerSpiker()))
    np.testing.assert_allclose(biased, float(expectation(*problem)) * STRETCH, rtol=1e-13)
    assert np.all(np.abs(biased - exact) > 0.01)


# Coupling


def test_with_one_uniform_the_outcome_can_only_rise_with_the_probability(escape):
    uniforms = jnp.linspace(0.0, 0.999, 200)
    drawn = jax.jit(jax.vmap(lambda u: Sample().outcome(escape, jnp.broadcast_to(u, uniforms.shape), uniforms)))
    assert np.all(np.diff(drawn(DISTANCES), axis=0) >= 0)


@eqx.filter_jit
def spikes_at(escape, distance, uniforms):
    spikes = Sample().outcome(escape, jnp.broadcast_to(distance, uniforms.shape), uniforms)
    return spikes, escape.probability(distance)


def test_two_coupled_draws_differ_as_rarely_as_they_can(escape):
    # Over midpoints of a million equal intervals, so that the share is exact to one interval.
    uniforms = jnp.asarray((np.arange(1_000_000) + 0.5) / 1_000_000)
    for pair in [(-0.3, -0.2), (0.1, 0.9), (0.5, -0.5)]:
        first, second = [spikes_at(escape, jnp.array(distance), uniforms) for distance in pair]
        share = np.mean(np.asarray(first[0]) != np.asarray(second[0]))
        assert abs(share - abs(first[1] - second[1])) <= 2e-6
