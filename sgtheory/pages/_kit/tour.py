"""A tour of a page, as data: one idea, one plot, one question at a time.

The texts are written in a small markup, which becomes HTML here and nowhere else; everything else in them is escaped.
Paragraphs are separated by empty lines.

| markup | meaning |
|---|---|
| `**bold**`, `*term*` | emphasis, a term where it is told |
| `$u = wx − ϑ$` | a formula (`formula.py`) |
| `$$3: …$$`, a paragraph of its own | a displayed formula with its equation number; without a number, `$$…$$` |
| `{surrogate}`, `{setting.weight}` | a live number: a read-out, or where a control stands |
| `[words](weight=1.2)` | words that set a control |
| `[words](play:steepness)` | words that move a slider from end to end |
| `[words](light:derivatives/curves.surrogate_gradient)` | words that light up a curve of a panel, or a whole panel |
| `[words](step:1)` | words that lead to a step |
| `[words](page:path_tree)` | a link to another page, where that page is; elsewhere only words |
"""

import dataclasses
import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sgtheory._course import PAGE_NAMES
from sgtheory.pages._kit.controls import Choice, Control, Slider
from sgtheory.pages._kit.formula import formula
from sgtheory.pages._kit.panels import Panel

PLACE = "tour"
"""The name of the place in the tour, counted from 1, among the settings of a state; absent while the reader explores."""


@dataclasses.dataclass(frozen=True)
class Choose:
    """A question with a few answers, of which `right` is the number of the right one; `hints` say, for each, what to think of.

    `reveals`: panels whose curves stay hidden until the reader has answered. Until then nothing can be moved.
    """

    question: str
    options: tuple[str, ...]
    right: int
    hints: tuple[str, ...]
    reason: str
    reveals: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.question, *self.options, *self.hints, self.reason)


@dataclasses.dataclass(frozen=True)
class Number:
    """A question whose answer is a number: `value`, or that of a read-out; `too_small` and `too_large` are hints.

    `also`: expressions that are right, too, such as "1−p"; `typed`: what a reader is told who types neither.
    """

    question: str
    value: float | str
    tolerance: float
    too_small: str
    too_large: str
    reason: str
    reveals: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    typed: str = "Type a number, such as 0.5."

    @property
    def texts(self) -> tuple[str, ...]:
        return self.question, self.too_small, self.too_large, self.typed, self.reason


@dataclasses.dataclass(frozen=True)
class Sketch:
    """The reader draws a curve over the axes of a panel, whose curves stay hidden until it is compared with them."""

    question: str
    panel: str
    reason: str

    @property
    def reveals(self) -> tuple[str, ...]:
        return (self.panel,)

    @property
    def texts(self) -> tuple[str, ...]:
        return self.question, self.reason


Ask = Choose | Number | Sketch


@dataclasses.dataclass(frozen=True)
class Step:
    """One idea: `text` beside `panels` and `controls`, which stand at their first values except those in `set`.

    `ask` comes before what it `reveals`, and after it come `symbols`, which unfold, and `try_`: what to move. `in_words`:
    controls that only words set, to values of which the texts are true. `without`: marks that this step does not show yet,
    each as "panel/address". `beside`: its square panels stand side by side, where there is room, so that they are compared.
    """

    title: str
    text: str
    _: dataclasses.KW_ONLY
    panels: tuple[str, ...]
    controls: tuple[str, ...] = ()
    in_words: tuple[str, ...] = ()
    set: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ask: Ask | None = None
    symbols: str | None = None
    try_: str | None = None
    without: tuple[str, ...] = ()
    beside: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, *(self.ask.texts if self.ask else ()), *filter(None, (self.symbols, self.try_)))

    def settings(self, specification: tuple[Control, ...]) -> dict[str, Any]:
        """The value of every control when the step opens."""
        return {control.name: self.set.get(control.name, control.value) for control in specification}

    def told(self, specification: tuple[Control, ...]) -> dict[str, Any]:
        """What the script needs to know about the step."""
        return {
            "title": self.title,
            "html": as_html(self.text),
            "ask": _told(self.ask) if self.ask else None,
            "symbols": as_html(self.symbols or ""),
            "try": as_html(self.try_ or ""),
            "panels": self.panels,
            "controls": self.controls,
            "in_words": self.in_words,
            "state": self.settings(specification),
            "without": [each.split("/", 1) for each in self.without],
            "beside": self.beside,
        }


