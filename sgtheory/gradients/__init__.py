"""Gradient estimators: one draw in, one estimate out; the exact gradient beside them."""

from sgtheory.gradients import fields as fields, programs as programs
from sgtheory.gradients._base import (
    AbstractGradientEstimator as AbstractGradientEstimator,
    AbstractPathwise as AbstractPathwise,
    Claim as Claim,
    Depth as Depth,
    Loss as Loss,
    Losses as Losses,
)
from sgtheory.gradients._compare import Comparison as Comparison, compare as compare
from sgtheory.gradients._concrete import ConcreteRelaxation as ConcreteRelaxation
from sgtheory.gradients._exact import (
    ExactGradient as ExactGradient,
    enumerate_paths as enumerate_paths,
    expectation as expectation,
)
from sgtheory.gradients._finite_difference import FiniteDifference as FiniteDifference
from sgtheory.gradients._layered import (
    PathTable as PathTable,
    flip_gradient as flip_gradient,
    layered_expectation as layered_expectation,
    path_mean as path_mean,
)
from sgtheory.gradients._mean_field import MeanFieldGradient as MeanFieldGradient
from sgtheory.gradients._sampling import sample_gradients as sample_gradients
from sgtheory.gradients._score_function import (
    ScoreFunction as ScoreFunction,
    mean_baseline as mean_baseline,
    optimal_baseline as optimal_baseline,
)
from sgtheory.gradients._smoothed import SmoothedDerivative as SmoothedDerivative
from sgtheory.gradients._stochastic_triple import StochasticTriple as StochasticTriple
from sgtheory.gradients._straight_through import StraightThrough as StraightThrough
from sgtheory.gradients._surrogate import SurrogateGradient as SurrogateGradient
from sgtheory.rules import (
    MultilayerSpiker,
    SmoothedAffine,
    SmoothedLeft,
    SmoothedRight,
    SmoothedTwoSided,
    StraightThroughReLU,
    Threshold,
)
from sgtheory.surrogates import Boxcar, SuperSpike

ALL_ESTIMATORS: dict[str, AbstractGradientEstimator] = {
    "exact": ExactGradient(),
    "surrogate, matched": SurrogateGradient(),
    "surrogate, SuperSpike": SurrogateGradient(SuperSpike(steepness=10.0)),
    "surrogate, deterministic": SurrogateGradient(forward=Threshold()),
    "smoothed left": SmoothedDerivative(SmoothedLeft()),
    "smoothed right": SmoothedDerivative(SmoothedRight()),
    "smoothed two-sided": SmoothedDerivative(SmoothedTwoSided()),
    "smoothed affine": SmoothedDerivative(SmoothedAffine()),
    "score function": ScoreFunction(),
    "score function, mean baseline": ScoreFunction(mean_baseline),
    "score function, optimal baseline": ScoreFunction(optimal_baseline),
    "stochastic triple": StochasticTriple(),
    "finite difference, coupled": FiniteDifference(step=0.5),
    "finite difference, uncoupled": FiniteDifference(step=0.5, coupled=False),
    "straight-through": StraightThrough(),
    "MultilayerSpiker": StraightThrough(MultilayerSpiker()),
    "ReLU straight-through": StraightThrough(StraightThroughReLU()),
    "clipped straight-through": SurrogateGradient(Boxcar(steepness=1.0)),
    "mean field": MeanFieldGradient(),
    "Concrete": ConcreteRelaxation(temperature=0.5),
}
"""The registry that contract tests, menus and benchmarks read: a name and a ready estimator each."""
