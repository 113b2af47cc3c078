import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar
from sgtheory._checks import positive
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class SuperSpike(AbstractSurrogate):
    r"""Slope of the fast sigmoid, $h_\beta(u) = 1/(1+\beta|u|)^2$, or $\beta$ times that when `scaled` is false.

    Scaled, its height at threshold is 1 whatever the steepness (area $2/\beta$); unscaled, its area is 2 whatever the
    steepness. `matches` gives None, for the slope of a probability has the area 1: unscaled, $h_\beta$ is twice the slope
    of `sgtheory.escape.FastSigmoid` of the same steepness; scaled, it is $2/\beta$ times that slope, and equals it at
    $\beta = 2$ only.

    **Arguments:** `steepness` $\beta$, per unit of membrane potential, positive; `scaled`, whether the derivative is
    divided by $\beta$.
    **Raises** `ValueError` for a steepness that is not positive and finite.
    **Source:** Zenke & Ganguli (2018); both scalings in Gygax & Zenke (2025).

    >>> import jax.numpy as jnp
    >>> distance = jnp.array(0.25)
    >>> scaled, unscaled = SuperSpike(steepness=2.0), SuperSpike(steepness=2.0, scaled=False)
    >>> print(round(float(scaled.derivative(distance)), 4), round(float(unscaled.derivative(distance)), 4))
    0.4444 0.8889
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))
    scaled: bool = eqx.field(default=True, static=True)

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        shape = 1.0 / (1.0 + self.steepness * jnp.abs(distance)) ** 2
        return shape if self.scaled else self.steepness * shape
