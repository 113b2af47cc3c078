"""The kernel's half of the link to the browser: one anywidget that shows Bokeh figures and passes messages."""

import dataclasses
import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import anywidget
import ipywidgets
import traitlets

from sgtheory import _bokehjs

BROWSER = pathlib.Path(__file__).parent / "browser"
STYLE = BROWSER / "kit.css"
# Each after those that it needs.
_PARTS = (
    "numbers", "elements", "bokeh", "styles", "glyphs", "screen", "scenery", "painter", "spares", "points", "hover", "captions",
    "table", "maps", "figures", "drag", "status", "tools", "jobs", "film", "sketch", "tour", "stage",
)  # fmt: skip


def script(place: str) -> str:
    """Everything that runs in the browser, as one module: for a `notebook`, or for an `exported` file."""
    return "\n".join((BROWSER / f"{part}.js").read_text(encoding="utf-8") for part in (*_PARTS, place))


@functools.cache
def bokeh_script() -> bytes:
    """BokehJS as installed: without a CDN, stored in no notebook, and without importing Bokeh itself."""
    folder = _bokehjs.bokehjs_folder()
    assert folder is not None
    return (folder / _bokehjs.SCRIPT).read_bytes()


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a page: its name, the Bokeh plot, and a description whose {read-outs} change with the numbers.

    `map` names two sliders that a drag across the figure moves, along x and along y; a click without a drag calls the
    page's `pointed`. An empty one is for clicks alone. `equal`: a unit along x is as long as one along y, so that a circle
    is a circle. `shown_for`: a control and its value without which it is not shown, unless a step of the tour does. `words`: of
    its title and its axes' labels those that follow a control, with what they say for each of its values.
    """

    name: str
    plot: Any
    description: str
    map: tuple[str, str] | tuple[()] | None = None
    equal: bool = False
    shown_for: tuple[str, str] | None = None
    words: Mapping[str, tuple[str, Mapping[str, str]]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Readout:
    """A number beside the figures: column `key` of the source "readouts".

    `of`: its address in the experiment's bundle, if that is not `key`; `jumps` where it changes in steps.
    """

    key: str
    label: str
    unit: str = ""
    of: str | None = None
    jumps: bool = False


@dataclasses.dataclass(frozen=True)
class ReadoutTable:
    """Read-outs of several things side by side: that of row `r` and column `c` is the column `r_c` of the source "readouts".

    `rows`: key, label, and the colour role and marker that it has in the figures; a row without numbers is not shown.
    `columns`: key and label. On a declared page the number is at the address "r.c".
    """

    title: str
    rows: tuple[tuple[str, str, str, str], ...]
    columns: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Points:
    """Points of a figure that can be read one by one: a source with `x` and `y`, and a text with its {columns}.

    `{column:bits}` shows a whole number as its binary digits after the leading 1: 0b101 is shown as 01.
    """

    source: str
    text: str


@dataclasses.dataclass(frozen=True)
class Action:
    """A button that only one page has; `name` is the method that it calls."""

    name: str
    label: str
    title: str


class Stage(anywidget.AnyWidget):
    """Figures and tools in the browser. Pictures and tables are sent in binary and drawn.

    `bokeh` is the version of BokehJS, which the browser loads as soon as it knows it, and `spares` names the work that this copy
    is spared; everything else may be set later.
    `opening` lists the first messages, and `opening_bytes` holds their numbers: they come with the widget itself, because
    a kernel that is running the cells below does not answer.
    """

    _esm = script("notebook")
    _css = STYLE.read_text(encoding="utf-8")
    bokeh = traitlets.Unicode().tag(sync=True)
    spares = traitlets.List().tag(sync=True)
    doc = traitlets.Unicode().tag(sync=True)
    spec = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(-1).tag(sync=True)
    """Where in its tour the page stands, in all views; −1 while the reader explores."""
    notes = traitlets.Dict().tag(sync=True)
    """What the reader has answered and drawn, by step, as the script writes it; for other views and a browser loaded again."""
    moves = traitlets.Int(0).tag(sync=True)
    """How often the kernel has moved the controls. A browser that has not heard of the last time says what is out of date."""
    opening = traitlets.List().tag(sync=True)
    opening_bytes = traitlets.Bytes().tag(sync=True)
    controls = traitlets.Dict().tag(sync=True, **ipywidgets.widget_serialization)

    @traitlets.validate("step")
    def _validate_step(self, proposal: Any) -> int:
        return min(max(proposal["value"], -1), len(self.spec.get("tour", ())) - 1)
