"""What an event of an exact QIF network costs, forward and with its gradient.

    python -m benchmarks.events

Ten neurons with about 220 events, and a thousand, each in float64; the gradient is that with respect to all weights, initial
values and input times. `maths`: the flow and the next spike of as many neurons in one program, which no event can do without.
"""

import statistics
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import sgtheory as sg
from sgtheory.neurons import EventState, normalised

ROUNDS = 15
DURATION = 10.0


def problem(
    units: int, rate: float, seed: int = 0
) -> tuple[sg.RecurrentEventNetwork, sg.EventParameters, sg.InputSpikes]:
    """Neurons with an excitatory and an inhibitory Poisson input each, weights 5 and −5, and random recurrent weights."""
    draw = np.random.default_rng(seed)
    counts = draw.poisson(rate * DURATION, 2 * units)
    times = np.sort(draw.uniform(0, DURATION, counts.sum()))
    inputs = sg.InputSpikes(times, draw.permutation(np.repeat(np.arange(2 * units), counts)))
    among = draw.normal(0, 1 / np.sqrt(units), (units, units))
    np.fill_diagonal(among, 0.0)
    own = 5.0 * np.eye(units)
    parameters = sg.EventParameters(np.concatenate([own, -own], axis=1), among)
    network = sg.RecurrentEventNetwork(duration=DURATION, events=2 * times.size, throw=False)
    return network, parameters, inputs


def measure() -> list[dict[str, Any]]:
    """One row per size: events, and microseconds an event forward, with the gradient, and of the maths alone."""
    with jax.enable_x64(True):
        return [_row(units, rate) for units, rate in ((10, 1.0), (1000, 0.1))]


def _row(units: int, rate: float) -> dict[str, Any]:
    network, parameters, inputs = problem(units, rate)

    def loss(parameters, times):
        log = network.run(parameters, eqx.tree_at(lambda each: each.times, inputs, times), ()).output
        spikes = log.units >= 0
        return jnp.sum(jnp.where(spikes, jnp.where(spikes, log.times, 0.0), 0.0)) + jnp.sum(log.end.phase)

    forward, gradient = jax.jit(loss), jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    count = int(eqx.filter_jit(network.run)(parameters, inputs, ()).output.count)
    assert count <= network.events
    state = jnp.linspace(0.1, 0.9, units), jnp.linspace(0.9, 0.1, units), jnp.linspace(-1, 1, units)
    tasks = {
        "forward": lambda: forward(parameters, inputs.times),
        "with gradient": lambda: gradient(parameters, inputs.times),
        "maths": lambda: _maths(state, count),
    }
    taken = {name: [] for name in tasks}
    for task in tasks.values():
        jax.block_until_ready(task())
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            began = time.perf_counter()
            jax.block_until_ready(task())
            taken[name].append(time.perf_counter() - began)
    each = {f"{name}, µs": round(1e6 * statistics.median(seconds) / count, 2) for name, seconds in taken.items()}
    return {"units": units, "events": count, **each}


@eqx.filter_jit
def _maths(state, count):
    neuron = sg.QIF()

    def step(_, state):
        moved = neuron.flow(EventState(*state), 0.001 * jnp.min(neuron.time_to_spike(EventState(*state))))
        p, q, _ = normalised(moved.p, jnp.abs(moved.q))
        return p, q, moved.current + 1e-4

    return lax.fori_loop(0, count, step, state)


if __name__ == "__main__":
    for row in measure():
        print(row)
