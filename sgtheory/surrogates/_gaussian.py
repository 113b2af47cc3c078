import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape import ErrorFunction
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class Gaussian(AbstractSurrogate):
    r"""A Gaussian, $h(u) = \beta\,e^{-\beta^2u^2/2}/\sqrt{2\pi}$; area 1.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** the slope of Gaussian escape noise, `sgtheory.escape.ErrorFunction`.

    >>> import jax.numpy as jnp
    >>> print(round(float(Gaussian(steepness=2.0).derivative(jnp.array(0.25))), 4))
    0.7041
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        normaliser = jnp.sqrt(2 * jnp.pi).astype(distance.dtype)
        return self.steepness * jnp.exp(-0.5 * (self.steepness * distance) ** 2) / normaliser

    def matches(self) -> ErrorFunction:
        return ErrorFunction(self.steepness)
