import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape, entrywise


class Arctan(AbstractEscape):
    r"""Cauchy escape noise, $p(u) = \tfrac12 + \tfrac1\pi\arctan(\tfrac\pi2\beta u)$.

    Slope $\tfrac12\beta/\left(1+(\tfrac\pi2\beta u)^2\right)$, the heaviest tails of the family.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, one positive number.
    **Raises** `ValueError` for a steepness that is not positive and finite, or is not a single number.
    **Source:** the surrogate of Fang et al. (2021), read as the slope of an escape function.

    >>> print(round(float(Arctan(steepness=2.0).probability(0.5)), 4))
    0.8195
    """

    steepness: Scalar = eqx.field(
        converter=positive("steepness", "For the noiseless limit use `HardThreshold()`.", single=True)
    )

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        return self._angle(-distance) / jnp.pi

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        return 0.5 * self.steepness / (1.0 + (0.5 * jnp.pi * self.steepness * distance) ** 2)

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        likely = distance > 0
        zero = jnp.zeros_like(distance)
        return jnp.where(
            likely,
            jnp.log1p(-self._angle(jnp.where(likely, distance, zero)) / jnp.pi),
            jnp.log(self._angle(jnp.where(likely, zero, -distance)) / jnp.pi),
        )

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return self.log_probability(-distance)

    def _angle(self, distance: Distance) -> Distance:
        """π times the probability at minus the distance; the arctangent of two arguments keeps its digits in the tail."""
        return jnp.arctan2(jnp.ones_like(distance), 0.5 * jnp.pi * self.steepness * distance)
