"""The recurrent task: it is learnt, and its loss is the one that was said. The whole course is a benchmark's."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory.experiments.recurrent_spike_times import (
    DURATION,
    UNITS,
    draw_task,
    learn,
    start,
    task_loss,
    train_recurrent,
)

TASK = draw_task(jax.random.key(0))


def test_the_loss_falls_and_the_neurons_end_near_their_targets():
    course = learn(TASK, 300)
    assert course.loss[-1] < course.loss[0] / 20
    assert 150 < int(course.count.max()) < 800
    value, _ = task_loss(course.parameters, TASK)
    assert value < course.loss[0] / 20
    np.testing.assert_array_equal(jnp.diag(course.parameters.recurrent), 0)
    np.testing.assert_array_equal(course.parameters.inputs, start().inputs)


def test_the_gradient_is_the_derivative_through_pseudospikes_of_a_recurrent_network():
    draw = np.random.default_rng(0)
    parameters = eqx.tree_at(
        lambda each: (each.recurrent, each.potential),
        start(),
        (jnp.asarray(draw.normal(0, 0.3, (UNITS, UNITS))), jnp.asarray(draw.normal(0, 0.3, UNITS))),
    )
    loss = jax.jit(
        lambda recurrent: task_loss(eqx.tree_at(lambda each: each.recurrent, parameters, recurrent), TASK)[0]
    )
    slope = jax.grad(loss)(parameters.recurrent)
    for place in ((0, 3), (1, 2), (5, 1)):
        moved = [loss(parameters.recurrent.at[place].add(sign * 1e-6)) for sign in (1, -1)]
        np.testing.assert_allclose(slope[place], (moved[0] - moved[1]) / 2e-6, rtol=1e-4, atol=1e-8)


def test_targets_lie_apart_within_the_trial():
    for key in range(5):
        for targets in draw_task(jax.random.key(key)).targets:
            assert np.all(np.diff(targets) > 0.6)
            assert targets[0] > 0.5
            assert targets[-1] < DURATION


def test_a_course_in_stretches_is_the_course_at_once_and_is_looked_at():
    whole = learn(TASK, 60)
    parts = list(train_recurrent(TASK, 60, every=15))
    np.testing.assert_array_equal(np.concatenate([each.trials.loss for each in parts if each.trials]), whole.loss)
    assert parts[0].done == 0
    assert parts[-1].done == 60
    middle = next(each for each in parts if each.done == 30)
    rest = list(train_recurrent(TASK, 60, every=15, state=middle.state))
    np.testing.assert_array_equal(rest[-1].trials.loss, parts[-1].trials.loss)
    looks = [each for each in parts if each.look]
    for each, after in itertools.pairwise(parts):
        if each.look:  # the look is at the network with which the next trial begins
            np.testing.assert_allclose(each.look.loss, after.trials.loss[0], rtol=1e-12)
    assert len(looks) > 3
    for unit in range(2):  # the raster and the spikes that are judged are the same where both are ordinary
        spikes = np.split(np.asarray(looks[-1].look.spikes), [6])[unit]
        ordinary = spikes[spikes < DURATION]
        np.testing.assert_allclose(np.asarray(looks[-1].look.times)[unit][: ordinary.size], ordinary, rtol=1e-12)
