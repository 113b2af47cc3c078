"""`python -m benchmarks` measures everything and prints tables, with a description of the machine."""

import os
import platform

from benchmarks import drag, first_picture, networks, objectives, pages, round_trip, survey
from benchmarks.tables import table


def main() -> None:
    """Runs all benchmarks, one after another; this takes about a quarter of an hour."""
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}\n")
    for title, measure in (
        ("Kernel round trip", round_trip.measure),
        ("A drag in JupyterLab", drag.measure),
        ("Every slider of the other pages", pages.measure),
        ("Imports, first picture, compilations", first_picture.measure),
        ("Networks of several layers", networks.measure),
        ("A training step over a batch", objectives.measure),
        ("A survey of random networks", survey.measure),
    ):
        print(f"{title}\n{table(measure())}\n", flush=True)


if __name__ == "__main__":
    main()
