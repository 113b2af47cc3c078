"""Page 07: two networks learn to draw a picture with their spikes, one of them with noise."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import Choice, Panel, Readout, Slider, Upload
from sgtheory.pages._kit.marks import HeatMap, Level, Raster, Shown
from sgtheory.pages._training import NOW, STEPS, Run, TrainingPage, course, folder_control, moment_control
from sgtheory.pages.spike_train_matching_tour import TOUR


def _raster(name: str, title: str, address: str, role: str, text: str) -> Panel:
    return Panel(
        name, title, x=("time, ms", "times()"), y_label="neuron", x_range=(-0.5, 197.5), y_range=(0.0, 200.0), equal=True,
        marks=(Raster(address, role, 0.0, 200.0),), text=text,
    )  # fmt: skip


def _distance(name: str, title: str, key: str, text: str) -> Panel:
    return Panel(
        name, title, x=STEPS, y_label="distance", y_powers_of=10 if key == "rossum" else None,
        marks=(
            NOW,
            Level(f"whole.{key}_silent", "ink", "silence", width=1.5, dash="dashed"),
            Level(f"whole.{key}_random", "purple", "random spikes", width=1.5, dash="dashed"),
            *course(f"run.{key}_stochastic", "blue", "with noise"),
            *course(f"run.{key}_deterministic", "orange", "without"),
        ),
        text=text,
    )  # fmt: skip


class SpikeTrainMatching(TrainingPage):
    """Watch two networks learn to draw a picture with their spikes; then train them on a picture of your own."""

    name = "spike_train_matching"
    title = "Drawing with spikes: can a noisy network be precise?"
    play = "moment"
    specification = (
        moment_control(),
        Slider("steps", "training steps", 1000, 100, 5000, 100, "How many steps Start trains", tabled=False),
        Choice(
            "rule", "rule", "back-propagation", ("back-propagation", "eligibility rule"),
            "Back-propagation through time, or the rule of Gygax & Zenke (2025), which is no gradient",
        ),
        Choice("distance", "distance", "van Rossum", ("van Rossum", "L2"), "The distance from the target that training lowers"),
        Choice("slope", "output slope", "SuperSpike", ("SuperSpike", "matched"), "The surrogate derivative of noisy outputs"),
        Slider("hidden", "hidden β", 10.0, 2.0, 40.0, 1.0, "Steepness of the hidden neurons' escape noise", tabled=False),
        Slider("output", "output β", 100.0, 5.0, 200.0, 5.0, "Steepness of the outputs' escape noise", tabled=False),
        Slider("trials", "trials a step", 10, 1, 20, 1, "Trials over which a step of the noisy network averages", tabled=False),
        Choice("optimiser", "optimiser", "Adam", ("Adam", "SMORMS3"), "How a gradient becomes a step"),
        Slider("rate", "learning rate", 2e-3, 2e-4, 2e-1, 0.1, "The optimiser's learning rate", tabled=False, base=10),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed gives other first weights and other noise", tabled=False),
        Upload("picture", "your picture", "A picture of your own as the target: PNG or JPEG"),
        folder_control(),
    )  # fmt: skip
    readouts = (
        Readout("step", "steps of training", of="moment.step"),
        Readout("stochastic", "van Rossum, with noise", of="moment.distance_stochastic"),
        Readout("deterministic", "van Rossum, without", of="moment.distance_deterministic"),
        Readout("silent", "… of silence", of="whole.distance_silent"),
        Readout("random", "… of random spikes", of="whole.distance_random"),
        Readout("below", "times below silence, noisy", of="moment.below"),
        Readout("matched", "van Rossum, matched slope", of="compared.end_matched"),
        Readout("eligibility", "van Rossum, eligibility rule", of="compared.end_eligibility"),
        Readout("squares", "L2, with noise", of="moment.squares_stochastic"),
        Readout("squares_deterministic", "L2, without", of="moment.squares_deterministic"),
        Readout("squares_silent", "… of silence", of="whole.squares_silent"),
        Readout("fano_hidden", "Fano factor, hidden", of="moment.fano_hidden"),
        Readout("fano_output", "Fano factor, output", of="moment.fano_output"),
    )
    tour = TOUR
    panels = (
        _raster(
            "target", "The target: one row a neuron", "whole.target", "ink",
            "The target: the spikes that the outputs should have, a dithered picture, time along x and one row for each neuron.",
        ),
        _raster(
            "stochastic", "Outputs with noise, one trial", "moment.stochastic", "blue",
            "Spikes of the outputs of the network with noise, in one trial, after {step} steps of training.",
        ),
        _raster(
            "deterministic", "Outputs without noise", "moment.deterministic", "orange",
            "Spikes of the outputs of the network without noise, after {step} steps of training.",
        ),
        Panel(
            "mean", "Outputs with noise, ten trials", x=("time, ms", "times()"), y_label="neuron", x_range=(-0.5, 197.5),
            y_range=(0.0, 200.0), equal=True, marks=(HeatMap("moment.mean", "neurons()", "blue 33", low=0.0, high=10.0),),
            text="In how many of ten trials each neuron spikes at each moment: what all trials have in common.",
        ),
        _raster(
            "hidden", "Hidden neurons with noise, one trial", "moment.hidden", "green",
            "Spikes of the hidden neurons of the network with noise, in the same trial. Nobody told them what to do.",
        ),
        _raster(
            "calm", "Hidden neurons without noise", "moment.calm", "purple",
            "Spikes of the hidden neurons of the network without noise.",
        ),
        _distance(
            "rossum", "Distance of van Rossum", "rossum",
            "Distance of van Rossum from the target over the steps of training, on a logarithmic axis: {stochastic} with noise and "
            "{deterministic} without, beside {silent} of silence and {random} of random spikes.",
        ),
        Panel(
            "slopes", "Three runs: which output slope?", x=("steps of training", "compared.step"),
            y_label="distance of van Rossum", y_powers_of=10,
            marks=(
                Level("compared.silent", "ink", "silence", width=1.5, dash="dashed"),
                *course("compared.matched", "purple", "matched slope"),
                *course("compared.superspike", "blue", "SuperSpike"),
                *course("compared.eligibility", "green", "eligibility rule, no slope"),
            ),
            text="Distance of van Rossum of the network with noise in three runs that come with the page, each with another slope "
            "of the outputs, on a logarithmic axis. In the end it is {matched} with the matched slope and {eligibility} with the "
            "eligibility rule; the run with SuperSpike is the one with which the page opens.",
        ),
        _distance(
            "squares", "Distance L2", "squares",
            "Distance L2 from the target over the steps of training: {squares} with noise, {squares_deterministic} without, beside "
            "{squares_silent} of silence.",
        ),
        Panel(
            "fano", "Fano factor over ten trials", x=STEPS, y_label="variance / mean", y_range=(0.0, 1.1),
            marks=(
                NOW,
                Level(1.0, "ink", "Poisson", width=1.5, dash="dashed"),
                *course("run.fano_hidden", "green", "hidden"),
                *course("run.fano_output", "blue", "output"),
            ),
            text="Fano factor of single steps over ten trials of the network with noise: {fano_hidden} of the hidden neurons, "
            "{fano_output} of the outputs. It is 1 for rare independent spikes, and 0 where every trial is the same.",
        ),
    )  # fmt: skip

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        from sgtheory.data import read_picture

        content = self._content(settings)
        try:
            if content is not None:
                read_picture(content)
        except ValueError as error:
            return {"picture": str(error).replace("`source`", "your picture")}
        if settings["rule"] == "eligibility rule" and settings["distance"] != "van Rossum":
            return {
                "distance": "The eligibility rule is for the distance of van Rossum. Choose that, or back-propagation."
            }
        return {}

    # ---- numbers ----

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        views = super().views(shown, settings)
        moment, silent = views["moment"], views["whole"]["distance_silent"]
        below = silent / np.maximum(moment["distance_stochastic"], 1e-9)
        return {**views, "moment": {**moment, "below": below}, "compared": self._compared(len(below))}

    def _compared(self, rows: int) -> dict[str, np.ndarray]:
        """The network with noise in the runs that come with the page, whichever run is shown otherwise; empty without them."""
        moments, whole = (self.shipped.moments, self.shipped.whole) if self.shipped else ({}, {})
        courses = {name: whole.get(f"compared_{name}", np.zeros(0)) for name in _COMPARED}
        found = {
            "step": moments.get("step", np.zeros(0)), "superspike": moments.get("rossum_stochastic", np.zeros(0)), **courses,
            "silent": whole.get("rossum_silent", 0.0), **{f"end_{name}": 10 ** np.sum(v[-1:]) for name, v in courses.items()},
        }  # fmt: skip
        return {
            name: np.broadcast_to(np.asarray(values)[None], (rows, *np.shape(values))) for name, values in found.items()
        }

    # ---- training ----

    def begun(self, settings: Mapping[str, Any]) -> Run:
        experiment = self.experiment()
        target = self._target(settings)
        whole = {"target": np.asarray(target, dtype=bool).T[::-1]}
        for name, found in experiment.baselines(target).items():
            key, scaled = _KEYS[name]
            whole |= {f"{key}_{each}": np.asarray(scaled(distance)) for each, distance in found.items()}
            whole |= {f"distance_{each}": np.asarray(v) for each, v in found.items() if key == "rossum"}
        return Run(settings, {}, whole)

    def training(
        self, settings: Mapping[str, Any], states: Any
    ) -> Iterator[tuple[int, str, Any, Mapping[str, Any] | None]]:
        text = "Compiling …"
        for found in self._trained(settings, states):
            if found.moment is not None:
                near = {arm: each["van Rossum"] for arm, each in found.moment.distances.items()}
                text = f"van Rossum {near['stochastic']:.3g} with noise, {near['deterministic']:.3g} without"
            yield found.done, text, found.states, found.moment and _columns(found.moment)

    def comparisons(self) -> Mapping[str, np.ndarray]:
        start = {control.name: control.value for control in self.specification}
        courses = {}
        for name, changed in _COMPARED.items():
            moments = [found.moment for found in self._trained({**start, **changed}) if found.moment]
            distances = [_logarithm(moment.distances["stochastic"]["van Rossum"]) for moment in moments]
            courses[f"compared_{name}"] = np.array(distances)
        return courses

    def _trained(self, settings: Mapping[str, Any], states: Any = None) -> Iterator[Any]:
        experiment = self.experiment()
        setting = experiment.MatchingSetting(
            rule=settings["rule"], distance=settings["distance"], slope=settings["slope"], hidden_steepness=settings["hidden"],
            output_steepness=settings["output"], trials=settings["trials"], optimiser=settings["optimiser"],
            learning_rate=settings["rate"], seed=settings["seed"],
        )  # fmt: skip
        return experiment.train_matching(setting, self._target(settings), settings["steps"], states=states)

    def _content(self, settings: Mapping[str, Any]) -> bytes | None:
        """The reader's own picture, if there is one."""
        return self.uploaded("picture", settings["picture"]) if settings["picture"] else None

    def _target(self, settings: Mapping[str, Any]) -> Any:
        from sgtheory.data import portrait, read_picture

        content = self._content(settings)
        return self.experiment().target_of(portrait() if content is None else read_picture(content))


