"""The one file of a survey: NetCDF with named axes, written completely or not at all."""

import importlib.metadata
import json
import os
import pathlib
import platform
import sys
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from sgtheory.survey._plan import SurveyPlan, named
from sgtheory.survey._refused import Refused

if TYPE_CHECKING:
    import xarray as xr

FORMAT, FORMAT_VERSION = "sgtheory survey", 1
_VERSION = importlib.metadata.version("sgtheory")
CELL = ("widths", "steepness", "surrogate_steepness")
QUANTITIES = {
    "cosine": "cosine of the mean of the draws with the exact gradient",
    "sign_agreement": "share of parameters whose mean draw has the exact gradient's sign",
    "bias": "norm of the mean of the draws minus the exact gradient",
    "standard_error": "norm of the standard errors of the mean",
    "variance": "variance of one draw, averaged over parameters",
    "exact_norm": "norm of the exact gradient",
}
"""The numbers of each network; all but the last also of each method."""


def dimensions(quantity: str) -> tuple[str, ...]:
    """The axes of a quantity. That of the methods is called "estimator", because xarray's `sel` has its own `method`."""
    return (*CELL, "network") if quantity == "exact_norm" else (*CELL, "network", "estimator")


def versions() -> dict[str, Any]:
    """What the last digits of the numbers may depend on, besides the plan."""
    return {
        "format": FORMAT, "format_version": FORMAT_VERSION, "sgtheory": _VERSION, "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"), "backend": jax.default_backend(),
    }  # fmt: skip


def as_dataset(
    plan: SurveyPlan, numbers: dict[str, np.ndarray], runs: dict[tuple[int, ...], tuple[int, ...]], command: str
) -> "xr.Dataset":
    """The numbers of a survey with their axes, and with a record of what made them."""
    import xarray as xr  # it loads pandas, which takes seconds; only those who open or write a file should wait for it

    variables = {
        name: (dimensions(name), numbers[name], {"long_name": sentence}) for name, sentence in QUANTITIES.items()
    }
    costs = np.array([runs[widths] for widths in plan.widths], dtype=np.int64)
    variables["runs"] = (("widths", "estimator"), costs, {"long_name": "runs of the network that one draw costs"})
    coordinates = {
        "widths": [named(widths) for widths in plan.widths],
        "steepness": np.array(plan.steepness),
        "surrogate_steepness": np.array(plan.surrogate_steepness),
        "network": np.arange(plan.networks),
        "estimator": list(plan.methods),
    }
    attributes = {
        **versions(), "numpy": np.__version__, "xarray": xr.__version__, "python": platform.python_version(),
        "machine": f"{sys.platform} {platform.machine()}", "command": command, "seed": plan.seed, "draws": plan.draws,
        "plan": json.dumps(plan.describe()),
    }  # fmt: skip
    return xr.Dataset(variables, coordinates, attributes)


def write_survey(dataset: "xr.Dataset", path: pathlib.Path) -> None:
    """Writes a file beside `path` and renames it, so that whoever opens `path` finds all of it."""
    part = path.with_name(path.name + ".part")
    dataset.to_netcdf(part, engine="h5netcdf")
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.replace(path)


def open_survey(path: str | os.PathLike) -> "xr.Dataset":
    """The numbers of a survey, by name, all in memory.

    Each of `cosine`, `sign_agreement`, `bias`, `standard_error`, `variance` has the axes widths, steepness,
    surrogate_steepness, network, estimator; `exact_norm` lacks the last, and `runs` has only widths and estimator.
    `attrs` records what made them.

    **Raises** `Refused`, a `ValueError`, for a file that does not exist, is cut short, is not a survey, or has another
    version of the format.

    >>> open_survey("nowhere.nc")
    Traceback (most recent call last):
    sgtheory.survey._refused.Refused: `nowhere.nc` must be a survey's file, but is not there. Make one: `python -m sgtheory.survey`.
    """
    import xarray as xr

    path = pathlib.Path(path)
    if not path.is_file():
        raise Refused(f"`{path}` must be a survey's file, but is not there. Make one: `python -m sgtheory.survey`.")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            dataset = opened.load()
    except Exception as error:  # h5netcdf, h5py and xarray each have one for every way in which a file can be broken
        raise Refused(
            f"`{path}` must be a survey's NetCDF file, but it cannot be read as one: it is another kind of file, or cut "
            f"short ({type(error).__name__}). Make it again: `python -m sgtheory.survey`."
        ) from error
    _check(dataset, path)
    return dataset


def _check(dataset: "xr.Dataset", path: pathlib.Path) -> None:
    if dataset.attrs.get("format") != FORMAT:
        raise Refused(f"`{path}` must be a survey's file, but it is a NetCDF file of another kind. Choose another.")
    version = dataset.attrs.get("format_version")
    if version != FORMAT_VERSION:
        raise Refused(
            f"`{path}` must have version {FORMAT_VERSION} of the format, but it has version {version}, written by sgtheory "
            f"{dataset.attrs.get('sgtheory')}; this is sgtheory {_VERSION}. Survey again, or open it with that release."
        )
    missing = [name for name in QUANTITIES if name not in dataset or dataset[name].dims != dimensions(name)]
    if missing or any(bool(dataset[name].isnull().any()) for name in QUANTITIES):
        raise Refused(
            f"`{path}` must hold all numbers of a survey, but it lacks some of {', '.join(missing or QUANTITIES)}. "
            "A survey did not write it like this; survey again."
        )
