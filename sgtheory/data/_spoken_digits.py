import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from sgtheory._checks import shorten
from sgtheory.data._needed import needed

FOLDER = "SGTHEORY_DATA"
"""The environment variable that names the folder with `shd_train.h5` and `shd_test.h5`."""

UNITS = 700
CLASSES = 20


class DataError(ValueError):
    """A file of data cannot be used: what is wrong with it, and what to do."""


class SpokenDigits(NamedTuple):
    """Spiking Heidelberg Digits: `times` in seconds and `units` of the spikes of each sample, its `labels` and `speakers`."""

    times: tuple[np.ndarray, ...]
    units: tuple[np.ndarray, ...]
    labels: np.ndarray
    speakers: np.ndarray

    def raster(self, sample: int, steps: int = 350, time_step: float = 2.0) -> np.ndarray:
        """The spikes of one sample as steps × units, 0 or 1; what comes after the last step is not in it.

        **Arguments:** `time_step` in ms.
        """
        spikes = np.zeros((steps, UNITS))
        at = np.floor(1000 * self.times[sample] / time_step).astype(int)
        inside = at < steps
        spikes[at[inside], self.units[sample][inside]] = 1.0
        return spikes


def read_spoken_digits(path: str | pathlib.Path | None = None, part: str = "train") -> SpokenDigits:
    """Reads Spiking Heidelberg Digits in their published HDF5 layout.

    `spikes/times` and `spikes/units` hold an array for each sample, of any length; `labels` a whole number from 0 to 19 each,
    and `extra/speaker` who speaks.

    **Arguments:** `path` of the file, or None for that of this `part`, "train" or "test", in the folder that the
    environment variable `SGTHEORY_DATA` names.
    **Raises** `DataError` for a file that is not there, is no such file, or is damaged: one sentence; `ImportError`
    where h5py is not installed.
    **Source:** Cramer et al. (2022); `download_spoken_digits` brings the files.
    """
    with needed("h5py", "Spoken digits are read"):
        import h5py

    file = spoken_digits_file(path, part)
    try:
        with h5py.File(file, "r") as opened:
            times, units = (_ragged(opened, name) for name in ("spikes/times", "spikes/units"))
            labels, speakers = (np.asarray(opened[name]) for name in ("labels", "extra/speaker"))
    except (OSError, KeyError, TypeError) as fault:
        raise DataError(
            f"`{file}` must hold spoken digits in their published layout, but it cannot be read ({_said(fault)}). "
            "Download it again."
        ) from fault
    _check(file, times, units, labels, speakers)
    return SpokenDigits(
        tuple(each.astype("f8") for each in times),
        tuple(each.astype(int) for each in units),
        labels.astype(int),
        speakers,
    )


def spoken_digits_file(path: str | pathlib.Path | None = None, part: str = "train") -> pathlib.Path:
    """The file that `read_spoken_digits` reads with these arguments; it is not opened.

    **Raises** `DataError` for a file that is not there.
    """
    file = _found(part) if path is None else pathlib.Path(path)
    if not file.is_file():
        raise DataError(
            f"`{file}` must be a file with spoken digits, but there is none. Name another, set {FOLDER}, or take "
            "`download_spoken_digits(folder)`."
        )
    return file


def _found(part: str) -> pathlib.Path:
    if part not in ("train", "test"):
        raise DataError(f'`part` must be "train" or "test", got {shorten(part)}.')
    folder = os.environ.get(FOLDER)
    if not folder:
        raise DataError(
            f"{FOLDER} must name the folder with shd_{part}.h5, but it is not set. Set it, or give a `path`."
        )
    return pathlib.Path(folder) / f"shd_{part}.h5"


def _ragged(opened: Any, name: str) -> list[np.ndarray]:
    return [np.asarray(each) for each in opened[name]]


def _said(fault: Exception) -> str:
    return " ".join(str(fault).split())[:60] or type(fault).__name__


def _check(file: pathlib.Path, times: list, units: list, labels: np.ndarray, speakers: np.ndarray) -> None:
    counts = {len(times), len(units), len(labels), len(speakers)}
    if len(counts) != 1:
        raise DataError(
            f"`{file}` must have as many times, units, labels and speakers, got {sorted(counts)}. It is cut off."
        )
    for number, (when, who) in enumerate(zip(times, units, strict=True)):
        if when.shape != who.shape or when.ndim != 1:
            raise DataError(
                f"`{file}` must have a unit for each time, got {who.shape} for {when.shape} in sample {number}."
            )
        if when.dtype.kind != "f" or who.dtype.kind not in "iu":
            raise DataError(
                f"`{file}` must have times as real and units as whole numbers, got {when.dtype} and {who.dtype} in sample "
                f"{number}."
            )
        if when.size and not (
            np.all(np.isfinite(when)) and np.all(when >= 0) and np.all(who < UNITS) and np.all(who >= 0)
        ):
            raise DataError(
                f"`{file}` must have times from 0 and units below {UNITS}, got {shorten(when)} and {shorten(who)} in sample "
                f"{number}."
            )
    if labels.dtype.kind not in "iu" or (labels.size and not (labels.min() >= 0 and labels.max() < CLASSES)):
        raise DataError(f"`{file}` must have labels from 0 to {CLASSES - 1}, got {shorten(labels)}.")
