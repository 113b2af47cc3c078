"""The bundle of page 05 holds what the integrals of `gradients.fields` give, one by one."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.experiments._five_weights import WEIGHTS, network_output, weight_field
from sgtheory.experiments.loop_integral import (
    COUNTS,
    FEWER,
    MOST_CORNERS,
    PLANES,
    PUBLISHED_DIRECTIONS,
    SHOWN,
    LoopSetting,
    loop_maps,
    loop_picture,
    map_axes,
    random_directions,
    steepness_axis,
)
from sgtheory.gradients.fields import Plane, loop_integral, polygon_integral

PLANE = Plane(jnp.zeros(WEIGHTS), *jnp.array(PUBLISHED_DIRECTIONS))


@pytest.fixture(scope="module")
def picture():
    planes = jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES))
    return lambda *numbers, **others: loop_picture(made(*numbers, **others), planes)


def made(forward, surrogate, radius=1.8, centre=(0.0, 0.0), **others):
    setting = LoopSetting.of_circle(forward, surrogate, radius, *centre)
    return dataclasses.replace(setting, **{name: jnp.asarray(value) for name, value in others.items()})


CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [0.0, 0.2], [-1.0, 1.0]])


def test_a_drawn_loop_gives_what_the_adaptive_integral_along_its_sides_gives(picture):
    corners = np.zeros((MOST_CORNERS, 2))
    corners[: len(CORNERS)] = CORNERS
    corners[len(CORNERS) :] = 7.0  # rows that are no corners
    shown = picture(4.0, 2.0, 1.2, (0.3, -0.1), corners=corners, sides=len(CORNERS))
    points = [PLANE.point(0.3 + 1.2 * x, -0.1 + 1.2 * y) for x, y in CORNERS]
    adaptive = polygon_integral(weight_field(jnp.asarray(4.0), jnp.asarray(2.0)), jnp.stack(points))
    assert adaptive.converged
    np.testing.assert_allclose(shown.integral, adaptive.value, atol=1e-8)
    assert abs(adaptive.value) > 1e-3
    np.testing.assert_allclose(shown.true_integral, 0.0, atol=1e-8)
    np.testing.assert_allclose(shown.loop[:: SHOWN // 5], [*(1.2 * CORNERS + [0.3, -0.1]), [-0.9, -1.3]], atol=1e-12)


def test_a_plane_that_is_tilted_by_a_right_angle_has_other_directions(picture):
    level, upright = picture(20.0, 5.0), picture(20.0, 5.0, first_tilt=np.pi / 2, second_tilt=np.pi / 2)
    back, forth = loop_maps(made(20.0, 5.0, first_tilt=np.pi, second_tilt=np.pi)), loop_maps(made(20.0, 5.0))
    assert abs(upright.integral - level.integral) > 1e-3
    # Turned half around, both directions point the other way, and the loop runs through the opposite points.
    np.testing.assert_allclose(back.output[::-1, ::-1], forth.output, atol=1e-9)
    assert abs(upright.true_integral) < 1e-12


@pytest.mark.parametrize(("surrogate", "expected"), [(1.0, -0.041506), (5.0, -0.599461), (20.0, -1.231323)])
def test_the_published_integrals(picture, surrogate, expected):
    np.testing.assert_allclose(picture(1e4, surrogate).integral, expected, atol=1e-6)


def test_a_smooth_network_comes_home(picture):
    shown = picture(20.0, 5.0)
    np.testing.assert_allclose(shown.integral, -0.084669880274959, atol=1e-9)
    assert abs(shown.true_integral) < 1e-12
    assert abs(shown.along[-1]) < 1e-12
    np.testing.assert_allclose(shown.cumulated[-1], shown.integral, rtol=1e-12)
    assert shown.cumulated.shape == shown.along.shape == (SHOWN + 1,)


def test_with_the_true_slope_the_surrogate_comes_home_too(picture):
    same, other = picture(4.0, 4.0), picture(4.0, 3.0)
    np.testing.assert_allclose(same.cumulated, same.along, atol=2e-5)  # the trapezoid rule, step by step
    assert np.max(np.abs(loop_maps(made(4.0, 4.0)).curl)) < 1e-12
    assert np.max(np.abs(same.elsewhere)) < 1e-12
    assert np.max(np.abs(loop_maps(made(4.0, 3.0)).curl)) > 1e-2
    assert np.max(np.abs(other.elsewhere)) > 1e-3


def test_the_same_numbers_come_from_single_loops(picture, quick_jit):
    shown, centre = picture(8.0, 3.0, 0.9, (1.0, -0.5)), (1.0, -0.5)
    circle = PLANE.circle(0.9, centre)

    @quick_jit
    def value(surrogate, points):
        return loop_integral(weight_field(jnp.array(8.0), surrogate), circle, points).value

    np.testing.assert_allclose(shown.integral, value(jnp.array(3.0), 1500), rtol=1e-12)
    k = 9
    np.testing.assert_allclose(shown.by_points[k], value(jnp.array(3.0), COUNTS[k]), rtol=1e-12)
    np.testing.assert_allclose(shown.true_by_points[k], value(None, COUNTS[k]), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(shown.by_steepness[k], value(steepness_axis()[k], FEWER), rtol=1e-12)


def test_the_maps_are_those_of_the_plane():
    shown, (xs, ys) = loop_maps(made(8.0, 3.0)), map_axes()
    assert shown.output.shape == shown.curl.shape == (len(ys), len(xs))
    output = network_output(jnp.array(8.0), PLANE.point(xs[12], ys[5]))
    np.testing.assert_allclose(shown.output[5, 12], output, rtol=1e-12)


def test_a_sweep_is_many_pictures(picture):
    planes = jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES))
    settings = [LoopSetting.of_circle(20.0, surrogate, 1.8) for surrogate in (1.0, 5.0)]
    batch = jax.tree.map(lambda *numbers: jnp.stack(numbers), *settings)
    swept = jax.vmap(lambda setting: loop_picture(setting, planes))(batch)
    for k, surrogate in enumerate((1.0, 5.0)):
        np.testing.assert_allclose(swept.integral[k], picture(20.0, surrogate).integral, rtol=1e-10)
