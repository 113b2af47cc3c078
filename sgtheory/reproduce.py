"""`python -m sgtheory.reproduce fig6 fig7` trains the networks of figures again, and writes figure, numbers and a table of seeds.

Figures whose name begins with qif are those of exact spike times; all but qif-fig3 and qif-fig4 need no seeds. Each figure
gives three files in a folder: the picture, all numbers as CSV, and how they were made as JSON. What is printed is the table of
the end, with mean and standard deviation over the seeds where networks are trained.
"""

import argparse
import csv
import json
import os
import pathlib
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from sgtheory._parser import OneLineParser
from sgtheory.data import latency_digits, portrait
from sgtheory.experiments import (
    classification,
    exact_figures,
    pseudospike_figures,
    recurrent_spike_times,
    silent_digits,
    spike_train_matching as matching,
)
from sgtheory.experiments._figure_rows import Row


class Figure(NamedTuple):
    """One figure: what it asks, its numbers, how they are drawn, and which of them the table tells."""

    question: str
    steps: int
    rows: Callable[[int, int], Iterator[Row]]
    """From a seed and a number of steps to its numbers: one row for each network and moment."""
    curves: tuple[str, ...]
    """What is drawn over the steps of training, a panel each."""
    told: tuple[str, ...]


def _matching(seed: int, steps: int) -> Iterator[Row]:
    setting, target = matching.MatchingSetting(seed=seed), matching.target_of(portrait())
    for found in matching.train_matching(setting, target, steps):
        moment = found.moment
        if moment is None:
            continue
        for network, distances in moment.distances.items():
            fano = {f"Fano {layer}": value for layer, value in moment.fano.items()} if network == "stochastic" else {}
            yield {"network": network, "step": moment.step, **distances, **fano}


def _classifying(*arms: str) -> Callable[[int, int], Iterator[Row]]:
    def rows(seed: int, steps: int) -> Iterator[Row]:
        setting = classification.ClassificationSetting(arms=arms, seed=seed)
        for found in classification.train_classifiers(setting, steps):
            for network, look in (found.looks or {}).items():
                yield {
                    "network": network, "step": found.done, "with noise": look.accuracy["with"],
                    "without noise": look.accuracy["without"], "Fano first": float(look.fano[0]), "Fano last": float(look.fano[-1]),
                    "cosine one path": look.one_path, "cosine noiseless path": look.noiseless_path,
                }  # fmt: skip

    return rows


def _recurrent(seed: int, steps: int) -> Iterator[Row]:
    with jax.enable_x64(True):
        task = recurrent_spike_times.draw_task(jax.random.key(seed))
        moments = [found for found in recurrent_spike_times.train_recurrent(task, steps) if found.look is not None]
    targets = np.concatenate([*task.targets])
    for found in moments:
        look: Any = found.look
        # Behind those that have targets each neuron has one that shall stay away.
        asked = np.delete(np.asarray(look.spikes), np.cumsum([each.size + 1 for each in task.targets]) - 1)
        error = float(np.max(np.abs(asked - targets)))
        yield {"network": "ten QIF neurons", "step": found.done, "loss": float(look.loss), "largest error": error}


def _silent(seed: int, steps: int) -> Iterator[Row]:
    digits = latency_digits(jax.random.key(seed))
    for pseudospikes, network in ((True, "with pseudospikes"), (False, "without")):
        setting = silent_digits.SilentSetting(pseudospikes=pseudospikes, seed=seed)
        for found in silent_digits.train_silent(setting, digits, steps if pseudospikes else min(steps, _CONTROL)):
            yield {
                "network": network, "step": found.steps, "accuracy": float(found.accuracy),
                "answers that are spikes": float(found.spoken), "silent, layer 1": float(found.silent[0]),
                "silent, layer 2": float(found.silent[1]),
            }  # fmt: skip


_CONTROL = 100  # steps without pseudospikes: enough to see that nothing changes
_DIGITS = ("accuracy", "answers that are spikes", "silent, layer 1", "silent, layer 2")
_TESTS = ("with noise", "without noise")
_PATHS = ("cosine one path", "cosine noiseless path")

