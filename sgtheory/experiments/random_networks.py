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

from sgtheory._arrays import Array, Float, Key, Scalar, cut
from sgtheory._checks import shorten
from sgtheory.escape import Sigmoid
from sgtheory.gradients import (
    AbstractGradientEstimator,
    Comparison,
    ExactGradient,
    Loss,
    Problem,
    flatten_parameters,
    measure,
)
from sgtheory.losses import AbstractLoss, LinearReadout, SquaredDistance
from sgtheory.methods import METHODS, MethodSetting
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron

Methods = Sequence[str] | Mapping[str, AbstractGradientEstimator | Callable[[MethodSetting], AbstractGradientEstimator]]
"""Labels out of `sgtheory.methods.METHODS`, or a mapping from names to estimators or to what builds them."""


class HalfSquaredDistance(AbstractLoss):
    r"""Half the sum of the squared differences from a target, $L(y) = \frac12\sum_i(y_i-\hat y_i)^2$.

    **Source:** Gygax & Zenke (2025), Eq. 24.

    >>> import jax.numpy as jnp
    >>> print(HalfSquaredDistance(SquaredDistance([1.0, 0.0]))(jnp.array([0.0, 0.0])))
    0.5
    """

    distance: SquaredDistance
    r"""The sum itself, with the target $\hat y$."""

    def __call__(self, output: Array) -> Scalar:
        return 0.5 * self.distance(output)


def _from_pattern(numbers: Float[Array, " outputs"]) -> Loss:
    return HalfSquaredDistance(SquaredDistance((numbers > 0).astype(numbers.dtype)))


LOSSES: dict[str, Callable[[Array], Loss]] = {"readout": LinearReadout, "squared error": _from_pattern}
r"""From a normal number an output to a loss: a random linear read-out $r\cdot y/\sqrt{n}$ of the spikes $y$ of the last
layer, which is affine in them, or $\frac12\sum_i(\hat y_i - y_i)^2$ for the pattern $\hat y$ of the numbers' signs, as in
Gygax & Zenke (2025), Eq. 24."""


class SurveySetting(eqx.Module):
    """The numbers of a survey."""

    steepness: Scalar
    r"""Steepness $\beta$ of the escape noise, per unit of membrane potential."""
    surrogate_steepness: Scalar
    """Steepness of surrogate derivatives that have one of their own, per unit of membrane potential."""
    spread: Scalar
    r"""Standard deviation of the weights, times $\sqrt{\text{inputs of the unit}}$."""
    bias_spread: Scalar
    """Standard deviation of the biases."""


class NetworkSurvey(eqx.Module):
    """What a survey found: one entry a method; of many networks with leading axes over them."""

    cosine: Float[Array, "*networks methods"]
    """Of the angle between the mean of the draws and the exact gradient."""
    sign_agreement: Float[Array, "*networks methods"]
    """The share of parameters for which the mean of the draws has the sign of the exact gradient."""
    bias: Float[Array, "*networks methods"]
    """The length of the mean of the draws less the exact gradient."""
    standard_error: Float[Array, "*networks methods"]
    """The length of the standard errors of the mean, below which a bias does not show."""
    variance: Float[Array, "*networks methods"]
    """The variance of one draw, averaged over the parameters."""
    exact_norm: Float[Array, "*networks"]
    """The length of the exact gradient."""
    methods: tuple[str, ...] = eqx.field(static=True)
    """The names of the methods."""
    runs: tuple[int, ...] = eqx.field(static=True)
    """Runs of the network that one draw by each method costs."""

    @property
    def relative_bias(self) -> Float[Array, "*networks methods"]:
        """`bias` as a multiple of the exact gradient's length: infinite where that is 0, unless the bias is 0 too."""
        return relative(self.bias, self.exact_norm[..., None])


def relative(bias: Float[Array, "*#shape"], exact_norm: Float[Array, "*#shape"]) -> Float[Array, "*shape"]:
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


def random_problem(key: Key, setting: SurveySetting, widths: Sequence[int], loss: str = "readout") -> Problem:
    """The random network of a key: loss, network, parameters and inputs, as an estimator takes them.

    Weights, biases and inputs are normal; none of them depends on the steepness, so that one network is seen at several.

    **Raises** `ValueError` for widths that are none, and for a `loss` that is not among `LOSSES`.
    """
    if loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {', '.join(map(repr, LOSSES))}, got {shorten(loss)}.")
    network = MultilayerPerceptron(widths, Sigmoid(setting.steepness))
    shapes = [(above, below) for below, above in itertools.pairwise(network.widths)]
    layers = len(shapes)
    shapes += [(above,) for above in network.widths[1:]] + [network.widths[:1], network.widths[-1:]]
    *drawn, inputs, outputs = _normal(_problem_and_draws(key)[0], shapes, jnp.result_type(setting.steepness))
    weights = [setting.spread / matrix.shape[1] ** 0.5 * matrix for matrix in drawn[:layers]]
    biases = [setting.bias_spread * vector for vector in drawn[layers:]]
    return Problem(LOSSES[loss](outputs), network, MultilayerParameters(weights, biases), inputs)


