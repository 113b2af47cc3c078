"""The messages that a page and its browser exchange: each a description, which is JSON, and beside some of them bytes."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, NotRequired, TypedDict

from sgtheory.pages._kit.controls import Slider
from sgtheory.pages._kit.numbers import Sources, pack

# ---- to the browser --------------------------------------------------------------------------------------------------


class Picture(TypedDict):
    """Columns for the sources, in a state of the controls; one that is not `exact` is followed by one that is.

    `layout` and bytes are those of `pack`; another `epoch` has other data behind the same state.
    """

    kind: Literal["picture"]
    layout: list[dict[str, Any]]
    state: Mapping[str, Any]
    exact: bool
    epoch: int


class Table(TypedDict):
    """The pictures at so many `rows`, positions of one slider from `low` to `high`, while the `others` stay as they are."""

    kind: Literal["table"]
    control: str
    low: int | float
    high: int | float
    base: int | None
    rows: int
    layout: list[dict[str, Any]]
    others: Mapping[str, Any]
    epoch: int


class Moved(TypedDict):
    """One answer to a `Question`, after which so many are `left`: a picture or, at its end, none."""

    kind: Literal["moved"]
    control: str | None
    left: int
    question: str | None
    layout: NotRequired[list[dict[str, Any]]]
    state: NotRequired[Mapping[str, Any]]
    exact: NotRequired[bool]
    epoch: NotRequired[int]


Append = TypedDict("Append", {"kind": Literal["append"], "from": dict[str, int], "layout": list[dict[str, Any]]})
"""Points of sources that grow, and after how many of those that the browser has they stand."""


class Report(TypedDict):
    """How far the page's work is; `rate` in steps per second, and so many seconds `left`, where they are known."""

    kind: Literal["job"]
    state: str
    done: int
    of: int
    text: str
    rate: float | None
    left: float | None
    resumable: bool


class Marks(TypedDict):
    """The points on maps that are marked now, each with its `figure`, `x` and `y`."""

    kind: Literal["marks"]
    marks: list[dict[str, Any]]


class Refusal(TypedDict):
    """For this state there is no picture; why, is said beside the control."""

    kind: Literal["refusal"]
    state: Mapping[str, Any]


class Words(TypedDict):
    """The `status` line; the `state` of the page as text, or why such a text was `refused`."""

    kind: Literal["status", "state", "refused"]
    text: str


class Sign(TypedDict):
    """That the kernel is `ready` to compute; or `bokeh`, with BokehJS in its bytes."""

    kind: Literal["ready", "bokeh"]


class Download(TypedDict):
    """A file, in bytes, for the reader to keep."""

    kind: Literal["download"]
    name: str
    mime: str


# ---- from the browser ------------------------------------------------------------------------------------------------


class Wish(TypedDict):
    """That a view has been opened, or a button pressed."""

    kind: Literal["need-bokeh", "hello", "reset", "copy", "export"]


class Activate(TypedDict):
    """A slider is about to be moved."""

    kind: Literal["activate"]
    control: str


class Question(TypedDict):
    """A drag without a table asks for pictures: the first value is where the slider is, the others where it may soon be."""

    kind: Literal["moved"]
    control: str
    values: list[int | float]
    state: Mapping[str, Any]
    question: str


class Settled(TypedDict):
    """The controls are at rest in this state; `approximate` where the picture has been drawn from a table.

    `moves`: how often the kernel had moved the controls, as far as the browser knows.
    """

    kind: Literal["settled"]
    state: Mapping[str, Any]
    approximate: bool
    moves: int


class Restore(TypedDict):
    """The reader has typed a state."""

    kind: Literal["restore"]
    text: str


class Act(TypedDict):
    """A button that only this page has."""

    kind: Literal["action"]
    name: str


class Pointed(TypedDict):
    """A click on a map."""

    kind: Literal["pointed"]
    figure: str
    x: float
    y: float


class TooLarge(TypedDict):
    """A file that the browser did not even send."""

    kind: Literal["too-large"]
    control: str
    name: str
    size: int


class Order(TypedDict):
    """A button of the page's work."""

    kind: Literal["job"]
    act: Literal["start", "stop", "resume"]


# ---- those that hold numbers -----------------------------------------------------------------------------------------


def picture(
    settings: Mapping[str, Any], sources: Sources, *, precision: str, exact: bool, discrete: Collection[str], epoch: int
) -> tuple[Picture, bytes]:
    """A picture with its numbers in a given precision."""
    layout, data = pack(sources, precision=precision, discrete=discrete)
    return Picture(kind="picture", layout=layout, state=settings, exact=exact, epoch=epoch), data


def table(
    control: Slider, rows: int, settings: Mapping[str, Any], sources: Sources, *, discrete: Collection[str], epoch: int
) -> tuple[Table, bytes]:
    """The table of a slider around these settings."""
    layout, data = pack(sources, discrete=discrete, table=True)
    return Table(
        kind="table", control=control.name, low=control.low, high=control.high, base=control.base, rows=rows,
        layout=layout, others=without(control.name, settings), epoch=epoch,
    ), data  # fmt: skip


def moved(question: Question, left: int, picture: Picture | None = None) -> Moved:
    """An answer to a question, with a picture or with none."""
    answer = Moved(kind="moved", control=question.get("control"), left=left, question=question.get("question"))
    if picture:
        answer.update(layout=picture["layout"], state=picture["state"], exact=picture["exact"], epoch=picture["epoch"])
    return answer


def without(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the other controls."""
    return {other: value for other, value in settings.items() if other != name}
