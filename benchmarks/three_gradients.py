"""What each of three gradients costs on one small network.

    python -m benchmarks.three_gradients

Three inputs, two hidden neurons, one output; in float64. Events and time steps are those of a trial; the microseconds are those
of a loss with its gradient, alone and in a sweep of 97 weights at once.
"""

import statistics
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory.experiments.three_gradients import (
    DURATION,
    METHODS,
    POINTS,
    STEPS,
    ThreeGradientsSetting,
    gradient_of,
    parameters_of,
)
from sgtheory.networks import EventPropNetwork, InputSpikes, RecurrentEventNetwork

ROUNDS, CALLS = 15, 50


def measure() -> list[dict[str, Any]]:
    """One row per method."""
    with jax.enable_x64(True):
        setting = ThreeGradientsSetting()
        sweep = setting.weights[None] + jnp.linspace(-0.3, 0.3, POINTS)[:, None]
        return [_row(method, setting, sweep) for method in METHODS]


def _row(method: str, setting: ThreeGradientsSetting, sweep: jax.Array) -> dict[str, Any]:
    alone = eqx.filter_jit(lambda weights, setting: gradient_of(method, weights, setting))
    together = eqx.filter_jit(jax.vmap(lambda weights, setting: gradient_of(method, weights, setting), (0, None)))
    tasks = {"alone": lambda: alone(setting.weights, setting), "in a sweep": lambda: together(sweep, setting)}
    taken = {name: [] for name in tasks}
    for task in tasks.values():
        jax.block_until_ready(task())
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            began = time.perf_counter()
            for _ in range(CALLS):
                jax.block_until_ready(task())
            taken[name].append((time.perf_counter() - began) / CALLS)
    each = {name: 1e6 * statistics.median(seconds) for name, seconds in taken.items()}
    return {
        "method": method,
        **_length(method, setting),
        "alone, µs": round(each["alone"], 1),
        "in a sweep, µs": round(each["in a sweep"] / POINTS, 1),
    }


def _length(method: str, setting: ThreeGradientsSetting) -> dict[str, int]:
    if method == "surrogate":
        return {"events": 0, "steps": STEPS}
    kind = "QIF" if method == "exact" else "LIF"
    network = (RecurrentEventNetwork if kind == "QIF" else EventPropNetwork)(duration=DURATION, events=64)
    inputs = InputSpikes(setting.times, jnp.arange(setting.times.size))
    return {"events": int(network.run(parameters_of(setting.weights, kind), inputs, ()).output.count), "steps": 0}


if __name__ == "__main__":
    for row in measure():
        print(row)
