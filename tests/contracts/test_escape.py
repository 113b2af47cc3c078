"""What every escape function must do, over the registry; then what is special about one of them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from sgtheory import escape as package
from sgtheory._checks import Numbers
from sgtheory.escape import (
    ALL_ESCAPES,
    AbstractEscape,
    Custom,
    ExponentialHazard,
    HardThreshold,
    Sigmoid,
)
from sgtheory.expressions import expression

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


def everything(escape, distance):
    return {method: getattr(escape, method)(distance) for method in METHODS}


def likelihoods(escape, distance):
    """Of silence and of a spike."""
    return jnp.stack([escape.log_likelihood(distance, jnp.array(outcome)) for outcome in (0.0, 1.0)])


@pytest.fixture(scope="module")
def values(escape):
    """Everything an escape function says, and derivatives by automatic differentiation, at all distances."""

    def tabulate(distance):
        return everything(escape, distance) | {
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
    for method, single in jax.jit(lambda u: everything(escape, u))(distance).items():
        assert single.dtype == jnp.float32, method
        assert not np.any(np.isnan(single)), method


HALF = (jnp.float16, jnp.bfloat16)


@pytest.mark.parametrize("dtype", HALF)
def test_half_precision_stays_half_precision_and_is_single_precision_rounded(escape, dtype):
    distance = jnp.asarray(DISTANCES[np.abs(DISTANCES) < 1e4], dtype=dtype)
    rounded = jax.jit(lambda u: everything(escape, u))(distance)
    for method, single in jax.jit(lambda u: everything(escape, u))(distance.astype(jnp.float32)).items():
        assert rounded[method].dtype == dtype, method
        assert not np.any(np.isnan(rounded[method])), method
        np.testing.assert_array_equal(rounded[method], single.astype(dtype), err_msg=method)


@pytest.mark.parametrize("dtype", HALF)
def test_derivatives_in_half_precision_are_numbers(escape, dtype):
    distance = jnp.linspace(-30.0, 30.0, 121, dtype=dtype) / STEEPNESS

    @jax.jit
    def derivatives(distance):
        scores = jax.vmap(jax.jacrev(lambda u: likelihoods(escape, u)))(distance)
        return scores, jax.vmap(jax.jacrev(lambda u: jnp.exp(likelihoods(escape, u))))(distance)

    scores, slopes = derivatives(distance)
    assert scores.dtype == slopes.dtype == dtype
    assert not np.any(np.isnan(scores))
    assert np.all(np.isfinite(slopes))


@pytest.mark.parametrize("of_steepness", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_the_dtype_of_the_distances_decides_whatever_that_of_the_steepness(kind, build, of_steepness):
    member = build(kind, jnp.asarray(STEEPNESS, dtype=of_steepness))
    for dtype in (*HALF, jnp.float32, jnp.float64):
        for method, value in jax.eval_shape(lambda u: everything(member, u), jnp.zeros(2, dtype=dtype)).items():
            assert value.dtype == dtype, method


REAL = [np.float64(0.5), np.float32(0.5), np.array([0.5]), np.array([0.5, -1.0], dtype=np.float32)]
NUMBERS = [*REAL, 1, -0.5, np.int32(-1), np.array(2), np.array([1, -2]), jnp.array([1, -2]), [0.5, -0.5], [1, 0]]


@pytest.mark.usefixtures("annotations_off")  # which lists do not match
def test_every_method_takes_pythons_and_numpys_numbers(escape):
    # They enter compiled code as what they are: one program serves for them all.
    values = jax.jit(lambda: [escape.probability(number) for number in NUMBERS])()
    kinds = jax.eval_shape(lambda: [everything(escape, number) for number in NUMBERS])
    for number, value, said in zip(NUMBERS, values, kinds, strict=True):
        array = jnp.asarray(number, dtype=None if any(number is each for each in REAL) else float)
        np.testing.assert_allclose(value, escape.probability(array), rtol=1e-6)
        for method, kind in said.items():
            assert (kind.dtype, kind.shape) == (array.dtype, array.shape), (method, number)


def test_every_method_takes_a_number_outside_compiled_code(escape):
    for method in METHODS:
        value, expected = getattr(escape, method)(1), getattr(escape, method)(jnp.array(1.0))
        np.testing.assert_allclose(value, expected, rtol=1e-14, err_msg=method)


def test_an_outcome_may_be_a_number_or_a_boolean(escape):
    outcomes = (0, 1, 0.0, 1.0, False, True, np.array(True), jnp.array(1))
    said = jax.jit(lambda: [escape.log_likelihood(0.5, spike) for spike in outcomes])()
    np.testing.assert_array_equal(said, [said[int(spike)] for spike in outcomes])
    np.testing.assert_allclose(said[:2], [escape.log_silence(0.5), escape.log_probability(0.5)], rtol=1e-14)


@pytest.mark.usefixtures("annotations_off")
@pytest.mark.parametrize("number", ["0.5", None, True, 1j], ids=repr)
def test_a_distance_that_is_no_number_is_refused(escape, number):
    for method in METHODS:
        with pytest.raises(TypeError, match="`distance` must be a number"):
            getattr(escape, method)(number)


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


def numbers_of(kind):
    """The names of the fields that hold a number."""
    return [field.name for field in dataclasses.fields(kind) if isinstance(field.metadata.get("converter"), Numbers)]


every_number = pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ALL_ESCAPES.values() for name in numbers_of(kind)]
)


@every_number
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_a_number_that_is_not_positive_and_finite_is_refused(kind, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be positive and finite, got"):
        kind(**({"steepness": 2.0} | {name: value}))


@every_number
@pytest.mark.parametrize("several", [[1, 2, 3], [2.0], np.array([1.0, 2.0]), jnp.array([1.0, 2.0])], ids=str)
def test_several_numbers_in_place_of_one_are_refused(kind, name, several):
    with pytest.raises(ValueError, match=rf"^`{name}` must be one number, got \[.*\]\. For several take `jax.vmap`"):
        kind(**({"steepness": 2.0} | {name: several}))


@every_steep_escape
def test_vmap_makes_a_member_of_several_steepnesses(kind):
    steepnesses = jnp.array([0.5, 1.0, 7.0])
    several = jax.vmap(kind)(steepnesses)
    np.testing.assert_array_equal(several.steepness, steepnesses)
    probabilities = jax.vmap(lambda member: member.probability(0.3))(several)
    np.testing.assert_allclose(probabilities[1], kind(1.0).probability(0.3), rtol=1e-14)


@every_number
def test_a_traced_number_passes_at_construction(kind, name):
    # It is refused where a run begins.
    probability = jax.jit(lambda number: kind(**({"steepness": 2.0} | {name: number})).probability(0.5))
    for value in (0.0, -1.0, np.nan, np.inf):
        probability(value).block_until_ready()


def compiled(function):
    """The text of the program that a function of a steepness and of distances becomes."""
    return jax.jit(function).lower(2.0, jnp.array([-0.5, 0.5])).as_text()


def test_a_member_built_in_compiled_code_leaves_no_check_in_it(kind, build):
    assert "callback" not in compiled(lambda steepness, distance: everything(build(kind, steepness), distance))


def test_a_check_in_compiled_code_would_be_found():
    assert "callback" in compiled(lambda steepness, distance: eqx.error_if(distance, steepness <= 0, "wrong"))


def test_silence_over_a_time_step_is_silence_over_its_two_halves():
    # The law of a rate, which a hazard clipped at 1 would break: it is up to 164 here.
    whole, half = ExponentialHazard(2.0, rate=3.0, time_step=1.0), ExponentialHazard(2.0, rate=3.0, time_step=0.5)
    distance = jnp.linspace(-2.0, 2.0, 9)
    np.testing.assert_allclose(whole.log_silence(distance), 2 * half.log_silence(distance), rtol=1e-14)


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
        (lambda u: 0.5 + 0.1 * u, r"must lie between 0 and 1, got p\(-1e\+06\) = "),
        (lambda u: 0.5 + 0.5 * jnp.tanh(u) - 1e-3 * jnp.exp(-((u - 1e3) ** 2)), r"must not fall"),
        (lambda u: jnp.log(u), r"must have a finite value"),
        (lambda u: jnp.exp(u) / (1 + jnp.exp(u)), r"must have a finite value everywhere, got p\(7.*\) = nan"),
        (lambda u: jnp.full_like(u, 0.5), r"must rise somewhere"),
        (lambda u: jnp.sum(jax.nn.sigmoid(u)), r"must keep the shape"),
    ],
    ids=[
        *("falling", "out of range", "out of range far away", "falling far away"),
        *("not a number", "not a number far away", "constant", "not entry by entry"),
    ],
)
@pytest.mark.parametrize("place", [lambda build: build(), jax.jit], ids=["outside", "inside compiled code"])
def test_a_custom_function_that_is_no_escape_function_is_refused(function, fault, place):
    with pytest.raises(ValueError, match=f"`function`, as an escape function, {fault}"):
        place(lambda: Custom(function).probability(0.5))()


@pytest.mark.parametrize(
    "function",
    [
        lambda u: 0.5 * (1 + jnp.tanh(u)),
        lambda u: 1 / (1 + jnp.exp(-2 * u)),
        lambda u: 1 - jnp.exp(-jnp.exp(u)),
        lambda u: 0.5 * (1 + u / jnp.sqrt(1 + u**2)),
        lambda u: jnp.clip(0.5 + 0.1 * u, 0.0, 1.0),
        lambda u: (u > 0).astype(u.dtype),
        jax.tree_util.Partial(expression("1/(1 + exp(-beta*u))"), steepness=jnp.array(2.0)),
        expression("where(u < 0, 0.5*exp(u), 1 - 0.5*exp(-u))", steepness=2.0),
        lambda u: expression("0.5 + atan(pi*beta*u/2)/pi")(u, 2.0),
    ],
)
def test_a_custom_function_that_is_an_escape_function_passes(function):
    for escape in (Custom(function), Custom(lambda u: function(u.astype(jnp.float32)))):
        assert 0 < float(escape.probability(1.0)) <= 1


def test_a_custom_function_is_checked_in_its_own_domain_alone():
    assert float(Custom(lambda u: 0.5 + 0.1 * u, domain=(-5, 5)).probability(5.0)) == 1.0
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, got p\(-8\) = -0\.3"):
        Custom(lambda u: 0.5 + 0.1 * u, domain=(-8.0, 5.0))
    with pytest.raises(ValueError, match=r"must lie between 0 and 1, got p\(30\) = "):
        Custom(lambda u: 0.5 + 0.02 * u, domain=(20.0, 30.0))


@pytest.mark.parametrize(
    "domain", [(5.0, -5.0), (0.0, 0.0), (0.0, np.inf), (np.nan, 1.0), (1.0,), 5.0, "ab", None], ids=str
)
def test_a_domain_that_is_no_interval_is_refused(domain):
    with pytest.raises(ValueError, match="`domain` must be two finite distances with the lower one first, got"):
        Custom(jax.nn.sigmoid, domain=domain)


def test_a_custom_function_is_not_checked_where_its_numbers_are_traced(build):
    def held(steepness):
        return build(Custom, steepness).probability(0.5)

    def enclosed(steepness):
        return Custom(lambda u: jax.nn.sigmoid(steepness * u)).probability(0.5)

    for probability in (held, enclosed):
        for transformed in (jax.jit(probability), jax.grad(lambda steepness, p=probability: p(steepness))):
            transformed(-2.0)
        np.testing.assert_allclose(jax.jit(probability)(2.0), Sigmoid(2.0).probability(0.5), rtol=1e-14)
