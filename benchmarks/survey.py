"""Random networks surveyed per second: on one device, on two devices of the processor, and in two processes.

    python -m benchmarks.survey

The time is that between the first batch and the last: it includes checkpoints, but not compilation. Networks of 5-5-5-1,
the default methods of the command, 1000 draws each, float64.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import jax

from benchmarks.laboratory import free_port

NETWORKS, BATCH = 160, 20


def _survey(output: str, devices: str, processes: str, process: str, port: str) -> None:
    """The program of each process; the first process prints the networks per second."""
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", int(devices))
    if int(processes) > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", int(processes), int(process))
    from sgtheory.survey import SurveyPlan, run_survey  # only after JAX knows of other processes

    plan = SurveyPlan(((5, 5, 5, 1),), (2.0,), (4.0,), networks=NETWORKS, batch=BATCH)
    done: list[tuple[int, float]] = []
    run_survey(plan, pathlib.Path(output), progress=lambda networks: done.append((networks, time.perf_counter())))
    if process == "0":
        (first, began), (last, ended) = done[1], done[-1]
        print(json.dumps((last - first) / (ended - began)))


def _rate(devices: int, processes: int) -> float:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.survey", f"{folder}/a.nc", *map(str, (devices, processes, each, port))],
                stdout=subprocess.PIPE, text=True,
            )
            for each in range(processes)
        ]  # fmt: skip
        printed = [process.communicate()[0] for process in started]
        if any(process.returncode for process in started):
            raise RuntimeError("Every process of the survey must succeed; one failed, and its message is above.")
    return json.loads(printed[0].splitlines()[-1])


def measure() -> list[dict[str, Any]]:
    """One row for each way to run the survey."""
    ways = (
        ("one process, one device", 1, 1),
        ("one process, two devices", 2, 1),
        ("two processes, one device each", 1, 2),
    )
    rates = [(name, _rate(devices, processes)) for name, devices, processes in ways]
    return [
        {"way": name, "networks per second": f"{rate:.3g}", "ratio to the first": f"{rate / rates[0][1]:.3g}"}
        for name, rate in rates
    ]


if __name__ == "__main__":
    if sys.argv[1:]:
        _survey(*sys.argv[1:])
    else:
        for row in measure():
            print(row)