def _problem_and_draws(key: Key) -> Array:
    return jax.random.split(key)


def _normal(key: Key, shapes: Sequence[tuple[int, ...]], dtype: jnp.dtype) -> list[Array]:
    """Normal numbers in these shapes."""
    return list(cut(jax.random.normal(key, (sum(map(math.prod, shapes)),), dtype), shapes))


def chosen_methods(methods: Methods, setting: SurveySetting) -> dict[str, AbstractGradientEstimator]:
    """The estimators of these names, or those given; what is built takes the surrogate steepness of the setting.

    **Raises** `ValueError` for no methods, for a name that is not in the registry, and for one that comes twice.
    """
    unknown = [name for name in methods if name not in METHODS] if not isinstance(methods, Mapping) else []
    if unknown:
        raise ValueError(f"`methods` must be among {', '.join(map(repr, METHODS))}, got {shorten(unknown[0])}.")
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"`methods` must be at least one, each named once, got {shorten(list(methods))}.")
    given = methods if isinstance(methods, Mapping) else {name: METHODS[name] for name in methods}
    numbers = MethodSetting(surrogate_steepness=setting.surrogate_steepness)
    return {
        name: each if isinstance(each, AbstractGradientEstimator) else each(numbers) for name, each in given.items()
    }


@eqx.filter_jit
def survey_network(
    key: Key,
    setting: SurveySetting,
    *,
    widths: Sequence[int],
    methods: Methods,
    draws: int,
    loss: str = "readout",
) -> NetworkSurvey:
    """All methods on the random network of one key, beside its exact gradient.

    All methods get the same keys, so that those that draw alike are compared on the same draws.

    **Arguments:** `widths`, number of inputs and then of units in each layer; `methods`, labels out of
    `sgtheory.methods.METHODS`, or a mapping of estimators; `draws` of each, at least 2; `loss`, a name out of `LOSSES`.
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
    exact = flatten_parameters(ExactGradient().evaluate(*problem, noise=()))[0]
    keys = jax.random.split(_problem_and_draws(key)[1], draws)
    found = [_measured(estimator, problem, exact, keys) for estimator in estimators.values()]
    return NetworkSurvey(
        cosine=jnp.stack([each.cosine for each in found]),
        sign_agreement=jnp.stack([each.sign_agreement for each in found]),
        bias=jnp.stack([jnp.linalg.norm(each.bias) for each in found]),
        standard_error=jnp.stack([jnp.linalg.norm(each.standard_error) for each in found]),
        variance=jnp.stack([jnp.mean(each.variance) for each in found]),
        exact_norm=jnp.linalg.norm(exact),
        methods=tuple(estimators),
        runs=tuple(each.runs for each in found),
    )


def _measured(
    estimator: AbstractGradientEstimator, problem: Problem, exact: Float[Array, " parameters"], keys: Array
) -> Comparison:
    noise = jax.vmap(lambda key: estimator.draw(problem.network, problem.inputs, key=key))(keys)
    return measure(estimator, *problem, noise=noise, exact=exact)


@eqx.filter_jit
def survey_networks(
    keys: Array,
    setting: SurveySetting,
    *,
    widths: Sequence[int],
    methods: Methods,
    draws: int,
    loss: str = "readout",
) -> NetworkSurvey:
    """`survey_network` for each of some `keys` (see `network_keys`), compiled once for a number of them.

    One network after another, its draws side by side: sums in a batch of networks would round by the batch's size.
    """
    return jax.lax.map(
        lambda key: survey_network(key, setting, widths=widths, methods=methods, draws=draws, loss=loss), keys
    )


class SurveySummary(eqx.Module):
    """Quartiles over networks, the lower, the median and the upper; one entry a method."""

    cosine: Float[Array, "3 methods"]
    """Of the cosine with the exact gradient."""
    sign_agreement: Float[Array, "3 methods"]
    """Of the share of parameters with the right sign."""
    relative_bias: Float[Array, "3 methods"]
    """Of the bias in lengths of the exact gradient."""
    standard_error: Float[Array, "3 methods"]
    """Of the length of the standard errors of the mean."""
    variance: Float[Array, "3 methods"]
    """Of the variance of one draw, averaged over the parameters."""


def summarise_survey(survey: NetworkSurvey) -> SurveySummary:
    """Quartiles of everything over the first axis, that of networks; between two networks lies their middle."""

    def quartiles(values):
        # The middle, not the interpolation: a weight of 0 times an infinite relative bias would be no number.
        return jnp.quantile(values, jnp.array([0.25, 0.5, 0.75], values.dtype), axis=0, method="midpoint")

    numbers = (survey.cosine, survey.sign_agreement, survey.relative_bias, survey.standard_error, survey.variance)
    return SurveySummary(*map(quartiles, numbers))
