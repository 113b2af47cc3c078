"""Bias and variance over many random networks, as a command: every local device, or several processes and hosts.

What is surveyed is `sgtheory.experiments.random_networks`; here is what makes it large: a grid of widths and steepnesses,
batches spread over all devices, checkpoints, one file.

    python -m sgtheory.survey --widths 3-3-1 5-5-5-1 --steepness 1 2 4 8 --networks 200 --draws 1000 --output survey.nc

A survey that was stopped, or killed, goes on where it was when the same command is run again, on as many devices as
there are then. The numbers do not depend on that: those of network n follow from `--seed` and n alone, and are the same
to the last bit on one processor, on several of its kind, and in several processes (a CPU and a GPU round differently).

On the cores of one machine, and in two processes or on two hosts, by JAX's own runtime (`jax.distributed`):

    python -m sgtheory.survey … --cpu-devices 8
    python -m sgtheory.survey … --coordinator first-host:12345 --processes 2 --process-id 0     # on the first host
    python -m sgtheory.survey … --coordinator first-host:12345 --processes 2 --process-id 1     # on the second
    srun python -m sgtheory.survey … --cluster          # where Slurm, Open MPI or the like says who is who

Only process 0 reads and writes files, so that hosts need not share any. The file is NetCDF, for any program that reads
it; in Python:

    dataset = open_survey("survey.nc")                     # an xarray.Dataset, checked
    dataset.cosine.median("network").sel(widths="5-5-5-1", method="surrogate, matched")
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
    # Not before it is asked for: the estimators hold arrays, and JAX must know of other processes before its first one.
    if name in _HOMES:
        return getattr(importlib.import_module(f"sgtheory.survey.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'sgtheory.survey' has no attribute {name!r}")
