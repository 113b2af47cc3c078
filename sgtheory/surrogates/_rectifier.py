from sgtheory._arrays import Distance
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class Rectifier(AbstractSurrogate):
    r"""$h(u) = 1$ above threshold and 0 below it: the straight-through estimator of a rectified linear unit.

    The step is differentiated as if it were $\max(0, u)$. At threshold it is 0, as is the step itself. It is the slope
    of no probability, since its area is infinite.

    **Source:** Yin et al. (2019), who compare it with the identity and with a rectifier that is clipped above.

    >>> import jax.numpy as jnp
    >>> print(Rectifier().derivative(jnp.array([-3.0, 0.0, 3.0])))
    [0. 0. 1.]
    """

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        return (distance > 0).astype(distance.dtype)
