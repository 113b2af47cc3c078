"""The bundle of page 04 holds the paper's Table 1 and Fig. 4, and the bracket of Eq. 9 is the derivative's own sign."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.experiments._five_weights import network_output, weight_field
from sgtheory.experiments.sign_flip import (
    FINE_POINTS,
    HALF_RANGE,
    TABLE_1,
    SignFlipSetting,
    bracket,
    map_axis,
    sign_flip,
    sign_flip_maps,
    weight_axis,
)


@pytest.fixture(scope="module")
def setting():
    def of(**others):
        numbers = TABLE_1 | others
        return SignFlipSetting(**{name: jnp.asarray(float(number)) for name, number in numbers.items()})

    return of


@pytest.fixture(scope="module")
def table_1(setting):
    return sign_flip(setting())


def test_the_numbers_of_table_1(table_1):
    here = table_1.at_weight
    np.testing.assert_allclose([here.true_bracket, here.surrogate_bracket], [0.2840380160, -0.1488973363], atol=1e-10)
    np.testing.assert_allclose([here.gradient, here.surrogate], [0.70249596, -2.97767802], atol=1e-8)


def test_what_is_read_off_at_a_weight_lies_on_the_curves(setting):
    k = 37
    shown = sign_flip(setting(w=float(weight_axis()[k])))
    for name in ("output", "gradient", "surrogate"):
        np.testing.assert_allclose(getattr(shown.at_weight, name), getattr(shown, name)[k], rtol=1e-9)
    for name in ("true_bracket", "surrogate_bracket"):
        np.testing.assert_allclose(getattr(shown.at_weight, name), getattr(shown, name).total[k], rtol=1e-9)


def test_the_output_over_w(setting, table_1):
    ends = [table_1.output[0], table_1.output[-1]]
    np.testing.assert_allclose(ends, [0.49999994, 0.339674], atol=1e-6)
    others = jnp.array([0.05, 0.1, 1.0, -1.0])
    lowest = network_output(jnp.array(100.0), jnp.concatenate([jnp.array([-0.01312]), others]))
    np.testing.assert_allclose(lowest, 3.016e-7, rtol=1e-3)
    # The derivative is that of the curve that is shown beside it.
    curve = np.gradient(np.asarray(table_1.output), np.asarray(weight_axis()))
    np.testing.assert_allclose(curve[1:-1], table_1.gradient[1:-1], atol=0.03 * np.max(np.abs(table_1.gradient)))


def test_the_bracket_alone_decides_about_the_sign(table_1):
    for derivative, its in (
        (table_1.gradient, table_1.true_bracket),
        (table_1.surrogate, table_1.surrogate_bracket),
    ):
        told = np.abs(derivative) > 1e-200
        assert np.any(told)
        assert np.array_equal(np.sign(derivative)[told], np.sign(its.total)[told])


def zeros(setting, steepness):
    """Where the surrogate's bracket crosses zero, on a fine grid of w."""
    w = weight_axis(FINE_POINTS)
    total = np.asarray(bracket(setting, w, jnp.asarray(steepness)).total)
    k = np.flatnonzero(np.sign(total[:-1]) != np.sign(total[1:]))
    return np.asarray(w)[k] - total[k] * (2 * HALF_RANGE / (FINE_POINTS - 1)) / (total[k + 1] - total[k])


@pytest.mark.parametrize(
    ("steepness", "expected"), [(25.0, [0.017269]), (30.0, [0.008834]), (15.0, []), (100.0, [-0.013114])]
)
def test_where_the_surrogate_turns_its_sign(setting, steepness, expected):
    np.testing.assert_allclose(zeros(setting(), steepness), expected, atol=2e-6)


def test_the_share_of_wrong_signs(setting, table_1):
    np.testing.assert_allclose(table_1.share, (0.017269 + 0.013114) / (2 * HALF_RANGE), atol=3e-4)
    assert float(sign_flip(setting(surrogate=100.0)).share) == 0.0  # with its own slope it is the gradient


def test_the_maps_differ_by_the_order_of_integration_and_only_for_a_surrogate():
    maps = sign_flip_maps(jnp.asarray(4.0))
    assert maps.across_first.shape == maps.upward_first.shape == (len(map_axis()),) * 2
    assert np.max(np.abs(maps.across_first - maps.upward_first)) > 1e-2
    same = sign_flip_maps(jnp.asarray(20.0))
    between = np.max(np.abs(same.across_first - same.upward_first))
    assert between < 0.1 * np.max(np.abs(same.across_first))


@pytest.mark.parametrize(
    ("steepness", "expected"),
    [(2.0, [1.3125e-2, -2.7029e-2]), (4.0, [3.141e-4, -1.5420e-3]), (20.0, [0.0, 0.0])],
)
def test_the_published_point_of_the_maps(steepness, expected):
    field = weight_field(jnp.asarray(20.0), jnp.asarray(steepness))
    there = field(jnp.array([1.0, 1.7, -1.3, 1.0, -1.0]))
    np.testing.assert_allclose(there[1:3], expected, rtol=1e-3, atol=1e-9)


def test_a_changed_number_changes_the_picture(setting, table_1):
    for field in dataclasses.fields(SignFlipSetting):
        other = sign_flip(setting(**{field.name: TABLE_1[field.name] + 0.37}))
        leaves = zip(jax.tree.leaves(other), jax.tree.leaves(table_1), strict=True)
        assert not all(np.array_equal(a, b) for a, b in leaves), field.name


def test_a_sweep_is_many_pictures(setting):
    settings = [setting(surrogate=surrogate) for surrogate in (10.0, 25.0)]
    swept = jax.vmap(sign_flip)(jax.tree.map(lambda *numbers: jnp.stack(numbers), *settings))
    for k, each in enumerate(settings):
        np.testing.assert_allclose(swept.at_weight.surrogate[k], sign_flip(each).at_weight.surrogate, rtol=1e-10)
        np.testing.assert_allclose(
            swept.surrogate_bracket.total[k], sign_flip(each).surrogate_bracket.total, rtol=1e-10
        )
