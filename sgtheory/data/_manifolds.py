import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Float, Int, Key
from sgtheory._checks import positive, shorten, whole

_PRECISION = 1e-3
"""Harmonics that are weaker than this part of the first one are left out."""
_MOST_HARMONICS = 1000
_SAMPLED = 1000
"""Points from which the range of each unit is taken."""


class RandomManifolds(eqx.Module):
    r"""Classes of spike patterns, each on a smooth random manifold of its own: every unit spikes once, at a time that varies.

    A class is a random function of $D$ coordinates $x\in[0,1]^D$: unit $i$ spikes at
    $t_i(x)=T\,\prod_{j=1}^D\sum_{k=1}^Kk^{-\alpha}A_{ijk}\sin\big(2\pi(k\,x_jB_{ijk}+C_{ijk})\big)$, shifted and scaled to
    $[0,T]$, with $A,B,C$ uniform in $[0,1]$. The larger $\alpha$, the smoother the manifold; $K$ is where harmonics fall
    below a thousandth, at most 1000. Spike counts tell nothing: only times do.

    **Arguments:** `key`; `classes`, `units`, `dimensions` $D$; `smoothness` $\alpha$.
    **Raises** `ValueError` for numbers that are not positive whole ones, and a smoothness that is not positive.
    **Source:** Zenke & Vogels (2021), section 4.1.

    >>> import jax
    >>> manifolds = RandomManifolds(jax.random.key(0), classes=3, units=20)
    >>> times, labels = manifolds.sample(jax.random.key(1), 12)
    >>> print(times.shape, labels.shape, bool((times >= 0).all() and (times <= 1).all()))
    (12, 20) (12,) True
    """

    amplitudes: Float[Array, "classes units dimensions harmonics"]
    frequencies: Float[Array, "classes units dimensions harmonics"]
    phases: Float[Array, "classes units dimensions harmonics"]
    least: Float[Array, "classes units"]
    most: Float[Array, "classes units"]

    def __init__(self, key: Key, classes: int = 10, units: int = 100, dimensions: int = 1, smoothness: float = 2.0):
        for name, value in (("classes", classes), ("units", units), ("dimensions", dimensions)):
            whole(name, value)
        alpha = float(positive("smoothness", single=True)(smoothness))
        harmonics = min(math.ceil(_PRECISION ** (-1 / alpha)), _MOST_HARMONICS)
        drawn, places = jax.random.split(key)
        shape = (3, classes, units, dimensions, harmonics)
        amplitudes, self.frequencies, self.phases = jax.random.uniform(drawn, shape)
        weights = jnp.arange(1, harmonics + 1, dtype=amplitudes.dtype) ** -alpha
        self.amplitudes = amplitudes * weights[None, None, None]
        heights = self._heights(jax.random.uniform(places, (_SAMPLED, dimensions)))
        self.least, self.most = jnp.min(heights, axis=1), jnp.max(heights, axis=1)

    def _heights(self, x: Float[Array, "points dimensions"]) -> Float[Array, "classes points units"]:
        """What each class makes of these coordinates, before it is scaled."""
        labels = range(self.amplitudes.shape[0])
        return jnp.stack([jax.lax.map(lambda point, label=label: self._height(point, label), x) for label in labels])

    def _height(self, point: Float[Array, " dimensions"], label: int | Int[Array, ""]) -> Float[Array, " units"]:
        """The same for one point and one class."""
        k = jnp.arange(1, self.amplitudes.shape[-1] + 1, dtype=point.dtype)
        angles = 2 * jnp.pi * ((point[:, None] * k[None])[None] * self.frequencies[label] + self.phases[label])
        return jnp.prod(jnp.sum(self.amplitudes[label] * jnp.sin(angles), axis=-1), axis=-1)

    def sample(self, key: Key, count: int) -> tuple[Float[Array, "count units"], Int[Array, " count"]]:
        """Spike times, as parts of the trial, and the numbers of their classes: as many of each as can be, in random order.

        **Raises** `ValueError` for a count that is no positive whole number.
        """
        whole("count", count)
        places, order = jax.random.split(key)
        classes, dimensions = self.least.shape[0], self.amplitudes.shape[-2]
        labels = jax.random.permutation(order, jnp.arange(count) % classes)
        points = jax.random.uniform(places, (count, dimensions))
        heights = jax.lax.map(lambda each: self._height(*each), (points, labels))
        scaled = (heights - self.least[labels]) / (self.most - self.least)[labels]
        # A point beyond the sampled range spikes at its end; that is one in a thousand.
        return jnp.clip(scaled, 0.0, 1.0), labels


def spikes_at(times: Float[Array, "... units"], steps: int) -> Float[Array, "... steps units"]:
    """Spike trains of units that spike once, at these parts of the trial (1 is the last step), or never: at infinity.

    **Raises** `ValueError` for times outside the trial, as far as they are known.

    >>> import jax.numpy as jnp
    >>> print(spikes_at(jnp.array([0.0, 1.0, jnp.inf]), 3))
    [[1. 0. 0.]
     [0. 0. 0.]
     [0. 1. 0.]]
    """
    if not isinstance(times, Tracer) and not bool(jnp.all(((times >= 0) & (times <= 1)) | (times == jnp.inf))):
        raise ValueError(
            f"`times` must lie in the trial, between 0 and 1, or be infinite where there is no spike, got "
            f"{shorten(times)}. Divide by its length."
        )
    never = -1  # of which `one_hot` makes zeros
    at = jnp.where(times <= 1, jnp.minimum((times * steps).astype(int), steps - 1), never)
    return jnp.moveaxis(jax.nn.one_hot(at, steps, dtype=times.dtype), -1, -2)
