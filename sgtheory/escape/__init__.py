"""Escape noise: the probability of a spike at a distance to threshold, and its slope."""

from sgtheory.escape._arctan import Arctan as Arctan
from sgtheory.escape._base import AbstractEscape as AbstractEscape
from sgtheory.escape._custom import Custom as Custom
from sgtheory.escape._error_function import ErrorFunction as ErrorFunction
from sgtheory.escape._exponential_hazard import ExponentialHazard as ExponentialHazard
from sgtheory.escape._fast_sigmoid import FastSigmoid as FastSigmoid
from sgtheory.escape._hard_threshold import HardThreshold as HardThreshold
from sgtheory.escape._sigmoid import Sigmoid as Sigmoid

ALL_ESCAPES: dict[str, type[AbstractEscape]] = {
    "sigmoid": Sigmoid,
    "error function": ErrorFunction,
    "fast sigmoid": FastSigmoid,
    "arctan": Arctan,
    "exponential hazard": ExponentialHazard,
    "hard threshold": HardThreshold,
    "custom": Custom,
}
"""The registry that contract tests and menus read."""
