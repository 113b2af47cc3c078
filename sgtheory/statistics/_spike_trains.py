"""Variability and distance of spike trains."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import shorten


def fano_factor(spikes: Float[Array, "trials steps ..."], window: int = 1) -> Scalar:
    r"""The Fano factor over trials, $\operatorname{Var}(N)/\operatorname{E}(N)$, mean over all bins in which there are spikes.

    $N$ counts the spikes of a unit in a window of `window` steps, which slides over time. Bins in which no trial has a spike
    are left out. Of independent spikes of probability $p$ it is $1-p$. The variance is divided by the number of trials minus
    one: divided by their number, as is often done, ten trials with $p=0.01$ give 0.895 instead of 0.99.

    **Raises** `ValueError` for fewer than two trials, a window that is not between 1 and the number of steps, and where
    no unit spikes.
    **Source:** Gygax & Zenke (2025), sections 4.4 (one step) and 4.5 (ten steps).

    >>> import jax.numpy as jnp
    >>> trials = jnp.array([[[1.0], [0.0]], [[0.0], [0.0]], [[1.0], [0.0]], [[0.0], [0.0]]])
    >>> print(round(float(fano_factor(trials)), 4))
    0.6667
    """
    if spikes.ndim < 2 or spikes.shape[0] < 2:
        raise ValueError(
            f"`spikes` must be at least two trials with steps, got the shape {shorten(spikes.shape)}. Run more trials."
        )
    if not 1 <= window <= spikes.shape[1]:
        raise ValueError(f"`window` must lie between 1 and the {spikes.shape[1]} steps, got {shorten(window)}.")
    sums = jnp.cumsum(jnp.pad(spikes, [(0, 0), (1, 0)] + [(0, 0)] * (spikes.ndim - 2)), axis=1)
    counts = sums[:, window:] - sums[:, :-window]
    mean, variance = jnp.mean(counts, axis=0), jnp.var(counts, axis=0, ddof=1)
    active = mean > 0
    if not bool(jnp.any(active)):
        raise ValueError("`spikes` must hold at least one spike, got none. A silent network has no Fano factor.")
    return jnp.sum(jnp.where(active, variance / jnp.where(active, mean, 1.0), 0.0)) / jnp.sum(active, dtype=mean.dtype)


def interspike_intervals(train: Any, time_step: float = 1.0) -> np.ndarray:
    """The times between successive spikes of one train, in ms; empty for fewer than two spikes.

    **Raises** `ValueError` for what is no single train.

    >>> print(interspike_intervals([0, 1, 0, 0, 1, 1]))
    [3. 1.]
    """
    spikes = np.asarray(train)
    if spikes.ndim != 1:
        raise ValueError(f"`train` must be one train over time, got the shape {spikes.shape}. Give one unit's.")
    return np.diff(np.flatnonzero(spikes > 0.5)) * float(time_step)


def coefficient_of_variation(intervals: Any) -> float:
    """Standard deviation of intervals over their mean: 0 for a clock, 1 for a Poisson process.

    **Raises** `ValueError` for fewer than two intervals.

    >>> print(round(coefficient_of_variation([3.0, 1.0, 2.0]), 4))
    0.5
    """
    values = np.asarray(intervals, dtype=float)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"`intervals` must be at least two, got {shorten(values)}. Take a longer train.")
    return float(np.std(values, ddof=1) / np.mean(values))


def victor_purpura_distance(first: Any, second: Any, cost: float) -> float:
    r"""The least cost of making one train of the other: 1 to insert or delete a spike, $q\,|\Delta t|$ to shift one.

    **Arguments:** `first`, `second`, spike times in rising order, ms; `cost` $q$, per ms.
    **Raises** `ValueError` for times that do not rise, and for a negative cost.
    **Source:** Victor & Purpura (1996).

    >>> print(victor_purpura_distance([10.0, 20.0], [12.0], cost=0.1))
    1.2
    """
    a, b = (_times(name, times) for name, times in (("first", first), ("second", second)))
    if not cost >= 0:
        raise ValueError(f"`cost` must not be negative, got {shorten(cost)}. It is the price of a shift by one ms.")
    row = np.arange(b.size + 1, dtype=float)
    for k, time in enumerate(a):
        shifted = row[:-1] + cost * np.abs(b - time)
        above = np.concatenate([[k + 1.0], np.minimum(row[1:] + 1, shifted)])
        # Insertions along the row: the least of what stands to the left plus one for each step.
        row = np.minimum.accumulate(above - np.arange(b.size + 1)) + np.arange(b.size + 1)
    return float(row[-1])


def _times(name: str, value: Any) -> np.ndarray:
    times = np.asarray(value, dtype=float)
    if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(np.diff(times) < 0):
        raise ValueError(f"`{name}` must be finite spike times in rising order, got {shorten(times)}. Sort them.")
    return times
