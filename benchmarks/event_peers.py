"""What a gradient of exact spike times costs in sgtheory and in packages with the same aim, and how exact it is.

    make bench-peers                                 after the clocked networks of `benchmarks.peers`
    make bench-peers PEERS_OPTIONS=--slow            also what takes seconds a gradient
    python -m benchmarks.event_peers                 alone, where what `benchmarks/peers.txt` lists is installed

One neuron, QIF or LIF, with four input spikes: its first spike time and the derivative with respect to all weights; the errors
are those against an integration and a bracketed root by SciPy. Yin-Yang, 5-100-3 and a batch of 64: the loss and its gradient;
there the errors are those against the first row, which is sgtheory's. An error of a gradient is its largest, as a share of its
largest entry. All in float64, compiled where the library compiles; the unit of time is the membrane's time constant, and the
synaptic one is half of it. All of a table in one run, in rounds: `ms` is the median, `× sgtheory` the median of the ratios to
the first row within a round. The steps themselves are in `benchmarks/event_peer_steps.py`. A library that is missing or fails
has a row that says so.
"""

import dataclasses
import functools
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from benchmarks import event_peer_steps as steps
from benchmarks.event_peer_steps import Step, YinYang
from benchmarks.peers import in_rounds, version_of
from benchmarks.tables import table

ROUNDS, SLOW_ROUNDS = 7, 3


@dataclasses.dataclass(frozen=True)
class Peer:
    """The function that makes a step, and the package that its version belongs to; `slow` ones are left out unless asked for."""

    make: Callable[[Any], Step]
    package: str
    slow: bool = False


@dataclasses.dataclass(frozen=True)
class Task:
    """What is asked of each; the first of the `peers` is what the others are compared with. `reference`: value and gradient."""

    name: str
    problem: Any
    peers: dict[str, Peer]
    reference: Callable[[Any], tuple[float, np.ndarray]] | None = None


CANNOT = {
    "sgtheory": "other ratios than τ = 2 τ_s (a first LIF spike: or τ = τ_s)",
    "jaxsnn": "QIF; other ratios than τ = τ_s and τ = 2 τ_s; tell when events did not fit into the room given",
    "eventax": "a formula: as exact as its steps",
    "exact-event-adjoint": "QIF; τ = τ_s; recurrent events; see a crossing that is over between the instants it looks at",
    "exact-snn-nn": "QIF; recurrent events",
}
"""What is out of reach of each, by its documentation and source."""


def tasks() -> Iterator[Task]:
    """From one neuron to a layered network."""
    make = functools.partial
    yield Task(
        "QIF neuron, first spike",
        steps.OneNeuron.of_qif(),
        {
            "sgtheory, RecurrentEventNetwork": Peer(steps.qif_in_sgtheory, "sgtheory"),
            "eventax, its own steps": Peer(make(steps.neuron_in_eventax, neuron="QIF"), "eventax"),
            "eventax, tolerance 1e-10": Peer(make(steps.neuron_in_eventax, neuron="QIF", tolerance=1e-10), "eventax"),
        },
        steps.integrated_qif,
    )
    yield Task(
        "LIF neuron, first spike",
        steps.OneNeuron.of_lif(),
        {
            "sgtheory, first_spike_time": Peer(steps.lif_in_sgtheory, "sgtheory"),
            "jaxsnn, EventProp": Peer(make(steps.lif_in_jaxsnn, method="eventprop"), "jaxsnn"),
            "jaxsnn, analytical": Peer(make(steps.lif_in_jaxsnn, method="analytical"), "jaxsnn"),
            "eventax, its own steps": Peer(make(steps.neuron_in_eventax, neuron="LIF"), "eventax"),
            "eventax, tolerance 1e-10": Peer(make(steps.neuron_in_eventax, neuron="LIF", tolerance=1e-10), "eventax"),
            **_in_torch(steps.neuron_in_torch),
        },
        steps.bracketed_lif,
    )
    once = make(steps.network_in_jaxsnn, reset=steps.NO_SECOND_SPIKE, rooms=(105, 103))
    yield Task(
        "Yin-Yang, LIF, one spike a unit",
        YinYang.draw(),
        {
            "sgtheory, first_spike_time layer by layer": Peer(steps.single_spikes_in_sgtheory, "sgtheory"),
            "jaxsnn, EventProp": Peer(make(once, method="eventprop"), "jaxsnn"),
            "jaxsnn, analytical": Peer(make(once, method="analytical"), "jaxsnn"),
            "eventax, its own steps": Peer(make(steps.network_in_eventax, neuron="LIF", events=110), "eventax"),
            "eventax, tolerance 1e-6": Peer(
                make(steps.network_in_eventax, neuron="LIF", events=110, tolerance=1e-6), "eventax", slow=True
            ),
            **_in_torch(steps.network_in_torch),
        },
    )
    again = make(steps.network_in_jaxsnn, method="eventprop", reset=0.0, rooms=(880, 880))
    yield Task(
        "Yin-Yang, LIF, reset to 0",
        YinYang.draw(),
        {
            "sgtheory, EventPropNetwork, all samples at once": Peer(steps.event_prop_in_sgtheory, "sgtheory"),
            "sgtheory, EventPropNetwork, sample by sample": Peer(
                make(steps.event_prop_in_sgtheory, together=False), "sgtheory"
            ),
            "jaxsnn, EventProp": Peer(again, "jaxsnn"),
        },
    )
    yield Task(
        "Yin-Yang, QIF (another neuron than LIF)",
        YinYang.draw(gains=(2.0, 3.0)),
        {
            "sgtheory, LayeredEventNetwork": Peer(steps.qif_layers_in_sgtheory, "sgtheory"),
            "eventax, its own steps": Peer(make(steps.network_in_eventax, neuron="QIF", events=208), "eventax"),
        },
    )


