"""What every gradient method must do, over the registry: on one unit with five kinds of noise, and on a chain of layers.

An estimator says for which losses it is right on which network. Where it says so, the mean of its draws is held to the
exact gradient within its own standard error; where it does not, its bias must show.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from sgtheory import gradients as package
from sgtheory.escape import ALL_ESCAPES, AbstractEscape, Arctan, ErrorFunction, ExponentialHazard, FastSigmoid, Sigmoid
from sgtheory.gradients import (
    AbstractGradientEstimator,
    Claim,
    ConcreteRelaxation,
    EligibilityRule,
    ExactGradient,
    FiniteDifference,
    Losses,
    RealTimeRecurrentLearning,
    RuleGradient,
    ScoreFunction,
    SmoothedDerivative,
    StochasticTriple,
    StraightThrough,
    SurrogateGradient,
    exact_gradient,
    expectation,
    expected_gradient,
    mean_baseline,
    optimal_baseline,
    sample_gradients,
)
from sgtheory.losses import SquaredDistance
from sgtheory.methods import METHODS, MethodSetting
from sgtheory.networks import (
    AbstractEscapeNoiseNetwork,
    AbstractNetwork,
    MultilayerPerceptron,
    Path,
    SingleUnit,
    decide,
)
from sgtheory.neurons import Perceptron, PerceptronParameters
from sgtheory.rules import Detached, Surrogate
from sgtheory.surrogates import ALL_SURROGATES, Matched, SigmoidDerivative

DRAWS = 10_000
STEEPNESS, THRESHOLD = 2.0, 0.3
INPUTS = jnp.array([2.0, -3.0])
WEIGHTS = [0.3, -0.2]
PARAMETERS = PerceptronParameters(WEIGHTS, 0.1)
KEY = jax.random.key(0)
DISTANCES = (-0.6, -0.2, 0.3, 0.9)
"""The working points: distances to threshold, reached by the bias; probabilities from 0.1 to 0.998."""
STRETCH = np.append(np.asarray(INPUTS), 1.0)
"""Derivatives of the distance with respect to the weights and the bias."""
NOISES = [Sigmoid, ErrorFunction, FastSigmoid, Arctan, ExponentialHazard]
OTHER = MethodSetting(surrogate_steepness=15.0, step=0.75, temperature=0.75)
ESTIMATORS = {label: method() for label, method in METHODS.items()}

pytestmark = pytest.mark.usefixtures("quick_compilation")
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
every_surrogate = pytest.mark.parametrize("kind", ALL_SURROGATES.values(), ids=ALL_SURROGATES)


def laboratory_of(wanted):
    """For tests of those methods alone whose estimator is as `wanted`."""
    labels = [label for label, estimator in ESTIMATORS.items() if wanted(estimator)]
    return pytest.mark.parametrize("laboratory", labels, indirect=True)


class Curved(eqx.Module):
    """A loss of all outputs, affine in them if `curvature` is 0."""

    curvature: jax.Array

    def __call__(self, output):
        first, last = jnp.ravel(output)[0], jnp.ravel(output)[-1]
        return 2 * first - 0.5 * last + 1 + self.curvature * jnp.exp(2 * first - 0.7 * last)


LOSSES = {Losses.AFFINE: Curved(jnp.array(0.0)), Losses.ANY: Curved(jnp.array(1.0))}
"""The least claim that covers a loss, and the loss."""


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
@functools.partial(jax.jit, static_argnums=0)
def switch(method, kind, steepness, distance):
    """A method of the noise `NOISES[kind]`. It is differentiated inside its branch, which is little to compile."""
    branches = [lambda s, u, noise=noise: getattr(noise(s), method)(u) for noise in NOISES]
    return jax.lax.switch(kind, branches, steepness, distance)


@switch.defjvp
@functools.partial(jax.jit, static_argnums=0)
def switch_jvp(method, primals, tangents):
    def branch(noise):
        return lambda s, u: jax.jvp(getattr(noise(s), method), (u,), (jnp.ones_like(u),))

    kind, *arguments = primals
    value, slope = jax.lax.switch(kind, [branch(noise) for noise in NOISES], *arguments)
    return value, slope * tangents[2]


class AnyNoise(AbstractEscape):
    """The noise `NOISES[kind]`, with the kind as data: one compiled program serves them all."""

    kind: jax.Array
    steepness: jax.Array

    def probability(self, distance):
        return switch("probability", self.kind, self.steepness, distance)

    def slope(self, distance):
        return switch("slope", self.kind, self.steepness, distance)

    def log_probability(self, distance):
        return switch("log_probability", self.kind, self.steepness, distance)

    def log_silence(self, distance):
        return switch("log_silence", self.kind, self.steepness, distance)


def unit(escape):
    return SingleUnit(Perceptron(escape, THRESHOLD))


@functools.cache
def at_distances(distances):
    """Parameters that bring the unit to these distances, one set after the other."""
    biases = np.asarray(distances) + THRESHOLD - float(np.dot(WEIGHTS, INPUTS))
    return [PerceptronParameters(WEIGHTS, bias) for bias in biases]


class Laboratory:
    """One method, compiled once for one unit with any noise, and once for a chain. It counts its traces."""

    def __init__(self, method, quick_jit):
        self.method, self.estimator, self.traces, self.results = method, method(), 0, {}

        def evaluate(estimator, loss, network, point, inputs, draws):
            self.traces += 1

            def one(draw):
                estimate = estimator.evaluate(loss, network, point, inputs, draw)
                assert shaped_like(estimate, point)
                return flat(estimate)

            return jax.vmap(one)(draws)

        self._evaluate = quick_jit(evaluate)

    def run(self, network, points, inputs, setting=None, seed=0):
        """Estimates of shape (losses, working points, draws, parameters)."""
        estimator = self.estimator if setting is None else self.method(setting)
        keys = jax.random.split(jax.random.key(seed), DRAWS)
        draws = jax.vmap(lambda key: estimator.draw(network, inputs, key=key))(keys)
        if not jax.tree.leaves(draws):  # nothing is random: two draws are as good as many
            draws = jnp.zeros(2)
        return for_both_losses(lambda loss, p: self._evaluate(estimator, loss, network, p, inputs, draws), points)

    def run_unit(self, noise, steepness=STEEPNESS, distances=DISTANCES, inputs=INPUTS, **options):
        network = unit(AnyNoise(jnp.array(NOISES.index(noise)), jnp.array(steepness)))
        return self.run(network, at_distances(distances), inputs, **options)

    def result(self, noise):
        """Those of one unit, computed once."""
        if noise not in self.results:
            self.results[noise] = self.run_unit(noise)
        return self.results[noise]


def shaped_like(estimate, parameters):
    """Whether it is the same pytree, with arrays of the same shapes and dtypes."""
    of_estimate, of_parameters = (
        jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), t) for t in (estimate, parameters)
    )
    return of_estimate == of_parameters


def flat(tree):
    return ravel_pytree(tree)[0]


def for_both_losses(function, points):
    """What a compiled function of loss and parameters gives for both losses and all working points."""
    return np.array([[function(loss, point) for point in points] for loss in LOSSES.values()])


@pytest.fixture(scope="module")
def laboratories(quick_jit):
    return {label: Laboratory(method, quick_jit) for label, method in METHODS.items()}


@pytest.fixture(scope="module", params=METHODS)
def laboratory(request, laboratories):
    yield laboratories[request.param]
    laboratories[request.param].results.clear()


@pytest.fixture(params=NOISES, ids=lambda noise: noise.__name__)
def noise(request):
    return request.param


def truth_of(noise, steepness=STEEPNESS):
    """The exact gradients of one unit in closed form: shape (losses, working points, parameters)."""
    slope = np.asarray(noise(steepness).slope(jnp.asarray(DISTANCES)))
    return jumps()[:, None, None] * slope[:, None] * STRETCH


def jumps():
    """What a spike of one unit adds to each loss."""
    return np.array([float(loss(1.0) - loss(0.0)) for loss in LOSSES.values()])


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


# The registry


def test_every_exported_estimator_is_registered_or_the_open_form(exported_members):
    registered = {type(estimator) for estimator in ESTIMATORS.values()}
    # Learning forward in time is a surrogate gradient by another route, for clocked networks alone; the eligibility rule is
    # no gradient, for two layers and one loss alone.
    assert exported_members(package, AbstractGradientEstimator) == registered | {
        RuleGradient,
        RealTimeRecurrentLearning,
        EligibilityRule,
    }


def test_labels_short_names_and_marks_tell_all_methods_apart():
    assert [method.label for method in METHODS.values()] == list(METHODS)
    for names in zip(*((method.label, method.short, method.mark) for method in METHODS.values()), strict=True):
        assert len(set(names)) == len(METHODS)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_is_built_of_traced_numbers_and_leaves_nothing_in_the_program(method):
    def built(numbers):
        return eqx.filter(method(numbers), eqx.is_array)

    assert jax.make_jaxpr(built)(OTHER).eqns == []
    assert jax.tree.structure(built(OTHER)) == jax.tree.structure(built(MethodSetting()))


@every_estimator
def test_every_estimate_begins_with_the_same_checks(estimator):
    assert type(estimator).estimate is AbstractGradientEstimator.estimate


# The contract


@every_estimator
def test_an_estimate_is_shaped_like_the_parameters_in_single_precision(estimator):
    network = unit(Sigmoid(STEEPNESS))
    point, inputs, loss = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (PARAMETERS, INPUTS, LOSSES[Losses.ANY]))
    shapes = jax.eval_shape(lambda key: estimator.estimate(loss, network, point, inputs, key=key), KEY)
    assert shaped_like(shapes, point)


def test_estimates_are_finite_even_of_a_saturated_unit(laboratory, noise):
    assert np.all(np.isfinite(laboratory.result(noise)))
    assert np.all(np.isfinite(laboratory.run_unit(noise, distances=(-1e5, -500.0, 500.0, 1e5))))


def test_changed_numbers_compile_nothing_and_a_key_gives_the_same_draws_again(laboratory):
    first, traces = laboratory.result(Sigmoid), laboratory.traces
    changed = {"steepness": 3.0, "distances": (-0.5, -0.1, 0.4, 1.0), "inputs": 2 * INPUTS}
    assert laboratory.run_unit(Arctan, **changed, setting=OTHER, seed=1).shape == first.shape
    np.testing.assert_array_equal(laboratory.run_unit(Sigmoid), first)
    assert laboratory.traces == traces


def test_the_mean_is_the_exact_gradient_of_one_unit_where_claimed_and_is_not_elsewhere(laboratory, noise):
    claimed = laboratory.estimator.claim.on(unit(noise(STEEPNESS)), INPUTS)
    for least_claim, draws, truth in zip(LOSSES, laboratory.result(noise), truth_of(noise), strict=True):
        check = hold_to if claimed in (Losses.ANY, least_claim) else find_bias
        check(draws, truth)


@laboratory_of(lambda estimator: estimator.claim.noise is not None)
def test_a_claim_for_one_noise_holds_on_it(laboratory):
    noise = laboratory.estimator.claim.noise
    assert laboratory.estimator.claim.on(unit(noise), INPUTS) is Losses.AFFINE
    affine, curved = laboratory.run_unit(type(noise), float(noise.steepness))
    truth = truth_of(type(noise), float(noise.steepness))
    hold_to(affine, truth[0])
    find_bias(curved, truth[1])


@pytest.mark.parametrize(
    "laboratory", {type(each).draw: label for label, each in ESTIMATORS.items()}.values(), indirect=True
)
def test_many_draws_at_once_are_single_draws_of_split_keys(laboratory, quick_jit):
    parameters = at_distances(DISTANCES)[0]
    problem = LOSSES[Losses.ANY], unit(Sigmoid(STEEPNESS)), parameters, INPUTS
    sample = quick_jit(lambda key: sample_gradients(laboratory.estimator, *problem, draws=DRAWS, key=key))
    many = sample(jax.random.key(0))
    together = np.column_stack([many.weights, many.bias])
    single = laboratory.result(Sigmoid)[1, 0]
    np.testing.assert_allclose(together[: len(single)], single, rtol=1e-12, atol=1e-13)


class WrongScoreFunction(AbstractGradientEstimator):
    """The score function with log p where log(1 − p) belongs."""

    claim = ScoreFunction().claim

    def evaluate(self, loss, network, parameters, inputs, noise):
        def surrogate_loss(p):
            path = network.run(p, inputs, noise)
            score = network.escape_of(0).log_probability(path.decisions[0].distance)
            return jax.lax.stop_gradient(loss(path.output)) * score

        return jax.grad(surrogate_loss)(parameters)


def test_the_contract_notices_a_wrong_score(quick_jit):
    wrong = Laboratory(WrongScoreFunction, quick_jit)
    for draws, truth in zip(wrong.result(Sigmoid), truth_of(Sigmoid), strict=True):
        with pytest.raises(AssertionError):
            hold_to(draws, truth)


# Decisions that depend on one another

CHAIN = MultilayerPerceptron((2, 2, 2), (Sigmoid(1.5), Sigmoid(2.5)), thresholds=(jnp.array([0.1, -0.2]), 0.0))
CHAIN_INPUTS = jnp.array([1.0, -0.5])


@functools.cache
def chain_points():
    several = [CHAIN.random_parameters(jax.random.key(seed), spread=1.5) for seed in (3, 4)]
    return [jax.tree.map(lambda leaf: leaf + 0.1, point) for point in several]


@pytest.fixture(scope="module")
def chain_exact(quick_jit):
    exact = quick_jit(lambda loss, point: flat(exact_gradient(loss, CHAIN, point, CHAIN_INPUTS)))
    return for_both_losses(exact, chain_points())


def test_the_mean_is_the_exact_gradient_of_a_chain_where_claimed_and_is_not_elsewhere(
    laboratory, quick_jit, chain_exact
):
    def mean(loss, point):
        return expected_gradient(laboratory.estimator, loss, CHAIN, point, CHAIN_INPUTS)

    draws = laboratory.run(CHAIN, chain_points(), CHAIN_INPUTS)
    claimed, has_closed_form = laboratory.estimator.claim.on(CHAIN, CHAIN_INPUTS), laboratory.method.closed_form
    if has_closed_form:
        expected = for_both_losses(quick_jit(lambda *problem: flat(mean(*problem))), chain_points())
        hold_to(draws, expected)
    else:
        assert mean(LOSSES[Losses.ANY], chain_points()[0]) is None
    for place, least_claim in enumerate(LOSSES):
        if claimed in (Losses.ANY, least_claim):
            hold_to(draws[place], chain_exact[place])
        elif has_closed_form:  # the same bias without the noise, beneath which it may lie
            assert np.max(np.abs(expected[place] - chain_exact[place])) > 1e-3
        else:
            find_bias(draws[place], chain_exact[place])


def test_changed_numbers_of_a_chain_compile_nothing(laboratory):
    laboratory.run(CHAIN, chain_points()[:1], CHAIN_INPUTS)
    traces = laboratory.traces
    network = eqx.tree_at(lambda chain: chain.escapes, CHAIN, (Sigmoid(1.0), Sigmoid(0.5)))
    points = jax.tree.map(lambda leaf: 1.1 * leaf, chain_points()[:1])
    assert np.all(np.isfinite(laboratory.run(network, points, 1.1 * CHAIN_INPUTS, setting=OTHER, seed=1)))
    assert laboratory.traces == traces


# Claims


def claim_on_unit(estimator, escape):
    return estimator.claim.on(unit(escape), INPUTS)


@pytest.mark.parametrize("kind", ALL_ESCAPES.values(), ids=ALL_ESCAPES)
def test_a_surrogate_that_matches_one_noise_claims_what_the_matched_one_claims(kind, build):
    escape, network = build(kind), MultilayerPerceptron((2, 1), build(kind))
    matched = SurrogateGradient(Matched(escape))
    assert claim_on_unit(matched, escape) is claim_on_unit(SurrogateGradient(), escape) is Losses.AFFINE
    assert matched.claim.on(network, INPUTS) is Losses.AFFINE
    for other in ALL_ESCAPES.values():
        if other is not kind:
            assert claim_on_unit(matched, build(other)) is Losses.NONE
            assert claim_on_unit(SurrogateGradient(), build(other)) is Losses.AFFINE
    if jax.tree.leaves(escape):
        assert claim_on_unit(matched, build(kind, 2.5)) is Losses.NONE


@every_surrogate
def test_a_surrogate_claims_something_on_the_noise_that_it_matches_alone(kind, build):
    estimator = SurrogateGradient(build(kind))
    noise = build(kind).matches()
    assert (noise is None) == (estimator.claim.losses is Losses.NONE)
    for escape in map(build, ALL_ESCAPES.values()):
        assert (claim_on_unit(estimator, escape) is Losses.AFFINE) == (
            noise is not None and type(escape) is type(noise)
        )
    if noise is not None:
        assert claim_on_unit(SurrogateGradient(build(kind, 2.5)), noise) is Losses.NONE


def test_no_surrogate_claims_anything_on_a_chain_and_a_claim_is_for_all_layers():
    chain, mixed = (MultilayerPerceptron((2, 3, 1), noise) for noise in (Sigmoid(2.0), (Sigmoid(2.0), Arctan(2.0))))
    for estimator in (
        SurrogateGradient(),
        SurrogateGradient(Matched(Sigmoid(2.0))),
        SurrogateGradient(SigmoidDerivative(2.0)),
    ):
        assert estimator.claim.on(chain, INPUTS) is Losses.NONE
    everywhere = Claim(Losses.AFFINE, chained=True, noise=Sigmoid(2.0))
    assert everywhere.on(chain, INPUTS) is Losses.AFFINE
    assert everywhere.on(mixed, INPUTS) is Losses.NONE


def test_a_noise_that_is_only_known_when_the_program_runs_is_not_claimed():
    def claims(steepness):
        matched, own = SurrogateGradient(SigmoidDerivative(steepness)), SurrogateGradient()
        assert claim_on_unit(matched, Sigmoid(steepness)) is claim_on_unit(matched, Sigmoid(2.0)) is Losses.NONE
        assert claim_on_unit(own, Sigmoid(steepness)) is Losses.AFFINE
        return steepness

    jax.eval_shape(claims, 2.0)


# The exact expectation


def test_the_expectation_is_the_closed_form(quick_jit):
    network = unit(Sigmoid(STEEPNESS))
    probability = network.unit.escape.probability(network.unit.distance(PARAMETERS, INPUTS))
    value = quick_jit(expectation)(jnp.exp, network, PARAMETERS, INPUTS)
    np.testing.assert_allclose(value, 1 + (np.e - 1) * probability)


# Finite differences


@laboratory_of(lambda estimator: isinstance(estimator, FiniteDifference))
def test_finite_differences_have_the_mean_of_the_exact_difference(laboratory, noise):
    step = float(laboratory.estimator.step)
    shifted = np.asarray(DISTANCES)[:, None] + np.multiply.outer([0.5, -0.5], step * STRETCH)[:, None, :]
    above, below = np.asarray(noise(STEEPNESS).probability(jnp.asarray(shifted)))
    for jump, draws in zip(jumps(), laboratory.result(noise), strict=True):
        hold_to(draws, jump * (above - below) / step)


@pytest.mark.parametrize(("coupled", "power", "tolerance"), [(False, -2.0, 0.05), (True, -1.0, 0.1)])
def test_the_variance_of_finite_differences_grows_with_its_law(coupled, power, tolerance, quick_jit):
    steps = jnp.logspace(-2, -0.5, 7)

    @quick_jit
    def variances(steps):
        def variance(step):
            problem = jnp.sum, unit(Sigmoid(STEEPNESS)), PerceptronParameters([0.5], 0.1), jnp.ones(1)
            estimator = FiniteDifference(step, coupled)
            keys = jax.random.split(jax.random.key(3), 100_000)
            draws = jax.vmap(lambda key: estimator.evaluate(*problem, estimator.draw(*problem[1::2], key=key)))(keys)
            return jnp.var(draws.bias, ddof=1)

        return jax.lax.map(variance, steps)

    slope = np.polyfit(np.log(steps), np.log(variances(steps)), 1)[0]
    assert abs(slope - power) < tolerance


# Baselines


@pytest.fixture(scope="module")
def baselines(quick_jit):
    """The best one and the mean for one unit whose loss is its spike, at all working points."""

    @quick_jit
    def both(escape, parameters):
        problem = jnp.sum, unit(escape), parameters, INPUTS
        return optimal_baseline(*problem), mean_baseline(*problem)

    return lambda escape: zip(*(both(escape, parameters) for parameters in at_distances(DISTANCES)), strict=True)


def test_the_best_baseline_of_one_unit_is_the_probability_of_silence(noise, baselines):
    best, mean = baselines(AnyNoise(jnp.array(NOISES.index(noise)), jnp.array(STEEPNESS)))
    probability = noise(STEEPNESS).probability(jnp.asarray(DISTANCES))
    np.testing.assert_allclose(best, 1 - probability, rtol=1e-12)
    np.testing.assert_allclose(mean, probability, rtol=1e-12)


@laboratory_of(lambda estimator: getattr(estimator, "baseline", None) is optimal_baseline)
def test_the_best_baseline_of_one_unit_leaves_no_variance(laboratory, noise):
    draws = laboratory.result(noise)
    np.testing.assert_allclose(draws, np.broadcast_to(draws[:, :, :1], draws.shape), rtol=1e-12)


def test_a_unit_that_cannot_change_its_mind_has_a_baseline_all_the_same(quick_jit):
    # At a hazard of e^600 the score of a silence is too large to be squared, and its probability is 0.
    @quick_jit
    def best(bias):
        network = unit(ExponentialHazard(STEEPNESS))
        return optimal_baseline(jnp.sum, network, PerceptronParameters(WEIGHTS, bias), INPUTS)

    assert best(300.0) == 0.0


# Refusals

PROBLEM = unit(Sigmoid(STEEPNESS)), PARAMETERS, INPUTS


class Line(AbstractNetwork):
    """A network that decides nothing."""

    def draw(self, inputs, *, key):
        return ()

    def run(self, parameters, inputs, noise):
        return Path(parameters["slope"] * inputs)


class Coin(AbstractEscapeNoiseNetwork):
    """A decision that no parameter moves."""

    def sites(self, inputs):
        return ((),)

    def escape_of(self, layer):
        return Sigmoid(STEEPNESS)

    def __call__(self, parameters, inputs, noise, rule):
        decision = decide(rule, self.escape_of(0), jnp.sum(inputs), noise[0])
        return Path(decision.spike, (decision,))


def trace(estimator, loss, network, parameters, inputs):
    """An estimate, traced but not computed."""
    return jax.eval_shape(lambda key: estimator.estimate(loss, network, parameters, inputs, key=key), KEY)


@every_estimator
def test_a_loss_of_several_numbers_is_refused(estimator):
    with pytest.raises(ValueError, match=r"`loss` must give one number, got the shape \(2,\)\. Sum or average"):
        trace(estimator, lambda y: jnp.stack([y, y]), *PROBLEM)


@every_estimator
def test_a_network_of_a_kind_that_it_does_not_take_is_refused(estimator):
    problem = jnp.sum, Line(), {"slope": jnp.array(2.0)}, jnp.array(0.5)
    if isinstance(Line(), estimator.takes):
        assert trace(estimator, *problem)["slope"].shape == ()
    else:
        with pytest.raises(
            TypeError, match=r"`network` must be one that decides by a spike rule here, got Line\(\)\. T"
        ):
            trace(estimator, *problem)


@every_estimator
@pytest.mark.usefixtures("annotations_off")
def test_what_is_no_network_is_refused(estimator):
    with pytest.raises(
        TypeError, match=r"`network` must be of the family AbstractNetwork, got 'unit'\. Take `SingleUnit"
    ):
        trace(estimator, jnp.sum, "unit", *PROBLEM[1:])


@every_estimator
def test_parameters_without_an_array_are_refused(estimator):
    with pytest.raises(
        ValueError, match=r"`parameters` must hold an array of real numbers .*, got {'slope': 0\.5}\. G"
    ):
        trace(estimator, jnp.sum, Coin(), {"slope": 0.5}, INPUTS)


@every_estimator
def test_inputs_that_are_not_finite_are_refused_at_once(estimator):
    with pytest.raises(ValueError, match=r"`inputs` must be finite, got .*nan.*Remove or replace the entries"):
        estimator.estimate(jnp.exp, *PROBLEM[:2], jnp.array([1.0, np.nan]), key=KEY)


def test_inputs_that_are_not_finite_are_refused_inside_compiled_code(quick_jit):
    @quick_jit
    def estimate(inputs):
        return SurrogateGradient().estimate(jnp.exp, *PROBLEM[:2], inputs, key=KEY).bias

    assert np.isfinite(estimate(INPUTS))
    with pytest.raises(eqx.EquinoxRuntimeError, match=r"`inputs` must be finite\. Remove or replace the entries"):
        estimate(jnp.array([1.0, np.inf]))
    with pytest.raises(ValueError, match=r"`inputs` must be finite, got \[ 1\. inf\]\."):
        sample_gradients(SurrogateGradient(), jnp.exp, *PROBLEM[:2], jnp.array([1.0, np.inf]), draws=2, key=KEY)


def test_a_traced_number_of_a_network_is_refused_where_an_estimate_begins(quick_jit):
    @quick_jit
    def estimate(steepness, threshold):
        network = SingleUnit(Perceptron(Sigmoid(steepness), threshold))
        return ScoreFunction().estimate(jnp.exp, network, *PROBLEM[1:], key=KEY).bias

    assert np.isfinite(estimate(jnp.array(2.0), jnp.array(0.3)))
    for steepness in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(
            eqx.EquinoxRuntimeError,
            match=r"`steepness` must be positive and finite\. For the noiseless limit use `Hard",
        ):
            estimate(jnp.array(steepness), jnp.array(0.3))
    with pytest.raises(eqx.EquinoxRuntimeError, match="`threshold` must be finite"):
        estimate(jnp.array(2.0), jnp.array(np.inf))


def test_a_traced_number_of_a_loss_is_refused_where_an_estimate_begins(quick_jit):
    @quick_jit
    def estimate(target):
        return ScoreFunction().estimate(SquaredDistance(target), *PROBLEM, key=KEY).bias

    assert np.isfinite(estimate(jnp.array(0.5)))
    with pytest.raises(eqx.EquinoxRuntimeError, match=r"`target` must be finite\. Remove or replace the entries"):
        estimate(jnp.array(np.nan))


def numbers_of(method):
    """The numbers that a method is built of."""
    probes = {name: MethodSetting()._replace(**{name: 77.0}) for name in MethodSetting._fields}
    return [name for name, setting in probes.items() if not eqx.tree_equal(method(setting), method())]


@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method in METHODS.values() for name in numbers_of(method)]
)
def test_a_traced_number_of_a_method_is_refused_where_an_estimate_begins(method, name, quick_jit):
    @quick_jit
    def estimate(number):
        estimator = method(MethodSetting()._replace(**{name: number}))
        return estimator.estimate(jnp.exp, *PROBLEM, key=KEY).bias

    assert np.isfinite(estimate(jnp.array(0.5)))
    with pytest.raises(eqx.EquinoxRuntimeError, match=rf"`{name.rpartition('_')[2]}` must be positive and finite\."):
        estimate(jnp.array(-1.0))
    with pytest.raises(ValueError, match=rf"`{name.rpartition('_')[2]}` must be positive and finite, got -1"):
        method(MethodSetting()._replace(**{name: -1.0}))


@pytest.mark.parametrize("draws", [0, -1])
def test_fewer_than_one_draw_is_refused(draws):
    with pytest.raises(ValueError, match=f"`draws` must be at least 1, got {draws}. Ask for 1000"):
        sample_gradients(StochasticTriple(), jnp.exp, *PROBLEM, draws=draws, key=KEY)


def test_a_batch_of_fewer_than_one_draw_is_refused():
    with pytest.raises(ValueError, match=r"`batch_size` must be at least 1, got 0\. Take 100"):
        sample_gradients(StochasticTriple(), jnp.exp, *PROBLEM, draws=2, key=KEY, batch_size=0)


def test_noise_of_the_wrong_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"`noise` must be a tuple with one array a layer, of the shapes \(\(\),\), got"
    ):
        SurrogateGradient().evaluate(jnp.exp, *PROBLEM, (jnp.zeros(2),))


def test_a_network_too_large_to_enumerate_is_refused():
    with pytest.raises(ValueError, match="`network` must have at most 0 decisions to be enumerated, got 1, that is 2"):
        expectation(jnp.exp, *PROBLEM, max_decisions=0)
    with pytest.raises(ValueError, match="Take a smaller network, or raise `max_decisions`"):
        ExactGradient(max_decisions=0).estimate(jnp.exp, *PROBLEM, key=KEY)


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
    with pytest.raises(
        TypeError, match=r"`side` must be of the family AbstractSmoothed, got Detached\(\)\. Take `Smoo"
    ):
        SmoothedDerivative(Detached())
    with pytest.raises(TypeError, match=r"`backward` must be of the family AbstractBackward, got 1\.0\. Take `Surro"):
        StraightThrough(1.0)
    with pytest.raises(TypeError, match="`forward` must be of the family AbstractForward, got Surrogate"):
        SurrogateGradient(forward=Surrogate())
    with pytest.raises(
        TypeError, match=r"`derivative` must be of the family AbstractSurrogate, got the escape noise Sig"
    ):
        SurrogateGradient(Sigmoid(2.0))
