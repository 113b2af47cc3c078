import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Bool, Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape, entrywise


class FastSigmoid(AbstractEscape):
    r"""Escape noise with algebraic tails, $p(u) = \tfrac12\left(1+\frac{\beta u}{1+\beta|u|}\right)$.

    Slope $\tfrac12\beta/(1+\beta|u|)^2$. Up to a constant factor this is SuperSpike, whose matching escape noise is
    therefore this one and not the sigmoid. ($x/(1+|x|)$ alone is not a probability: it is negative below threshold.)

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, one positive number.
    **Raises** `ValueError` for a steepness that is not positive and finite, or is not a single number.
    **Source:** Zenke & Ganguli (2018) for the shape; Gygax & Zenke (2025) for its reading as escape noise.

    >>> print(round(float(FastSigmoid(steepness=2.0).probability(0.5)), 4))
    0.75
    """

    steepness: Scalar = eqx.field(
        converter=positive("steepness", "For the noiseless limit use `HardThreshold()`.", single=True)
    )

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        tail, above = self._tail(distance)
        return jnp.where(above, 1.0 - tail, tail)

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        return 0.5 * self.steepness / (1.0 + self.steepness * jnp.abs(distance)) ** 2

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        tail, above = self._tail(distance)
        return jnp.where(above, jnp.log1p(-tail), jnp.log(tail))

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return self.log_probability(-distance)

    def _tail(self, distance: Distance) -> tuple[Distance, Bool[Array, "..."]]:
        """Probability of the less likely outcome, ½/(1+β|u|), and whether the distance is above threshold."""
        above = distance >= 0
        # Not |u|: its derivative at threshold is 0, and the slope there would be lost.
        magnitude = self.steepness * jnp.where(above, distance, -distance)
        return 0.5 / (1.0 + magnitude), above
