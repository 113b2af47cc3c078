"""What every surrogate derivative offers."""

import abc

import equinox as eqx

from sgtheory._arrays import Distance
from sgtheory.escape import AbstractEscape
from sgtheory.escape._base import entrywise


class AbstractSurrogate(eqx.Module):
    r"""A surrogate derivative $h(u)$: what stands in the chain rule where $\Theta'(u)$ would stand.

    Unlike an escape function it need not belong to any probability law; `sgtheory.surrogates.Matched` takes the one
    that does. The surrogate gradient of one unit is $h(u)\,x_i$, Gygax & Zenke (2025), Eq. 3.
    """

    @abc.abstractmethod
    @entrywise
    def derivative(self, distance: Distance) -> Distance:
        """$h(u)$, per unit of distance, entry by entry, in the dtype of `distance`: a number or an array of any shape."""
        ...

    def matches(self) -> AbstractEscape | None:
        r"""The escape noise with the slope $p'(u) = h(u)$, or None where no noise of `sgtheory.escape` has this slope.

        For one unit with that noise the surrogate gradient is the gradient of the expected output, Gygax & Zenke
        (2025), Eq. 3 and Eq. 5.
        """
        return None
