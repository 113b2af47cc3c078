"""The eligibility rule: its three formulas in a plain loop, what it refuses, and that it learns."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sgtheory as sg
from sgtheory.training import fit

INPUTS, HIDDEN, OUTPUTS, STEPS = 5, 4, 3, 30
TARGET = jax.random.bernoulli(jax.random.key(7), 0.2, (STEPS, OUTPUTS)).astype(float)


def network_of(*layers, readout=None):
    return sg.ClockedNetwork((INPUTS,), layers, readout)


def two_layers(reset="zero", reset_step="same", threshold=1.0):
    hidden = sg.LIF(sg.Sigmoid(10.0), 10.0, 5.0, reset=reset, reset_step=reset_step)
    output = sg.LIF(sg.Sigmoid(20.0), 12.0, 3.0, threshold, reset=reset, reset_step=reset_step)
    return network_of(sg.Dense(HIDDEN, hidden), sg.Dense(OUTPUTS, output))


def case(network):
    parameters = network.random_parameters(jax.random.key(0), rate=100.0, deviation=2.0)
    inputs = jax.random.bernoulli(jax.random.key(1), 0.2, (STEPS, INPUTS)).astype(float)
    return parameters, inputs, network.draw(inputs, key=jax.random.key(2))


def traces(spikes, membrane, synaptic):
    """The potentials in a neuron that is never reset: the impulse response, one step after each spike."""
    keep, keep_current = np.exp(-1 / membrane), np.exp(-1 / synaptic)
    n = np.arange(len(spikes))
    response = (1 - keep) * (keep_current**n - keep**n) / (keep_current - keep)
    out = np.zeros_like(spikes)
    for now in range(len(spikes)):
        for before in range(now):
            out[now] += response[now - 1 - before] * spikes[before]
    return out


def by_a_plain_loop(network, parameters, inputs, path, loss, slope, scale):
    """Both steps, from the three formulas as they are printed."""
    hidden, output = (layer.neuron for layer in network.layers)
    spikes = np.asarray(path.output.spikes[0])
    error = (np.asarray(loss.target) - np.asarray(path.output.last)) / scale
    weights = np.asarray(parameters.layers[1].weights)
    of_inputs = traces(np.asarray(inputs), float(hidden.membrane_time_constant), float(hidden.synaptic_time_constant))
    of_hidden = traces(spikes, float(output.membrane_time_constant), float(output.synaptic_time_constant))
    n = np.arange(STEPS)
    kernel = float(loss.scale) * (np.exp(-n / float(loss.decay)) - np.exp(-n / float(loss.rise)))
    into_hidden, into_output = np.zeros((HIDDEN, INPUTS)), np.zeros((OUTPUTS, HIDDEN))
    for h in range(HIDDEN):
        for o in range(OUTPUTS):
            into_output[o, h] = sum(error[now, o] * of_hidden[now, h] for now in range(STEPS))
        for i in range(INPUTS):
            eligible = np.convolve(slope[:, h] * of_inputs[:, i], kernel)[:STEPS]
            into_hidden[h, i] = sum(float(weights[:, h] @ error[now]) * eligible[now] for now in range(STEPS))
    return into_hidden, into_output


@pytest.mark.parametrize(("reset", "reset_step"), [("zero", "same"), ("zero", "next"), ("subtractive", "next")])
@pytest.mark.parametrize("derivative", [None, sg.SuperSpike(10.0)], ids=["matched", "SuperSpike"])
@pytest.mark.parametrize("forward", [sg.Sample(), sg.Threshold()], ids=["stochastic", "deterministic"])
def test_both_steps_are_those_of_the_formulas(reset, reset_step, derivative, forward):
    network = two_layers(reset, reset_step)
    parameters, inputs, noise = case(network)
    loss = sg.VanRossumDistance(TARGET, decay=9.0, rise=4.0, scale=0.3)
    rule = sg.EligibilityRule(derivative, forward, scale=0.02)
    path = network(parameters, inputs, noise, sg.SpikeRule(forward))
    assert float(path.output.spikes[0].sum()) > 3
    assert float(path.output.last.sum()) > 3
    distance = np.asarray(path.decisions[0].distance)
    if derivative is None:
        probability = 1 / (1 + np.exp(-10 * distance))
        slope = 10 * probability * (1 - probability)
    else:
        slope = 1 / (1 + 10 * np.abs(distance)) ** 2
    expected = by_a_plain_loop(network, parameters, inputs, path, loss, slope, 0.02)
    found = rule.evaluate(loss, network, parameters, inputs, noise)
    for layer, step in zip(found.layers, expected, strict=True):
        largest = np.max(np.abs(step))
        assert largest > 1e-2
        np.testing.assert_allclose(-layer.weights, step, rtol=1e-12, atol=1e-12 * largest)


def test_the_value_is_the_loss_and_thresholds_may_differ_between_units():
    network = two_layers("subtractive", threshold=jnp.array([0.8, 1.0, 1.2]))
    parameters, inputs, noise = case(network)
    loss = sg.VanRossumDistance(TARGET)
    value, path = sg.EligibilityRule().objective(loss, network, parameters, inputs, noise)
    assert float(value) == float(loss(path.output)) == float(loss(network.run(parameters, inputs, noise).output))


def test_the_gradient_of_a_mean_is_the_mean_of_the_steps():
    network = two_layers()
    parameters, inputs, _ = case(network)
    loss, rule, key = sg.VanRossumDistance(TARGET), sg.EligibilityRule(), jax.random.key(4)
    many = jnp.stack([inputs, 1 - inputs])

    def mean(p):
        return sg.mean_objective(rule, loss, network, p, many, key=key)[0]

    together = jax.grad(mean)(parameters)
    apart = [
        rule.evaluate(loss, network, parameters, each, network.draw(each, key=one))
        for each, one in zip(many, jax.random.split(key, 2), strict=True)
    ]
    for layer in range(2):
        expected = (apart[0].layers[layer].weights + apart[1].layers[layer].weights) / 2
        np.testing.assert_allclose(together.layers[layer].weights, expected, rtol=1e-11, atol=1e-11)


def test_a_single_precision_network_stays_one():
    network = two_layers()
    parameters, inputs, noise = case(network)
    single = jax.tree.map(lambda leaf: leaf.astype("float32"), (parameters, noise))
    found = sg.EligibilityRule().evaluate(sg.VanRossumDistance(TARGET), network, single[0], inputs, single[1])
    assert {leaf.dtype.name for leaf in jax.tree.leaves(found)} == {"float32"}


UNIT = sg.LIF(sg.Sigmoid(10.0))
REFUSED = {
    "one layer": (network_of(sg.Dense(3, UNIT)), "must have two layers and no read-out for this rule, got 1 layers"),
    "three layers": (network_of(*[sg.Dense(3, UNIT)] * 3), "must have two layers .*, got 3 layers"),
    "a read-out": (
        network_of(sg.Dense(3, UNIT), sg.Dense(3, UNIT), readout=sg.LeakyReadout(2)),
        "got 2 layers and a read-out",
    ),
    "recurrence": (network_of(sg.Dense(3, UNIT, recurrent=True), sg.Dense(3, UNIT)), "must be feed-forward"),
    "time constants of units": (
        network_of(sg.Dense(3, sg.LIF(sg.Sigmoid(10.0), [10.0, 11.0, 12.0])), sg.Dense(3, UNIT)),
        "must have one time constant of each kind a layer for this rule",
    ),
}


@pytest.mark.parametrize(("network", "sentence"), REFUSED.values(), ids=REFUSED)
def test_networks_for_which_it_is_not_made_are_refused_in_one_sentence(network, sentence):
    parameters = network.random_parameters(jax.random.key(0), rate=50.0)
    problem = sg.VanRossumDistance(TARGET), network, parameters, jnp.ones((STEPS, INPUTS))
    with pytest.raises(ValueError, match=f"{sentence}.* Take `SurrogateGradient") as refusal:
        sg.EligibilityRule().estimate(*problem, key=jax.random.key(0))
    assert "\n" not in str(refusal.value)


def test_layers_losses_and_parameters_of_other_families_are_refused():
    key, ones = jax.random.key(0), jnp.ones((STEPS, INPUTS))
    network = network_of(sg.Convolution(2, 3, UNIT), sg.Dense(3, UNIT))
    parameters = network.random_parameters(key, rate=50.0)
    with pytest.raises(TypeError, match=r"`layers` must be of the family Dense, got Convolution.* Take `Surrogate"):
        sg.EligibilityRule().estimate(sg.VanRossumDistance(TARGET), network, parameters, ones, key=key)
    network = two_layers()
    parameters = network.random_parameters(key, rate=50.0)
    with pytest.raises(TypeError, match=r"`loss` must be of the family VanRossumDistance, got SpikeTrainDistance"):
        sg.EligibilityRule().estimate(sg.SpikeTrainDistance(TARGET), network, parameters, ones, key=key)
    learnt = eqx.tree_at(
        lambda p: p.layers[0].time_constants, parameters, sg.TimeConstants(2.3, 1.6), is_leaf=lambda leaf: leaf is None
    )
    with pytest.raises(
        ValueError, match="must have one time constant of each kind a layer for this rule, got some that are learnt"
    ):
        sg.EligibilityRule().estimate(sg.VanRossumDistance(TARGET), network, learnt, ones, key=key)


@pytest.mark.parametrize(
    ("arguments", "error"), [({"scale": 0.0}, ValueError), ({"derivative": 3}, TypeError), ({"forward": 3}, TypeError)]
)
@pytest.mark.usefixtures("annotations_off")
def test_arguments_that_make_no_sense_are_refused(arguments, error):
    with pytest.raises(error, match=f"`{next(iter(arguments))}` must be"):
        sg.EligibilityRule(**arguments)


@pytest.mark.parametrize("forward", [sg.Sample(), sg.Threshold()], ids=["stochastic", "deterministic"])
def test_it_lowers_the_distance_and_its_opposite_raises_it(forward):
    neuron = sg.LIF(sg.Sigmoid(10.0), reset_step="same")
    network = sg.ClockedNetwork((20,), (sg.Dense(20, neuron), sg.Dense(OUTPUTS, neuron)))
    parameters = network.random_parameters(jax.random.key(0), rate=50.0)
    inputs = jax.random.bernoulli(jax.random.key(1), 0.05, (1, 80, 20)).astype(float)
    target = jax.random.bernoulli(jax.random.key(2), 0.05, (80, OUTPUTS)).astype(float)
    problem = (
        sg.EligibilityRule(sg.SuperSpike(10.0), forward),
        sg.VanRossumDistance(target),
        network,
        parameters,
        inputs,
    )
    options = {"steps": 300, "trials": 4, "key": jax.random.key(3), "every": 300, "bar": False}
    learnt, opposite = (fit(*problem, optax.sgd(rate), **options).loss for rate in (1e-4, -1e-4))
    assert learnt[-20:].mean() < 0.5 * learnt[:20].mean()
    assert opposite[-20:].mean() > 1.5 * opposite[:20].mean()
