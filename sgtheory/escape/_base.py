"""What every escape function offers."""

import abc
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Distance, Spikes


class AbstractEscape(eqx.Module):
    r"""Escape noise: the probability $p(u)$ of a spike at a distance $u$ to threshold, and its slope $p'(u)$.

    A member gives $p$, $p'$, $\log p$ and $\log(1-p)$, each computed so that it stays finite and accurate far from
    threshold. All methods act on arrays of any shape, entry by entry, and keep the dtype of `distance`.
    """

    @abc.abstractmethod
    def probability(self, distance: Distance) -> Distance:
        """Firing probability $p(u)$, in [0, 1]."""

    @abc.abstractmethod
    def slope(self, distance: Distance) -> Distance:
        """Derivative $p'(u)$, per unit of distance: the surrogate derivative that matches this noise."""

    @abc.abstractmethod
    def log_probability(self, distance: Distance) -> Distance:
        r"""$\log p(u)$, of a spike."""

    @abc.abstractmethod
    def log_silence(self, distance: Distance) -> Distance:
        r"""$\log(1-p(u))$, of no spike."""

    @final
    def log_likelihood(self, distance: Distance, spike: Spikes) -> Distance:
        r"""$\log p(u)$ where `spike` is 1, $\log(1-p(u))$ where it is 0.

        The branch not taken is evaluated at threshold, so that neither it nor its derivative can spoil the other.
        """
        fired = spike > 0.5
        zero = jnp.zeros_like(distance)
        return jnp.where(
            fired,
            self.log_probability(jnp.where(fired, distance, zero)),
            self.log_silence(jnp.where(fired, zero, distance)),
        )

    @final
    def slope_over_probability(self, distance: Distance) -> Distance:
        r"""$p'/p = \frac{d}{du}\log p$, without dividing by a rounded zero: what a spike says about $u$."""
        return _derivative(self.log_probability, distance)

    @final
    def slope_over_silence(self, distance: Distance) -> Distance:
        r"""$p'/(1-p) = -\frac{d}{du}\log(1-p)$: what silence says about $u$, with its sign turned."""
        return -_derivative(self.log_silence, distance)


def _derivative(function, distance: Distance) -> Distance:
    return jax.jvp(function, (distance,), (jnp.ones_like(distance),))[1]