def _told(ask: Ask) -> dict[str, Any]:
    told = {"kind": type(ask).__name__.lower(), "question": as_html(ask.question), "reason": as_html(ask.reason)}
    told |= {"reveals": ask.reveals}
    if isinstance(ask, Choose):
        told |= {"options": [_inline(each) for each in ask.options], "right": ask.right}
        told |= {"hints": [as_html(each) for each in ask.hints]}
    if isinstance(ask, Number):
        told |= {"value": ask.value, "tolerance": ask.tolerance, "also": ask.also, "typed": as_html(ask.typed)}
        told |= {"too_small": as_html(ask.too_small), "too_large": as_html(ask.too_large)}
    return told


# ---- markup ----------------------------------------------------------------------------------------------------------

_DISPLAYED = re.compile(r"\$\$(?:(\w+):)?(.+)\$\$", re.DOTALL)
_INLINE = re.compile(
    r"\[(?P<words>[^\]]+)\]\((?P<does>[^)]+)\)|\{(?P<live>[\w.]+)\}|\*\*(?P<bold>.+?)\*\*|\*(?P<term>.+?)\*|\$(?P<formula>.+?)\$",
    re.DOTALL,
)

_PUNCTUATION = re.compile(r"[.,;:?!)]+")


@dataclasses.dataclass(frozen=True)
class Words:
    """Words that do something: `kind` is set, play, light, step or page; `value` for set.

    `target`: a control, "panel/address", the number of a step, the name of a page.
    """

    words: str
    kind: str
    target: str
    value: Any = None


def words_of(text: str) -> Iterator[Words]:
    """The words in a text that do something. **Raises** `ValueError` for words that do nothing known."""
    return (_words(found) for found in _INLINE.finditer(text) if found["does"])


def live_numbers(text: str) -> list[str]:
    """The read-outs and settings that a text shows."""
    return [found["live"] for found in _INLINE.finditer(text) if found["live"]]


def as_html(text: str) -> str:
    """A text in the markup as HTML; only this function, and what it calls, writes tags."""
    paragraphs = (re.sub(r"[ \n]+", " ", part.strip()) for part in re.split(r"\n *\n", text))  # hard spaces stay
    return "".join(_block(part) for part in paragraphs if part)


def _block(text: str) -> str:
    found = _DISPLAYED.fullmatch(text)
    if not found:
        return f"<p>{_inline(text)}</p>"
    number = f'<span class="sgtheory-eqno">(Eq. {html.escape(found[1])})</span>' if found[1] else ""
    return f'<div class="sgtheory-equation">{formula(found[2], display=True)}{number}</div>'


def _inline(text: str) -> str:
    parts, end = [], 0
    for found in _INLINE.finditer(text):
        parts += [html.escape(text[end : found.start()]), _element(found)]
        end = found.end()
        # A line must not begin with the full stop after a formula or a button.
        if (found["formula"] or found["does"]) and (mark := _PUNCTUATION.match(text, end)):
            parts[-1] = f'<span class="sgtheory-tied">{parts[-1]}{html.escape(mark[0])}</span>'
            end = mark.end()
    return "".join([*parts, html.escape(text[end:])])


def _element(found: re.Match[str]) -> str:
    if found["does"]:
        return _element_of(_words(found))
    if found["live"]:
        return f'<span class="sgtheory-live" data-live="{html.escape(found["live"])}">…</span>'
    if found["bold"]:
        return f"<strong>{_inline(found['bold'])}</strong>"
    if found["term"]:
        return f"<dfn>{html.escape(found['term'])}</dfn>"
    return formula(found["formula"])


def _words(found: re.Match[str]) -> Words:
    words, does = found["words"], found["does"]
    for kind in ("play", "light", "step", "page"):
        if does.startswith(kind + ":"):
            return Words(words, kind, does.removeprefix(kind + ":"))
    target, sign, value = does.partition("=")
    if not sign:
        raise ValueError(
            f"Words must set, play or light something or lead somewhere, got {does!r}. Write [words](weight=1.2), for instance."
        )
    try:
        return Words(words, "set", target, float(value))
    except ValueError:
        return Words(words, "set", target, value)


