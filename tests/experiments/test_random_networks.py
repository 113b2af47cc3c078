"""A survey says of each random network what the exact sums over its paths say, whatever batch it is in."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.experiments.random_networks import (
    LOSSES,
    NetworkSurvey,
    SurveySetting,
    chosen_methods,
    network_keys,
    random_problem,
    summarise_survey,
    survey_network,
    survey_networks,
)
from sgtheory.gradients import ExactGradient, Losses, SurrogateGradient, enumerate_paths, flatten_parameters
from sgtheory.methods import METHODS
from sgtheory.rules import Surrogate
from sgtheory.statistics import cosine
from sgtheory.surrogates import SigmoidDerivative

WIDTHS, DRAWS, NETWORKS = (2, 2, 1), 2000, 6
# Where no decision is nearly certain: a standard error from draws in which a rare flip never came is too small.
KEYS = network_keys(jax.random.key(5), jnp.arange(NETWORKS))
TRIED = ("exact", "surrogate, matched", "surrogate, sigmoid", "score function", "stochastic triple")

pytestmark = pytest.mark.usefixtures("quick_compilation")


def setting(steepness=1.0, surrogate_steepness=6.0, spread=2.0, bias_spread=0.5, dtype=jnp.float64):
    return SurveySetting(*(jnp.asarray(x, dtype) for x in (steepness, surrogate_steepness, spread, bias_spread)))


@pytest.fixture(scope="module")
def found():
    return {
        loss: survey_networks(KEYS, setting(), widths=WIDTHS, methods=TRIED, draws=DRAWS, loss=loss) for loss in LOSSES
    }


def column(survey, method):
    at = survey.methods.index(method)
    return survey.cosine[:, at], survey.bias[:, at], survey.standard_error[:, at]


@pytest.fixture(scope="module")
def path_means():
    """Of the surrogate with this slope: cosine with the exact gradient, bias and norm, by enumeration of all paths."""

    def of(loss, derivative):
        @jax.jit
        @jax.vmap
        def one(key):
            problem = random_problem(key, setting(), WIDTHS, loss)
            mean = flatten_parameters(enumerate_paths(*problem, Surrogate(derivative)).mean_gradient())[0]
            exact = flatten_parameters(ExactGradient().evaluate(*problem, ()))[0]
            return cosine(mean, exact), jnp.linalg.norm(mean - exact), jnp.linalg.norm(mean)

        return one(KEYS)

    return of


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("method", "derivative"), [("surrogate, matched", None), ("surrogate, sigmoid", SigmoidDerivative(6.0))]
)
def test_surrogates_are_what_their_paths_say(found, path_means, method, derivative, loss):
    (cosines, biases, errors), (true_cosines, true_biases, norms) = (
        column(found[loss], method),
        path_means(loss, derivative),
    )
    assert np.all(np.abs(biases - true_biases) < 4.5 * errors)
    assert np.all(np.abs(cosines - true_cosines) < 4.5 * errors / norms)
    # One that was read off another network would not pass.
    assert not np.all(np.abs(biases - np.roll(true_biases, 1)) < 4.5 * errors)
    assert np.any(biases > 4.5 * errors)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_claims_to_be_unbiased_is(found, loss):
    _, network, _, inputs = random_problem(KEYS[0], setting(), WIDTHS, loss)
    unbiased = [name for name in TRIED[1:] if METHODS[name]().claim.on(network, inputs) is Losses.ANY]
    assert len(unbiased) == 2
    for name in unbiased:
        _, biases, errors = column(found[loss], name)
        assert np.all(biases < 4.5 * errors)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_exact_gradient_has_no_fault(found, loss):
    cosines, biases, errors = column(found[loss], "exact")
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-12)
    assert np.max(biases) < 1e-14
    assert np.max(errors) < 1e-14
    assert np.all(found[loss].exact_norm > 0)


def test_one_layer_is_surveyed_without_a_fault():
    one = survey_network(KEYS[0], setting(), widths=(3, 1), methods=("surrogate, matched",), draws=50)
    np.testing.assert_allclose([one.cosine[0], one.sign_agreement[0]], 1.0, rtol=1e-12)
    assert one.bias[0] < 1e-15
    assert one.variance[0] < 1e-30


def test_the_steepness_of_a_surrogate_is_that_of_the_setting():
    chosen = chosen_methods(tuple(METHODS), setting(surrogate_steepness=7.0))
    taken = {name for name, estimator in chosen.items() if any(leaf == 7.0 for leaf in jax.tree.leaves(estimator))}
    assert taken == {"surrogate, SuperSpike", "surrogate, sigmoid"}
    assert chosen_methods({"mine": METHODS["surrogate, sigmoid"]}, setting())["mine"].derivative.steepness == 6.0
    alike = survey_networks(
        KEYS,
        setting(surrogate_steepness=1.0),
        widths=WIDTHS,
        methods=("surrogate, matched", "surrogate, sigmoid"),
        draws=DRAWS,
    )
    np.testing.assert_allclose(alike.cosine[:, 0], alike.cosine[:, 1], rtol=1e-12)
    np.testing.assert_allclose(alike.bias[:, 0], alike.bias[:, 1], rtol=1e-9)


def test_every_method_can_be_surveyed():
    shapes = jax.eval_shape(
        lambda keys: survey_networks(keys, setting(), widths=WIDTHS, methods=tuple(METHODS), draws=2), KEYS
    )
    assert shapes.cosine.shape == (NETWORKS, len(METHODS))
    assert shapes.runs[:2] == (12, 1)


def test_a_network_is_the_same_in_every_batch(found):
    """To the last bit: in another order, and beside others."""
    whole = found["readout"]

    def part(indices):
        keys = network_keys(jax.random.key(5), jnp.array(indices))
        return survey_networks(keys, setting(), widths=WIDTHS, methods=TRIED, draws=DRAWS)

    indices = [5, 0, 3]
    for mine, theirs in zip(jax.tree.leaves(part(indices)), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs[np.array(indices)])
    assert not np.any(whole.cosine[0, 1:] == whole.cosine[1, 1:])


def test_a_number_never_recompiles():
    traces = 0

    @eqx.filter_jit
    def survey(keys, given):
        nonlocal traces
        traces += 1
        return survey_networks(keys, given, widths=WIDTHS, methods=("surrogate, sigmoid",), draws=10)

    first, second = (survey(KEYS, setting(*numbers)) for numbers in ((1.0, 2.0, 3.0, 0.0), (8.0, 1.0, 0.5, 1.0)))
    assert traces == 1
    assert not np.any(first.exact_norm == second.exact_norm)


def test_spreads_are_standard_deviations():
    @jax.jit
    @jax.vmap
    def drawn(key):
        _, _, parameters, inputs = random_problem(key, setting(spread=3.0, bias_spread=0.5), (4, 3, 2))
        return parameters.weights, parameters.biases, inputs

    weights, biases, inputs = drawn(network_keys(jax.random.key(1), jnp.arange(20_000)))
    for numbers, spread in [
        *((matrix * matrix.shape[-1] ** 0.5, 3.0) for matrix in weights),
        *((vector, 0.5) for vector in biases),
        (inputs, 1.0),
    ]:
        # The standard error of a standard deviation of n normal numbers is spread / sqrt(2 n).
        assert abs(np.std(numbers) - spread) < 4.5 * spread / (2 * numbers.size) ** 0.5
        assert abs(np.mean(numbers)) < 4.5 * spread / numbers.size**0.5


def test_the_steepness_leaves_the_network_alone():
    one, other = (random_problem(KEYS[0], setting(steepness), WIDTHS) for steepness in (1.0, 8.0))
    assert one.network.escapes[0].steepness != other.network.escapes[0].steepness
    drawn = [jax.tree.leaves((each.loss, each.parameters, each.inputs)) for each in (one, other)]
    for mine, theirs in zip(*drawn, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_losses_are_what_they_say():
    numbers = jnp.array([0.3, -2.0, 1.0, 0.7])
    spikes = jnp.array([1.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(LOSSES["readout"](numbers)(spikes), (0.3 - 2.0 + 0.7) / 2, rtol=1e-15)
    np.testing.assert_allclose(LOSSES["squared error"](numbers)(spikes), 0.5 * 2, rtol=1e-15)


def test_single_precision_stays_single():
    given = setting(dtype=jnp.float32)
    shapes = jax.eval_shape(
        lambda key: survey_network(key, given, widths=WIDTHS, methods=tuple(METHODS), draws=2), KEYS[0]
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}


def test_quartiles_are_those_of_the_networks():
    rng = np.random.default_rng(0)
    numbers = [jnp.asarray(rng.uniform(size=(10, 3))) for _ in range(5)]
    norms = jnp.asarray(np.append(0.0, rng.uniform(size=9)))
    summary = summarise_survey(NetworkSurvey(*numbers, norms, ("a", "b", "c"), (1, 1, 1)))
    np.testing.assert_array_equal(summary.cosine[1], np.median(numbers[0], axis=0))
    np.testing.assert_array_equal(summary.variance[0], np.quantile(numbers[4], 0.25, axis=0, method="midpoint"))
    # The first network has a bias and no gradient: its relative bias is infinite, and no quartile is without a number.
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(
            summary.relative_bias[2],
            np.quantile(numbers[2] / norms[:, None], 0.75, axis=0, method="midpoint"),
            rtol=1e-15,
        )


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"methods": ("surrogat",)}, "`methods` must be among 'exact', .* got 'surrogat'"),
        ({"methods": ()}, "`methods` must be at least one"),
        ({"methods": ("exact", "exact")}, "each named once"),
        ({"draws": 1}, "`draws` must be at least 2"),
        ({"loss": "hinge"}, "`loss` must be one of 'readout', 'squared error', got 'hinge'"),
        ({"widths": (2, 0, 1)}, "`widths` must be .* all at least 1"),
        ({"widths": (2, 13, 12, 1)}, "`network` must have at most 24 decisions"),
    ],
)
def test_a_wrong_argument_is_refused(changed, sentence):
    arguments = {"widths": WIDTHS, "methods": ("exact",), "draws": 10, "loss": "readout", **changed}
    with pytest.raises(ValueError, match=sentence):
        survey_network(KEYS[0], setting(), **arguments)


def test_an_estimator_of_ones_own_can_be_surveyed():
    mine = {"mine": SurrogateGradient(SigmoidDerivative(1.0))}
    one = survey_networks(KEYS, setting(), widths=WIDTHS, methods=mine, draws=10)
    assert one.methods == ("mine",)
    assert one.runs == (1,)