def _in_torch(make: Callable[..., Step]) -> dict[str, Peer]:
    return {
        "exact-event-adjoint": Peer(functools.partial(make, kind="exact-event-adjoint"), "exact-event-adjoint"),
        "exact-snn-nn, on a grid": Peer(functools.partial(make, kind="grid"), "exact-snn-nn"),
        "exact-snn-nn, from event to event": Peer(functools.partial(make, kind="events"), "exact-snn-nn"),
    }


def compare(task: Task, rounds: int = ROUNDS, slow: bool = False) -> list[dict[str, Any]]:
    """One row per library."""
    peers = {name: peer for name, peer in task.peers.items() if slow or not peer.slow}
    with jax.enable_x64(True):
        reference = None if task.reference is None else task.reference(task.problem)
        works: dict[str, Step] = {}
        found: dict[str, dict[str, str]] = {}
        for number, (name, peer) in enumerate(peers.items()):
            try:
                step = peer.make(task.problem)
                value, gradient = (np.asarray(each) for each in jax.block_until_ready(step()))
                if number == 0 and reference is None:
                    reference = float(value), gradient
                found[name] = _looked_at(value, gradient, reference)
                works[name] = step
            except ImportError as error:
                found[name] = {"ms": f"not installed: {error}"}
            except Exception as error:  # one library that fails must not hide the others
                found[name] = {"ms": f"does not run: {type(error).__name__}: {str(error).partition(chr(10))[0]}"}
        taken = in_rounds(works, rounds)
    first = next(iter(peers))
    for name, times in taken.items():
        found[name]["ms"] = f"{1e3 * statistics.median(times):.3g}"
        if first in taken:
            ratios = [each / own for each, own in zip(times, taken[first], strict=True)]
            found[name]["× sgtheory"] = f"{statistics.median(ratios):.3g}"
    keys = ("value", "its error", "error of the gradient", "ms", "× sgtheory")
    return [
        {"task": task.name, "library": name, "version": version_of(peer.package)}
        | {key: found[name].get(key, "") for key in keys}
        | {"cannot do": CANNOT.get(peer.package, "")}
        for name, peer in peers.items()
    ]


def _looked_at(value: np.ndarray, gradient: np.ndarray, reference: tuple[float, np.ndarray] | None) -> dict[str, str]:
    """What the step gives, and how far it is from the reference."""
    if not (np.all(np.isfinite(gradient)) and np.abs(gradient).max() > 0):
        raise ArithmeticError("no gradient arrives at the weights")
    seen = {"value": f"{float(value):.6f}"}
    if reference is None:
        return seen
    right, slope = reference
    off = np.abs(gradient - slope).max() / np.abs(slope).max()
    return seen | {"its error": f"{abs(float(value) - right):.1e}", "error of the gradient": f"{off:.1e}"}


if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, JAX {jax.__version__}\n")
    slow = "--slow" in sys.argv
    for each in tasks():
        print(table(compare(each, SLOW_ROUNDS if slow else ROUNDS, slow)) + "\n", flush=True)
