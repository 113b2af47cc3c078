"""The theta neuron: rotations, shears, and the next spike."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import sgtheory as sg
from sgtheory.neurons import phase_to_line

NEURON = sg.Theta(drive=1.25, time_constant=6 / math.pi)
TAU, SPEED = 6 / math.pi, 1.0


def points(size=20):
    draw = np.random.default_rng(0)
    p, q = phase_to_line(jnp.asarray(draw.uniform(0.05, 0.95, size)))
    return sg.EventState(p, q, jnp.zeros(size))


def turned(state):
    """The angle πφ of a state whose potential may be on either side of infinity."""
    return np.asarray(jnp.atan2(state.q, -state.p)) % math.pi


def test_the_flow_is_that_of_the_differential_equation():
    state = points()
    until = 0.9 * NEURON.time_to_spike(state)
    found = NEURON.flow(state, until)
    for k in range(20):
        solved = solve_ivp(
            lambda _, v: (v * (v - 1) + 1.25) / TAU, (0, float(until[k])), [float(state.potential[k])],
            method="DOP853", rtol=1e-12, atol=1e-12,
        )  # fmt: skip
        np.testing.assert_allclose(found.potential[k], solved.y[0, -1], rtol=1e-9)


def test_flows_add_up_and_a_period_leads_back_through_a_spike():
    state = points()
    twice = NEURON.flow(NEURON.flow(state, jnp.asarray(1.1)), jnp.asarray(2.3))
    np.testing.assert_allclose(turned(NEURON.flow(state, jnp.asarray(3.4))), turned(twice), atol=1e-13)
    np.testing.assert_allclose(turned(NEURON.flow(state, jnp.asarray(6.0))), turned(state), atol=1e-13)
    until = NEURON.time_to_spike(state)
    np.testing.assert_allclose(NEURON.time_to_spike(NEURON.flow(state, until / 3)), until * 2 / 3, rtol=1e-12)


def test_a_pulse_is_a_shear_of_the_angle():
    state, weight = points(), 0.7
    angle = np.arctan2(SPEED * np.asarray(state.q), -(np.asarray(state.p) - np.asarray(state.q) / 2))
    known = np.arctan2(np.sin(angle), np.cos(angle) - weight / SPEED * np.sin(angle))
    after = NEURON.receive(state, jnp.asarray(weight))
    np.testing.assert_allclose(NEURON.time_to_spike(after), TAU / SPEED * (math.pi - known), rtol=1e-12)
    np.testing.assert_allclose(after.potential, state.potential + weight, rtol=1e-12)


@pytest.mark.parametrize(("p", "q"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (-2.0, 0.3)])
def test_slopes_are_finite_everywhere(p, q):
    def time(p, q, weight):
        state = NEURON.receive(sg.EventState(p, q, jnp.zeros(())), weight)
        return NEURON.time_to_spike(state)

    slopes = jax.grad(time, argnums=(0, 1, 2))(jnp.asarray(p), jnp.asarray(q), jnp.asarray(0.0))
    assert all(bool(jnp.isfinite(each)) for each in slopes)
    assert slopes[2] <= 0


def test_a_neuron_that_does_not_oscillate_is_refused():
    with pytest.raises(ValueError, match="`drive` must be above 1/4 and finite, got 0"):
        sg.Theta(drive=0.25)
