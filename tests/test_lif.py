"""LIF networks: dynamics, and gradients by several routes."""

import itertools
import math

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import sgtheory as sg

RESETS = list(itertools.product(("zero", "subtractive"), ("next", "same")))
STEPS = 40


def neuron(**changes):
    return sg.LIF(sg.Sigmoid(10.0), **changes)


def network_of(kind, **changes):
    """A small network of each kind of layer."""
    options = {key: changes.pop(key) for key in ("checkpoint_every", "by_hand") if key in changes}
    unit = neuron(**changes)
    layers = {
        "dense": (sg.Dense(4, unit), sg.Dense(3, unit)),
        "recurrent": (sg.Dense(4, unit, recurrent=True), sg.Dense(2, unit, recurrent=True)),
        "convolution": (sg.Convolution(3, 3, unit, stride=2, padding=1, recurrent_width=3), sg.Dense(2, unit)),
    }[kind]
    return sg.ClockedNetwork((6,), layers, sg.LeakyReadout(2, 20.0, 5.0), **options)


def case(kind="dense", **changes):
    network = network_of(kind, **changes)
    parameters = network.random_parameters(jax.random.key(0), rate=200.0, share=0.8)
    parameters = jax.tree.map(lambda leaf: 1.5 * leaf, parameters)
    inputs = jax.random.bernoulli(jax.random.key(1), 0.25, (STEPS, 6))
    return network, parameters, inputs, network.draw(network.as_inputs(inputs), key=jax.random.key(2))


def loss(output):
    """Sees everything: all spikes, each at its own weight, and the read-out."""
    weighed = [jnp.sum(jnp.sin(jnp.arange(s.size)).reshape(s.shape) * s**2) for s in output.spikes]
    return sum(weighed) + jnp.sum(output.potential[-1] ** 2)


def gradient(network, parameters, inputs, noise, rule):
    return sg.RuleGradient(rule).evaluate(loss, network, parameters, inputs, noise)


def assert_same(first, second, rtol):
    largest = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(first))
    assert largest > 1e-3
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * largest), first, second)


# ---- the neuron ----


def test_the_impulse_response_is_a_difference_of_exponentials():
    unit = neuron()
    keep, keep_current = math.exp(-1 / 10), math.exp(-1 / 5)
    state = eqx.tree_at(lambda each: each.current, unit.rest((), float), jnp.array(1.0))
    potentials = []
    for _ in range(200):
        potentials.append(float(state.potential))
        state = unit.step(state, jnp.array(0.0), jnp.array(0.0))
    n = np.arange(200)
    expected = (1 - keep) * (keep_current**n - keep**n) / (keep_current - keep)
    np.testing.assert_allclose(potentials, expected, rtol=0, atol=1e-14)
    assert sum(potentials) == pytest.approx(1 / (1 - keep_current), rel=1e-8)


@pytest.mark.parametrize(("reset", "reset_step"), RESETS)
def test_what_a_reset_leaves(reset, reset_step):
    unit = neuron(reset=reset, reset_step=reset_step, threshold=0.8)
    state = sg.ClockedState(jnp.array(2.0), jnp.array(1.5))
    keep = math.exp(-1 / 10)
    left = {
        ("zero", "next"): 0.0,
        ("zero", "same"): (1 - keep) * 2.0,
        ("subtractive", "next"): keep * 1.5 + (1 - keep) * 2.0 - 0.8,
        ("subtractive", "same"): keep * (1.5 - 0.8) + (1 - keep) * 2.0,
    }[reset, reset_step]
    after = unit.step(state, jnp.array(1.0), jnp.array(0.3))
    assert float(after.potential) == pytest.approx(left, abs=1e-14)
    assert float(after.current) == pytest.approx(math.exp(-1 / 5) * 2.0 + 0.3, abs=1e-14)


def test_two_spikes_follow_one_another_only_after_a_reset_in_the_same_step():
    drive = jnp.full((60, 1), 40.0)
    for reset_step, adjacent in (("next", False), ("same", True)):
        network = sg.ClockedNetwork((1,), (sg.Dense(1, neuron(reset_step=reset_step)),))
        parameters = sg.ClockedParameters((sg.LayerParameters([[1.0]]),))
        noise = network.draw(drive, key=jax.random.key(0))
        spikes = network(parameters, drive, noise, sg.SpikeRule(sg.Threshold())).output.last[:, 0]
        assert bool(jnp.any(spikes[1:] * spikes[:-1] > 0)) == adjacent
        assert float(spikes.sum()) > 10


