"""A page: what it says of itself, and what its users call.

What makes it live is left to its parts: a `Board` of controls, a `Stage` in the browser, a `Loop` that draws what the
controls say, a `Job` for long work and the `Growth` of its results; `hearing.py` answers the browser.
"""

import importlib.metadata
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import ipywidgets
import numpy as np

from sgtheory.pages._kit import cells, export
from sgtheory.pages._kit.board import Board
from sgtheory.pages._kit.controls import Control, Slider
from sgtheory.pages._kit.growth import Growth
from sgtheory.pages._kit.hearing import hear
from sgtheory.pages._kit.job import Job, Progress
from sgtheory.pages._kit.loop import Loop
from sgtheory.pages._kit.messages import Marks, Words
from sgtheory.pages._kit.numbers import Sources
from sgtheory.pages._kit.opening import open_stage, read_stored
from sgtheory.pages._kit.spares import spares_in_use
from sgtheory.pages._kit.stage import Action, Figure, Points, Readout, ReadoutTable, Stage
from sgtheory.pages._kit.state import read_state, step_in, write_state
from sgtheory.pages._kit.tour import Step


class Page(ipywidgets.VBox):
    """A page: controls, linked figures, read-outs, tools. Show it by making it the last line of a cell.

    `controls` holds the ipywidgets by name, `data` the exact numbers behind the picture, `state` all settings as text.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int] = 1
    play: ClassVar[str]
    specification: ClassVar[tuple[Control, ...]] = ()
    readouts: ClassVar[tuple[Readout, ...]] = ()
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

    # ---- what users of a page call ----

    def settings(self) -> dict[str, Any]:
        """The value of every control, by name."""
        return self.board.settings()

    @property
    def data(self) -> Sources:
        """The exact numbers behind the picture for the present settings: source → column → array."""
        self.wait()
        with self.loop.lock:
            self.loop.refresh()
            return self.growth.completed(self.loop.latest[1])

    def uploaded(self, name: str, value: str | None = None) -> bytes | None:
        """The content of the file that an upload control holds, or of the one called `value`; None if there is none."""
        return self.board.uploaded(name, value)

    def start(self) -> None:
        """Begins the page's work with the present settings, in a thread of its own, so that all controls keep working."""
        settings = self.settings()
        if not self.board.refuses(settings):
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
        self.move(settings)

    def reset(self) -> None:
        """Returns every control to its first value."""
        self.move({name: control.value for name, control in self.by_name.items()})

    def export_html(self, path: str | pathlib.Path, links: Mapping[str, str] | None = None) -> None:
        """Writes the page, with its present settings, as one HTML file that needs no kernel and no network.

        `links`: addresses of other pages, by their names, for texts that lead there; without one they do not.
        """
        pathlib.Path(path).write_text(self.as_html(links), encoding="utf-8")

    def as_html(self, links: Mapping[str, str] | None = None) -> str:
        """The text of that file. **Raises** `ValueError`, one sentence, for settings that have no picture."""
        self.wait()
        with self.loop.lock:
            for fault in self.board.faults(self.settings()).values():
                raise ValueError(fault)
            self.loop.refresh()
            return export.page_as_html(self, links or {})

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
        self.loop.wait(timeout)

    def __repr__(self) -> str:
        """What stands in place of the page in a notebook that was saved and opened again, and in a terminal."""
        return f"{type(self).__name__}(): run this cell (Shift+Enter) to open the page"

    def close(self) -> None:
        """Closes the page with everything that belongs to it, here and in the browser; its work ends."""
        if hasattr(self, "job"):  # a page that was refused at its construction has none
            self.job.stop()
        cells.close_tree(self)

    # ---- what a page itself calls, beside `board.complain` and `loop.renew` ----

    def move(self, settings: Mapping[str, Any]) -> None:
        """Sets several controls at once, and has the picture drawn."""
        self.board.set(settings)
        self.stage.moves += 1
        self.loop.redraw()
        self.send_marks()

    def say(self, text: str = "Ready.") -> None:
        """Says something in the status line, where it stays until something else is said."""
        self._said = text
        self.stage.send(Words(kind="status", text=text))

    def repeat(self) -> None:
        """Says it again, to a new view."""
        if self._said:
            self.say(self._said)

    def send_marks(self, anew: bool = False) -> None:
        """Has the browser show `marks`, unless it does; `anew` in a new view, which shows none."""
        shown = [] if anew else self._marked
        self._marked = [{"figure": figure, "x": x, "y": y} for figure, x, y in self.marks()]
        if self._marked != shown:
            self.stage.send(Marks(kind="marks", marks=self._marked))

    # ---- construction ----

    def __init__(self) -> None:
        self._said = ""
        self._marked: list[dict[str, Any]] = []
        # First: the browser loads BokehJS meanwhile.
        self.stage = Stage(bokeh=importlib.metadata.version("bokeh"), spares=spares_in_use())
        self.board = Board(self.specification, self.refusals, lambda name: self.loop.changed(name))
        self.by_name, self.controls, self.messages = self.board.by_name, self.board.widgets, self.board.messages
        self.job = Job(self._working, self.histories, stepped=self.progressed, hear=lambda: self.growth.tell())
        self.growth = Growth(self.job, self.growing, self.stage)
        stored = read_stored(self.name) if self.has_stored_picture() else None
        self.loop = Loop(self, stored.picture if stored else self.compute(self.settings()))
        open_stage(self, stored)
        self.stage.on_msg(lambda _stage, content, _bytes: hear(self, content))
        super().__init__([self._body()])
        self.add_class("sgtheory-page")
        if self.tour:
            self._open_tour()
        cells.take_over(self)
        self.board.show()

    def _body(self) -> ipywidgets.Box:
        controls = ipywidgets.Box([part for parts in self.board.parts.values() for part in parts])
        controls.add_class("sgtheory-controls")
        body = ipywidgets.Box([controls, self.stage])
        body.add_class("sgtheory-body")
        return body

    def _open_tour(self) -> None:
        """Shows the first step; the script finds the controls of a step by their names."""
        self.stage.step = 0
        self.add_class("sgtheory-guided")
        for name, parts in self.board.parts.items():
            for part in parts:
                part.add_class(f"sgtheory-of-{name}")
        self.stage.observe(lambda _: self.loop.look_ahead(), names="step")

    def _working(self, settings: Mapping[str, Any], checkpoint: Any) -> Iterator[Progress]:
        self.wait()
        yield from self.work(settings, checkpoint)
