"""What a training step of the same LIF network costs in sgtheory and in its peers.

    make bench-peers
    make bench-peers PEERS_OPTIONS=--slow   also what takes minutes to compile

Two layers of 200 units on 200 inputs, 198 steps, batch 1 and 10; one layer of 4096 on 4096 inputs, 100 steps, against a loop
in plain PyTorch. Forward and backward, float32, compiled where the library compiles. All in one run, in rounds: `ms` is the
median, `× sgtheory` the median of the ratios within a round. `spikes` and `gradient` show that the step has done something:
the share of steps in which a unit of the last layer fired, and the largest entry of any weight's gradient. The steps
themselves are in `benchmarks/peer_steps.py`. A library that is missing or fails has a row that says so.
"""

import dataclasses
import functools
import importlib.metadata
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import sgtheory
from benchmarks import peer_steps
from benchmarks.peer_steps import Problem, Step
from benchmarks.tables import table

ROUNDS = 11
WARM_S, LEAST_S = 0.1, 0.05  # so long at least each library runs in a round, first untimed and then timed


@dataclasses.dataclass(frozen=True)
class Peer:
    """A library: the function that makes its step, the package that its version belongs to, and what its neuron carries."""

    make: Any
    package: str
    state: str = "current, potential"


PEERS = {
    "sgtheory": Peer(peer_steps.in_sgtheory, "sgtheory"),
    "slax": Peer(peer_steps.in_slax, "slax", "potential"),
    "spyx": Peer(peer_steps.in_spyx, "spyx"),
    "brainpy.state": Peer(peer_steps.in_brainpy, "brainpy"),
    "JAX, a scan by hand": Peer(peer_steps.in_plain_jax, "jax"),
    "SpikingJelly": Peer(peer_steps.in_spikingjelly, "spikingjelly", "potential"),
    "Norse": Peer(peer_steps.in_norse, "norse"),
    "snnTorch": Peer(peer_steps.in_snntorch, "snntorch"),
    "PyTorch, a loop by hand": Peer(peer_steps.in_plain_torch, "torch"),
}
SLOW = {"slax, all steps unrolled": Peer(functools.partial(peer_steps.in_slax, unroll=None), "slax", "potential")}


def measure(peers: dict[str, Peer]) -> Iterator[list[dict[str, Any]]]:
    """One table per network and batch, with a row per library."""
    for batch in (1, 10):
        yield compare("200-200-200", Problem.draw(200, 2, 198, batch), peers)
    few = {name: PEERS[name] for name in ("sgtheory", "JAX, a scan by hand", "PyTorch, a loop by hand")}
    yield compare("4096, one layer", Problem.draw(4096, 1, 100, 1), few)


def compare(network: str, problem: Problem, peers: dict[str, Peer], rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """One row per library."""
    steps: dict[str, Step] = {}
    found: dict[str, dict[str, str]] = {}
    for name, peer in peers.items():
        try:
            steps[name], found[name] = _first_run(peer.make(problem))
        except ImportError as error:
            found[name] = {"ms": f"not installed: {error}"}
        except Exception as error:  # one library that fails must not hide the others
            found[name] = {"ms": f"does not run: {type(error).__name__}: {str(error).partition(chr(10))[0]}"}
    taken = in_rounds(steps, rounds)
    for name, times in taken.items():
        found[name]["ms"] = f"{1e3 * statistics.median(times):.3g}"
        if "sgtheory" in taken:
            ratios = [each / own for each, own in zip(times, taken["sgtheory"], strict=True)]
            found[name]["× sgtheory"] = f"{statistics.median(ratios):.3g}"
    keys = ("ms", "× sgtheory", "spikes", "gradient")
    return [
        {
            "network": network,
            "batch": problem.batch,
            "library": name,
            "version": version_of(peer.package),
            "state": peer.state,
        }
        | {key: found[name].get(key, "") for key in keys}
        for name, peer in peers.items()
    ]


def _first_run(step: Step) -> tuple[Step, dict[str, str]]:
    """Compiles where there is something to compile, and looks at what the step gives."""
    spikes, gradients = jax.block_until_ready(step())
    largest = max(float(np.abs(np.asarray(leaf)).max()) for leaf in jax.tree.leaves(gradients))
    if not largest > 0:
        raise ArithmeticError("no gradient arrives at the weights")
    return step, {"spikes": f"{float(np.asarray(spikes).mean()):.1%}", "gradient": f"{largest:.2g}"}


def in_rounds(steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds per step, one number a round. A program of several threads is at full speed only after some 50 ms: after one
    of a single thread, the system has yet to give it the other cores."""
    once = {name: _seconds(step, 3) for name, step in steps.items()}
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            _seconds(step, math.ceil(WARM_S / once[name]))
            taken[name].append(_seconds(step, math.ceil(LEAST_S / once[name])))
    return taken


def _seconds(step: Step, repeats: int) -> float:
    began = time.perf_counter()
    jax.block_until_ready([step() for _ in range(repeats)])
    return (time.perf_counter() - began) / repeats


def version_of(package: str) -> str:
    """The version of an installed package, sgtheory among them, and nothing where it is missing."""
    if package == "sgtheory":
        return sgtheory.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, JAX {jax.__version__}\n")
    for rows in measure(PEERS | SLOW if "--slow" in sys.argv else PEERS):
        print(table(rows) + "\n", flush=True)
