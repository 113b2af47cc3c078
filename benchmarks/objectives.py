"""What a training step costs over a batch: the gradient of the mean objective, and the mean of the estimates.

    python -m benchmarks.objectives

One layer of 4096 × 4096 weights in float32 and a batch of 16. Memory is what the compiled program holds beside its
arguments, as XLA plans it; the ratios are to the gradient of the mean. Estimates that are kept before they are averaged
need a gradient an input; where the mean is taken in the same program, XLA may add them up as they come, in more time.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sgtheory.escape import Sigmoid
from sgtheory.gradients import SurrogateGradient, mean_objective
from sgtheory.losses import MeanSquaredError
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron

WIDTH, BATCH = 4096, 16


def _programs() -> tuple[dict[str, Callable[[Any], Any]], MultilayerParameters]:
    key = jax.random.key(0)
    network = MultilayerPerceptron((WIDTH, WIDTH), Sigmoid(2.0))
    parameters = MultilayerParameters([jax.random.normal(key, (WIDTH, WIDTH), jnp.float32) / WIDTH**0.5])
    inputs = jax.random.normal(key, (BATCH, WIDTH), jnp.float32)
    loss, method = MeanSquaredError(jnp.zeros(WIDTH, jnp.float32)), SurrogateGradient()

    def of_mean(p):
        return jax.grad(lambda p: mean_objective(method, loss, network, p, inputs, key=key)[0])(p)

    def estimates(p):
        def one(x, key):
            return method.evaluate(loss, network, p, x, method.draw(network, x, key=key))

        return jax.vmap(one)(inputs, jax.random.split(key, BATCH))

    def mean_of_estimates(p):
        return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), estimates(p))

    programs = {"gradient of the mean": of_mean, "estimates": estimates, "mean of the estimates": mean_of_estimates}
    return programs, parameters


def measure(repeats: int = 5) -> list[dict[str, Any]]:
    """One row for each way: megabytes, milliseconds, and their ratios to the gradient of the mean."""
    programs, parameters = _programs()
    rows: list[tuple[str, float, float]] = []
    for name, program in programs.items():
        compiled = jax.jit(program).lower(parameters).compile()
        plan = compiled.memory_analysis()
        assert plan is not None
        jax.block_until_ready(compiled(parameters))
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            jax.block_until_ready(compiled(parameters))
            times.append(time.perf_counter() - began)
        rows.append((name, (plan.temp_size_in_bytes + plan.output_size_in_bytes) / 1e6, float(np.median(times))))
    _, least, fastest = rows[0]
    return [
        {
            f"{WIDTH} × {WIDTH}, batch {BATCH}": name, "MB": f"{memory:.0f}", "memory, ratio": f"{memory / least:.3g}",
            "ms": f"{1e3 * seconds:.0f}", "time, ratio": f"{seconds / fastest:.3g}",
        }
        for name, memory, seconds in rows
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
