"""When a run of training is looked at."""

from collections.abc import Iterator

from sgtheory._checks import whole

MOMENTS = 16
"""Moments of a run, evenly spaced in the square root of the number of steps: most happens at first."""


def schedule(steps: int, moments: int = MOMENTS) -> list[int]:
    """The numbers of steps after which a moment is shown; the first is 0, the last all of them.

    They are multiples of ten, so that one compiled program of ten steps does for all.

    >>> print(schedule(200, 4))
    [0, 20, 90, 200]
    """
    whole("steps", steps)
    due = [0]
    for k in range(1, moments):
        wanted = steps if k == moments - 1 else 10 * round(steps * (k / (moments - 1)) ** 2 / 10)
        due.append(min(max(wanted, due[-1] + 10), steps))
    return sorted(set(due))


def stretches(done: int, steps: int, every: int) -> Iterator[tuple[int, bool]]:
    """Where to stop on the way to so many `steps`, `every` so many and at each moment; and whether a moment is due there.

    >>> print(*stretches(10, 35, 20))
    (20, True) (30, True) (35, True)
    """
    due = schedule(steps)
    while done < steps:
        done = min([done + every, *(each for each in due if each > done)])
        yield done, done in due
