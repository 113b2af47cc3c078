"""The task of one neuron and two spikes, against its known course."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sgtheory.experiments.two_spike_times import (
    DURATION,
    FIXED_TIMES,
    FIXED_WEIGHTS,
    START_TIMES,
    START_WEIGHTS,
    TARGETS,
    TwoSpikeSetting,
    learn,
    spike_times,
)


@functools.cache
def course():
    return learn(TwoSpikeSetting())


def test_at_first_both_spikes_are_pseudospikes_where_the_differential_equation_puts_them():
    found = spike_times(jnp.array(START_WEIGHTS), jnp.array(START_TIMES))

    def moving(drive):
        def derivative(_, state):
            sine, cosine = np.sin(state[0]), np.cos(state[0])
            current = state[1] if drive is None else drive
            return [math.pi * cosine**2 + sine * cosine + current * sine**2 / math.pi, -2 * state[1]]

        return derivative

    state, now = np.array([math.pi / 2, 0.0]), 0.0
    for time, weight in [*zip(FIXED_TIMES, FIXED_WEIGHTS, strict=True), (DURATION, 0.0)]:
        state = solve_ivp(moving(None), (now, time), state, method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
        state, now = state + np.array([0.0, weight]), time
    drive = 0.25 + 10 * math.log1p(math.exp(state[1] / 10))
    turns = [lambda _, x, k=k: x[0] - k * math.pi for k in (1, 2)]
    solved = solve_ivp(moving(drive), (now, 13.0), state, method="DOP853", rtol=1e-12, atol=1e-12, events=turns)
    np.testing.assert_allclose(found, [each[0] for each in solved.t_events], atol=1e-9)
    np.testing.assert_allclose(found, [10.692118, 11.893960], atol=1e-5)


def test_the_spikes_come_in_one_after_the_other_and_end_on_their_targets():
    learnt = course()
    np.testing.assert_allclose(learnt.loss[0], 43.2088, atol=2e-4)
    late = np.asarray(learnt.spikes) > DURATION
    np.testing.assert_array_equal(late.sum(axis=0), [316, 1768])
    assert not late[316:, 0].any()
    assert not late[1768:, 1].any()
    assert learnt.loss[-1] < 1e-20
    np.testing.assert_allclose(learnt.spikes[-1], TARGETS, atol=1e-10)
    np.testing.assert_allclose(learnt.weights[-1], [4.728, 5.436], atol=5e-4)
    np.testing.assert_allclose(learnt.times[-1], [1.492, 6.446], atol=5e-4)


def test_the_loss_is_steep_where_a_spike_enters_but_never_jumps():
    """In steps ten times as small, the largest change is ten times as small."""
    steps = [
        np.abs(np.diff(learn(TwoSpikeSetting(rate=rate), trials).loss)) for rate, trials in ((0.1, 400), (0.01, 4000))
    ]
    assert 7 < steps[0].max() / steps[1].max() < 13
    assert np.all(np.diff(course().loss)[:300] < 0)


def test_without_pseudospikes_nothing_would_begin():
    """The negative control: the times of ordinary spikes alone have no derivative where there are none."""

    def ordinary(weights):
        spikes = spike_times(weights, jnp.array(START_TIMES))
        return jnp.sum(jnp.where(spikes < DURATION, spikes, 0.0))

    assert not jnp.any(jax.grad(ordinary)(jnp.array(START_WEIGHTS)))


def test_a_rate_must_be_positive():
    with pytest.raises(ValueError, match="`rate` must be positive"):
        TwoSpikeSetting(rate=0.0)
