"""The exercises of page 08: what computes their answers, and their hints."""

import functools

from sgtheory.pages._training import Run, stored_run
from sgtheory.pages.exercises import Exercise

HIDDEN_ARM = "through_the_reset"
"""The network whose numbers stand in the text of exercise 8.2; a test compares."""


@functools.cache
def _run() -> Run:
    run = stored_run("classification")
    assert run is not None
    return run


@functools.cache
def _loss() -> float:
    """The share of new samples that the network without noise loses when it is tested with noise."""
    moments = _run().moments
    return float(moments["no_noise/without"][-1] - moments["no_noise/with"][-1])


EXERCISES = {
    "08.1": Exercise(
        _loss,
        (
            (lambda v: v < 0, "It is tested in the way for which it was not trained. Does that help?"),
            (lambda v: v > 0.5, "That is what is left, not what is lost."),
        ),
        "Press Reset, and subtract one bar of the network without noise from the other.",
    ),
    "08.2": Exercise(
        lambda: 4.0,
        (
            (lambda v: v != int(v) or not 1 <= v <= 6, "Type a whole number from 1 to 6: its place in the table."),
            (lambda v: v == 2, "Near. Its Fano factors are those of another one: look at the last moment."),
        ),
        "Not this one: compare all the numbers of its row, at the last moment.",
    ),
}  # fmt: skip
