import jax.numpy as jnp

from sgtheory._arrays import Distance
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class Identity(AbstractSurrogate):
    r"""$h(u) = 1$ everywhere: the straight-through estimator, as if the threshold were not there.

    **Source:** Bengio, Léonard & Courville (2013).

    >>> import jax.numpy as jnp
    >>> print(Identity().derivative(jnp.array([-3.0, 0.0, 3.0])))
    [1. 1. 1.]
    """

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        return jnp.ones_like(distance)
