"""How gradients pass through spikes.

Families, from the bottom up: `escape` (probability of a spike), `surrogates` (surrogate derivatives), `rules` (what a
decision does forward and backward), `neurons`, `networks`, `pseudospikes` (spikes after the end of a trial), `losses`,
`gradients` (estimators, one draw at a time), `methods` (their registry), `statistics`, `expressions` (typed formulas),
`experiments` (a question as a function), `survey` (many random networks), `pages` (the interactive pages).

What they hold is also here, by its plain name: `sgtheory.Sigmoid`, `sgtheory.SurrogateGradient`. Everything loads when it
is first used, so that `import sgtheory` costs nothing and a page can show its first picture before JAX is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgtheory import (
        escape as escape,
        experiments as experiments,
        expressions as expressions,
        gradients as gradients,
        losses as losses,
        methods as methods,
        networks as networks,
        neurons as neurons,
        pages as pages,
        pseudospikes as pseudospikes,
        rules as rules,
        statistics as statistics,
        surrogates as surrogates,
        survey as survey,
    )
    from sgtheory.escape import (
        AbstractEscape as AbstractEscape,
        Arctan as Arctan,
        Custom as Custom,
        ErrorFunction as ErrorFunction,
        ExponentialHazard as ExponentialHazard,
        FastSigmoid as FastSigmoid,
        HardThreshold as HardThreshold,
        Sigmoid as Sigmoid,
    )
    from sgtheory.expressions import (
        Expression as Expression,
        expression as expression,
    )
    from sgtheory.gradients import (
        AbstractDifferentiable as AbstractDifferentiable,
        AbstractGradientEstimator as AbstractGradientEstimator,
        AbstractRuleGradient as AbstractRuleGradient,
        Claim as Claim,
        Comparison as Comparison,
        ConcreteRelaxation as ConcreteRelaxation,
        EligibilityRule as EligibilityRule,
        ExactGradient as ExactGradient,
        FiniteDifference as FiniteDifference,
        Loss as Loss,
        Losses as Losses,
        MeanFieldGradient as MeanFieldGradient,
        PathTable as PathTable,
        PathwiseGradient as PathwiseGradient,
        Problem as Problem,
        RealTimeRecurrentLearning as RealTimeRecurrentLearning,
        RuleGradient as RuleGradient,
        ScoreFunction as ScoreFunction,
        SmoothedDerivative as SmoothedDerivative,
        StochasticTriple as StochasticTriple,
        StraightThrough as StraightThrough,
        SurrogateGradient as SurrogateGradient,
        compare as compare,
        enumerate_paths as enumerate_paths,
        exact_gradient as exact_gradient,
        expectation as expectation,
        expected_gradient as expected_gradient,
        flatten_parameters as flatten_parameters,
        flip_gradient as flip_gradient,
        layered_expectation as layered_expectation,
        mean_baseline as mean_baseline,
        mean_objective as mean_objective,
        measure as measure,
        optimal_baseline as optimal_baseline,
        path_mean as path_mean,
        sample_gradients as sample_gradients,
        scalar_loss as scalar_loss,
        spike_patterns as spike_patterns,
    )
    from sgtheory.losses import (
        AbstractLoss as AbstractLoss,
        Component as Component,
        CrossEntropy as CrossEntropy,
        FirstSpikeLoss as FirstSpikeLoss,
        LinearReadout as LinearReadout,
        LowerActivity as LowerActivity,
        MaximumOverTime as MaximumOverTime,
        MeanSquaredError as MeanSquaredError,
        SpikeCount as SpikeCount,
        SpikeTrainDistance as SpikeTrainDistance,
        SquaredDistance as SquaredDistance,
        Sum as Sum,
        SumOfSoftmax as SumOfSoftmax,
        Total as Total,
        UpperActivity as UpperActivity,
        VanRossumDistance as VanRossumDistance,
    )
    from sgtheory.methods import (
        METHODS as METHODS,
        Method as Method,
        MethodSetting as MethodSetting,
        methods_for as methods_for,
    )
    from sgtheory.networks import (
        AbstractClockedLayer as AbstractClockedLayer,
        AbstractEscapeNoiseNetwork as AbstractEscapeNoiseNetwork,
        AbstractLayered as AbstractLayered,
        AbstractNetwork as AbstractNetwork,
        ClockedNetwork as ClockedNetwork,
        ClockedParameters as ClockedParameters,
        Convolution as Convolution,
        Decision as Decision,
        Dense as Dense,
        EndState as EndState,
        EventLayer as EventLayer,
        EventLog as EventLog,
        EventParameters as EventParameters,
        EventPropNetwork as EventPropNetwork,
        EventResult as EventResult,
        InputSpikes as InputSpikes,
        InputVolleys as InputVolleys,
        LayeredEventNetwork as LayeredEventNetwork,
        LayeredLog as LayeredLog,
        LayerParameters as LayerParameters,
        LayerSpikes as LayerSpikes,
        LeakyReadout as LeakyReadout,
        MultilayerParameters as MultilayerParameters,
        MultilayerPerceptron as MultilayerPerceptron,
        Path as Path,
        RecurrentEventNetwork as RecurrentEventNetwork,
        Rule as Rule,
        SingleUnit as SingleUnit,
        SpikeTrains as SpikeTrains,
        decide as decide,
        rule_of as rule_of,
        uniforms as uniforms,
    )
    from sgtheory.neurons import (
        LIF as LIF,
        QIF as QIF,
        AbstractClocked as AbstractClocked,
        AbstractEventNeuron as AbstractEventNeuron,
        AbstractProjectiveNeuron as AbstractProjectiveNeuron,
        ClockedState as ClockedState,
        EventLIF as EventLIF,
        EventState as EventState,
        Perceptron as Perceptron,
        PerceptronParameters as PerceptronParameters,
        Theta as Theta,
        TimeConstants as TimeConstants,
        first_spike_time as first_spike_time,
    )
    from sgtheory.pseudospikes import (
        ConstantDrive as ConstantDrive,
        ContinuedPhase as ContinuedPhase,
        FirstSpikes as FirstSpikes,
        FreeRun as FreeRun,
        PseudospikeNetwork as PseudospikeNetwork,
        first_spikes as first_spikes,
    )
    from sgtheory.rules import (
        AbstractBackward as AbstractBackward,
        AbstractForward as AbstractForward,
        AbstractSmoothed as AbstractSmoothed,
        AbstractSpikeRule as AbstractSpikeRule,
        Concrete as Concrete,
        Detached as Detached,
        Forced as Forced,
        MeanField as MeanField,
        MultilayerSpiker as MultilayerSpiker,
        Sample as Sample,
        SmoothedAffine as SmoothedAffine,
        SmoothedLeft as SmoothedLeft,
        SmoothedRight as SmoothedRight,
        SmoothedTwoSided as SmoothedTwoSided,
        SpikeRule as SpikeRule,
        Surrogate as Surrogate,
        Threshold as Threshold,
        with_slope as with_slope,
    )
    from sgtheory.surrogates import (
        AbstractSurrogate as AbstractSurrogate,
        ArctanDerivative as ArctanDerivative,
        Boxcar as Boxcar,
        Gaussian as Gaussian,
        Identity as Identity,
        Matched as Matched,
        PiecewiseLinear as PiecewiseLinear,
        Rectifier as Rectifier,
        SigmoidDerivative as SigmoidDerivative,
        SuperSpike as SuperSpike,
    )

__version__ = "0.1.0"

_PACKAGES = (
    "data", "escape", "experiments", "expressions", "gradients", "losses", "methods", "networks", "neurons", "pages",
    "pseudospikes", "rules", "statistics", "surrogates", "survey", "training",
)  # fmt: skip
_NAMES: dict[str, tuple[str, ...]] = {
    "escape": (
        "AbstractEscape", "Arctan", "Custom", "ErrorFunction", "ExponentialHazard", "FastSigmoid",
        "HardThreshold", "Sigmoid",
    ),
    "surrogates": (
        "AbstractSurrogate", "ArctanDerivative", "Boxcar", "Gaussian", "Identity", "Matched",
        "PiecewiseLinear", "Rectifier", "SigmoidDerivative", "SuperSpike",
    ),
    "rules": (
        "AbstractBackward", "AbstractForward", "AbstractSmoothed", "AbstractSpikeRule", "Concrete",
        "Detached", "Forced", "MeanField", "MultilayerSpiker", "Sample", "SmoothedAffine", "SmoothedLeft",
        "SmoothedRight", "SmoothedTwoSided", "SpikeRule", "Surrogate", "Threshold", "with_slope",
    ),
    "neurons": (
        "AbstractClocked", "AbstractEventNeuron", "AbstractProjectiveNeuron", "ClockedState", "EventLIF", "EventState", "LIF",
        "Perceptron", "PerceptronParameters", "QIF", "Theta", "TimeConstants", "first_spike_time",
    ),
    "networks": (
        "AbstractClockedLayer", "AbstractEscapeNoiseNetwork", "AbstractLayered", "AbstractNetwork", "ClockedNetwork",
        "ClockedParameters", "Convolution", "Decision", "Dense", "EndState", "EventLayer", "EventLog", "EventParameters",
        "EventPropNetwork", "EventResult", "InputSpikes", "InputVolleys", "LayerParameters", "LayerSpikes",
        "LayeredEventNetwork", "LayeredLog", "LeakyReadout", "MultilayerParameters", "MultilayerPerceptron",
        "Path", "RecurrentEventNetwork", "Rule", "SingleUnit", "SpikeTrains", "decide", "rule_of", "uniforms",
    ),
    "pseudospikes": (
        "ConstantDrive", "ContinuedPhase", "FirstSpikes", "FreeRun", "PseudospikeNetwork", "first_spikes",
    ),
    "losses": (
        "AbstractLoss", "Component", "CrossEntropy", "FirstSpikeLoss", "LinearReadout", "LowerActivity", "MaximumOverTime",
        "MeanSquaredError", "SpikeCount", "SpikeTrainDistance", "SquaredDistance", "Sum", "SumOfSoftmax", "Total",
        "UpperActivity", "VanRossumDistance",
    ),
    "gradients": (
        "AbstractDifferentiable", "AbstractGradientEstimator", "AbstractRuleGradient", "Claim", "Comparison",
        "ConcreteRelaxation", "EligibilityRule", "ExactGradient", "FiniteDifference", "Loss", "Losses",
        "MeanFieldGradient", "PathTable", "PathwiseGradient", "Problem", "RealTimeRecurrentLearning", "RuleGradient",
        "ScoreFunction", "SmoothedDerivative", "StochasticTriple", "StraightThrough", "SurrogateGradient",
        "compare", "enumerate_paths", "exact_gradient", "expectation", "expected_gradient",
        "flatten_parameters", "flip_gradient", "layered_expectation", "mean_baseline", "mean_objective",
        "measure", "optimal_baseline", "path_mean", "sample_gradients", "scalar_loss", "spike_patterns",
    ),
    "methods": (
        "METHODS", "Method", "MethodSetting", "methods_for",
    ),
    "expressions": (
        "Expression", "expression",
    ),
}  # fmt: skip
_HOMES = {name: package for package, names in _NAMES.items() for name in names}


def __getattr__(name: str):
    if name in _PACKAGES:
        return importlib.import_module(f"sgtheory.{name}")
    if name in _HOMES:
        found = getattr(importlib.import_module(f"sgtheory.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'sgtheory' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_PACKAGES, *_HOMES, "__version__"]
