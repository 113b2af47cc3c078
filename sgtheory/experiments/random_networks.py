"""How far does a gradient estimator stray in a network that nobody chose?

Many random networks of the same widths, each with weights, input and loss of its own: for each the exact gradient, and
for each method the mean of some draws beside it. `survey_network` is pure and traced: every number of a setting is a
traced value, so that changing one never recompiles, and widths, methods and draws are fixed. A network's numbers follow
from its own key alone; they are the same to the last bit in whatever batch it is surveyed.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Key, Parameters, Scalar
from sgtheory._checks import shorten
from sgtheory.escape import Sigmoid
from sgtheory.gradients import ALL_ESTIMATORS, AbstractGradientEstimator, ExactGradient, Loss, SurrogateGradient
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.statistics import sign_agreement, summarise
from sgtheory.surrogates import SigmoidDerivative

METHODS: dict[str, AbstractGradientEstimator] = {
    **ALL_ESTIMATORS,
    "surrogate, sigmoid": SurrogateGradient(SigmoidDerivative(1.0)),
}
"""What can be surveyed by name: all estimators, and a surrogate of the network's own shape but not its steepness."""


def _readout(numbers: Float[Array, " outputs"]) -> Loss:
    return lambda spikes: jnp.sum(numbers * spikes) / numbers.shape[0] ** 0.5


def _squared_error(numbers: Float[Array, " outputs"]) -> Loss:
    target = jnp.where(numbers > 0, 1.0, 0.0).astype(numbers.dtype)
    return lambda spikes: 0.5 * jnp.sum((target - spikes) ** 2)


LOSSES: dict[str, Callable[[Array], Loss]] = {"readout": _readout, "squared error": _squared_error}
r"""From a normal number an output to a loss: a random linear read-out $r\cdot y/\sqrt{n}$ of the spikes $y$ of the last
layer, which is affine in them, or $\frac12\sum_i(\hat y_i - y_i)^2$ for the pattern $\hat y$ of the numbers' signs, as in
Gygax & Zenke (2025), Eq. 24."""


class SurveySetting(eqx.Module):
    r"""The numbers of a survey.

    `steepness` $\beta$ of the escape noise; `surrogate_steepness` of every surrogate derivative that has one;
    `spread`, the standard deviation of weights times $\sqrt{\text{inputs of the unit}}$; `bias_spread`, that of biases.
    """

    steepness: Float[Array, "..."]
    surrogate_steepness: Float[Array, "..."]
    spread: Float[Array, "..."]
    bias_spread: Float[Array, "..."]


class NetworkSurvey(eqx.Module):
    """What a survey found: one entry a method, with leading axes over networks where there are many.

    `cosine` and `sign_agreement` of the mean of the draws with the exact gradient; `bias`, the norm of their difference;
    `standard_error`, the norm of the standard errors of the mean, below which a bias does not show; `variance` of one
    draw, averaged over parameters; `exact_norm` of the exact gradient, one number a network. `methods` are their names,
    `runs` the runs of the network that a draw of each costs.
    """

    cosine: Float[Array, "..."]
    sign_agreement: Float[Array, "..."]
    bias: Float[Array, "..."]
    standard_error: Float[Array, "..."]
    variance: Float[Array, "..."]
    exact_norm: Float[Array, "..."]
    methods: tuple[str, ...] = eqx.field(static=True)
    runs: tuple[int, ...] = eqx.field(static=True)

    @property
    def relative_bias(self) -> Float[Array, "..."]:
        """`bias` as a multiple of the exact gradient's norm: infinite where that norm is 0, unless the bias is 0 too."""
        return relative(self.bias, self.exact_norm[..., None])


def relative(bias: Float[Array, "..."], exact_norm: Float[Array, "..."]) -> Float[Array, "..."]:
    """`bias` over `exact_norm`; 0 where both are 0, infinite where the norm alone is.

    >>> import jax.numpy as jnp
    >>> print(relative(jnp.array([1.0, 1.0, 0.0]), jnp.array([2.0, 0.0, 0.0])))
    [0.5 inf 0. ]
    """
    exact_norm = jnp.broadcast_to(exact_norm, bias.shape)
    without = jnp.where(bias > 0, jnp.inf, 0.0).astype(bias.dtype)
    return jnp.where(exact_norm > 0, bias / jnp.where(exact_norm > 0, exact_norm, 1.0), without)


