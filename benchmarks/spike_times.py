"""What exact gradients teach: a recurrent network its spike times, over several seeds.

    python -m benchmarks.spike_times [seeds]

One row for each seed of inputs and targets; a seed takes a quarter of a minute.
"""

import sys
import time
from typing import Any

import jax
import numpy as np

from sgtheory.experiments.recurrent_spike_times import draw_task, learn


def measure(seeds: int = 5) -> list[dict[str, Any]]:
    """The loss at the start, after 100, 1000 and all trials, the most events of a trial, and the seconds it took."""
    rows = []
    with jax.enable_x64(True):
        for seed in range(seeds):
            began = time.perf_counter()
            course = learn(draw_task(jax.random.key(seed)))
            loss = np.asarray(course.loss)
            found = {f"loss, trial {trial}": f"{loss[trial - 1]:.2g}" for trial in (1, 100, 1000, len(loss))}
            seconds = round(time.perf_counter() - began, 1)
            rows.append({"seed": seed, **found, "most events": int(course.count.max()), "seconds": seconds})
    return rows


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:])):
        print(row)
