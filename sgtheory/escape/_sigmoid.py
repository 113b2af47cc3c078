import equinox as eqx
import jax

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import AbstractEscape, entrywise


class Sigmoid(AbstractEscape):
    r"""Logistic escape noise, $p(u) = \sigma_\beta(u) = 1/(1+e^{-\beta u})$.

    Slope $\beta\,\sigma_\beta(u)\,\sigma_\beta(-u)$. Converges to the hard threshold as $\beta\to\infty$.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, one positive number.
    **Raises** `ValueError` for a steepness that is not positive and finite, or is not a single number.
    **Source:** Gygax & Zenke (2025), Eq. 4; the slope is the surrogate derivative of their Eq. 3 and Eq. 5.

    >>> escape = Sigmoid(steepness=2.0)
    >>> print(round(float(escape.probability(0.5)), 4), round(float(escape.slope(0.5)), 4))
    0.7311 0.3932
    """

    steepness: Scalar = eqx.field(
        converter=positive("steepness", "For the noiseless limit use `HardThreshold()`.", single=True)
    )

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        return jax.nn.sigmoid(self.steepness * distance)

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        scaled = self.steepness * distance
        return self.steepness * jax.nn.sigmoid(scaled) * jax.nn.sigmoid(-scaled)

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        return jax.nn.log_sigmoid(self.steepness * distance)

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return jax.nn.log_sigmoid(-self.steepness * distance)
