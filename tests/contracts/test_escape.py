"""What every escape function must do, over the registry; then what is special about one of them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from sgtheory import escape as package
from sgtheory.escape import (
    ALL_ESCAPES,
    AbstractEscape,
    Custom,
    ErrorFunction,
    ExponentialHazard,
    HardThreshold,
    Sigmoid,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

METHODS = (
    "probability",
    "slope",
    "log_probability",
    "log_silence",
    "slope_over_probability",
    "slope_over_silence",
)
STEEPNESS = 2.0
MAGNITUDES = np.concatenate([np.linspace(0.0, 30.0, 301), np.logspace(1.5, 6, 100)])
DISTANCES = np.concatenate([-MAGNITUDES[:0:-1], MAGNITUDES]) / STEEPNESS
"""Up to a million widths of the noise on either side of threshold, rising."""
NEAR = np.abs(DISTANCES) <= 30 / STEEPNESS
"""Where no probability underflows."""

steep_escapes = [kind for kind in ALL_ESCAPES.values() if "steepness" in {f.name for f in dataclasses.fields(kind)}]
every_steep_escape = pytest.mark.parametrize("kind", steep_escapes)


@pytest.fixture(scope="module", params=ALL_ESCAPES.values(), ids=ALL_ESCAPES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def escape(kind, build):
    return build(kind, STEEPNESS)


def likelihoods(escape, distance):
    """Of silence and of a spike."""
    return jnp.stack([escape.log_likelihood(distance, jnp.array(outcome)) for outcome in (0.0, 1.0)])


@pytest.fixture(scope="module")
def values(escape):
    """Everything an escape function says, and derivatives by automatic differentiation, at all distances."""

    def tabulate(distance):
        return {method: getattr(escape, method)(distance) for method in METHODS} | {
            "derivative": jax.grad(escape.probability)(distance),
            "log_likelihoods": likelihoods(escape, distance),
            "scores": jax.jacfwd(lambda u: likelihoods(escape, u))(distance),
            "likelihood_derivatives": jax.jacfwd(lambda u: jnp.exp(likelihoods(escape, u)))(distance),
        }

    return {name: np.asarray(array) for name, array in jax.jit(jax.vmap(tabulate))(jnp.asarray(DISTANCES)).items()}


def test_every_exported_escape_function_is_registered(exported_members):
    assert exported_members(package, AbstractEscape) == set(ALL_ESCAPES.values())


def test_slope_is_the_derivative_of_the_probability(values):
    np.testing.assert_allclose(values["slope"], values["derivative"], rtol=1e-12, atol=1e-12)


def test_probability_agrees_with_finite_differences_in_both_modes(escape):
    # Away from threshold, where the noiseless member has no derivative.
    check_grads(
        jax.jit(lambda u: escape.probability(u)), (jnp.array([-1.3, -0.4, 0.35, 1.1]),), order=1, modes=("fwd", "rev")
    )


def test_values_are_numbers_a_million_widths_from_threshold(values):
    assert np.all(np.isfinite(values["probability"]))
    assert np.all(np.isfinite(values["slope"]))
    for name in ("log_probability", "log_silence", "log_likelihoods"):
        assert not np.any(np.isnan(values[name]))
        assert np.all(values[name] <= 0)


def test_derivative_of_the_log_likelihood_is_finite_where_the_outcome_is_possible(values):
    assert np.all(np.isfinite(values["scores"][np.exp(values["log_likelihoods"]) > 0]))


def test_derivative_of_the_likelihood_is_finite_even_where_the_outcome_is_impossible(values):
    # An enumeration differentiates the probability of every outcome, those of probability 0 among them.
    assert np.all(np.isfinite(values["likelihood_derivatives"]))


def test_probability_rises_from_0_to_1(values):
    probability = values["probability"]
    assert np.all(np.diff(probability) >= 0)
    assert 0 <= probability[0] < 1e-6
    assert 1 - 1e-6 < probability[-1] <= 1
    assert np.all(values["slope"] >= 0)


def test_logarithms_are_those_of_the_probability_and_of_its_complement(values):
    probability = values["probability"]
    np.testing.assert_allclose(np.exp(values["log_probability"]), probability, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.exp(values["log_silence"]), 1 - probability, rtol=0, atol=1e-14)


def test_log_likelihood_is_the_logarithm_of_the_outcome(values):
    np.testing.assert_array_equal(values["log_likelihoods"][:, 0], values["log_silence"])
    np.testing.assert_array_equal(values["log_likelihoods"][:, 1], values["log_probability"])


def test_ratios_times_their_probabilities_are_the_slope(values):
    spike, silence = values["probability"], np.exp(values["log_silence"])
    for product in (values["slope_over_probability"] * spike, values["slope_over_silence"] * silence):
        np.testing.assert_allclose(product[NEAR], values["slope"][NEAR], rtol=1e-10, atol=1e-15)


def test_compiled_and_mapped_values_are_those_of_a_loop(escape, values):
    for index in (320, 400, 480):
        distance = jnp.asarray(DISTANCES[index])
        for method in METHODS:
            one = getattr(escape, method)(distance)
            np.testing.assert_allclose(values[method][index], one, rtol=1e-13, atol=1e-300, err_msg=method)


def test_values_keep_the_shape_of_the_distances(escape):
    for shape in [(), (0,), (2, 3)]:
        for method in METHODS:
            assert jax.eval_shape(getattr(escape, method), jnp.zeros(shape)).shape == shape


def test_single_precision_stays_single_precision(escape):
    distance = jnp.asarray(DISTANCES[np.abs(DISTANCES) < 1e4], dtype=jnp.float32)
    everything = jax.jit(lambda u: {method: getattr(escape, method)(u) for method in METHODS})(distance)
    for method, single in everything.items():
        assert single.dtype == jnp.float32, method
        assert not np.any(np.isnan(single)), method


def test_a_changed_steepness_compiles_nothing(kind, build, traces):
    members = [build(kind, steepness) for steepness in (0.5, 1.0, 7.0)]
    assert traces("probability", members, jnp.array([0.1, 0.2])) == 1


def test_without_noise_it_is_the_hard_threshold(kind, build):
    steep, distance = build(kind, 1e9), jnp.array([-2.0, -0.1, 0.1, 2.0])
    np.testing.assert_allclose(steep.probability(distance), HardThreshold().probability(distance), atol=1e-7)
    np.testing.assert_allclose(steep.slope(distance), HardThreshold().slope(distance), atol=1e-6)


@every_steep_escape
@pytest.mark.parametrize("steepness", [0, -1.0, np.nan, np.inf])
def test_a_steepness_that_is_no_steepness_is_refused(kind, steepness):
    with pytest.raises(ValueError, match=r"`steepness` must be positive and finite, got .*HardThreshold"):
        kind(steepness=steepness)


@every_steep_escape
@pytest.mark.parametrize("steepness", ["2", None, True])
def test_a_steepness_that_is_no_number_is_refused(kind, steepness):
    with pytest.raises(TypeError, match="`steepness` must be a number, got"):
        kind(steepness=steepness)


@every_steep_escape
def test_a_wrong_steepness_is_refused_inside_compiled_code(kind):
    @eqx.filter_jit
    def probability(steepness):
        return kind(steepness=steepness).probability(jnp.array(0.5))

    probability(jnp.array(2.0))
    for steepness in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(eqx.EquinoxRuntimeError, match="`steepness` must be positive and finite"):
            probability(jnp.array(steepness))


@pytest.mark.parametrize("argument", ["rate", "time_step"])
def test_the_hazard_refuses_a_rate_or_time_step_that_is_not_positive(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be positive and finite, got 0"):
        ExponentialHazard(2.0, **{argument: 0.0})


def test_silence_over_a_time_step_is_silence_over_its_two_halves():
    # The law of a rate, which a hazard clipped at 1 would break: it is up to 164 here.
    whole, half = ExponentialHazard(2.0, rate=3.0, time_step=1.0), ExponentialHazard(2.0, rate=3.0, time_step=0.5)
    distance = jnp.linspace(-2.0, 2.0, 9)
    np.testing.assert_allclose(whole.log_silence(distance), 2 * half.log_silence(distance), rtol=1e-14)


def test_the_error_function_keeps_its_digits_in_the_tail():
    # Φ(−20) to 16 digits; 1 + erf(−20/√2) is 0 in double precision.
    np.testing.assert_allclose(ErrorFunction(1.0).probability(jnp.array(-20.0)), 2.753624118606234e-89, rtol=1e-12)


def test_a_custom_function_equals_the_built_in_one():
    custom, built_in = Custom(lambda u: jax.nn.sigmoid(2.0 * u)), Sigmoid(2.0)
    distance = jnp.linspace(-5.0, 5.0, 101)
    for method in METHODS:
        # Logarithms and ratios are those of the rounded complement, 1 − p, down to 4.5e-5 here.
        tolerance = 1e-12 if method in ("probability", "slope") else 1e-11
        value, expected = getattr(custom, method)(distance), getattr(built_in, method)(distance)
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance, err_msg=method)


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (lambda u: jax.nn.sigmoid(-u), r"must not fall"),
        (lambda u: jax.nn.soft_sign(u), r"must lie between 0 and 1"),
        (lambda u: jnp.log(u), r"must have a finite value"),
        (lambda u: jnp.full_like(u, 0.5), r"must rise somewhere"),
        (lambda u: jnp.sum(jax.nn.sigmoid(u)), r"must keep the shape"),
    ],
    ids=["falling", "out of range", "not a number", "constant", "not entry by entry"],
)
def test_a_custom_function_that_is_no_escape_function_is_refused(function, fault):
    with pytest.raises(ValueError, match=f"`function`, as an escape function, {fault}"):
        Custom(function)


def test_a_custom_function_is_not_checked_where_its_numbers_are_traced(build):
    def probability(steepness):
        return build(Custom, steepness).probability(jnp.array(0.5))

    np.testing.assert_allclose(jax.jit(probability)(2.0), Sigmoid(2.0).probability(jnp.array(0.5)), rtol=1e-14)
