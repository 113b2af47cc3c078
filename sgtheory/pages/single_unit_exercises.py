"""The exercises of page 01: what computes their answers, and their hints."""

from typing import Any

from sgtheory.pages.exercises import Exercise, near
from sgtheory.pages.single_unit import SingleUnit


def _unit(surrogate: str = "matched", **numbers: float) -> Any:
    """The operating point of one unit, from the program that has been compiled for the page."""
    start = {control.name: control.value for control in SingleUnit.specification}
    choices = {name: start[name] for name in ("escape", "rule", "trials")}
    choices |= {"surrogate": surrogate, "expression": "", "hidden": None}
    return SingleUnit.computed(start | numbers, choices).operating_point


def _halved_weight() -> float:
    return float(_unit(steepness=4.0, threshold=0.0, weight=0.4, input=2.0).expected_gradient[0])


def _silent() -> float:
    return 1.0 - float(_unit(steepness=2.0, threshold=0.3, weight=0.8, input=1.0).probability[0])


def _super_spike_ratio() -> float:
    point = _unit("SuperSpike", steepness=10.0, threshold=0.0, weight=0.0, input=1.0)
    return float(point.surrogate_gradient[0]) / float(point.expected_gradient[0])


EXERCISES = {
    "01.1": Exercise(
        _halved_weight,
        (
            (lambda v: near(v, 0.5 * _halved_weight()), "The operating point is the same, but one factor of Eq. 5 is not."),
            (lambda v: near(v, 0.25 * _halved_weight()), "The weight itself is not a factor of the derivative with respect to it."),
            (lambda v: v < 0, "The input is positive: more weight can only bring more spikes."),
        ),
        "Write down Eq. 5 for one input: which of its factors does each slider change?",
    ),
    "01.2": Exercise(
        _silent,
        (
            (lambda v: near(v, 1.0 - _silent()), "That is the probability of a spike. The variance vanishes at the "
             "probability of the other outcome."),
            (lambda v: v in (0, 1), "At b = 0 you have the left derivative, at b = 1 the right one: both vary."),
            (lambda v: not 0 <= v <= 1, "It is a probability."),
        ),
        "Ask which value of b makes both outcomes, 0 and 1, give the same estimate.",
    ),
    "01.3": Exercise(
        _super_spike_ratio,
        (
            (lambda v: near(v, 1.0 / _super_spike_ratio()), "Invert the fraction: surrogate divided by true derivative."),
            (lambda v: near(v, 1.0), "They agree only by accident, at one steepness. Read off both heights at threshold."),
        ),
        "The height of SuperSpike at threshold is 1; that of the sigmoid's slope is β/4.",
    ),
}  # fmt: skip