FIGURES = {
    "fig6": Figure(
        "Can a noisy network draw a picture with its spikes?", 1500, _matching, ("van Rossum", "L2", "Fano hidden", "Fano output"),
        ("van Rossum", "L2", "Fano hidden", "Fano output"),
    ),
    "fig7": Figure(
        "Does a network that was trained with noise work without it, and the reverse?", 600,
        _classifying("noise, matched", "noise, SuperSpike", "no noise"), (*_TESTS, "Fano first", "Fano last"),
        (*_TESTS, "Fano last"),
    ),
    "figs1": Figure(
        "Is the path without noise typical of the paths with noise?", 600, _classifying("noise, SuperSpike", "no noise"),
        _PATHS, _PATHS,
    ),
    "figs2": Figure(
        "What do the scale of the surrogate and the gradient through the reset do?", 600,
        _classifying("noise, SuperSpike", "through the reset", "unscaled", "unscaled, through"), _TESTS, _TESTS,
    ),
    "qif-fig3": Figure(
        "Can a recurrent network learn when two of its neurons spike?", recurrent_spike_times.TRIALS, _recurrent,
        ("loss", "largest error"), ("loss", "largest error"),
    ),
    "qif-fig4": Figure(
        "Does a network learn in which at first nothing spikes?", 1200, _silent, _DIGITS, _DIGITS,
    ),
}  # fmt: skip
"""The figures that need training: of Gygax & Zenke (2025) 6, 7, S1, S2, the last three on random manifolds; of Klos & Memmesheimer
(2025) 3, with inputs and targets drawn anew, and 4, with the digits of scikit-learn."""
_LOGARITHMIC = "van Rossum", "loss", "largest error"


class Followed(NamedTuple):
    """One figure of curves that need no training: what it asks, and its numbers and table."""

    question: str
    rows: Callable[[], tuple[list[Row], list[Row]]]
    """Points, each with its panel, curve, piece, x and y; and the table."""
    slopes: tuple[float, float] = (-8.0, 3.0)
    """The ends of the axis of a panel with slopes."""


FOLLOWED = {
    "qif-fig1": Followed(
        "Does a spike time change smoothly with the weight or the time of an input?", exact_figures.figure_1
    ),
    "qif-fig2": Followed(
        "Can a neuron learn when to spike, although at first it does not spike at all?", exact_figures.figure_2
    ),
    "qif-s1": Followed(
        "Is a spike that crosses the end of a trial smooth there, and one that it drives?",
        pseudospike_figures.figure_s1,
    ),
    "qif-s2": Followed(
        "Which exponent of continued phases keeps the slopes of the next layer from jumping?",
        pseudospike_figures.figure_s2,
        (-70.0, 5.0),
    ),
    "qif-s3": Followed("Where do a second and a third spike come in as the weight grows?", exact_figures.figure_s3),
    "qif-s4": Followed("What if the time of an input passes other inputs, and spikes?", exact_figures.figure_s4),
    "qif-s5": Followed("What if the weight of one input among several is varied?", exact_figures.figure_s5),
}
"""Figures 1, 2 and S1 to S5 of Klos & Memmesheimer (2025)."""


def reproduce(
    name: str, folder: pathlib.Path, *, steps: int | None = None, seeds: int = 5, bar: bool = True
) -> list[Row]:
    """Trains the networks of a figure, and writes its files into a folder; gives the table of the end.

    **Arguments:** `name`, one of `FIGURES`, or of `FOLLOWED`, which take neither steps nor seeds; `steps` of training, or None
    for as many as the figure was made for; `seeds`, how many, from 0.
    **Raises** `ValueError` for another name, and numbers below 1.
    """
    if name not in (*FIGURES, *FOLLOWED):
        raise ValueError(f"`name` must be one of {', '.join([*FIGURES, *FOLLOWED])}, got {name!r:.40}. See `--help`.")
    for told, number in (("steps", 1 if steps is None else steps), ("seeds", seeds)):
        if number < 1:
            raise ValueError(f"`{told}` must be at least 1, got {number}. Take a positive number.")
    if name in FOLLOWED:
        return _follow(name, folder)
    figure, rows = FIGURES[name], []
    steps = steps or figure.steps
    for seed in _bar(name, seeds) if bar else range(seeds):
        rows += [{"seed": seed, **row} for row in figure.rows(seed, steps)]
    _record(name, folder, rows, {"question": figure.question, "steps": steps, "seeds": seeds})
    _draw(figure, rows, folder / f"{name}.png")
    return _table(figure, rows)


def _follow(name: str, folder: pathlib.Path) -> list[Row]:
    figure = FOLLOWED[name]
    rows, table = figure.rows()
    _record(name, folder, rows, {"question": figure.question})
    _draw_curves(figure, rows, folder / f"{name}.png")
    return table


