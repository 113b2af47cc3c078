import jax.numpy as jnp

from sgtheory._arrays import Distance
from sgtheory.escape._base import AbstractEscape, entrywise


class HardThreshold(AbstractEscape):
    r"""No noise: $p(u) = \Theta(u)$ with $\Theta(0) = 0$. Its slope is 0 wherever it exists, and is taken to be 0 at threshold.

    The limit $\beta\to\infty$ of every other built-in escape function, except at threshold itself.

    **Source:** Gygax & Zenke (2025), Eq. 2.

    >>> import jax.numpy as jnp
    >>> print(HardThreshold().probability(jnp.array([-0.1, 0.0, 0.1])))
    [0. 0. 1.]
    """

    @entrywise
    def probability(self, distance: Distance) -> Distance:
        return (distance > 0).astype(distance.dtype)

    @entrywise
    def slope(self, distance: Distance) -> Distance:
        return jnp.zeros_like(distance)

    @entrywise
    def log_probability(self, distance: Distance) -> Distance:
        return jnp.where(distance > 0, jnp.zeros_like(distance), -jnp.inf)

    @entrywise
    def log_silence(self, distance: Distance) -> Distance:
        return jnp.where(distance > 0, -jnp.inf, jnp.zeros_like(distance))
