"""The exercises of page 11: what computes their answers, and their hints."""

import functools

from sgtheory.pages._kit import in_64_bits
from sgtheory.pages.exercises import Exercise

HIDDEN_RATE = 0.16
"""The learning rate of the course that exercise 11.2 tells of; a test compares."""
REACHED = 5.436
"""The weight in the text of exercise 11.1: what the second input ends at."""


@functools.cache
def entry(rate: float) -> int:
    """From which trial on the first spike comes within the trial, with this learning rate."""
    from sgtheory.experiments.two_spike_times import TwoSpikeSetting, learn, path_of

    with in_64_bits():
        return int(path_of(learn(TwoSpikeSetting(rate=rate))).entries[0])


def _fewest_trials() -> float:
    from sgtheory.experiments.two_spike_times import LARGEST_SLOPE, RATE

    return REACHED / (RATE * LARGEST_SLOPE)


EXERCISES = {
    "11.1": Exercise(
        _fewest_trials,
        (
            (lambda v: v < 200, "A trial changes the weight by at most 0.002: the learning rate times the largest slope."),
            (lambda v: v < _fewest_trials(), "Too few. How large is the largest change of a weight in one trial?"),
        ),
        "Too many: so many it would take with smaller steps. Take the largest possible one in every trial.",
    ),
    "11.2": Exercise(
        lambda: HIDDEN_RATE,
        (
            (lambda v: v <= 0, "With such a rate nothing is learnt."),
            (lambda v: v < HIDDEN_RATE, "With such a rate the spike comes in later."),
        ),
        "With such a rate the spike comes in earlier. Move it until the trial agrees.",
    ),
}  # fmt: skip
