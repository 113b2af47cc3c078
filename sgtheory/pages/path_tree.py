"""Page 02: the tree of spike patterns, and the gradients along its paths."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import (
    BEHIND,
    PALE,
    Choice,
    Drawing,
    Figure,
    Film,
    Page,
    Points,
    Readout,
    Slider,
    Sources,
    drawn_panels,
    filled_up,
    in_64_bits,
    panel,
    range_names,
    sent_range,
)
from sgtheory.pages._tree_columns import COUPLED, UNCOUPLED, arrange, sizes
from sgtheory.pages._tree_layout import WEIGHTS

CHAIN = "1-1-1-1"
ROWS = 65  # rows of a sweep: enough for one at every step of any slider but that of the draws, which computes nothing

_TITLES = {
    "tree": ("All paths, each as wide as it is probable", ""),
    "paths": ("Gradient along each path", "∂ / ∂ weight"),
    "running": ("Mean of the path gradients so far", "∂ / ∂ weight"),
    "weights": ("All three weights", "∂ / ∂ weight"),
    "over": ("Gradients against the middle weight v", "∂ / ∂ weight"),
    "variance": ("Variance of one estimate", "variance"),
}
_X_LABELS = {"tree": "", "paths": "", "running": "draws", "weights": "", "over": "v", "variance": "step ε"}
_X_RANGES = {"running": (0.0, 121.0), "weights": (0.4, 3.6), "over": (-3.0, 3.0), "variance": (-2.05, 0.35)}
_FIXED_RANGES = {"tree": (-0.62, 3.25), "variance": (-7.2, 5.2)}
_HEIGHTS = {"tree": 300, "paths": 200}
_SENT_RANGES = ("paths", "running", "weights", "over")
_ON_A_PATH = "\nprobability {probability}\n∂w {by_w}, ∂v {by_v}, ∂u {by_u}"


class PathTree(Page):
    """Draw paths through a tree of spike patterns; see what their gradients average to, and what a single one shows."""

    name = "path_tree"
    title = "The tree of paths: is a mean of gradients the gradient of a mean?"
    play = "draws"
    specification = (
        Film("draws", "draws", 30, 1, 120, 1, "How many paths have been drawn; the last one is marked in the tree"),
        Choice("widths", "widths", CHAIN, (CHAIN, "1-2-1-1", "1-1-2-1", "1-2-2-1"), "Inputs, then units in each layer"),
        Choice("weight", "gradient w.r.t.", "w", WEIGHTS, "The weight with respect to which the gradients are taken"),
        Slider("w", "w, first layer", 0.8, -3.0, 3.0, 0.1, "Weight of the first layer, or scale of its weights"),
        Slider("v", "v, second layer", 1.2, -3.0, 3.0, 0.1, "Weight of the second layer, or scale of its weights"),
        Slider("u", "u, output", -0.9, -3.0, 3.0, 0.1, "Weight to the output, or scale of its weights"),
        Slider("steepness", "steepness β", 2.0, 0.5, 10.0, 0.25, "How steeply the probability rises at threshold"),
        Slider("input", "input x", 1.0, -2.0, 2.0, 0.1, "The input, at the root of the tree"),
        Choice(
            "pairs", "pairs of runs", COUPLED, (COUPLED, UNCOUPLED), "With the same or with different random numbers"
        ),
        Slider("step", "step ε", 0.5, 0.05, 2.0, 0.05, "Difference in the weight between the two runs of a pair"),
        Slider("seed", "seed", 0, 0, 99, 1, "Other random numbers, and other weights in wide layers", tabled=False),
    )
    readouts = (
        Readout("expected", "E[y]"),
        Readout("exact", "exact gradient of E[y]"),
        Readout("mean", "mean over all paths"),
        Readout("alone", "along the deterministic path"),
        Readout("running", "mean of the draws so far"),
        Readout("error", "… its standard error"),
        Readout("probability", "probability of this path"),
        Readout("followed", "gradient along it"),
        Readout("difference", "this pair: Δy / ε"),
        Readout("parting", "share of pairs that separate"),
    )
    panels = tuple(_TITLES)
    wide = frozenset({"tree", "paths"})
    points: ClassVar = {
        "tree": Points("leaves", "path {h1:bits} → {h2:bits} → {spike:bits}" + _ON_A_PATH),
        "paths": Points("paths", "path {h1:bits} → {h2:bits}" + _ON_A_PATH),
    }
    # Columns that jump with a spike are not interpolated.
    discrete = range_names(_SENT_RANGES) | {
        *(f"{path}.x" for path in ("sampled", "alone", "above", "below")), "leaves.drawn",
        *(f"{dot}.{axis}" for dot in ("followed", "noiseless", "running", "so_far") for axis in ("x", "y")),
        "bars_alone.high", "over.alone",
        *(f"readouts.{key}" for key in ("alone", "running", "error", "probability", "followed", "difference")),
    }  # fmt: skip

    # ---- numbers ----

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        from sgtheory.experiments.path_tree import PathTreeSetting, path_tree

        with in_64_bits():
            patterns, uniforms = _drawn(settings["widths"], int(settings["seed"]))
            picture = path_tree(PathTreeSetting(**_numbers(settings), patterns=patterns), uniforms)
        batch = {name: np.asarray(values)[None] for name, values in vars(picture).items()}
        sources = arrange(batch, settings, {})
        return {source: {name: values[0] for name, values in columns.items()} for source, columns in sources.items()}

    def sweep(self, settings: Mapping[str, Any], name: str, values: np.ndarray) -> Sources:
        rows, values = len(values), np.round(np.asarray(values, dtype=float), 10)
        with in_64_bits():
            patterns, uniforms = _drawn(settings["widths"], int(settings["seed"]))
            # The picture holds all draws already: a sweep over their number computes nothing new.
            swept = values[:1] if name == "draws" else filled_up(values, ROWS)
            batch = {each: np.full(len(swept), number) for each, number in _numbers(settings).items()}
            picture = _sweep()(batch | ({} if name == "draws" else {name: swept}), patterns, uniforms)
        shown = {field: np.asarray(each)[:rows] for field, each in vars(picture).items()}
        shown = {field: np.broadcast_to(each, (rows, *each.shape[1:])) for field, each in shown.items()}
        return arrange(shown, settings, {name: values})

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Drawing, self.panels, sources)


class _Drawing(Drawing):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        title, y_label = _TITLES[name]
        y_range = _FIXED_RANGES.get(name) or sent_range(ranges, name)
        x_range = Range1d(*_X_RANGES.get(name, (0.0, 1.0)))
        plot = panel(
            title,
            x_range=x_range,
            y_range=y_range,
            x_label=_X_LABELS[name],
            y_label=y_label,
            height=_HEIGHTS.get(name, 212),
            **({"x_powers_of": 10, "y_powers_of": 10} if name == "variance" else {}),
        )
        if name in PathTree.wide:
            plot.min_border_left = 72  # wide enough for any label, so that dots lie below their branches
        super().__init__(name, data, plot)

    def _ticks(self, axis, names):
        from bokeh.models import FixedTicker

        axis.ticker = FixedTicker(ticks=list(names))
        axis.major_label_overrides = names

    def tree(self):
        self._ticks(self.plot.xaxis[0], {})
        self._ticks(self.plot.yaxis[0], {3: "x", 2: "h¹", 1: "h²", 0: "y", -0.4: "drawn"})
        self.plot.grid.visible = False
        self.flow("flow", "blue", "branch, as wide as it is probable", alpha=PALE)
        for path, role, label, dash in (
            ("above", "green", "run at + ε/2", "solid"),
            ("below", "purple", "run at − ε/2", "solid"),
            ("alone", "ink", "deterministic path", "dashed"),
            ("sampled", "orange", "this draw", "solid"),
        ):
            self.line(path, "y", role, label, dash=dash, width=3 if path == "sampled" else 2)
        self.dots("silent", "y", "soft", "silent", size=7, fill="background")
        self.dots("fired", "y", "ink", "fires", size=7)
        self.dots("leaves", "y", "blue", "probability of the path", size="likely", fill="grid")
        self.dots("leaves", "y", "orange", "share of the draws", size="drawn", hollow=True)
        return self.finished(
            "Tree of spike patterns from the input at the top to the output at the bottom; each branch is as wide as it is "
            "probable. The path of this draw has the probability {probability}. The two runs of a pair separate with the "
            "probability {parting}. The arrow keys read the paths one by one."
        )

    def paths(self):
        self._ticks(self.plot.xaxis[0], {})
        self.line("levels", "exact", "blue", "exact gradient of E[y]", width=5, alpha=PALE)
        self.line("levels", "mean", "orange", "mean over all paths", width=2, dash="dashed")
        self.dots("paths", "y", "blue", "a path: the more probable, the larger", size="size", fill="grid")
        self.dots("noiseless", "y", "ink", "deterministic path", size=7, marker="triangle")
        self.dots("followed", "y", "orange", "this draw", size=6)
        return self.finished(
            "Gradient along each path of hidden spikes, below its branch of the tree, as dots whose size shows how probable "
            "the path is: {followed} along the path of this draw, {alone} along the deterministic one. The mean over all "
            "paths is {mean}, the exact gradient of the expected output {exact}. The arrow keys read the paths one by one."
        )

    def running(self):
        self.band("error", "orange")
        self.line("error", "exact", "blue", "exact gradient of E[y]", width=5, alpha=PALE)
        self.line("error", "mean", "orange", "mean over all paths ± s.e.", width=1.5, dash="dashed")
        self.line("running", "y", "orange", "mean of the draws so far", width=2)
        self.dots("so_far", "y", "orange", size=7)
        return self.finished(
            "Mean of the path gradients against the number of draws: {running} so far, where {mean} ± {error} is expected. "
            "The exact gradient is {exact}.", "top_right",
        )  # fmt: skip

    def weights(self):
        self._ticks(self.plot.xaxis[0], {k + 1: name for k, name in enumerate(WEIGHTS)})
        self.line("zero", "y", "soft", width=1, level=BEHIND)
        self.band("bars_exact", "blue", "exact", alpha=PALE)
        self.band("bars_mean", "orange", "mean over all paths", alpha=1.0)
        self.band("bars_alone", "ink", "deterministic path", alpha=PALE)
        return self.finished(
            "Gradients with respect to the three weights: exact, mean over all paths, and along the deterministic path. "
            "With respect to the chosen weight they are {exact}, {mean} and {alone}."
        )

    def over(self):
        self.line("zero", "y", "soft", width=1, level=BEHIND)
        self.line("marker", "y", "soft", dash="dotted")
        self.line("over", "exact", "blue", "exact", width=5, alpha=PALE)
        self.line("over", "mean", "orange", "mean over all paths", width=2)
        self.line("over", "alone", "ink", "deterministic path", dash="dashed")
        return self.finished(
            "The same three gradients against the middle weight v: {exact}, {mean} and {alone} at its present value."
        )

    def variance(self):
        self.line("variance", "uncoupled", "green", "pairs, uncoupled", width=2)
        self.line("variance", "coupled", "purple", "pairs, coupled", width=2)
        self.line("variance", "path", "orange", "path gradient", width=2, dash="dashed")
        self.dots("chosen", "y", "ink", "the pairs at the chosen ε", size=6)
        return self.finished(
            "Variance of one estimate against the step, both axes logarithmic. For a finite difference of uncoupled runs it "
            "falls with slope minus two, for coupled runs with slope minus one; for a path gradient it is far smaller, but its "
            "mean {mean} is not the exact gradient {exact}.", "top_right",
        )  # fmt: skip


# ---- from settings to the experiment's arguments -------------------------------------------------------------------------


def _numbers(settings: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a `PathTreeSetting`."""
    return {name: float(settings[name]) for name in (*WEIGHTS, "steepness", "input", "step")}


@functools.lru_cache(maxsize=32)
def _drawn(widths: str, seed: int):
    """Patterns and uniforms; in the thread's precision, which the caller has set to 64 bits."""
    import jax

    from sgtheory.experiments.path_tree import draw_uniforms, layer_patterns

    of_weights, of_runs = jax.random.split(jax.random.key(seed))
    return layer_patterns(of_weights, sizes(widths)), draw_uniforms(of_runs, sizes(widths))


@functools.cache
def _sweep():
    import equinox as eqx
    import jax

    from sgtheory.experiments.path_tree import PathTreeSetting, path_tree

    def sweep(batch, patterns, uniforms):
        return jax.vmap(lambda one: path_tree(PathTreeSetting(**one, patterns=patterns), uniforms))(batch)

    return eqx.filter_jit(sweep)