def network_keys(key: Key, indices: Array) -> Array:
    """The key of each network, by its index: network 7 has the same one in every survey with this `key`."""
    return jax.vmap(lambda index: jax.random.fold_in(key, index))(indices)


def random_problem(
    key: Key, setting: SurveySetting, widths: Sequence[int], loss: str = "readout"
) -> tuple[Loss, MultilayerPerceptron, MultilayerParameters, Float[Array, " inputs"]]:
    """The random network of a key: loss, network, parameters and inputs, as an estimator takes them.

    Weights, biases and inputs are normal; none of them depends on the steepness, so that one network is seen at several.

    **Raises** `ValueError` for widths that are none, and for a `loss` that is not among `LOSSES`.
    """
    if loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {', '.join(map(repr, LOSSES))}, got {shorten(loss)}.")
    # Numbers are put in place: a compiled program need not check them for every network.
    escape = eqx.tree_at(lambda noise: noise.steepness, Sigmoid(1.0), setting.steepness)
    network = MultilayerPerceptron(widths, escape)
    shapes = [(above, below) for below, above in itertools.pairwise(network.widths)]
    parameters = MultilayerParameters([np.zeros(shape) for shape in shapes])
    layers = len(shapes)
    shapes += [(above,) for above in network.widths[1:]] + [network.widths[:1], network.widths[-1:]]
    *drawn, inputs, outputs = _normal(_problem_and_draws(key)[0], shapes, jnp.result_type(setting.steepness))
    weights = tuple(setting.spread / matrix.shape[1] ** 0.5 * matrix for matrix in drawn[:layers])
    biases = tuple(setting.bias_spread * vector for vector in drawn[layers:])
    parameters = eqx.tree_at(lambda p: (p.weights, p.biases), parameters, (weights, biases))
    return LOSSES[loss](outputs), network, parameters, inputs


def _problem_and_draws(key: Key) -> Array:
    return jax.random.split(key)


def _normal(key: Key, shapes: Sequence[tuple[int, ...]], dtype: jnp.dtype) -> list[Array]:
    """Normal numbers in these shapes, drawn at once: each call of the generator takes a quarter second to compile."""
    sizes = [math.prod(shape) for shape in shapes]
    pieces = jnp.split(jax.random.normal(key, (sum(sizes),), dtype), list(itertools.accumulate(sizes[:-1])))
    return [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True)]


def chosen_methods(
    methods: Sequence[str] | Mapping[str, AbstractGradientEstimator], setting: SurveySetting
) -> dict[str, AbstractGradientEstimator]:
    """The estimators of these names, or those given, with the setting's steepness in every surrogate derivative.

    **Raises** `ValueError` for no methods, for a name that is not among `METHODS`, and for one that comes twice.
    """
    unknown = [name for name in methods if name not in METHODS] if not isinstance(methods, Mapping) else []
    if unknown:
        raise ValueError(f"`methods` must be among {', '.join(map(repr, METHODS))}, got {shorten(unknown[0])}.")
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"`methods` must be at least one, each named once, got {shorten(list(methods))}.")
    given = methods if isinstance(methods, Mapping) else {name: METHODS[name] for name in methods}
    return {name: _at_steepness(estimator, setting.surrogate_steepness) for name, estimator in given.items()}


def _at_steepness(estimator: AbstractGradientEstimator, steepness: Scalar) -> AbstractGradientEstimator:
    derivative = getattr(estimator, "derivative", None)
    if not hasattr(derivative, "steepness"):
        return estimator
    return eqx.tree_at(lambda each: each.derivative.steepness, estimator, steepness)


