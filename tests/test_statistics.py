"""Statistics of draws, against NumPy and values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory import statistics

pytestmark = pytest.mark.usefixtures("quick_compilation")
DRAWS = np.random.default_rng(0).normal(size=(50, 3))
EXACT = np.array([0.1, -0.2, 0.3])


@pytest.fixture
def tree():
    return {"weights": jnp.asarray(DRAWS[:, :2]), "bias": jnp.asarray(DRAWS[:, 2])}


@pytest.fixture
def exact():
    return {"weights": jnp.asarray(EXACT[:2]), "bias": jnp.asarray(EXACT[2])}


def flat(tree):
    return np.append(tree["weights"], tree["bias"])


def test_statistics_are_those_of_numpy_leaf_by_leaf(tree, exact):
    summary = jax.jit(statistics.summarise)(tree, exact)
    mean, variance = DRAWS.mean(axis=0), DRAWS.var(axis=0, ddof=1)
    np.testing.assert_allclose(flat(summary.mean), mean, rtol=1e-13)
    np.testing.assert_allclose(flat(summary.bias), mean - EXACT, rtol=1e-13)
    np.testing.assert_allclose(flat(summary.variance), variance, rtol=1e-13)
    np.testing.assert_allclose(flat(summary.standard_error), np.sqrt(variance / 50), rtol=1e-13)
    cosine = mean @ EXACT / np.linalg.norm(mean) / np.linalg.norm(EXACT)
    np.testing.assert_allclose(summary.cosine, cosine, rtol=1e-13)


def test_the_parts_are_those_of_the_summary(tree, exact):
    @jax.jit
    def summary_and_parts(tree, exact):
        parts = statistics.bias(tree, exact), statistics.variance(tree), statistics.standard_error(tree)
        return statistics.summarise(tree, exact), parts

    summary, parts = summary_and_parts(tree, exact)
    for whole, part in zip((summary.bias, summary.variance, summary.standard_error), parts, strict=True):
        np.testing.assert_array_equal(flat(whole), flat(part))


def test_draws_that_do_not_vary_have_no_variance():
    constant = jnp.full((10, 2), 0.1)
    np.testing.assert_allclose(statistics.variance(constant), 0, atol=1e-30)
    np.testing.assert_allclose(statistics.standard_error(constant), 0, atol=1e-15)


def test_the_cosine_knows_directions_and_not_lengths():
    cosine = jax.jit(statistics.cosine)
    first, second = np.array([1.0, 2.0, -1.0]), np.array([0.5, -1.0, 3.0])
    np.testing.assert_allclose(cosine(first, 7 * first), 1, rtol=1e-15)
    np.testing.assert_allclose(cosine(first, -first), -1, rtol=1e-15)
    np.testing.assert_allclose(cosine(first, second), cosine(second, 0.1 * first), rtol=1e-14)
    np.testing.assert_allclose(cosine(first, second), -4.5 / np.sqrt(6 * 10.25), rtol=1e-14)
    assert cosine(np.array([1.0, 0.0, 0.0]), np.array([0.0, 5.0, 0.0])) == 0.0


def test_a_vector_without_direction_has_the_cosine_0():
    cosine, zero = jax.jit(statistics.cosine), np.zeros(3)
    assert cosine(zero, np.array([1.0, 2.0, 3.0])) == 0.0
    assert cosine(zero, zero) == 0.0


def test_signs_agree_parameter_by_parameter(tree):
    agreement = jax.jit(statistics.sign_agreement)
    of_draws = agreement(tree, {"weights": -tree["weights"], "bias": 2 * tree["bias"]})
    np.testing.assert_allclose(of_draws, 1 / 3, rtol=1e-15)
    first = np.array([1.0, -2.0, 0.0, 0.0])
    assert agreement(first, np.array([0.1, 2.0, 0.0, 3.0])) == 0.5
    assert jax.eval_shape(agreement, *[jax.ShapeDtypeStruct((4,), jnp.float32)] * 2).dtype == jnp.float32


def test_the_standard_error_is_the_spread_of_means():
    # 2000 means of 50 draws each: their standard deviation is known to 1/√4000, 1.6 %.
    draws = jax.random.exponential(jax.random.key(0), (50, 2000))
    means, claimed = np.mean(draws, axis=0), jax.jit(statistics.standard_error)(draws)
    np.testing.assert_allclose(np.std(means), np.sqrt(np.mean(np.square(claimed))), rtol=4.5 * 0.016)


@pytest.mark.parametrize("function", [statistics.variance, statistics.standard_error])
def test_a_single_draw_has_no_variance_and_is_refused(function):
    with pytest.raises(ValueError, match=r"`draws` must be at least 2 for a variance, got 1\. Draw more\."):
        function(jnp.ones((1, 3)))


def test_a_summary_of_a_single_draw_is_refused():
    with pytest.raises(ValueError, match="`draws` must be at least 2"):
        statistics.summarise(jnp.ones((1, 3)), jnp.ones(3))
