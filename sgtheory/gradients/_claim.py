"""What an estimator is right for, as data: tests read it, and hold the estimator to it."""

import enum

import equinox as eqx
import jax
from jax.core import Tracer

from sgtheory._arrays import Inputs
from sgtheory.escape import AbstractEscape
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractNetwork


class Losses(enum.Enum):
    """The losses for which an estimator is unbiased."""

    NONE = "none"
    AFFINE = "affine in the spikes"
    ANY = "any"


class Claim(eqx.Module):
    r"""For which losses the mean of the estimates is the exact gradient, and on which networks.

    `losses`; whether it also holds where decisions are `chained`, one depending on the outcome of another (through
    layers, through time, through a reset); the escape `noise` that the network must have, where only one will do, as for
    a surrogate derivative that matches it; whether it holds for outputs that are `continuous` in the parameters alone
    (for spike times: also at the edge of the window, where spikes appear and vanish).

    >>> from sgtheory.gradients import ScoreFunction, SurrogateGradient
    >>> print(ScoreFunction().claim.losses, ScoreFunction().claim.chained)
    Losses.ANY True
    >>> print(SurrogateGradient().claim.losses, SurrogateGradient().claim.chained)
    Losses.AFFINE False
    """

    losses: Losses = eqx.field(static=True)
    chained: bool = eqx.field(static=True, default=False)
    noise: AbstractEscape | None = None
    continuous: bool = eqx.field(static=True, default=False)

    def on(self, network: AbstractNetwork, inputs: Inputs) -> Losses:
        """The losses for which the estimator is unbiased on this network.

        A noise of which a number is only known when the program runs counts as another one.
        """
        if self.continuous and not network.continuous:
            return Losses.NONE
        if not isinstance(network, AbstractEscapeNoiseNetwork):
            return self.losses if self.continuous else Losses.NONE
        if network.chained and not self.chained:
            return Losses.NONE
        layers = range(len(network.sites(inputs)))
        if self.noise is not None and not all(_same(self.noise, network.escape_of(layer)) for layer in layers):
            return Losses.NONE
        return self.losses


def _same(first: AbstractEscape, second: AbstractEscape) -> bool:
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((first, second))):
        return False
    return type(first) is type(second) and bool(eqx.tree_equal(first, second))
