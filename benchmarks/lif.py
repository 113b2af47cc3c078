"""What a training step of an LIF network costs, beside the matrix products that it cannot do without.

    python -m benchmarks.lif

Three layers of 200, 198 steps, batch 1 and 10; one layer of 512, 500 steps, batch 16; one of 4096, 100 steps; recurrent and
convolutional ones. All in one run, in rounds, float32. `ratio`: to the forward and backward products of the same network alone.

A second table holds the memory of a step, loss and gradient, beside its arguments, as XLA plans it: the compiled program's own
figure. With checkpoints the backward pass keeps one state in so many steps, about the square root of all.
"""

import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

import sgtheory as sg

ROUNDS = 15
NEURON = sg.LIF(sg.Sigmoid(10.0))
METHODS = {
    "deterministic, reset detached": sg.SurrogateGradient(sg.SuperSpike(10.0), sg.Threshold(), through_reset=False),
    "deterministic, through the reset": sg.SurrogateGradient(sg.SuperSpike(10.0), sg.Threshold()),
    "stochastic, matched, reset detached": sg.SurrogateGradient(through_reset=False),
}


def measure() -> list[dict[str, Any]]:
    """One row per network, batch and method: milliseconds, and the ratio to the products."""
    rows = []
    for name, inputs, layers, steps, batch in (
        ("200-200-200", (200,), (sg.Dense(200, NEURON), sg.Dense(200, NEURON)), 198, 1),
        ("200-200-200", (200,), (sg.Dense(200, NEURON), sg.Dense(200, NEURON)), 198, 10),
        ("512, one layer", (512,), (sg.Dense(512, NEURON),), 500, 16),
        ("4096, one layer", (4096,), (sg.Dense(4096, NEURON),), 100, 1),
        ("200-200, recurrent", (200,), (sg.Dense(200, NEURON, recurrent=True),), 198, 10),
        (
            "1×200, 16×18, recurrent convolution",
            (200,),
            (sg.Convolution(16, 21, NEURON, 10, recurrent_width=5),),
            198,
            10,
        ),
    ):
        rows += _case(name, sg.ClockedNetwork(inputs, layers), steps, batch)
    return rows


def measure_memory() -> list[dict[str, Any]]:
    """One row per batch and number of steps, for 200-200-200: megabytes without and with checkpoints."""
    rows = []
    for batch in (1, 10, 100):
        for steps in (200, 2000):
            every = round(math.sqrt(steps))
            kept, again = _megabytes(batch, steps, None), _megabytes(batch, steps, every)
            rows.append(
                {"batch": batch, "steps": steps, "all kept, MB": f"{kept:.3g}", "a checkpoint every … steps": every,
                 "checkpoints, MB": f"{again:.3g}", "ratio": f"{kept / again:.2g}"}
            )  # fmt: skip
    return rows


def _megabytes(batch: int, steps: int, every: int | None) -> float:
    network = sg.ClockedNetwork((200,), (sg.Dense(200, NEURON), sg.Dense(200, NEURON)), checkpoint_every=every)
    parameters = network.random_parameters(jax.random.key(0), rate=50.0)
    spikes, target = jnp.zeros((batch, steps, 200), jnp.float32), jnp.zeros((steps, 200), jnp.float32)
    gradient: Any = _gradient(METHODS["deterministic, reset detached"], sg.SpikeTrainDistance(target), network)
    plan = gradient.lower(parameters, spikes, jax.random.key(3)).compile().compiled.memory_analysis()
    return plan.temp_size_in_bytes / 1e6


def _case(name: str, network: sg.ClockedNetwork, steps: int, batch: int) -> list[dict[str, Any]]:
    parameters = network.random_parameters(jax.random.key(0), rate=50.0)
    spikes = jax.random.bernoulli(jax.random.key(1), 0.05, (batch, steps, *network.input_shape)).astype(jnp.float32)
    units = network.unit_shapes[-1]
    size = 1
    for side in units:
        size *= side
    target = jax.random.bernoulli(jax.random.key(2), 0.05, (steps, size)).astype(jnp.float32)
    loss = sg.SpikeTrainDistance(target)
    programs: dict[str, Callable[[], Any]] = {"products alone": _products(network, parameters, spikes)}
    for method, estimator in METHODS.items():
        programs[method] = _step(estimator, loss, network, parameters, spikes)
    taken: dict[str, list[float]] = {each: [] for each in programs}
    for program in programs.values():
        jax.block_until_ready(program())
    for _ in range(ROUNDS):
        for each, program in programs.items():
            began = time.perf_counter()
            jax.block_until_ready([program() for _ in range(4)])
            taken[each].append((time.perf_counter() - began) / 4)
    medians = {each: statistics.median(times) for each, times in taken.items()}
    return [
        {"network": name, "batch": batch, "method": each, "ms": round(1e3 * median, 2),
         "ratio": round(median / medians["products alone"], 2)}
        for each, median in medians.items()
    ]  # fmt: skip


def _products(network, parameters, spikes):
    """Forward and backward products of all layers, without neurons between them."""

    def chain(parameters, one):
        below = one
        for layer, each, units in zip(network.layers, parameters.layers, network.unit_shapes, strict=True):
            below = layer.drive(each.weights, below)
            if layer.is_recurrent:  # a product for each step, one after another
                mix = jax.lax.scan(lambda s, x: (x + layer.mix(each.recurrent, s),) * 2, jnp.zeros(units), below)[1]  # noqa: B023
                below = mix
        return jnp.sum(below**2)

    gradient = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda p, many: jnp.mean(jax.vmap(lambda one: chain(p, one))(many)))
    )
    return lambda: gradient(parameters, spikes)


def _step(estimator, loss, network, parameters, spikes):
    gradient = _gradient(estimator, loss, network)
    return lambda: gradient(parameters, spikes, jax.random.key(3))


def _gradient(estimator, loss, network):
    """Loss and gradient of a batch."""

    def objective(parameters, spikes, key):
        return sg.mean_objective(estimator, loss, network, parameters, spikes, key=key)[0]

    return eqx.filter_jit(eqx.filter_value_and_grad(objective))


if __name__ == "__main__":
    for row in measure() + measure_memory():
        print(row, flush=True)