def test_nothing_is_emitted_while_a_neuron_is_refractory():
    network = sg.ClockedNetwork((1,), (sg.Dense(1, neuron(reset_step="same", refractory_steps=3)),))
    parameters = sg.ClockedParameters((sg.LayerParameters([[40.0]]),))
    inputs = jnp.ones((60, 1))
    noise = network.draw(inputs, key=jax.random.key(0))
    for forward in (sg.Threshold(), sg.Sample()):
        spikes = network(parameters, inputs, noise, sg.SpikeRule(forward)).output.last[:, 0]
        times = np.flatnonzero(np.asarray(spikes))
        assert len(times) > 8
        assert np.diff(times).min() == 4


def test_steep_escape_noise_gives_the_spikes_of_the_deterministic_network():
    network, parameters, inputs, noise = case()
    path = network(parameters, inputs, noise, sg.SpikeRule(sg.Threshold()))
    nearest = min(float(jnp.min(jnp.abs(decision.distance))) for decision in path.decisions)
    steep = sg.LIF(sg.Sigmoid(45.0 / nearest))
    other = eqx.tree_at(lambda n: [layer.neuron for layer in n.layers], network, [steep, steep])
    sampled = other.run(parameters, inputs, noise)
    for one, two in zip(path.output.spikes, sampled.output.spikes, strict=True):
        np.testing.assert_array_equal(one, two)


# ---- gradients ----

RULES = {
    "surrogate": sg.SpikeRule(backward=sg.Surrogate()),
    "unmatched": sg.SpikeRule(sg.Threshold(), sg.Surrogate(sg.SuperSpike(10.0))),
    "smoothed left": sg.SpikeRule(backward=sg.SmoothedLeft()),
    "detached reset": sg.SpikeRule(backward=sg.Surrogate(), through_reset=False),
}


@pytest.mark.parametrize("kind", ["dense", "recurrent", "convolution"])
@pytest.mark.parametrize(("reset", "reset_step"), RESETS)
def test_the_backward_pass_by_hand_is_that_of_automatic_differentiation(kind, reset, reset_step, quick_jit):
    network, *rest = case(kind, reset=reset, reset_step=reset_step)
    automatic = network_of(kind, reset=reset, reset_step=reset_step, by_hand=False)
    one, two = (
        quick_jit(lambda n, *r: [gradient(n, *r, rule) for rule in RULES.values()])(each, *rest)
        for each in (automatic, network)
    )
    for first, second in zip(one, two, strict=True):
        assert_same(first, second, 1e-12)
    assert len({float(each.layers[0].weights[0, 0].ravel()[0]) for each in two}) == len(RULES)


def test_forward_in_time_gives_the_same_gradient(quick_jit):
    for kind in ("recurrent", "convolution"):
        network, *rest = case(kind)
        for passes in (True, False):
            method = sg.SurrogateGradient(through_reset=passes)
            forward = quick_jit(sg.RealTimeRecurrentLearning(method).evaluate)(loss, network, *rest)
            assert_same(forward, method.evaluate(loss, network, *rest), 1e-12)


@pytest.mark.parametrize(("kind", "length"), [("dense", 7), ("recurrent", 10), ("convolution", 39), ("dense", 40)])
def test_pieces_of_time_change_nothing(kind, length, quick_jit):
    network, *rest = case(kind)
    pieces = network_of(kind, checkpoint_every=length)
    for rule in (RULES["surrogate"], sg.MeanField()):
        one, two = (quick_jit(lambda n, *r: gradient(n, *r, rule))(each, *rest) for each in (network, pieces))  # noqa: B023
        assert_same(one, two, 1e-12)


def test_the_reset_makes_a_difference_to_the_gradient_alone():
    network, *rest = case()
    through, detached = (network(*rest, RULES[each]) for each in ("surrogate", "detached reset"))
    jax.tree.map(np.testing.assert_array_equal, through.output, detached.output)
    first, second = (gradient(network, *rest, RULES[each]) for each in ("surrogate", "detached reset"))
    assert float(jnp.max(jnp.abs(first.layers[0].weights - second.layers[0].weights))) > 1e-3


