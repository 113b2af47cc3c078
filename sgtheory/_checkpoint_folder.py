"""A folder of checkpoints: a note in it says what they are of, and a lock keeps others out."""

import dataclasses
import json
import pathlib
from typing import Any

from sgtheory._checks import shorten

try:
    import fcntl
except ImportError:  # Windows: there, two runs in one folder go unnoticed
    fcntl = None


@dataclasses.dataclass(frozen=True)
class Words:
    """How refusals of a folder are worded, and the `error` that carries them.

    `run`, what works there; `owner`, what the checkpoints are of; `remedy` for those of another owner.
    """

    run: str
    owner: str
    remedy: str
    error: type[ValueError]


class CheckpointFolder:
    """A folder for checkpoints of one thing, locked from here on until it is closed or the process ends, however it ends.

    **Arguments:** `folder`, made where there is none; `name` of its note and of its lock; `contents` of the note, which
    those of a note that is there must equal; `words` of a refusal.
    **Raises** `words.error` for a folder that holds something else, or checkpoints of another owner, or in which another
    run is at work.
    """

    def __init__(self, folder: pathlib.Path, name: str, contents: dict[str, Any], words: Words):
        self.folder, self.words = folder, words
        self._note, self._part, self._lock_file = (
            folder / f"{name}{ending}" for ending in (".json", ".json.part", ".lock")
        )
        if folder.exists() and not (folder.is_dir() and self._is_ours()):
            raise words.error(f"`{folder}` must be a folder of checkpoints, but it holds something else. Name another.")
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._locked()
        try:
            self._compare(contents)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets others in."""
        self._lock.close()

    def _is_ours(self) -> bool:
        """Whether it was made here, even by a run that was killed before it had written its note."""
        names = {path.name for path in self.folder.iterdir()}
        return self._note.name in names or names <= {self._part.name, self._lock_file.name}

    def _locked(self) -> Any:
        lock = self._lock_file.open("w")
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                raise self.words.error(
                    f"`{self.folder}` must be free, but another {self.words.run} is at work there. Wait for it, or stop it."
                ) from None
        return lock

    def _compare(self, wanted: dict[str, Any]) -> None:
        """Writes the note, or holds the one that is there to what it must say."""
        if not self._note.exists():
            self._part.write_text(json.dumps(wanted), encoding="utf-8")
            self._part.replace(self._note)
            return
        found = self._noted()
        for name in {**wanted, **found}:
            if found.get(name) != wanted.get(name):
                raise self.words.error(
                    f"`{self.folder}` holds checkpoints of another {self.words.owner}: its `{name}` is "
                    f"{shorten(found.get(name))}, not {shorten(wanted.get(name))}. {self.words.remedy}"
                )

    def _noted(self) -> dict[str, Any]:
        """What the note says: nothing, if it cannot be read."""
        try:
            found = json.loads(self._note.read_text(encoding="utf-8"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}
