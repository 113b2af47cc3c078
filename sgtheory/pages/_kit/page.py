"""The update loop that all pages share.

A page names its controls and figures and says how to compute a picture; this class does the rest. The thread that hears the
browser only takes notes: everything slow is left to the page's `Conductor`, and the latest values win.
"""

import importlib.metadata
import io
import math
import pathlib
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets
import numpy as np

from sgtheory.pages._kit import cells, export, messages
from sgtheory.pages._kit.conductor import Conductor
from sgtheory.pages._kit.controls import Control, Slider, Upload, alert
from sgtheory.pages._kit.growth import Growth
from sgtheory.pages._kit.job import Job, Progress
from sgtheory.pages._kit.messages import (
    Act,
    Activate,
    Download,
    Marks,
    Order,
    Picture,
    Pointed,
    Question,
    Refusal,
    Restore,
    Settled,
    Sign,
    Table,
    TooLarge,
    Wish,
    Words,
    moved,
)
from sgtheory.pages._kit.numbers import Sources, tidy
from sgtheory.pages._kit.opening import open_stage, read_stored
from sgtheory.pages._kit.stage import Action, Figure, Points, Readout, ReadoutTable, Stage, bokeh_script
from sgtheory.pages._kit.state import read_state, step_in, write_state
from sgtheory.pages._kit.tour import Step

LARGEST_TABLE = 8_000_000  # bytes; beyond that the kernel draws
_START_DELAY = 0.4  # seconds for the first picture, before JAX begins to load


