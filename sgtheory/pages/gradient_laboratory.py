"""Page 03: any estimator on any small network, beside the exact gradient."""

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sgtheory.pages._kit import (
    BEHIND,
    Choice,
    Figure,
    Page,
    Panel,
    Readout,
    Several,
    Slider,
    Sources,
    Text,
    drawn_panels,
    in_64_bits,
    nice_range,
    panel,
    range_columns,
    range_names,
    sent_range,
)
from sgtheory.pages._kit.controls import brief

OWN = "your own"
NETWORKS = {"chain 1-1-1-1": "1-1-1-1", "2-3-2-1": "2-3-2-1", "3-3-3-1": "3-3-3-1", "5-5-5-1": "5-5-5-1"}
SHOWN = 12  # components side by side
MEASURED = "Concrete"  # the only method here whose mean is not known without drawing
SMALLEST = 1e-3  # what is drawn of a bias that is smaller, or none at all
STILL = 1e-12  # a variance that is rounding

MARKS = {
    "surrogate": ("orange", "circle"),
    "surrogate, SuperSpike": ("orange", "triangle"),
    "surrogate, noiseless": ("orange", "inverted_triangle"),
    "smoothed left": ("green", "circle"),
    "smoothed right": ("green", "triangle"),
    "mean field": ("green", "inverted_triangle"),
    "score function": ("purple", "circle"),
    "score, mean baseline": ("purple", "triangle"),
    "score, best baseline": ("purple", "inverted_triangle"),
    "stochastic triple": ("blue", "circle"),
    "Concrete": ("blue", "triangle"),
    "differences": ("yellow", "circle"),
    "differences, uncoupled": ("yellow", "triangle"),
    "straight-through": ("ink", "circle"),
    "MultilayerSpiker": ("ink", "triangle"),
}
"""Method → colour role and sign: a colour a family, a sign a member."""
_DASHES = {"circle": "solid", "triangle": "dashed", "inverted_triangle": "dotted"}

_TITLES = {
    "components": ("Components; pale: exact", "∂ E[L] / ∂θ"),
    "cost": ("Variance against cost", "log₁₀ variance of a draw"),
    "biases": ("How far off: bias", ""),
    "directions": ("Which way: cosine", ""),
    "steepness": ("Bias over steepness", "log₁₀ relative bias"),
    "width": ("Bias over width", "log₁₀ relative bias"),
}
_X_LABELS = {
    "components": "component", "biases": "log₁₀ relative bias; hollow: noise", "directions": "cosine; hollow: right signs",
    "cost": "log₁₀ runs of the network a draw", "steepness": "log₂ β", "width": "units in each hidden layer",
}  # fmt: skip
_X_RANGES = {"directions": (-1.05, 1.05), "cost": (-0.15, 2.6), "steepness": (-1.1, 3.1), "width": (0.8, 5.2)}
_Y_RANGES = {"biases": (0.0, 1.0), "directions": (0.0, 1.0)}
_SENT, _SENT_ACROSS = ("components", "cost", "steepness", "width"), ("components", "biases")


