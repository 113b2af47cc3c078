"""The numbers of page 03: from settings to the experiment's arguments, and its bundles side by side."""

import functools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sgtheory.methods import METHODS
from sgtheory.pages._kit import in_64_bits, nice_range
from sgtheory.pages._kit.controls import brief

OWN, LIF = "your own", "two LIF neurons"
NETWORKS = {"chain 1-1-1-1": "1-1-1-1", "2-3-2-1": "2-3-2-1", "3-3-3-1": "3-3-3-1", "5-5-5-1": "5-5-5-1"}
SHOWN = 12  # components side by side
SMALLEST = 1e-3  # a smaller bias, or none at all, is drawn as this one
DASHES = {"circle": "solid", "triangle": "dashed", "inverted_triangle": "dotted", "square": "dashdot"}
"""Marker of a method → how its curves are drawn."""
LEFT = -3.2  # end of an axis of biases, just below where no bias is drawn
STILL = 1e-12  # a variance below this is rounding

MENU = {method.short: method for method in METHODS.values() if method.in_menu}
"""Short name → method, for all that page 03 offers."""

TOLD = (
    ("bias", "relative bias"), ("noise", "part that may be noise"), ("variance", "variance of a draw"),
    ("runs", "runs per draw"), ("cosine", "cosine"), ("signs", "share of right signs"),
)  # fmt: skip
"""What is told of each method."""

_NUMBERS = ("steepness", "surrogate", "spread", "step", "temperature", "target")
_KEPT = 4096  # results that are kept: what does not depend on a control need not be computed again
_COMPILED: set[tuple] = set()  # the programs compiled so far, by method, widths, loss and number of draws


def picture(settings: Mapping[str, Any]) -> dict[str, Any]:
    """All that is shown with these settings. Every result is kept under the settings that it depends on."""
    numbers, widths, loss = _numbers(settings), chosen_widths(settings), settings["loss"]
    problem = numbers, widths, settings["weights"], loss
    # The curve over all steepnesses does not depend on the chosen one.
    any_steepness = 1.0, *numbers[1:]

    def of(method):
        with in_64_bits():
            return (
                _measured(method, *problem, settings["seed"], settings["draws"]),
                _over_steepness(method, any_steepness, *problem[1:]),
                # Every neuron more of a LIF network has a decision more at every step: too many to know the exact gradient.
                None if settings["network"] == LIF else _over_width(method, numbers, widths, loss),
            )

    methods = settings["methods"].split("; ")
    programs = {(method, widths, loss, settings["draws"]) for method in methods}
    with in_64_bits(), ThreadPoolExecutor(len(methods)) as pool:
        exact = _exact(*problem)
        _steeper(any_steepness, *problem[1:])  # all methods share this result and the next
        if settings["network"] != LIF:
            _wider(numbers, _layers(widths), loss)
        # New programs run side by side, because compiling takes most of their time; compiled ones would only compete.
        found = map(of, methods) if programs <= _COMPILED else pool.map(of, methods)
        pictures = dict(zip(methods, found, strict=True))
        _COMPILED.update(programs)
        return _arrange(exact, pictures, settings)


def stacked(pictures: list[Any]) -> Any:
    """Several pictures as one, with a leading axis."""
    first = pictures[0]
    if isinstance(first, dict):
        return {name: stacked([each[name] for each in pictures]) for name in first}
    return np.array(pictures) if np.size(first) else np.zeros((len(pictures), 0))


def slug(method: str) -> str:
    """The name of a method's sources."""
    return method.replace(", ", "_").replace(" ", "_").replace("-", "_").lower()


def chosen_widths(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """The widths, as chosen or as typed."""
    if settings["network"] == LIF:
        from sgtheory.experiments.gradient_laboratory import LIF_NETWORK

        return LIF_NETWORK
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


@functools.cache
def _axes() -> dict[str, np.ndarray]:
    """Along which the bias is shown."""
    from sgtheory.experiments.gradient_laboratory import steepness_axis, width_axis

    with in_64_bits():
        return {"steepness": np.log2(np.asarray(steepness_axis())), "width": np.array(width_axis(), dtype=float)}


def _curve(x, bias, noise) -> dict[str, np.ndarray]:
    return {"x": x, "y": _log(bias), "low": _log(bias - noise), "high": _log(bias + noise)}


_NO_CURVE = dict.fromkeys(("x", "y", "low", "high"), np.zeros(0))


def _upper(curves: list[np.ndarray]) -> np.ndarray:
    """The ends of an axis, from below where no bias is drawn to the next half order of magnitude above all curves."""
    highest = max(float(np.max(curve, initial=LEFT)) for curve in curves)
    return np.array([LEFT, max(0.0, np.ceil(2 * highest + 0.1) / 2) + 0.1])


def _equal_lines() -> dict[str, np.ndarray]:
    """Lines along which variance times cost is the same, joined to one outside the frame."""
    ends = [(x, level - x) for level in range(-10, 12) for x in ((-1.0, 4.0) if level % 2 else (4.0, -1.0))]
    return dict(zip(("x", "y"), np.transpose(ends), strict=True))


def _arrange(exact, found: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The results of the ticked methods side by side, under the slugs of their names; those of all others are empty."""
    exact = np.asarray(exact)
    positions = np.arange(1.0, exact.size + 1)
    variances = [np.log10(here["variance"]) for here, *_ in found.values() if here["variance"] > STILL]
    variances = variances or [np.log10(STILL)]  # nothing varies: then the axis ends where rounding begins
    lowest = np.floor(min(variances)) - 0.5
    methods, height = {}, 1 / len(found)
    for place, (method, (here, along, across)) in enumerate(found.items()):
        top = 1 - place * height
        methods[slug(method)] = {
            **here, "signs": here["sign_agreement"],
            "x": positions + 0.62 * ((place + 0.5) * height - 0.5), "title": top - 0.28 * height, "row": top - 0.7 * height,
            "bias_exponent": _log(here["bias"]), "noise_exponent": _log(here["noise"]), "runs_exponent": np.log10(here["runs"]),
            "variance_exponent": np.log10(here["variance"]) if here["variance"] > STILL else lowest + 0.15,
            **{
                name: _NO_CURVE if each is None else _curve(x, *each)
                for (name, x), each in zip(_axes().items(), (along, across), strict=True)
            },
        }  # fmt: skip
    drawn, first = list(methods.values()), 0.5 + max(0, exact.size - SHOWN) * settings["along"] / 100
    sides = [each["mean"] + sign * each["standard_error"] for each in drawn for sign in (-1, 1)]
    gradients = np.concatenate(nice_range([exact, *sides], parts=4))
    ends = {
        "components": np.array([first, first + min(SHOWN, exact.size)]), "gradients": gradients,
        "variances": np.array([lowest, np.ceil(max(variances)) + 0.25]),
        "biases": _upper([each[name] for each in drawn for name in ("bias_exponent", "noise_exponent")]),
        **{name: _upper([each[name]["y"] for each in drawn]) for name in ("steepness", "width")},
    }  # fmt: skip
    return {
        "exact": exact, "components": positions, "thickness": 0.012 * np.diff(gradients), "length": np.linalg.norm(exact),
        "exponent": np.log2(settings["steepness"]), "equal": _equal_lines(), "ends": ends,
        **dict.fromkeys(map(slug, MENU), _emptied(drawn[0])), **methods, **{name: drawn[0][name] for name, _ in TOLD},
    }  # fmt: skip


def _emptied(numbers: Any) -> Any:
    """The same without numbers."""
    return {name: _emptied(each) for name, each in numbers.items()} if isinstance(numbers, dict) else np.zeros(0)
