"""Self-checks for the exercises on the pages: they give hints, not answers.

>>> from sgtheory.pages.exercises import check
>>> check("01.2", 0.73)
Not yet. That is the probability of a spike. The variance vanishes at the probability of the other outcome.
"""

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sgtheory._course import COURSE, Lesson
from sgtheory.pages._kit.controls import brief

TOLERANCE = 0.02
"""Relative tolerance: two per cent, about what can be read off a page."""


@dataclass(frozen=True)
class Exercise:
    """`answer` computes the right number; `hints` are tried in turn, each a test of the reader's number and a text."""

    answer: Callable[[], float]
    hints: tuple[tuple[Callable[[float], bool], str], ...]
    last_hint: str


def check(name: str, value: Any) -> None:
    """Prints whether `value` is the answer to exercise `name`, and a hint if it is not; for `...`, what to do.

    **Raises** `ValueError` for an exercise that does not exist, `TypeError` for an answer that is not a finite number.
    """
    exercise = _found(name) if isinstance(name, str) else None
    if exercise is None:
        known = ", ".join(each for lesson in COURSE for each in exercises_of(lesson))
        raise ValueError(f"`name` must be one of {known}, got {brief(name)}. See the page.")
    if value is ...:
        print("Type your prediction in place of the dots, then run this cell.")
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared, because `math.isfinite` fails for a whole number of 400 digits; NaN does not pass either.
    if not number or not abs(value) <= sys.float_info.max:
        raise TypeError(f"`value` must be a finite number, got {brief(value)}. Give your prediction, such as 0.25.")
    value = float(value)
    if near(value, exercise.answer()):
        print("Yes.")
        return
    hint = next((text for applies, text in exercise.hints if applies(value)), exercise.last_hint)
    print(f"Not yet. {hint}")


def near(value: float, target: float) -> bool:
    """Whether two numbers agree within the tolerance."""
    return abs(value - target) <= TOLERANCE * max(abs(target), 1e-3)


def exercises_of(lesson: Lesson) -> dict[str, Exercise]:
    """The exercises of a notebook by name, from the file beside its first page, imported when one is first asked for."""
    return importlib.import_module(f"sgtheory.pages.{lesson.pages[0]}_exercises").EXERCISES


def _found(name: str) -> Exercise | None:
    """The exercise of this name: 02.1 belongs to the notebook whose number is 02."""
    number = name.partition(".")[0]
    return next((exercises_of(lesson).get(name) for lesson in COURSE if lesson.number == number), None)
