"""Bias and variance over many random networks, as a command: every local device, or several processes and hosts.

The experiment itself is `sgtheory.experiments.random_networks`; this package makes it large: a grid of widths and
steepnesses, batches spread over all devices, checkpoints, one file.

    python -m sgtheory.survey --widths 3-3-1 5-5-5-1 --steepness 1 2 4 8 --networks 200 --draws 1000 --output survey.nc

If a survey was stopped or killed, run the same command again: it continues where it was, on as many devices as there are
then. The numbers do not depend on the devices: those of network n follow from `--seed` and n alone, and are the same to
the last bit on one processor, on several of its kind, and in several processes (a CPU and a GPU round differently).

On several cores of one machine, or in two processes on one or two hosts, which JAX's runtime connects (`jax.distributed`):

    python -m sgtheory.survey … --cpu-devices 8
    python -m sgtheory.survey … --coordinator first-host:12345 --processes 2 --process-id 0     # on the first host
    python -m sgtheory.survey … --coordinator first-host:12345 --processes 2 --process-id 1     # on the second
    srun python -m sgtheory.survey … --cluster          # where Slurm, Open MPI or the like numbers the processes

Only process 0 reads and writes files, so that hosts need no common folder. The file is NetCDF, which many programs read;
in Python:

    dataset = open_survey("survey.nc")                     # an xarray.Dataset, checked
    dataset.cosine.median("network").sel(widths="5-5-5-1", estimator="surrogate, matched")
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgtheory.survey._file import open_survey
    from sgtheory.survey._plan import SurveyPlan
    from sgtheory.survey._refused import Refused
    from sgtheory.survey._run import run_survey

__all__ = ["Refused", "SurveyPlan", "open_survey", "run_survey"]

_MISSING = [name for name in ("h5netcdf", "h5py", "orbax", "tqdm", "xarray") if importlib.util.find_spec(name) is None]
if _MISSING:
    raise ModuleNotFoundError(
        f"`sgtheory.survey` needs {', '.join(_MISSING)}, which is not installed. Run `pip install 'sgtheory[survey]'`."
    )

_HOMES = {"Refused": "_refused", "SurveyPlan": "_plan", "open_survey": "_file", "run_survey": "_run"}


def __getattr__(name: str):
    # Imported on demand: the estimators hold arrays, and JAX must know of other processes before its first array.
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgtheory.survey.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgtheory.survey' has no attribute {name!r}")
