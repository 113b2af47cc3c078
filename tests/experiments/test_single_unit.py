"""The experiment behind page 01: pure, compiled once, and right where the answer is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import ExponentialHazard, HardThreshold, Sigmoid
from sgtheory.experiments import single_unit as module
from sgtheory.experiments.single_unit import SingleUnitSetting, draw_uniforms, membrane_potentials, single_unit

TRIALS = 50  # as many as on the page, whose tests then share the compiled programs
NUMBERS = {"threshold": 0.3, "weight": 0.5, "input": 1.0, "baseline": 0.25}


def setting(escape=None, steepness=2.0, **numbers):
    return SingleUnitSetting(escape or Sigmoid(steepness), None, **(NUMBERS | numbers))


def uniforms(seed=0, trials=TRIALS):
    return draw_uniforms(jax.random.key(seed), trials)


def logistic(distance, steepness=2.0):
    return 1 / (1 + np.exp(-steepness * distance))


def test_changing_a_number_traces_nothing_again(monkeypatch):
    traces = []
    original = module._at_potential
    monkeypatch.setattr(module, "_at_potential", lambda *arguments: traces.append(1) or original(*arguments))
    single_unit(setting(), uniforms())
    once = len(traces)
    for number, value in {"threshold": -1.0, "weight": 3.0, "input": 0.0, "baseline": 1.0, "steepness": 20.0}.items():
        single_unit(setting(**{number: value}), uniforms(seed=1))
    assert len(traces) == once <= 1
    # The negative control: another number of trials is another program.
    jax.eval_shape(lambda: eqx.filter(single_unit(setting(), uniforms(trials=3)), eqx.is_array))
    assert len(traces) == once + 1


def test_the_program_never_calls_back_to_python():
    """A program that does is left out of JAX's persistent cache, and each start of a page compiles it anew."""
    numbers, rest = eqx.partition((setting(), uniforms(trials=3)), eqx.is_array)

    def run(numbers):
        return eqx.filter(single_unit(*eqx.combine(numbers, rest)), eqx.is_array)

    assert "callback" not in str(jax.make_jaxpr(run)(numbers))


