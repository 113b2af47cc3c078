"""`python -m sgtheory.pages.store` writes what each page shows before it can compute; `… train` trains the shipped runs anew.

What is written is the first picture as numbers (shipped with the package, shown before JAX is loaded), and a still picture
(beside the notebooks, shown where nothing runs). Run it when an experiment, a start state or a text has changed; a test
compares.
"""

import pathlib
import sys

import numpy as np

from sgtheory.pages._kit.opening import PICTURES, stored_arrays
from sgtheory.pages._registry import ALL_PAGES, STORED_PAGES
from sgtheory.pages._training import RUNS, TrainingPage, write_run

STILLS = pathlib.Path(__file__).parent.parent.parent / "notebooks" / "figures"


def main() -> None:
    """Computes and writes one .npz file per page and, where there is something to see, one .png file."""
    PICTURES.mkdir(exist_ok=True)
    STILLS.mkdir(exist_ok=True)
    for name, kind in STORED_PAGES.items():
        path = PICTURES / f"{name}.npz"
        path.unlink(missing_ok=True)
        page = kind()
        np.savez_compressed(path, **stored_arrays(page))
        if name in ALL_PAGES:
            page.still().savefig(STILLS / f"{name}.png", dpi=110)
        print(f"{name}: {path.stat().st_size / 1024:.0f} kB of numbers")


def train(names: list[str]) -> None:
    """Trains the networks that training pages show at first, of all of them or of those that are named."""
    for name, kind in ALL_PAGES.items():
        if issubclass(kind, TrainingPage) and (not names or name in names):
            for path in RUNS.glob(f"{name}*.npz"):
                path.unlink()  # it may hold other numbers than the page now shows
            page = kind()
            for file, run in page.shipped_runs().items():
                print(f"{file}: {page.job.progress.text}, {write_run(file, run).stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(sys.argv[2:])
    else:
        main()
