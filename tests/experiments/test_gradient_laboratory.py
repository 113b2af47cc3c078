"""The bundles of page 03 are what the exact sums and the estimators say, and refuse what makes no sense."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Sigmoid
from sgtheory.experiments.gradient_laboratory import (
    CHAIN,
    LIF_NETWORK,
    LIF_STEPS,
    NETWORKS,
    WIDEST,
    LaboratorySetting,
    biases,
    check_widths,
    draw_noise,
    draw_parameters,
    exact_components,
    lif_network,
    measure,
    median_by_width,
    over_steepness,
    over_width,
    random_networks,
    steepness_axis,
)
from sgtheory.gradients import (
    ExactGradient,
    FiniteDifference,
    SurrogateGradient,
    enumerate_paths,
    expected_gradient,
    flatten_parameters,
    sample_gradients,
)
from sgtheory.losses import Total
from sgtheory.methods import METHODS
from sgtheory.networks import ClockedParameters, LayerParameters, MultilayerParameters, MultilayerPerceptron

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY, OTHER = jax.random.key(0), jax.random.key(1)


def setting(**numbers):
    start = {"steepness": 2.0, "surrogate": 8.0, "spread": 1.0, "step": 0.5, "temperature": 0.5, "target": 1.0}
    return LaboratorySetting(**{name: np.asarray(number) for name, number in {**start, **numbers}.items()})


def norm(vector):
    return float(np.linalg.norm(vector))


def flat(gradient):
    return flatten_parameters(gradient)[0]


def test_the_chain_has_its_reference_gradient():
    exact = exact_components(setting(), draw_parameters(CHAIN, KEY), "output")
    np.testing.assert_allclose(exact[:3], [-0.084056215408, -0.09300857765, 0.209074620694], atol=1e-10)


def test_the_bias_over_the_steepness_is_that_of_the_tree_of_paths():
    widths, k = (2, 2, 1), 9
    parameters = draw_parameters(widths, KEY)
    shown, noise = biases("surrogate, matched", over_steepness(setting(), parameters, "output"), "output", KEY)
    problem = Total(), MultilayerPerceptron(widths, Sigmoid(steepness_axis()[k])), parameters, jnp.ones(2)
    exact = flat(ExactGradient().estimate(*problem, key=KEY))
    mean = flat(enumerate_paths(*problem).mean_gradient())
    np.testing.assert_allclose(shown[k], norm(mean - exact) / norm(exact), rtol=1e-10)
    assert shown[k] > 1e-2
    assert norm(noise) == 0


@pytest.mark.parametrize(
    "method",
    ["surrogate, deterministic", "mean field", "finite difference, coupled", "smoothed right", "Concrete"],
)
def test_a_mean_without_noise_is_that_of_many_draws(method):
    parameters = draw_parameters(CHAIN, KEY)
    exact = exact_components(setting(), parameters, "squared error")
    found = measure(method, setting(), parameters, "squared error", exact, draw_noise(method, CHAIN, OTHER, 4000))
    shown, noise = biases(method, over_steepness(setting(), parameters, "squared error"), "squared error", KEY)
    k = int(np.argmin(np.abs(steepness_axis() - 2.0)))
    assert abs(found.bias - shown[k]) < 4.5 * (found.noise + noise[k]) + 1e-12
    assert (noise[k] > 0) == (not METHODS[method].closed_form)


@pytest.mark.parametrize("method", ["score function", "score function, mean baseline", "stochastic triple"])
def test_a_method_without_bias_shows_none(method):
    parameters = draw_parameters((2, 2, 1), KEY)
    exact = exact_components(setting(), parameters, "output")
    found = measure(method, setting(), parameters, "output", exact, draw_noise(method, (2, 2, 1), OTHER, 4000))
    assert np.max(np.abs(found.mean - exact) / found.standard_error) < 4.5
    assert norm(biases(method, over_steepness(setting(), parameters, "output"), "output", KEY)[0]) == 0


def test_a_bias_that_theory_predicts_is_there():
    parameters = draw_parameters(CHAIN, KEY)
    exact = exact_components(setting(), parameters, "output")
    noise = draw_noise("surrogate, matched", CHAIN, OTHER, 4000)
    found = measure("surrogate, matched", setting(), parameters, "output", exact, noise)
    assert np.max(np.abs(found.mean - exact)[:2] / found.standard_error[:2]) > 10
    # The weight of the last layer is free of it.
    assert abs(found.mean - exact)[2] < 4.5 * found.standard_error[2]


def test_what_is_measured_is_what_the_estimator_gives():
    parameters = draw_parameters(CHAIN, KEY)
    exact = exact_components(setting(), parameters, "output")
    noise = draw_noise("finite difference, coupled", CHAIN, OTHER, 50)
    found = measure("finite difference, coupled", setting(step=0.3), parameters, "output", exact, noise)
    problem = Total(), MultilayerPerceptron(CHAIN, Sigmoid(2.0)), parameters, jnp.ones(1)
    draws = np.asarray(jax.vmap(flat)(sample_gradients(FiniteDifference(0.3), *problem, draws=50, key=OTHER)))
    np.testing.assert_allclose(found.mean, draws.mean(axis=0), rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(found.variance, draws.var(axis=0, ddof=1).sum(), rtol=1e-10)
    assert found.runs == 12


def test_a_narrow_network_among_wide_ones_is_a_narrow_network():
    drawn, kept = random_networks((2, 1, 1, 1), KEY)
    assert len(kept) == WIDEST * NETWORKS
    width, k = 2, NETWORKS + 3
    matrices = [np.asarray(matrix[k]) for matrix in drawn.weights]
    narrow = MultilayerParameters([matrices[0][:width], matrices[1][:width, :width], matrices[2][:, :width]])
    assert all(np.all(matrix[width:] == 0) for matrix in matrices[:2])
    exact = exact_components(setting(), narrow, "output")
    cases = over_width(setting(), (drawn, kept), "output")
    padded = np.asarray(cases.exact[k])
    np.testing.assert_allclose(np.sort(padded[padded != 0]), np.sort(exact), rtol=1e-10)
    problem = Total(), MultilayerPerceptron((2, 2, 2, 1), Sigmoid(2.0)), narrow, jnp.ones(2)
    mean = flat(enumerate_paths(*problem).mean_gradient())
    shown = biases("surrogate, matched", cases, "output", KEY)[0]
    np.testing.assert_allclose(shown[k], norm(mean - exact) / norm(exact), rtol=1e-10)
    assert median_by_width(shown).shape == (WIDEST,)


def test_numbers_never_recompile():
    parameters, traces = draw_parameters(CHAIN, KEY), []

    @eqx.filter_jit
    def counted(each):
        traces.append(1)
        return exact_components(each, parameters, "squared error")

    first, second = counted(setting()), counted(setting(steepness=3.0, spread=2.0, target=0.3))
    assert len(traces) == 1
    assert norm(first - second) > 1e-3


def test_every_method_is_an_estimator_with_the_numbers_of_the_setting():
    given = setting(step=0.25, temperature=0.125, surrogate=3.0)
    made = {label: given.estimator(label) for label in METHODS}
    assert made["finite difference, coupled"].step == 0.25
    assert made["Concrete"].temperature == 0.125
    assert made["surrogate, SuperSpike"].derivative.steepness == 3.0
    assert isinstance(made["surrogate, matched"], SurrogateGradient)


@pytest.mark.parametrize("label", METHODS)
def test_the_registry_says_whose_mean_must_be_drawn(label):
    """The page draws a band around the curves of these methods alone."""
    parameters = draw_parameters((2, 2, 1), KEY)
    problem = Total(), MultilayerPerceptron((2, 2, 1), Sigmoid(2.0)), parameters, jnp.ones(2)
    mean = jax.eval_shape(lambda: expected_gradient(METHODS[label](), *problem))
    assert (mean is not None) == METHODS[label].closed_form


@pytest.mark.parametrize("name", ["step", "temperature", "steepness", "spread", "surrogate"])
@pytest.mark.parametrize("number", [0.0, -1.0, np.nan, np.inf])
def test_numbers_that_are_not_positive_are_refused(name, number):
    with pytest.raises(ValueError, match=rf"^`{name}` must be positive and finite, got ") as refusal:
        setting(**{name: number})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("widths", "sentence"),
    [
        ((2, 0, 1), r"^`widths` must all be at least 1, got 0\."),
        ((2, 1), r"^`widths` must be 3 to 5 numbers, inputs first, got 2\."),
        ((1,) * 6, r"^`widths` must be 3 to 5 numbers, inputs first, got 6\."),
        ((9, 2, 1), r"^`widths` must have at most 8 inputs, got 9\."),
        ((2, 20, 20), r"^`widths` must have at most 12 units besides the inputs, .*, got 40\."),
    ],
)
def test_networks_that_are_none_or_too_large_are_refused(widths, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_widths(widths)


@pytest.mark.parametrize("method", ["score function", "score function, mean baseline", "stochastic triple"])
def test_unbiased_methods_are_right_for_the_lif_neurons_and_surrogates_are_not(method):
    parameters = draw_parameters(LIF_NETWORK, KEY)
    here = setting()
    exact = exact_components(here, parameters, "output")
    assert exact.shape == (8,)
    found = measure(method, here, parameters, "output", exact, draw_noise(method, LIF_NETWORK, OTHER, 20_000))
    assert np.all(np.abs(found.mean - exact) < 4.5 * found.standard_error + 1e-3)
    noise = draw_noise("surrogate, matched", LIF_NETWORK, OTHER, 20_000)
    surrogate = measure("surrogate, matched", here, parameters, "output", exact, noise)
    assert surrogate.bias > 4.5 * surrogate.noise


def test_the_exact_gradient_of_the_lif_neurons_is_that_of_their_expected_spike_count():
    """Against central differences of the count, summed over all patterns by hand."""
    network, inputs = lif_network(2.0), jnp.ones((LIF_STEPS, 2))
    parameters = draw_parameters(LIF_NETWORK, KEY)
    patterns = (np.arange(2**10)[:, None] >> np.arange(10) & 1).reshape(-1, LIF_STEPS, 2).astype(float)

    def count(weights):
        moved = ClockedParameters((LayerParameters(weights, parameters.layers[0].recurrent),))

        def weighted(pattern):
            # A uniform below every probability makes a spike, one above it none.
            path = network.run(moved, inputs, (jnp.where(pattern > 0.5, 0.0, 1.0 - 1e-16),))
            return jnp.exp(network.log_probability(path)) * jnp.sum(path.output.last)

        return float(jnp.sum(jax.vmap(weighted)(patterns)))

    weights, exact = parameters.layers[0].weights, exact_components(setting(steepness=2.0), parameters, "output")
    for k in range(4):
        shift = jnp.zeros(4).at[k].set(1e-5).reshape(2, 2)
        assert (count(weights + shift) - count(weights - shift)) / 2e-5 == pytest.approx(float(exact[k]), abs=1e-6)
