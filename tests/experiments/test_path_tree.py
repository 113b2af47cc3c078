"""The experiment behind page 02: every path of Fixture A, and the laws of what is drawn from them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Sigmoid
from sgtheory.experiments import path_tree as module
from sgtheory.experiments.path_tree import (
    DRAWS,
    THRESHOLDS,
    WIDTHS,
    PathTreeSetting,
    Scaled,
    draw_counts,
    draw_uniforms,
    layer_patterns,
    leaf_of,
    path_tree,
    step_axis,
    step_exponents,
    weight_axis,
)
from sgtheory.gradients import FiniteDifference, SurrogateGradient, flip_gradient, sample_gradients
from sgtheory.losses import Total
from sgtheory.networks import MultilayerPerceptron
from sgtheory.rules import Threshold

pytestmark = pytest.mark.usefixtures("quick_compilation")
CHAIN, WIDE = WIDTHS[0], WIDTHS[-1]
NUMBERS = {"w": 0.8, "v": 1.2, "u": -0.9, "steepness": 2.0, "input": 1.0, "step": 0.5}
"""Fixture A, and a step."""

every_width = pytest.mark.parametrize("widths", WIDTHS)


def setting(widths=CHAIN, seed=0, **numbers):
    return PathTreeSetting(**(NUMBERS | numbers), patterns=layer_patterns(jax.random.key(seed), widths))


def picture(widths=CHAIN, seed=0, dice=1, **numbers):
    return path_tree(setting(widths, seed, **numbers), draw_uniforms(jax.random.key(dice), widths))


def scaled(widths=CHAIN, seed=0):
    return Scaled(MultilayerPerceptron(widths, Sigmoid(2.0), THRESHOLDS), layer_patterns(jax.random.key(seed), widths))


SCALES = jnp.array([0.8, 1.2, -0.9])


def leaf(*digits):
    return leaf_of((jnp.array(digits),))


# ---- fixture A -------------------------------------------------------------------------------------------------------


def test_fixture_a():
    shown = picture()
    np.testing.assert_allclose(shown.expected, 0.3346043468664222, atol=1e-14)
    np.testing.assert_allclose(shown.exact, [-0.084056215408, -0.09300857765, 0.209074620694], atol=1e-12)
    np.testing.assert_allclose(shown.mean, [-0.054061897524, -0.073010638466, 0.209074620694], atol=1e-12)


def test_the_paths_of_fixture_a():
    shown = picture()
    by_hidden = shown.probability.reshape(4, 2)
    np.testing.assert_allclose(
        by_hidden.sum(axis=1), [0.196611933241, 0.072329488129, 0.144615165260, 0.586443413370], atol=1e-11
    )
    gradients = [
        (-0.08024469123, 0, 0),
        (-0.052999172058, 0, 0.317369794991),
        (-0.06476524793, -0.137252706517, 0),
        (-0.042775471696, -0.090651228095, 0.317369794991),
    ]
    # The output is part of the path and of no gradient along it.
    np.testing.assert_allclose(shown.gradient[::2], gradients, atol=1e-11)
    np.testing.assert_allclose(shown.gradient[1::2], gradients, atol=1e-11)


def test_the_deterministic_network_takes_one_path():
    shown = picture()
    assert shown.deterministic_leaf == leaf(1.0, 1.0, 0.0)
    np.testing.assert_array_equal(shown.deterministic, shown.gradient[6])
    # Its first unit silent: another path.
    assert picture(w=0.2).deterministic_leaf == leaf(0.0, 0.0, 1.0)


# ---- every network ---------------------------------------------------------------------------------------------------


@every_width
def test_probabilities_sum_to_one_and_paths_add_up(widths):
    shown = picture(widths)
    assert shown.probability.shape == (2 ** sum(widths[1:]),)
    np.testing.assert_allclose(shown.probability.sum(), 1.0, rtol=1e-14)
    np.testing.assert_allclose(shown.probability @ shown.gradient, shown.mean, rtol=1e-13)
    np.testing.assert_allclose(shown.probability[1::2].sum(), shown.expected, rtol=1e-13)
    assert leaf_of(tuple(jnp.ones(units) for units in widths[1:])) == len(shown.probability) - 1


@every_width
def test_the_exact_gradient_is_that_of_the_flip_identity(widths, quick_jit):
    network = scaled(widths)
    gradient = quick_jit(flip_gradient)(Total(), network.network, network.weights(SCALES), jnp.ones(1))
    by_scale = [
        jnp.sum(pattern * matrix) for pattern, matrix in zip(network.patterns.weights, gradient.weights, strict=True)
    ]
    shown = picture(widths)
    np.testing.assert_allclose(shown.exact, by_scale, rtol=1e-11)
    # Which the mean over all paths is for the last layer alone.
    np.testing.assert_allclose(shown.mean[2], shown.exact[2], rtol=1e-12)
    assert np.all(np.abs(shown.mean[:2] - shown.exact[:2]) > 1e-4)


@every_width
def test_the_deterministic_gradient_is_the_surrogate_gradient_without_noise(widths):
    estimator = SurrogateGradient(forward=Threshold())
    gradient = estimator.estimate(Total(), scaled(widths), SCALES, jnp.ones(1), key=jax.random.key(0))
    np.testing.assert_allclose(picture(widths).deterministic, gradient, rtol=1e-12)


@every_width
def test_surrogate_gradients_drawn_elsewhere_have_this_mean_and_deviation(widths):
    drawn = sample_gradients(
        SurrogateGradient(), Total(), scaled(widths), SCALES, jnp.ones(1), draws=20_000, key=jax.random.key(3)
    )
    shown = picture(widths)
    error = shown.error[0] / np.sqrt(len(drawn))
    assert np.max(np.abs(drawn.mean(axis=0) - shown.mean) / error) < 4.5
    np.testing.assert_allclose(drawn.std(axis=0), shown.error[0], rtol=0.05)
    # The negative control: they are not draws about the exact gradient.
    assert np.max(np.abs(drawn.mean(axis=0) - shown.exact) / error) > 10


def test_gradients_over_the_middle_weight_are_those_of_other_pictures():
    shown, k = picture(), 12
    other = picture(v=float(weight_axis()[k]))
    for name in ("exact", "mean", "deterministic"):
        np.testing.assert_allclose(getattr(shown, f"{name}_over")[k], getattr(other, name), rtol=1e-12, atol=1e-17)


# ---- what is drawn ---------------------------------------------------------------------------------------------------


def test_leaves_are_drawn_as_often_as_they_are_probable():
    shown = picture()
    runs = jax.vmap(lambda key: path_tree(setting(), draw_uniforms(key, CHAIN)).sampled_leaf)(
        jax.random.split(jax.random.key(5), 100)
    )
    shares = np.bincount(np.asarray(runs, dtype=int).ravel(), minlength=8) / runs.size
    p = np.asarray(shown.probability)
    assert np.max(np.abs(shares - p) / np.sqrt(p * (1 - p) / runs.size)) < 4.5


def test_the_running_mean_converges_beside_the_exact_gradient():
    shown = picture()
    followed = np.asarray(shown.gradient)[np.asarray(shown.sampled_leaf, dtype=int)]
    for count in (1, 7, DRAWS):
        np.testing.assert_allclose(shown.running_mean[count - 1], followed[:count].mean(axis=0), rtol=1e-12)
    error = np.asarray(shown.error[-1])
    assert np.max(np.abs(shown.running_mean[-1] - shown.mean) / error) < 4.5
    assert abs(shown.running_mean[-1] - shown.exact)[0] / error[0] > 10


def hidden(leaves):
    return np.asarray(leaves, dtype=int) >> 1


def test_coupled_pairs_part_only_where_a_uniform_lies_between_the_probabilities():
    shown = picture()
    uniforms = draw_uniforms(jax.random.key(1), CHAIN)[0][0, :, 0]
    low, high = 1 / (1 + np.exp(-2 * (0.55 - 0.3))), 1 / (1 + np.exp(-2 * (1.05 - 0.3)))
    between = (low <= uniforms) & (uniforms < high)
    above, below = shown.above, shown.pairs.below[..., 0]
    np.testing.assert_array_equal(above[0] != below[0], between)
    assert 0 < between.sum() < DRAWS
    np.testing.assert_allclose(shown.pairs.parting[0, 0], high - low, rtol=1e-12)
    # By u, only the output can part.
    np.testing.assert_array_equal(hidden(above[2]), hidden(below[2]))
    # The negative control: with dice of their own they part elsewhere, too.
    assert np.any((above[0] != shown.pairs.below[0, :, 1]) & ~between)
    assert shown.pairs.parting[0, 1] > 3 * shown.pairs.parting[0, 0]


def test_a_sampled_path_runs_between_those_of_its_pair():
    shown = picture()
    together = shown.above[0] == shown.pairs.below[0, :, 0]
    np.testing.assert_array_equal(shown.sampled_leaf[together], shown.above[0][together])


@pytest.mark.parametrize("widths", [CHAIN, WIDE])
@pytest.mark.parametrize("coupled", [True, False])
def test_the_law_of_the_variance_is_that_of_drawn_pairs(widths, coupled):
    estimator = FiniteDifference(step=0.5, coupled=coupled)
    drawn = np.asarray(
        sample_gradients(estimator, Total(), scaled(widths), SCALES, jnp.ones(1), draws=40_000, key=jax.random.key(11))
    )
    shown = picture(widths)
    kind = 0 if coupled else 1
    law, other = (10 ** np.asarray(shown.pairs.exponent[:, each]) for each in (kind, 1 - kind))
    squares = (drawn - drawn.mean(axis=0)) ** 2
    error = squares.std(axis=0) / np.sqrt(len(drawn))
    assert np.max(np.abs(squares.mean(axis=0) - law) / error) < 4.5
    assert np.min(np.abs(squares.mean(axis=0) - other) / error) > 10


def test_slopes_of_the_variances_are_minus_one_and_minus_two():
    exponents, steps = np.asarray(picture().pairs.exponents), np.asarray(step_exponents())[:5]
    for law, slope, tolerance in ((exponents[..., 0], -1, 0.1), (exponents[..., 1], -2, 0.05)):
        for values in law.T:
            assert abs(np.polyfit(steps, values[:5], 1)[0] - slope) < tolerance


def test_the_step_of_the_setting_is_one_of_the_steps_that_are_shown():
    k = 7
    shown = picture(step=float(step_axis()[k]))
    np.testing.assert_allclose(shown.pairs.exponent, shown.pairs.exponents[k], atol=1e-12)
    np.testing.assert_allclose(shown.step_exponent, step_exponents()[k], atol=1e-12)


def test_what_is_told_of_a_draw_is_that_of_its_path_and_of_its_pair():
    shown = picture()
    leaves = np.asarray(shown.sampled_leaf, dtype=int)
    np.testing.assert_array_equal(shown.sampled_gradient, np.asarray(shown.gradient)[leaves])
    np.testing.assert_array_equal(shown.sampled_probability, np.asarray(shown.probability)[leaves])
    for count in (1, 7, DRAWS):
        np.testing.assert_allclose(
            shown.share[:, count - 1], np.bincount(leaves[:count], minlength=8) / count, atol=1e-15
        )
    outputs = np.asarray(shown.above)[..., None] % 2 - np.asarray(shown.pairs.below) % 2
    np.testing.assert_allclose(np.moveaxis(shown.pairs.difference, 0, 1), outputs / 0.5)
    assert set(np.unique(outputs)) == {-1, 0, 1}


def test_the_error_of_a_mean_falls_with_the_root_of_the_draws():
    shown = picture()
    variance = np.asarray(shown.probability) @ (np.asarray(shown.gradient) - np.asarray(shown.mean)) ** 2
    np.testing.assert_allclose(shown.error, np.sqrt(variance / np.arange(1, DRAWS + 1)[:, None]), rtol=1e-12)
    np.testing.assert_array_equal(shown.band, np.asarray(shown.error)[np.asarray(draw_counts(), dtype=int) - 1])
    np.testing.assert_allclose(10 ** np.asarray(shown.exponent), variance, rtol=1e-12)


# ---- how it is computed ----------------------------------------------------------------------------------------------


def test_changing_a_number_traces_nothing_again(monkeypatch):
    traces = []
    original = module._pair_laws
    monkeypatch.setattr(module, "_pair_laws", lambda *arguments: traces.append(1) or original(*arguments))
    widths = (1, 3, 1, 1)  # of no other test
    path_tree(setting(widths), draw_uniforms(jax.random.key(0), widths))
    once = len(traces)
    for name, number in {"w": -1.0, "v": 0.0, "u": 2.0, "steepness": 9.0, "input": -2.0, "step": 0.05}.items():
        path_tree(setting(widths, seed=4, **{name: number}), draw_uniforms(jax.random.key(7), widths))
    assert len(traces) == once == 1
    another = (1, 1, 3, 1)
    shapes = eqx.filter_eval_shape(path_tree, setting(another), draw_uniforms(jax.random.key(0), another))
    assert len(traces) == 2
    assert shapes.probability.shape == (32,)


def test_a_sweep_is_many_pictures():
    uniforms, values = draw_uniforms(jax.random.key(1), WIDE), jnp.array([-1.0, 0.4])
    swept = jax.vmap(lambda w: path_tree(setting(WIDE, w=w), uniforms))(values)
    for k, w in enumerate(values):
        alone = picture(WIDE, w=float(w))
        for leaf, expected in zip(jax.tree.leaves(swept), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(leaf[k], expected, rtol=1e-9, atol=1e-13)


def test_a_chain_has_plain_weights_and_a_wide_layer_drawn_ones():
    assert [matrix.tolist() for matrix in layer_patterns(jax.random.key(3), CHAIN).weights] == [[[1.0]]] * 3
    patterns = [layer_patterns(jax.random.key(seed), WIDE).weights for seed in (0, 1)]
    assert [matrix.shape for matrix in patterns[0]] == [(2, 1), (2, 2), (1, 2)]
    assert all(np.all(a != b) for a, b in zip(*patterns, strict=True))


def test_scales_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"`parameters` must be one number a layer, got the shape \(2,\) for 3 layers"):
        scaled().check(jnp.ones(2), jnp.ones(1))


def test_uniforms_are_drawn_at_once_and_cut_layer_by_layer():
    layers = draw_uniforms(jax.random.key(1), WIDE)
    assert [layer.shape for layer in layers] == [(2, DRAWS, units) for units in WIDE[1:]]
    np.testing.assert_array_equal(
        np.concatenate(layers, axis=-1), jax.random.uniform(jax.random.key(1), (2, DRAWS, sum(WIDE[1:])))
    )


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 1, 1, 1), (1, 1, 1, 2)])
def test_patterns_of_another_kind_of_network_are_refused(widths):
    with pytest.raises(ValueError, match="`patterns` must be three matrices, for one input and one output, got"):
        setting(widths)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_not_finite_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*finite, got"):
        setting(**{name: np.nan})
