"""What a survey keeps while it runs: the plan, and one Orbax checkpoint per batch, each either complete or absent."""

import contextlib
import json
import pathlib
import shutil
from typing import Any

import numpy as np
import orbax.checkpoint as ocp

from sgtheory._checks import shorten
from sgtheory.survey._file import versions
from sgtheory.survey._plan import SurveyPlan
from sgtheory.survey._refused import Refused

try:
    import fcntl
except ImportError:  # Windows: there, two surveys in one folder go unnoticed
    fcntl = None

_NOTE, _PART, _LOCK = "survey.json", "survey.json.part", "survey.lock"


class Checkpoints:
    """The finished batches of a survey, in a folder of their own; only process 0 uses it.

    **Raises** `Refused` for a folder that holds another survey or anything else, or in which another one is running.
    """

    def __init__(self, folder: pathlib.Path, plan: SurveyPlan):
        self.folder = folder
        foreign = folder.exists() and not (folder.is_dir() and _is_ours(folder))
        if foreign:
            raise Refused(f"`{folder}` must be a folder of checkpoints, but it holds something else. Name another.")
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder)
        try:
            _same_plan(folder, {"plan": plan.describe(), **versions()})
        except Refused:
            self._lock.close()
            raise
        first_alone = ocp.options.MultiprocessingOptions(
            primary_host=0, active_processes={0}, barrier_sync_key_prefix="survey"
        )
        options = ocp.CheckpointManagerOptions(
            create=False, cleanup_tmp_directories=True, enable_async_checkpointing=False, save_root_metadata=False,
            multiprocessing_options=first_alone,
        )  # fmt: skip
        self._manager = ocp.CheckpointManager(folder.absolute(), options=options)

    def done(self) -> list[int]:
        """The numbers of the batches that have been kept."""
        return sorted(self._manager.all_steps())

    def save(self, batch: int, numbers: dict[str, np.ndarray]) -> None:
        """Keeps the results of a batch."""
        self._manager.save(batch, args=ocp.args.StandardSave(numbers))

    def restore(self, batch: int) -> dict[str, np.ndarray]:
        """The results of a batch that was kept. **Raises** `Refused` if they cannot be read."""
        try:
            return dict(self._manager.restore(batch, args=ocp.args.StandardRestore()))
        except Exception as error:  # whatever the disk has done to it
            raise Refused(
                f"`{self.folder / str(batch)}` must be a checkpoint, but it cannot be read ({type(error).__name__}). "
                "Remove that folder and run the same command again: its batch is then computed again."
            ) from error

    def close(self) -> None:
        """Releases the folder."""
        self._manager.close()
        self._lock.close()

    def remove(self) -> None:
        """Removes the folder, because the survey's file now holds everything."""
        self.close()
        shutil.rmtree(self.folder)


def _is_ours(folder: pathlib.Path) -> bool:
    """Whether a survey made the folder, even one that was killed before it had written its plan."""
    names = {path.name for path in folder.iterdir()}
    return _NOTE in names or names <= {_PART, _LOCK}


def _locked(folder: pathlib.Path) -> Any:
    """A lock on the folder, held until the process ends, however it ends."""
    lock = (folder / _LOCK).open("w")
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Refused(
                f"`{folder}` must be free, but another survey is at work there. Wait for it, or stop it."
            ) from None
    return lock


def _same_plan(folder: pathlib.Path, wanted: dict[str, Any]) -> None:
    note = folder / _NOTE
    if not note.exists():
        part = folder / _PART
        part.write_text(json.dumps(wanted))
        part.replace(note)
        return
    kept: dict[str, Any] = {}
    with contextlib.suppress(json.JSONDecodeError):
        kept = json.loads(note.read_text())
    for name, value in {**wanted, **wanted["plan"]}.items():
        found = kept.get(name, kept.get("plan", {}).get(name))
        if name != "plan" and found != value:
            raise Refused(
                f"`{folder}` holds checkpoints of another survey: its `{name}` is {shorten(found)}, not {shorten(value)}. "
                "Repeat that command, name another folder as `--checkpoints`, or remove this one."
            )