class GradientLaboratory(Page):
    """Pick a network, a loss and some methods; see how far each is off, how much it scatters, and what it costs."""

    name = "gradient_laboratory"
    title = "The gradient laboratory: bias, variance, cost"
    play = "steepness"
    specification = (
        Choice("network", "network", "2-3-2-1", (*NETWORKS, OWN), "Inputs, then units in each layer"),
        Text("widths", "widths", "4-4-2", "3 to 5 whole numbers such as 5-5-5-1, inputs first", ("network", OWN)),
        Choice("loss", "loss", "output", ("output", "squared error"), "Sum of the outputs, or of (output − target)²"),
        Several(
            "methods", "methods", "surrogate; surrogate, SuperSpike; score, mean baseline; stochastic triple",
            tuple(MARKS), "Up to six estimators, side by side", tuple(MARKS.values()), 6,
        ),
        Slider("steepness", "log₂ β", 1.0, -1.0, 3.0, 0.25, "Steepness of the escape noise: 1 is β = 2"),
        Slider("surrogate", "log₂ β_SG", 3.0, -1.0, 5.0, 0.25, "Steepness of the SuperSpike surrogate", tabled=False),
        Slider("spread", "weights ×", 1.0, 0.1, 4.0, 0.1, "All weights times this number", tabled=False),
        Slider("step", "log₁₀ ε", -0.3, -2.0, 0.6, 0.05, "Step of the finite differences", tabled=False),
        Slider("temperature", "log₁₀ τ", -0.3, -2.0, 1.0, 0.05, "Temperature of the Concrete relaxation", tabled=False),
        Slider("target", "target", 1.0, -1.0, 2.0, 0.1, "Of the squared error", tabled=False),
        Slider("along", "components", 0, 0, 100, 1, "Where the twelve components begin that are shown", "%", tabled=False),
        Slider("draws", "draws", 300, 50, 2000, 50, "Estimates of each method", sizes=True, tabled=False),
        Slider("weights", "weights no.", 0, 0, 99, 1, "Other random weights (the chain has its own)", tabled=False),
        Slider("seed", "seed", 0, 0, 99, 1, "Another seed, other dice", tabled=False),
    )  # fmt: skip
    readouts = (
        Readout("exact", "|∇E[L]|, exact"),
        Readout("bias", "first ticked: relative bias"),
        Readout("noise", "… of which noise"),
        Readout("variance", "… variance of a draw"),
        Readout("runs", "… runs a draw"),
        Readout("cosine", "… cosine"),
        Readout("signs", "… sign agreement"),
    )
    panels = tuple(_TITLES)
    discrete = range_names(_SENT, _SENT_ACROSS)

    # ---- numbers ----

    def refusals(self, settings: Mapping[str, Any]) -> dict[str, str]:
        if settings["network"] != OWN:
            return {}
        try:
            _widths(settings)
        except ValueError as error:
            return {"widths": str(error)}
        return {}

    def compute(self, settings: Mapping[str, Any]) -> Sources:
        numbers, widths, loss = _numbers(settings), _widths(settings), settings["loss"]
        problem = numbers, widths, settings["weights"], loss
        # The curve over all steepnesses depends on none of them.
        any_steepness = 1.0, *numbers[1:]

        def of(method):
            with in_64_bits():
                return (
                    _measured(method, *problem, settings["seed"], settings["draws"]),
                    _over_steepness(method, any_steepness, *problem[1:]),
                    _over_width(method, numbers, widths, loss),
                )

        methods = settings["methods"].split("; ")
        programs = {(method, widths, loss, settings["draws"]) for method in methods}
        with in_64_bits(), ThreadPoolExecutor(len(methods)) as pool:
            exact = _exact(*problem)
            _steeper(any_steepness, *problem[1:])  # this and the next all methods share
            _wider(numbers, _layers(widths), loss)
            # New programs side by side, for compiling takes nearly all of their time; others would be in each other's way.
            found = map(of, methods) if programs <= _COMPILED else pool.map(of, methods)
            pictures = dict(zip(methods, found, strict=True))
            _COMPILED.update(programs)
            return _arrange(exact, pictures, settings)

    # ---- figures ----

    def figures(self, sources: Sources) -> list[Figure]:
        return drawn_panels(_Panel, self.panels, sources)


