"""The root carries all theories: a LIF network, spike times, a stochastic differential equation, each in a few lines.

Each toy is written on the public API alone, and meets every estimator that applies to it: unbiased where its claim says
so, biased where theory says that. Then what training rests on: the gradient of a mean is the mean of the gradients.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg
from sgtheory._arrays import Scalar
from sgtheory._checks import positive
from sgtheory.gradients import Losses
from sgtheory.gradients.programs import Perturbed, random_walk
from sgtheory.methods import MethodSetting, methods_for

pytestmark = pytest.mark.usefixtures("quick_compilation")
KEY = jax.random.key(3)


class LIF(sg.AbstractEscapeNoiseNetwork):
    """One leaky integrate-and-fire neuron with escape noise; inputs are spikes, one a step, and so is the output."""

    escape: sg.AbstractEscape

    def sites(self, inputs):
        return (inputs.shape,)

    def escape_of(self, layer):
        return self.escape

    def __call__(self, weight, inputs, noise, rule):
        rule = sg.rule_of(rule, 0, 1)

        def step(state, now):
            potential, fired = state
            potential = (0.9 * potential + weight * now[0]) * (1 - rule.for_reset(fired))
            decision = sg.decide(rule, self.escape, potential - 1, now[1])
            return (potential, decision.spike), decision

        zero = jnp.zeros_like(weight)
        _, decisions = jax.lax.scan(step, (zero, zero), (self.as_inputs(inputs), noise[0]))
        return sg.Path(decisions.spike, (decisions,))


class SpikeTimes(sg.AbstractNetwork):
    """Two QIF neurons, one driving the other; each starts at minus infinity. The output are their spike times."""

    continuous = True

    def draw(self, inputs, *, key):
        return ()

    def run(self, weights, inputs, noise):
        first = jnp.pi / jnp.sqrt(weights[0] * inputs)  # dV/dt = V² + I spikes after π/√I
        before = jnp.arctan(jnp.tan(first - jnp.pi / 2))  # the phase of the second, whose I is 1, when the spike comes
        return sg.Path(jnp.stack([first, first + jnp.pi / 2 - jnp.arctan(jnp.tan(before) + weights[1])]))


class OrnsteinUhlenbeck(sg.AbstractNetwork):
    """dX = (θ − X) dt + ½ dW in 64 steps to T = 1; the noise are increments, the output X(T)."""

    continuous = True

    def draw(self, inputs, *, key):
        return jax.random.normal(key, (64,)) / 8

    def run(self, drift, inputs, noise):
        return sg.Path(jax.lax.scan(lambda x, dw: (x + (drift - x) / 64 + 0.5 * dw, None), inputs, noise)[0])


PROBLEMS = {
    "LIF": sg.Problem(jnp.sum, LIF(sg.Sigmoid(3.0)), jnp.array(0.8), [1, 0, 1, 1, 0, 1]),
    "spike times": sg.Problem(lambda t: t[1] - t[0], SpikeTimes(), jnp.array([2.0, -0.7]), 1.5),
    "SDE": sg.Problem(lambda x: x**2, OrnsteinUhlenbeck(), jnp.array(0.7), 0.2),
}
DECAY = (1 - 1 / 64) ** 64
EXACT = {"SDE": jnp.array(2 * (0.7 * (1 - DECAY) + 0.2 * DECAY) * (1 - DECAY))}
"""Where it can be neither enumerated nor differentiated: E[X(T)] = θ(1 − D) + x₀D, and noise does not depend on θ."""
APPLICABLE = [(toy, label) for toy, problem in PROBLEMS.items() for label in methods_for(problem.network)]


@pytest.fixture(scope="module")
def found(quick_jit):
    @quick_jit
    def compared(problem, methods, exact):
        return sg.compare(methods, *problem, exact=exact, draws=20_000, key=KEY)

    return {toy: compared(each, methods_for(each.network), EXACT.get(toy)) for toy, each in PROBLEMS.items()}


@pytest.mark.parametrize(("toy", "label"), APPLICABLE)
def test_an_estimator_is_unbiased_on_a_toy_where_it_claims_so_and_biased_elsewhere(found, toy, label):
    estimator, problem = methods_for(PROBLEMS[toy].network)[label], PROBLEMS[toy]
    comparison = found[toy][label]
    if isinstance(estimator, sg.FiniteDifference):  # its bias of order step² may lie beneath its noise
        assert np.all(np.abs(comparison.bias) < 4.5 * comparison.standard_error + 0.1 * np.abs(comparison.exact))
        return
    # The sum of spikes is affine in them, so that the weaker claim covers it.
    claimed = estimator.claim.on(problem.network, problem.inputs) is not Losses.NONE
    assert bool(jnp.any(comparison.biased())) != claimed


def test_what_applies_is_what_takes_the_network():
    counts = {toy: sum(each == toy for each, _ in APPLICABLE) for toy in PROBLEMS}
    assert counts["LIF"] == len(sg.METHODS)
    assert counts["spike times"] == counts["SDE"] == 3  # pathwise and both finite differences


def test_the_expectation_of_the_lif_is_that_of_all_its_paths():
    loss, network, weight, inputs = PROBLEMS["LIF"]
    paths = sg.enumerate_paths(loss, network, weight, inputs)
    np.testing.assert_allclose(paths.probability.sum(), 1, rtol=1e-13)
    np.testing.assert_allclose(
        sg.expectation(loss, network, weight, inputs), paths.probability @ paths.loss, rtol=1e-13
    )
    difference = sg.FiniteDifference(1e-4)
    ends = [sg.expectation(loss, network, weight + side * 5e-5, inputs) for side in (1, -1)]
    exact = sg.ExactGradient().estimate(*PROBLEMS["LIF"], key=KEY)
    np.testing.assert_allclose((ends[0] - ends[1]) / difference.step, exact, rtol=1e-7)


def test_whether_the_gradient_passes_the_reset_is_the_rules():
    loss, network, weight, inputs = PROBLEMS["LIF"]
    noise = network.draw(inputs, key=KEY)

    def surrogate(through_reset):
        return sg.SurrogateGradient(through_reset=through_reset).evaluate(loss, network, weight, inputs, noise)

    assert network.run(weight, inputs, noise).output[:-1].sum() > 0  # there is a reset to pass
    assert abs(surrogate(True) - surrogate(False)) > 1e-3
    rule = sg.SpikeRule(backward=sg.Surrogate(), through_reset=False)
    np.testing.assert_array_equal(
        sg.RuleGradient(rule).evaluate(loss, network, weight, inputs, noise), surrogate(False)
    )


def test_the_pathwise_gradient_of_spike_times_is_the_difference_of_runs():
    exact = sg.PathwiseGradient().estimate(*PROBLEMS["spike times"], key=KEY)
    difference = sg.FiniteDifference(1e-4).estimate(*PROBLEMS["spike times"], key=KEY)
    np.testing.assert_allclose(difference, exact, rtol=1e-6)


def test_a_rule_gradient_does_not_take_a_network_without_a_rule():
    with pytest.raises(
        TypeError, match=r"`network` must be one that decides by a spike rule here, got OrnsteinUhl.*Path"
    ):
        sg.SurrogateGradient().estimate(*PROBLEMS["SDE"], key=KEY)
    with pytest.raises(
        ValueError, match=r"`exact` must be given for a network that cannot be enumerated, got Ornstein"
    ):
        sg.compare({"pathwise": sg.PathwiseGradient()}, *PROBLEMS["SDE"], draws=2, key=KEY)


# The gradient of a mean

BATCH = 7
LAYERED = sg.MultilayerPerceptron((2, 2, 1), sg.Sigmoid(2.0))
BATCHES = {
    "layers": (sg.Total(), LAYERED, LAYERED.random_parameters(KEY), jax.random.normal(KEY, (BATCH, 2))),
    "LIF": (*list(PROBLEMS["LIF"])[:3], jax.random.bernoulli(KEY, 0.6, (BATCH, 6)).astype(float)),
    "spike times": (*list(PROBLEMS["spike times"])[:3], jnp.linspace(1.5, 2.0, BATCH)),
    "SDE": (*list(PROBLEMS["SDE"])[:3], jnp.linspace(0.2, 0.7, BATCH)),
}


def back_propagating(network, all_of_them):
    """Labels of the methods with an objective; of those with the same one the first, where all need not be tried."""
    methods = {
        label: type(method).objective
        for label, method in methods_for(network).items()
        if isinstance(method, sg.AbstractDifferentiable)
    }
    firsts = {objective: label for label, objective in reversed(methods.items())}
    return list(methods) if all_of_them else list(firsts.values())


BACKPROPAGATING = [
    (name, label)
    for name, (_, network, _, _) in BATCHES.items()
    for label in back_propagating(network, all_of_them=name == "layers")
]


@pytest.mark.parametrize(("name", "label"), BACKPROPAGATING)
def test_the_gradient_of_the_mean_is_the_mean_of_the_estimates(name, label, quick_jit):
    loss, network, parameters, inputs = BATCHES[name]
    estimator = methods_for(network)[label]

    @quick_jit
    def both(parameters):
        def objective(p):
            return sg.mean_objective(estimator, loss, network, p, inputs, key=KEY)[0]

        def one(x, key):
            return estimator.evaluate(loss, network, parameters, x, estimator.draw(network, x, key=key))

        apart = jax.vmap(one)(inputs, jax.random.split(KEY, BATCH))
        return jax.grad(objective)(parameters), jax.tree.map(lambda leaf: leaf.mean(axis=0), apart)

    for of_mean, mean in zip(*map(jax.tree.leaves, both(parameters)), strict=True):
        np.testing.assert_allclose(of_mean, mean, rtol=1e-12, atol=1e-12)


def test_the_value_of_an_objective_is_the_loss():
    loss, network, weight, inputs = PROBLEMS["LIF"]
    noise = network.draw(inputs, key=KEY)
    for estimator in (sg.ScoreFunction(0.7), sg.SurrogateGradient()):
        value, path = estimator.objective(loss, network, weight, inputs, noise)
        assert value == loss(path.output) == loss(network.run(weight, inputs, noise).output)


def test_every_target_of_a_batch_belongs_to_its_input():
    network = sg.MultilayerPerceptron((2, 3, 2), sg.Sigmoid(2.0))
    parameters, inputs = network.random_parameters(KEY), jax.random.normal(KEY, (4, 2))
    targets = jax.random.normal(jax.random.key(5), (4, 2))
    problem = sg.SurrogateGradient(), sg.SquaredDistance(targets), network, parameters, inputs
    value, paths = sg.mean_objective(*problem, key=KEY, loss_axis=0)
    np.testing.assert_allclose(value, jnp.mean(jnp.sum((paths.output - targets) ** 2, axis=1)), rtol=1e-12)


# Triples where one parameter moves many decisions


class Walk(sg.AbstractEscapeNoiseNetwork):
    """A random walk from 0 as a network: a step down, of probability 1 − exp(−X/p), is a spike. The output is X²."""

    steps: int = eqx.field(static=True, default=50)

    def sites(self, inputs):
        return ((self.steps,),)

    def escape_of(self, layer):
        return sg.ExponentialHazard(1.0)

    def __call__(self, p, inputs, noise, rule):
        def step(x, uniform):
            distance = jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0) / p), -80.0)
            decision = sg.decide(rule, self.escape_of(0), distance, uniform)
            return x + 1 - 2 * decision.spike, decision

        x, decisions = jax.lax.scan(step, jnp.zeros_like(p), noise[0])
        return sg.Path(x**2, (decisions,))


def test_flips_that_merge_are_dropped_by_networks_as_by_programs():
    """Kept, they would raise the standard deviation of a draw by a quarter."""
    keys, p = jax.random.split(KEY, 4000), jnp.array(200.0)

    def by_program(key):
        return random_walk(Perturbed.start(p), key, 50).then(jnp.square).derivative()

    programs = jax.jit(jax.vmap(by_program))(keys)
    problem = lambda output: output, Walk(), p, ()
    for side in ("right", "two-sided"):
        draws = sg.sample_gradients(sg.StochasticTriple(side), *problem, draws=4000, key=KEY)
        difference, error = draws.mean() - programs.mean(), np.hypot(draws.std(), programs.std()) / 4000**0.5
        assert abs(difference) < 4.5 * error
        if side == "right":
            assert draws.std() < 1.1 * programs.std()


def test_a_traced_number_is_refused_also_where_there_are_no_inputs():
    class Threshold(Walk):
        threshold: Scalar = eqx.field(default=1.0, converter=positive("threshold", single=True))

    def estimate(threshold):
        problem = lambda output: output, Threshold(threshold=threshold), jnp.array(200.0), ()
        return sg.StochasticTriple().estimate(*problem, key=KEY)

    assert np.isfinite(eqx.filter_jit(estimate)(jnp.array(1.0)))
    with pytest.raises(eqx.EquinoxRuntimeError, match="`threshold` must be positive and finite"):
        jax.block_until_ready(eqx.filter_jit(estimate)(jnp.array(-1.0)))


# Parameters of any kind


class Driven(sg.AbstractEscapeNoiseNetwork):
    """Units whose distances to threshold a multilayer perceptron of Equinox gives, activation functions and all."""

    def sites(self, inputs):
        return ((2,),)

    def escape_of(self, layer):
        return sg.Sigmoid(2.0)

    @property
    def chained(self):
        return False

    def __call__(self, parameters, inputs, noise, rule):
        decision = sg.decide(sg.rule_of(rule, 0, 1), self.escape_of(0), parameters(self.as_inputs(inputs)), noise[0])
        return sg.Path(decision.spike, (decision,))


def test_parameters_may_hold_callables(quick_jit):
    perceptron = eqx.nn.MLP(in_size=2, out_size=2, width_size=3, depth=1, key=KEY)
    problem = sg.Problem(sg.Total(), Driven(), perceptron, [1.0, -0.5])
    methods = methods_for(problem.network, MethodSetting(surrogate_steepness=2.0))
    found = quick_jit(lambda *problem: sg.compare(methods, *problem, draws=4000, key=KEY))(*problem)
    size = sg.flatten_parameters(perceptron)[0].size
    for label, comparison in found.items():
        assert comparison.mean.shape == (size,)
        if methods[label].claim.on(problem.network, problem.inputs) is not Losses.NONE:
            assert not np.any(comparison.biased()), label
    trained = sg.SurrogateGradient().estimate(*problem, key=KEY)
    assert trained.activation is None
    assert eqx.apply_updates(perceptron, trained)(jnp.ones(2)).shape == (2,)


def test_parameters_without_a_real_array_are_refused():
    loss, network, _, inputs = PROBLEMS["LIF"]
    for estimator in (sg.SurrogateGradient(), sg.FiniteDifference(0.1), sg.ExactGradient(), sg.StochasticTriple()):
        with pytest.raises(ValueError, match=r"`parameters` must hold an array of real numbers .* got 0.8. Give `jnp"):
            estimator.estimate(loss, network, 0.8, inputs, key=KEY)
