"""Does a network that was trained with noise work without it, and the reverse?

    python -m benchmarks.classification [steps]

Classes on random manifolds, one hidden layer of LIF neurons, surrogate gradients, five seeds at once. One row for each way of
training: the accuracy on new samples, tested with escape noise and without, mean and standard deviation over the seeds.
"""

import sys
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import sgtheory as sg
from sgtheory.data import RandomManifolds, spikes_at
from sgtheory.training import fit

SEEDS, CLASSES, UNITS, HIDDEN, STEPS = 5, 10, 30, 64, 100
METHODS = {
    "stochastic, matched": sg.SurrogateGradient(through_reset=False),
    "stochastic, SuperSpike": sg.SurrogateGradient(sg.SuperSpike(10.0), through_reset=False),
    "deterministic, SuperSpike": sg.SurrogateGradient(sg.SuperSpike(10.0), sg.Threshold(), through_reset=False),
}
TESTS = {"with noise": sg.SpikeRule(), "without noise": sg.SpikeRule(sg.Threshold())}


def measure(steps: int = 600) -> list[dict[str, Any]]:
    """One row per way of training."""
    manifolds = RandomManifolds(jax.random.key(0), CLASSES, UNITS, smoothness=2.0)
    (known, labels), (asked, answers) = (_samples(manifolds, seed, count) for seed, count in ((1, 2000), (2, 1000)))
    network = sg.ClockedNetwork(
        (UNITS,), (sg.Dense(HIDDEN, sg.LIF(sg.Sigmoid(10.0), 10.0, 5.0)),), sg.LeakyReadout(CLASSES, 10.0, 5.0)
    )
    start = [network.random_parameters(jax.random.key(10 + seed), rate=10.0) for seed in range(SEEDS)]
    parameters = jax.tree.map(lambda *leaves: jnp.stack(leaves), *start)
    rows = []
    for name, method in METHODS.items():
        began = time.perf_counter()
        fitted = fit(
            method, sg.MaximumOverTime(labels), network, parameters, known, optax.adam(5e-3), steps=steps, batch=64,
            loss_axis=0, seeds=SEEDS, key=jax.random.key(3), every=100, bar=False,
        )  # fmt: skip
        row = {"trained": name, "last_loss": round(float(fitted.loss[-50:].mean()), 3)}
        for told, rule in TESTS.items():
            right = _accuracy(network, fitted.parameters, asked, answers, rule)
            row[told] = f"{right.mean():.3f} ± {right.std(ddof=1):.3f}"
        rows.append(row | {"seconds": round(time.perf_counter() - began)})
    return rows


def _samples(manifolds, seed, count):
    times, labels = manifolds.sample(jax.random.key(seed), count)
    return spikes_at(times, STEPS), labels


def _accuracy(network, parameters, inputs, answers, rule) -> np.ndarray:
    """The share of samples of which the largest potential is that of their class, for each seed."""

    @eqx.filter_jit
    def right(own):
        def one(spikes, key):
            path = network(own, spikes, network.draw(spikes, key=key), rule)
            return jnp.argmax(jnp.max(path.output.potential, axis=0))

        keys = jax.random.split(jax.random.key(7), len(inputs))
        return jnp.mean(jax.lax.map(lambda each: one(*each), (inputs, keys), batch_size=100) == answers)

    return np.array([right(jax.tree.map(lambda leaf: leaf[seed], parameters)) for seed in range(SEEDS)])  # noqa: B023


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:])):
        print(row, flush=True)
