"""The LIF neuron from event to event: the contrast, with its jumps and its diverging slopes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sgtheory as sg

NEURON = sg.EventLIF()
LEAST = 4.0


def time_of(weight):
    return NEURON.time_to_spike(NEURON.receive(NEURON.start(0 * weight, 0 * weight), weight))


def test_the_flow_is_that_of_the_differential_equation_and_ends_at_the_threshold():
    draw = np.random.default_rng(0)
    potential, current = jnp.asarray(draw.uniform(-1, 0.9, 40)), jnp.asarray(draw.normal(2, 4, 40))
    state = NEURON.start(potential, current)
    found = NEURON.flow(state, jnp.asarray(0.7))
    for k in range(5):
        solved = solve_ivp(
            lambda _, x: [-x[0] + x[1], -2 * x[1]], (0, 0.7), [potential[k], current[k]], rtol=1e-12, atol=1e-12,
        )  # fmt: skip
        np.testing.assert_allclose([found.potential[k], found.current[k]], solved.y[:, -1], atol=1e-9)
    until = NEURON.time_to_spike(state)
    fires = np.isfinite(until)
    assert 5 < fires.sum() < 40
    np.testing.assert_allclose(NEURON.flow(state, until).potential[fires], 1, rtol=1e-12)
    for k in np.flatnonzero(~fires):  # and the others never come there
        path = NEURON.flow(jax.tree.map(lambda leaf: leaf[k], state), jnp.linspace(0, 10, 2000))  # noqa: B023
        assert float(path.potential.max()) < 1


def test_numbers_of_figure_1():
    times = [0.5 + float(time_of(jnp.asarray(LEAST * ratio))) for ratio in (0.95, 1.15, 1.4)]
    assert times[0] == math.inf
    np.testing.assert_allclose(times[1:], [0.884812, 0.764928], atol=5e-7)
    np.testing.assert_allclose(time_of(jnp.asarray(LEAST)), math.log(2), rtol=1e-7)


def test_the_slope_diverges_where_the_spike_vanishes():
    slopes = [float(jax.grad(time_of)(jnp.asarray(LEAST * (1 + distance)))) for distance in (1e-2, 1e-4, 1e-6, 1e-8)]
    assert slopes[-1] < -1000
    np.testing.assert_allclose(np.divide(slopes[1:], slopes[:-1]), 10, rtol=0.12)
    assert float(jax.grad(time_of)(jnp.asarray(LEAST))) < math.inf  # a number, not NaN
    assert float(jax.grad(time_of)(jnp.asarray(0.9 * LEAST))) == 0


@pytest.mark.parametrize("late", [1e-3, 1e-6])
def test_an_inhibitory_input_just_before_the_spike_deletes_it_here_and_only_shifts_it_in_a_qif_neuron(late):
    for neuron, weight, deleted in ((NEURON, 1.5 * LEAST, True), (sg.QIF(), 1.5 * math.pi**2 / 4, False)):
        state = neuron.start(jnp.zeros(()), jnp.asarray(weight))
        until = neuron.time_to_spike(state)
        moved = neuron.receive(neuron.flow(state, until - late), jnp.asarray(-weight))
        assert bool(jnp.isinf(neuron.time_to_spike(moved))) == deleted


def test_a_spike_resets_the_potential_and_the_current_flows_on():
    state = NEURON.after_spike(NEURON.start(jnp.asarray(1.0), jnp.asarray(3.0)))
    assert float(state.potential) == 0
    assert float(state.current) == 3
