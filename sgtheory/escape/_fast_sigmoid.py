import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape


class FastSigmoid(AbstractEscape):
    r"""Escape noise with algebraic tails, $p(u) = \tfrac12\left(1+\frac{\beta u}{1+\beta|u|}\right)$.

    Slope $\tfrac12\beta/(1+\beta|u|)^2$: this is the escape noise that SuperSpike, up to the factor ½, really matches.
    ($x/(1+|x|)$ alone is no probability: it is negative below threshold.)

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Zenke & Ganguli (2018) for the shape; Gygax & Zenke (2025) for its reading as escape noise.

    >>> import jax.numpy as jnp
    >>> print(round(float(FastSigmoid(steepness=2.0).probability(jnp.array(0.5))), 4))
    0.75
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", "For the noiseless limit use `HardThreshold()`."))

    def probability(self, distance: Distance) -> Distance:
        tail, above = self._tail(distance)
        return jnp.where(above, 1.0 - tail, tail)

    def slope(self, distance: Distance) -> Distance:
        return 0.5 * self.steepness / (1.0 + self.steepness * jnp.abs(distance)) ** 2

    def log_probability(self, distance: Distance) -> Distance:
        tail, above = self._tail(distance)
        return jnp.where(above, jnp.log1p(-tail), jnp.log(tail))

    def log_silence(self, distance: Distance) -> Distance:
        return self.log_probability(-distance)

    def _tail(self, distance: Distance):
        """Probability of the less likely outcome, ½/(1+β|u|), and which side of threshold this is."""
        above = distance >= 0
        # Not |u|: its derivative at threshold is 0, and the slope there would be lost.
        magnitude = self.steepness * jnp.where(above, distance, -distance)
        return 0.5 / (1.0 + magnitude), above
