"""What theory says of one stochastic unit, to rounding: Gygax & Zenke (2025), Eq. 1–6, and what follows from them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Arctan, ErrorFunction, ExponentialHazard, FastSigmoid, Sigmoid
from sgtheory.gradients import ExactGradient, ScoreFunction, SmoothedDerivative, SurrogateGradient, sample_gradients
from sgtheory.networks import SingleUnit
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import (
    Sample,
    SmoothedAffine,
    SmoothedLeft,
    SmoothedRight,
    SmoothedTwoSided,
    Surrogate,
    Threshold,
)

INPUTS = jnp.array([1.5, -2.0])
PARAMETERS = PerceptronParameters([0.4, -0.1], 0.2)
DISTANCES = jnp.linspace(-1.5, 1.5, 31)
BASELINES = [-1.0, 0.0, 0.3, 1.0, 2.5]


@pytest.fixture(
    params=[Sigmoid(2.0), ErrorFunction(1.2), FastSigmoid(3.0), Arctan(2.0), ExponentialHazard(1.0, rate=0.5)],
    ids=lambda escape: type(escape).__name__,
)
def escape(request):
    return request.param


def output(spike):
    """The loss of this file: the spike itself."""
    return spike


def outcomes(escape, backward):
    """The slope that is shown after silence and after a spike, and the probability and slope of the escape noise."""

    @jax.jit
    def tabulate(distance):
        silent, fired = jnp.zeros_like(distance), jnp.ones_like(distance)
        slopes = [backward.slope(escape, distance, outcome) for outcome in (silent, fired)]
        return *slopes, escape.probability(distance), escape.slope(distance)

    return [np.asarray(array) for array in tabulate(DISTANCES)]


def moments(escape, backward):
    """Mean and variance over the two outcomes, with their probabilities; and probability and slope."""
    silent, fired, probability, slope = outcomes(escape, backward)
    mean = (1 - probability) * silent + probability * fired
    variance = (1 - probability) * (silent - mean) ** 2 + probability * (fired - mean) ** 2
    return mean, variance, probability, slope


def flat(gradient):
    return np.column_stack([gradient.weights, gradient.bias])


# Eq. 3 and Eq. 5


@pytest.mark.parametrize("forward", [Sample(), Threshold()], ids=lambda rule: type(rule).__name__)
def test_the_surrogate_gradient_is_the_exact_gradient_in_every_sample(escape, forward):
    problem = output, SingleUnit(Perceptron(escape, threshold=0.3)), PARAMETERS, INPUTS
    draws = sample_gradients(SurrogateGradient(forward=forward), *problem, draws=100, key=jax.random.key(0))
    exact = flat(sample_gradients(ExactGradient(), *problem, draws=1, key=jax.random.key(0)))
    np.testing.assert_allclose(flat(draws), np.broadcast_to(exact, (100, 3)), rtol=1e-14, atol=1e-14)


def test_the_surrogate_gradient_is_the_slope_times_the_input(escape):
    unit = Perceptron(escape, threshold=0.3)
    gradient = sample_gradients(
        SurrogateGradient(), output, SingleUnit(unit), PARAMETERS, INPUTS, draws=1, key=jax.random.key(0)
    )
    slope = escape.slope(unit.distance(PARAMETERS, INPUTS))
    np.testing.assert_allclose(gradient.weights[0], slope * INPUTS, rtol=1e-14)
    np.testing.assert_allclose(gradient.bias[0], slope, rtol=1e-14)


# Eq. 1 and Eq. 6


def test_the_affine_combination_is_the_slope_after_either_outcome(escape):
    silent, fired, _, slope = outcomes(escape, SmoothedAffine())
    np.testing.assert_allclose(silent / slope, 1, rtol=1e-14)
    np.testing.assert_allclose(fired / slope, 1, rtol=1e-14)


def test_the_affine_combination_of_left_and_right_is_1(escape):
    probability = escape.probability(DISTANCES)
    for outcome in (jnp.zeros_like(DISTANCES), jnp.ones_like(DISTANCES)):
        left, right = [
            side.slope(escape, DISTANCES, outcome) / escape.slope(DISTANCES)
            for side in (SmoothedLeft(), SmoothedRight())
        ]
        np.testing.assert_allclose((1 - probability) * right + probability * left, 1, rtol=1e-14)


@pytest.mark.parametrize("side", [SmoothedLeft(), SmoothedRight(), SmoothedTwoSided(), SmoothedAffine(0.2)], ids=repr)
def test_the_mean_of_a_smoothed_derivative_is_the_slope(escape, side):
    mean, _, _, slope = moments(escape, side)
    np.testing.assert_allclose(mean / slope, 1, rtol=1e-14)


# Variances


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


@pytest.mark.parametrize(
    ("backward", "law"),
    [
        (SmoothedLeft(), left),
        (SmoothedRight(), right),
        (SmoothedTwoSided(), two_sided),
        (SmoothedAffine(0.2), affine(0.2)),
        (SmoothedAffine(-1.0), affine(-1.0)),
        (SmoothedAffine(), none),
        (Surrogate(), none),
    ],
    ids=["left", "right", "two-sided", "weight 0.2", "weight -1", "affine", "surrogate"],
)
def test_variances_follow_their_laws(escape, backward, law):
    _, variance, probability, slope = moments(escape, backward)
    np.testing.assert_allclose(variance, law(probability, slope), rtol=1e-12, atol=1e-12)


# The score function


@eqx.filter_jit
def evaluate_both(estimator, unit, parameters, inputs):
    def evaluate(uniform):
        return estimator.evaluate(output, SingleUnit(unit), parameters, inputs, uniform)

    distance = unit.distance(parameters, inputs)
    both = jax.vmap(evaluate)(jnp.array([1.0, 0.0]))
    return both, unit.escape.probability(distance), unit.escape.slope(distance)


def after_either_outcome(estimator, escape):
    """Estimates after silence and after a spike, and the probability and slope."""
    both, probability, slope = evaluate_both(estimator, Perceptron(escape, threshold=0.3), PARAMETERS, INPUTS)
    return flat(both), float(probability), float(slope)


def test_the_score_function_with_a_baseline_is_a_mixture_of_left_and_right(escape):
    left_side, _, _ = after_either_outcome(SmoothedDerivative(SmoothedLeft()), escape)
    right_side, _, _ = after_either_outcome(SmoothedDerivative(SmoothedRight()), escape)
    for baseline in BASELINES:
        score, _, _ = after_either_outcome(ScoreFunction(baseline), escape)
        np.testing.assert_allclose(score, (1 - baseline) * left_side + baseline * right_side, rtol=1e-13, atol=1e-13)


def test_the_score_function_is_the_textbook_formula(escape):
    for baseline in BASELINES:
        score, probability, slope = after_either_outcome(ScoreFunction(baseline), escape)
        for spike, row in zip((0.0, 1.0), score, strict=True):
            textbook = (spike - baseline) * slope * (spike - probability) / (probability * (1 - probability))
            np.testing.assert_allclose(row, textbook * np.append(INPUTS, 1.0), rtol=1e-13, atol=1e-13)


def test_the_variance_of_the_score_function_follows_its_law(escape):
    _, probability, slope = after_either_outcome(ScoreFunction(), escape)
    for baseline in [*BASELINES, 1 - probability]:
        score, _, _ = after_either_outcome(ScoreFunction(baseline), escape)
        mean = (1 - probability) * score[0] + probability * score[1]
        variance = (1 - probability) * (score[0] - mean) ** 2 + probability * (score[1] - mean) ** 2
        law = affine(baseline)(probability, slope) * np.append(INPUTS, 1.0) ** 2
        np.testing.assert_allclose(variance, law, rtol=1e-12, atol=1e-12)


# Coupling


def test_with_one_uniform_the_outcome_can_only_rise_with_the_probability(escape):
    uniforms = jnp.broadcast_to(jnp.linspace(0.0, 0.999, 200)[:, None], (200, 31))
    outcome = Sample().outcome(escape, jnp.broadcast_to(DISTANCES, (200, 31)), uniforms)
    assert np.all(np.diff(np.asarray(outcome), axis=1) >= 0)


@pytest.mark.parametrize(("first", "second"), [(-0.3, -0.2), (0.1, 0.9), (0.5, -0.5)])
def test_two_coupled_draws_differ_as_rarely_as_they_can(escape, first, second):
    count = 1_000_000
    uniforms = (jnp.arange(count, dtype=float) + 0.5) / count

    @jax.jit
    def differ(one, other):
        drawn = [Sample().outcome(escape, jnp.broadcast_to(each, uniforms.shape), uniforms) for each in (one, other)]
        return jnp.mean((drawn[0] != drawn[1]).astype(float)), jnp.abs(
            escape.probability(one) - escape.probability(other)
        )

    measured, expected = differ(jnp.array(first), jnp.array(second))
    assert abs(measured - expected) <= 2e-6
