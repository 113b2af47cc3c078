import json
import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._checks import shorten


class CheckpointError(ValueError):
    """A folder of checkpoints cannot be used: what it is, what it holds, and what to do."""


_NOTE = "training.json"


class Checkpoints:
    """A folder with the state of a training run as it was after some of its steps, each either complete or absent.

    **Arguments:** `folder`; `like`, a state of the kind that is kept; `keep`, how many of the last ones stay.
    **Raises** `CheckpointError` for a folder that holds something else, or checkpoints of another model; `ImportError`
    where Orbax is not installed.
    """

    def __init__(self, folder: str | pathlib.Path, like: Any, keep: int = 2):
        try:
            import orbax.checkpoint as ocp
        except ImportError as missing:
            raise ImportError(
                "Checkpoints need Orbax: `pip install sgtheory[survey]`, or train without them."
            ) from missing
        self.folder = pathlib.Path(folder).absolute()
        note, wanted = self.folder / _NOTE, _described(like)
        if self.folder.exists() and not note.exists() and any(self.folder.iterdir()):
            raise CheckpointError(
                f"`{self.folder}` must be a folder of checkpoints, but it holds something else. Name another."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        if note.exists():
            found = json.loads(note.read_text(encoding="utf-8"))
            if found != wanted:
                name = next(key for key in {**wanted, **found} if found.get(key) != wanted.get(key))
                raise CheckpointError(
                    f"`{self.folder}` holds checkpoints of another model: `{name}` is {shorten(found.get(name))}, not "
                    f"{shorten(wanted.get(name))}. Name another folder, or remove this one."
                )
        else:
            part = note.with_suffix(".part")
            part.write_text(json.dumps(wanted), encoding="utf-8")
            part.replace(note)
        self._ocp = ocp
        self._manager = ocp.CheckpointManager(
            self.folder,
            options=ocp.CheckpointManagerOptions(
                max_to_keep=keep, cleanup_tmp_directories=True, enable_async_checkpointing=False
            ),
        )

    def save(self, step: int, state: Any, history: dict[str, np.ndarray]) -> None:
        """Keeps a state, and the history that led to it."""
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


def _name(number: int) -> str:
    return f"{number:04d}"


def _described(state: Any) -> dict[str, str]:
    """Path → shape and kind of all arrays of a state."""
    paths = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))[0]
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}" for path, leaf in paths}
