"""An all-silent network that learns by its pseudospikes; its loss, its network, and the files of MNIST."""

import gzip
import math
import struct
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sgtheory as sg
from sgtheory.data import DataError, idx_digits, latency_digits, read_idx
from sgtheory.experiments.silent_digits import (
    DURATION,
    LeavesOut,
    SilentSetting,
    respond,
    silent_network,
    silent_start,
    train_silent,
    volleys_of,
)
from sgtheory.training import train

SMALL = {"hidden": (30,), "batch": 100, "learning_rate": 1e-2}
STEPS = 80


@pytest.fixture(scope="module")
def digits():
    known, asked = latency_digits(jax.random.key(0))
    return known, type(asked)(asked.times[:100], asked.labels[:100])


@pytest.fixture(scope="module")
def courses(digits):
    """With pseudospikes and without."""
    return [list(train_silent(SilentSetting(pseudospikes=kind, **SMALL), digits, STEPS)) for kind in (True, False)]


def test_a_silent_network_learns_with_pseudospikes(courses):
    first, last = courses[0][0], courses[0][-1]
    assert first.steps == 0
    assert last.steps == STEPS
    assert last.loss.shape == (STEPS,)
    assert all(firing.sum() == 0 for firing in first.firing)
    assert first.silent.tolist() == [1.0]
    assert float(first.accuracy) < 0.3
    assert float(last.accuracy) > 0.7
    assert float(last.silent[0]) < 0.7
    assert last.loss[-10:].mean() < 0.7 * last.loss[:5].mean()
    # Before the end of the trial there are ordinary spikes and no others.
    assert ((last.times < DURATION) == (last.counts > 0)).all()


def test_without_pseudospikes_no_weight_moves(courses):
    first, last = courses[1][0], courses[1][-1]
    for before, after in zip(first.state.parameters, last.state.parameters, strict=True):
        np.testing.assert_array_equal(before.weights, after.weights)
    assert (last.times == DURATION).all()
    assert float(last.accuracy) < 0.3
    np.testing.assert_allclose(last.loss, math.log(10) + 0.01 * math.expm1(1), rtol=1e-6)


def test_a_run_goes_on_from_its_state(digits, courses):
    half = courses[0][0].state
    again = list(train_silent(SilentSetting(**SMALL), digits, STEPS, state=half))
    for one, other in zip(jax.tree.leaves(again[-1].state), jax.tree.leaves(courses[0][-1].state), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_gradient_of_a_silent_network_is_that_of_differences_and_zero_without_pseudospikes(digits):
    inputs = jax.tree.map(lambda leaf: leaf[0].astype(float), volleys_of(digits[0]))
    layers = jax.tree.map(lambda leaf: leaf.astype(float), silent_start(SilentSetting(hidden=(5, 4)), 64))
    draw, step = np.random.default_rng(0), 1e-6
    along = jax.tree.map(lambda leaf: jnp.asarray(draw.normal(size=leaf.shape)), layers)

    @eqx.filter_jit
    def loss(network, layers):
        return sg.FirstSpikeLoss(3)(network.run(layers, inputs, ()).output)

    def further(by):
        return jax.tree.map(lambda leaf, way: leaf + by * way, layers, along)

    for pseudospikes in (True, False):
        network = silent_network(pseudospikes)
        gradient = jax.jit(jax.grad(lambda layers: loss(network, layers)))(layers)  # noqa: B023
        if not pseudospikes:
            assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradient))
            continue
        difference = (loss(network, further(step)) - loss(network, further(-step))) / (2 * step)
        slope = sum(jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(along), strict=True))
        np.testing.assert_allclose(slope, difference, rtol=1e-6)
        assert abs(float(slope)) > 1e-3
        assert float(jnp.abs(gradient[0].weights).max()) > 1e-6


def test_left_out_channels_are_silent(digits):
    inputs = jax.tree.map(lambda leaf: leaf[0], volleys_of(digits[0]))
    network, layers = silent_network(True), silent_start(SilentSetting(hidden=(5,)), 64)
    leaves: Any = LeavesOut(network, jnp.asarray(0.5))
    noise = leaves.draw(inputs, key=jax.random.key(3))
    stays = np.asarray(noise) >= 0.5
    assert 10 < stays.sum() < 54
    left = eqx.tree_at(lambda each: each.counts, inputs, inputs.counts * stays[None].astype(np.float32))
    one, other = (each.output.times for each in (leaves.run(layers, inputs, noise), network.run(layers, left, ())))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, network.run(layers, inputs, ()).output.times)


def test_answers_are_first_spikes_of_the_last_layer(digits):
    few = jax.tree.map(lambda leaf: leaf[:20], volleys_of(digits[1]))
    layers = tuple(
        sg.EventLayer(30 * layer.weights.astype(jnp.float32)) for layer in silent_start(SilentSetting(hidden=(20,)), 64)
    )
    found = respond(silent_network(True), layers, few)
    assert 0 < int((found.spoke > 0).sum()) < found.spoke.size
    ordinary = found.log.layers[-1].times[:, :, 0]
    np.testing.assert_array_equal(found.times[:, :, 0][found.spoke > 0], ordinary[found.spoke > 0])
    assert bool((found.times[:, :, 0][found.spoke == 0] >= DURATION).all())


# ---- recurrent networks, and the general training loop ----