class Page(ipywidgets.VBox):
    """A page: controls, linked figures, read-outs, tools. Show it by making it the last line of a cell.

    `controls` holds the ipywidgets by name, `data` the exact numbers behind the picture, `state` all settings as text.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    play: ClassVar[str]
    specification: ClassVar[tuple[Control, ...]]
    readouts: ClassVar[tuple[Readout, ...]]
    table: ClassVar[ReadoutTable | None] = None
    actions: ClassVar[tuple[Action, ...]] = ()
    discrete: ClassVar[frozenset[str]] = frozenset()
    wide: ClassVar[frozenset[str]] = frozenset()
    """Names of the figures that each take a whole row."""
    points: ClassVar[Mapping[str, Points]] = {}
    """Figure → its points that can be read, under the pointer or with the arrow keys."""
    tour: ClassVar[tuple[Step, ...]] = ()
    """One idea after another, before the reader explores freely; the page opens on the first."""
    job_name: ClassVar[str | None] = None
    """What the page does when it is started, in a word such as "training"; see `work`."""
    histories: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Columns that grow while the page works: history → its columns, first the one along which they are drawn."""

    # ---- what a page defines ----

    def figures(self, sources: Sources) -> list[Figure]:
        """The Bokeh figures, with data sources named as in `sources`."""
        raise NotImplementedError

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        """The picture for these settings. This is the first thing that needs JAX."""
        raise NotImplementedError

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        """The pictures for all `values` of one slider, along a leading axis; computed one after another, unless a page
        has a faster way."""
        control = self.by_name[name]
        assert isinstance(control, Slider)
        places = [control.check(round(float(value)) if control.whole else float(value)) for value in values]
        pictures = [self.compute({**settings, name: place}) for place in places]
        return {
            source: {column: np.stack([each[source][column] for each in pictures]) for column in columns}
            for source, columns in pictures[0].items()
        }

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Control → one sentence, for settings that are allowed one by one but make no sense together."""
        del settings
        return {}

    def culprit(self, settings: Mapping[str, Any]) -> str | None:
        """The control that is to blame when the numbers of a picture are not finite, if there is one."""
        del settings
        return None

    def pointed(self, figure: str, x: float, y: float) -> None:
        """Called when a reader has clicked on a map."""
        del figure, x, y

    def marks(self) -> Sequence[tuple[str, float, float]]:
        """The points on maps that are marked now: figure, x, y. A picture that arrives meanwhile removes none of them."""
        return ()

    def work(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        """The page's long work, step by step, in a thread of its own; from a `checkpoint` on, unless that is None."""
        raise NotImplementedError

    def progressed(self) -> None:
        """Called after a step of the work, on its thread; `self.job.progress` is the step."""

    def growing(self, drawn: Mapping[str, Mapping[str, np.ndarray]]) -> Sources:
        """The sources that grow, from the points of the histories that are drawn; `ranges` may be among them."""
        return {name: dict(columns) for name, columns in drawn.items()}

    def has_stored_picture(self) -> bool:
        """Whether the shipped first picture belongs to this page as it was constructed."""
        return True

    # ---- construction ----

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ready = threading.Event()
        self._quiet = False
        self._failed = False
        self._said = ""  # the present text of the status line
        self._viewed = False  # no browser has shown the page yet
        self._epoch = 0  # another number with other data behind the same settings
        # Most urgent first: nothing is computed before JAX is there, and a drag goes before what can wait.
        self._conductor = Conductor(
            {
                "start": self._warm,
                "moved": self._move,
                "picture": self._draw,
                "renew": self._renew,
                "table": self._tabulate,
                "file": self._send_file,
                "ahead": self._look_ahead,
            },
            self._fail,
        )
        self._tables: dict[str, dict[str, Any]] = {}
        self._too_large: set[tuple[Any, ...]] = set()  # sliders and choices
        self._marked: list[dict[str, Any]] = []  # what the browser shows
        self._active = self.play
        self.stage = Stage(bokeh=importlib.metadata.version("bokeh"))  # first: the browser loads BokehJS meanwhile
        self.job = Job(self._working, self.histories, stepped=self.progressed, hear=lambda: self.growth.tell())
        self.growth = Growth(self.job, self.growing, self.stage)
        self.by_name = {control.name: control for control in self.specification}
        self.controls = {control.name: control.widget() for control in self.specification}
        self.messages = {name: ipywidgets.HTML() for name in self.controls}
        for message in self.messages.values():
            message.add_class("sgtheory-message")
        stored = read_stored(self.name) if self.has_stored_picture() else None
        self._latest = self.settings(), stored.picture if stored else self.compute(self.settings())
        self._sent: dict[str, Any] | None = None  # the settings whose exact picture the browser has
        open_stage(self, stored)
        self.stage.on_msg(self._on_message)
        for name, widget in self.controls.items():
            widget.observe(lambda change, name=name: self._changed(name), names="value")
        super().__init__([self._body()])
        self.add_class("sgtheory-page")
        self._open_tour()
        cells.take_over(self)
        self._show_conditional()

    def __repr__(self) -> str:
        """What stands in place of the page in a notebook that was saved and opened again, and in a terminal."""
        return f"{type(self).__name__}(): run this cell (Shift+Enter) to open the page"

    def close(self) -> None:
        """Closes the page with everything that belongs to it, here and in the browser; its work ends."""
        if hasattr(self, "job"):  # a page that was refused at its construction has none
            self.job.stop()
        cells.close_tree(self)

    def _open_tour(self) -> None:
        """Shows the first step; the script finds the controls of a step by their names."""
        if not self.tour:
            return
        self.stage.step = 0
        self.add_class("sgtheory-guided")
        for name, widget in self.controls.items():
            for part in (widget, self.messages[name]):
                part.add_class(f"sgtheory-of-{name}")
        opened = [step.settings(self.specification) for step in self.tour if step.set]
        self._ahead = [settings for k, settings in enumerate(opened) if settings not in opened[:k]]
        self.stage.observe(lambda _: self._conductor.ask("ahead"), names="step")

    def _look_ahead(self) -> None:
        """Compiles what later steps of the tour need, while the reader reads."""
        if self._ready.is_set() and self._viewed and self.stage.step >= 0 and self._ahead:
            self._conductor.ask("ahead")  # again after this one; what is more urgent comes between
            self.compute(self._ahead.pop(0))

    def _body(self) -> ipywidgets.Box:
        rows = [child for name in self.controls for child in (self.controls[name], self.messages[name])]
        controls = ipywidgets.Box(rows)
        controls.add_class("sgtheory-controls")
        body = ipywidgets.Box([controls, self.stage])
        body.add_class("sgtheory-body")
        return body

    # ---- what users of a page call ----

    def settings(self) -> dict[str, Any]:
        """The value of every control, by name; numbers without the rounding of a slider's steps (0.8, not 0.7999…98)."""
        values = {name: widget.value for name, widget in self.controls.items()}
        return {name: tidy(value) if isinstance(value, float) else value for name, value in values.items()}

    @property
    def data(self) -> Sources:
        """The exact numbers behind the picture for the present settings: source → column → array."""
        self.wait()
        with self._lock:
            self._refresh()
            return self.growth.completed(self._latest[1])

    def uploaded(self, name: str, value: str | None = None) -> bytes | None:
        """The content of the file that an upload control holds, or of the one called `value`; None if there is none."""
        widget = self.controls[name]
        return widget.contents.get(widget.value if value is None else value)

    def start(self) -> None:
        """Begins the page's work with the present settings, in a thread of its own, so that all controls keep working."""
        settings = self.settings()
        if not self._refused(settings):
            self.job.start(settings)

    def stop(self) -> None:
        """Ends the page's work after its present step; what has been found so far stays."""
        self.job.stop()

    def resume(self) -> None:
        """Goes on with work that was stopped, with the settings with which it was started."""
        self.job.resume()

    @property
    def history(self) -> dict[str, dict[str, np.ndarray]]:
        """The histories of the page's work, exact: history → column → array."""
        return {name: each.columns for name, each in self.job.histories.items()}

    @property
    def state(self) -> str:
        """All settings as one line of text."""
        return write_state(self.name, self.version, self.settings(), self.stage.step)

    def restore(self, text: str) -> None:
        """Sets every control from a line written by `state`. **Raises** `ValueError` for other text, and changes nothing."""
        settings = read_state(text, self.name, self.version, self.by_name, len(self.tour))
        self.stage.step = step_in(text) if self.tour else -1
        self._set(settings)

    def reset(self) -> None:
        """Returns every control to its first value."""
        self._set({name: control.value for name, control in self.by_name.items()})

    def export_html(self, path: str | pathlib.Path, links: Mapping[str, str] | None = None) -> None:
        """Writes the page, with its present settings, as one HTML file that needs no kernel and no network.

        `links`: addresses of other pages, by their names, for texts that lead there; without one they do not.
        """
        pathlib.Path(path).write_text(self._exported(links), encoding="utf-8")

    def still(self, theme: str = "light"):
        """The page's figures for the present settings, as one matplotlib figure; save it with `.savefig(path)`."""
        from sgtheory.pages._kit.still import still_picture

        figures = self.figures(self.data)
        wide = [figure.name in self.wide for figure in figures]
        return still_picture(
            [figure.plot for figure in figures], theme=theme, wide=wide, equal=[figure.equal for figure in figures]
        )

    def wait(self, timeout: float = 120.0) -> None:
        """Waits until JAX is loaded and the page computes. **Raises** `TimeoutError` after `timeout` seconds."""
        self._start()
        if not self._ready.wait(timeout):
            raise TimeoutError(f"The page must be ready within {timeout} s, got no answer. Run the cell again.")

    # ---- the loop ----

    def _start(self, delay: float = 0.0) -> None:
        if delay:
            timer = threading.Timer(delay, self._start)
            timer.daemon = True
            timer.start()
        elif not self._ready.is_set():
            self._conductor.ask("start")

    def _warm(self) -> None:
        """Loads JAX and compiles, behind the first picture."""
        if self._ready.is_set():
            return
        self._say("JAX is starting: this picture was stored with the page; changes are drawn as soon as JAX is ready.")
        try:
            with self._lock:
                self._sent = None
                if self._refresh(forget=True):
                    self._send_table(self._active)
            self._say_ready()
        except Exception as error:
            self._fail(error)
        finally:
            self.stage.send(Sign(kind="ready"))
            self._ready.set()
            self._conductor.ask("picture")  # controls may have been moved meanwhile
            if self.tour:
                self._conductor.ask("ahead")

    def _say_ready(self) -> None:
        self._say("Ready.")

    def _changed(self, name: str) -> None:
        if self._quiet:
            return
        self._show_conditional()
        if self._covered(name):
            return
        self._conductor.ask("picture")
        if not isinstance(self.by_name[name], Slider):
            self._conductor.ask("table", self._active)

    def _draw(self) -> None:
        """Sends the exact picture for the present settings."""
        if self._ready.is_set():
            with self._lock:
                self._refresh()

    def _tabulate(self, name: str) -> None:
        """Sends the table of a slider, unless the browser has it."""
        # Where the picture was refused, there is no table either.
        if not self._ready.is_set() or self._covered(name) or self._latest[0] != self.settings():
            return
        with self._lock:
            self._send_table(name)

    def _refresh(self, forget: bool = False) -> bool:
        """Computes the picture for the present settings and sends it, unless it has been sent; false if they are refused."""
        settings = self.settings()
        if not self._computed(settings, forget):
            self.stage.send(Refusal(kind="refusal", state=settings))
            return False
        if self._sent != settings:
            self._sent = settings
            self._send_picture()
        return True

    def _computed(self, settings: dict[str, Any], forget: bool = False) -> bool:
        """Makes the latest picture that of these settings; false if they were refused."""
        if self._refused(settings):
            return False
        if self._latest[0] == settings and not forget:
            return True
        slow = self._ready.is_set() and any(
            self._latest[0].get(control.name) != settings[control.name]
            for control in self.specification
            if not isinstance(control, Slider) or control.sizes
        )
        if slow:
            self._say("Compiling for the new choice …")
        sources = self.compute(settings)
        if slow or self._failed:
            self._failed = False
            self._say_ready()
        if self._blamed(settings, sources):
            return False
        self._latest = settings, sources
        return True

    def _faults(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Control → what is wrong with its value, in one sentence."""
        faults = {}
        for name, control in self.by_name.items():
            try:
                control.check(settings[name])
            except ValueError as error:
                faults[name] = str(error)
                continue
            if isinstance(control, Upload) and settings[name] and self.uploaded(name, settings[name]) is None:
                faults[name] = (
                    f"The file {settings[name].rpartition(' #')[0]} must be chosen again: a state holds only its name."
                )
        return faults or self.refusals(settings)

    def _refused(self, settings: Mapping[str, Any]) -> bool:
        faults = self._faults(settings)
        for name, message in self.messages.items():
            text = alert(faults.get(name, ""))
            if message.value != text:
                message.value = text
        return bool(faults)

    def _blamed(self, settings: Mapping[str, Any], sources: Sources) -> bool:
        """Whether these numbers cannot be drawn because of a control; a message beside it says so, the old picture stays."""
        name = self.culprit(settings)
        numbers = (values for columns in sources.values() for values in columns.values())
        if name is None or all(np.all(np.isfinite(values)) for values in numbers):
            return False
        text = "It must have a finite value and a finite slope everywhere; look for a root or a power whose slope is infinite."
        self.messages[name].value = alert(text)
        return True

    def _covered(self, name: str) -> bool:
        """Whether the browser draws this slider's drag from a table, so that the kernel need not answer."""
        return name in self._tables and self._tables[name] == self._others(name)

    def _others(self, name: str) -> dict[str, Any]:
        return {other: value for other, value in self.settings().items() if other != name}

    def _set(self, settings: Mapping[str, Any]) -> None:
        self._quiet = True
        try:
            for name, value in settings.items():
                self.controls[name].value = value
        finally:
            self._quiet = False
        self._show_conditional()
        self._conductor.ask("picture")
        self._conductor.ask("table", self._active)
        self._send_marks()

    def _renew(self) -> None:
        """Draws the present settings again, from other data."""
        with self._lock:
            self._epoch += 1
            self._sent = None
            self._tables.clear()
            if self._refresh(forget=True):
                self._send_table(self._active)

    def _show_conditional(self) -> None:
        for name in self.controls:
            display = None if self.applies(name, self.settings()) else "none"
            for widget in (self.controls[name], self.messages[name]):
                widget.layout.display = display

    def applies(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a control changes anything, and is shown, with these settings."""
        shown_for = getattr(self.by_name[name], "shown_for", None)
        return shown_for is None or settings[shown_for[0]] == shown_for[1]

    # ---- long work ----

    def _working(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        self.wait()
        yield from self.work(settings, checkpoint)

    def _answer_job(self, content: Order) -> None:
        if self.job_name and content.get("act") in ("start", "stop", "resume"):
            getattr(self, content["act"])()

    # ---- messages ----

    def picture_message(self, precision: str = "f8", grown: bool = False) -> tuple[Picture, bytes]:
        """The latest picture as a message, exact in eight bytes; with what has `grown`, for a file."""
        settings, sources = self._latest
        sources = self.growth.completed(sources) if grown else sources
        return messages.picture(
            settings, sources, precision=precision, exact=precision == "f8", discrete=self.discrete, epoch=self._epoch
        )

    def table_message(self, name: str) -> tuple[Table, bytes]:
        """The pictures for all positions of a slider as a message."""
        control, settings = self.by_name[name], self.settings()
        assert isinstance(control, Slider)
        rows = control.positions()
        table = self.sweep(settings, name, control.numbers(rows))
        return messages.table(control, rows, settings, table, discrete=self.discrete, epoch=self._epoch)

    def has_table(self, name: str, settings: Mapping[str, Any] | None = None) -> bool:
        """Whether a slider can be drawn from a table, at present or for these settings.

        It may change nothing, a formula may hold here and not at the end of the slider, and the table may be too large.
        """
        control, settings = self.by_name[name], self.settings() if settings is None else settings
        if not isinstance(control, Slider) or not control.tabled or not self.applies(name, settings):
            return False
        if (name, *self._choices(settings)) in self._too_large:
            return False
        return not any(self.refusals({**settings, name: end}) for end in (control.low, control.high))

    def _choices(self, settings: Mapping[str, Any]) -> tuple[Any, ...]:
        """What decides how large a table is."""
        sizes = [each for each in self.specification if not isinstance(each, Slider) or each.sizes]
        return tuple(settings[each.name] for each in sizes)

    def _send_picture(self) -> None:
        message, data = self.picture_message()
        self.stage.send(message, [data])

    def _send_table(self, name: str) -> None:
        if not self.has_table(name) or self._refused(self.settings()):
            return  # then the kernel draws
        self._active = name
        message, data = self.table_message(name)
        if len(data) > LARGEST_TABLE:
            self._too_large.add((name, *self._choices(self.settings())))
            return
        self._tables[name] = dict(message["others"])
        self.stage.send(message, [data])

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        answers = {
            "need-bokeh": self._answer_bokeh,
            "hello": self._answer_hello,
            "activate": self._answer_activate,
            "moved": self._answer_moved,
            "settled": self._answer_settled,
            "reset": lambda _: self.reset(),
            "copy": lambda _: self.stage.send(Words(kind="state", text=self.state)),
            "restore": self._answer_restore,
            "export": self._answer_export,
            "action": self._answer_action,
            "pointed": self._answer_pointed,
            "too-large": self._answer_too_large,
            "job": self._answer_job,
        }
        try:
            answers[content["kind"]](content)
        except Exception as error:
            self._fail(error)

    def _answer_bokeh(self, _content: Wish) -> None:
        self.stage.send(Sign(kind="bokeh"), [bokeh_script()])

    def _answer_hello(self, _content: Wish) -> None:
        """A new view of the page gets what the others have."""
        self._viewed = True
        self._tables.clear()
        self._marked = []
        self._send_picture()
        self._send_marks()
        if self.job_name:
            self.growth.tell(everything=True)
        if self._said:
            self._say(self._said)
        if self._ready.is_set():
            self.stage.send(Sign(kind="ready"))
            self._conductor.ask("table", self._active)
        self._start(_START_DELAY)

    def _answer_activate(self, content: Activate) -> None:
        control = self.by_name[content["control"]]
        if isinstance(control, Slider) and control.tabled:
            self._conductor.ask("table", control.name)

    def _answer_moved(self, content: Question) -> None:
        self._conductor.ask("moved", content)

    def _move(self, question: Question) -> None:
        """Steps of a drag that has no table: the first where the slider is, the others where it may soon be."""
        left = 1
        try:
            state, values = self._checked(self._sliders_of(question)), list(question["values"])
            left = len(values)
            for value in values:
                # A slider at rest needs no pictures ahead of it.
                if self._conductor.asked("moved", "picture"):
                    break
                with self._lock:
                    if not self._computed(self.settings() | state | self._checked({question["control"]: value})):
                        break
                    left -= 1
                    message, data = self.picture_message("f4")
                    self._sent = None
                self.stage.send(moved(question, left, message), [data])
        except Exception as error:
            self._fail(error)
        if left:
            self.stage.send(moved(question, 0))

    def _answer_settled(self, content: Settled) -> None:
        """The controls are at rest in this state, which the sliders' own messages may bring later or not at all."""
        if content.get("approximate"):
            self._sent = None  # the browser has drawn from its table since
        for name, value in self._checked(self._sliders_of(content)).items():
            if self.settings()[name] != value:
                self.controls[name].set_state({"value": value})  # as if it came from the browser: nothing travels back
        self._conductor.ask("picture")
        self._conductor.ask("table", self._active)

    def _sliders_of(self, content: Question | Settled) -> dict[str, Any]:
        return {name: value for name, value in content["state"].items() if isinstance(self.by_name[name], Slider)}

    def _checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.by_name[name].check(value) for name, value in values.items()}

    def _answer_restore(self, content: Restore) -> None:
        try:
            self.restore(content.get("text"))
        except ValueError as error:
            self.stage.send(Words(kind="refused", text=str(error)))

    def _answer_export(self, _content: Wish) -> None:
        self._start()
        self._conductor.ask("file")

    def _send_file(self) -> None:
        self._say("Writing the web page …")
        message = Download(kind="download", name=f"{self.name}.html", mime="text/html")
        self.stage.send(message, [self._exported().encode()])
        self._say_ready()

    def _answer_action(self, content: Act) -> None:
        if content.get("name") in {action.name for action in self.actions}:
            getattr(self, content["name"])()
            self._send_marks()

    def _answer_pointed(self, content: Pointed) -> None:
        x, y = float(content["x"]), float(content["y"])
        maps = {figure["name"] for figure in self.stage.spec["figures"] if "map" in figure}
        there = math.isfinite(x) and math.isfinite(y) and content["figure"] in maps
        if there:
            self.pointed(content["figure"], x, y)
            self._send_marks()

    def _answer_too_large(self, content: TooLarge) -> None:
        """A file that the browser did not even send."""
        control, widget = self.by_name[content["control"]], self.controls[content["control"]]
        try:
            control.check_file(str(content["name"]), int(content["size"]))
        except ValueError as error:
            widget.refuse(str(error))

    def _send_marks(self) -> None:
        marks = [{"figure": figure, "x": x, "y": y} for figure, x, y in self.marks()]
        if marks != self._marked:
            self._marked = marks
            self.stage.send(Marks(kind="marks", marks=marks))

    def _say(self, text: str) -> None:
        self._said = text
        self.stage.send(Words(kind="status", text=text))

    def _fail(self, error: Exception) -> None:
        """Reports an unforeseen error: its text to the reader, its traceback to the log; the old picture stays."""
        self._failed = True
        self._say(f"The picture could not be computed: {error}")
        traceback.print_exception(error, file=(log := io.StringIO()))
        self._trace = log.getvalue()

    # ---- files ----

    def _exported(self, links: Mapping[str, str] | None = None) -> str:
        self.wait()
        with self._lock:
            for fault in self._faults(self.settings()).values():
                raise ValueError(fault)
            self._refresh()
            return export.page_as_html(self, links or {})
