"""The numbers of page 03: from settings to the experiment's arguments, and from its bundles to columns."""

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sgtheory.methods import METHODS
from sgtheory.pages._kit import Sources, in_64_bits, nice_range, range_columns
from sgtheory.pages._kit.controls import brief

OWN = "your own"
NETWORKS = {"chain 1-1-1-1": "1-1-1-1", "2-3-2-1": "2-3-2-1", "3-3-3-1": "3-3-3-1", "5-5-5-1": "5-5-5-1"}
SHOWN = 12  # components side by side
SMALLEST = 1e-3  # a smaller bias, or none at all, is drawn as this one
DASHES = {"circle": "solid", "triangle": "dashed", "inverted_triangle": "dotted", "square": "dashdot"}
"""Marker of a method → how its curves are drawn."""
DIRECTIONS = -1.05, 1.05  # ends of the axis of cosines
STILL = 1e-12  # a variance below this is rounding

MENU = {method.short: method for method in METHODS.values() if method.in_menu}
"""Short name → method, for all that page 03 offers."""

_NUMBERS = ("steepness", "surrogate", "spread", "step", "temperature", "target")
_KEPT = 4096  # results that are kept: what does not depend on a control need not be computed again
_COMPILED: set[tuple] = set()  # the programs compiled so far, by method, widths, loss and number of draws


def picture(settings: Mapping[str, Any]) -> Sources:
    """The picture for these settings. Every result is kept under the settings that it depends on."""
    numbers, widths, loss = _numbers(settings), chosen_widths(settings), settings["loss"]
    problem = numbers, widths, settings["weights"], loss
    # The curve over all steepnesses does not depend on the chosen one.
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
        _steeper(any_steepness, *problem[1:])  # all methods share this result and the next
        _wider(numbers, _layers(widths), loss)
        # New programs run side by side, because compiling takes most of their time; compiled ones would only compete.
        found = map(of, methods) if programs <= _COMPILED else pool.map(of, methods)
        pictures = dict(zip(methods, found, strict=True))
        _COMPILED.update(programs)
        return _arrange(exact, pictures, settings)


def slug(method: str) -> str:
    """The name of a method's sources."""
    return method.replace(", ", "_").replace(" ", "_").replace("-", "_").lower()


