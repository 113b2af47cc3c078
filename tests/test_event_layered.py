"""Layers of QIF and theta neurons from event to event: against the recurrent engine, an equation solver, and themselves."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp

import sgtheory as sg
from sgtheory.neurons._event import crossings

DURATION, SPIKES = 6.0, 8
NEURONS = {"QIF": sg.QIF(time_constant=1.3), "theta": sg.Theta(drive=1.25, time_constant=1.9)}
SIZES = 5, 4, 3


def problem(seed=0, inputs=12, delays=None):
    draw = np.random.default_rng(seed)
    layers = []
    for number, (senders, units) in enumerate(itertools.pairwise(SIZES)):
        late = {None: None, "sender": draw.uniform(0, 0.7, senders), "synapse": draw.uniform(0, 0.7, (units, senders))}
        layers.append(
            sg.EventLayer(
                draw.normal(2 + number, 3, (units, senders)),
                draw.normal(0, 0.5, units),
                draw.normal(0, 0.5, units),
                late[delays],
            )
        )
    times = draw.uniform(0, DURATION, inputs)
    return tuple(layers), sg.InputSpikes(times, draw.integers(0, SIZES[0], inputs))


def network(kind, **changes):
    return sg.LayeredEventNetwork(NEURONS[kind], **{"duration": DURATION, "spikes": SPIKES, **changes})


@eqx.filter_jit
def run(network, layers, inputs):
    return network.run(layers, inputs, ()).output


def as_any(value) -> Any:
    """What no type checker would let pass."""
    return value


def loss_of(log):
    total = jnp.zeros(())
    for number, layer in enumerate(log.layers):
        fired = jnp.isfinite(layer.times)
        times = jnp.where(fired, layer.times, 0.0)
        total += jnp.sum(jnp.where(fired, jnp.sin((1 + number) * times), 0.0)) + jnp.sum(jnp.cos(3 * layer.end.phase))
        total += 0.1 * jnp.sum(layer.end.current**2)
    return total


def assert_same(found, expected, atol):
    for one, other in zip(found.layers, expected.layers, strict=True):
        np.testing.assert_array_equal(one.count, other.count)
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(a, b, atol=atol)


def assert_right_gradient(loss, arguments):
    start, unravel = ravel_pytree(arguments)
    gradient = ravel_pytree(jax.jit(jax.grad(loss))(arguments))[0]
    several = jax.jit(jax.vmap(lambda vector: loss(unravel(vector))))
    step = 1e-6
    steps = step * jnp.eye(start.size)
    differences = (several(start[None] + steps) - several(start[None] - steps)) / (2 * step)
    assert np.count_nonzero(np.abs(gradient) > 1e-3) > start.size / 4
    np.testing.assert_allclose(gradient, differences, atol=2e-6, rtol=2e-6)


def test_layers_are_a_recurrent_network_without_loops():
    layers, inputs = problem()
    log = run(network("QIF"), layers, inputs)
    units = SIZES[1] + SIZES[2]
    arriving = np.zeros((units, SIZES[0]))
    among = np.zeros((units, units))
    arriving[: SIZES[1]], among[SIZES[1] :, : SIZES[1]] = layers[0].weights, layers[1].weights
    start = [np.concatenate([getattr(layer, name) for layer in layers]) for name in ("potential", "current")]
    recurrent = sg.RecurrentEventNetwork(NEURONS["QIF"], duration=DURATION, events=100)
    expected = recurrent.run(sg.EventParameters(arriving, among, *start), inputs, ()).output
    times = np.concatenate([layer.times for layer in log.layers])
    for unit in range(units):
        np.testing.assert_allclose(times[unit], expected.spike_times(unit, SPIKES), atol=1e-13)
    assert np.isfinite(times).sum() > 8
    for name in ("phase", "current"):
        ends = np.concatenate([getattr(layer.end, name) for layer in log.layers])
        np.testing.assert_allclose(ends, getattr(expected.end, name), atol=1e-12)


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("associative", [False, True])
def test_the_adjoint_is_the_derivative_with_respect_to_everything(kind, associative):
    layers, inputs = problem()

    def loss(arguments):
        layers, times, neuron, duration = arguments
        net = sg.LayeredEventNetwork(neuron, duration=duration, spikes=SPIKES, associative=associative)
        return loss_of(net.run(layers, eqx.tree_at(lambda each: each.times, inputs, times), ()).output)

    assert_right_gradient(loss, (layers, inputs.times, NEURONS[kind], jnp.asarray(DURATION)))


@pytest.mark.parametrize("kind", NEURONS)
def test_a_tree_of_products_is_the_products_one_after_the_other(kind):
    layers, inputs = problem(3, inputs=40)
    assert_same(run(network(kind, associative=True), layers, inputs), run(network(kind), layers, inputs), 1e-12)


def test_theta_neurons_are_those_of_the_differential_equation():
    layers, inputs = problem(1)
    neuron = NEURONS["theta"]
    drive, time_constant = float(neuron.drive), float(neuron.time_constant)
    log = run(network("theta"), layers, inputs)

    def turning(_, angle):  # a = arctan V, which a spike takes through a quarter turn
        sine, cosine = np.sin(angle), np.cos(angle)
        return (sine**2 - sine * cosine + drive * cosine**2) / time_constant

    arriving = sorted(zip(np.asarray(inputs.times), np.asarray(inputs.channels), strict=True))
    for layer, found in zip(layers, log.layers, strict=True):
        for unit in range(layer.weights.shape[0]):
            angle, now, times = float(np.arctan(layer.potential[unit])), 0.0, []
            for time, sender in [*arriving, (DURATION, None)]:
                ceiling = (math.floor(angle / math.pi + 0.5) + 0.5) * math.pi
                levels = [ceiling + k * math.pi for k in range(4)]
                events = [lambda _, state, level=level: state[0] - level for level in levels]
                solved = solve_ivp(
                    turning, (now, time), [angle], events=events, method="DOP853", rtol=1e-12, atol=1e-12
                )
                times += [float(each[0]) for each in solved.t_events if each.size]
                angle, now = float(solved.y[0, -1]), time
                if sender is not None:
                    turns = math.floor(angle / math.pi + 0.5)
                    angle = turns * math.pi + math.atan(
                        math.tan(angle - turns * math.pi) + float(layer.weights[unit, sender])
                    )
            assert len(times) == int(found.count[unit])
            np.testing.assert_allclose(found.times[unit][: len(times)], times, atol=1e-9)
        arriving = sorted(
            (float(time), unit) for unit, row in enumerate(found.times) for time in row if np.isfinite(time)
        )


@pytest.mark.parametrize("kind", NEURONS)
def test_a_volley_is_its_spikes_and_ties_are_safe(kind):
    layers, _ = problem(2)
    draw = np.random.default_rng(5)
    counts = draw.integers(0, 3, (4, SIZES[0]))
    times = np.array([1.5, 0.3, 0.3, np.inf])
    volleys = run(network(kind), layers, sg.InputVolleys(times, counts))
    channels = [channel for row in counts for channel, count in enumerate(row) for _ in range(count)]
    spread = sg.InputSpikes(np.repeat(times, counts.sum(axis=1)), np.array(channels))
    assert int(volleys.layers[1].count.sum()) > 3
    assert_same(volleys, run(network(kind), layers, spread), 1e-12)
    moved = run(network(kind), layers, sg.InputVolleys(times[:3], counts[:3]))
    assert_same(volleys, moved, 1e-13)


@pytest.mark.parametrize("kind", NEURONS)
@pytest.mark.parametrize("delays", ["sender", "synapse"])
def test_delays_are_times_that_come_later_and_are_learnt(kind, delays):
    layers, inputs = problem(4, delays=delays)
    log = run(network(kind), layers, inputs)
    plain = tuple(eqx.tree_at(lambda each: each.delays, layer, None) for layer in layers)
    if delays == "sender":
        late = inputs.times + layers[0].delays[inputs.channels]
        first = run(network(kind), plain[:1], sg.InputSpikes(late, inputs.channels))
        assert_same(eqx.tree_at(lambda each: each.layers, log, log.layers[:1]), first, 1e-12)
    else:
        for unit in range(SIZES[1]):
            late = inputs.times + layers[0].delays[unit, inputs.channels]
            alone = run(network(kind), plain[:1], sg.InputSpikes(late, inputs.channels))
            np.testing.assert_allclose(log.layers[0].times[unit], alone.layers[0].times[unit], atol=1e-12)
    undelayed = run(network(kind), plain, inputs)
    assert not np.allclose(log.layers[0].end.phase, undelayed.layers[0].end.phase, atol=1e-3)

    def loss(arguments):
        delays, times = arguments
        own = tuple(eqx.tree_at(lambda each: each.delays, *each) for each in zip(layers, delays, strict=True))
        moved = eqx.tree_at(lambda each: each.times, inputs, times)
        return loss_of(network(kind).run(own, moved, ()).output)

    assert_right_gradient(loss, (tuple(layer.delays for layer in layers), inputs.times))


def test_a_volley_through_delayed_synapses_is_spikes_of_their_own():
    layers, _ = problem(4, delays="synapse")
    counts = np.array([[1, 0, 2, 0, 1], [0, 1, 0, 1, 0]])
    log = run(network("QIF"), layers, sg.InputVolleys([0.2, 1.0], counts))
    spread = sg.InputSpikes([0.2, 0.2, 0.2, 0.2, 1.0, 1.0], [0, 2, 2, 4, 1, 3])
    assert_same(log, run(network("QIF"), layers, spread), 1e-12)


@pytest.mark.parametrize("kind", NEURONS)
def test_more_room_changes_no_bit_and_many_runs_are_each_by_itself(kind):
    layers, inputs = problem()
    log, roomy = (run(network(kind, spikes=spikes), layers, inputs) for spikes in (SPIKES, 2 * SPIKES))
    np.testing.assert_array_equal(log.layers[0].times, roomy.layers[0].times[:, :SPIKES])
    for name in ("phase", "current"):
        np.testing.assert_allclose(getattr(log.layers[1].end, name), getattr(roomy.layers[1].end, name), atol=1e-14)
    times = jnp.stack([inputs.times, inputs.times[::-1], inputs.times / 2])
    several = eqx.filter_jit(
        jax.vmap(lambda times: network(kind).run(layers, sg.InputSpikes(times, inputs.channels), ()).output)
    )(times)
    for number in range(3):
        alone = run(network(kind), layers, sg.InputSpikes(times[number], inputs.channels))
        assert_same(jax.tree.map(lambda leaf: leaf[number], several), alone, 1e-12)  # noqa: B023


def test_a_shift_of_time_and_the_exchange_of_units_change_nothing_else():
    layers, inputs = problem()
    resting = tuple(sg.EventLayer(layer.weights) for layer in layers)  # a QIF neuron at rest stays there
    log = run(network("QIF"), resting, inputs)
    later = run(network("QIF", duration=DURATION + 0.7), resting, sg.InputSpikes(inputs.times + 0.7, inputs.channels))
    for one, other in zip(log.layers, later.layers, strict=True):
        np.testing.assert_allclose(one.times + 0.7, other.times, atol=1e-12)
    order = np.array([2, 0, 3, 1])
    first = sg.EventLayer(*(getattr(layers[0], name)[order] for name in ("weights", "potential", "current")))
    second = eqx.tree_at(lambda each: each.weights, layers[1], layers[1].weights[:, order])
    log, exchanged = (run(network("QIF"), each, inputs) for each in (layers, (first, second)))
    np.testing.assert_allclose(exchanged.layers[0].times, log.layers[0].times[order], atol=1e-14)
    np.testing.assert_allclose(exchanged.layers[1].times, log.layers[1].times, atol=1e-13)


def test_a_silent_input_changes_nothing_but_its_weight_would():
    layers, inputs = problem()
    silent = (eqx.tree_at(lambda each: each.weights, layers[0], layers[0].weights.at[:, 1].set(0.0)), layers[1])
    without = sg.InputSpikes(jnp.where(inputs.channels == 1, jnp.inf, inputs.times), inputs.channels)
    assert_same(run(network("QIF"), silent, inputs), run(network("QIF"), silent, without), 1e-12)
    gradient = jax.grad(lambda layers: loss_of(network("QIF").run(layers, inputs, ()).output))(silent)
    assert np.abs(gradient[0].weights[:, 1]).max() > 1e-3


def test_crossings_are_counted_right_where_a_turn_is_nearly_whole():
    # Just after a spike, half a turn later: whether the next one has come is what the sign of q says.
    just_below, just_above = np.nextafter(math.pi, 0), np.nextafter(math.pi, 4)
    for angle, expected in ((just_below, 0), (just_above, 1)):
        q = jnp.sin(jnp.asarray(angle))  # from p = -1, q = 0
        assert int(crossings(jnp.asarray(angle / math.pi), jnp.asarray(-1.0), q)) == expected
    draw = np.random.default_rng(0)
    begins, turned = draw.uniform(0, math.pi, 10000), draw.uniform(0, 9 * math.pi, 10000)
    whole = np.floor((begins + turned) / math.pi).astype(int)
    found = crossings(*(jnp.asarray(each) for each in (turned / math.pi, -np.cos(begins), np.sin(begins + turned))))
    np.testing.assert_array_equal(found, whole)


def test_a_neuron_driven_hard_spikes_several_times_within_one_flow():
    strong = (sg.EventLayer([[200.0]]),)
    log = run(network("QIF", duration=4.0), strong, sg.InputSpikes([0.0], [0]))
    expected = [
        -1.3 * math.log1p(-(k - 0.5) * math.pi / math.sqrt(200.0))
        for k in range(1, 6)
        if (k - 0.5) * math.pi < 200**0.5
    ]
    count = int(log.layers[0].count[0])
    assert count >= 4
    np.testing.assert_allclose(log.layers[0].times[0, :count], expected[:count], atol=1e-12)


def test_too_little_room_is_said_with_the_number_needed():
    layers, inputs = problem()
    log = run(network("QIF", spikes=1, throw=False), layers, inputs)
    assert log.result == sg.EventResult.too_many_spikes
    roomy = run(network("QIF", spikes=int(run(network("QIF"), layers[:1], inputs).most)), layers[:1], inputs)
    assert roomy.result == sg.EventResult.successful
    with pytest.raises(eqx.EquinoxRuntimeError, match="A unit spikes more often than there is room for"):
        run(network("QIF", spikes=1), layers, inputs)


def test_single_precision_stays_within_its_digits():
    layers, inputs = problem()
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), layers)
    for kind in NEURONS:
        exact, rough = run(network(kind), layers, inputs), run(network(kind), single, inputs)
        assert rough.layers[1].times.dtype == jnp.float32
        np.testing.assert_array_equal(rough.layers[1].count, exact.layers[1].count)
        fired = np.isfinite(exact.layers[1].times)
        np.testing.assert_allclose(rough.layers[1].times[fired], exact.layers[1].times[fired], atol=4e-5)


def test_the_exact_gradient_by_the_general_estimator():
    layers, inputs = problem()
    found = sg.PathwiseGradient().estimate(loss_of, network("QIF"), layers, inputs, key=jax.random.key(0))
    expected = jax.grad(lambda layers: loss_of(network("QIF").run(layers, inputs, ()).output))(layers)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_several_inputs_and_spikes_that_never_come_pass_the_general_functions():
    layers, inputs = problem()
    times = jnp.stack([inputs.times, inputs.times / 2]).at[:, 0].set(jnp.inf)
    batch = sg.InputSpikes(times[0], inputs.channels), sg.InputSpikes(times[1], inputs.channels)
    several = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batch)
    asked = loss_of, network("theta"), layers
    options = {"draws": 2, "key": jax.random.key(0)}
    found = sg.sample_gradients(sg.PathwiseGradient(), *asked, several, several=True, **options)
    alone = [eqx.filter_jit(sg.PathwiseGradient().estimate)(*asked, one, key=jax.random.key(0)) for one in batch]
    for mean, one, other in zip(*(jax.tree.leaves(each) for each in (found, *alone)), strict=True):
        np.testing.assert_allclose(mean[0], (one + other) / 2, atol=1e-12)
    # The rule of these inputs is their own: a negative time is still refused.
    early = eqx.tree_at(lambda each: each.times, several, several.times - 7)
    with pytest.raises(eqx.EquinoxRuntimeError, match="from 0 on, or infinite"):
        sg.sample_gradients(sg.PathwiseGradient(), *asked, early, several=True, **options)


def test_bad_input_is_refused_in_a_sentence(annotations_off):
    layers, inputs = problem()
    refused = {
        "`duration` must be positive": lambda: network("QIF", duration=0.0),
        "`spikes` must be": lambda: network("QIF", spikes=0),
        "`neuron` must be": lambda: sg.LayeredEventNetwork(as_any(sg.EventLIF()), duration=1.0),
        "`weights` must be finite": lambda: sg.EventLayer([[math.nan]]),
        "`potential` must have the shape": lambda: sg.EventLayer([[1.0]], potential=[0.0, 0.0]),
        "`delays` must be from 0 on": lambda: sg.EventLayer([[1.0]], delays=[-1.0]),
        "`delays` must have the shape": lambda: sg.EventLayer([[1.0]], delays=[1.0, 2.0]),
        "`times` must be from 0 on": lambda: sg.InputVolleys([-1.0], [[1.0]]),
        "`counts` must be channels for each time": lambda: sg.InputVolleys([1.0], [[1.0], [1.0]]),
        "`latencies` must be among `times`": lambda: sg.InputVolleys.from_latencies([[0.3]], [0.1]),
        "`inputs` must be": lambda: network("QIF").run(layers, as_any(np.zeros(3)), ()),
        "`parameters` must be a tuple of `EventLayer`": lambda: network("QIF").run(layers[0], inputs, ()),
        "Layer 1 must have as many senders": lambda: network("QIF").run((layers[0], layers[0]), inputs, ()),
        "`counts` must have 5 channels": lambda: network("QIF").run(layers, sg.InputVolleys([0.1], [[1.0]]), ()),
        "`channels` must be from 0 and below": lambda: network("QIF").run(layers, sg.InputSpikes([0.1], [5]), ()),
    }
    for sentence, action in refused.items():
        with pytest.raises((ValueError, TypeError)) as caught:
            action()
        assert sentence in str(caught.value), str(caught.value)
    spoilt = eqx.tree_at(lambda each: each[0].weights, layers, layers[0].weights * jnp.nan)
    with pytest.raises(eqx.EquinoxRuntimeError, match="must be finite"):
        run(network("QIF"), spoilt, inputs)
    with pytest.raises(eqx.EquinoxRuntimeError, match="from 0 on, or infinite"):
        run(network("QIF"), layers, eqx.tree_at(lambda each: each.times, inputs, inputs.times - 7))
    late = tuple(sg.EventLayer(each.weights, delays=jnp.zeros(each.weights.shape[1])) for each in layers)
    with pytest.raises(eqx.EquinoxRuntimeError, match="`delays` must be from 0 on"):
        run(network("QIF"), eqx.tree_at(lambda each: each[0].delays, late, as_any(late[0].delays) - 1), inputs)


# ---- pseudospikes of theta neurons ----


def chain(weight):
    """A pulse at 0.5 into neuron 1, which drives neuron 2; the first spike of each, a pseudospike where there is none."""
    neuron = NEURONS["theta"]
    net = sg.LayeredEventNetwork(neuron, duration=3.0, spikes=2)
    layers = sg.EventLayer(jnp.reshape(weight, (1, 1))), sg.EventLayer([[0.7]])
    log = net.run(layers, sg.InputSpikes([0.5], [0]), ()).output
    law, arriving, firsts = sg.FreeRun(neuron), 0.0, []
    for number, layer in enumerate(log.layers):
        later = law.times(layer.end, 3.0, 1, arriving)[0, 0]
        fired = layer.count[0] > 0
        firsts.append(jnp.where(fired, jnp.where(fired, layer.times[0, 0], 0.0), later))
        if number == 0:
            arriving = layers[1].weights @ law.readiness(layer.end)
    return jnp.stack(firsts)


def test_a_spike_of_a_theta_neuron_that_crosses_the_end_changes_no_time_by_a_jump():
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if float(chain(jnp.asarray(middle))[0]) < 3.0 else (middle, high)
    entering = jnp.asarray(high)
    below, above = chain(entering - 1e-9), chain(entering + 1e-9)
    np.testing.assert_allclose(below[0], 3.0, atol=1e-7)
    np.testing.assert_allclose(below, above, atol=1e-7)
    slopes = [jax.jacobian(chain)(entering + step)[0] for step in (-1e-6, 1e-6)]
    np.testing.assert_allclose(*slopes, rtol=1e-4)  # the spike itself is smooth
    assert float(slopes[0]) < 0
