import jax.numpy as jnp

from sgtheory._arrays import Distance
from sgtheory.escape._base import AbstractEscape


class HardThreshold(AbstractEscape):
    r"""No noise: $p(u) = \Theta(u)$, strict, so that $\Theta(0) = 0$. Its slope is 0 wherever it exists.

    The limit $\beta\to\infty$ of every escape function of the family.

    **Source:** Gygax & Zenke (2025), Eq. 2.

    >>> import jax.numpy as jnp
    >>> print(HardThreshold().probability(jnp.array([-0.1, 0.0, 0.1])))
    [0. 0. 1.]
    """

    def probability(self, distance: Distance) -> Distance:
        return (distance > 0).astype(distance.dtype)

    def slope(self, distance: Distance) -> Distance:
        return jnp.zeros_like(distance)

    def log_probability(self, distance: Distance) -> Distance:
        return jnp.where(distance > 0, jnp.zeros_like(distance), -jnp.inf)

    def log_silence(self, distance: Distance) -> Distance:
        return jnp.where(distance > 0, -jnp.inf, jnp.zeros_like(distance))
