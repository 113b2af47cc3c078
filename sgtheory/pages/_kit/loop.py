"""The update loop that all pages share: what is computed and sent, when, and on which thread.

The thread that hears the browser only takes notes: everything slow is left to a `Conductor`, and the latest values win.
"""

import contextlib
import io
import threading
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sgtheory.pages._kit import messages
from sgtheory.pages._kit.conductor import Conductor
from sgtheory.pages._kit.controls import Slider
from sgtheory.pages._kit.messages import Download, Picture, Question, Refusal, Settled, Sign, Table, moved
from sgtheory.pages._kit.numbers import Sources
from sgtheory.pages._kit.starting import starting
from sgtheory.pages._kit.tables import Tables

if TYPE_CHECKING:
    from sgtheory.pages._kit.page import Page


class Loop:
    """Keeps what the browser shows at what the controls of a page say.

    `latest`: the settings of the latest picture, and the picture; `epoch`: another number with other data behind the same
    settings; `active`: the slider whose table is kept up to date.
    """

    def __init__(self, page: "Page", picture: Sources) -> None:
        self._page, self._board, self._stage = page, page.board, page.stage
        # Most urgent first: nothing is computed before JAX is there, and a drag goes before what can wait.
        self.conductor = Conductor(
            {
                "start": self._warm,
                "moved": self._move,
                "picture": self._draw,
                "renew": self._renew,
                "table": self._tabulate,
                "file": self._send_file,
                "ahead": self._compile_ahead,
            },
            self.fail,
        )
        self.lock = threading.RLock()
        self.tables = Tables(page.board)
        self.latest: tuple[Mapping[str, Any], Sources] = page.settings(), picture
        self.epoch = 0
        self.active = page.play
        self._ready = threading.Event()
        # No daemon: Python must not end while something is compiled.
        self._compiling = threading.Thread(target=self._compile_table, name="sgtheory table")
        self._sent: Mapping[str, Any] | None = None  # the settings whose exact picture the browser has
        self._viewed = False  # no browser has shown the page yet
        self._failed = False
        opened = [step.settings(page.specification) for step in page.tour if step.set]
        self._ahead = [settings for k, settings in enumerate(opened) if settings not in opened[:k]]

    # ---- what the page and its browser ask for ----

    def start(self) -> None:
        """Begins to load JAX."""
        if not self._ready.is_set():
            self.conductor.ask("start")

    def wait(self, timeout: float) -> None:
        """Waits until JAX is loaded and the page computes. **Raises** `TimeoutError` after `timeout` seconds."""
        self.start()
        if not self._ready.wait(timeout):
            raise TimeoutError(f"The page must be ready within {timeout} s, got no answer. Run the cell again.")

    def rest(self) -> bool:
        """Waits until nothing is left to do; false if that takes long."""
        rests = self.conductor.rest()  # who starts the other thread
        if self._compiling.is_alive():
            self._compiling.join()
            rests = self.conductor.rest()
        return rests

    def greet(self) -> None:
        """A new view has no tables yet, and gets the picture."""
        self._viewed = True
        self.tables.forget()
        self._send_picture()

    def serve(self) -> None:
        """The new view has everything else; if nothing is computed yet, that begins."""
        if self._ready.is_set():
            self._stage.send(Sign(kind="ready"))
            self.conductor.ask("table", self.active)
        self.start()

    def approach(self, name: str) -> None:
        """A control is about to be moved."""
        control = self._board.by_name[name]
        if isinstance(control, Slider) and control.tabled:
            self.conductor.ask("table", name)

    def drag(self, question: Question) -> None:
        """A slider is moved for which the browser has no table."""
        self.conductor.ask("moved", question)

    def changed(self, name: str) -> None:
        """A control was moved, of which its own message or Python tells."""
        if self.tables.cover(name):
            return
        self.conductor.ask("picture")
        if not isinstance(self._board.by_name[name], Slider):
            self.conductor.ask("table", self.active)

    def redraw(self) -> None:
        """The controls are at rest, or several were set at once."""
        self.conductor.ask("picture")
        self.conductor.ask("table", self.active)

    def settle(self, content: Settled) -> None:
        """The controls are at rest in a state that the sliders' own messages may bring later, or not at all."""
        if content.get("approximate"):
            self._sent = None  # the browser has drawn from its table since
        sliders = self._board.sliders_in(content["state"])
        if content.get("moves", self._stage.moves) == self._stage.moves:
            self._board.adopt(sliders)
        self.redraw()

    def renew(self) -> None:
        """There are other data behind the same settings."""
        self.conductor.ask("renew")

    def export(self) -> None:
        """The reader wants the page as a file."""
        self.start()
        self.conductor.ask("file")

    def look_ahead(self) -> None:
        """Compiles what later steps of the tour need, while the reader reads."""
        self.conductor.ask("ahead")

    # ---- messages ----

    def picture(self, precision: str = "f8", grown: bool = False) -> tuple[Picture, bytes]:
        """The latest picture as a message, exact in eight bytes; with what has `grown`, for a file."""
        settings, sources = self.latest
        sources = self._page.growth.completed(sources) if grown else sources
        return messages.picture(
            settings, sources, precision=precision, exact=precision == "f8", discrete=self._page.discrete, epoch=self.epoch
        )  # fmt: skip

    def table(self, name: str, settings: Mapping[str, Any]) -> tuple[Table, bytes]:
        """The pictures for all positions of a slider around these settings, as a message."""
        control = self._board.by_name[name]
        assert isinstance(control, Slider)
        rows = control.positions()
        table = self._page.sweep(settings, name, control.numbers(rows))
        return messages.table(control, rows, settings, table, discrete=self._page.discrete, epoch=self.epoch)

    def _send_picture(self) -> None:
        message, data = self.picture()
        self._stage.send(message, [data])

    def _send_table(self, name: str) -> None:
        settings = self._page.settings()
        if not self.tables.possible(name, settings) or self._board.refuses(settings):
            return  # then the kernel draws
        self.active = name
        message, data = self.table(name, settings)
        if self.tables.admit(name, settings, len(data)):
            self._stage.send(message, [data])

    # ---- on the conductor's thread ----

    def _warm(self) -> None:
        """Loads JAX and compiles, behind the first picture."""
        if self._ready.is_set():
            return
        self._page.say(
            "JAX is starting: this picture was stored with the page; changes are drawn as soon as JAX is ready."
        )
        try:
            with self.lock, starting():
                self._sent = None
                self.refresh(forget=True)
            self._page.say()
        except Exception as error:
            self.fail(error)
        finally:
            self._stage.send(Sign(kind="ready"))
            self._ready.set()
            self.conductor.ask("picture")  # controls may have been moved meanwhile
            if self._viewed:
                self._compiling.start()

    def _compile_table(self) -> None:
        """Compiles the programs of the first table beside the conductor, who answers drags meanwhile."""
        settings = self._page.settings()
        # An error is told when the table itself is asked for.
        with contextlib.suppress(Exception):
            if self.tables.possible(self.active, settings) and not self._board.faults(settings):
                self.table(self.active, settings)
        if not threading.main_thread().is_alive():
            return  # Python ends
        self.conductor.ask("table", self.active)
        if self._page.tour:
            self.conductor.ask("ahead")

    def _draw(self) -> None:
        """Sends the exact picture for the present settings."""
        if self._ready.is_set():
            with self.lock:
                self.refresh()

    def _tabulate(self, name: str) -> None:
        """Sends the table of a slider, unless the browser has it."""
        # Where the picture was refused, there is no table either.
        if not self._ready.is_set() or self.tables.cover(name) or self.latest[0] != self._page.settings():
            return
        with self.lock:
            self._send_table(name)

    def _renew(self) -> None:
        """Draws the present settings again."""
        with self.lock:
            self.epoch += 1
            self._sent = None
            self.tables.forget()
            if self.refresh(forget=True):
                self._send_table(self.active)

    def _move(self, question: Question) -> None:
        """Steps of a drag that has no table: the first where the slider is, the others where it may soon be."""
        left = 1
        try:
            state, values = self._board.sliders_in(question["state"]), list(question["values"])
            left = len(values)
            for value in values:
                # A slider at rest needs no pictures ahead of it.
                if self.conductor.asked("moved", "picture"):
                    break
                with self.lock:
                    place = self._board.checked({question["control"]: value})
                    if not self._computed(self._page.settings() | state | place):
                        break
                    left -= 1
                    message, data = self.picture("f4")
                    self._sent = None
                self._stage.send(moved(question, left, message), [data])
        except Exception as error:
            self.fail(error)
        if left:
            self._stage.send(moved(question, 0))

    def _compile_ahead(self) -> None:
        if self._ready.is_set() and self._viewed and self._stage.step >= 0 and self._ahead:
            self.conductor.ask("ahead")  # again after this one; what is more urgent comes between
            self._page.compute(self._ahead.pop(0))

    def _send_file(self) -> None:
        self._page.say("Writing the web page …")
        message = Download(kind="download", name=f"{self._page.name}.html", mime="text/html")
        self._stage.send(message, [self._page.as_html().encode()])
        self._page.say()

    # ---- one picture ----

    def refresh(self, forget: bool = False) -> bool:
        """Computes the picture for the present settings and sends it, unless it has been sent; false if they are refused."""
        settings = self._page.settings()
        if not self._computed(settings, forget):
            self._stage.send(Refusal(kind="refusal", state=settings))
            return False
        if self._sent != settings:
            self._sent = settings
            self._send_picture()
        return True

    def _computed(self, settings: Mapping[str, Any], forget: bool = False) -> bool:
        """Makes the latest picture that of these settings; false if they were refused."""
        if self._board.refuses(settings):
            return False
        if self.latest[0] == settings and not forget:
            return True
        slow = self._ready.is_set() and any(
            self.latest[0].get(name) != settings[name]
            for name, control in self._board.by_name.items()
            if not isinstance(control, Slider) or control.sizes
        )
        if slow:
            self._page.say("Compiling for the new choice …")
        sources = self._page.compute(settings)
        if slow or self._failed:
            self._failed = False
            self._page.say()
        if self._blamed(settings, sources):
            return False
        self.latest = settings, sources
        return True

    def _blamed(self, settings: Mapping[str, Any], sources: Sources) -> bool:
        """Whether these numbers cannot be drawn because of a control; a message beside it says so, the old picture stays."""
        name = self._page.culprit(settings)
        numbers = (values for columns in sources.values() for values in columns.values())
        if name is None or all(np.all(np.isfinite(values)) for values in numbers):
            return False
        self._board.complain(
            name,
            "It must have a finite value and a finite slope everywhere; look for a root or a power whose slope is infinite.",
        )
        return True

    def fail(self, error: Exception) -> None:
        """Reports an unforeseen error: its text to the reader, its traceback to the log; the old picture stays."""
        self._failed = True
        self._page.say(f"The picture could not be computed: {error}")
        traceback.print_exception(error, file=(log := io.StringIO()))
        self._trace = log.getvalue()
