import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Float, Key, Scalar
from sgtheory._checks import positive, shorten


def frozen_poisson(
    key: Key, units: int, steps: int, rate: float | Scalar, time_step: float | Scalar = 1.0
) -> Float[Array, "steps units"]:
    r"""Independent spikes of one rate, the same whenever the key is: in each step with the probability $\nu\,\Delta t$.

    **Arguments:** `rate` $\nu$ in Hz; `time_step` $\Delta t$ in ms.
    **Raises** `ValueError` for numbers that are not positive, and for a rate of more than one spike a step.
    **Source:** Gygax & Zenke (2025), section 4.4: 200 inputs at 50 Hz.

    >>> import jax
    >>> print(round(float(frozen_poisson(jax.random.key(0), 200, 1000, rate=50.0).mean()), 2))
    0.05
    """
    probability = positive("rate", single=True)(rate) * positive("time_step", single=True)(time_step) / 1000
    if not isinstance(probability, Tracer) and probability > 1:
        raise ValueError(
            f"`rate` must be at most one spike a step, got {shorten(rate)} Hz at steps of {shorten(time_step)} ms. "
            "Take a smaller `time_step`."
        )
    return (jax.random.uniform(key, (steps, units)) < probability).astype(jnp.result_type(float))
