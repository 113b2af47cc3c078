"""Controls: their meaning, the values they allow, and the ipywidgets that show them."""

import dataclasses
import hashlib
import html
import math
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from sgtheory.pages._kit.numbers import tidy, written

LONGEST_TEXT = 500

_STYLE = {"description_width": "104px"}
_LAYOUT = {"width": "100%"}


def _refuse(sentence: str):
    raise ValueError(sentence)


def brief(value: Any) -> str:
    """`value` as a person recognises it, in at most 60 characters, whatever it holds."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # deeply nested lists; a whole number of more than 4300 digits
        text = f"a very large {type(value).__name__}"
    return text if len(text) <= 60 else text[:59] + "…"


def alert(sentence: str) -> str:
    """A refusal as the text of a message, which a screen reader says at once; none for no sentence."""
    return f'<span role="alert">{html.escape(sentence)}</span>' if sentence else ""


@dataclasses.dataclass(frozen=True)
class Slider:
    """A number between `low` and `high`, whole if `step` is an `int`.

    `base`: it moves along the logarithm to this base, and `step` is that of the exponent.
    `sizes`: it changes the sizes of arrays, so that a move may compile and is answered only when the slider is let go.
    `tabled`: the picture between two positions makes sense, so that a drag can be drawn from a table. `shown_for`: another
    control and its value without which this slider changes nothing, and is not shown.
    """

    name: str
    label: str
    value: int | float
    low: int | float
    high: int | float
    step: int | float
    help: str
    unit: str = ""
    sizes: bool = False
    tabled: bool = True
    shown_for: tuple[str, str] | None = None
    base: int | None = None

    @property
    def whole(self) -> bool:
        return isinstance(self.step, int) and not self.base

    def check(self, value: Any) -> int | float:
        """`value` as this control holds it. **Raises** `ValueError`, one sentence, for a value that it does not allow."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # NaN does not lie between the two ends; a whole number of 400 digits can be compared, but not made a float.
        if not number or not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            _refuse(f"{self.label} must be {kind} from {self.low} to {self.high}, got {brief(value)}.")
        return int(value) if self.whole else float(value)

    def positions(self, most: int = 129) -> int:
        """Rows of a table over this slider: one per step or, where there are very many, fewer and evenly spaced."""
        low, high = self._ends
        steps = round((high - low) / self.step) + 1
        return steps if steps <= most else 65

    def numbers(self, count: int) -> np.ndarray:
        """So many numbers from `low` to `high`, evenly spaced along the slider."""
        low, high = self._ends
        places = np.linspace(low, high, count)
        return np.array([tidy(number) for number in (np.power(float(self.base), places) if self.base else places)])

    def steps(self, values: np.ndarray) -> np.ndarray:
        """How many whole steps these numbers lie above the lower end."""
        low, _ = self._ends
        places = np.log(values) / math.log(self.base) if self.base else values
        return np.floor((places - low) / self.step + 1e-6).astype(int)

    def told(self, value: int | float) -> str:
        """A number of this slider in words; `told` in numbers.js does the same."""
        return written(value, 3) if self.base else str(value).replace("-", "−")

    @property
    def _ends(self) -> tuple[int | float, int | float]:
        """The two ends, or their exponents."""
        if not self.base:
            return self.low, self.high
        logarithm = {2: math.log2, 10: math.log10}[self.base]  # exact for whole powers
        return logarithm(self.low), logarithm(self.high)

    def widget(self) -> ipywidgets.DOMWidget:
        kind, shown = _WholeSlider, {}
        if self.base:
            kind, shown = _LogarithmicSlider, {"base": self.base}
        elif not self.whole:
            decimals = max(len(f"{each:g}".partition(".")[2]) for each in (self.step, self.low))
            kind, shown = _RealSlider, {"readout_format": f".{decimals}f"}
        low, high = self._ends
        return kind(
            value=self.value, min=low, max=high, step=self.step, control=self, description=self.label,
            tooltip=self.help, style=_STYLE, layout=_LAYOUT, continuous_update=not self.sizes, **shown,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Film(Slider):
    """A slider over time: its table is a film, with one row per whole number, played at so many frames a second.

    `reads`: the key of a read-out that says what a frame stands for, and is told beside its number.
    """

    rate: int | float = 10
    reads: str = ""

    def positions(self, most: int = 129) -> int:
        del most
        return int(self.high - self.low) + 1


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of a few named options."""

    name: str
    label: str
    value: str
    options: tuple[str, ...]
    help: str

    def check(self, value: Any) -> str:
        if value not in self.options:
            _refuse(f"{self.label} must be one of {', '.join(self.options)}, got {brief(value)}.")
        return value

    def widget(self) -> ipywidgets.DOMWidget:
        return ipywidgets.Dropdown(
            options=self.options,
            value=self.value,
            description=self.label,
            tooltip=self.help,
            style=_STYLE,
            layout=_LAYOUT,
        )


@dataclasses.dataclass(frozen=True)
class Text:
    """A line of text that the page interprets; shown only while another control has the value that `shown_for` names."""

    name: str
    label: str
    value: str
    help: str
    shown_for: tuple[str, str] | None = None

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            got = f"{len(value)} characters" if isinstance(value, str) else brief(value)
            _refuse(f"{self.label} must be text of at most {LONGEST_TEXT} characters, got {got}.")
        if any("\ud800" <= letter <= "\udfff" for letter in value):  # half a letter, which no message can carry
            _refuse(f"{self.label} must be text that can be sent, got {brief(value)}.")
        return value

    def widget(self) -> ipywidgets.DOMWidget:
        return ipywidgets.Text(
            value=self.value, description=self.label, tooltip=self.help, placeholder=self.help, style=_STYLE,
            layout=_LAYOUT, continuous_update=False,
        )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Several:
    """Some of a few named options, at least one and at most `most`; its value is their names, joined by `"; "`.

    `marks`: the colour role and the marker that each option has in the figures.
    """

    name: str
    label: str
    value: str
    options: tuple[str, ...]
    help: str
    marks: tuple[tuple[str, str], ...]
    most: int

    def check(self, value: Any) -> str:
        chosen = value.split("; ") if isinstance(value, str) and len(value) <= LONGEST_TEXT else [value]
        unknown = [name for name in chosen if name not in self.options]
        if value == "":
            _refuse(f"{self.label} must be at least one, got none. Tick one.")
        if unknown:
            _refuse(f"{self.label} must be some of {', '.join(self.options)}, got {brief(unknown[0])}.")
        if not len(set(chosen)) == len(chosen) <= self.most:
            extra = max(len(chosen) - self.most, 1)
            _refuse(f"{self.label} must be at most {self.most}, each once, got {len(chosen)}. Untick {extra}.")
        return "; ".join(name for name in self.options if name in chosen)

    def widget(self) -> ipywidgets.DOMWidget:
        return _Boxes(self)


@dataclasses.dataclass(frozen=True)
class Toggle:
    """Something that is on or off."""

    name: str
    label: str
    value: bool
    help: str

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            _refuse(f"{self.label} must be on or off (true or false), got {brief(value)}.")
        return value

    def widget(self) -> ipywidgets.DOMWidget:
        return ipywidgets.Checkbox(
            value=self.value, description=self.label, tooltip=self.help, indent=False, layout=_LAYOUT
        )


@dataclasses.dataclass(frozen=True)
class Upload:
    """A file of the reader's own, of one of these `kinds` and of at most `most` bytes; none at first.

    Its value is the file's name and a fingerprint of its content, which `Page.uploaded` gives; a state holds no more either.
    """

    name: str
    label: str
    help: str
    kinds: tuple[str, ...] = (".png", ".jpg", ".jpeg")
    most: int = 2_000_000
    value: str = ""

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            _refuse(f"{self.label} must name a file, got {brief(value)}.")
        return value

    def check_file(self, name: str, size: int) -> None:
        """**Raises** `ValueError`, one sentence, for a file that this control does not take."""
        if not name.lower().endswith(self.kinds):
            _refuse(f"{self.label} must be a file of the kind {' or '.join(self.kinds)}, got {brief(name)}.")
        if not 0 < size <= self.most:
            most = f"{self.most / 1e6:.3g} MB"
            _refuse(
                f"{self.label} must have at most {most}, got {size / 1e6:.3g} MB. Make it smaller, or choose another file."
            )

    def widget(self) -> ipywidgets.DOMWidget:
        return _File(self)


Control = Slider | Choice | Text | Several | Toggle | Upload


class _File(ipywidgets.HBox):
    """A button that takes a file. `value` names the file that is in use, `contents` holds those that were taken, by value."""

    value = traitlets.Unicode().tag(sync=True)

    def __init__(self, control: Upload) -> None:
        self.control, self.description = control, control.label
        self.contents: dict[str, bytes] = {}
        self.chooser = ipywidgets.FileUpload(
            accept=",".join(control.kinds), multiple=False, description="Choose …", tooltip=control.help
        )
        self.chosen = ipywidgets.Label("none")
        super().__init__([ipywidgets.Label(control.label), self.chooser, self.chosen], value=control.value)
        self.add_class("sgtheory-upload")
        self.refusal = ipywidgets.HTML()
        self.refusal.add_class("sgtheory-message")
        self.children += (self.refusal,)
        self.chooser.observe(self._take, names="value")
        self.observe(self._name, names="value")

    def _take(self, change: Any) -> None:
        for file in change["new"]:
            try:
                self.take(file["name"], bytes(file["content"]))
            except ValueError as error:
                self.refuse(str(error))
        if change["new"]:
            self.chooser.value = ()  # the same file may be chosen again

    def take(self, name: str, content: bytes) -> None:
        """Takes a file as if the reader had chosen it. **Raises** `ValueError`, one sentence, for one that is not allowed."""
        self.control.check_file(name, len(content))
        value = f"{name[-60:]} #{hashlib.sha256(content).hexdigest()[:12]}"
        self.contents = {value: content}
        self.refuse("")
        self.value = value

    def refuse(self, sentence: str) -> None:
        self.refusal.value = alert(sentence)

    def _name(self, _change: Any) -> None:
        self.chosen.value = self.value.rpartition(" #")[0] or "none"


class _Boxes(ipywidgets.VBox):
    """One checkbox per option. `value` follows the checkboxes, and they follow it."""

    value = traitlets.Unicode().tag(sync=True)

    def __init__(self, control: Several) -> None:
        self.description = control.label
        self._following = False
        self.boxes = {
            name: ipywidgets.Checkbox(description=name, tooltip=name, indent=False) for name in control.options
        }
        for box, (role, sign) in zip(self.boxes.values(), control.marks, strict=True):
            box.add_class(f"sgtheory-{role}")
            box.add_class(f"sgtheory-{sign}")
            box.observe(self._follow_boxes, names="value")
        self.observe(self._follow_value, names="value")
        # ipywidgets' own script fails at a tooltip on a box of boxes.
        heading = ipywidgets.Label(control.label, tooltip=control.help)
        super().__init__([heading, *self.boxes.values()], value=control.value)
        self.add_class("sgtheory-several")
        self._follow_value()

    def _follow_boxes(self, _change: Any) -> None:
        if not self._following:
            self.value = "; ".join(name for name, box in self.boxes.items() if box.value)

    def _follow_value(self, _change: Any = None) -> None:
        self._following = True
        chosen = self.value.split("; ")
        for name, box in self.boxes.items():
            box.value = name in chosen
        self._following = False


class _Strict:
    """A slider that refuses a number out of its range, where ipywidgets would silently move it to the nearest end."""

    @traitlets.validate("value")
    def _validate_value(self, proposal):
        value, control = proposal["value"], self.control
        if math.isfinite(value) and control.low <= tidy(value) <= control.high:
            return value
        raise traitlets.TraitError(
            f"{control.label} must be a number from {control.low} to {control.high}, got {value}."
        )


class _RealSlider(_Strict, ipywidgets.FloatSlider):
    control = traitlets.Any()
    # Without the echo: the browser has the value already, and each step of a drag needs one message fewer.
    value = traitlets.CFloat(0.0).tag(sync=True, echo_update=False)


class _WholeSlider(_Strict, ipywidgets.IntSlider):
    control = traitlets.Any()
    value = traitlets.CInt(0).tag(sync=True, echo_update=False)


class _LogarithmicSlider(_Strict, ipywidgets.FloatLogSlider):
    control = traitlets.Any()
    value = traitlets.CFloat(1.0).tag(sync=True, echo_update=False)
    # Three digits without zeros at their end; the browser knows the sign ~, which ipywidgets' own check does not.
    readout_format = traitlets.Unicode(".3~r").tag(sync=True)
