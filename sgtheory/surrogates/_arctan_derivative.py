import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape import Arctan
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class ArctanDerivative(AbstractSurrogate):
    r"""Slope of the arctangent, $h(u) = \tfrac12\beta/\left(1+(\tfrac\pi2\beta u)^2\right)$; area 1.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Fang et al. (2021).

    >>> import jax.numpy as jnp
    >>> print(round(float(ArctanDerivative(steepness=2.0).derivative(jnp.array(0.25))), 4))
    0.6185
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        return 0.5 * self.steepness / (1.0 + (0.5 * jnp.pi * self.steepness * distance) ** 2)

    def matches(self) -> Arctan:
        return Arctan(self.steepness)
