"""The controls of a page as its reader has them: their values, which of them are shown, and what is said beside them."""

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from sgtheory.pages._kit.controls import Control, Slider, Upload, alert
from sgtheory.pages._kit.numbers import tidy


class Board:
    """Each control's widget with the message below it.

    `refusals` judges values together, as `Page.refusals`; `changed` hears the name of every control that is moved, by the
    reader or in Python.
    """

    def __init__(
        self,
        specification: tuple[Control, ...],
        refusals: Callable[[Mapping[str, Any]], dict[str, str]],
        changed: Callable[[str], None],
    ) -> None:
        self.by_name = {control.name: control for control in specification}
        self.widgets = {name: control.widget() for name, control in self.by_name.items()}
        self.messages = {name: ipywidgets.HTML() for name in self.by_name}
        self.quiet = False  # while several are set at once
        self.refusals, self._changed = refusals, changed
        for message in self.messages.values():
            message.add_class("sgtheory-message")
        for name, widget in self.widgets.items():
            widget.observe(lambda _, name=name: self._hear(name), names="value")

    # ---- values ----

    def settings(self) -> dict[str, Any]:
        """The value of every control, by name; numbers without the rounding of a slider's steps (0.8, not 0.7999…98)."""
        values = {name: widget.value for name, widget in self.widgets.items()}
        return {name: tidy(value) if isinstance(value, float) else value for name, value in values.items()}

    def set(self, settings: Mapping[str, Any]) -> None:
        """Moves several controls at once, of which `changed` does not hear."""
        self.quiet = True
        try:
            for name, value in settings.items():
                self.widgets[name].value = value
        finally:
            self.quiet = False
        self.show()

    def adopt(self, values: Mapping[str, Any]) -> None:
        """Takes over values that the browser shows already, as if their own messages had brought them."""
        before = self.settings()
        for name, value in values.items():
            if before[name] != value:
                self.widgets[name].set_state({"value": value})  # nothing travels back

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """These values as the controls hold them. **Raises** `ValueError`, one sentence, for one that is not allowed."""
        return {name: self.by_name[name].check(value) for name, value in values.items()}

    def sliders_in(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The sliders' part of a state, checked; other controls send their values themselves, and without delay."""
        return self.checked({name: value for name, value in state.items() if isinstance(self.by_name[name], Slider)})

    def uploaded(self, name: str, value: str | None = None) -> bytes | None:
        """The content of the file that an upload control holds, or of the one called `value`; None if there is none."""
        widget = self.widgets[name]
        return widget.contents.get(widget.value if value is None else value)

    def _hear(self, name: str) -> None:
        if not self.quiet:
            self.show()
            self._changed(name)

    # ---- what is shown ----

    @property
    def parts(self) -> dict[str, tuple[ipywidgets.DOMWidget, ipywidgets.HTML]]:
        """What stands on the page, control by control: the widget and its message."""
        return {name: (widget, self.messages[name]) for name, widget in self.widgets.items()}

    def show(self) -> None:
        """Shows the controls that change something now, and hides the others."""
        settings = self.settings()
        for name, parts in self.parts.items():
            for widget in parts:
                widget.layout.display = None if self.applies(name, settings) else "none"

    def applies(self, name: str, settings: Mapping[str, Any]) -> bool:
        """Whether a control changes anything, and is shown, with these settings."""
        shown_for = getattr(self.by_name[name], "shown_for", None)
        return shown_for is None or settings[shown_for[0]] == shown_for[1]

    # ---- refusals ----

    def faults(self, settings: Mapping[str, Any]) -> dict[str, str]:
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

    def refuses(self, settings: Mapping[str, Any]) -> bool:
        """Whether something is wrong with these settings, which is then said beside the controls, and otherwise no more."""
        faults = self.faults(settings)
        for name in self.by_name:
            self.complain(name, faults.get(name, ""))
        return bool(faults)

    def complain(self, name: str, sentence: str) -> None:
        """Says beside a control what is wrong; nothing is, for no sentence."""
        self.messages[name].value = alert(sentence)
