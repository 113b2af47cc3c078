"""Page 10: what goes on behind the end of a trial, and spikes that cross it."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import DeclaredPage, Panel, Readout, Slider
from sgtheory.pages._kit.marks import Dots, Level, Line, Marker
from sgtheory.pages.pseudospikes_tour import TOUR

_NEURONS = (("first", "blue", "neuron 1"), ("second", "orange", "neuron 2"))
_AT_CROSSING = Marker("driven.crossing", "purple", "a spike crosses the end", dash="dashed")
_CHOSEN = Marker("setting.weight", legend="the chosen w")
_END = "end T of the trial"
_W = ("weight w", "driven.weights")
_AROUND = ("(w − w₁) × 1000", "places()")


def _over_weight(field: str, ordinary: str, *numbers: int) -> tuple[Line, ...]:
    """Pseudospikes of these neurons dashed, and the part in which a first spike is ordinary solid above them."""
    neurons = [_NEURONS[number - 1] for number in numbers]
    pseudospikes = [
        Line(f"driven.{name}{field}.{spike}", role, f"{told}: pseudospikes" if spike == 0 else None, dash="dashed",
             width=0.8 if spike else 1.5)
        for name, role, told in neurons
        for spike in range(3)
    ]  # fmt: skip
    spikes = [
        Line(f"driven.{name}_ordinary.{ordinary}", role, f"{told}: spike", x=f"driven.{name}_ordinary.weights", width=3)
        for name, role, told in neurons
    ]
    return (*pseudospikes, *spikes)


def _sides(field: str, role: str) -> Dots:
    """The slopes just below and just above the weight at which a spike crosses the end."""
    return Dots(f"driven.{field}", role, "on both sides", x="crossings", size=9, hollow=True)


class Pseudospikes(DeclaredPage):
    """Push a spike over the end of its trial; see what becomes of it, and whether anything jumps.

    Pseudospikes behind a constant drive are those published by Klos & Memmesheimer (2025, arXiv 2309.14523). Those of
    continued phases are reconstructed, and the derivatives are derived; the page says so.
    """

    name = "pseudospikes"
    experiment_name = "pseudospikes"
    title = "Pseudospikes: what becomes of a spike that slips over the end of the trial?"
    play = "weight"
    specification = (
        Slider("weight", "weight w", 2.4, 1.0, 5.0, 0.05, "Weight of the input of neuron 1"),
        Slider("coupling", "weight w₂₁", 2.0, -4.0, 8.0, 0.25, "Weight from neuron 1 to neuron 2"),
        Slider("duration", "end T", 4.0, 2.0, 6.0, 0.1, "When the trial of the pair ends", "τ"),
        Slider("softness", "softness α", 10.0, 1.0, 20.0, 0.25, "Softness of the drive behind the end"),
        Slider("exponent", "exponent d", 2.0, 1.0, 4.0, 0.5, "How the phases of the layers go on behind the end"),
        Slider("offset", "w − w₁", -0.5, -5.0, 5.0, 0.25, "How far the layers’ weight is from the first transition", "/1000"),
    )  # fmt: skip
    parts: ClassVar = {"driven": ("coupling", "duration", "softness"), "layers": ("exponent",)}
    readouts = (
        Readout("spike", "first spike of neuron 1 at w", "τ", of="first_spikes.0"),
        Readout("crossing", "it crosses the end at w =", of="driven.crossing"),
        Readout("below", "neuron 1: slope just below", of="driven.slope.0"),
        Readout("above", "… just above", of="driven.slope.1"),
        Readout("bend_below", "neuron 1: curvature below", of="driven.curvature.0"),
        Readout("bend_above", "… above", of="driven.curvature.1"),
        Readout("next_below", "neuron 2: slope just below", of="driven.next_slope.0"),
        Readout("next_above", "… just above", of="driven.next_slope.1"),
        Readout("near_below", "output at w₁: slope below", of="near.below"),
        Readout("near_above", "… above", of="near.above"),
        Readout("near_jump", "… it jumps by", "%", of="near.jump"),
        Readout("far_below", "output at w₂: slope below", of="far.below"),
        Readout("far_above", "… above", of="far.above"),
        Readout("far_jump", "… it jumps by", "%", of="far.jump"),
    )
    tour = TOUR
    panels = (
        Panel(
            "times", "Spike times over the weight w (type 1, published)", x=_W, x_range=(1.0, 5.0), y_label="time, in τ",
            y_range="driven.span",
            marks=(
                _CHOSEN, _AT_CROSSING, Level("setting.duration", "soft", _END, width=2), *_over_weight("", "times", 1, 2),
            ),
            text="Times of the first three spikes of both neurons against the weight w, pseudospikes above the end of the trial. "
            "At w = {crossing} the first spike of neuron 1 crosses the end; at the chosen w it comes at {spike}.",
        ),
        Panel(
            "slopes", "Neuron 1: derivatives of its spike times", x=_W, x_range=(1.0, 5.0), y_label="dt / dw",
            y_range="driven.slope_span",
            marks=(_CHOSEN, _AT_CROSSING, Level(0.0), *_over_weight("_slopes", "slopes", 1), _sides("slope", "blue")),
            text="Derivatives of the spike times of neuron 1 with respect to w. Where its first spike crosses the end the slope is "
            "{below} from below and {above} from above.",
        ),
        Panel(
            "turns", "Phases through the end: a spike at each whole number", x=("time, in τ", "first.times"),
            y_label="spikes so far + φ", y_range=(0.4, 4.4),
            marks=(
                Marker("setting.duration", legend=_END, dash="solid"),
                *(Line(f"{name}.turns", role, told, width=2) for name, role, told in _NEURONS),
                *(
                    Dots(f"{name}_ordinals", role, x=f"{name}_spikes", size=8, name=f"spike of {told}")
                    for name, role, told in _NEURONS
                ),
            ),
            text="Phases of both neurons over time, each with the number of spikes so far: ordinary dynamics until the end of the "
            "trial, a constant drive behind it. The first spike of neuron 1 comes at {spike}.",
        ),
        Panel(
            "next_slopes", "Neuron 2, driven by neuron 1: derivatives of its spike times", x=_W, x_range=(1.0, 5.0),
            y_label="dt / dw", y_range="driven.next_slope_span",
            marks=(_CHOSEN, _AT_CROSSING, Level(0.0), *_over_weight("_slopes", "slopes", 2), _sides("next_slope", "orange")),
            text="Derivatives of the spike times of neuron 2 with respect to w. Where the spike of neuron 1 crosses the end they "
            "jump, that of the first spike from {next_below} to {next_above}.",
        ),
        Panel(
            "layers", "Layers: when they spike (type 2, reconstructed)", x=("weight w", "weights()"), y_label="time, in τ",
            y_range=(0.0, 10.0),
            marks=(
                Marker("layers.transitions.0", "purple", "transitions w₁ and w₂", dash="dashed"),
                Marker("layers.transitions.1", "purple", dash="dashed"),
                Level("layers.ends.0", "soft", "ends T₁ and T₂ of both layers"), Level("layers.ends.1", "soft"),
                Line("layers.times.0", "blue", "hidden neuron 1", width=2),
                Line("layers.times.1", "green", "hidden neuron 2", width=2),
                Line("layers.times.2", "orange", "output", width=2),
            ),
            text="First spikes of two hidden neurons and an output against the weight w. At two weights a spike of a hidden neuron "
            "crosses the end of its layer; the slope of the output is {near_below} and {near_above} on the sides of the first one.",
        ),
        Panel(
            "close", "Close to the first transition", x=_AROUND, y_label="time − T₁, in τ", y_range="layers.span",
            marks=(
                Marker("setting.offset", legend="the chosen w − w₁"),
                Level("layers.ends_behind.0", "soft", "ends T₁ and T₂"), Level("layers.ends_behind.1", "soft"),
                Line("layers.near.0", "blue", "hidden neuron 1", width=2),
                Line("layers.near.1", "blue", "… its next spike", dash="dashed", width=2),
                Line("layers.near.2", "orange", "output", width=2),
            ),
            text="Close to the first transition: the first two spikes of hidden neuron 1, the first of which crosses the end of "
            "its layer and the second the end of the next one, and the first spike of the output.",
        ),
        Panel(
            "tangent", "Very close: the next spike of hidden neuron 1, about T₂", x=_AROUND, y_label="time − T₂, in τ",
            marks=(
                Marker("setting.offset", legend="the chosen w − w₁"), Level(0.0, "soft", "end T₂"),
                Line("following", "blue", "the next spike of hidden neuron 1", dash="dashed", width=2),
            ),
            text="The second spike of hidden neuron 1 close to the first transition, at which it passes the end of the next layer.",
        ),
        Panel(
            "layer_turns", "The phases of the layers: each goes on behind its own end", x=("time − T₁, in τ", "hidden.times"),
            x_range="layer_span", y_range=(0.4, 2.6), y_label="spikes so far + φ",
            marks=(
                Marker("layers.ends_behind.0", legend="ends T₁ and T₂"), Marker("layers.ends_behind.1"),
                Line("hidden.turns", "blue", "hidden neuron 1", width=2),
                Line("output.turns", "orange", "output", x="output.times", width=2),
            ),
            text="Phases of hidden neuron 1 and of the output over time, each with the number of its spikes so far. Behind the end "
            "of its own layer a phase goes on by another law, once around.",
        ),
        Panel(
            "output_slopes", "The output: derivative of its spike time", x=("(w − w₁) × 1000, or w₂ for w₁", "places()"),
            y_label="dt / dw", y_range="layers.slope_span",
            marks=(
                Marker(0.0, "purple", "the transition", dash="dashed"), Level(0.0),
                Line("layers.near_slopes", "orange", "at w₁", width=2), Line("layers.far_slopes", "green", "at w₂", width=2),
            ),
            text="Derivative of the output's spike time with respect to w, close to both transitions. It jumps by {near_jump} % at "
            "the first one, from {near_below} to {near_above}, and by {far_jump} % at the second one, from {far_below} to "
            "{far_above}.",
        ),
    )  # fmt: skip

    @classmethod
    def _pair(cls, numbers: Mapping[str, Any]) -> Any:
        return cls.experiment().PairSetting(numbers["coupling"], numbers["duration"], numbers["softness"])

    @classmethod
    def driven(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The curves of the pair, which the chosen weight does not change."""
        del choices
        return cls.experiment().driven_pair(cls._pair(numbers))

    @classmethod
    def layers(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The curves of the layers, which depend on the exponent alone."""
        del choices
        return cls.experiment().continued_layers(numbers["exponent"])

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        del choices
        return cls.experiment().at_weight(cls._pair(numbers), numbers["exponent"], numbers["weight"], numbers["offset"])

    def views(self, shown: Any, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The sides of both transitions one by one; jumps to a tenth of a per cent, as far as the sides can tell."""
        del settings
        crossing = shown("driven.crossing")
        slopes, jumps = shown("layers.slope"), np.round(shown("layers.jump"), 1)
        return {
            "crossings": np.stack([crossing, crossing], axis=1),
            "following": shown("layers.near.1") - shown("layers.ends_behind.1")[:, None],
            **{
                name: {"below": slopes[:, place, 0], "above": slopes[:, place, 1], "jump": jumps[:, place]}
                for place, name in enumerate(("near", "far"))
            },
        }
