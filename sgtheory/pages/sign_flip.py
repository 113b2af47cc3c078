"""Page 04: a surrogate gradient with the wrong sign."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import (
    BEHIND,
    Figure,
    Page,
    Panel,
    Readout,
    Slider,
    Sources,
    drawn_panels,
    filled_up,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    range_names,
    sent_range,
)

ROWS = 129  # rows of a sweep: one for every step of any slider

_TITLES = {
    "output": ("The network's output", "y"),
    "gradient": ("Its derivative with respect to w, true and surrogate", "∂y / ∂w"),
    "true": ("The bracket of the true derivative", "u₁v₁σ′ + u₂v₂σ′"),
    "surrogate": ("The bracket of the surrogate gradient", "u₁v₁σ′ + u₂v₂σ′"),
    "across": ("Surrogate gradient integrated along v₁, then v₂", "v₂"),
    "upward": ("… along v₂, then v₁", "v₂"),
}
_SENT_RANGES = ("output", "gradient", "true", "surrogate")
_MAPS = ("across", "upward")


class SignFlip(Page):
    """A network whose surrogate gradient with respect to w points the wrong way; see which term of Eq. 9 decides."""

    name = "sign_flip"
    title = "The wrong sign: where a surrogate gradient points the other way"
    play = "surrogate"
    specification = (
        Slider(
            "surrogate",
            "surrogate β_SG",
            25.0,
            1.0,
            100.0,
            1.0,
            "Steepness of the surrogate derivative in the backward pass",
        ),
        Slider("forward", "network β", 100.0, 10.0, 200.0, 2.5, "Steepness of the units"),
        Slider("w", "w", 0.0, -0.2, 0.2, 0.005, "Weight of the input, at which the derivatives are read off"),
        Slider("v1", "v₁", 0.05, -0.5, 0.5, 0.01, "Weight to the first unit of the second layer"),
        Slider("v2", "v₂", 0.1, -0.5, 0.5, 0.01, "Weight to the second unit of the second layer"),
        Slider("u1", "u₁", 1.0, -2.0, 2.0, 0.05, "Weight of the first unit to the output"),
        Slider("u2", "u₂", -1.0, -2.0, 2.0, 0.05, "Weight of the second unit to the output"),
        Slider(
            "map_surrogate", "β_SG of the maps", 4.0, 1.0, 20.0, 0.25, "Surrogate steepness in the maps (with β = 20)"
        ),
    )
    readouts = (
        Readout("gradient", "∂y/∂w, true"),
        Readout("surrogate", "∂y/∂w, surrogate"),
        Readout("true_bracket", "bracket, true"),
        Readout("surrogate_bracket", "bracket, surrogate"),
        Readout("share", "wrong sign, share of the range"),
        Readout("largest", "maps: largest size"),
        Readout("difference", "maps: they differ by up to"),
    )
    panels = tuple(_TITLES)
    discrete = range_names(_SENT_RANGES) | {"wrong.low", "wrong.high"}

    # ---- numbers ----

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        import jax.numpy as jnp

        from sgtheory.experiments.sign_flip import SignFlipSetting, sign_flip

        with in_64_bits():
            numbers = {name: jnp.asarray(settings[name], dtype=float) for name in self.by_name}
            return _arrange(sign_flip(SignFlipSetting(**numbers)), numbers)

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        rows = len(values)
        values = filled_up(np.asarray(values, dtype=float), ROWS)
        with in_64_bits():
            batch = {each: np.full(len(values), settings[each], dtype=float) for each in self.by_name} | {name: values}
            return _arrange(_sweep()(batch), batch, rows)

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Panel, self.panels, sources)


class _Panel(Panel):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        from sgtheory.experiments.sign_flip import HALF_RANGE, MAP_HALF

        title, y_label = _TITLES[name]
        reach = MAP_HALF if name in _MAPS else HALF_RANGE
        ends = (-reach, reach)
        if name in _SENT_RANGES:
            ends = sent_range(ranges, name)
        x_label = "v₁" if name in _MAPS else "w"
        super().__init__(
            name, data, panel(title, x_range=Range1d(-reach, reach), y_range=ends, x_label=x_label, y_label=y_label)
        )
        if name not in _MAPS:
            self.band("wrong", "yellow")
            self.line("zero", "y", "soft", width=1, level=BEHIND)
            self.line("marker", "y", "soft", dash="dotted")

    def output(self):
        self.line("output", "y", "blue", width=2)
        return self.finished(
            "Output of the network against w. In the shaded range, a share {share} of the axis, the surrogate gradient has "
            "the wrong sign."
        )

    def gradient(self):
        self.line("output", "gradient", "blue", "true", width=5, alpha=0.4)
        self.line("output", "surrogate", "orange", "surrogate", width=2)
        return self.finished(
            "Derivatives of the output with respect to w: at the chosen w the true one is {gradient}, the surrogate "
            "{surrogate}."
        )

    def _bracket(self, source, description):
        self.line(source, "first", "green", "first term", dash="dashed")
        self.line(source, "second", "purple", "second term", dash="dashed")
        self.line(source, "total", "orange" if source == "surrogate" else "blue", "their sum", width=2.5)
        return self.finished(description, "top_right")

    def true(self):
        return self._bracket("true", "The two terms of the true bracket and their sum, {true_bracket} at the chosen w.")

    def surrogate(self):
        return self._bracket(
            "surrogate", "The two terms of the surrogate's bracket and their sum, {surrogate_bracket} at the chosen w."
        )

    def _map(self, source, description):
        self.heat_map(source, -1.0, 1.0, "purple green 33")
        return self.finished(description)

    def across(self):
        return self._map(
            "across",
            "Surrogate gradient integrated from the lower left corner, first along v₁: up to {largest} in size.",
        )

    def upward(self):
        return self._map(
            "upward",
            "The same, first along v₂: the two maps differ by up to {difference}; for a true gradient they would not.",
        )


# ---- from the experiment's bundle to columns ------------------------------------------------------------------------------


@functools.cache
def _sweep():
    import equinox as eqx
    import jax

    from sgtheory.experiments.sign_flip import SignFlipSetting, sign_flip

    return eqx.filter_jit(jax.vmap(lambda one: sign_flip(SignFlipSetting(**one))))


def _arrange(picture, numbers: Mapping[str, Any], rows: int | None = None) -> Sources:
    """The experiment's bundle as columns; for a sweep, its first `rows` along a leading axis."""
    from sgtheory.experiments.sign_flip import weight_axis

    wanted = slice(rows) if rows else ...

    def shown(values):
        return np.asarray(values)[wanted]

    ws = np.asarray(weight_axis(), dtype=float)
    output = shown(picture.output)
    x = np.broadcast_to(ws, output.shape)
    gradient, surrogate = shown(picture.gradient), shown(picture.surrogate)
    brackets = {
        name: {"first": shown(each.first), "second": shown(each.second), "total": shown(each.total)}
        for name, each in (("true", picture.true_bracket), ("surrogate", picture.surrogate_bracket))
    }
    ranges = {
        "output": nice_range([output]),
        "gradient": nice_range([gradient, surrogate]),
        **{name: nice_range(list(terms.values())) for name, terms in brackets.items()},
    }
    wrong = np.sign(brackets["true"]["total"]) != np.sign(brackets["surrogate"]["total"])
    maps = {"across": shown(picture.across_first), "upward": shown(picture.upward_first)}
    largest = np.max(np.abs(np.stack(list(maps.values()))), axis=(0, -2, -1))
    w = shown(numbers["w"])[..., None]
    lead = w.shape[:-1]
    return {
        "output": {"x": x, "y": output, "gradient": gradient, "surrogate": surrogate},
        **{name: {"x": x, **terms} for name, terms in brackets.items()},
        # Where the sign is wrong, it reaches from below any axis to above it; elsewhere it has no height.
        "wrong": {"x": x, "low": np.where(wrong, -1e4, 0.0), "high": np.where(wrong, 1e4, 0.0)},
        "zero": {"x": np.broadcast_to([-1.0, 1.0], (*lead, 2)), "y": np.zeros((*lead, 2))},
        "marker": {"x": np.concatenate([w, w], axis=-1), "y": np.broadcast_to([-1e4, 1e4], (*lead, 2))},
        **{name: {"image": values / largest[..., None, None]} for name, values in maps.items()},
        "ranges": range_columns(ranges),
        "readouts": {
            **{name: shown(value)[..., None] for name, value in vars(picture.at_weight).items()},
            "share": shown(picture.share)[..., None], "largest": largest[..., None],
            "difference": np.max(np.abs(maps["across"] - maps["upward"]), axis=(-2, -1))[..., None],
        },
    }  # fmt: skip
