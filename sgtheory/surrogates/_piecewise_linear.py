import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class PiecewiseLinear(AbstractSurrogate):
    r"""A triangle, $h(u) = \beta\max(0, 1-\beta|u|)$; area 1.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Esser et al. (2016) and Bellec et al. (2018), there with a height of its own.

    >>> import jax.numpy as jnp
    >>> print(round(float(PiecewiseLinear(steepness=2.0).derivative(jnp.array(0.25))), 4))
    1.0
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        return self.steepness * jnp.maximum(0.0, 1.0 - self.steepness * jnp.abs(distance))
