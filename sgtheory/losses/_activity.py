"""Regularisers: what it costs a network to be too active, or not active enough."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import positive
from sgtheory.losses._base import AbstractLoss, real_output
from sgtheory.networks import SpikeTrains


class UpperActivity(AbstractLoss):
    r"""Too many spikes, $L = s\sum_l\frac1{F_l}\sum_f\big([\bar z_f-\vartheta]_+\big)^2$.

    $\bar z_f$ is the mean spike count of the units of a feature: of a channel of a `Convolution`, and of each unit of a
    `Dense` layer, which is a feature of its own. The mean over the $F_l$ features of a layer, the sum over all layers.

    **Arguments:** `limit` $\vartheta$, spikes of a unit in a trial; `strength` $s$.
    **Raises** `ValueError` for numbers that are not positive.
    **Source:** Gygax & Zenke (2025), Eq. 26 and 27.

    >>> import jax.numpy as jnp
    >>> print(UpperActivity(limit=1.0, strength=1.0)(jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])))
    2.0
    """

    limit: Scalar = eqx.field(converter=positive("limit", single=True), default=7.0)
    strength: Scalar = eqx.field(converter=positive("strength", single=True), default=0.01)

    def __call__(self, output: PyTree) -> Scalar:
        excess = (jnp.maximum(counts - self.limit.astype(counts.dtype), 0.0) for counts in _feature_counts(output))
        return _mean_squares(excess, self.strength)


class LowerActivity(AbstractLoss):
    r"""Too few spikes, $L = s\sum_l\frac1{N_l}\sum_i\big([\vartheta-z_i]_+\big)^2$, for the spike counts $z_i$ of all units.

    A unit that never spikes has no slope to learn from unless its potential comes near the threshold; this pushes it there.

    **Arguments:** `limit` $\vartheta$, spikes of a unit in a trial; `strength` $s$.
    **Raises** `ValueError` for numbers that are not positive.
    **Source:** Zenke & Vogels (2021).

    >>> import jax.numpy as jnp
    >>> print(LowerActivity(limit=1.0, strength=1.0)(jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])))
    0.5
    """

    limit: Scalar = eqx.field(converter=positive("limit", single=True), default=1e-3)
    strength: Scalar = eqx.field(converter=positive("strength", single=True), default=1.0)

    def __call__(self, output: PyTree) -> Scalar:
        lack = (
            jnp.maximum(self.limit.astype(spikes.dtype) - jnp.sum(spikes, axis=0), 0.0)
            for spikes in _all_spikes(output)
        )
        return _mean_squares(lack, self.strength)


def _all_spikes(output: PyTree) -> tuple[Float[Array, "steps ..."], ...]:
    return output.spikes if isinstance(output, SpikeTrains) else (real_output(output),)


def _feature_counts(output: PyTree):
    """The mean spike counts of the features of each layer."""
    for spikes in _all_spikes(output):
        counts = jnp.sum(spikes, axis=0)
        yield jnp.mean(counts, axis=-1) if counts.ndim > 1 else counts


def _mean_squares(layers, strength: Scalar) -> Scalar:
    total = jnp.sum(jnp.stack([jnp.mean(each**2) for each in layers]))
    return strength.astype(total.dtype) * total