@eqx.filter_jit
def survey_network(
    key: Key,
    setting: SurveySetting,
    *,
    widths: Sequence[int],
    methods: Sequence[str] | Mapping[str, AbstractGradientEstimator],
    draws: int,
    loss: str = "readout",
) -> NetworkSurvey:
    """All methods on the random network of one key, beside its exact gradient.

    All methods get the same keys, so that those that draw alike are compared on the same draws.

    **Arguments:** `widths`, number of inputs and then of units in each layer; `methods`, names out of `METHODS`, or a
    mapping of estimators; `draws` of each, at least 2; `loss`, a name out of `LOSSES`.
    **Raises** `ValueError` for an argument that is none of these, and for two adjacent layers with more than 24 units
    together, which cannot be summed exactly.

    >>> import jax, jax.numpy as jnp
    >>> setting = SurveySetting(*map(jnp.asarray, (2.0, 2.0, 3.0, 0.0)))
    >>> found = survey_network(jax.random.key(3), setting, widths=(2, 2, 1), draws=2000,
    ...                        methods=("exact", "surrogate, matched", "stochastic triple"))
    >>> print([bool(bias > 4.5 * error) for bias, error in zip(found.bias, found.standard_error)], found.runs)
    [False, True, False] (12, 1, 4)
    """
    if draws < 2:
        raise ValueError(f"`draws` must be at least 2 for a variance, got {shorten(draws)}. Ask for 1000, say.")
    estimators = chosen_methods(methods, setting)
    problem = random_problem(key, setting, widths, loss)
    _, network, parameters, inputs = problem
    exact = _flat(ExactGradient().evaluate(*problem, ()))
    keys = jax.random.split(_problem_and_draws(key)[1], draws)
    measured = [_measure(estimator, problem, exact, keys) for estimator in estimators.values()]
    cosines, agreements, biases, errors, variances = (jnp.stack(column) for column in zip(*measured, strict=True))
    runs = tuple(estimator.runs(network, parameters, inputs) for estimator in estimators.values())
    return NetworkSurvey(
        cosines, agreements, biases, errors, variances, jnp.linalg.norm(exact), tuple(estimators), runs
    )


def _measure(estimator, problem, exact, keys) -> tuple[Scalar, ...]:
    loss, network, parameters, inputs = problem

    def one(key):
        return _flat(estimator.evaluate(loss, network, parameters, inputs, estimator.draw(network, inputs, key=key)))

    summary = summarise(jax.vmap(one)(keys), exact)
    return (
        summary.cosine,
        sign_agreement(summary.mean, exact),
        jnp.linalg.norm(summary.bias),
        jnp.linalg.norm(summary.standard_error),
        jnp.mean(summary.variance),
    )


def _flat(tree: Parameters) -> Float[Array, " parameters"]:
    return ravel_pytree(tree)[0]


@eqx.filter_jit
def survey_networks(
    keys: Array,
    setting: SurveySetting,
    *,
    widths: Sequence[int],
    methods: Sequence[str] | Mapping[str, AbstractGradientEstimator],
    draws: int,
    loss: str = "readout",
) -> NetworkSurvey:
    """`survey_network` for each of some `keys` (see `network_keys`), compiled once for a number of them.

    One network after the other, its draws side by side: sums in a batch of networks would round by the batch's size.
    """
    return jax.lax.map(
        lambda key: survey_network(key, setting, widths=widths, methods=methods, draws=draws, loss=loss), keys
    )


class SurveySummary(eqx.Module):
    """Quartiles over networks: a leading axis of three, the lower, the median and the upper; one entry a method."""

    cosine: Float[Array, "..."]
    sign_agreement: Float[Array, "..."]
    relative_bias: Float[Array, "..."]
    standard_error: Float[Array, "..."]
    variance: Float[Array, "..."]


def summarise_survey(survey: NetworkSurvey) -> SurveySummary:
    """Quartiles of everything over the first axis, that of networks; between two networks lies their middle."""

    def quartiles(values):
        # The middle, not the interpolation: a weight of 0 times an infinite relative bias would be no number.
        return jnp.quantile(values, jnp.array([0.25, 0.5, 0.75], values.dtype), axis=0, method="midpoint")

    numbers = (survey.cosine, survey.sign_agreement, survey.relative_bias, survey.standard_error, survey.variance)
    return SurveySummary(*map(quartiles, numbers))
