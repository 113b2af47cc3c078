"""The comparison with other libraries: it loads and runs without any of them, and says which are missing."""

import dataclasses
import importlib
import sys

import jax
import numpy as np
import pytest

OTHERS = ["brainpy", "brainstate", "flax", "norse", "slax", "snntorch", "spikingjelly", "spyx", "torch"]
EVENT_DRIVEN = ["eventax", "exact_event_adjoint", "exact_snn", "jaxsnn", "torch"]


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


@pytest.fixture(scope="module")
def event_peers():
    """`benchmarks.event_peers` where no other library can be imported, whatever is installed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in EVENT_DRIVEN:
            monkeypatch.setitem(sys.modules, name, None)
        yield importlib.import_module("benchmarks.event_peers")


@pytest.mark.parametrize("number", [0, 1])
def test_one_neuron_is_right_by_other_means_and_missing_libraries_have_rows(event_peers, number):
    task = list(event_peers.tasks())[number]
    own, *others = event_peers.compare(task, rounds=1)
    assert float(own["its error"]) < 1e-11
    assert float(own["error of the gradient"]) < 1e-11
    assert (own["× sgtheory"], float(own["ms"]) > 0) == ("1", True)
    assert others
    assert all(row["ms"].startswith("not installed: ") for row in others)
    assert all(row["cannot do"] for row in [own, *others])
    assert len({tuple(row) for row in [own, *others]}) == 1  # one table


def test_an_error_is_seen(event_peers):
    """The negative control: a reference for other weights is far off."""
    task = next(event_peers.tasks())
    value, gradient = task.reference(task.problem)
    moved = dataclasses.replace(task.problem, weights=task.problem.weights + 0.1)
    other = dataclasses.replace(task, problem=moved, reference=lambda _: (value, gradient))
    own = event_peers.compare(other, rounds=1)[0]
    assert float(own["its error"]) > 1e-3
    assert float(own["error of the gradient"]) > 1e-3


def test_an_event_driven_library_that_fails_has_a_row(event_peers):
    def fails(problem):
        raise RuntimeError("not with this version\nof anything")

    def is_silent(problem):
        return lambda: (np.ones(()), np.zeros(3))

    def works(problem):
        return lambda: (np.ones(()), np.ones(3))

    peers = {name: event_peers.Peer(make, "none such") for name, make in
             {"works": works, "fails": fails, "silent": is_silent}.items()}  # fmt: skip
    peers["slow"] = event_peers.Peer(works, "none such", slow=True)
    works, one, another = event_peers.compare(event_peers.Task("small", None, peers), rounds=1)
    assert one["ms"] == "does not run: RuntimeError: not with this version"
    assert another["ms"] == "does not run: ArithmeticError: no gradient arrives at the weights"
    assert (one["version"], one["× sgtheory"], one["value"]) == ("", "", "")
    assert (works["its error"], works["× sgtheory"]) == ("0.0e+00", "1")
