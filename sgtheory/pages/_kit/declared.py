"""A page whose panels are declared: what is sent, swept and drawn follows from their marks."""

import dataclasses
import functools
import importlib
import re
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit.controls import Choice, Slider
from sgtheory.pages._kit.drawing import Drawing, data_sources, sent_range
from sgtheory.pages._kit.marks import Discs, Mark, Shown
from sgtheory.pages._kit.numbers import Sources, filled_up, in_64_bits, range_columns, range_names
from sgtheory.pages._kit.page import Page
from sgtheory.pages._kit.panels import Panel
from sgtheory.pages._kit.stage import Figure, Points
from sgtheory.pages._kit.theme import panel as empty_panel
from sgtheory.pages._kit.tour import check_tour

_CONTROL, _AXIS = "setting.", "()"


class DeclaredPage(Page):
    """A page that names its controls and panels; the experiment of the same name computes what they show.

    The experiment `sgtheory.experiments.x` has a function `x` of an `XSetting`, whose fields are the sliders' names; a page
    whose experiment takes something else says so in `bundle`.
    """

    panels: ClassVar[tuple[Panel, ...]] = ()
    experiment_name: ClassVar[str | None] = None
    """Where several pages share an experiment."""
    parts: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Methods beside `bundle`, and the sliders that each reads: it is compiled by itself, and the table of another slider
    computes it once. Addresses of its fields begin with its name. `bundle` reads all sliders, unless it is named here."""

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        check_tour(cls.tour, cls.specification, cls.panels, frozenset(each.key for each in cls.readouts))
        jumping = (mark.jumping(panel.x[1]) for panel, mark in cls._marks())
        read = {f"readouts.{readout.key}" for readout in cls.readouts if readout.jumps}
        ranges = range_names(
            [each.name for each in cls.panels if each.moves_upward],
            [each.name for each in cls.panels if each.moves_across],
        )
        cls.discrete = frozenset().union(*jumping, read, ranges)
        cls.wide = frozenset(panel.name for panel in cls.panels if panel.wide)
        cls.points = {
            panel.name: Points(mark.of, mark.text)
            for panel, mark in cls._marks()
            if isinstance(mark, Discs) and mark.text
        }

    # ---- what a page may define ----

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The experiment's bundle; the sliders' `numbers` may be traced, all other settings are `choices`."""
        del choices
        experiment = cls.experiment()
        setting = cls.name.title().replace("_", "") + "Setting"
        return getattr(experiment, cls.name)(getattr(experiment, setting)(**numbers))

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Everything that `bundle` reads beside numbers; whatever is new here is compiled."""
        return {name: value for name, value in settings.items() if name not in self._numeric()}

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Further parts, arranged from the numbers that are `shown` at other addresses, with the leading axis of rows.

        NumPy does this after the programs: for places of what is drawn, such as those of the branches of a tree.
        """
        del shown, settings
        return {}

    # ---- numbers ----

    @classmethod
    def experiment(cls) -> ModuleType:
        """The module of the experiment, imported when it is first needed."""
        return importlib.import_module(f"sgtheory.experiments.{cls.experiment_name or cls.name}")

    @classmethod
    def _marks(cls) -> list[tuple[Panel, Mark]]:
        return [(panel, mark) for panel in cls.panels for mark in panel.marks]

    @classmethod
    def _still(cls) -> list[Panel]:
        """The panels that show the settings, and no history of the page's work."""
        return [panel for panel in cls.panels if not panel.grows]

    @classmethod
    def _numeric(cls) -> list[str]:
        """The controls whose numbers change without compiling anything."""
        return [each.name for each in cls.specification if isinstance(each, Slider) and not each.sizes]

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        choices = self.choices(settings)
        bundles = {part: (self.computed(settings, choices, part), False) for part in self._programs()}
        numbers = {name: np.asarray(settings[name], dtype=float)[None] for name in self._numeric()}
        columns = self._columns(self._shown(bundles, numbers, settings))
        return {source: {name: values[0] for name, values in each.items()} for source, each in columns.items()}

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        rows, choices, bundles = len(values), self.choices(settings), {}
        numbers = {each: np.full(rows, settings[each], dtype=float) for each in self._numeric()} | {name: values}
        for part, reads in self._programs().items():
            if name not in reads:
                bundles[part] = self.computed(settings, choices, part), False
                continue
            filled = {each: filled_up(numbers[each], self._most(reads)) for each in reads}
            bundles[part] = self.computed_rows(filled, choices, part), True
        return self._columns(self._shown(bundles, numbers, settings))

    @classmethod
    def computed(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any], part: str = "bundle") -> Any:
        """The bundle or another part, in 64 bits, from the one compiled program of all pages of this class."""
        read = {name: np.asarray(numbers[name], dtype=float) for name in cls._programs()[part]}
        with in_64_bits():
            return _program(cls, part)(read, choices)

    @classmethod
    def computed_rows(cls, numbers: Mapping[str, np.ndarray], choices: Mapping[str, Any], part: str = "bundle") -> Any:
        """The same for each row of numbers, with a leading axis of rows."""
        with in_64_bits():
            return _mapped_program(cls, part)(numbers, choices)

    @classmethod
    def _programs(cls) -> dict[str, tuple[str, ...]]:
        """What is compiled, each by itself, and the sliders that it reads."""
        return {"bundle": tuple(cls._numeric()), **cls.parts}

    @classmethod
    def _most(cls, names: Collection[str]) -> int:
        """Rows of every sweep over one of these sliders: enough for each, so that one program computes all tables."""
        sliders = [each for each in cls.specification if isinstance(each, Slider) and each.name in names]
        return max((each.positions() for each in sliders if each.tabled), default=1)

    def _shown(
        self, bundles: dict[str, tuple[Any, bool]], numbers: Mapping[str, np.ndarray], settings: Mapping[str, Any]
    ) -> "_Rows":
        shown = _Rows(self, bundles, numbers, settings)
        shown.bundles |= {name: (view, True) for name, view in self.views(shown, settings).items()}
        return shown

    def _columns(self, shown: "_Rows") -> Sources:
        sources = self._drawn(self._still(), shown)
        told = {key: shown(address) for key, address in self._told().items()}
        sources["readouts"] = {key: numbers.reshape(shown.rows, 1) for key, numbers in told.items() if numbers.size}
        return sources

    @classmethod
    def _told(cls) -> dict[str, str]:
        """What texts and tables tell, and its addresses: fields of the bundle, unless read-outs say otherwise."""
        named = {key: key for panel in cls.panels for key in re.findall(r"{(\w+)}", panel.text)}
        rows, columns = (cls.table.rows, cls.table.columns) if cls.table else ((), ())
        cells = {f"{row}_{column}": f"{row}.{column}" for row, *_ in rows for column, _ in columns}
        return named | cells | {each.key: each.of or each.key for each in cls.readouts}

    @classmethod
    def _drawn(cls, panels: list[Panel], shown: Shown) -> Sources:
        """The sources of these panels, and the ends of their axes that follow the numbers."""
        sources: Sources = {}
        for panel in panels:
            for mark in panel.marks:
                for source, columns in mark.sources(panel.x[1], shown).items():
                    sources.setdefault(source, {}).update(columns)
        upward = {panel.name: panel.y_ends(shown) for panel in panels if panel.moves_upward}
        across = {panel.name: panel.x_ends(shown) for panel in panels if panel.moves_across}
        ranges = range_columns(upward, across)
        return sources | ({"ranges": ranges} if ranges else {})

    def growing(self, drawn: Mapping[str, Mapping[str, np.ndarray]]) -> Sources:
        def shown(address: str) -> np.ndarray:
            _, history, column = address.split(".")
            return drawn[history][column][None]

        grown = self._drawn([panel for panel in self.panels if panel.grows], shown)
        return {source: {name: values[0] for name, values in each.items()} for source, each in grown.items()}

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        data = data_sources(sources)
        return [self._figure(panel, data, sources.get("ranges", {})) for panel in self.panels]

    def _figure(self, panel: Panel, data: dict[str, Any], ranges: dict[str, np.ndarray]) -> Figure:
        from bokeh.models import Range1d

        label, x = panel.x
        if panel.moves_across:
            x_range = sent_range(ranges, panel.name, ("left", "right"))
        else:
            x_range = panel.x_range or (float(self._axis(x)[0]), float(self._axis(x)[-1]))
        y_range = panel.y_range if isinstance(panel.y_range, tuple) else sent_range(ranges, panel.name)
        height = panel.height
        if panel.equal:  # about what the browser will find, so that nothing moves
            height = round(62 + min(330 * (y_range[1] - y_range[0]) / (x_range[1] - x_range[0]), 420))
        plot = empty_panel(
            panel.title, height=height, x_range=Range1d(*x_range), y_range=y_range, x_label=label, y_label=panel.y_label,
            x_powers_of=panel.x_powers_of, y_powers_of=panel.y_powers_of,
        )  # fmt: skip
        if panel.wide:
            plot.min_border_left = 72  # holds any label, so that what lies one below the other stays so
        drawing = Drawing(panel.name, data, plot)
        for mark in panel.marks:
            mark.draw(drawing, x, self._axis)
        if panel.ticks is not None:
            drawing.named_rows(dict(panel.ticks))
        if panel.x_ticks is not None:
            drawing.named_places(dict(panel.x_ticks))
        return dataclasses.replace(
            drawing.finished(panel.text, panel.map, panel.equal), shown_for=panel.shown_for, words=panel.words
        )

    def _axis(self, address: str) -> np.ndarray:
        return _axis(self.experiment(), address)