@pytest.mark.parametrize("through_reset", [True, False])
def test_the_published_recursion_is_back_propagation_through_time(through_reset):
    """Eq. 15 and 16, written out for one neuron, one weight and the spike count."""
    beta, keep, keep_current, steps, weight = 10.0, math.exp(-1 / 10), math.exp(-1 / 5), 60, 4.0
    pre = np.asarray(jax.random.bernoulli(jax.random.key(5), 0.3, (steps, 1)))[:, 0].astype(float)
    network = sg.ClockedNetwork((1,), (sg.Dense(1, neuron()),))
    parameters = sg.ClockedParameters((sg.LayerParameters([[weight]]),))
    noise = network.draw(jnp.array(pre)[:, None], key=jax.random.key(6))
    current = potential = current_slope = potential_slope = total = 0.0
    for n in range(steps):
        p = 1 / (1 + math.exp(-beta * (potential - 1)))
        spike = float(noise[0][n, 0] < p)
        spike_slope = beta * p * (1 - p) * potential_slope
        total += spike_slope
        flow = keep * potential + (1 - keep) * current
        reset = flow * spike_slope if through_reset else 0.0
        potential_slope = (1 - spike) * (keep * potential_slope + (1 - keep) * current_slope) - reset
        potential = flow * (1 - spike)
        current_slope = keep_current * current_slope + pre[n]
        current = keep_current * current + weight * pre[n]
    estimate = sg.SurrogateGradient(through_reset=through_reset).evaluate(
        lambda out: jnp.sum(out.last), network, parameters, jnp.array(pre)[:, None], noise
    )
    assert float(estimate.layers[0].weights[0, 0]) == pytest.approx(total, rel=1e-12)
    assert abs(total) > 0.1


def test_the_mean_field_network_is_differentiated_truly_and_the_surrogate_is_no_derivative():
    network, parameters, inputs, noise = case()

    def value(rule):
        return lambda p: loss(network(jax.tree.map(jnp.asarray, p), inputs, noise, rule).output)

    check_grads(value(sg.MeanField()), (parameters,), order=1, modes=("rev",), rtol=1e-3, atol=1e-3, eps=1e-6)
    with pytest.raises(AssertionError):
        check_grads(value(RULES["surrogate"]), (parameters,), order=1, modes=("rev",), rtol=1e-2, atol=1e-2)


def test_learnt_time_constants_have_a_true_gradient():
    network, parameters, inputs, noise = case()
    constants = sg.TimeConstants(jnp.log(jnp.array([8.0, 9.0, 10.0, 12.0])), jnp.log(5.0))
    parameters = eqx.tree_at(
        lambda p: p.layers[0].time_constants, parameters, constants, is_leaf=lambda leaf: leaf is None
    )

    def value(p):
        return loss(network(jax.tree.map(jnp.asarray, p), inputs, noise, sg.MeanField()).output)

    check_grads(value, (parameters,), order=1, modes=("rev",), rtol=1e-3, atol=1e-3, eps=1e-6)
    found = gradient(network, parameters, inputs, noise, RULES["surrogate"]).layers[0].time_constants
    assert float(jnp.min(jnp.abs(found.log_membrane))) > 0


def test_a_compiled_a_batched_and_a_plain_run_give_the_same_spikes():
    network, parameters, inputs, noise = case("recurrent")
    plain = network.run(parameters, inputs, noise).output
    compiled = eqx.filter_jit(network.run)(parameters, inputs, noise).output
    twice = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), noise)
    batched = jax.vmap(lambda each: network.run(parameters, inputs, each).output.spikes)(twice)
    for one, two, three in zip(plain.spikes, compiled.spikes, batched, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three[1])


def test_the_published_convolutional_network_has_its_shapes_and_parameters():
    unit = neuron(membrane_time_constant=20.0, synaptic_time_constant=10.0, time_step=2.0)
    layers = (
        sg.Convolution(16, 21, unit, stride=10, recurrent_width=5),
        sg.Convolution(32, 7, unit, stride=3, recurrent_width=5),
        sg.Convolution(64, 7, unit, stride=3, recurrent_width=5),
    )
    network = sg.ClockedNetwork((700,), layers, sg.LeakyReadout(20, 700.0, 10.0, 2.0))
    assert network.unit_shapes == ((16, 68), (32, 21), (64, 5))
    parameters = network.random_parameters(jax.random.key(0), rate=15.8)
    assert sum(leaf.size for leaf in jax.tree.leaves(parameters)) == 51536


def test_fluctuation_driven_potentials_have_the_deviation_that_was_asked_for():
    unit = sg.LIF(sg.HardThreshold(), 10.0, 5.0, threshold=1e6, time_step=0.25)
    network = sg.ClockedNetwork((300,), (sg.Dense(80, unit),))
    parameters = network.random_parameters(jax.random.key(0), rate=50.0, deviation=0.7)
    inputs = jax.random.bernoulli(jax.random.key(1), 50.0 * 0.25e-3, (8000, 300))
    path = network(parameters, inputs, network.draw(inputs, key=jax.random.key(2)), sg.SpikeRule(sg.Threshold()))
    potentials = path.decisions[0].distance[400:] + 1e6
    assert float(jnp.sqrt(jnp.mean(jnp.var(potentials, axis=0)))) == pytest.approx(0.7, rel=0.05)


# ---- refusals ----

