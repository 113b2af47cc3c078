"""The one registry of gradient methods: what each is called, how it is drawn, and how it is built from a few numbers.

Menus, surveys, comparisons and contract tests read it; a new method is one file and one line here. It loads no JAX until
a method is built, so that a page can show its menus first.

    from sgtheory.methods import METHODS
    found = sgtheory.compare(METHODS, *problem, draws=1000, key=key)
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import sgtheory

if TYPE_CHECKING:
    from sgtheory.gradients import AbstractGradientEstimator
    from sgtheory.networks import AbstractNetwork


class MethodSetting(NamedTuple):
    """The numbers that methods are built from; they may be traced."""

    surrogate_steepness: Any = 10.0
    """Steepness of surrogate derivatives, per unit of membrane potential."""
    step: Any = 0.5
    """Step of finite differences, in the units of the parameters."""
    temperature: Any = 0.5
    """Temperature of the Concrete relaxation."""


_USUAL = MethodSetting()


_DEFAULT = MethodSetting()


@dataclasses.dataclass(frozen=True)
class Method:
    """One entry of the registry. Called, it gives the estimator.

    >>> METHODS["score function"]()
    ScoreFunction(baseline=weak_f32[])
    """

    label: str
    """Its name in words; the registry's key."""
    short: str
    """A name for narrow places."""
    mark: tuple[str, str]
    """How it is drawn: the role of its colour, one for each family, and its sign, one for each member."""
    build: Callable[[MethodSetting], "AbstractGradientEstimator"]
    """From a setting to the estimator."""
    in_menu: bool = True
    """Whether the laboratory offers it: the methods that differ in more than a detail."""
    surveyed: bool = False
    """Whether a survey of random networks takes it unless others are named."""
    closed_form: bool = True
    """Whether its mean on a layered network is known without drawing, see `sgtheory.gradients.expected_gradient`."""

    def __call__(self, setting: MethodSetting = _USUAL) -> "AbstractGradientEstimator":
        return self.build(setting)


_ALL = (
    Method("exact", "exact", ("ink", "square"), lambda s: sgtheory.ExactGradient(), in_menu=False),
    Method(
        "surrogate, matched", "surrogate", ("orange", "circle"), lambda s: sgtheory.SurrogateGradient(), surveyed=True
    ),
    Method(
        "surrogate, SuperSpike", "surrogate, SuperSpike", ("orange", "triangle"),
        lambda s: sgtheory.SurrogateGradient(sgtheory.SuperSpike(s.surrogate_steepness)),
    ),
    Method(
        "surrogate, sigmoid", "surrogate, sigmoid", ("orange", "square"),
        lambda s: sgtheory.SurrogateGradient(sgtheory.SigmoidDerivative(s.surrogate_steepness)), in_menu=False,
        surveyed=True,
    ),
    Method(
        "surrogate, deterministic", "surrogate, noiseless", ("orange", "inverted_triangle"),
        lambda s: sgtheory.SurrogateGradient(forward=sgtheory.Threshold()), surveyed=True,
    ),
    Method(
        "smoothed left", "smoothed left", ("green", "circle"),
        lambda s: sgtheory.SmoothedDerivative(sgtheory.SmoothedLeft()),
    ),
    Method(
        "smoothed right", "smoothed right", ("green", "triangle"),
        lambda s: sgtheory.SmoothedDerivative(sgtheory.SmoothedRight()),
    ),
    Method(
        "smoothed two-sided", "smoothed two-sided", ("green", "square"),
        lambda s: sgtheory.SmoothedDerivative(sgtheory.SmoothedTwoSided()), in_menu=False,
    ),
    Method(
        "smoothed affine", "smoothed affine", ("yellow", "square"),
        lambda s: sgtheory.SmoothedDerivative(sgtheory.SmoothedAffine()), in_menu=False,
    ),
    Method(
        "mean field", "mean field", ("green", "inverted_triangle"), lambda s: sgtheory.MeanFieldGradient(), surveyed=True
    ),
    Method("score function", "score function", ("purple", "circle"), lambda s: sgtheory.ScoreFunction(), surveyed=True),
    Method(
        "score function, mean baseline", "score, mean baseline", ("purple", "triangle"),
        lambda s: sgtheory.ScoreFunction(sgtheory.mean_baseline),
    ),
    Method(
        "score function, optimal baseline", "score, best baseline", ("purple", "inverted_triangle"),
        lambda s: sgtheory.ScoreFunction(sgtheory.optimal_baseline),
    ),
    Method(
        "stochastic triple", "stochastic triple", ("blue", "circle"), lambda s: sgtheory.StochasticTriple(), surveyed=True
    ),
    Method(
        "stochastic triple, left", "triple, left", ("blue", "inverted_triangle"),
        lambda s: sgtheory.StochasticTriple("left"), in_menu=False,
    ),
    Method(
        "stochastic triple, two-sided", "triple, two-sided", ("blue", "square"),
        lambda s: sgtheory.StochasticTriple("two-sided"), in_menu=False,
    ),
    Method(
        "Concrete", "Concrete", ("blue", "triangle"), lambda s: sgtheory.ConcreteRelaxation(s.temperature),
        closed_form=False,
    ),
    Method(
        "finite difference, coupled", "differences", ("yellow", "circle"), lambda s: sgtheory.FiniteDifference(s.step)
    ),
    Method(
        "finite difference, uncoupled", "differences, uncoupled", ("yellow", "triangle"),
        lambda s: sgtheory.FiniteDifference(s.step, coupled=False),
    ),
    Method(
        "straight-through", "straight-through", ("ink", "circle"), lambda s: sgtheory.StraightThrough(), surveyed=True
    ),
    Method(
        "MultilayerSpiker", "MultilayerSpiker", ("ink", "triangle"),
        lambda s: sgtheory.StraightThrough(sgtheory.MultilayerSpiker()),
    ),
    Method(
        "ReLU straight-through", "ReLU straight-through", ("ink", "inverted_triangle"),
        lambda s: sgtheory.StraightThrough(sgtheory.Surrogate(sgtheory.Rectifier())), in_menu=False,
    ),
    Method(
        "clipped straight-through", "clipped straight-through", ("purple", "square"),
        lambda s: sgtheory.StraightThrough(sgtheory.Surrogate(sgtheory.Boxcar(1.0))), in_menu=False,
    ),
    Method(
        "pathwise", "pathwise", ("yellow", "inverted_triangle"), lambda s: sgtheory.PathwiseGradient(), in_menu=False,
        closed_form=False,
    ),
)  # fmt: skip

METHODS: dict[str, Method] = {method.label: method for method in _ALL}
"""All methods by their labels."""


def methods_for(network: "AbstractNetwork", setting: MethodSetting = _USUAL) -> dict[str, "AbstractGradientEstimator"]:
    """The methods that work on this kind of network, built: label → estimator.

    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron
    >>> from sgtheory.escape import Sigmoid
    >>> "score function" in methods_for(SingleUnit(Perceptron(Sigmoid(2.0))))
    True
    """
    built = {label: method(setting) for label, method in METHODS.items()}
    return {label: estimator for label, estimator in built.items() if isinstance(network, estimator.takes)}
