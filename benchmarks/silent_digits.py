"""Does a network learn in which at first nothing spikes? With pseudospikes and without, over several seeds.

    python -m benchmarks.silent_digits [--seeds 5] [--steps 1200] [--idx FOLDER]

64-100-100-10 theta neurons on the digits of scikit-learn, a latency code, 449 of them held out; with `--idx` on the four files of
MNIST or Fashion-MNIST in a folder, one volley. Without pseudospikes a hundred steps are enough to see that no weight moves.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

from sgtheory.data import idx_digits, latency_digits
from sgtheory.experiments.silent_digits import SilentSetting, train_silent

CONTROL_STEPS = 100


def measure(seeds: int, steps: int, folder: str | None = None) -> list[dict[str, Any]]:
    """One row a run."""
    rows = []
    for pseudospikes in (True, False):
        for seed in range(seeds):
            digits = latency_digits(jax.random.key(seed)) if folder is None else idx_digits(folder)
            began = time.perf_counter()
            setting = SilentSetting(pseudospikes=pseudospikes, seed=seed)
            moments = list(train_silent(setting, digits, steps if pseudospikes else min(steps, CONTROL_STEPS)))
            first, last = moments[0], moments[-1]
            moved = max(
                float(np.max(np.abs(after.weights - before.weights)))
                for before, after in zip(first.state.parameters, last.state.parameters, strict=True)
            )
            row = {
                "pseudospikes": "yes" if pseudospikes else "no",
                "seed": seed,
                "steps": last.steps,
                "spikes at the start": int(sum(firing.sum() for firing in first.firing)),
                "accuracy, %": round(100 * float(last.accuracy), 2),
                "of known samples, %": round(100 * float(last.known), 2),
                "answers that are spikes, %": round(100 * float(last.spoken), 1),
                "silent hidden units, %": " ".join(f"{100 * part:.0f}" for part in last.silent),
                "largest change of a weight": round(moved, 4),
                "s": round(time.perf_counter() - began, 1),
            }
            print(row, flush=True)
            rows.append(row)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--idx", metavar="FOLDER")
    options = parser.parse_args()
    rows = measure(options.seeds, options.steps, options.idx)
    for kind in ("yes", "no"):
        found = [row["accuracy, %"] for row in rows if row["pseudospikes"] == kind]
        print(f"pseudospikes {kind}: {np.mean(found):.2f} ± {np.std(found, ddof=1):.2f} % over {len(found)} seeds")