def _record(name: str, folder: pathlib.Path, rows: list[Row], made: dict[str, Any]) -> None:
    """Writes the numbers of a figure, and how they were made."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / f"{name}.csv", rows)
    made |= {
        "command": f"python -m sgtheory.reproduce {name}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {jax.devices()[0].device_kind}",
        "python": platform.python_version(), "jax": jax.__version__,
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _draw_curves(figure: Followed, rows: list[Row], path: pathlib.Path) -> None:
    """One panel for each name of one, its curves in pieces; slopes that diverge leave their panel."""
    from matplotlib.figure import Figure as Canvas

    panels: dict[str, dict[tuple[str, int], list[tuple[float, float]]]] = {}
    for row in rows:
        curves = panels.setdefault(str(row["panel"]), {})
        curves.setdefault((str(row["curve"]), int(row["piece"])), []).append((float(row["x"]), float(row["y"])))
    columns = min(len(panels), 4)
    height = -(-len(panels) // columns)
    canvas = Canvas(figsize=(4.0 * columns, 2.8 * height), layout="constrained")
    for place, (title, curves) in enumerate(panels.items(), 1):
        axes = canvas.add_subplot(height, columns, place)
        names = list(dict.fromkeys(name for name, _ in curves))
        for (name, _), points in curves.items():
            x, y = zip(*points, strict=True)
            axes.plot(x, y, color=f"C{names.index(name)}", label=name)
        axes.set_title(title, fontsize="small")
        axes.set_ylim(*(figure.slopes if "slope" in title else (None, None) if "logarithm" in title else (0, None)))
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(handles.values(), handles.keys(), fontsize="x-small")
    canvas.suptitle(figure.question, fontsize="medium")
    canvas.savefig(path, dpi=150)


def _bar(name: str, seeds: int) -> Iterator[int]:
    from tqdm.auto import tqdm

    return iter(tqdm(range(seeds), desc=name, unit="seed"))


def _write(path: pathlib.Path, rows: list[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _series(rows: list[Row], network: str, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and seeds × steps of a quantity; both empty where the network has none."""
    own = [row for row in rows if row["network"] == network and quantity in row]
    steps = sorted({int(row["step"]) for row in own})
    seeds = sorted({int(row["seed"]) for row in own})
    found = {(row["seed"], row["step"]): float(row[quantity]) for row in own}
    return np.array(steps), np.array([[found.get((seed, step), np.nan) for step in steps] for seed in seeds])


def _networks(rows: list[Row]) -> list[str]:
    return list(dict.fromkeys(str(row["network"]) for row in rows))


def _draw(figure: Figure, rows: list[Row], path: pathlib.Path) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(4.4 * len(figure.curves), 3.4), layout="constrained")
    for place, quantity in enumerate(figure.curves, 1):
        axes = canvas.add_subplot(1, len(figure.curves), place)
        for network in _networks(rows):
            steps, values = _series(rows, network, quantity)
            if not steps.size:
                continue
            mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) if len(values) > 1 else 0 * values[0]
            low, high = mean - spread, mean + spread
            if quantity in _LOGARITHMIC:
                low, high = values.min(axis=0), values.max(axis=0)
            (line,) = axes.plot(steps, mean, label=network)
            axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        axes.set(xlabel="steps of training", ylabel=quantity)
        if quantity in _LOGARITHMIC:
            axes.set_yscale("log")
            axes.set_ylabel(f"{quantity} (shaded: all seeds)")
        axes.legend(fontsize="small")
    canvas.suptitle(figure.question, fontsize="medium")
    canvas.savefig(path, dpi=150)


def _table(figure: Figure, rows: list[Row]) -> list[Row]:
    """Mean and standard deviation over the seeds at the end of training, one row a network."""
    table = []
    for network in _networks(rows):
        told: Row = {"network": network}
        for quantity in figure.told:
            _, values = _series(rows, network, quantity)
            if values.size:
                last = values[:, -1]
                spread = f" ± {last.std(ddof=1):.2g}" if len(last) > 1 else ""
                told[quantity] = f"{last.mean():.3g}{spread}"
        table.append(told)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = OneLineParser(
        "python -m sgtheory.reproduce", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "figures", nargs="+", choices=[*FIGURES, *FOLLOWED], metavar="figure", help=", ".join([*FIGURES, *FOLLOWED])
    )
    parser.add_argument("--steps", type=int, help="steps of training, instead of those of the figure")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds (default: 5)")
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("reproduced"), help="folder (default: reproduced)"
    )
    chosen = parser.parse_args(arguments)
    for name in chosen.figures:
        try:
            table = reproduce(name, chosen.output, steps=chosen.steps, seeds=chosen.seeds)
        except (ValueError, ImportError) as fault:
            print(fault, file=sys.stderr)
            return 2
        _print(table)
        print(f"Written: {chosen.output / name}.png, .csv, .json")
    return 0


def _print(table: list[Row]) -> None:
    names: Any = list(dict.fromkeys(name for row in table for name in row))
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in table:
        print("| " + " | ".join(str(row.get(name, "")) for name in names) + " |")


if __name__ == "__main__":
    sys.exit(main())
