import equinox as eqx

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape import _normal
from sgtheory.escape._base import AbstractEscape, entrywise


class ErrorFunction(AbstractEscape):
    r"""Gaussian escape noise, $p(u) = \tfrac12\left(1+\operatorname{erf}(\beta u/\sqrt2)\right)$.

    The unit fires when $u$ plus Gaussian noise of standard deviation $1/\beta$ is above 0. Slope
    $\beta\,e^{-\beta^2u^2/2}/\sqrt{2\pi}$, the lightest tails of the symmetric members.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, one positive number.
    **Raises** `ValueError` for a steepness that is not positive and finite, or is not a single number.
    **Source:** Gygax & Zenke (2025), the escape functions beside Eq. 4.

    >>> print(round(float(ErrorFunction(steepness=2.0).probability(0.5)), 4))
    0.8413
    """

    steepness: Scalar = eqx.field(
        converter=positive("steepness", "For the noiseless limit use `HardThreshold()`.", single=True)
    )

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        return _normal.probability(self.steepness * distance)

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        return self.steepness * _normal.density(self.steepness * distance)

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        return _normal.log_probability(self.steepness * distance)

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return _normal.log_probability(-self.steepness * distance)
