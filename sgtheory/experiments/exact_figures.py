"""Figures of Klos & Memmesheimer (2025) as numbers: 1, S3, S4 and S5, each with a LIF neuron beside the QIF neuron but S3; and 2.

Each is computed from `exact_qif`, as page 09 shows it, and Fig. 2 from `two_spike_times`, as page 11 does. What is followed are
curves, each in pieces that do not jump.
"""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory.experiments import exact_qif as exact, two_spike_times as learning
from sgtheory.experiments._figure_rows import Row, points

_NEURONS = {"qif": "QIF", "lif": "LIF"}


def _pieces(panel: str, quantity: str, curves: exact.Curves) -> Iterator[Row]:
    """The points of all spikes that are in the trial, with the number of the piece to which each belongs."""
    x, values, begin = (
        np.asarray(each) for each in (curves.x, curves.times if quantity == "time" else curves.slopes, curves.begin)
    )
    there = np.asarray(curves.times) > exact.AWAY
    for spike in range(exact.SPIKES):
        for piece, (low, high) in enumerate(zip(begin[:-1, spike], begin[1:, spike], strict=True)):
            inside = low + np.flatnonzero(there[low:high, spike])
            yield from points(panel, f"spike {spike + 1}", x[inside], values[inside, spike], piece)


def _picture(weight: float, time: float, scene: exact.Scene, against_time: bool) -> exact.ExactQIFPicture:
    setting = exact.ExactQIFSetting(weight, time)
    return exact.exact_qif(setting, scene, jnp.asarray(against_time), jnp.zeros((), bool))


def _both(picture: exact.ExactQIFPicture, against: str) -> list[Row]:
    return [
        row
        for name, label in _NEURONS.items()
        for quantity in ("time", "slope")
        for row in _pieces(f"{label}, {quantity} against {against}", quantity, getattr(picture, name).curves)
    ]


def _told(neuron: exact.Neuron) -> Row:
    fires = float(neuron.first) < float(neuron.duration)
    return {
        "first spike": f"{float(neuron.first):.6f}" if fires else "none",
        "its slope": f"{float(neuron.slope):.6f}" if fires else "none",
        "largest jump": f"{float(neuron.curves.jump):.4f}",
    }


def figure_1() -> tuple[list[Row], list[Row]]:
    """One input, and its weight; an inhibitory input beside excitation, and its time: curves, and a table of examples.

    **Source:** Klos & Memmesheimer (2025), Fig. 1.

    >>> curves, table = figure_1()
    >>> print(table[1]["neuron"], table[1]["weight / w_min"], table[1]["first spike"][:5])
    QIF 1.15 3.195
    """
    with jax.enable_x64(True):
        rows = _both(_picture(1.15, 0.5, exact.alone(), False), "weight")
        rows += _both(_picture(-1.0, 1.0, exact.beside_excitation(), True), "time of inhibition")
        table: list[Row] = []
        for name, ratios in (("qif", (0.95, 1.15, 1.5)), ("lif", (0.95, 1.15, 1.4))):
            for ratio in ratios:
                neuron = getattr(_picture(ratio, 0.5, exact.alone(), False), name)
                table.append({"neuron": _NEURONS[name], "weight / w_min": ratio, **_told(neuron)})
        return rows, table


def figure_2() -> tuple[list[Row], list[Row]]:
    """One neuron learns when to spike twice: spike times and loss over the trials, both times in a plane; and a table of the end.

    **Source:** Klos & Memmesheimer (2025), Fig. 2.

    >>> for row in figure_2()[1]:
    ...     print(row["spike"], row["at the start"], row["in the trial from trial"], row["at the end"])
    1 10.692125 316 2.500000000
    2 11.893966 1768 7.500000000
    """
    with jax.enable_x64(True):
        learnt = learning.learn(learning.TwoSpikeSetting())
        path = learning.path_of(learnt)
    spikes, trials = np.asarray(learnt.spikes), np.arange(learning.TRIALS)
    rows = [row for k in (0, 1) for row in points("QIF, time against trial", f"spike {k + 1}", trials, spikes[:, k])]
    rows += points("QIF, time of spike 2 against spike 1", "path", spikes[:, 0], spikes[:, 1])
    rows += points("QIF, logarithm of the loss against trial", "loss", trials, np.log10(np.asarray(learnt.loss)))
    table: list[Row] = [
        {
            "spike": k + 1, "target": learning.TARGETS[k], "at the start": f"{spikes[0, k]:.6f}",
            "in the trial from trial": int(path.entries[k]), "at the end": f"{spikes[-1, k]:.9f}",
            "largest step": f"{float(path.largest_step):.3f}", "loss": f"{float(learnt.loss[-1]):.1e}",
            "weight of an input": f"{float(learnt.weights[-1, k]):.3f}", "its time": f"{float(learnt.times[-1, k]):.3f}",
        }
        for k in (0, 1)
    ]  # fmt: skip
    return rows, table


def figure_s3() -> tuple[list[Row], list[Row]]:
    """One input at 0 of a neuron that starts at π: times of three spikes over its weight, and where each enters the trial.

    **Source:** Klos & Memmesheimer (2025), Fig. S3.

    >>> print([row["enters at weight"] for row in figure_s3()[1]])
    ['-9.7944', '16.4285', '55.5848']
    """
    with jax.enable_x64(True):
        found = exact.several_curves()
        rows: list[Row] = []
        table: list[Row] = []
        for k in (1, 2, 3):
            rows += points("QIF, time against weight", f"spike {k}", found[f"weights_{k}"], found[f"times_{k}"])
            table.append({"spike": k, "enters at weight": f"{float(found[f'enters_{k}']):.4f}"})
        return rows, table


def _among(against_time: bool) -> tuple[list[Row], list[Row]]:
    with jax.enable_x64(True):
        rows: list[Row] = []
        table: list[Row] = []
        for weight in (1.0, -1.0) if against_time else (1.0,):
            picture = _picture(weight, 1.0, exact.among_others(), against_time)
            rows += _both(picture, f"time, weight {weight:g}" if against_time else "weight")
            table += [
                {"neuron": label, "weight / w_min": weight, **_told(getattr(picture, name))}
                for name, label in _NEURONS.items()
            ]
        return rows, table


def figure_s4() -> tuple[list[Row], list[Row]]:
    """One input among four others, and its time, for an excitatory and for an inhibitory one. The inputs are ours.

    **Source:** Klos & Memmesheimer (2025), Fig. S4.

    >>> print([row["largest jump"] for row in figure_s4()[1]][::2])
    ['0.0000', '0.0000']
    """
    return _among(True)


def figure_s5() -> tuple[list[Row], list[Row]]:
    """One input among four others, and its weight. The inputs are ours.

    **Source:** Klos & Memmesheimer (2025), Fig. S5.

    >>> print(figure_s5()[1][0]["largest jump"])
    0.0000
    """
    return _among(False)
