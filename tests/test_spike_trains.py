"""Losses and statistics of spike trains: NumPy's answers, and the identities of the subject."""

import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sgtheory as sg
from sgtheory.losses import TRAIN_LOSSES
from sgtheory.statistics import coefficient_of_variation, fano_factor, interspike_intervals, victor_purpura_distance

SPIKES = jnp.array(np.random.default_rng(0).random((30, 4)) < 0.3).astype(float)
TARGET = jnp.array(np.random.default_rng(1).random((30, 4)) < 0.3).astype(float)


def build(kind):
    """A loss of any kind: a target of the right sort where it has one."""
    fields = inspect.signature(kind).parameters
    if "target" not in fields:
        return kind()
    return kind(TARGET) if "Distance" in kind.__name__ else kind(2)


def kernel(length=600, slow=10.0, fast=5.0, scale=0.2):
    time = np.arange(length)
    return scale * (np.exp(-time / slow) - np.exp(-time / fast))


@pytest.mark.parametrize("kind", TRAIN_LOSSES.values(), ids=TRAIN_LOSSES)
def test_it_is_one_number_under_jit_vmap_and_grad(kind):
    loss = build(kind)
    value = loss(SPIKES)
    assert value.shape == ()
    assert value.dtype == SPIKES.dtype
    assert float(eqx.filter_jit(lambda each, output: each(output))(loss, SPIKES)) == pytest.approx(
        float(value), rel=1e-12
    )
    many = jax.vmap(loss)(jnp.stack([SPIKES, TARGET]))
    assert float(many[0]) == pytest.approx(float(value), rel=1e-12)
    assert jax.grad(loss)(SPIKES).shape == SPIKES.shape


def test_the_squared_distance_is_that_of_the_paper():
    expected = np.mean([0.5 * np.sum((SPIKES[:, i] - TARGET[:, i]) ** 2) for i in range(4)])
    assert float(sg.SpikeTrainDistance(TARGET)(SPIKES)) == pytest.approx(expected, rel=1e-13)


def test_the_van_rossum_distance_is_that_of_convolved_trains():
    filtered = [np.convolve(SPIKES[:, i] - TARGET[:, i], kernel())[:30] for i in range(4)]
    expected = np.mean([0.5 * np.sum(each**2) for each in filtered])
    assert float(sg.VanRossumDistance(TARGET)(SPIKES)) == pytest.approx(expected, rel=1e-12)


def test_the_van_rossum_distance_has_the_identities_of_a_distance():
    assert float(sg.VanRossumDistance(TARGET)(TARGET)) == 0.0
    assert float(sg.VanRossumDistance(TARGET)(SPIKES)) == pytest.approx(float(sg.VanRossumDistance(SPIKES)(TARGET)))
    silence = jnp.zeros((600, 1))
    spike = silence.at[0].set(1.0)
    one = float(sg.VanRossumDistance(spike)(silence))
    assert one == pytest.approx(0.5 * np.sum(kernel() ** 2), rel=1e-12)
    shifted = [float(sg.VanRossumDistance(spike)(jnp.roll(spike, shift))) for shift in range(40)]
    assert all(np.diff(shifted) > 0)
    assert kernel(10_000).sum() == pytest.approx(0.9983, abs=5e-5)  # as the docstring says


def test_classification_by_the_maximum_and_by_the_sum():
    potentials = np.random.default_rng(2).normal(size=(12, 5))

    def negative_log(scores, target):
        return float(np.log(np.sum(np.exp(scores))) - scores[target])

    softmax = np.exp(potentials) / np.exp(potentials).sum(axis=1, keepdims=True)
    output = sg.SpikeTrains((SPIKES[:12],), jnp.array(potentials))
    assert float(sg.MaximumOverTime(3)(output)) == pytest.approx(negative_log(potentials.max(axis=0), 3), rel=1e-12)
    assert float(sg.SumOfSoftmax(3)(output)) == pytest.approx(negative_log(softmax.sum(axis=0), 3), rel=1e-12)
    for loss in (sg.MaximumOverTime, sg.SumOfSoftmax):
        with pytest.raises(ValueError, match="`target` must be below the number of classes, 5"):
            loss(5)(output)
        with pytest.raises(ValueError, match="a network without one"):
            loss(0)(sg.SpikeTrains((SPIKES,)))


