"""Data: statistics of what is drawn, files that are read, files that are refused."""

import io
import struct
import sys
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from sgtheory.data import (
    FOLDER,
    DataError,
    RandomManifolds,
    dithered,
    frozen_poisson,
    latency_digits,
    portrait,
    read_picture,
    read_spoken_digits,
    spikes_at,
)

# ---- Poisson ----


def test_a_frozen_train_is_the_same_for_one_key_and_has_its_rate():
    first, again, other = (frozen_poisson(jax.random.key(seed), 200, 5000, 50.0) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert bool(jnp.any(first != other))
    assert float(first.mean()) == pytest.approx(0.05, abs=4.5 * (0.05 * 0.95 / first.size) ** 0.5)
    counts = np.asarray(first).reshape(50, 100, 200).sum(axis=1)
    assert counts.var() / counts.mean() == pytest.approx(0.95, abs=0.05)  # Fano factor of a binomial count


def test_more_than_a_spike_a_step_is_refused():
    with pytest.raises(ValueError, match="at most one spike a step, got 2000"):
        frozen_poisson(jax.random.key(0), 2, 3, 2000.0)


# ---- random manifolds ----


def test_the_same_key_gives_the_same_manifolds_and_every_class_is_there():
    first, again = (RandomManifolds(jax.random.key(0), classes=4, units=15) for _ in range(2))
    times, labels = first.sample(jax.random.key(1), 30)
    np.testing.assert_array_equal(times, again.sample(jax.random.key(1), 30)[0])
    assert np.bincount(labels).tolist() == [8, 8, 7, 7]
    assert float(times.min()) >= 0.0
    assert float(times.max()) <= 1.0
    assert float(jnp.std(times)) > 0.15  # the whole trial is used


def test_neighbours_on_a_smooth_manifold_are_nearer_than_on_a_rough_one():
    def roughness(smoothness):
        manifolds = RandomManifolds(jax.random.key(0), classes=1, units=40, smoothness=smoothness)
        x = jnp.linspace(0.2, 0.8, 301)[:, None]
        heights = manifolds._heights(x)[0]
        return float(np.mean(np.abs(np.diff(heights, axis=0)) / np.asarray(manifolds.most - manifolds.least)[0]))

    assert roughness(1.0) > 2 * roughness(2.0) > 2 * roughness(4.0)


def test_a_manifold_against_a_plain_loop():
    manifolds = RandomManifolds(jax.random.key(2), classes=2, units=3, dimensions=2, smoothness=3.0)
    x = np.array([[0.3, 0.8]])
    for c in range(2):
        for i in range(3):
            product = 1.0
            for j in range(2):
                total = 0.0
                for k in range(manifolds.amplitudes.shape[-1]):
                    # The amplitudes hold the factor k^−α already.
                    angle = (
                        2
                        * np.pi
                        * ((k + 1) * x[0, j] * manifolds.frequencies[c, i, j, k] + manifolds.phases[c, i, j, k])
                    )
                    total += float(manifolds.amplitudes[c, i, j, k]) * np.sin(float(angle))
                product *= total
            assert float(manifolds._heights(jnp.array(x))[c, 0, i]) == pytest.approx(product, rel=1e-10)
    assert manifolds.amplitudes.shape[-1] == 10  # 1/k³ is a thousandth at k = 10


def test_classes_can_be_told_apart_by_their_nearest_neighbour_and_counts_tell_nothing():
    manifolds = RandomManifolds(jax.random.key(0), classes=5, units=30, smoothness=2.0)
    known, labels = manifolds.sample(jax.random.key(1), 500)
    asked, answers = manifolds.sample(jax.random.key(2), 100)
    distances = np.linalg.norm(np.asarray(known)[None] - np.asarray(asked)[:, None], axis=-1)
    right = np.mean(np.asarray(labels)[distances.argmin(axis=1)] == np.asarray(answers))
    assert right > 0.95
    spikes = spikes_at(asked, 50)
    assert set(np.asarray(spikes.sum(axis=(1))).ravel().tolist()) == {1.0}


def test_spikes_come_at_their_times():
    spikes = spikes_at(jnp.array([[0.0, 0.5, 0.999, 1.0]]), 10)
    assert np.argmax(np.asarray(spikes[0]), axis=0).tolist() == [0, 5, 9, 9]
    for wrong in (1.2, -0.1, float("nan"), -float("inf")):
        with pytest.raises(ValueError, match="must lie in the trial"):
            spikes_at(jnp.array([0.5, wrong]), 10)


def test_a_unit_whose_time_is_infinite_never_spikes():
    times = jnp.array([0.5, jnp.inf, 1.0])
    for make in (spikes_at, jax.jit(spikes_at, static_argnums=1)):
        assert np.argwhere(make(times, 4)).tolist() == [[2, 0], [3, 2]]


@pytest.mark.parametrize("wrong", [{"classes": 0}, {"units": -1}, {"dimensions": 0}])
def test_manifolds_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be a whole number from 1"):
        RandomManifolds(jax.random.key(0), **wrong)


# ---- handwritten digits ----


def test_bright_pixels_spike_first_and_dark_ones_never():
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    train, test = latency_digits(jax.random.key(0), dark=0.25, held_out=0.2)
    assert (len(train.labels), len(test.labels)) == (1438, 359)
    known = {(tuple(picture), label) for picture, label in zip(pixels, labels, strict=True)}
    for part in (train, test):
        times = np.asarray(part.times)
        brightness = np.where(np.isinf(times), 0, 1 - 0.75 * times)
        assert brightness.max() == 1.0
        assert brightness[brightness > 0].min() == pytest.approx(5 / 16)  # 4/16 is dark
        cut = {(tuple(np.where(np.array(picture) > 4, picture, 0.0)), label) for picture, label in known}
        found = {
            (tuple(each), label) for each, label in zip(np.rint(16 * brightness), part.labels.tolist(), strict=True)
        }
        assert found <= cut
    both = np.concatenate([train.labels, test.labels])
    np.testing.assert_array_equal(np.bincount(both), np.bincount(labels))  # each sample is in one part


def test_the_parts_follow_from_the_key():
    (first, held), (again, _), (other, _) = (latency_digits(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.times, again.times)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert np.any(np.asarray(first.labels) != np.asarray(other.labels))
    assert min(np.bincount(held.labels)) > 20  # every digit is there


def test_digits_can_be_told_apart_by_their_spike_times():
    train, test = latency_digits(jax.random.key(0))
    known, asked = (np.where(np.isinf(each.times), 1.0, each.times) for each in (train, test))
    nearest = np.linalg.norm(known[None] - asked[:, None], axis=-1).argmin(axis=1)
    assert np.mean(np.asarray(train.labels)[nearest] == np.asarray(test.labels)) > 0.95


@pytest.mark.parametrize("wrong", [{"dark": 1.0}, {"dark": -0.1}, {"held_out": 0.0}, {"held_out": 1.0}])
def test_numbers_that_leave_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must lie"):
        latency_digits(jax.random.key(0), **wrong)


MISSING = {
    "sklearn": ("scikit-learn", lambda: latency_digits(jax.random.key(0))),
    "PIL": ("Pillow", lambda: dithered(np.ones((2, 2)), 2, 2)),
    "PIL ": ("Pillow", lambda: read_picture(b"")),
    "h5py": ("h5py", lambda: read_spoken_digits("shd_train.h5")),
}


@pytest.mark.parametrize(("module", "package", "call"), [(each.strip(), *MISSING[each]) for each in MISSING])
def test_a_package_that_is_missing_is_named_in_one_sentence(module, package, call, monkeypatch):
    for name in {module, *(name for name in sys.modules if name.split(".")[0] == module)}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ImportError, match=rf"with {package}, which .* Run `pip install sgtheory\[data\]`\.$"
    ) as refusal:
        call()
    assert "\n" not in str(refusal.value)


# ---- pictures ----


def png(width, height, rows=None):
    """A PNG file with a header of any size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(rows if rows is not None else b"\0" * ((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_raster_is_dark_where_the_picture_is():
    ramp = np.tile(np.linspace(0, 1, 80), (60, 1))  # dark at the left, the beginning
    raster = dithered(ramp, steps=80, units=60)
    assert raster.shape == (80, 60)
    assert set(np.unique(raster)) == {0.0, 1.0}
    np.testing.assert_allclose(raster.reshape(8, 10, 60).mean(axis=(1, 2)), 1 - np.linspace(0.06, 0.94, 8), atol=0.05)


def test_a_picture_that_comes_along():
    picture = portrait()
    raster = dithered(picture, steps=198, units=200)
    assert raster.mean() == pytest.approx(1 - picture.mean(), abs=0.02)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_of_ones_own(kind, tmp_path):
    numbers = np.linspace(0, 255, 48).astype("u1").reshape(6, 8)
    Image.fromarray(numbers).save(path := tmp_path / "own", format=kind)
    for source in (path, path.read_bytes()):
        read = read_picture(source)
        assert read.shape == (6, 8)
        np.testing.assert_allclose(read, numbers / 255, atol=0.0 if kind == "PNG" else 0.1)


def test_pictures_that_are_none_or_too_large_are_refused_in_one_sentence():
    assert read_picture(png(3, 2)).shape == (2, 3)
    with pytest.raises(ValueError, match="at most 40 million pixels, got many times as many"):
        read_picture(png(20_000, 20_000, rows=b"\0"))
    with pytest.raises(ValueError, match="at most 40 million pixels, got 8000 × 6000"):
        read_picture(png(8000, 6000, rows=b"\0"))
    gif = io.BytesIO()
    Image.new("L", (2, 2)).save(gif, format="GIF")
    noise = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 30), dtype="u1")).save(noise, format="PNG")
    for wrong in (b"", b"no picture", noise.getvalue()[:400], gif.getvalue()):
        with pytest.raises(ValueError, match="must be a PNG or JPEG picture"):
            read_picture(wrong)
    with pytest.raises(ValueError, match="must be brightness between 0 and 1"):
        dithered(np.full((3, 3), 7.0), 3, 3)


# ---- spoken digits ----


def test_spoken_digits_are_read_in_their_published_layout(written, tmp_path, monkeypatch):
    digits = read_spoken_digits(written(tmp_path / "shd_train.h5"))
    assert [len(each) for each in digits.times] == [3, 0, 1]
    assert digits.labels.tolist() == [3, 0, 19]
    assert digits.speakers.tolist() == [1, 2, 2]
    raster = digits.raster(0, steps=100, time_step=2.0)
    assert raster.shape == (100, 700)
    tenth = float(np.float16(0.1))  # the file has two bytes for each time
    assert np.argwhere(raster).tolist() == [[0, 0], [int(1000 * tenth / 2), 699]]  # what comes later is not in it
    assert digits.raster(1).sum() == 0
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert read_spoken_digits().labels.tolist() == [3, 0, 19]


FILES = {
    "another layout": ({"without": ("labels",)}, "must hold spoken digits in their published layout"),
    "no units": ({"without": ("spikes/units",)}, "must hold spoken digits in their published layout"),
    "cut off": ({"labels": [3, 0]}, "as many times, units, labels and speakers"),
    "ragged in two ways": ({"units": [[0, 699], [], [3]]}, "must have a unit for each time"),
    "a unit too far": ({"units": [[0, 700, 5], [], [3]]}, "units below 700"),
    "a time before the beginning": ({"times": [[-0.1, 0.1, 0.5], [], [0.7]]}, "times from 0"),
    "a time that is none": ({"times": [[float("nan"), 0.1, 0.5], [], [0.7]]}, "times from 0"),
    "a class too far": ({"labels": [3, 0, 20]}, "labels from 0 to 19"),
    "labels that are no numbers": ({"labels": [0.5, 0.1, 0.2]}, "labels from 0 to 19"),
    "units that are no whole numbers": (
        {"units": [np.array([0.0, 1.0, 2.0]), np.array([]), np.array([3.0])]},
        "units as whole numbers",
    ),
}


@pytest.mark.parametrize(("changed", "sentence"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_such_one_is_refused_in_one_sentence(written, changed, sentence, tmp_path):
    with pytest.raises(DataError, match=sentence) as refusal:
        read_spoken_digits(written(tmp_path / "file.h5", **changed))
    assert "\n" not in str(refusal.value)


def test_files_that_are_damaged_or_missing_are_refused_in_one_sentence(written, tmp_path, monkeypatch):
    whole = written(tmp_path / "whole.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no HDF5")
    for name in ("half.h5", "text.h5"):
        with pytest.raises(DataError, match="cannot be read"):
            read_spoken_digits(tmp_path / name)
    with pytest.raises(DataError, match="but there is none"):
        read_spoken_digits(tmp_path / "nowhere.h5")
    monkeypatch.delenv(FOLDER, raising=False)
    with pytest.raises(DataError, match="it is not set"):
        read_spoken_digits()
    with pytest.raises(DataError, match='"train" or "test"'):
        read_spoken_digits(part="validation")
