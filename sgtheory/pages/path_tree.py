"""Page 02: the tree of spike patterns, and the gradients along its paths."""

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from sgtheory.pages._kit import PALE, Choice, DeclaredPage, Film, Panel, Readout, Slider, in_64_bits, nice_range
from sgtheory.pages._kit.marks import Bars, Discs, Dots, ErrorBand, Flow, Level, Line, Marker, Shown
from sgtheory.pages._tree_layout import LANES, WEIGHTS, Tree

CHAIN = "1-1-1-1"
COUPLED, UNCOUPLED = "coupled", "uncoupled"
_ON_A_PATH = "\nprobability {probability}\n∂w {by_w}, ∂v {by_v}, ∂u {by_u}"
_GRADIENT = "∂ / ∂ weight"


class PathTree(DeclaredPage):
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
    parts: ClassVar = {
        "bundle": (*WEIGHTS, "steepness", "input", "step")
    }  # with all draws: for fewer nothing is computed
    readouts = (
        Readout("expected", "E[y]"),
        Readout("exact", "exact gradient of E[y]", of="exact.{weight}"),
        Readout("mean", "mean over all paths", of="mean.{weight}"),
        Readout("alone", "along the deterministic path", of="deterministic.{weight}", jumps=True),
        Readout("running", "mean of the draws so far", of="running_mean.{weight}.{draws}", jumps=True),
        Readout("error", "… its standard error", of="error.{weight}.{draws}", jumps=True),
        Readout("probability", "probability of this path", of="sampled_probability.{draws}", jumps=True),
        Readout("followed", "gradient along it", of="sampled_gradient.{weight}.{draws}", jumps=True),
        Readout("difference", "this pair: Δy / ε", of="pairs.difference.{pairs}.{weight}.{draws}", jumps=True),
        Readout("parting", "share of pairs that separate", of="pairs.parting.{pairs}.{weight}"),
    )
    panels = (
        Panel(
            "tree", "All paths, each as wide as it is probable", x=("", "leaves.x"), x_range=(0.0, 1.0), x_ticks=(),
            y_range=(-0.62, 3.25), ticks=((3, "x"), (2, "h¹"), (1, "h²"), (0, "y"), (-0.4, "drawn")), height=300, wide=True,
            marks=(
                Flow("flow", "blue", "branch, as wide as it is probable", alpha=PALE),
                Line("above.y", "green", "run at + ε/2", x="above.x", width=2, jumps=True),
                Line("below.y", "purple", "run at − ε/2", x="below.x", width=2, jumps=True),
                Line("alone.y", "ink", "deterministic path", x="alone.x", width=2, dash="dashed", jumps=True),
                Line("sampled.y", "orange", "this draw", x="sampled.x", width=3, jumps=True),
                Dots("silent.y", "soft", "silent", x="silent.x", size=7, fill="background"),
                Dots("fired.y", "ink", "fires", x="fired.x", size=7),
                Discs("leaves", "blue", "probability of the path", size="likely", fill="grid",
                      text="path {h1:bits} → {h2:bits} → {spike:bits}" + _ON_A_PATH),
                Discs("leaves", "orange", "share of the draws", size="drawn", jumps=True),
            ),
            text="Tree of spike patterns from the input at the top to the output at the bottom; each branch is as wide as it is "
            "probable. The path of this draw has the probability {probability}. The two runs of a pair separate with the "
            "probability {parting}. The arrow keys read the paths one by one.",
        ),
        Panel(
            "paths", "Gradient along each path", x=("", "paths.x"), x_range=(0.0, 1.0), x_ticks=(),
            y_label=_GRADIENT, y_range="ends.paths", height=200, wide=True,
            marks=(
                Level("exact.{weight}", "blue", "exact gradient of E[y]", width=5, alpha=PALE),
                Level("mean.{weight}", "orange", "mean over all paths", width=2, dash="dashed"),
                Discs("paths", "blue", "a path: the more probable, the larger", fill="grid",
                      text="path {h1:bits} → {h2:bits}" + _ON_A_PATH),
                Dots("deterministic.{weight}", "ink", "deterministic path", x="alone.middle", size=7, marker="triangle",
                     jumps=True),
                Dots("sampled_gradient.{weight}.{draws}", "orange", "this draw", x="sampled.middle", size=6, jumps=True),
            ),
            text="Gradient along each path of hidden spikes, below its branch of the tree, as dots whose size shows how probable "
            "the path is: {followed} along the path of this draw, {alone} along the deterministic one. The mean over all "
            "paths is {mean}, the exact gradient of the expected output {exact}. The arrow keys read the paths one by one.",
        ),
        Panel(
            "running", "Mean of the path gradients so far", x=("draws", "draw_counts()"), x_range=(0.0, 121.0),
            y_label=_GRADIENT,
            marks=(
                ErrorBand("mean.{weight}", "band.{weight}", "orange"),
                Level("exact.{weight}", "blue", "exact gradient of E[y]", width=5, alpha=PALE),
                Level("mean.{weight}", "orange", "mean over all paths ± s.e.", width=1.5, dash="dashed"),
                Line("running.y", "orange", "mean of the draws so far", x="running.x", width=2, jumps=True),
                Dots("running_mean.{weight}.{draws}", "orange", x="setting.draws", size=7, jumps=True),
            ),
            text="Mean of the path gradients against the number of draws: {running} so far, where {mean} ± {error} is expected. "
            "The exact gradient is {exact}.",
        ),
        Panel(
            "weights", "All three weights", x=("", "exact"), x_range=(0.4, 3.6), x_ticks=tuple(enumerate(WEIGHTS, start=1)),
            y_label=_GRADIENT, y_range="ends.weights",
            marks=(
                Level(0.0),
                Bars("exact", "blue", "exact", aside=-0.26, alpha=PALE),
                Bars("mean", "orange", "mean over all paths"),
                Bars("deterministic", "ink", "deterministic path", aside=0.26, alpha=PALE, jumps=True),
            ),
            text="Gradients with respect to the three weights: exact, mean over all paths, and along the deterministic path. "
            "With respect to the chosen weight they are {exact}, {mean} and {alone}.",
        ),
        Panel(
            "over", "Gradients against the middle weight v", x=("v", "weight_axis()"), y_label=_GRADIENT,
            marks=(
                Level(0.0),
                Marker("setting.v"),
                Line("exact_over.{weight}", "blue", "exact", width=5, alpha=PALE),
                Line("mean_over.{weight}", "orange", "mean over all paths", width=2),
                Line("deterministic_over.{weight}", "ink", "deterministic path", dash="dashed", jumps=True),
            ),
            text="The same three gradients against the middle weight v: {exact}, {mean} and {alone} at its present value.",
        ),
        Panel(
            "variance", "Variance of one estimate", x=("step ε", "step_exponents()"), x_powers_of=10, x_range=(-2.05, 0.35),
            y_label="variance", y_powers_of=10, y_range=(-7.2, 5.2),
            marks=(
                Line("pairs.exponents.1.{weight}", "green", "pairs, uncoupled", width=2),
                Line("pairs.exponents.0.{weight}", "purple", "pairs, coupled", width=2),
                Level("exponent.{weight}", "orange", "path gradient", width=2, dash="dashed"),
                Dots("pairs.exponent.{pairs}.{weight}", "ink", "the pairs at the chosen ε", x="step_exponent", size=6),
            ),
            text="Variance of one estimate against the step, both axes logarithmic. For a finite difference of uncoupled runs it "
            "falls with slope minus two, for coupled runs with slope minus one; for a path gradient it is far smaller, but its "
            "mean {mean} is not the exact gradient {exact}.",
        ),
    )  # fmt: skip

    # ---- numbers ----

    @classmethod
    def bundle(cls, numbers: Mapping[str, Any], choices: Mapping[str, Any]) -> Any:
        setting = cls.experiment().PathTreeSetting(**numbers, patterns=choices["patterns"])
        return cls.experiment().path_tree(setting, choices["uniforms"])

    def choices(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Patterns and uniforms, drawn apart: in each program of its own, a generator would take long to compile."""
        patterns, uniforms = _drawn(_sizes(settings["widths"]), settings["seed"])
        return {"patterns": patterns, "uniforms": uniforms}

    def views(self, shown: Shown, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where the tree's parts lie, the mean of the draws so far, and the ends of two axes."""
        tree, gradient = Tree(_sizes(settings["widths"])[1:], shown("probability")), shown("gradient")
        leaves = {
            "sampled": shown("sampled_leaf.{draws}"), "alone": shown("deterministic_leaf"),
            "above": shown("above.{draws}.{weight}"), "below": shown("pairs.below.{pairs}.{draws}.{weight}"),
        }  # fmt: skip
        paths = tree.hidden(gradient)
        running = shown("running_mean.{weight}")
        until = np.minimum(np.arange(1, running.shape[1] + 1), shown("setting.draws")[:, None].astype(int))
        low, high = nice_range([shown("gradient.{weight}"), shown("exact.{weight}")[:, None]])
        room = 0.08 * (high - low)  # a disc at the end is not cut off
        heights = nice_range([1.6 * shown(name) for name in ("exact", "mean", "deterministic")])
        return {
            "flow": tree.flow(), **tree.dots(), **{name: tree.path(leaves[name].astype(int), LANES[name]) for name in LANES},
            "leaves": tree.leaves(gradient, shown("share.{draws}")),
            "paths": {**paths, "y": paths[f"by_{settings['weight']}"]},
            "running": {"x": until.astype(float), "y": np.take_along_axis(running, until - 1, axis=1)},
            "ends": {"paths": np.concatenate([low - room, high + room], axis=1), "weights": np.concatenate(heights, axis=1)},
        }  # fmt: skip


def _sizes(widths: str) -> tuple[int, ...]:
    """Number of inputs and of units in each layer, from a text such as 1-2-2-1."""
    return tuple(int(width) for width in widths.split("-"))


@functools.lru_cache(maxsize=32)
def _drawn(widths: tuple[int, ...], seed: int) -> tuple[Any, Any]:
    import jax

    from sgtheory.experiments.path_tree import draw_uniforms, layer_patterns

    with in_64_bits():
        of_weights, of_runs = jax.random.split(jax.random.key(seed))
        return layer_patterns(of_weights, widths), draw_uniforms(of_runs, widths)
