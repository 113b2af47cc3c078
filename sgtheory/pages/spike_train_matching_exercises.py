"""The exercises of page 07: what computes their answers, and their hints."""

import functools

import numpy as np

from sgtheory.pages._training import stored_run
from sgtheory.pages.exercises import Exercise

HIDDEN_MOMENT = 9
"""The moment whose numbers stand in the text of exercise 7.2; a test compares."""


@functools.cache
def _steps() -> np.ndarray:
    run = stored_run("spike_train_matching")
    assert run is not None
    return run.moments["step"]


@functools.cache
def _ratio() -> float:
    """How many times nearer the noiseless network is than silence, at the end of the shipped run."""
    run = stored_run("spike_train_matching")
    assert run is not None
    return float(run.whole["distance_silent"] / run.moments["distance_deterministic"][-1])


EXERCISES = {
    "07.1": Exercise(
        _ratio,
        (
            (lambda v: v < 1, "Silence is farther from the target, not nearer."),
            (lambda v: v < 90, "Too few. The network with noise has 66; the question is about the other one."),
        ),
        "Press Reset, then divide silence's distance of van Rossum by that of the network without noise.",
    ),
    "07.2": Exercise(
        lambda: float(_steps()[HIDDEN_MOMENT]),
        (
            (lambda v: v > 1000, "The run that comes with the page has 1000 steps."),
            (lambda v: v < _steps()[HIDDEN_MOMENT], "There the distance is still larger."),
        ),
        "There the distance is smaller already. Go back until both numbers agree.",
    ),
}  # fmt: skip
