"""What the browser says, message by message, and what the page does about it; nothing here is slow."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sgtheory.pages._kit.messages import (
    Act,
    Activate,
    Order,
    Pointed,
    Question,
    Restore,
    Settled,
    Sign,
    TooLarge,
    Wish,
    Words,
)
from sgtheory.pages._kit.stage import bokeh_script

if TYPE_CHECKING:
    from sgtheory.pages._kit.page import Page


def hear(page: "Page", content: Any) -> None:
    """Answers a message; of one that nobody should have sent, the status line tells."""
    try:
        _ANSWERS[content["kind"]](page, content)
    except Exception as error:
        page.loop.fail(error)


def _bokeh(page: "Page", _content: Wish) -> None:
    page.stage.send(Sign(kind="bokeh"), [bokeh_script()])


def _hello(page: "Page", _content: Wish) -> None:
    """A new view of the page gets what the others have."""
    page.loop.greet()
    page.send_marks(anew=True)
    if page.job_name:
        page.growth.tell(everything=True)
    page.repeat()
    page.loop.serve()


def _activate(page: "Page", content: Activate) -> None:
    page.loop.approach(content["control"])


def _moved(page: "Page", content: Question) -> None:
    page.loop.drag(content)


def _settled(page: "Page", content: Settled) -> None:
    page.loop.settle(content)


def _reset(page: "Page", _content: Wish) -> None:
    page.reset()


def _copy(page: "Page", _content: Wish) -> None:
    page.stage.send(Words(kind="state", text=page.state))


def _restore(page: "Page", content: Restore) -> None:
    try:
        page.restore(content.get("text"))
    except ValueError as error:
        page.stage.send(Words(kind="refused", text=str(error)))


def _export(page: "Page", _content: Wish) -> None:
    page.loop.export()


def _action(page: "Page", content: Act) -> None:
    if content.get("name") in {action.name for action in page.actions}:
        getattr(page, content["name"])()
        page.send_marks()


def _pointed(page: "Page", content: Pointed) -> None:
    x, y = float(content["x"]), float(content["y"])
    maps = {figure["name"] for figure in page.stage.spec["figures"] if "map" in figure}
    if math.isfinite(x) and math.isfinite(y) and content["figure"] in maps:
        page.pointed(content["figure"], x, y)
        page.send_marks()


def _too_large(page: "Page", content: TooLarge) -> None:
    control, widget = page.by_name[content["control"]], page.controls[content["control"]]
    try:
        control.check_file(str(content["name"]), int(content["size"]))
    except ValueError as error:
        widget.refuse(str(error))


def _job(page: "Page", content: Order) -> None:
    if page.job_name and content.get("act") in ("start", "stop", "resume"):
        getattr(page, content["act"])()


_ANSWERS: Mapping[str, Callable[["Page", Any], None]] = {
    "need-bokeh": _bokeh,
    "hello": _hello,
    "activate": _activate,
    "moved": _moved,
    "settled": _settled,
    "reset": _reset,
    "copy": _copy,
    "restore": _restore,
    "export": _export,
    "action": _action,
    "pointed": _pointed,
    "too-large": _too_large,
    "job": _job,
}
