"""What every surrogate derivative offers."""

import abc

import equinox as eqx

from sgtheory._arrays import Distance


class AbstractSurrogate(eqx.Module):
    r"""A surrogate derivative $h(u)$: what stands in the chain rule where $\Theta'(u)$ would stand.

    Unlike an escape function it need not belong to any probability law; `sgtheory.surrogates.Matched` takes the one
    that does. The surrogate gradient of one unit is $h(u)\,x_i$, Gygax & Zenke (2025), Eq. 3.
    """

    @abc.abstractmethod
    def derivative(self, distance: Distance) -> Distance:
        """$h(u)$, per unit of distance, entry by entry, in the dtype of `distance`."""
