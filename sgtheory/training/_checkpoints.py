import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._checkpoint_folder import CheckpointFolder, Words


class CheckpointError(ValueError):
    """A folder of checkpoints cannot be used: what it is, what it holds, and what to do."""


_WORDS = Words("training run", "model", "Name another folder, or remove this one.", CheckpointError)


class Checkpoints:
    """A folder with the state of a training run as it was after some of its steps, each either complete or absent.

    **Arguments:** `folder`; `like`, a state of the kind that is kept; `keep`, how many of the last ones stay.
    **Raises** `CheckpointError` for a folder that holds something else, or checkpoints of another model, or in which another
    run is at work; `ImportError` where Orbax is not installed.
    """

    def __init__(self, folder: str | pathlib.Path, like: Any, keep: int = 2):
        try:
            import orbax.checkpoint as ocp
        except ImportError as missing:
            raise ImportError(
                "Checkpoints need Orbax: `pip install sgtheory[survey]`, or train without them."
            ) from missing
        self.folder = pathlib.Path(folder).absolute()
        self._held = CheckpointFolder(self.folder, "training", _described(like), _WORDS)
        self._ocp = ocp
        self._manager = ocp.CheckpointManager(
            self.folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep, cleanup_tmp_directories=True, enable_async_checkpointing=False
            ),
        )

    def save(self, step: int, state: Any, history: dict[str, np.ndarray]) -> None:
        """Keeps a state, and the history that led to it, unless they are kept already."""
        if step == self._manager.latest_step():
            return
        leaves = jax.tree.leaves(eqx.filter(state, eqx.is_array))
        kept = {"state": {_name(k): np.asarray(leaf) for k, leaf in enumerate(leaves)}, "history": history}
        self._manager.save(step, args=self._ocp.args.StandardSave(kept))

    def latest(self, like: Any) -> tuple[Any, dict[str, np.ndarray]] | None:
        """The last state that was kept, with its history, or None. **Raises** `CheckpointError` if it cannot be read."""
        step = self._manager.latest_step()
        if step is None:
            return None
        try:
            found = self._manager.restore(step, args=self._ocp.args.StandardRestore())
        except Exception as error:  # whatever the disk has done to it
            raise CheckpointError(
                f"`{self.folder / str(step)}` must be a checkpoint, but it cannot be read ({type(error).__name__}). "
                "Remove that folder: the run goes on from the one before."
            ) from error
        dynamic, static = eqx.partition(like, eqx.is_array)
        leaves, structure = jax.tree.flatten(dynamic)
        restored = [jnp.asarray(found["state"][_name(k)], dtype=leaf.dtype) for k, leaf in enumerate(leaves)]
        state = eqx.combine(jax.tree.unflatten(structure, restored), static)
        return state, {name: np.asarray(values) for name, values in found["history"].items()}

    def close(self) -> None:
        """Releases the folder."""
        self._manager.close()
        self._held.close()


def _name(number: int) -> str:
    return f"{number:04d}"


def _described(state: Any) -> dict[str, str]:
    """Path → shape and kind of all arrays of a state."""
    paths = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))[0]
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in paths}
