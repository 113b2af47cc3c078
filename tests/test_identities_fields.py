"""A surrogate gradient is not a gradient field: signs, line and loop integrals, curl, with their reference numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Sigmoid
from sgtheory.gradients import fields
from sgtheory.gradients.fields import (
    Plane,
    line_integral,
    loop_integrals,
    over_plane,
    polygon_integral,
    surrogate_gradient,
)
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import MeanField
from sgtheory.surrogates import SigmoidDerivative

pytestmark = pytest.mark.usefixtures("quick_compilation")
curl, curl_map, loop_integral, staircase_integrals = (
    eqx.filter_jit(function)
    for function in (fields.curl, fields.curl_map, fields.loop_integral, fields.staircase_integrals)
)
ONE = jnp.array([1.0])
PUBLISHED_PLANE = (
    [0.09305991, 0.5905991, -0.30914232, 0.4299941, -0.60172135],
    [-0.14934348, 0.25011492, 0.26179737, -0.78792286, -0.47516188],
)
PLANE = Plane(jnp.zeros(5), *PUBLISHED_PLANE)
CIRCLE = PLANE.circle(1.8)


def parameters_of(vector):
    """Weights only: w, v1, v2, u1, u2."""
    w, v1, v2, u1, u2 = vector
    return MultilayerParameters([w[None, None], jnp.stack([v1, v2])[:, None], jnp.stack([u1, u2])[None]])


def output(vector, forward, surrogate=None):
    network = MultilayerPerceptron((1, 1, 2, 1), Sigmoid(forward))
    rule = MeanField(None if surrogate is None else SigmoidDerivative(surrogate))
    return network(parameters_of(vector), ONE, tuple(map(jnp.zeros, network.sites(ONE))), rule).output[0]


def field(forward, surrogate=None):
    """The backward pass written out."""
    network = MultilayerPerceptron((1, 1, 2, 1), Sigmoid(forward))
    derivative = None if surrogate is None else SigmoidDerivative(surrogate)

    def gradient(vector):
        full = surrogate_gradient(lambda y: y[0], network, parameters_of(vector), ONE, derivative)
        return jnp.concatenate([matrix.ravel() for matrix in full.weights])

    return jax.jit(gradient)


def field_by_rule(forward, surrogate=None):
    """The same by a spike rule and `jax.grad`."""
    return jax.grad(lambda vector: output(vector, forward, surrogate))


TABLE_1 = jnp.array([0.0, 0.05, 0.1, 1.0, -1.0])


# The sign of the gradient


def test_the_sign_flips_as_in_table_1():
    np.testing.assert_allclose(field(100.0)(TABLE_1)[0], 0.70249596, atol=1e-7)
    np.testing.assert_allclose(field(100.0, 25.0)(TABLE_1)[0], -2.97767802, atol=1e-7)


def slope_and_surrogate(ws, surrogate):
    points = TABLE_1[None] + jnp.asarray(ws)[:, None] * jnp.eye(5)[:1]
    return tuple(np.asarray(jax.vmap(f)(points))[:, 0] for f in (field(100.0), field(100.0, surrogate)))


def test_the_curves_of_figure_4b():
    y = jax.vmap(lambda w: output(TABLE_1.at[0].set(w), 100.0))(jnp.array([-0.2, 0.2, -0.01312]))
    np.testing.assert_allclose(y[:2], [0.49999994, 0.339674], atol=1e-6)
    np.testing.assert_allclose(y[2], 3.016e-7, rtol=1e-3)
    ws = np.linspace(-0.2, 0.2, 40_001)
    true, surrogate = slope_and_surrogate(ws, 25.0)
    np.testing.assert_allclose(np.mean(np.sign(true) != np.sign(surrogate)), 0.07596, atol=5e-5)
    for steepness, zero in ((25.0, 0.0172694), (30.0, 0.0088335)):
        surrogate = slope_and_surrogate(ws, steepness)[1]
        crossings = ws[1:][np.diff(np.sign(surrogate)) != 0]
        np.testing.assert_allclose(crossings, [zero], atol=1e-5)
    assert np.all(slope_and_surrogate(ws, 15.0)[1] < 0)


def line(w):
    return TABLE_1.at[0].set(w)


def test_the_true_gradient_integrates_to_the_difference_and_the_surrogate_does_not():
    difference = output(line(0.2), 100.0) - output(line(-0.2), 100.0)
    integral = line_integral(field(100.0), line, -0.2, 0.2, tolerance=1e-13)
    assert integral.converged
    np.testing.assert_allclose(integral.value, difference, atol=1e-12)
    assert abs(line_integral(field(100.0, 25.0), line, -0.2, 0.2).value - difference) > 0.1


def test_the_order_of_integration_matters_for_the_surrogate_alone():
    point = jnp.array([1.0, 1.7, -1.3, 1.0, -1.0])
    for surrogate, expected in ((2.0, (1.3125e-2, -2.7029e-2)), (4.0, (3.141e-4, -1.5420e-3)), (20.0, (0.0, 0.0))):
        np.testing.assert_allclose(field(20.0, surrogate)(point)[1:3], expected, rtol=2e-4, atol=1e-7)
    axes = jnp.eye(5)
    plane = Plane(jnp.array([1.0, 0.0, 0.0, 1.0, -1.0]), axes[1], axes[2])
    grid = jnp.linspace(-2.0, 2.0, 161)
    heights = over_plane(lambda vector: output(vector, 20.0), plane, grid, grid)
    for order in staircase_integrals(field(20.0), plane, grid, grid):
        np.testing.assert_allclose(order, heights - heights[0, 0], atol=5e-5)
    first, second = staircase_integrals(field(20.0, 4.0), plane, grid, grid)
    assert np.max(np.abs(first - second)) > 0.1


# Loops


@pytest.mark.parametrize(("surrogate", "expected"), [(1.0, -0.041506), (5.0, -0.599461), (20.0, -1.231323)])
def test_the_loops_of_figure_5(surrogate, expected):
    np.testing.assert_allclose(loop_integral(field(1e4, surrogate), CIRCLE).value, expected, atol=1e-6)


@pytest.mark.parametrize(("surrogate", "expected"), [(1.0, -0.041237), (5.0, -0.599310), (20.0, -1.229197)])
def test_the_loops_of_figure_5_when_refined(surrogate, expected):
    integral = line_integral(field(1e4, surrogate), CIRCLE, 0.0, 2 * np.pi, tolerance=1e-8)
    assert integral.converged
    np.testing.assert_allclose(integral.value, expected, atol=1e-6)


@pytest.mark.parametrize(("surrogate", "expected"), [(1.0, 0.107582188777767), (5.0, -0.084669880274959)])
def test_the_loops_of_the_smooth_network(surrogate, expected):
    smooth = field(20.0, surrogate)
    np.testing.assert_allclose(loop_integral(smooth, CIRCLE).value, expected, atol=1e-9)
    np.testing.assert_allclose(loop_integral(smooth, CIRCLE, start=1.234).value, expected, atol=1e-9)
    backwards = loop_integral(smooth, lambda angle: CIRCLE(-angle)).value
    np.testing.assert_allclose(backwards, -expected, atol=1e-9)
    np.testing.assert_allclose(line_integral(smooth, CIRCLE, 0.0, 2 * np.pi).value, expected, atol=1e-9)


def test_a_reversed_loop_has_the_other_sign():
    smooth = field(20.0, 5.0)
    forth, back = (loop_integral(smooth, loop).value for loop in (CIRCLE, lambda angle: CIRCLE(-angle)))
    np.testing.assert_allclose(forth, -back, atol=1e-12)


def test_the_true_gradient_has_no_loop():
    assert abs(loop_integral(field(20.0), CIRCLE).value) < 1e-12
    errors = [abs(loop_integral(field(20.0), CIRCLE, points).value) for points in (10, 30, 100, 300, 1000)]
    for error, expected in zip(errors[:4], (0.79, 0.32, 9.3e-4, 4.2e-8), strict=True):
        np.testing.assert_allclose(error, expected, rtol=0.03)
    assert errors[4] < 1e-14


def test_the_step_network_along_the_circle():
    angles = jnp.deg2rad(jnp.array([30.0, 100.0, 190.0, 250.0, 330.0]))
    np.testing.assert_allclose(jax.vmap(lambda a: output(CIRCLE(a), 1e4))(angles), [0, 1, 0.5, 1, 0], atol=1e-6)


def test_what_is_cumulated_ends_with_the_integral():
    loop = loop_integral(field(20.0, 5.0), CIRCLE, 600)
    np.testing.assert_allclose(loop.cumulated[-1], loop.value, rtol=1e-12)
    quarter = line_integral(field(20.0, 5.0), CIRCLE, 0.0, np.pi / 2).value
    np.testing.assert_allclose(loop.cumulated[149], quarter, atol=1e-4)


def test_many_loops_in_one_row_are_the_single_ones():
    counts = (3, 300, 8)
    many = loop_integrals(field(20.0, 5.0), CIRCLE, counts, start=0.4)
    for count, found in zip(counts, many, strict=True):
        single = fields.loop_integral(field(20.0, 5.0), CIRCLE, count, start=0.4)
        assert found.angles.shape == (count,)
        for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(single), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
    assert abs(many[0].value - many[1].value) > 1e-3


def test_a_small_loop_is_the_curl():
    centre = jnp.array([0.3, -0.2, 0.4, 0.6, -0.5])
    small = Plane(centre, PLANE.first, PLANE.second)
    per_area = loop_integral(field(5.0, 1.0), small.circle(1e-3), 64).value / (np.pi * 1e-6)
    rotation = curl(field(5.0, 1.0), centre, PLANE.first, PLANE.second)
    assert abs(rotation) > 1e-3
    np.testing.assert_allclose(per_area, -rotation, rtol=1e-4)


def test_a_rule_gives_the_same_gradient_and_hides_its_curl():
    vector = jnp.array([0.3, -0.2, 0.4, 0.6, -0.5])
    written, ruled = field(5.0, 1.0), field_by_rule(5.0, 1.0)
    np.testing.assert_allclose(written(vector), ruled(vector), rtol=1e-13)
    assert abs(curl(ruled, vector, PLANE.first, PLANE.second)) < 1e-13


def test_there_is_no_curl_if_and_only_if_the_surrogate_is_the_true_slope():
    grid = jnp.linspace(-1.0, 1.0, 5)
    assert np.max(np.abs(curl_map(field(3.0, 3.0), PLANE, grid, grid))) < 1e-13
    assert np.max(np.abs(curl_map(field(3.0, 2.0), PLANE, grid, grid))) > 1e-2


def test_a_loop_in_a_random_plane_is_not_closed_either():
    size = []
    for seed in range(20):
        plane = Plane.random(jax.random.key(seed), 5)
        size.append(abs(loop_integral(field(1e4, 5.0), plane.circle(1.8)).value))
    assert np.mean(np.array(size) > 0.01) > 0.7


def test_a_polygon_is_the_sum_of_its_sides():
    corners = [PLANE.point(x, y) for x, y in ((1.0, 0.0), (0.0, 1.0), (-1.0, -0.5))]
    whole = polygon_integral(field(3.0, 1.0), jnp.stack(corners))
    backwards = polygon_integral(field(3.0, 1.0), jnp.stack(corners[::-1]))
    assert whole.converged
    assert abs(whole.value) > 1e-3
    np.testing.assert_allclose(whole.value, -backwards.value, atol=1e-9)
    assert abs(polygon_integral(field(3.0), jnp.stack(corners)).value) < 1e-9


# Integrals of functions that are known


def test_an_adaptive_integral_says_how_wrong_it_may_be():
    def kink(point):
        return jnp.sign(point - 0.3)

    integral = line_integral(kink, lambda t: t[None], 0.0, 1.0, tolerance=1e-9)
    assert abs(integral.value - 0.4) <= max(integral.error, 1e-9)
    poor = line_integral(kink, lambda t: t[None], 0.0, 1.0, tolerance=1e-9, max_evaluations=100)
    assert not poor.converged
    assert 1e-9 < abs(poor.value - 0.4) <= poor.error


def cosine(dtype):
    """A field and a curve in this dtype; from 0 to 1 the integral is sin(1)."""
    return jnp.cos, lambda t: t[None].astype(dtype)


@pytest.mark.parametrize(("dtype", "met"), [(jnp.float32, 1e-6), (jnp.float64, 1e-14)])
def test_rounding_counts_in_the_error_of_an_adaptive_integral(dtype, met):
    field, curve = cosine(dtype)
    loose = line_integral(field, curve, 0.0, 1.0, tolerance=met)
    tight = line_integral(field, curve, 0.0, 1.0, tolerance=1e-3 * met)
    assert loose.converged
    assert not tight.converged
    for integral in (loose, tight):
        assert abs(integral.value - np.sin(1.0)) <= integral.error
        assert integral.converged == (integral.error <= (met if integral is loose else 1e-3 * met))
    assert tight.evaluations < 1000  # what rounding hides is not refined


def test_a_polygon_in_single_precision_says_so():
    corners = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.3, 0.8]], jnp.float32)
    single, double = (polygon_integral(lambda x: jnp.sin(x[::-1]), each) for each in (corners, corners.astype(float)))
    assert double.converged
    assert not single.converged
    assert 1e-10 < abs(single.value - double.value) <= single.error


# Refusals


@pytest.mark.usefixtures("annotations_off")
def test_planes_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"`second` must not be parallel to `first`, got \[-2\. -4\.\]"):
        Plane([0.0, 0.0], [1.0, 2.0], [-2.0, -4.0])
    with pytest.raises(ValueError, match="`first` must have a length, got"):
        Plane([0.0, 0.0], [0.0, 0.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="must be vectors of one length, at least 2, got the shapes"):
        Plane([0.0, 0.0], [1.0, 0.0], [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="`first` must be finite, got"):
        Plane([0.0, 0.0], [np.nan, 0.0], [1.0, 0.0])


@pytest.mark.parametrize("points", [2, 0, -5])
def test_loops_of_fewer_than_three_points_are_refused(points):
    with pytest.raises(ValueError, match=f"`points` must be at least 3 for a loop, got {points}"):
        loop_integral(field(1.0), CIRCLE, points)
    with pytest.raises(ValueError, match=f"`points` must be at least 3 for a loop, got {points}"):
        loop_integrals(field(1.0), CIRCLE, (30, points))


def test_no_loops_at_all_are_refused():
    with pytest.raises(ValueError, match="`counts` must have at least one number of points, got none"):
        loop_integrals(field(1.0), CIRCLE, ())


def test_polygons_of_fewer_than_three_corners_are_refused():
    with pytest.raises(ValueError, match=r"`corners` must be at least 3 points, one row each, got the shape \(2, 5\)"):
        polygon_integral(field(1.0), jnp.ones((2, 5)))


@pytest.mark.parametrize("radius", [0.0, -1.0, np.nan, np.inf])
def test_circles_without_a_radius_are_refused(radius):
    with pytest.raises(ValueError, match="`radius` must be positive and finite, got"):
        PLANE.circle(radius)


def test_other_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="`tolerance` must be positive and finite, got"):
        line_integral(field(1.0), line, 0.0, 1.0, tolerance=0.0)
    with pytest.raises(ValueError, match="`end` must be finite, got"):
        line_integral(field(1.0), line, 0.0, np.inf)
    with pytest.raises(ValueError, match="`tolerance` must be positive and finite, got"):
        polygon_integral(field(1.0), jnp.ones((3, 5)), tolerance=-1.0)
    with pytest.raises(ValueError, match="A grid must have at least 2 points on each side, got 1 and 3"):
        staircase_integrals(field(1.0), PLANE, jnp.zeros(1), jnp.arange(3.0))


def test_parameters_and_inputs_of_another_network_are_refused():
    network = MultilayerPerceptron((1, 1, 2, 1), Sigmoid(1.0))
    with pytest.raises(ValueError, match="`inputs` must be"):
        surrogate_gradient(lambda y: y[0], network, parameters_of(TABLE_1), jnp.ones(2))
    with pytest.raises(ValueError, match="`parameters` must have weights of the shapes"):
        surrogate_gradient(lambda y: y[0], network, MultilayerParameters([[[1.0]]]), ONE)
