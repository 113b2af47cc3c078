import equinox as eqx
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Bool, Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape, entrywise

# In every floating-point format e^{-e^40} is 0 and e^{-e^{-40}} is 1: beyond, the limit is taken.
_SATURATED = 40.0


class ExponentialHazard(AbstractEscape):
    r"""Exponential escape rate over a time step, $p(u) = 1 - \exp(-\Delta t\,\rho_0\,e^{\beta u})$.

    The hazard $\rho_0 e^{\beta u}$ is a rate and may exceed 1. It is never clipped: with a clipped rate, the probability
    would depend on how time is divided into steps. Slope $\beta r e^{-r}$ with $r = \Delta t\,\rho_0\,e^{\beta u}$. Not
    symmetric about threshold: $p(0) = 1-e^{-\Delta t\rho_0}$.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential; `rate` $\rho_0$, per unit of time, the hazard at
    threshold; `time_step` $\Delta t$, in the same unit of time. Each one positive number.
    **Raises** `ValueError` for an argument that is not positive and finite, or is not a single number.
    **Source:** Gygax & Zenke (2025), the escape functions beside Eq. 4; Gerstner et al., Neuronal Dynamics, §9.1.

    >>> print(round(float(ExponentialHazard(steepness=2.0).probability(0.5)), 4))
    0.934
    """

    steepness: Scalar = eqx.field(
        converter=positive("steepness", "For the noiseless limit use `HardThreshold()`.", single=True)
    )
    rate: Scalar = eqx.field(converter=positive("rate", single=True), default=1.0)
    time_step: Scalar = eqx.field(converter=positive("time_step", single=True), default=1.0)

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        exponent, saturated = self._exponent(distance, below=_SATURATED)
        return jnp.where(saturated, 1.0, -jnp.expm1(-jnp.exp(exponent)))

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        exponent, saturated = self._exponent(distance, below=_SATURATED)
        return jnp.where(saturated, 0.0, self.steepness * jnp.exp(exponent - jnp.exp(exponent)))

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        # Far below threshold p = r to all digits, so log p is the exponent itself; far above, log p = 0. In between, the
        # same formula in two forms, each used where it and its derivative keep their digits.
        exponent, saturated = self._exponent(distance, below=_SATURATED)
        rare, likely = exponent < -_SATURATED, exponent > 0
        zero = jnp.zeros_like(exponent)
        below = jnp.log(-jnp.expm1(-jnp.exp(jnp.where(rare | likely, zero, exponent))))
        above = jnp.log1p(-jnp.exp(-jnp.exp(jnp.where(likely, exponent, zero))))
        return jnp.select([saturated, likely, rare], [zero, above, exponent], below)

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        # Where the hazard overflows, silence is impossible: the logarithm is minus infinity, and its derivative is set
        # to 0, since an infinite one would turn 0 times itself into NaN in every expectation.
        exponent, overflows = self._exponent(distance, below=float(np.log(jnp.finfo(distance.dtype).max)) - 1.0)
        return jnp.where(overflows, -jnp.inf, -jnp.exp(exponent))

    def _log_hazard(self, distance: Distance) -> Distance:
        return self.steepness * distance + jnp.log(self.rate * self.time_step).astype(distance.dtype)

    def _exponent(self, distance: Distance, below: float) -> tuple[Distance, Bool[Array, "..."]]:
        """log r where it is at most the bound and 0 elsewhere; and where the bound is exceeded."""
        exponent = self._log_hazard(distance)
        saturated = exponent > below
        return jnp.where(saturated, jnp.zeros_like(exponent), exponent), saturated
