"""Everything slow that a page does, on one thread, so that the thread that hears the browser is always free."""

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

NAME = "sgtheory page"


class Conductor:
    """Does what it is asked for, the most urgent first; of several questions of one kind, only the latest is answered.

    `tasks`: what is done for each kind of question, most urgent first. `failed` hears of a task that raised an error; what
    was asked beside it is done all the same. The thread lives as long as there is something to do, so that a page that
    nobody uses any more holds none.
    """

    def __init__(
        self,
        tasks: Mapping[str, Callable[..., None]],
        failed: Callable[[Exception], None] = traceback.print_exception,
    ) -> None:
        self._tasks, self._failed = tasks, failed
        self._asked: dict[str, tuple[Any, ...]] = {}
        self._change = threading.Condition()
        self._busy = False

    def ask(self, kind: str, *about: Any) -> None:
        """Asks for a task, in place of an earlier question of this kind that has not been begun."""
        with self._change:
            self._asked[kind] = about
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._work, name=NAME, daemon=True).start()

    def asked(self, *kinds: str) -> bool:
        """Whether a question of one of these kinds waits; a long task may then end early."""
        return any(kind in self._asked for kind in kinds)

    def rest(self, timeout: float = 120.0) -> bool:
        """Waits until nothing is left to do; false after `timeout` seconds, and at once if it is the conductor who asks."""
        if threading.current_thread().name == NAME:
            return False
        ends = time.monotonic() + timeout
        with self._change:
            while self._busy:
                left = ends - time.monotonic()
                if left <= 0:
                    return False
                self._change.wait(left)
        return True

    def _next(self) -> tuple[str, tuple[Any, ...]] | None:
        with self._change:
            for kind in self._tasks:
                if kind in self._asked:
                    return kind, self._asked.pop(kind)
            self._busy = False
            self._change.notify_all()
            return None

    def _work(self) -> None:
        while (found := self._next()) is not None:
            kind, about = found
            try:
                self._tasks[kind](*about)
            except Exception as error:
                self._failed(error)
