"""What networks of several layers cost: exact gradients, draws per second, loop integrals.

    python -m benchmarks.networks

Each row has a ratio to a yardstick from the same run: one matrix product of 512 × 512 numbers (float32) on this machine.
"""

import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory.escape import Sigmoid
from sgtheory.experiments._five_weights import WEIGHTS, weight_field
from sgtheory.experiments.loop_integral import POINTS, PUBLISHED_DIRECTIONS
from sgtheory.gradients import ExactGradient, ScoreFunction, StochasticTriple, SurrogateGradient
from sgtheory.gradients.fields import Plane, loop_integral
from sgtheory.losses import Total
from sgtheory.networks import MultilayerPerceptron

DRAWS = 20_000


def _seconds(call: Callable[[], Any], repeats: int = 15) -> float:
    """The median time of several calls, after one that compiles."""
    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _problem(widths: tuple[int, ...]):
    """In the precision that JAX is set to."""
    network = MultilayerPerceptron(widths, Sigmoid(2.0))
    return network, network.random_parameters(jax.random.key(0), 2.0), jnp.linspace(-1.0, 1.0, widths[0])


def _exact(widths: tuple[int, ...]) -> float:
    network, parameters, inputs = _problem(widths)
    gradient = eqx.filter_jit(lambda p: ExactGradient().evaluate(Total(), network, p, inputs, ()))
    return _seconds(lambda: gradient(parameters), 5 if sum(widths) > 20 else 15)


def _draws(estimator: Any, part: str) -> float:
    """Seconds per draw of a 5-5-5-1 network in float32: the whole draw, or only its random numbers."""
    network, parameters, inputs = _problem((5, 5, 5, 1))

    def one(key):
        noise = estimator.draw(network, inputs, key=key)
        return noise if part == "random numbers" else estimator.evaluate(Total(), network, parameters, inputs, noise)

    many = jax.jit(lambda key: jax.vmap(one)(jax.random.split(key, DRAWS)))
    return _seconds(lambda: many(jax.random.key(1))) / DRAWS


def _loops() -> float:
    plane = Plane(jnp.zeros(WEIGHTS), *jnp.asarray(PUBLISHED_DIRECTIONS))
    loops = jax.jit(jax.vmap(
        lambda surrogate: loop_integral(weight_field(jnp.asarray(1e4), surrogate), plane.circle(1.8), POINTS).value
    ))  # fmt: skip
    return _seconds(lambda: loops(jnp.array([1.0, 5.0, 20.0])))


def measure() -> list[dict[str, Any]]:
    """One row per quantity: milliseconds, the number per second, and the ratio to the yardstick."""
    matrix = jnp.ones((512, 512), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    yardstick = _seconds(lambda: product(matrix))
    rows = [("matrix product 512 × 512, float32", yardstick, "")]
    with jax.enable_x64(True):
        for widths, aim in (((5, 5, 5, 1), "1 ms"), ((8, 8, 8, 1), "30 ms"), ((12, 12, 12, 1), "fits in 2 GB")):
            rows.append((f"exact gradient, {'-'.join(map(str, widths))}", _exact(widths), aim))
        rows.append(("loop integral, 1500 points × 3 steepnesses", _loops(), "5 ms"))
    for name, estimator, aim in (
        ("surrogate", SurrogateGradient(), "1e6/s"),
        ("score function", ScoreFunction(), ""),
        ("stochastic triple", StochasticTriple(), "1e5/s"),
    ):
        rows.append((f"{name} draw, 5-5-5-1, float32", _draws(estimator, "whole"), aim))
    rows.append(("only the random numbers of a surrogate draw", _draws(SurrogateGradient(), "random numbers"), ""))
    return [
        {
            "quantity": name, "ms": f"{1e3 * seconds:.4g}", "per_second": f"{1 / seconds:.3g}",
            "in matrix products": f"{seconds / yardstick:.3g}", "aim": aim,
        }
        for name, seconds, aim in rows
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure():
        print(row)