class _Panel(Panel):
    """One figure; its methods say what is drawn, from which source, in which role."""

    def __init__(self, data, name, ranges):
        from bokeh.models import Range1d

        title, y_label = _TITLES[name]
        y_range = _Y_RANGES.get(name) or sent_range(ranges, name)
        x_range = Range1d(*(_X_RANGES.get(name) or sent_range(ranges, name, ("left", "right"))))
        super().__init__(
            name, data, panel(title, x_range=x_range, y_range=y_range, x_label=_X_LABELS[name], y_label=y_label)
        )
        if name in _Y_RANGES:
            self.without_scale()

    def _each(self):
        for method, (role, marker) in MARKS.items():
            yield method, _slug(method), role, marker

    def components(self):
        self.line("level", "y", "soft", width=1, level=BEHIND)
        self.intervals("exact", "blue", width=26, alpha=0.25)
        for _, source, role, marker in self._each():
            self.intervals(source, role)
            self.dots(source, "mean", role, size=6, marker=marker)
        return self.finished(
            "Components of the gradient: a wide pale bar the exact value, dots with intervals the estimates and their "
            "standard errors. The exact gradient has the length {exact}; the first method is off by {bias} of it."
        )

    def _rows(self, filled, hollow, description):
        for method, source, role, marker in self._each():
            row = f"{source}_row"
            if self.name == "biases":
                self.name_tag(f"{source}_name", role, method)
            self.dots(row, "y", role, size=8, marker=marker, x=filled)
            self.dots(row, "y", role, size=8, marker=marker, x=hollow, hollow=True)
        return self.finished(description)

    def biases(self):
        return self._rows(
            "bias", "noise",
            "Relative bias of each method, as a logarithm, and the part that may be noise: {bias} and {noise} for the first. "
            "Below a thousandth it is drawn at a thousandth.",
        )  # fmt: skip

    def directions(self):
        self.line("upright", "y", "soft", width=1, level=BEHIND)
        return self._rows(
            "cosine", "signs",
            "Cosine of each mean estimate with the exact gradient, and share of the components with the right sign: "
            "{cosine} and {signs} for the first method.",
        )  # fmt: skip

    def cost(self):
        self.line("equal", "y", "grid", width=2, level=BEHIND)
        for _, source, role, marker in self._each():
            self.dots(f"{source}_row", "variance", role, size=9, marker=marker, x="runs")
        return self.finished(
            "Variance of one draw over its cost, both as logarithms: {variance} at {runs} runs for the first method. "
            "Methods that do not vary stand at the lower edge."
        )

    def _curves(self, suffix, description):
        for method, source, role, marker in self._each():
            curve = f"{source}_{suffix}"
            if method == MEASURED:
                self.band(curve, role)
            self.line(curve, "y", role, dash=_DASHES[marker], width=2)
        return self.finished(description)

    def steepness(self):
        self.line("marker", "y", "soft", dash="dotted")
        return self._curves(
            "steepness",
            "Relative bias of each method over the steepness of the escape noise, free of noise but for the band of the "
            "Concrete relaxation. The lowest line is no bias at all. The exact gradient as chosen has the length {exact}.",
        )

    def width(self):
        return self._curves(
            "width",
            "Relative bias of each method over the width of random networks with these layers, medians of eight. The "
            "lowest line is no bias at all. The network as chosen: {bias} for the first method.",
        )


# ---- from settings to the experiment's arguments, and from its bundles to columns ----------------------------------------

_NUMBERS = ("steepness", "surrogate", "spread", "step", "temperature", "target")
_KEPT = 4096  # results that are kept: what does not depend on a control need not be computed again
_COMPILED: set[tuple] = set()  # the programs that are there: of a method, widths, a loss and so many draws


def _slug(method: str) -> str:
    return method.replace(", ", "_").replace(" ", "_").replace("-", "_").lower()


