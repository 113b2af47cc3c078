from sgtheory._arrays import Distance
from sgtheory.escape import AbstractEscape
from sgtheory.escape._base import entrywise
from sgtheory.surrogates._base import AbstractSurrogate


class Matched(AbstractSurrogate):
    r"""The slope of an escape function, $h(u) = p'(u)$: the one surrogate that is right for that noise.

    For one unit it makes the surrogate gradient equal to the gradient of the expected output.

    **Arguments:** `escape`, the escape noise to be matched.
    **Source:** Gygax & Zenke (2025), Eq. 3 and Eq. 5.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import FastSigmoid
    >>> print(round(float(Matched(FastSigmoid(steepness=2.0)).derivative(jnp.array(0.25))), 4))
    0.4444
    """

    escape: AbstractEscape

    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        return self.escape.slope(distance)

    def matches(self) -> AbstractEscape:
        return self.escape