def _element_of(words: Words) -> str:
    if words.kind == "page":  # the script knows where it is
        return f'<a class="sgtheory-link" data-page="{html.escape(words.target)}">{html.escape(words.words)}</a>'
    data = {"does": words.kind, "target": words.target, "value": json.dumps(words.value)}
    attributes = " ".join(f'data-{key}="{html.escape(value)}"' for key, value in data.items())
    return f'<button type="button" class="sgtheory-word" {attributes}>{html.escape(words.words)}</button>'


# ---- refusals --------------------------------------------------------------------------------------------------------


def check_tour(
    tour: tuple[Step, ...], specification: tuple[Control, ...], panels: tuple[Panel, ...], readouts: frozenset[str]
) -> None:
    """**Raises** `ValueError`, one sentence, for a step that names what the page does not have."""
    controls = {control.name: control for control in specification}
    shown = {panel.name: panel for panel in panels}
    if tour and PLACE in controls:
        raise ValueError(f"No control of a page with a tour may be called {PLACE!r}, which names the place in a state.")
    if tour and tour[0].set:
        raise ValueError("The first step of a tour must leave every control where it starts: its picture is stored.")
    for number, step in enumerate(tour, 1):
        try:
            _check_step(step, controls, shown, readouts, len(tour))
        except ValueError as fault:
            raise ValueError(f"Step {number} of the tour, {step.title!r}: {fault}") from None


def _known(what: str, name: str, names: Any) -> None:
    if name not in names:
        raise ValueError(f"{what} must be one of {', '.join(names)}, got {name!r}.")


def _check_step(
    step: Step, controls: Mapping[str, Control], panels: Mapping[str, Panel], readouts: frozenset[str], steps: int
) -> None:
    if not step.panels:
        raise ValueError("It must show at least one panel, got none.")
    for name in step.panels:
        _known("A panel", name, panels)
    for name in (*step.controls, *step.in_words):
        _known("A control", name, controls)
    for name, value in step.set.items():
        _known("A control", name, controls)
        controls[name].check(value)
    for each in step.without:
        _check_mark(each, step, panels, needs_mark=True)
    for text in step.texts:
        as_html(text)
        for name in live_numbers(text):
            known = {f"setting.{control}" for control in controls} if name.startswith("setting.") else readouts
            _known("A live number", name, sorted(known))
        for words in words_of(text):
            _check_words(words, step, controls, panels, steps)
    if step.ask:
        _check_ask(step.ask, step, readouts)


def _check_words(
    words: Words, step: Step, controls: Mapping[str, Control], panels: Mapping[str, Panel], steps: int
) -> None:
    if words.kind == "light":
        return _check_mark(words.target, step, panels)
    if words.kind == "step":
        return _known("The step to which words lead", words.target, [str(k + 1) for k in range(steps)])
    if words.kind == "page":
        return _known("The page to which words lead", words.target, PAGE_NAMES)
    _known(
        "The control that words move, as the step shows or names it,", words.target, (*step.controls, *step.in_words)
    )
    control = controls[words.target]
    if words.kind == "set":
        control.check(words.value)
    elif not (isinstance(control, Slider) and control.tabled):
        raise ValueError(f"Words can play a slider whose drag is drawn from a table, got {words.target!r}.")
    if words.kind == "set" and not isinstance(control, (Slider, Choice)):
        raise ValueError(f"Words can set a slider or a choice, got {words.target!r}.")
    return None


def _check_mark(target: str, step: Step, panels: Mapping[str, Panel], needs_mark: bool = False) -> None:
    name, _, address = target.partition("/")
    _known("A panel of the step", name, step.panels)
    addresses = {value for mark in panels[name].marks for value in vars(mark).values() if isinstance(value, str)}
    if (address or needs_mark) and address not in addresses:
        raise ValueError(f"A mark of the panel {name!r} must be named by its address, got {address!r}.")


def _check_ask(ask: Ask, step: Step, readouts: frozenset[str]) -> None:
    for name in ask.reveals:
        _known("A panel that an answer reveals, as the step shows it,", name, step.panels)
    if isinstance(ask, Choose) and not (len(ask.options) == len(ask.hints) and 0 <= ask.right < len(ask.options)):
        raise ValueError(
            f"A question must have a hint for each option and a right one among them, got {len(ask.options)} options, "
            f"{len(ask.hints)} hints and {ask.right}."
        )
    if isinstance(ask, Number):
        if isinstance(ask.value, str):
            _known("The read-out that answers a question", ask.value, sorted(readouts))
        if not ask.tolerance > 0:
            raise ValueError(f"The tolerance of a number must be above 0, got {ask.tolerance}.")
