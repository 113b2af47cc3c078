"""Can a spiking network learn to draw a picture with its spikes?

    python -m benchmarks.matching [steps]

200 frozen Poisson inputs, 200 hidden and 200 output LIF neurons, 198 steps; the target is a dithered portrait. Trained by
surrogate gradients through the distance of van Rossum, with escape noise (10 trials a step) and without. One row each: both
distances after training, beside those of a silent output and of random spikes at the target's rates, and Fano factors.
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
from sgtheory.data import dithered, frozen_poisson, portrait
from sgtheory.statistics import fano_factor
from sgtheory.training import fit

UNITS, STEPS, TRIALS = 200, 198, 10
METHODS = {
    # The escape noise of the outputs is steep, and a slope that matched it would be 0 almost everywhere.
    "stochastic": (
        sg.RuleGradient(
            (
                sg.SpikeRule(backward=sg.Surrogate(), through_reset=False),
                sg.SpikeRule(backward=sg.Surrogate(sg.SuperSpike(10.0)), through_reset=False),
            )
        ),
        TRIALS,
        sg.SpikeRule(),
    ),
    "deterministic": (
        sg.SurrogateGradient(sg.SuperSpike(10.0), sg.Threshold(), through_reset=False),
        1,
        sg.SpikeRule(sg.Threshold()),
    ),
}


def measure(steps: int = 1500) -> list[dict[str, Any]]:
    """Baselines, then one row per way of training."""
    # Fainter, so that spikes can draw it: about as many of them as in the published target.
    target = jnp.asarray(dithered(1 - 0.4 * (1 - portrait()), STEPS, UNITS), dtype=jnp.float32)
    inputs = frozen_poisson(jax.random.key(0), UNITS, STEPS, 50.0)
    losses = {"L2": sg.SpikeTrainDistance(target), "van Rossum": sg.VanRossumDistance(target)}
    rates = jnp.mean(target, axis=0, keepdims=True)
    random = (jax.random.uniform(jax.random.key(1), target.shape) < rates).astype(target.dtype)
    rows = [
        {"output": name, **{each: round(float(loss(spikes)), 3) for each, loss in losses.items()}}
        for name, spikes in (("silent", jnp.zeros_like(target)), ("random at the same rates", random))
    ]
    neurons = [sg.LIF(sg.Sigmoid(beta), 10.0, 5.0, reset_step="same") for beta in (10.0, 100.0)]
    network = sg.ClockedNetwork((UNITS,), tuple(sg.Dense(UNITS, neuron) for neuron in neurons))
    parameters = network.random_parameters(jax.random.key(2), rate=50.0)
    for name, (method, trials, rule) in METHODS.items():
        began = time.perf_counter()
        fitted = fit(
            method, losses["van Rossum"], network, parameters, inputs[None], optax.adam(2e-3), steps=steps, trials=trials,
            key=jax.random.key(3), every=100, bar=False,
        )  # fmt: skip
        run = eqx.filter_jit(lambda p, key, rule=rule: network(p, inputs, network.draw(inputs, key=key), rule).output)
        outputs = [run(fitted.parameters, key) for key in jax.random.split(jax.random.key(4), TRIALS)]
        row: dict[str, Any] = {"output": name}
        for each, loss in losses.items():
            row[each] = round(float(np.mean([loss(output) for output in outputs])), 3)
        if name == "stochastic":
            for layer, told in enumerate(("hidden", "output")):
                spikes = jnp.stack([output.spikes[layer] for output in outputs])
                row[f"Fano, {told}"] = round(float(fano_factor(spikes)), 3)
        rows.append(row | {"seconds": round(time.perf_counter() - began)})
    return rows


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:])):
        print(row, flush=True)
