"""Page 09: spike times of a QIF and of a LIF neuron while one input changes a little."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import Action, Choice, DeclaredPage, Panel, Readout, Slider, Text, in_64_bits
from sgtheory.pages._kit.controls import brief
from sgtheory.pages._kit.marks import Dots, Interval, Level, Line, Lines, Marker, Shown
from sgtheory.pages.exact_qif_tour import TOUR

ALONE, BESIDE, AMONG = "no others", "excitation", "several"
WEIGHT, TIME = "its weight", "its time"
POTENTIAL, PHASE = "potential V", "phase φ"
FIRST_OTHERS = "0.5 1.25; 2 -0.5; 3.5 1.4; 6 1.6"
MOST_OTHERS = 5
_END, _LARGEST = 10.0, 3.0
_TAKEN = 0.04, 0.3  # so close to an input a click takes it: a share of the trial, and a weight
_ACROSS = ("against", {WEIGHT: "weight w of the varied input, in w₀", TIME: "when the varied input comes, τ"})
_SLOPES = ("against", {WEIGHT: "dt / dw, for w itself", TIME: "slope, τ per τ"})
_OF_QIF = {"y": ("show", {POTENTIAL: "V", PHASE: "φ"})}
_SPIKES = tuple(enumerate(("blue", "orange", "green", "purple")))


def parse_inputs(text: str) -> tuple[tuple[float, float], ...]:
    """Inputs, each a time and a weight, in a text such as 0.5 1.25; 2 -0.5. **Raises** `ValueError` for any other text."""
    inputs = []
    for part in filter(None, (each.strip() for each in text.replace("−", "-").split(";"))):
        try:
            time, weight = map(float, part.split())
        except ValueError:
            time, weight = np.nan, np.nan
        if not (0 <= time <= _END and abs(weight) <= _LARGEST):
            raise ValueError(
                f"Other inputs must each be a time from 0 to {_END:g} and a weight from −{_LARGEST:g} to {_LARGEST:g}, "
                f"got {brief(part)}. Write 0.5 1.25; 2 -0.5, for instance."
            )
        inputs.append((time, weight))
    if len(inputs) > MOST_OTHERS:
        raise ValueError(f"Other inputs must be at most {MOST_OTHERS}, got {len(inputs)}. Leave some out.")
    return tuple(inputs)


def _trace(name: str, label: str, role: str, level: str, text: str) -> Panel:
    return Panel(
        f"{name}_trace", f"{label}: potential", x=("time, τ", f"{name}.moments"), x_range=f"ends.{name}", y_label="V",
        y_range=f"ends.{name}_trace",
        words={"title": ("show", {POTENTIAL: f"{label}: potential", PHASE: f"{label}: phase"}), **_OF_QIF} if name == "qif" else {},
        marks=(
            Marker("setting.time", legend="the varied input"),
            Level(f"ends.{name}_level", "soft", level, dash="dashed"),
            Line(f"{name}.trace", role, "the neuron", width=2, jumps=True),
            Dots(f"ends.{name}_top", "ink", "spikes", x=f"{name}.spikes", size=8, marker="inverted_triangle", jumps=True,
                 scales=False),
        ),
        text=text,
    )  # fmt: skip


def _curves(name: str, label: str, text: str) -> Panel:
    curves = tuple(
        Lines(f"{name}.curves.x", f"{name}.curves.times.{k}", f"{name}.curves.begin.{k}", role, f"spike {k + 1}", width=2.5,
              jumps=True)
        for k, role in _SPIKES
    )  # fmt: skip
    return Panel(
        f"{name}_times", f"{label}: when it spikes", x=(_ACROSS[1][WEIGHT], f"{name}.curves.x"), words={"x": _ACROSS},
        x_range=f"ends.{name}_across", y_label="spike time, τ", y_range=f"ends.{name}_times",
        marks=(
            Level(f"{name}.duration", "soft", "end of the trial", dash="dashed"),
            Marker("x", legend="chosen"),
            *curves,
            Dots(f"{name}.spikes", "ink", x=f"ends.{name}_here", size=7, hollow=True, name="spikes now", scales=False, jumps=True),
        ),
        text=text,
    )  # fmt: skip


def _slopes(name: str, label: str, text: str) -> Panel:
    curves = tuple(
        Lines(f"{name}.curves.x", f"{name}.curves.slopes.{k}", f"{name}.curves.begin.{k}", role, f"of spike {k + 1}", width=2,
              jumps=True)
        for k, role in _SPIKES
    )  # fmt: skip
    return Panel(
        f"{name}_slopes", f"{label}: slope of its spike times", x=(_ACROSS[1][WEIGHT], f"{name}.curves.x"),
        x_range=f"ends.{name}_across", y_label=_SLOPES[1][WEIGHT], y_range="ends.slopes", words={"x": _ACROSS, "y": _SLOPES},
        marks=(Level(0.0), Marker("x", legend="chosen"), *curves), text=text,
    )  # fmt: skip


class ExactQIF(DeclaredPage):
    """Vary one input of a QIF and of a LIF neuron; see how their spikes move, come and go."""

    name = "exact_qif"
    title = "One QIF neuron: can a spike vanish smoothly?"
    play = "weight"
    specification = (
        Slider("weight", "weight w", 1.15, -3.0, 3.0, 0.05, "Weight of the varied input, in units of w₀, at which one input "
               "just makes a neuron at rest spike", "w₀"),
        Slider("time", "time t", 0.5, 0.0, 10.0, 0.1, "When the varied input arrives", "τ"),
        Choice("against", "curves over", WEIGHT, (WEIGHT, TIME), "What the curves of spike times are drawn over"),
        Choice("scene", "other inputs", ALONE, (ALONE, BESIDE, AMONG), "None; one of 1.5 w₀ at 0.5; or several, in a longer "
               "trial"),
        Text("others", "others", FIRST_OTHERS, "A time and a weight for each: 0.5 1.25; 2 -0.5; a click on one takes it",
             shown_for=("scene", AMONG)),
        Choice("show", "of the QIF", POTENTIAL, (POTENTIAL, PHASE), "What is drawn of a QIF neuron over time"),
        Slider("strong", "Fig. S3: weight w", -8.5, -8.5, 60.0, 0.1, "Weight of the only input of the neuron that starts at π"),
    )  # fmt: skip
    actions = (
        Action("figure_1_left", "Fig. 1, left", "One input, and its weight"),
        Action("figure_1_right", "Fig. 1, right", "An inhibitory input beside excitation, and its time"),
        Action("figure_s4", "Fig. S4", "One input among several, and its time"),
        Action("figure_s5", "Fig. S5", "One input among several, and its weight"),
    )
    parts: ClassVar = {"bundle": ("weight", "time"), "several": ("strong",)}
    readouts = (
        Readout("qif_count", "QIF: spikes in the trial", of="qif.count", jumps=True),
        Readout("qif_first", "QIF: first spike (none: T)", of="qif.first", jumps=True),
        Readout("qif_slope", "QIF: its slope (none: 0)", of="qif.slope", jumps=True),
        Readout("qif_jump", "QIF: largest jump", of="qif.curves.jump", jumps=True),
        Readout("lif_count", "LIF: spikes in the trial", of="lif.count", jumps=True),
        Readout("lif_first", "LIF: first spike (none: T)", of="lif.first", jumps=True),
        Readout("lif_slope", "LIF: its slope (none: 0)", of="lif.slope", jumps=True),
        Readout("lif_jump", "LIF: largest jump", of="lif.curves.jump", jumps=True),
        Readout("several_count", "Fig. S3: spikes", of="several.count", jumps=True),
    )
    tour = TOUR
    panels = (
        Panel(
            "inputs", "Inputs: drag the ringed one, or click another", x=("time, τ", "inputs.times"), x_range="ends.qif",
            y_label="weight / w₀", y_range=(-3.3, 3.3), wide=True, height=190, map=("time", "weight"),
            marks=(
                Level(0.0),
                Interval("inputs.half", "inputs.half_size", "green", x="inputs.times", width=2.5),
                Dots("inputs.weights", "green", "other inputs", x="inputs.times", size=8, scales=False, jumps=True),
                Interval("varied.half", "varied.half_size", "orange", x="setting.time", width=2.5),
                Dots("setting.weight", "orange", "the varied input", x="setting.time", size=12, hollow=True),
            ),
            text="Inputs over time, each as high as its weight. The varied one can be dragged; its sliders do the same.",
        ),
        _trace(
            "qif", "QIF", "blue", "unstable rest",
            "Membrane potential of the QIF neuron over time, or its phase. Spikes in the trial: {qif_count}. The first comes at "
            "{qif_first}; this is the end of the trial if there is none.",
        ),
        _trace(
            "lif", "LIF", "blue", "threshold",
            "Membrane potential of the LIF neuron over time. Spikes in the trial: {lif_count}. The first comes at {lif_first}; "
            "this is the end of the trial if there is none.",
        ),
        _curves(
            "qif", "QIF",
            "Times of the first four spikes of the QIF neuron against what is varied. The largest jump of one is {qif_jump}.",
        ),
        _curves(
            "lif", "LIF",
            "Times of the first four spikes of the LIF neuron against what is varied. The largest jump of one is {lif_jump}.",
        ),
        _slopes(
            "qif", "QIF", "Derivatives of the spike times of the QIF neuron; at the chosen place that of the first is {qif_slope}.",
        ),
        _slopes(
            "lif", "LIF", "Derivatives of the spike times of the LIF neuron; at the chosen place that of the first is {lif_slope}.",
        ),
        Panel(
            "several_trace", "Fig. S3: one input at 0, from V = π", x=("time, τ", "several.moments"), x_range=(0.0, 10.0),
            y_label="V", y_range="ends.qif_trace", words=_OF_QIF,
            marks=(
                Level("ends.qif_level", "soft", "unstable rest", dash="dashed"),
                Line("several.trace", "blue", "the neuron", width=2, jumps=True),
                Dots("ends.several_top", "ink", "spikes", x="several.spikes", size=8, marker="inverted_triangle", jumps=True,
                     scales=False),
            ),
            text="A QIF neuron that starts at π, with one input at the time 0: {several_count} of its spikes lie in the trial.",
        ),
        Panel(
            "several_times", "Fig. S3: its three spikes", x=("weight w", "courses.weights_1"), x_range=(-10.5, 60.0),
            y_label="spike time, τ", y_range=(0.0, 10.6),
            marks=(
                Level(10.0, "soft", "end of the trial", dash="dashed"),
                Marker("setting.strong", legend="chosen"),
                *(
                    Line(f"courses.times_{k + 1}", role, f"spike {k + 1}", x=f"courses.weights_{k + 1}", width=2.5)
                    for k, role in _SPIKES[:3]
                ),
                Dots("several.spikes", "ink", x="ends.several_here", size=7, hollow=True, name="spikes now", jumps=True),
            ),
            text="Times of the first three spikes against the weight: each comes in at the end of the trial, and moves to earlier "
            "times.",
        ),
    )  # fmt: skip

    # ---- scenes ----

    def figure_1_left(self) -> None:
        self._go(scene=ALONE, against=WEIGHT, weight=1.15, time=0.5)

    def figure_1_right(self) -> None:
        self._go(scene=BESIDE, against=TIME, weight=-1.0, time=1.0)

    def figure_s4(self) -> None:
        self._go(scene=AMONG, against=TIME, weight=1.0, time=1.0, others=FIRST_OTHERS)

    def figure_s5(self) -> None:
        self._go(scene=AMONG, against=WEIGHT, weight=1.0, time=1.0, others=FIRST_OTHERS)

    def _go(self, **settings: Any) -> None:
        self.move({**self.settings(), **settings})

    def pointed(self, figure: str, x: float, y: float) -> None:
        """Takes the input that was clicked as the varied one, and leaves the other where it is."""
        settings = self.settings()
        if settings["scene"] != AMONG or self.refusals(settings):
            return
        others = list(parse_inputs(settings["others"]))
        across, upward = _TAKEN[0] * _END, _TAKEN[1]
        near = [each for each in others if abs(each[0] - x) <= across and abs(each[1] - y) <= upward]
        if not near:
            return
        taken = min(near, key=lambda each: abs(each[0] - x) / across + abs(each[1] - y) / upward)
        others[others.index(taken)] = settings["time"], settings["weight"]
        text = "; ".join(f"{time:g} {weight:g}" for time, weight in sorted(others))
        self._go(time=round(taken[0], 1), weight=round(20 * taken[1]) / 20, others=text)

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        try:
            parse_inputs(settings["others"] if settings["scene"] == AMONG else "")
        except ValueError as error:
            return {"others": str(error)}
        return {}

    # ---- numbers ----

    def _scene(self, settings: Mapping[str, Any]) -> Any:
        experiment = self.experiment()
        with in_64_bits():
            if settings["scene"] == AMONG:
                return experiment.among_others(parse_inputs(settings["others"]))
            return experiment.alone() if settings["scene"] == ALONE else experiment.beside_excitation()

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays only: one program for all scenes."""
        return {
            "scene": self._scene(settings), "against": np.asarray(settings["against"] == TIME),
            "show": np.asarray(settings["show"] == PHASE),
        }  # fmt: skip

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        experiment = cls.experiment()
        setting = experiment.ExactQIFSetting(numbers["weight"], numbers["time"])
        return experiment.exact_qif(setting, choices["scene"], choices["against"], choices["show"])

    @classmethod
    def several(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The neuron of Fig. S3, which the other sliders do not change."""
        return cls.experiment().several(numbers["strong"], choices["show"])

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        scene, weight = self._scene(settings), shown("setting.weight")[:, None]
        at_all = np.isfinite(scene.times)
        others = np.where(at_all, scene.weights, 0.0)
        away = self.experiment().AWAY
        inputs = {
            "times": np.where(at_all, scene.times, away),
            "weights": others,
            "half": others / 2,
            "half_size": abs(others / 2),
        }

        def in_rows(part: Mapping[str, Any]) -> dict[str, np.ndarray]:
            return {name: np.broadcast_to(values, (len(weight), *np.shape(values))) for name, values in part.items()}

        here = {
            f"{name}_here": np.repeat(shown(address)[:, None], shown(f"{name}.spikes").shape[1], axis=1)
            for name, address in (("qif", "x"), ("lif", "x"), ("several", "setting.strong"))
        }
        return {
            "inputs": in_rows(inputs), "varied": {"half": weight / 2, "half_size": abs(weight / 2)},
            "ends": in_rows(self._ends(settings, scene)) | here, "courses": in_rows(self._courses()),
        }  # fmt: skip

    def _ends(self, settings: Mapping[str, Any], scene: Any) -> dict[str, Any]:
        """The ends of all axes, the levels at which the neurons run away, and where spikes are marked."""
        phase, against_time, alone = settings["show"] == PHASE, settings["against"] == TIME, settings["scene"] == ALONE
        traced = {"qif": (-0.03, 1.09) if phase else (-6.0, 8.0), "lif": (-0.4, 1.25) if alone else (-1.6, 1.3)}
        # The unstable rest of a QIF neuron without input is at V = 1.
        level = {"qif": np.arctan(1 / np.pi) / np.pi + 0.5 if phase else 1.0, "lif": 1.0}
        ends: dict[str, Any] = {"slopes": (-8.0, 2.0 if against_time else 0.5)}
        for (name, (low, high)), trial in zip(traced.items(), map(float, scene.durations), strict=True):
            ends |= {
                name: (0.0, trial), f"{name}_trace": (low, high), f"{name}_level": level[name],
                f"{name}_top": np.full(self.experiment().SPIKES, high - 0.04 * (high - low)),
                f"{name}_times": (0.0, 1.06 * trial), f"{name}_across": (0.0, trial) if against_time else scene.weight_ends,
            }  # fmt: skip
        return ends | {"several_top": ends["qif_top"][:3]}

    def _courses(self) -> dict[str, np.ndarray]:
        with in_64_bits():
            return self.experiment().several_curves()