def chosen_widths(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """The widths, as chosen or as typed."""
    return parse_widths(NETWORKS.get(settings["network"], settings["widths"]))


def parse_widths(text: str) -> tuple[int, ...]:
    """The widths in a text such as 5-5-5-1. **Raises** `ValueError`, one sentence, for any other text."""
    from sgtheory.experiments.gradient_laboratory import check_widths

    parts = [part.strip() for part in text.split("-")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise ValueError(f"`widths` must be whole numbers joined by -, such as 5-5-5-1, got {brief(text)}.")
    return check_widths([int(part) for part in parts])


def _numbers(settings: Mapping[str, Any]) -> tuple[float, ...]:
    """The fields of a `LaboratorySetting`, in their order."""
    return tuple(float(settings[name]) for name in _NUMBERS)


@functools.lru_cache(_KEPT)
def _made(*numbers: float):
    from sgtheory.experiments.gradient_laboratory import LaboratorySetting

    # Arrays of NumPy are never weakly typed: one program for all numbers.
    return LaboratorySetting(**{name: np.asarray(number) for name, number in zip(_NUMBERS, numbers, strict=True)})


@functools.lru_cache(_KEPT)
def _parameters(widths: tuple[int, ...], number: int):
    from sgtheory.experiments.gradient_laboratory import draw_parameters

    return draw_parameters(widths, _key(number))


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

    return draw_noise(MENU[method].label, widths, _key(1000 + seed), draws)


@functools.lru_cache(_KEPT)
def _measured(method, numbers, widths, number, loss, seed, draws):
    from sgtheory.experiments.gradient_laboratory import measure

    exact, noise = _exact(numbers, widths, number, loss), _noise(method, widths, seed, draws)
    found = measure(MENU[method].label, _made(*numbers), _parameters(widths, number), loss, exact, noise)
    return {name: np.asarray(values) for name, values in vars(found).items()}


@functools.lru_cache(_KEPT)
def _steeper(numbers, widths, number, loss):
    from sgtheory.experiments.gradient_laboratory import over_steepness

    return over_steepness(_made(*numbers), _parameters(widths, number), loss)


@functools.lru_cache(_KEPT)
def _over_steepness(method, numbers, widths, number, loss):
    return [np.asarray(each) for each in _biases(method, _steeper(numbers, widths, number, loss), loss)]


@functools.lru_cache(64)
def _random_networks(widths):
    from sgtheory.experiments.gradient_laboratory import random_networks

    return random_networks(widths, _key(2000))


@functools.lru_cache(_KEPT)
def _wider(numbers, widths, loss):
    from sgtheory.experiments.gradient_laboratory import over_width

    return over_width(_made(*numbers), _random_networks(widths), loss)


@functools.lru_cache(_KEPT)
def _over_width(method, numbers, widths, loss):
    from sgtheory.experiments.gradient_laboratory import median_by_width

    return [np.asarray(median_by_width(each)) for each in _biases(method, _wider(numbers, _layers(widths), loss), loss)]


def _layers(widths: tuple[int, ...]) -> tuple[int, ...]:
    """The same for all networks with as many layers: the hidden widths are those of the axis."""
    return (widths[0], *(1,) * (len(widths) - 2), widths[-1])


def _biases(method, cases, loss):
    from sgtheory.experiments.gradient_laboratory import biases

    return biases(MENU[method].label, cases, loss, _key(3000))


def _log(values) -> np.ndarray:
    return np.asarray(np.log10(np.maximum(np.asarray(values, dtype=float), SMALLEST)))


def _curve(x, bias, noise, method: str) -> dict[str, np.ndarray]:
    band = {} if MENU[method].closed_form else {"low": _log(bias - noise), "high": _log(bias + noise)}
    return {"x": np.asarray(x, dtype=float), "y": _log(bias), **band}


def _upper(curves: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A range from just below where no bias is drawn to the next half order of magnitude above all curves."""
    highest = max(float(np.max(curve)) for curve in curves)
    return np.array([np.log10(SMALLEST) - 0.2]), np.array([max(0.0, np.ceil(2 * highest + 0.1) / 2) + 0.1])


def _told(here: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The numbers of one method."""
    names = {name: name for name in ("bias", "noise", "variance", "runs", "cosine")} | {"signs": "sign_agreement"}
    return {key: np.atleast_1d(here[name]).astype(float) for key, name in names.items()}


def _equal_lines() -> dict[str, np.ndarray]:
    """Lines along which variance times cost is the same, joined to one outside the frame."""
    ends = [(x, level - x) for level in range(-10, 12) for x in ((-1.0, 4.0) if level % 2 else (4.0, -1.0))]
    return dict(zip(("x", "y"), np.transpose(ends), strict=True))


_EMPTY = {
    "": ("x", "mean", "low", "high"),
    "_biases": ("x", "y"),
    "_directions": ("x", "y"),
    "_row": ("y", "bias", "noise", "cosine", "signs", "runs", "variance"),
    "_steepness": ("x", "y"),
    "_width": ("x", "y"),
}
"""The sources of each method: the end of their names, and their columns."""


def _arrange(exact, found: Mapping[str, Any], settings: Mapping[str, Any]) -> Sources:
    """The results of each ticked method as columns; empty columns for the others."""
    from sgtheory.experiments.gradient_laboratory import steepness_axis, width_axis

    exact = np.asarray(exact)
    positions = np.arange(1.0, exact.size + 1)
    left, right = _upper([_log(here[name]) for here, *_ in found.values() for name in ("bias", "noise")])
    variances = [np.log10(here["variance"]) for here, *_ in found.values() if here["variance"] > STILL]
    variances = variances or [np.log10(STILL)]  # nothing varies: then the axis ends where rounding begins
    lowest = np.floor(min(variances)) - 0.5
    sources = {
        slug(name) + suffix: dict.fromkeys(columns, np.zeros(0)) for suffix, columns in _EMPTY.items() for name in MENU
    }
    for name in (name for name, method in MENU.items() if not method.closed_form):
        for suffix in ("_steepness", "_width"):
            sources[slug(name) + suffix] |= dict.fromkeys(("low", "high"), np.zeros(0))
    for place, (method, (here, along, across)) in enumerate(found.items()):
        source, error, height = slug(method), here["standard_error"], 1 / len(found)
        top = 1 - place * height
        sources[source] = {
            "x": positions + 0.62 * ((place + 0.5) * height - 0.5),
            "mean": here["mean"], "low": here["mean"] - error, "high": here["mean"] + error,
        }  # fmt: skip
        for panel, edge in (("biases", left), ("directions", DIRECTIONS[:1])):
            sources[f"{source}_{panel}"] = {"x": np.asarray(edge), "y": np.array([top - 0.28 * height])}
        sources[f"{source}_row"] = {
            name: np.atleast_1d(value).astype(float)
            for name, value in {
                "y": top - 0.7 * height,
                "bias": _log(here["bias"]), "noise": _log(here["noise"]), "cosine": here["cosine"],
                "signs": here["sign_agreement"], "runs": np.log10(here["runs"]),
                "variance": np.log10(here["variance"]) if here["variance"] > STILL else lowest + 0.15,
            }.items()
        }  # fmt: skip
        sources[f"{source}_steepness"] = _curve(np.log2(np.asarray(steepness_axis(), dtype=float)), *along, method)
        sources[f"{source}_width"] = _curve(width_axis(), *across, method)
    drawn = [slug(method) for method in found]
    reach = nice_range([exact, *(sources[source][side] for source in drawn for side in ("low", "high"))], parts=4)
    thickness = 0.012 * (reach[1] - reach[0])
    first = 0.5 + max(0, exact.size - SHOWN) * np.array([settings["along"]]) / 100
    upright = np.array([-1000.0, 1000.0])
    return {
        "exact": {"x": positions, "low": exact - thickness, "high": exact + thickness},
        **sources,
        "level": {"x": upright, "y": np.zeros(2)},
        "upright": {"x": np.zeros(2), "y": upright},
        "marker": {"x": np.full(2, np.log2(settings["steepness"])), "y": upright},
        "equal": _equal_lines(),
        "ranges": range_columns(
            {
                "components": reach,
                "cost": (np.array([lowest]), np.array([np.ceil(max(variances)) + 0.25])),
                **{name: _upper([sources[f"{source}_{name}"]["y"] for source in drawn]) for name in ("steepness", "width")},
            },
            {"components": (first, first + min(SHOWN, exact.size)), "biases": (left, right)},
        ),
        "readouts": {
            "exact": np.atleast_1d(np.linalg.norm(exact)),
            **_told(next(iter(found.values()))[0]),
            **{f"{slug(name)}_{key}": value for name, (here, *_) in found.items() for key, value in _told(here).items()},
        },
    }  # fmt: skip
