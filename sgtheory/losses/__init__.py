"""Losses: from the output of a network to one number.

Every loss is a module whose numbers are data, so that a new target never recompiles, and `jax.vmap` over a loss takes one
of many targets at a time. Any function of the output is a loss as well; a loss of one's own that is to be as cheap to
change is a sub-class of `AbstractLoss`.
"""

from sgtheory.losses._activity import LowerActivity as LowerActivity, UpperActivity as UpperActivity
from sgtheory.losses._base import AbstractLoss as AbstractLoss
from sgtheory.losses._classes import MaximumOverTime as MaximumOverTime, SumOfSoftmax as SumOfSoftmax
from sgtheory.losses._first_spikes import FirstSpikeLoss as FirstSpikeLoss
from sgtheory.losses._spike_trains import (
    SpikeCount as SpikeCount,
    SpikeTrainDistance as SpikeTrainDistance,
    VanRossumDistance as VanRossumDistance,
)
from sgtheory.losses._sum import Sum as Sum
from sgtheory.losses._vectors import (
    Component as Component,
    CrossEntropy as CrossEntropy,
    LinearReadout as LinearReadout,
    MeanSquaredError as MeanSquaredError,
    SquaredDistance as SquaredDistance,
    Total as Total,
)

ALL_LOSSES: dict[str, type[AbstractLoss]] = {
    "mean squared error": MeanSquaredError,
    "squared distance": SquaredDistance,
    "cross entropy": CrossEntropy,
    "linear read-out": LinearReadout,
    "total": Total,
    "component": Component,
}
"""The losses of one vector: the registry that contract tests and menus read."""

TRAIN_LOSSES: dict[str, type[AbstractLoss]] = {
    "spike count": SpikeCount,
    "spike train distance": SpikeTrainDistance,
    "van Rossum distance": VanRossumDistance,
    "maximum over time": MaximumOverTime,
    "sum of softmax": SumOfSoftmax,
    "upper activity": UpperActivity,
    "lower activity": LowerActivity,
}
"""The losses of arrays whose first axis is time: spike trains, and potentials of a read-out."""
