"""What a survey keeps while it runs: the plan, and one Orbax checkpoint per batch, each either complete or absent."""

import pathlib
import shutil

import numpy as np
import orbax.checkpoint as ocp

from sgtheory._checkpoint_folder import CheckpointFolder, Words
from sgtheory.survey._file import versions
from sgtheory.survey._plan import SurveyPlan
from sgtheory.survey._refused import Refused

_WORDS = Words(
    "survey", "survey", "Repeat that command, name another folder as `--checkpoints`, or remove this one.", Refused
)


class Checkpoints:
    """The finished batches of a survey, in a folder of their own; only process 0 uses it.

    **Raises** `Refused` for a folder that holds another survey or anything else, or in which another one is running.
    """

    def __init__(self, folder: pathlib.Path, plan: SurveyPlan):
        self.folder = folder
        self._held = CheckpointFolder(folder, "survey", {**plan.describe(), **versions()}, _WORDS)
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
        self._held.close()

    def remove(self) -> None:
        """Removes the folder, because the survey's file now holds everything."""
        self.close()
        shutil.rmtree(self.folder)
