"""Gradient estimators: one draw in, one estimate out; the exact gradient beside them.

Their registry, with labels, marks and ready settings, is `sgtheory.methods`.
"""

from sgtheory.gradients import fields as fields, programs as programs
from sgtheory.gradients._base import (
    AbstractDifferentiable as AbstractDifferentiable,
    AbstractGradientEstimator as AbstractGradientEstimator,
    AbstractRuleGradient as AbstractRuleGradient,
    Loss as Loss,
    Problem as Problem,
    flatten_parameters as flatten_parameters,
    scalar_loss as scalar_loss,
)
from sgtheory.gradients._claim import Claim as Claim, Losses as Losses
from sgtheory.gradients._compare import (
    Comparison as Comparison,
    compare as compare,
    exact_gradient as exact_gradient,
    measure as measure,
)
from sgtheory.gradients._concrete import ConcreteRelaxation as ConcreteRelaxation
from sgtheory.gradients._eligibility import EligibilityRule as EligibilityRule
from sgtheory.gradients._enumeration import spike_patterns as spike_patterns
from sgtheory.gradients._exact import (
    ExactGradient as ExactGradient,
    enumerate_paths as enumerate_paths,
    expectation as expectation,
)
from sgtheory.gradients._expected import expected_gradient as expected_gradient
from sgtheory.gradients._finite_difference import FiniteDifference as FiniteDifference
from sgtheory.gradients._layered import (
    PathTable as PathTable,
    flip_gradient as flip_gradient,
    layered_expectation as layered_expectation,
    path_mean as path_mean,
)
from sgtheory.gradients._mean_field import MeanFieldGradient as MeanFieldGradient
from sgtheory.gradients._mean_objective import mean_objective as mean_objective
from sgtheory.gradients._pathwise import PathwiseGradient as PathwiseGradient
from sgtheory.gradients._recurrent_learning import RealTimeRecurrentLearning as RealTimeRecurrentLearning
from sgtheory.gradients._rule_gradient import RuleGradient as RuleGradient
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