@pytest.mark.parametrize(
    "optimiser",
    [optax.adabelief(0.02), optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(12, store_grad=True))],
    ids=["AdaBelief", "line search"],
)
def test_a_recurrent_network_learns_spike_times_by_the_general_loop(optimiser):
    network = sg.PseudospikeNetwork(sg.RecurrentEventNetwork(duration=5.0, events=60), sg.ConstantDrive(), most=2)
    draw = np.random.default_rng(0)
    inputs = sg.InputSpikes(draw.uniform(0, 5, 8), np.arange(8) % 4)
    start = sg.EventParameters(draw.normal(2, 1, (3, 4)), np.zeros((3, 3)))
    batch = jax.tree.map(lambda leaf: leaf[None], inputs)
    targets = jnp.array([[1.5, 3.5], [2.0, 4.0], [2.5, 4.5]])

    def loss(found):
        return jnp.mean((found.times - targets) ** 2)

    reports = list(
        train(sg.PathwiseGradient(), loss, network, start, batch, optimiser, steps=150, key=jax.random.key(0), every=50)
    )
    losses = np.concatenate([report.loss for report in reports])
    assert losses[-1] < 0.2 * losses[0]
    if "search" in str(optimiser):
        assert (np.diff(losses) <= 1e-12).all()


def test_a_line_search_never_climbs():
    """Where the step is far too long, what does not search along the line climbs."""
    network = sg.PseudospikeNetwork(sg.LayeredEventNetwork(sg.QIF(), duration=5.0, throw=False), sg.ConstantDrive())
    batch = sg.InputSpikes([0.5], [0])
    batch = jax.tree.map(lambda leaf: leaf[None], batch)

    def loss(found):
        return (found.times[0, 0] - 2.0) ** 2

    courses = []
    searching = optax.chain(optax.sgd(30.0), optax.scale_by_backtracking_linesearch(30))
    for optimiser in (searching, optax.sgd(30.0)):
        reports = train(
            sg.PathwiseGradient(),
            loss,
            network,
            (sg.EventLayer([[2.7]]),),
            batch,
            optimiser,
            steps=12,
            key=jax.random.key(0),
        )
        courses.append(np.concatenate([report.loss for report in reports]))
    assert (np.diff(courses[0]) <= 1e-12).all()
    assert courses[0][-1] < 1e-2
    assert (np.diff(courses[1]) > 0.1).any()


# ---- files ----


def write_idx(path, array, packed=False):
    content = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


def test_the_published_files_are_read(tmp_path):
    draw = np.random.default_rng(0)
    for name, packed in (("train", False), ("t10k", True)):
        ending = ".gz" if packed else ""
        write_idx(tmp_path / f"{name}-images-idx3-ubyte{ending}", draw.integers(0, 256, (7, 5, 4), np.uint8), packed)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte{ending}", np.arange(7, dtype=np.uint8), packed)
    known, asked = idx_digits(tmp_path)
    images = read_idx(tmp_path / "train-images-idx3-ubyte")
    np.testing.assert_array_equal(np.isfinite(known.times), images.reshape(7, 20) > 127.5)
    assert asked.labels.tolist() == list(range(7))
    assert volleys_of(known).counts.shape == (7, 1, 20)


def test_damaged_files_are_refused_in_a_sentence(tmp_path):
    good = np.zeros((3, 2, 2), np.uint8)
    path = tmp_path / "train-images-idx3-ubyte"
    write_idx(path, good)
    whole = path.read_bytes()
    for content, sentence in {
        b"": "must be in the IDX format",
        b"PK\x03\x04": "must be in the IDX format",
        whole[:9]: "must name the size of each of its 3 axes",
        whole[:-1]: "must hold 12 bytes",
        whole + b"x": "got more",
        whole[:4] + b"\xff" * 12 + whole[16:]: "must hold at most",
        gzip.compress(whole)[:-9]: "its packing is damaged",
    }.items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=sentence):
            read_idx(path)
    write_idx(path, good)
    with pytest.raises(DataError, match="must hold train-labels-idx1-ubyte"):
        idx_digits(tmp_path)
    write_idx(tmp_path / "train-labels-idx1-ubyte", np.zeros(2, np.uint8))
    with pytest.raises(DataError, match="one label each"):
        idx_digits(tmp_path)


def test_bad_settings_are_refused_in_a_sentence(digits):
    for sentence, action in {
        "`dropped` must lie": lambda: SilentSetting(dropped=1.0),
        "`hidden` must be": lambda: SilentSetting(hidden=(0,)),
        "`batch` must be": lambda: SilentSetting(batch=0),
        "`steps` must be": lambda: next(train_silent(SilentSetting(**SMALL), digits, 0)),
        "`law` must be": lambda: sg.PseudospikeNetwork(
            sg.LayeredEventNetwork(sg.Theta(), duration=1.0), sg.ConstantDrive()
        ),
        "`most` must be": lambda: sg.PseudospikeNetwork(
            sg.LayeredEventNetwork(sg.Theta(), duration=1.0, spikes=2), None, most=3
        ),
        "`earliness` must be": lambda: sg.FirstSpikeLoss(0, earliness=-1.0),
        "`output` must be `FirstSpikes`": lambda: sg.FirstSpikeLoss(0)(jnp.zeros(3)),
    }.items():
        with pytest.raises((ValueError, TypeError), match=sentence):
            action()
