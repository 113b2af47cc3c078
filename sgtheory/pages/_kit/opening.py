"""What a view of a page gets first: its description, its figures, and a picture that is stored, so that none waits for JAX."""

import dataclasses
import json
import pathlib
from typing import TYPE_CHECKING, Any

import numpy as np

from sgtheory._course import COURSE
from sgtheory.pages._kit.controls import Control, Film, Slider, Upload
from sgtheory.pages._kit.messages import Picture, Table, table
from sgtheory.pages._kit.numbers import Sources, flatten, in_bytes, unflatten
from sgtheory.pages._kit.theme import THEME
from sgtheory.pages._kit.ticks import powers_of

if TYPE_CHECKING:
    from sgtheory.pages._kit.page import Page

PICTURES = pathlib.Path(__file__).parent.parent / "_pictures"
STORED_ROWS = 33
"""Of the coarse table that is stored; a film has all of its own."""
_NOTEBOOKS = {name: lesson.notebook for lesson in COURSE for name in lesson.pages}


# ---- what is stored --------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Stored:
    """The first picture of a page, a coarse table of the slider that plays, and the figures as BokehJS reads them."""

    picture: Sources
    table: Sources
    figures: dict[str, Any]


def read_stored(name: str) -> Stored | None:
    """What is shipped for the page of this name, if there is something."""
    path = PICTURES / f"{name}.npz"
    if not path.exists():
        return None
    with np.load(path) as arrays:
        figures = json.loads(arrays["figures"].tobytes())
        return Stored(unflatten(arrays, "picture"), unflatten(arrays, "table"), figures)


def stored_arrays(page: "Page") -> dict[str, np.ndarray]:
    """The arrays that are shipped for a page in its start state."""
    settings, control = page.settings(), page.by_name[page.play]
    assert isinstance(control, Slider)
    halves = page.sweep(settings, page.play, control.numbers(stored_rows(control)))
    halves = {key: half_precision(values) for key, values in flatten(halves, "table").items()}
    singles = {key: _single(values) for key, values in flatten(page.compute(settings), "picture").items()}
    # Described with the numbers as they are stored, so that the page that reads them gives the same description.
    description = described_figures(page, unflatten(singles, "picture"))
    figures = np.frombuffer(json.dumps(description).encode(), dtype="u1")
    return singles | halves | {"figures": figures}


def stored_rows(control: Slider) -> int:
    """Rows of the stored table over a slider."""
    return control.positions() if isinstance(control, Film) else STORED_ROWS


def _single(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == bool else values.astype("f4")


def half_precision(values: np.ndarray) -> np.ndarray:
    """Numbers in two bytes each: three significant digits, a third of a pixel; used only until JAX is loaded.

    The numbers of images are rounded to the few that are sent anyway, which the file then holds in little space.
    """
    if values.dtype == bool:
        return values
    if values.ndim == 3:
        whole, offset, scale = in_bytes(values)
        values = offset + scale * whole
    return values.astype("f2")


# ---- what is described -----------------------------------------------------------------------------------------------


def described_figures(page: "Page", picture: Sources) -> dict[str, Any]:
    """The figures as BokehJS reads them; stored with the first picture, because importing Bokeh takes a second."""
    from bokeh.core.json_encoder import serialize_json
    from bokeh.document import Document

    document = Document()
    figures = page.figures(page.growth.completed(picture))
    for figure in figures:
        for renderer in figure.plot.renderers:
            # An image comes with the picture; here a single number says of what kind it is.
            held = renderer.data_source.data
            if "image" in held:
                held["image"] = [held["image"][0][:1, :1]]
        document.add_root(figure.plot)
    return {
        "document": json.loads(serialize_json(document.to_json(deferred=False))),
        "figures": [
            {
                "name": f.name,
                "root": f.plot.id,
                "description": f.description,
                "powers": powers_of(f.plot),
                **({} if f.map is None else {"map": f.map}),
                **({"equal": True} if f.equal else {}),
                **({"shown_for": f.shown_for} if f.shown_for else {}),
                **({"words": f.words} if f.words else {}),
            }
            for f in figures
        ],
    }


def described_page(page: "Page", figures: list[dict[str, Any]], picture: Sources) -> dict[str, Any]:
    """What the script needs to know about the page, besides numbers."""
    return {
        "name": page.name,
        "title": page.title,
        "play": page.play,
        "kernel": True,
        "start": {name: control.value for name, control in page.by_name.items()},
        "figures": figures,
        "wide": sorted(page.wide),
        "points": {name: vars(points) for name, points in page.points.items()},
        "sources": [name for name in page.growth.completed(picture) if name not in ("readouts", "ranges")],
        **({"job": page.job_name} if page.job_name else {}),
        "readouts": [vars(readout) for readout in page.readouts],
        "table": vars(page.table) if page.table else None,
        "actions": [vars(action) for action in page.actions],
        "theme": THEME,
        "controls": {name: _described_control(control) for name, control in page.by_name.items()},
        **({"tour": [step.told(page.specification) for step in page.tour], "links": _NOTEBOOKS} if page.tour else {}),
    }


def _described_control(control: Control) -> dict[str, Any]:
    slides = None
    if isinstance(control, Slider):
        slides = {"low": control.low, "high": control.high, "step": control.step, "base": control.base}
    return {
        "label": control.label + (f" ({control.unit})" if getattr(control, "unit", "") else ""),
        "slides": slides,
        **({"film": control.rate, "reads": control.reads} if isinstance(control, Film) else {}),
        **({"most": control.most} if isinstance(control, Upload) else {}),
        "limits": slides if getattr(control, "tabled", False) else None,
        "shown_for": getattr(control, "shown_for", None),
    }


# ---- what comes with the widget --------------------------------------------------------------------------------------


def open_stage(page: "Page", stored: Stored | None) -> None:
    """Gives the stage the figures and the first messages; where no picture is stored, the page has computed one."""
    settings, picture = page.loop.latest
    installed = page.stage.bokeh
    figures = stored.figures if stored and _is_valid(stored.figures, installed) else described_figures(page, picture)
    figures["document"]["version"] = installed
    first: list[tuple[Picture | Table, bytes]] = [page.loop.picture("f4")]
    if stored:
        control = page.by_name[page.play]
        assert isinstance(control, Slider)
        first.append(
            table(
                control,
                stored_rows(control),
                settings,
                stored.table,
                discrete=page.discrete,
                epoch=first[0][0]["epoch"],
            )
        )
    with page.stage.hold_sync():  # one message
        page.stage.set_trait("doc", json.dumps(figures["document"]))
        page.stage.set_trait("spec", described_page(page, figures["figures"], picture))
        page.stage.set_trait("controls", page.controls)
        page.stage.set_trait("opening", [{**content, "bytes": len(data)} for content, data in first])
        page.stage.set_trait("opening_bytes", b"".join(data for _, data in first))


def _is_valid(figures: dict[str, Any], installed: str) -> bool:
    """A description is valid within one major version of Bokeh; a test compares."""
    return figures["document"]["version"].partition(".")[0] == installed.partition(".")[0]
