"""The comparison with other libraries: it loads and runs without any of them, and says which are missing."""

import importlib
import sys

import jax
import pytest

OTHERS = ["brainpy", "brainstate", "flax", "norse", "slax", "snntorch", "spikingjelly", "spyx", "torch"]


@pytest.fixture
def peers(monkeypatch):
    """`benchmarks.peers` where no other library can be imported, whatever is installed."""
    for name in OTHERS:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("benchmarks.peers", "benchmarks.peer_steps"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with jax.enable_x64(False):
        yield importlib.import_module("benchmarks.peers")


def test_a_missing_library_has_a_row(peers):
    rows = peers.compare("small", peers.Problem.draw(20, 2, 30, 3), peers.PEERS, rounds=1)
    by_name = {row["library"]: row for row in rows}
    own, by_hand = by_name.pop("sgtheory"), by_name.pop("JAX, a scan by hand")
    assert float(own["ms"]) > 0
    assert own["× sgtheory"] == "1"
    assert (own["spikes"], own["gradient"]) == (by_hand["spikes"], by_hand["gradient"]) != ("", "")  # the same network
    assert len(by_name) == len(peers.PEERS) - 2
    assert all(row["ms"].startswith("not installed: ") for row in by_name.values())
    assert len({tuple(row) for row in rows}) == 1  # one table


def test_a_library_that_fails_has_a_row(peers):
    def fails(problem):
        raise RuntimeError("not with this version\nof anything")

    def is_silent(problem):
        return lambda: (problem.spikes, [0 * each for each in problem.weights])

    broken = {"one": peers.Peer(fails, "none such"), "another": peers.Peer(is_silent, "none such")}
    one, another = peers.compare("small", peers.Problem.draw(2, 1, 3, 1), broken, rounds=1)
    assert one["ms"] == "does not run: RuntimeError: not with this version"
    assert another["ms"] == "does not run: ArithmeticError: no gradient arrives at the weights"
    assert (one["version"], one["× sgtheory"]) == ("", "")
