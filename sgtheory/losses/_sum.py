from typing import Any

from jaxtyping import PyTree

from sgtheory._arrays import Scalar
from sgtheory._checks import instance
from sgtheory.losses._base import AbstractLoss


class Sum(AbstractLoss):
    """The sum of several losses of one output: of a task and its regularisers.

    **Arguments:** the losses, one after another.
    **Raises** `ValueError` for none, `TypeError` for what is no loss.

    >>> import jax.numpy as jnp
    >>> from sgtheory.losses import SpikeCount, UpperActivity
    >>> spikes = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    >>> print(Sum(SpikeCount(), UpperActivity(1.0, 1.0))(spikes))
    5.0
    """

    losses: tuple[AbstractLoss, ...]

    def __init__(self, *losses: Any):
        if not losses:
            raise ValueError("`losses` must be at least one loss, got none. Give `Sum(first, second)`.")
        for each in losses:
            instance("losses", each, AbstractLoss, "Take one of `sgtheory.losses`, or a sub-class of `AbstractLoss`.")
        self.losses = losses

    def __call__(self, output: PyTree) -> Scalar:
        first, *others = (loss(output) for loss in self.losses)
        for other in others:
            first = first + other
        return first