def test_mapped_over_settings_it_is_a_loop():
    weights, steepnesses = jnp.array([-0.7, 0.0, 1.3]), jnp.array([0.5, 4.0, 20.0])

    mapped = jax.vmap(lambda weight, steepness: single_unit(setting(weight=weight, steepness=steepness), uniforms()))(
        weights, steepnesses
    )
    for index, (weight, steepness) in enumerate(zip(weights, steepnesses, strict=True)):
        alone = single_unit(setting(weight=float(weight), steepness=float(steepness)), uniforms())
        for leaf, expected in zip(jax.tree.leaves(mapped), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(leaf[index], expected, rtol=1e-10, atol=1e-12)


def test_a_trial_has_its_own_dice_however_many_there_are():
    many, few = uniforms(trials=9), uniforms(trials=4)
    assert many.shape == (9, module.POTENTIALS)
    np.testing.assert_array_equal(many[:4], few)
    assert np.all((many >= 0) & (many < 1))
    assert len(np.unique(many)) == many.size
    assert not np.any(uniforms(seed=1, trials=4) == few)


def at(picture, potential):
    """Everything at one potential of the curves."""
    index = int(np.argmin(np.abs(membrane_potentials() - potential)))
    assert abs(float(membrane_potentials()[index]) - potential) < 1e-12
    return {name: values[..., index] for name, values in vars(picture.curves).items()}


@pytest.mark.parametrize(("weight", "stimulus"), [(0.5, 1.0), (0.8, 1.0), (-0.3, 1.0), (1.5, -2.0)])
def test_at_a_potential_of_the_curves_the_operating_point_is_that_of_the_curves_trials_included(weight, stimulus):
    picture = single_unit(setting(weight=weight, input=stimulus), uniforms())
    for name, on_curve in at(picture, weight * stimulus).items():
        at_point = getattr(picture.operating_point, name)[..., 0]
        np.testing.assert_allclose(at_point, on_curve, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(("weight", "nearest"), [(0.524, 0.5), (0.526, 0.55), (9.0, 3.0), (-9.0, -3.0)])
def test_elsewhere_it_has_the_dice_of_the_nearest_potential(weight, nearest):
    picture = single_unit(setting(weight=weight), uniforms())
    column = int(np.argmin(np.abs(membrane_potentials() - nearest)))
    p = logistic(weight - 0.3)
    assert picture.operating_point.probability[0] == pytest.approx(p, rel=1e-12)
    np.testing.assert_array_equal(picture.operating_point.trials[:, 0], np.asarray(uniforms())[:, column] < p)


def test_a_unit_at_its_threshold_is_silent_wherever_that_is():
    potentials = np.asarray(membrane_potentials())
    for k in range(-30, 31):
        threshold = round(0.05 * k, 10)
        spikes = single_unit(setting(HardThreshold(), threshold=threshold, weight=0.8), uniforms()).curves.deterministic
        np.testing.assert_array_equal(spikes, potentials > threshold + 1e-9)


def test_the_baseline_in_use_is_told():
    p = logistic(np.linspace(-3.0, 3.0, 121) - 0.3)
    np.testing.assert_array_equal(single_unit(setting(baseline=0.25), uniforms()).curves.baseline, 0.25)
    np.testing.assert_allclose(single_unit(setting(baseline=None), uniforms()).curves.baseline, 1 - p, rtol=1e-12)


def test_curves_are_the_formulas():
    stimulus, baseline = 1.7, 0.25
    curves = single_unit(setting(input=stimulus, baseline=baseline), uniforms()).curves
    distance = np.linspace(-3.0, 3.0, 121) - 0.3
    p = logistic(distance)
    slope = 2.0 * p * (1 - p) * stimulus
    np.testing.assert_allclose(curves.probability, p, rtol=1e-12)
    np.testing.assert_array_equal(curves.deterministic, distance > 1e-9)
    np.testing.assert_allclose(curves.expected_gradient, slope, rtol=1e-10)
    np.testing.assert_allclose(
        curves.variance, slope**2 * (1 - p - baseline) ** 2 / (p * (1 - p)), rtol=1e-8, atol=1e-14
    )
    fired = np.asarray(uniforms()) < p
    np.testing.assert_array_equal(curves.trials, fired)
    scores = (fired - baseline) * np.where(fired, slope / p, -slope / (1 - p))
    np.testing.assert_allclose(curves.score_mean, scores.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(curves.score_variance, scores.var(axis=0, ddof=1), rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(curves.score_error, scores.std(axis=0, ddof=1) / np.sqrt(TRIALS), rtol=1e-8, atol=1e-14)


def test_the_example_of_the_docstring():
    picture = single_unit(setting(weight=0.8, baseline=0.0), uniforms())
    p = logistic(0.5)
    assert picture.operating_point.expected_gradient[0] == pytest.approx(2 * p * (1 - p), rel=1e-12)
    assert round(float(picture.operating_point.expected_gradient[0]), 4) == 0.3932


def test_trials_follow_the_hidden_noise_and_everything_else_the_guess():
    guessed = single_unit(setting(steepness=4.0), uniforms())
    hidden = single_unit(setting(steepness=4.0, hidden=ExponentialHazard(1.5)), uniforms())
    np.testing.assert_array_equal(hidden.curves.probability, guessed.curves.probability)
    distance = np.linspace(-3.0, 3.0, 121) - 0.3
    truth = 1 - np.exp(-np.exp(1.5 * distance))
    np.testing.assert_array_equal(hidden.curves.trials, np.asarray(uniforms()) < truth)
    assert hidden.log_likelihood < guessed.log_likelihood < 0


def test_certain_outcomes_have_the_log_likelihood_zero():
    """Also where a membrane potential is the threshold to the last digit but one."""
    for threshold in np.round(np.linspace(-1.5, 1.5, 61), 10):
        picture = single_unit(setting(HardThreshold(), threshold=float(threshold), weight=0.8), uniforms())
        assert picture.log_likelihood == 0.0


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_refused(number, value):
    with pytest.raises(ValueError, match=f"`{number}` must be finite, got"):
        setting(**{number: value})


@pytest.mark.usefixtures("annotations_off")
@pytest.mark.parametrize(
    ("member", "family"),
    [("escape", "AbstractEscape"), ("surrogate", "AbstractSurrogate"), ("hidden", "AbstractEscape")],
)
def test_a_member_of_another_family_is_refused(member, family):
    members = {"escape": Sigmoid(2.0), "surrogate": None, member: "sigmoid"}
    with pytest.raises(TypeError, match=f"`{member}` must be of the family {family}, got"):
        SingleUnitSetting(**members, **NUMBERS)
