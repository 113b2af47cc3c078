"""Page 04: a surrogate gradient with the wrong sign."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sgtheory.pages._kit import PALE, DeclaredPage, Panel, Readout, Slider
from sgtheory.pages._kit.marks import HeatMap, Level, Line, Marker, Shade

W, V1 = ("w", "weight_axis()"), ("v₁", "map_axis()")
FRAME = (
    Shade("wrong", "yellow", "surrogate gradient has the wrong sign"),
    Level(0.0),
    Marker("setting.w", legend="chosen w"),
)


def _bracket(name: str, title: str, role: str, text: str) -> Panel:
    terms = (
        Line(f"{name}_bracket.first", "green", "first term", dash="dashed"),
        Line(f"{name}_bracket.second", "purple", "second term", dash="dashed"),
        Line(f"{name}_bracket.total", role, "their sum", width=2.5),
    )
    return Panel(name, title, x=W, y_label="u₁v₁σ′ + u₂v₂σ′", marks=(*FRAME, *terms), text=text)


def _map(name: str, title: str, text: str) -> Panel:
    values = HeatMap(f"maps.{name}_first", "map_axis()", "purple green 33")
    return Panel(name, title, x=V1, y_label="v₂", y_range=(-2.0, 2.0), marks=(values,), text=text, equal=True)


class SignFlip(DeclaredPage):
    """A network whose surrogate gradient with respect to w points the wrong way; see which term of Eq. 9 decides."""

    name = "sign_flip"
    title = "The wrong sign: where a surrogate gradient points the other way"
    play = "surrogate"
    specification = (
        Slider("surrogate", "surrogate β_SG", 25.0, 1.0, 100.0, 1.0, "Steepness of the surrogate derivative in the backward pass"),
        Slider("forward", "network β", 100.0, 10.0, 200.0, 2.5, "Steepness of the units"),
        Slider("w", "w", 0.0, -0.2, 0.2, 0.005, "Weight of the input, at which the derivatives are read off"),
        Slider("v1", "v₁", 0.05, -0.5, 0.5, 0.01, "Weight to the first unit of the second layer"),
        Slider("v2", "v₂", 0.1, -0.5, 0.5, 0.01, "Weight to the second unit of the second layer"),
        Slider("u1", "u₁", 1.0, -2.0, 2.0, 0.05, "Weight of the first unit to the output"),
        Slider("u2", "u₂", -1.0, -2.0, 2.0, 0.05, "Weight of the second unit to the output"),
        Slider("map_surrogate", "maps’ β_SG", 4.0, 1.0, 20.0, 0.25, "Surrogate steepness in the maps, whose network has β = 20"),
    )  # fmt: skip
    parts: ClassVar = {
        "bundle": ("surrogate", "forward", "w", "v1", "v2", "u1", "u2"), "maps": ("map_surrogate",)
    }  # fmt: skip
    readouts = (
        Readout("gradient", "∂y/∂w, true", of="at_weight.gradient"),
        Readout("surrogate", "∂y/∂w, surrogate", of="at_weight.surrogate"),
        Readout("true_bracket", "bracket, true", of="at_weight.true_bracket"),
        Readout("surrogate_bracket", "bracket, surrogate", of="at_weight.surrogate_bracket"),
        Readout("share", "wrong sign, share of the range"),
        Readout("largest", "maps: largest size", of="maps.largest"),
        Readout("difference", "maps: they differ by up to", of="maps.difference"),
    )
    panels = (
        Panel(
            "output", "The network's output", x=W, y_label="y", marks=(*FRAME, Line("output", "blue", "output", width=2)),
            text="Output of the network against w. In the shaded range, a share {share} of the axis, the surrogate gradient "
            "has the wrong sign.",
        ),
        Panel(
            "gradient", "Its derivative with respect to w, true and surrogate", x=W, y_label="∂y / ∂w",
            marks=(
                *FRAME,
                Line("gradient", "blue", "true", width=5, alpha=PALE),
                Line("surrogate", "orange", "surrogate", width=2),
            ),
            text="Derivatives of the output with respect to w: at the chosen w the true one is {gradient}, the surrogate "
            "{surrogate}.",
        ),
        _bracket(
            "true", "The bracket of the true derivative", "blue",
            "The two terms of the true bracket and their sum, {true_bracket} at the chosen w.",
        ),
        _bracket(
            "surrogate", "The bracket of the surrogate gradient", "orange",
            "The two terms of the surrogate's bracket and their sum, {surrogate_bracket} at the chosen w.",
        ),
        _map(
            "across", "Surrogate gradient integrated along v₁, then v₂",
            "Surrogate gradient integrated from the lower left corner, first along v₁: up to {largest} in size.",
        ),
        _map(
            "upward", "… along v₂, then v₁",
            "The same, first along v₂: the two maps differ by up to {difference}; for a true gradient they would not.",
        ),
    )  # fmt: skip

    @classmethod
    def maps(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        """The two maps; the network's own sliders do not change them."""
        del choices
        return cls.experiment().sign_flip_maps(numbers["map_surrogate"])
