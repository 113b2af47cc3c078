import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class Boxcar(AbstractSurrogate):
    r"""A box, $h(u) = \beta$ where $\beta|u| < \tfrac12$, else 0; area 1.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Zenke & Vogels (2021), among the shapes compared there.

    >>> import jax.numpy as jnp
    >>> print(round(float(Boxcar(steepness=2.0).derivative(jnp.array(0.25))), 4))
    0.0
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        inside = self.steepness * jnp.abs(distance) < 0.5
        return jnp.where(inside, self.steepness, 0.0).astype(distance.dtype)