UNIT = neuron()
REFUSED = {
    "a negative time constant": (
        lambda: neuron(membrane_time_constant=-1.0),
        "`membrane_time_constant` must be positive",
    ),
    "one below the time step": (lambda: neuron(synaptic_time_constant=0.5), "at least the time step of 1 ms, got 0.5"),
    "another reset": (lambda: neuron(reset="soft"), '`reset` must be "zero" or "subtractive"'),
    "a refractory period that is no number": (lambda: neuron(refractory_steps=-1), "a whole number from 0, got -1"),
    "no units": (lambda: sg.Dense(0, UNIT), "`size` must be a whole number from 1, got 0"),
    "an even window": (lambda: sg.Convolution(3, 5, UNIT, recurrent_width=4), "`recurrent_width` must be odd"),
    "a wide window": (lambda: sg.ClockedNetwork((4,), (sg.Convolution(3, 5, UNIT),)), "`width` must not exceed"),
    "images": (lambda: sg.ClockedNetwork((2, 3, 4), (sg.Convolution(3, 2, UNIT),)), "channels and positions"),
    "no layers": (lambda: sg.ClockedNetwork((4,), ()), "at least one layer"),
    "pieces of no steps": (
        lambda: sg.ClockedNetwork((4,), (sg.Dense(1, UNIT),), checkpoint_every=0),
        "`checkpoint_every`",
    ),
    "a hasty read-out": (lambda: sg.LeakyReadout(3, 0.5), "at least the time step"),
    "a rise that is too long": (
        lambda: sg.VanRossumDistance([[1.0]], 5.0, 10.0),
        "`rise` must be shorter than the decay",
    ),
}


@pytest.mark.parametrize(("build", "sentence"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("annotations_off")
def test_what_makes_no_sense_is_refused_in_one_sentence(build, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        build()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (jnp.ones((20, 5)), r"must have the shape \(steps, 6\), got \(20, 5\)"),
        (jnp.ones((7, 20, 6)), "Take `jax.vmap` over a batch"),
        (jnp.ones((0, 6)), "Time is the first axis"),
        (3.0, "Time is the first axis"),
        (jnp.full((20, 6), jnp.nan), "`inputs` must be finite"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, sentence):
    network, parameters, *_ = case()
    with pytest.raises(ValueError, match=sentence):
        sg.Problem(sg.SpikeCount(), network, parameters, inputs)


def test_parameters_of_another_network_and_another_kind_of_network_are_refused():
    _, parameters, inputs, _ = case()
    with pytest.raises(ValueError, match="must have weights of the shapes"):
        sg.Problem(sg.SpikeCount(), network_of("recurrent"), parameters, inputs)
    perceptron = sg.MultilayerPerceptron((2, 1), sg.Sigmoid(2.0))
    with pytest.raises(TypeError, match="`network` must be a ClockedNetwork here"):
        sg.RealTimeRecurrentLearning().estimate(
            sg.Total(), perceptron, perceptron.random_parameters(jax.random.key(0)), jnp.ones(2), key=jax.random.key(0)
        )


# ---- unbiased methods, and biased ones ----


def test_unbiased_methods_agree_with_enumeration_and_surrogate_gradients_do_not(quick_jit):
    """Two neurons behind one another, 7 steps: 14 decisions."""
    unit = sg.LIF(sg.Sigmoid(4.0), 5.0, 3.0)
    network = sg.ClockedNetwork((2,), (sg.Dense(1, unit), sg.Dense(1, unit)))
    parameters = sg.ClockedParameters((sg.LayerParameters([[3.0, 2.0]]), sg.LayerParameters([[6.0]])))
    inputs = jax.random.bernoulli(jax.random.key(3), 0.6, (7, 2))
    problem = sg.Problem(sg.SpikeCount(), network, parameters, inputs)
    exact = jax.flatten_util.ravel_pytree(quick_jit(sg.exact_gradient)(*problem))[0]
    draws = 6000
    verdicts = {}
    for name, method in {
        "score function": sg.ScoreFunction(2.0),
        "stochastic triple": sg.StochasticTriple(),
        "surrogate": sg.SurrogateGradient(),
        "detached": sg.SurrogateGradient(through_reset=False),
    }.items():
        found = quick_jit(lambda m: sg.sample_gradients(m, *problem, draws=draws, key=jax.random.key(4)))(method)
        found = jax.vmap(lambda each: jax.flatten_util.ravel_pytree(each)[0])(found)
        error = np.std(found, axis=0, ddof=1) / draws**0.5
        verdicts[name] = float(np.max(np.abs(np.mean(found, axis=0) - exact) / error))
    assert verdicts["score function"] < 4.5
    assert verdicts["stochastic triple"] < 4.5
    assert verdicts["surrogate"] > 6
    assert verdicts["detached"] > 20
