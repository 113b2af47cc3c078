"""What a layered network of theta neurons costs, forward and with its gradient, and what a tree of products does to it.

    python -m benchmarks.layered_events

784-100-100-10, a batch of 1000, float32: pixels of which a fifth is bright spike at once, and with weights of this size about two
thirds of the hidden units answer. The gradient is that of the first output spikes and the phases at the end, with respect to all
weights and initial potentials. The same on a graphics card where JAX finds one.
"""

import functools
import itertools
import statistics
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import sgtheory as sg

SIZES, BATCH, DURATION, ROUNDS = (784, 100, 100, 10), 1000, 2.0, 7


def problem(
    associative: bool, batch: int = BATCH, sizes: tuple[int, ...] = SIZES
) -> tuple[sg.LayeredEventNetwork, tuple[sg.EventLayer, ...], sg.InputVolleys]:
    """Theta neurons from V = 0, normal weights, and one volley a sample."""
    draw = np.random.default_rng(0)
    neuron = sg.Theta(drive=1.25, time_constant=6 / np.pi)
    network = sg.LayeredEventNetwork(neuron, duration=DURATION, spikes=2, throw=False, associative=associative)
    layers = tuple(
        sg.EventLayer(jnp.asarray(draw.normal(0.02, 0.3 if number == 0 else 0.5, (units, senders)), jnp.float32))
        for number, (senders, units) in enumerate(itertools.pairwise(sizes))
    )
    bright = draw.random((batch, 1, sizes[0])) < 0.2
    volleys = sg.InputVolleys(np.full((batch, 1), 0.0201), bright.astype(float))
    return network, layers, jax.tree.map(lambda leaf: leaf.astype(jnp.float32), volleys)


def measure() -> list[dict[str, Any]]:
    """One row for each way to multiply."""
    tasks = {}
    for associative in (False, True):
        network, layers, volleys = problem(associative)
        loss = eqx.filter_jit(functools.partial(_loss, network))
        gradient = eqx.filter_jit(eqx.filter_grad(functools.partial(_loss, network)))
        name = "tree" if associative else "one after the other"
        tasks[name, "forward"] = functools.partial(loss, layers, volleys)
        tasks[name, "with gradient"] = functools.partial(gradient, layers, volleys)
    for task in tasks.values():
        jax.block_until_ready(task())
    taken = {name: [] for name in tasks}
    for _ in range(ROUNDS):
        for name, task in tasks.items():
            began = time.perf_counter()
            jax.block_until_ready(task())
            taken[name].append(time.perf_counter() - began)
    network, layers, volleys = problem(False)
    log = eqx.filter_jit(jax.vmap(lambda one: network.run(layers, one, ()).output))(volleys)
    spikes = " ".join(f"{float(layer.count.mean()):.2f}" for layer in log.layers)
    return [
        {
            "products": products,
            "device": jax.devices()[0].device_kind,
            "spikes a unit": spikes,
            **{
                f"{what}, s": round(statistics.median(taken[products, what]), 3)
                for what in ("forward", "with gradient")
            },
        }
        for products in ("one after the other", "tree")
    ]


def _loss(network, layers, volleys):
    last = jax.vmap(lambda one: network.run(layers, one, ()).output.layers[-1])(volleys)
    fired = last.count > 0
    return jnp.sum(jnp.where(fired, jnp.where(fired, last.times[:, :, 0], 0.0), DURATION)) + jnp.sum(last.end.phase)


if __name__ == "__main__":
    for row in measure():
        print(row)
