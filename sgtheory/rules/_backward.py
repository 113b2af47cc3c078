r"""The backward half of a spike rule: the slope that a decision shows to the chain rule.

With the stochastic derivative of a Bernoulli variable, Gygax & Zenke (2025), Eq. 6: the smoothed right derivative is
$p'/(1-p)$ where the outcome is 0, the smoothed left one is $p'/p$ where it is 1, each 0 otherwise.
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Distance, Scalar, Spikes
from sgtheory._checks import finite, instance, shorten
from sgtheory.escape import AbstractEscape
from sgtheory.surrogates import AbstractSurrogate


class AbstractBackward(eqx.Module):
    """The slope of a decision, given its outcome."""

    @abc.abstractmethod
    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        """What multiplies the derivative of `distance`, entry by entry, per unit of distance."""


class Detached(AbstractBackward):
    """No gradient passes the decision: its outcome is a constant.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(Detached().slope(Sigmoid(2.0), jnp.array(0.5), jnp.array(1.0)))
    0.0
    """

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        del escape, spike
        return jnp.zeros_like(distance)


class Surrogate(AbstractBackward):
    r"""A surrogate derivative $h(u)$ whatever the outcome; without one the matched one, the slope $p'(u)$ of the noise.

    **Arguments:** `derivative`, one of `sgtheory.surrogates`, or None for the slope of the network's own escape noise.
    **Raises** `TypeError` for a derivative of another family.
    **Source:** Gygax & Zenke (2025), Eq. 3.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.surrogates import SuperSpike
    >>> matched, unmatched = Surrogate(), Surrogate(SuperSpike(2.0))
    >>> u, spike = jnp.array(0.5), jnp.array(1.0)
    >>> print(round(float(matched.slope(Sigmoid(2.0), u, spike)), 4), unmatched.slope(Sigmoid(2.0), u, spike))
    0.3932 0.25
    """

    derivative: AbstractSurrogate | None = None

    def __check_init__(self):
        check_derivative(self.derivative)

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        del spike
        return escape.slope(distance) if self.derivative is None else self.derivative.derivative(distance)


def check_derivative(derivative: object) -> None:
    """**Raises** `TypeError`, one sentence, for what is neither a surrogate derivative nor None."""
    if isinstance(derivative, AbstractEscape):
        raise TypeError(
            f"`derivative` must be of the family AbstractSurrogate, got the escape noise {shorten(derivative)}. "
            "Take `Matched(...)` of it for its slope, or None for that of the network's own noise."
        )
    if derivative is not None:
        instance("derivative", derivative, AbstractSurrogate, "Take one of `sgtheory.surrogates`, or None.")


class AbstractSmoothed(AbstractBackward):
    r"""A slope whose mean over the outcomes is $p'(u)$: a smoothed stochastic derivative.

    For one decision and a loss that is affine in the spikes such a slope leaves no bias.
    """


class SmoothedLeft(AbstractSmoothed):
    r"""Smoothed left derivative, $p'/p$ where the unit spiked, else 0; mean $p'$, variance $p'^2(1-p)/p$.

    **Source:** Gygax & Zenke (2025), Eq. 1 and Eq. 6.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(SmoothedLeft().slope(Sigmoid(2.0), jnp.zeros(2), jnp.array([0.0, 1.0])))
    [0. 1.]
    """

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        return jnp.where(spike > 0.5, escape.slope_over_probability(distance), jnp.zeros_like(distance))


class SmoothedRight(AbstractSmoothed):
    r"""Smoothed right derivative, $p'/(1-p)$ where the unit was silent, else 0; mean $p'$, variance $p'^2 p/(1-p)$.

    **Source:** Gygax & Zenke (2025), Eq. 1 and Eq. 6.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(SmoothedRight().slope(Sigmoid(2.0), jnp.zeros(2), jnp.array([0.0, 1.0])))
    [1. 0.]
    """

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        return jnp.where(spike > 0.5, jnp.zeros_like(distance), escape.slope_over_silence(distance))


class SmoothedAffine(AbstractSmoothed):
    r"""Affine combination $w\,\text{right} + (1-w)\,\text{left}$ of the smoothed derivatives.

    Without a weight, $w = 1-p(u)$: then either outcome gives $p'$, the matched surrogate, and nothing varies. Any
    constant weight has the mean $p'$ too; its variance is $p'^2\,(1-p-w)^2/(p(1-p))$.

    **Arguments:** `weight` $w$ of the right derivative, any finite number, or None for $1-p(u)$.
    **Raises** `ValueError` for a weight that is not finite.
    **Source:** Gygax & Zenke (2025), Eq. 6 and the text after it (their Fig. S3).

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> slopes = SmoothedAffine().slope(Sigmoid(2.0), jnp.array([0.5, 0.5]), jnp.array([0.0, 1.0]))
    >>> print([round(float(slope), 4) for slope in slopes])
    [0.3932, 0.3932]
    """

    weight: Scalar | None = eqx.field(default=None, converter=finite("weight", single=True, optional=True))

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        # The weight of the silent outcome is taken from its logarithm: 1 − p itself rounds to 0 far above threshold.
        right_weight = jnp.exp(escape.log_silence(distance)) if self.weight is None else self.weight
        left_weight = escape.probability(distance) if self.weight is None else 1.0 - self.weight
        left = left_weight * SmoothedLeft().slope(escape, distance, spike)
        right = right_weight * SmoothedRight().slope(escape, distance, spike)
        return jnp.where(spike > 0.5, left, right)


class SmoothedTwoSided(AbstractSmoothed):
    r"""Half the left and half the right smoothed derivative; mean $p'$, variance $p'^2(1-2p)^2/(4p(1-p))$.

    The default smoothing of StochasticAD.jl. It is *not* the surrogate gradient.
    **Source:** Arya et al. (2022).

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(SmoothedTwoSided().slope(Sigmoid(2.0), jnp.zeros(2), jnp.array([0.0, 1.0])))
    [0.5 0.5]
    """

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        return SmoothedAffine(0.5).slope(escape, distance, spike)


class MultilayerSpiker(AbstractBackward):
    """The spike is its own slope: 1 where the unit fired, 0 where it was silent.

    **Source:** Gardner, Sporea & Grüning (2015), as read in Gygax & Zenke (2025).

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> print(MultilayerSpiker().slope(Sigmoid(2.0), jnp.zeros(2), jnp.array([0.0, 1.0])))
    [0. 1.]
    """

    def slope(self, escape: AbstractEscape, distance: Distance, spike: Spikes) -> Distance:
        del escape, distance
        return spike
