"""What every half of a spike rule must do, over the registries; the hand-written derivative; the smooth rules."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from sgtheory import rules as package
from sgtheory.escape import ALL_ESCAPES, HardThreshold, Sigmoid
from sgtheory.rules import (
    ALL_BACKWARD,
    ALL_FORWARD,
    AbstractBackward,
    AbstractForward,
    AbstractSmoothed,
    AbstractSpikeRule,
    Concrete,
    Detached,
    Forced,
    MeanField,
    Sample,
    SmoothedAffine,
    SmoothedLeft,
    SpikeRule,
    Surrogate,
    Threshold,
    with_slope,
)
from sgtheory.surrogates import SuperSpike

pytestmark = pytest.mark.usefixtures("quick_compilation")

NOISE = Sigmoid(2.0)
DISTANCES = jnp.array([-1.3, -0.4, 0.35, 1.1])
UNIFORMS = jnp.array([0.02, 0.7, 0.3, 0.97])

every_escape = pytest.mark.parametrize("kind", ALL_ESCAPES.values(), ids=ALL_ESCAPES)


@pytest.fixture(scope="module", params=ALL_FORWARD.values(), ids=ALL_FORWARD)
def forward(request, build):
    return build(request.param)


@pytest.fixture(scope="module", params=ALL_BACKWARD.values(), ids=ALL_BACKWARD)
def backward(request, build):
    return build(request.param)


def test_every_exported_half_is_registered(exported_members):
    assert exported_members(package, AbstractForward) == set(ALL_FORWARD.values())
    assert exported_members(package, AbstractBackward) == set(ALL_BACKWARD.values())


# Forward halves


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32, jnp.float64])
def test_an_outcome_is_0_or_1_in_the_shape_and_dtype_of_the_distances(forward, dtype):
    distance, noise = (
        np.linspace(-2.0, 2.0, 6, dtype=dtype).reshape(2, 3),
        np.ones((2, 3), np.promote_types(dtype, "f4")),
    )
    outcome = forward.outcome(NOISE, jnp.asarray(distance), jnp.asarray(noise))
    assert outcome.shape == distance.shape
    assert outcome.dtype == dtype
    assert np.all((outcome == 0) | (outcome == 1))


def test_compiled_and_mapped_outcomes_are_those_of_a_loop(forward):
    distances, noise = np.asarray(DISTANCES), np.asarray(UNIFORMS > 0.5, dtype=float)
    loop = [forward.outcome(NOISE, jnp.asarray(u), jnp.asarray(n)) for u, n in zip(distances, noise, strict=True)]
    mapped = jax.jit(jax.vmap(lambda u, n: forward.outcome(NOISE, u, n)))(DISTANCES, noise)
    np.testing.assert_array_equal(mapped, np.stack(loop))


def test_uniforms_are_not_rounded_to_distances_of_half_precision():
    # In half precision this uniform is 0.5, and the unit at threshold would never fire below it.
    draw = Sample().outcome(NOISE, jnp.zeros((), jnp.float16), jnp.array(0.5 - 1e-5, jnp.float32))
    assert np.float16(0.5 - 1e-5) == 0.5
    assert draw == 1
    assert draw.dtype == jnp.float16


@every_escape
def test_the_draw_whose_uniform_is_the_probability_at_threshold_is_the_noiseless_unit(kind, build, quick_jit):
    escape = build(kind)

    @quick_jit
    def draws(distance):
        at_threshold = jnp.broadcast_to(escape.probability(jnp.array(0.0)), distance.shape)
        return [rule.outcome(escape, distance, at_threshold) for rule in (Sample(), Threshold())]

    np.testing.assert_array_equal(*draws(jnp.linspace(-3.0, 3.0, 61)))


@every_escape
def test_for_symmetric_noise_that_uniform_is_one_half(kind, build, quick_jit):
    escape = build(kind)
    distance = np.linspace(0.1, 3.0, 30)

    @quick_jit
    def probabilities_and_draws(distance):
        half = jnp.full_like(distance, 0.5)
        return escape.probability(distance), *[rule.outcome(escape, distance, half) for rule in (Sample(), Threshold())]

    below, *draws_below = probabilities_and_draws(jnp.asarray(-distance))
    above, *draws_above = probabilities_and_draws(jnp.asarray(distance))
    symmetric = np.allclose(below + above, 1, rtol=0, atol=1e-14)
    assert symmetric == (np.array_equal(*draws_below) and np.array_equal(*draws_above))


def test_a_forced_outcome_is_the_noise():
    np.testing.assert_array_equal(Forced().outcome(NOISE, DISTANCES, jnp.array([0.0, 1.0, 0.0, 1.0])), [0, 1, 0, 1])


# Backward halves


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_rule_shows_its_slope_in_both_modes_and_leaves_the_outcome_as_it_is(backward, outcome, quick_jit):
    rule, noise = SpikeRule(Forced(), backward), jnp.full_like(DISTANCES, outcome)

    @quick_jit
    def both_modes(distance):
        def spikes(u):
            return rule(NOISE, u, noise)

        value, reverse = jax.vjp(spikes, distance)
        same_value, tangent = jax.jvp(spikes, (distance,), (jnp.ones_like(distance),))
        shown = backward.slope(NOISE, distance, noise)
        return value, same_value, reverse(jnp.ones_like(distance))[0], tangent, shown

    value, same_value, reverse, tangent, slope = both_modes(DISTANCES)
    np.testing.assert_array_equal(value, noise)
    np.testing.assert_array_equal(same_value, noise)
    np.testing.assert_allclose(reverse, slope, rtol=1e-14)
    np.testing.assert_allclose(tangent, slope, rtol=1e-14)


MAGNITUDES = np.logspace(-3, 6, 19)
GRID = np.concatenate([DISTANCES, -MAGNITUDES, [0.0], MAGNITUDES])
MEMBERS = {"affine, 0.3": functools.partial(SmoothedAffine, 0.3), "affine, -2": functools.partial(SmoothedAffine, -2.0)}


@pytest.fixture(scope="module", params=ALL_ESCAPES.values(), ids=ALL_ESCAPES)
def shown(request, build, quick_jit):
    """With one noise: the slopes of silence and of a spike on the grid, their probabilities, and the slope of the noise."""
    escape = build(request.param)
    members = {name: build(kind) for name, kind in ALL_BACKWARD.items()} | {
        name: kind() for name, kind in MEMBERS.items()
    }

    @quick_jit
    def compute(u):
        both, outcomes = jnp.stack([u, u]), jnp.stack([jnp.zeros_like(u), jnp.ones_like(u)])
        slopes = {name: member.slope(escape, both, outcomes) for name, member in members.items()}
        return slopes, jnp.exp(escape.log_likelihood(both, outcomes)), escape.slope(u)

    return members, *jax.tree.map(np.asarray, compute(jnp.asarray(GRID)))


def test_a_slope_is_finite_wherever_its_outcome_is_possible(shown):
    _, slopes, probability, _ = shown
    for name, slope in slopes.items():
        assert np.all(np.isfinite(slope) | (probability == 0)), name


def test_smoothed_slopes_and_the_matched_one_alone_have_the_mean_of_the_slope_of_the_noise(shown, exported_members):
    members, slopes, probability, slope = shown
    assert exported_members(package, AbstractSmoothed) <= {type(member) for member in members.values()}
    working = slice(len(DISTANCES))
    for name, member in members.items():
        terms = np.where(probability > 0, probability * slopes[name], 0.0)
        mean, expected = terms.sum(axis=0)[working], slope[working]
        if isinstance(member, (AbstractSmoothed, Surrogate)):
            np.testing.assert_allclose(mean, expected, rtol=1e-13)
        elif np.any(expected):  # there is noise
            assert not np.allclose(mean, expected, rtol=1e-3), name


def test_a_slope_keeps_single_precision(backward):
    shape = jax.ShapeDtypeStruct((4,), jnp.float32)
    assert jax.eval_shape(functools.partial(backward.slope, NOISE), shape, shape).dtype == jnp.float32


def test_a_changed_steepness_compiles_nothing(backward):
    traces = 0

    @eqx.filter_jit
    def slope(backward, escape, distance):
        nonlocal traces
        traces += 1
        return backward.slope(escape, distance, jnp.ones_like(distance))

    for steepness in (0.5, 1.0, 7.0):
        slope(backward, Sigmoid(steepness), DISTANCES)
    assert traces == 1


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_refused(weight):
    with pytest.raises(ValueError, match="`weight` must be finite, got"):
        SmoothedAffine(weight)


@pytest.mark.usefixtures("annotations_off")
def test_a_half_of_the_wrong_family_is_refused():
    with pytest.raises(TypeError, match=r"`forward` must be of the family AbstractForward, got .*Take `Sample\(\)`"):
        SpikeRule(forward=Surrogate())
    with pytest.raises(TypeError, match="`backward` must be of the family AbstractBackward, got"):
        SpikeRule(backward=Sample())
    for rule in (Surrogate, MeanField):
        with pytest.raises(
            TypeError,
            match=r"`derivative` must be of the family AbstractSurrogate, got the escape noise Sig.*Take `Matched",
        ):
            rule(Sigmoid(2.0))
        with pytest.raises(TypeError, match=r"`derivative` must be of the family AbstractSurrogate, got 2\.0\."):
            rule(2.0)


# Resets


@pytest.mark.parametrize("kind", [SpikeRule, MeanField, functools.partial(Concrete, 0.5)], ids=repr)
def test_whether_the_gradient_passes_a_reset_is_said_by_name(kind):
    for rule, passes in ((kind(), 1.0), (kind(through_reset=True), 1.0), (kind(through_reset=False), 0.0)):
        assert jax.value_and_grad(rule.for_reset)(jnp.array(0.7)) == (0.7, passes)


# The hand-written derivative


def test_with_slope_returns_its_value_bit_by_bit():
    value = jax.random.normal(jax.random.key(0), (100,))
    np.testing.assert_array_equal(with_slope(value, jnp.ones(100), jnp.zeros(100)), value)
    np.testing.assert_array_equal(jax.jit(with_slope)(value, jnp.ones(100), jnp.zeros(100)), value)


def test_with_slope_has_no_derivative_but_the_slope():
    assert jax.jit(jax.grad(with_slope, argnums=(0, 1, 2)))(0.7, 3.0, 0.2) == (0.0, 0.0, 3.0)


def test_the_second_derivative_is_the_derivative_of_the_slope():
    rule = SpikeRule(Threshold(), Surrogate())
    second = jax.jit(jax.vmap(jax.grad(jax.grad(lambda u: rule(NOISE, u, jnp.array(0.5))))))(DISTANCES)
    np.testing.assert_allclose(second, jax.jit(jax.vmap(jax.grad(lambda u: NOISE.slope(u))))(DISTANCES), rtol=1e-13)


def test_the_second_derivative_of_a_curved_loss_sees_the_slope_twice():
    # d²/du² L(y(u)) = L''(y) h² + L'(y) h', in the calculus in which dy/du is h.
    rule = SpikeRule(Threshold(), Surrogate())
    second = jax.jit(jax.grad(jax.grad(lambda u: jnp.exp(2 * rule(NOISE, u, jnp.array(0.5))))))(0.4)
    slope, bend = jax.jit(jax.value_and_grad(lambda u: NOISE.slope(u)))(0.4)
    np.testing.assert_allclose(second, np.exp(2) * (4 * slope**2 + 2 * bend), rtol=1e-13)


class WithDerivative(AbstractSpikeRule):
    """The firing probability forward, any slope backward: right or wrong, as the slope is."""

    backward: AbstractBackward

    def __call__(self, escape, distance, noise):
        return with_slope(escape.probability(distance), self.backward.slope(escape, distance, noise), distance)


def agrees_with_finite_differences(rule):
    noise = jnp.full_like(DISTANCES, 0.3)
    check_grads(jax.jit(lambda u: rule(NOISE, u, noise)), (DISTANCES,), order=1, modes=("fwd", "rev"))


@pytest.mark.parametrize("rule", [MeanField(), Concrete(0.5), WithDerivative(Surrogate())], ids=repr)
def test_true_derivatives_agree_with_finite_differences(rule):
    agrees_with_finite_differences(rule)


@pytest.mark.parametrize("rule", [WithDerivative(Surrogate(SuperSpike(2.0))), SpikeRule(Threshold(), Surrogate())])
def test_surrogate_derivatives_disagree_with_finite_differences(rule):
    with pytest.raises(AssertionError):
        agrees_with_finite_differences(rule)


# The smooth rules


@pytest.mark.parametrize("derivative", [None, SuperSpike(2.0)], ids=repr)
def test_the_mean_field_is_the_probability_with_its_own_slope_or_another(derivative, quick_jit):
    @quick_jit
    def probability_and_slope(u):
        return jax.jvp(lambda u: MeanField(derivative)(NOISE, u, UNIFORMS), (u,), (jnp.ones_like(u),))

    probability, slope = probability_and_slope(DISTANCES)
    np.testing.assert_array_equal(probability, eqx.filter_jit(NOISE.probability)(DISTANCES))
    shown = NOISE.slope if derivative is None else derivative.derivative
    np.testing.assert_allclose(slope, eqx.filter_jit(shown)(DISTANCES), rtol=1e-14)


@every_escape
def test_a_cold_concrete_sample_is_the_draw_with_the_same_uniform(kind, build, quick_jit):
    escape = build(kind)
    generator = np.random.default_rng(0)
    distances, uniforms = jnp.asarray(generator.normal(size=1000)), jnp.asarray(generator.uniform(size=1000))
    if escape.probability(jnp.array(0.0)) == 0:  # no noise, nothing to relax
        with pytest.raises(ValueError, match="`Concrete` needs escape noise"):
            Concrete(1e-9)(escape, distances, uniforms)
        return
    both = quick_jit(lambda u, w: (Concrete(1e-9)(escape, u, w), Sample().outcome(escape, u, w)))
    np.testing.assert_array_equal(*both(distances, uniforms))


def test_a_concrete_sample_stays_between_0_and_1_and_rises_with_the_distance():
    distance = jnp.linspace(-3.0, 3.0, 61)
    relaxed = jax.jit(lambda u: Concrete(0.5)(NOISE, u, jnp.full_like(u, 0.3)))(distance)
    assert np.all((relaxed > 0) & (relaxed < 1))
    assert np.all(np.diff(relaxed) > 0)


def test_concrete_refuses_the_hard_threshold():
    with pytest.raises(ValueError, match=r"`Concrete` needs escape noise .* got HardThreshold\(\)\. Take `Sigmoid"):
        Concrete(0.5)(HardThreshold(), DISTANCES, UNIFORMS)


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match="`temperature` must be positive and finite, got"):
        Concrete(temperature)


def test_a_detached_rule_passes_no_gradient_whatever_the_noise():
    detached = jax.grad(lambda u: SpikeRule(Sample(), Detached())(NOISE, u, jnp.array(0.1)))
    of_noise = jax.grad(lambda n: SpikeRule(Sample(), SmoothedLeft())(NOISE, jnp.array(0.4), n))
    assert jax.jit(lambda: (detached(0.4), of_noise(0.1)))() == (0.0, 0.0)