def test_regularisers_act_on_features():
    counts = np.array([[9.0, 5.0, 10.0], [1.0, 2.0, 3.0]])  # channels × positions
    spikes = jnp.array(np.where(np.arange(12)[:, None, None] < counts, 1.0, 0.0))
    upper = sg.UpperActivity(limit=7.0, strength=0.01)
    assert float(upper(sg.SpikeTrains((spikes,)))) == pytest.approx(0.01 * np.mean([1.0, 0.0]))
    assert float(upper(sg.SpikeTrains((spikes, spikes)))) == pytest.approx(0.01 * 2 * np.mean([1.0, 0.0]))
    lower = sg.LowerActivity(limit=2.0, strength=3.0)
    assert float(lower(sg.SpikeTrains((spikes,)))) == pytest.approx(3.0 * np.mean([0, 0, 0, 1, 0, 0]))


def test_a_sum_of_losses():
    parts = sg.SpikeCount(), sg.UpperActivity(limit=1.0)
    assert float(sg.Sum(*parts)(SPIKES)) == pytest.approx(sum(float(part(SPIKES)) for part in parts))
    with pytest.raises(ValueError, match="at least one loss"):
        sg.Sum()
    with pytest.raises(TypeError, match="AbstractLoss"):
        sg.Sum(jnp.sum)


# ---- statistics ----


def test_the_fano_factor_of_independent_spikes():
    trials = 400
    for p in (0.1, 0.5):
        spikes = (np.random.default_rng(3).random((trials, 300, 2)) < p).astype(float)
        bins = spikes.mean(axis=0)
        error = np.std(spikes.var(axis=0, ddof=1) / bins) / np.sqrt(bins.size)
        assert abs(float(fano_factor(jnp.array(spikes))) - (1 - p)) < 4.5 * error + 1e-3
    few = (np.random.default_rng(4).random((10, 4000, 5)) < 0.01).astype(float)
    assert float(fano_factor(jnp.array(few))) == pytest.approx(0.99, abs=0.01)
    bins = few.mean(axis=0)
    assert np.mean((few.var(axis=0) / np.where(bins > 0, bins, 1))[bins > 0]) == pytest.approx(0.895, abs=0.005)


def test_the_fano_factor_of_counts_in_a_window():
    spikes = (np.random.default_rng(5).random((50, 40, 3)) < 0.3).astype(float)
    counts = np.stack([spikes[:, k : k + 10].sum(axis=1) for k in range(31)], axis=1)
    expected = np.mean(counts.var(axis=0, ddof=1) / counts.mean(axis=0))
    assert float(fano_factor(jnp.array(spikes), window=10)) == pytest.approx(expected, rel=1e-12)


def test_a_fano_factor_needs_trials_and_spikes():
    with pytest.raises(ValueError, match="at least two trials"):
        fano_factor(SPIKES[None])
    with pytest.raises(ValueError, match="at least one spike"):
        fano_factor(jnp.zeros((3, 5, 2)))
    with pytest.raises(ValueError, match="`window` must lie between 1 and the 5 steps"):
        fano_factor(jnp.ones((3, 5, 2)), window=6)


def test_intervals_of_a_clock_and_of_a_poisson_process():
    clock = np.tile([1, 0, 0, 0], 50)
    assert set(interspike_intervals(clock, time_step=0.5)) == {2.0}
    assert coefficient_of_variation(interspike_intervals(clock)) == 0.0
    poisson = np.random.default_rng(6).random(200_000) < 0.01
    assert coefficient_of_variation(interspike_intervals(poisson)) == pytest.approx(1.0, abs=0.06)


def test_the_victor_purpura_distance_against_a_plain_recursion():
    random = np.random.default_rng(7)

    def plain(a, b, cost):
        table = np.zeros((len(a) + 1, len(b) + 1))
        table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                shifted = table[i - 1, j - 1] + cost * abs(a[i - 1] - b[j - 1])
                table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, shifted)
        return table[-1, -1]

    for cost in (0.0, 0.05, 0.5, 10.0):
        for sizes in ((0, 3), (4, 0), (5, 7), (12, 12)):
            a, b = (np.sort(random.random(size) * 100) for size in sizes)
            assert victor_purpura_distance(a, b, cost) == pytest.approx(plain(a, b, cost), abs=1e-12)
    assert victor_purpura_distance([1.0, 2.0], [5.0], 0.0) == 1.0  # counts alone
    with pytest.raises(ValueError, match="rising order"):
        victor_purpura_distance([2.0, 1.0], [1.0], 1.0)