class _Rows:
    """The numbers at an address, with a leading axis of rows; `bundles` says of each part whether it has such an axis.

    The rows of `numbers`, the sliders', are those of the picture or of the table of a page with these `settings`.
    """

    def __init__(
        self,
        page: DeclaredPage,
        bundles: dict[str, tuple[Any, bool]],
        numbers: Mapping[str, np.ndarray],
        settings: Mapping[str, Any],
    ) -> None:
        self.page, self.bundles, self.numbers, self.settings = page, bundles, numbers, settings
        self.rows = max(map(len, numbers.values()), default=1)
        self._found: dict[str, np.ndarray] = {}

    def __call__(self, address: str) -> np.ndarray:
        if address not in self._found:
            self._found[address] = self._find(address)
        return self._found[address]

    def _find(self, address: str) -> np.ndarray:
        if address.endswith(_AXIS):
            return self._in_rows(self.page._axis(address))
        try:
            if address.startswith(_CONTROL):
                return self.numbers[address.removeprefix(_CONTROL)]
            columns, _, last = address.rpartition(".")
            if last.startswith("{"):
                return _selected(self(columns), self._steps(last.strip("{}")))
            part, _, field = address.partition(".")
            if part not in self.bundles:
                part, field = "bundle", address
            bundle, has_rows = self.bundles[part]
            found = np.asarray(functools.reduce(_part, filter(None, field.split(".")), bundle))
        except (AttributeError, KeyError, IndexError) as fault:
            raise ValueError(
                f"An address must name a field of the bundle, a control or an axis of {self.page.experiment().__name__}, "
                f"got {address!r}. Look for a slip of the pen in the page's marks and readouts."
            ) from fault
        return found[: self.rows] if has_rows else self._in_rows(found)

    def _steps(self, name: str) -> np.ndarray:
        """How far a control is from its first option, or from its lower end."""
        control = self.page.by_name[name]
        if isinstance(control, Choice):
            return np.full(self.rows, control.options.index(self.settings[name]))
        return control.steps(self.numbers[name])

    def _in_rows(self, values: np.ndarray) -> np.ndarray:
        return values[None] if self.rows == 1 else np.broadcast_to(values, (self.rows, *values.shape))


def _part(bundle: Any, name: str) -> Any:
    """A field of a bundle, or a column of an array."""
    if name.isdecimal():
        return np.asarray(bundle)[..., int(name)]
    return bundle[name] if isinstance(bundle, dict) else getattr(bundle, name)


def _selected(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The column of each row with this number."""
    if np.all(columns == columns[0]):
        return values[..., columns[0]]
    columns = columns.reshape(-1, *(1,) * (values.ndim - 1))
    return np.take_along_axis(values, columns, axis=-1)[..., 0]


@functools.cache
def _axis(experiment: ModuleType, address: str) -> np.ndarray:
    with in_64_bits():
        return np.asarray(getattr(experiment, address.removesuffix(_AXIS))(), dtype=float)


@functools.cache
def _program(kind: type[DeclaredPage], part: str) -> Any:
    import equinox as eqx

    return eqx.filter_jit(getattr(kind, part))


@functools.cache
def _mapped_program(kind: type[DeclaredPage], part: str) -> Any:
    import equinox as eqx
    import jax

    return eqx.filter_jit(lambda numbers, choices: jax.vmap(lambda each: getattr(kind, part)(each, choices))(numbers))