def _logarithm(distance: float) -> float:
    """On an axis that ends at a thousandth, where a distance of zero would lie too."""
    return float(np.log10(max(distance, 1e-3)))


_COMPARED = {"matched": {"slope": "matched"}, "eligibility": {"rule": "eligibility rule"}}
"""Runs that are shipped for comparison, and how they differ from the one with which the page opens."""
_KEYS: Mapping[str, tuple[str, Any]] = {"van Rossum": ("rossum", _logarithm), "L2": ("squares", float)}


def _columns(moment: Any) -> dict[str, Any]:
    """The numbers of a moment, with the top of the picture on top."""
    columns: dict[str, Any] = {"step": float(moment.step), "mean": np.rint(10 * moment.mean[::-1]).astype("u1")}
    columns |= {arm: moment.output[arm][::-1] > 0.5 for arm in ("stochastic", "deterministic")}
    columns |= {"hidden": moment.hidden["stochastic"][::-1] > 0.5, "calm": moment.hidden["deterministic"][::-1] > 0.5}
    for arm, found in moment.distances.items():
        columns |= {f"{key}_{arm}": scaled(found[name]) for name, (key, scaled) in _KEYS.items()}
        columns[f"distance_{arm}"] = found["van Rossum"]
    # A silent layer has no Fano factor; nothing varies there.
    return columns | {f"fano_{layer}": moment.fano.get(layer, 0.0) for layer in ("hidden", "output")}
