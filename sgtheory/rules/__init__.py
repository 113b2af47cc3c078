"""Spike rules: what one decision does, forward and backward. The network stays the same."""

from sgtheory.rules._backward import (
    AbstractBackward as AbstractBackward,
    AbstractSmoothed as AbstractSmoothed,
    Detached as Detached,
    MultilayerSpiker as MultilayerSpiker,
    SmoothedAffine as SmoothedAffine,
    SmoothedLeft as SmoothedLeft,
    SmoothedRight as SmoothedRight,
    SmoothedTwoSided as SmoothedTwoSided,
    Surrogate as Surrogate,
)
from sgtheory.rules._base import AbstractSpikeRule as AbstractSpikeRule, with_slope as with_slope
from sgtheory.rules._composed import SpikeRule as SpikeRule
from sgtheory.rules._forward import (
    AbstractForward as AbstractForward,
    Forced as Forced,
    Sample as Sample,
    Threshold as Threshold,
)
from sgtheory.rules._relaxed import Concrete as Concrete, MeanField as MeanField

ALL_FORWARD: dict[str, type[AbstractForward]] = {"sample": Sample, "threshold": Threshold, "forced": Forced}
"""Registry of the forward halves."""

ALL_BACKWARD: dict[str, type[AbstractBackward]] = {
    "detached": Detached,
    "surrogate": Surrogate,
    "smoothed left": SmoothedLeft,
    "smoothed right": SmoothedRight,
    "smoothed two-sided": SmoothedTwoSided,
    "smoothed affine": SmoothedAffine,
    "MultilayerSpiker": MultilayerSpiker,
}
"""Registry of the backward halves."""