def _widths(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """As chosen or as typed."""
    return parse_widths(NETWORKS.get(settings["network"], settings["widths"]))


def parse_widths(text: str) -> tuple[int, ...]:
    """The widths in a text such as 5-5-5-1. **Raises** `ValueError`, one sentence, for another."""
    from sgtheory.experiments.gradient_laboratory import check_widths

    parts = [part.strip() for part in text.split("-")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise ValueError(f"`widths` must be whole numbers with - between, such as 5-5-5-1, got {brief(text)}.")
    return check_widths([int(part) for part in parts])


def _numbers(settings: Mapping[str, Any]) -> tuple[float, ...]:
    """The fields of a `LaboratorySetting`, in their order."""
    powers = {"steepness": 2.0, "surrogate": 2.0, "step": 10.0, "temperature": 10.0}
    return tuple(powers[name] ** settings[name] if name in powers else float(settings[name]) for name in _NUMBERS)


@functools.lru_cache(_KEPT)
def _made(*numbers: float):
    from sgtheory.experiments.gradient_laboratory import LaboratorySetting

    # Arrays of NumPy are never weakly typed: one program for all numbers.
    return LaboratorySetting(**{name: np.asarray(number) for name, number in zip(_NUMBERS, numbers, strict=True)})


@functools.lru_cache(_KEPT)
def _parameters(widths: tuple[int, ...], number: int):
    import jax

    from sgtheory.experiments.gradient_laboratory import draw_parameters

    return draw_parameters(widths, jax.random.key(number))


@functools.lru_cache(_KEPT)
def _exact(numbers, widths, number, loss):
    from sgtheory.experiments.gradient_laboratory import exact_components

    return exact_components(_made(*numbers), _parameters(widths, number), loss)


@functools.lru_cache(_KEPT)
def _key(number):
    import jax

    return jax.random.key(number)


@functools.lru_cache(64)
def _noise(method, widths, seed, draws):
    from sgtheory.experiments.gradient_laboratory import draw_noise

    return draw_noise(method, widths, _key(1000 + seed), draws)


@functools.lru_cache(_KEPT)
def _measured(method, numbers, widths, number, loss, seed, draws):
    from sgtheory.experiments.gradient_laboratory import measure

    exact, noise = _exact(numbers, widths, number, loss), _noise(method, widths, seed, draws)
    picture = measure(method, _made(*numbers), _parameters(widths, number), loss, exact, noise)
    return {name: np.asarray(values) for name, values in vars(picture).items()}


@functools.lru_cache(_KEPT)
def _steeper(numbers, widths, number, loss):
    from sgtheory.experiments.gradient_laboratory import over_steepness

    return over_steepness(_made(*numbers), _parameters(widths, number), loss)


@functools.lru_cache(_KEPT)
def _over_steepness(method, numbers, widths, number, loss):
    return [np.asarray(each) for each in _biases(method, _steeper(numbers, widths, number, loss), loss)]


@functools.lru_cache(64)
def _random_networks(widths):
    import jax

    from sgtheory.experiments.gradient_laboratory import random_networks

    return random_networks(widths, jax.random.key(2000))


@functools.lru_cache(_KEPT)
def _wider(numbers, widths, loss):
    from sgtheory.experiments.gradient_laboratory import over_width

    return over_width(_made(*numbers), _random_networks(widths), loss)


@functools.lru_cache(_KEPT)
def _over_width(method, numbers, widths, loss):
    from sgtheory.experiments.gradient_laboratory import median_by_width

    return [np.asarray(median_by_width(each)) for each in _biases(method, _wider(numbers, _layers(widths), loss), loss)]


def _layers(widths: tuple[int, ...]) -> tuple[int, ...]:
    """The same for all networks with so many layers: the hidden widths are those of the axis."""
    return (widths[0], *(1,) * (len(widths) - 2), widths[-1])


def _biases(method, problems, loss):
    from sgtheory.experiments.gradient_laboratory import biases

    return biases(method, problems, loss, _key(3000))


def _log(values) -> np.ndarray:
    return np.asarray(np.log10(np.maximum(np.asarray(values, dtype=float), SMALLEST)))


def _curve(x, bias, noise, method: str) -> dict[str, np.ndarray]:
    band = {"low": _log(bias - noise), "high": _log(bias + noise)} if method == MEASURED else {}
    return {"x": np.asarray(x, dtype=float), "y": _log(bias), **band}


def _upper(curves: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """From just below what is drawn of no bias to the next half order of magnitude above all."""
    highest = max(float(np.max(curve)) for curve in curves)
    return np.array([np.log10(SMALLEST) - 0.2]), np.array([max(0.0, np.ceil(2 * highest + 0.1) / 2) + 0.1])


def _equal_lines() -> dict[str, np.ndarray]:
    """Lines of equal variance times cost, to and fro beyond the frame."""
    ends = [(x, level - x) for level in range(-10, 12) for x in ((-1.0, 4.0) if level % 2 else (4.0, -1.0))]
    return dict(zip(("x", "y"), np.transpose(ends), strict=True))


_EMPTY = {
    "": ("x", "mean", "low", "high"),
    "_name": ("x", "y"),
    "_row": ("y", "bias", "noise", "cosine", "signs", "runs", "variance"),
    "_steepness": ("x", "y"),
    "_width": ("x", "y"),
}
"""Of each method: what its sources are called after it, and their columns."""


def _arrange(exact, found: Mapping[str, Any], settings: Mapping[str, Any]) -> Sources:
    """What was found of each method as columns; nothing of the others."""
    from sgtheory.experiments.gradient_laboratory import steepness_axis, width_axis

    exact = np.asarray(exact)
    positions = np.arange(1.0, exact.size + 1)
    left, right = _upper([_log(here[name]) for here, *_ in found.values() for name in ("bias", "noise")])
    variances = [np.log10(here["variance"]) for here, *_ in found.values() if here["variance"] > STILL] or [0.0]
    lowest = np.floor(min(variances)) - 0.5
    sources = {
        _slug(method) + suffix: dict.fromkeys(columns, np.zeros(0))
        for suffix, columns in _EMPTY.items()
        for method in MARKS
    }
    for suffix in ("_steepness", "_width"):
        sources[_slug(MEASURED) + suffix] |= dict.fromkeys(("low", "high"), np.zeros(0))
    for place, (method, (here, along, across)) in enumerate(found.items()):
        slug, error, height = _slug(method), here["standard_error"], 1 / len(found)
        top = 1 - place * height
        sources[slug] = {
            "x": positions + 0.62 * ((place + 0.5) * height - 0.5),
            "mean": here["mean"], "low": here["mean"] - error, "high": here["mean"] + error,
        }  # fmt: skip
        sources[f"{slug}_name"] = {"x": left, "y": np.array([top - 0.28 * height])}
        sources[f"{slug}_row"] = {
            name: np.atleast_1d(value).astype(float)
            for name, value in {
                "y": top - 0.7 * height,
                "bias": _log(here["bias"]), "noise": _log(here["noise"]), "cosine": here["cosine"],
                "signs": here["sign_agreement"], "runs": np.log10(here["runs"]),
                "variance": np.log10(here["variance"]) if here["variance"] > STILL else lowest + 0.15,
            }.items()
        }  # fmt: skip
        sources[f"{slug}_steepness"] = _curve(np.log2(np.asarray(steepness_axis(), dtype=float)), *along, method)
        sources[f"{slug}_width"] = _curve(width_axis(), *across, method)
    slugs = [_slug(method) for method in found]
    reach = nice_range([exact, *(sources[slug][side] for slug in slugs for side in ("low", "high"))], parts=4)
    thickness = 0.012 * (reach[1] - reach[0])
    first = 0.5 + max(0, exact.size - SHOWN) * np.array([settings["along"]]) / 100
    upright = np.array([-1000.0, 1000.0])
    chosen = next(iter(found.values()))[0]
    return {
        "exact": {"x": positions, "low": exact - thickness, "high": exact + thickness},
        **sources,
        "level": {"x": upright, "y": np.zeros(2)},
        "upright": {"x": np.zeros(2), "y": upright},
        "marker": {"x": np.full(2, float(settings["steepness"])), "y": upright},
        "equal": _equal_lines(),
        "ranges": range_columns(
            {
                "components": reach,
                "cost": (np.array([lowest]), np.array([np.ceil(max(variances)) + 0.25])),
                **{name: _upper([sources[f"{slug}_{name}"]["y"] for slug in slugs]) for name in ("steepness", "width")},
            },
            {"components": (first, first + min(SHOWN, exact.size)), "biases": (left, right)},
        ),
        "readouts": {
            "exact": np.atleast_1d(np.linalg.norm(exact)),
            **{name: np.atleast_1d(chosen[name]).astype(float) for name in ("bias", "noise", "variance", "runs", "cosine")},
            "signs": np.atleast_1d(chosen["sign_agreement"]).astype(float),
        },
    }  # fmt: skip
