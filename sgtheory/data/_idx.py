import gzip
import math
import pathlib

import jax.numpy as jnp
import numpy as np

from sgtheory._checks import shorten
from sgtheory.data._latency_digits import LatencyDigits
from sgtheory.data._spoken_digits import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_LARGEST = 2**31
"""Bytes of one file: the larger of the sets in this format have a tenth of it."""
_FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_idx(path: str | pathlib.Path) -> np.ndarray:
    """The array in a file of the IDX format, in which MNIST and Fashion-MNIST are published; plain, or packed by gzip.

    **Raises** `DataError` for a file that is not of this format, too short or too long; `FileNotFoundError`.

    >>> import pathlib, struct, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "labels")
    ...     _ = file.write_bytes(struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes([5, 0, 4]))
    ...     print(read_idx(file))
    [5 0 4]
    """
    path = pathlib.Path(path)
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if packed else open)(path, "rb") as file:
            start = file.read(4)
            if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or not 1 <= start[3] <= 8:
                raise DataError(f"{path.name} must be in the IDX format, got one that starts with {start!r}.")
            sizes = file.read(4 * start[3])
            if len(sizes) < 4 * start[3]:
                raise DataError(f"{path.name} must name the size of each of its {start[3]} axes, but ends before.")
            shape = tuple(int(each) for each in np.frombuffer(sizes, ">u4"))
            kind = np.dtype(_TYPES[start[2]])
            expected = math.prod(shape) * kind.itemsize
            if expected > _LARGEST:
                raise DataError(f"{path.name} must hold at most {_LARGEST} bytes, got the shape {shape}.")
            content = file.read(expected + 1)
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path.name} must be whole, but its packing is damaged: {error}.") from error
    if len(content) != expected:
        found = "more" if len(content) > expected else str(len(content))
        raise DataError(f"{path.name} must hold {expected} bytes for the shape {shape}, got {found}. Fetch it again.")
    return np.frombuffer(content, kind).reshape(shape).astype(kind.newbyteorder("="))


def idx_digits(folder: str | pathlib.Path, *, bright: float = 0.5) -> tuple[LatencyDigits, LatencyDigits]:
    """MNIST or Fashion-MNIST as one volley: every bright pixel spikes at the start, the others never.

    Returns what is to be learnt from, and what is held out for the test, from the four files of the published names in
    `folder`, plain or packed (`.gz`).

    **Arguments:** `bright`, the part of full brightness above which a pixel spikes.
    **Raises** `DataError` for files that are missing, damaged, or do not fit together; `ValueError` unless `bright` lies from
    0 to below 1.
    **Source:** LeCun et al. (1998); Xiao et al. (2017).
    """
    if not 0 <= bright < 1:
        raise ValueError(f"`bright` must lie from 0 to below 1, got {shorten(bright)}. Take 0.5, say.")
    return _part(pathlib.Path(folder), "train", bright), _part(pathlib.Path(folder), "test", bright)


def _part(folder: pathlib.Path, part: str, bright: float) -> LatencyDigits:
    arrays = []
    for name in _FILES[part]:
        found = [path for path in (folder / name, folder / f"{name}.gz") if path.is_file()]
        if not found:
            raise DataError(
                f"{folder} must hold {name} or {name}.gz, got neither. Fetch it from where the set is published."
            )
        arrays.append(read_idx(found[0]))
    images, labels = arrays
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or images.dtype != np.uint8:
        raise DataError(
            f"The {part} files must hold pictures of one byte a pixel and one label each, got the shapes {images.shape} "
            f"and {labels.shape}."
        )
    times = np.where(images.reshape(len(images), -1) > 255 * bright, 0.0, np.inf)
    return LatencyDigits(jnp.asarray(times, dtype=float), jnp.asarray(labels, dtype=int))
