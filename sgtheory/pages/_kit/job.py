"""Long work of a page, step by step, in a thread of its own: it is started, stopped and resumed, and leaves a history."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit.messages import Report

EVERY = 0.1  # seconds from one report to the next
MOST_POINTS = 2000  # of a history that are drawn
RUNNING, STOPPED, FINISHED, FAILED, IDLE = "running", "stopped", "finished", "failed", "idle"


@dataclasses.dataclass(frozen=True)
class Progress:
    """A step of a job: `done` of so many; a few words; points that histories gain; and from where it can go on.

    `points`: history → column → the new numbers. `checkpoint`: what the work is given when it is resumed after this step.
    """

    done: int
    of: int
    text: str = ""
    _: dataclasses.KW_ONLY
    points: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    checkpoint: Any = None


Work = Callable[[Mapping[str, Any], Any], Iterator[Progress]]
"""From the settings at its start, and a checkpoint or None, to its steps."""


class History:
    """Columns that grow together, and the points of them that are drawn: in every stretch the least and the greatest."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = {name: np.zeros(0) for name in columns}

    def append(self, columns: Mapping[str, Any]) -> None:
        """Adds points at the end. **Raises** `ValueError` unless there are equally many, finite, for each column."""
        new = {name: np.atleast_1d(np.asarray(values, dtype=float)) for name, values in columns.items()}
        if new.keys() != self._columns.keys() or len({each.shape for each in new.values()}) != 1:
            raise ValueError(
                f"New points must have the columns {', '.join(self._columns)}, of one length, got {columns!r:.80}."
            )
        for name, values in new.items():
            if not np.all(np.isfinite(values)):
                raise ValueError(f"Column `{name}` of a history must be finite, got NaN or infinity.")
        self._columns = {name: np.concatenate([values, new[name]]) for name, values in self._columns.items()}

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """All points, exact."""
        return self._columns

    def drawn(self, most: int = MOST_POINTS) -> dict[str, np.ndarray]:
        """At most so many points; the first column, along which they lie, is not searched for extremes."""
        columns = list(self._columns.values())
        count, searched = len(columns[0]), columns[1:]
        stretch = 1
        if count <= most:
            return dict(self._columns)
        while (count // stretch + 1) * 2 * len(searched) + 1 > most:
            stretch *= 2  # so that complete stretches stay as they are while a history grows
        whole = count - count % stretch
        starts = np.arange(0, whole, stretch)
        found = [[count - 1]]
        for values in searched:
            rows, rest = values[:whole].reshape(-1, stretch), values[whole:]
            found += [starts + rows.argmin(axis=1), starts + rows.argmax(axis=1)]
            found += [[whole + rest.argmin(), whole + rest.argmax()]] if rest.size else []
        kept = np.unique(np.concatenate(found).astype(int))
        return {name: values[kept] for name, values in self._columns.items()}


class Job:
    """Does a page's work in a thread of its own.

    `stepped` is called there after each step, `hear` whenever there is something to report, at most every tenth of a second.
    """

    def __init__(
        self,
        work: Work,
        histories: Mapping[str, tuple[str, ...]],
        *,
        stepped: Callable[[], None],
        hear: Callable[[], None],
    ) -> None:
        self._work, self._names, self._stepped, self._hear = work, histories, stepped, hear
        self._guard = threading.RLock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: threading.Timer | None = None
        self._told = 0.0
        self.settings: Mapping[str, Any] = {}
        self.error: Exception | None = None
        self._clear()

    def _clear(self) -> None:
        self.state, self.progress, self.checkpoint = IDLE, Progress(0, 1), None
        self.histories = {name: History(columns) for name, columns in self._names.items()}
        self.rate: float | None = None

    # ---- what users call ----

    @property
    def running(self) -> bool:
        """Whether it is at work now."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def resumable(self) -> bool:
        """Whether it has ended before its end, at a step from which it can go on."""
        return not self.running and self.checkpoint is not None and self.state in (STOPPED, FAILED)

    def start(self, settings: Mapping[str, Any]) -> None:
        """Begins anew with these settings; nothing happens while it runs."""
        with self._guard:
            if not self.running:
                self._clear()
                self.settings = dict(settings)
                self._go()

    def stop(self) -> None:
        """Ends after the present step."""
        self._ending.set()

    def resume(self) -> None:
        """Goes on where it was stopped, with the settings with which it was started."""
        with self._guard:
            if self.resumable:
                self._go()

    def wait(self, timeout: int | float = 600.0) -> None:
        """Waits until it is no longer running. **Raises** `TimeoutError` after `timeout` seconds."""
        if self._thread:
            self._thread.join(timeout)
        if self.running:
            raise TimeoutError(
                f"The work must end within {timeout} s, got {self.progress.done} of {self.progress.of}. Stop it."
            )

    def report(self) -> Report:
        """What the browser shows: state, how much is done, words, steps per second and seconds left, where known."""
        progress, rate = self.progress, self.rate
        left = (progress.of - progress.done) / rate if rate and self.state == RUNNING else None
        text = f"It ended with an error: {self.error}" if self.state == FAILED else progress.text
        return Report(
            kind="job", state=self.state, done=progress.done, of=progress.of, text=text, rate=rate, left=left,
            resumable=self.resumable,
        )  # fmt: skip

    # ---- in its thread ----

    def _go(self) -> None:
        self._ending.clear()
        self.state, self.error, self.rate = RUNNING, None, None
        self._thread = threading.Thread(target=self._run, name="sgtheory job", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        state = FINISHED
        try:
            self._tell(at_once=True)
            began, first = None, self.progress.done
            for progress in self._work(self.settings, self.checkpoint):
                now = time.monotonic()
                if began is None and progress.done > first:
                    began = now, progress.done  # after the first step, which compiles
                elif began is not None:
                    self.rate = (progress.done - began[1]) / max(now - began[0], 1e-9)
                for name, points in progress.points.items():
                    self.histories[name].append(points)
                self.progress = progress
                self.checkpoint = self.checkpoint if progress.checkpoint is None else progress.checkpoint
                self._stepped()
                self._tell()
                if self._ending.is_set() and progress.done < progress.of:
                    state = STOPPED
                    break
        except Exception as error:
            self.error, state = error, FAILED
        with self._guard:
            self._thread, self.state = None, state
        self._tell(at_once=True)

    def _tell(self, at_once: bool = False) -> None:
        with self._guard:
            wait = self._told + EVERY - time.monotonic()
            if not at_once and wait > 0:
                if self._timer is None:
                    self._timer = threading.Timer(wait, self._flush)
                    self._timer.daemon = True
                    self._timer.start()
                return
        self._flush()

    def _flush(self) -> None:
        with self._guard:
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._told = None, time.monotonic()
        self._hear()
