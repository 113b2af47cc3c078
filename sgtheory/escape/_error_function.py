import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import erfc, log_ndtr

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape


class ErrorFunction(AbstractEscape):
    r"""Gaussian escape noise, $p(u) = \tfrac12\left(1+\operatorname{erf}(\beta u/\sqrt2)\right)$.

    The unit fires when $u$ plus Gaussian noise of standard deviation $1/\beta$ is above 0. Slope
    $\beta\,e^{-\beta^2u^2/2}/\sqrt{2\pi}$.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Gygax & Zenke (2025), the escape functions beside Eq. 4.

    >>> import jax.numpy as jnp
    >>> print(round(float(ErrorFunction(steepness=2.0).probability(jnp.array(0.5))), 4))
    0.8413
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", "For the noiseless limit use `HardThreshold()`."))

    def probability(self, distance: Distance) -> Distance:
        # erfc of the negative keeps its digits where 1 + erf would cancel.
        return 0.5 * erfc(-self.steepness * distance / jnp.sqrt(2.0).astype(distance.dtype))

    def slope(self, distance: Distance) -> Distance:
        scaled = self.steepness * distance
        return self.steepness * jnp.exp(-0.5 * scaled**2) / jnp.sqrt(2 * jnp.pi).astype(distance.dtype)

    def log_probability(self, distance: Distance) -> Distance:
        return log_ndtr(self.steepness * distance)

    def log_silence(self, distance: Distance) -> Distance:
        return log_ndtr(-self.steepness * distance)
