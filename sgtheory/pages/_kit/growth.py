"""The sources of a page that grow while it works, and what of them the browser has."""

import threading
from collections.abc import Callable, Mapping

import numpy as np

from sgtheory.pages._kit.job import Job
from sgtheory.pages._kit.messages import Append
from sgtheory.pages._kit.numbers import Sources, pack
from sgtheory.pages._kit.stage import Stage


class Growth:
    """Follows a job, and sends what its histories gain. `growing` makes sources from the points of them that are drawn."""

    def __init__(
        self, job: Job, growing: Callable[[Mapping[str, Mapping[str, np.ndarray]]], Sources], stage: Stage
    ) -> None:
        self._job, self._growing, self._stage = job, growing, stage
        self._sent: Sources = {}
        self._lock = threading.Lock()

    def completed(self, picture: Sources) -> Sources:
        """A picture with the sources that grow, as they are now."""
        grown = self._grown()
        if not grown:
            return picture
        ranges = picture.get("ranges", {}) | grown.get("ranges", {})
        return picture | grown | ({"ranges": ranges} if ranges else {})

    def tell(self, everything: bool = False) -> None:
        """Tells the browser how far the work is, and what the histories have gained; `everything` to a new view."""
        with self._lock:
            self._stage.send(self._job.report())
            grown = self._grown()
            kept, new = gained({} if everything else self._sent, grown)
            self._sent = grown
            if new:
                layout, data = pack(new, precision="f4")
                self._stage.send(Append({"kind": "append", "from": kept, "layout": layout}), [data])

    def _grown(self) -> Sources:
        return self._growing({name: each.drawn() for name, each in self._job.histories.items()})


def gained(before: Sources, after: Sources) -> tuple[dict[str, int], Sources]:
    """For each source that has changed: how many of its points stand as before, and the points after these."""
    kept, new = {}, {}
    for name, columns in after.items():
        old, length = before.get(name), len(next(iter(columns.values())))
        same = min(_same(old[column], values) for column, values in columns.items()) if old else 0
        if old is None or not same == length == len(next(iter(old.values()))):
            kept[name], new[name] = same, {column: values[same:] for column, values in columns.items()}
    return kept, new


def _same(before: np.ndarray, after: np.ndarray) -> int:
    """How many numbers at the beginning are the same."""
    length = min(len(before), len(after))
    different = np.flatnonzero(before[:length] != after[:length])
    return int(different[0]) if different.size else length
