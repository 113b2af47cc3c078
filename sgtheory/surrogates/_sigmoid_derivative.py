import equinox as eqx
import jax

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape import Sigmoid
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class SigmoidDerivative(AbstractSurrogate):
    r"""Slope of the logistic function, $h(u) = \beta\,\sigma_\beta(u)\,\sigma_\beta(-u)$; area 1.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Gygax & Zenke (2025), Eq. 3.

    >>> import jax.numpy as jnp
    >>> print(round(float(SigmoidDerivative(steepness=2.0).derivative(jnp.array(0.25))), 4))
    0.47
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        scaled = self.steepness * distance
        return self.steepness * jax.nn.sigmoid(scaled) * jax.nn.sigmoid(-scaled)

    def matches(self) -> Sigmoid:
        return Sigmoid(self.steepness)
