"""What does each estimator of a gradient cost, how far is it off, and how much does it scatter?

Any method on any small network, beside the exact gradient. Numbers are traced, so that changing one never recompiles;
widths, loss and method are not. Each method is a program of its own: one more compiles one more.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Key, Parameters, Scalar
from sgtheory._checks import finite, positive, shorten
from sgtheory.experiments.loop_integral import sigmoid
from sgtheory.gradients import (
    AbstractGradientEstimator,
    AbstractPathwise,
    ConcreteRelaxation,
    Depth,
    ExactGradient,
    FiniteDifference,
    Loss,
    Losses,
    MeanFieldGradient,
    ScoreFunction,
    SmoothedDerivative,
    StochasticTriple,
    StraightThrough,
    SurrogateGradient,
    expectation,
    mean_baseline,
    optimal_baseline,
    path_mean,
    sample_gradients,
)
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import MeanField, MultilayerSpiker, Sample, SmoothedLeft, SmoothedRight, SpikeRule, Threshold
from sgtheory.statistics import sign_agreement, standard_error, summarise
from sgtheory.surrogates import SuperSpike

CHAIN = (1, 1, 1, 1)
"""Widths of the chain of Fig. 3, whose weights are known."""
MOST_LAYERS, MOST_INPUTS, MOST_UNITS = 4, 8, 12
"""Of a network whose exact gradient is there at once: layers of units, inputs, and units in all."""
LOWEST_LOG_STEEPNESS, HIGHEST_LOG_STEEPNESS, STEEPNESSES = -1.0, 3.0, 17
"""Logarithms to base 2 between which the bias is shown over the steepness."""
WIDEST, NETWORKS = 5, 8
"""Units in each hidden layer of the widest random networks, and how many of each width."""
CURVE_DRAWS = 200
"""Of a method whose mean has no closed form, at each point of a curve."""


class LaboratorySetting(eqx.Module):
    r"""The numbers of the laboratory.

    `steepness` $\beta$ of the escape noise; `surrogate` $\beta_{SG}$ of the SuperSpike surrogate; `spread` that
    multiplies all weights; `step` $\epsilon$ of finite differences; `temperature` $\tau$ of the Concrete relaxation;
    `target` of the squared error.

    **Raises** `ValueError` for a number that is not finite, and for one but the target that is not positive.

    >>> LaboratorySetting(2.0, 10.0, 1.0, step=-0.5, temperature=0.5, target=1.0)
    Traceback (most recent call last):
    ValueError: `step` must be positive and finite, got -0.5. Without a distance there is no difference.
    """

    steepness: Float[Array, "..."] = eqx.field(converter=positive("steepness"))
    surrogate: Float[Array, "..."] = eqx.field(converter=positive("surrogate"))
    spread: Float[Array, "..."] = eqx.field(converter=positive("spread"))
    step: Float[Array, "..."] = eqx.field(converter=positive("step", "Without a distance there is no difference."))
    temperature: Float[Array, "..."] = eqx.field(
        converter=positive("temperature", "At 0 the relaxation is the draw itself and has no slope.")
    )
    target: Float[Array, "..."] = eqx.field(converter=finite("target"))


class SquaredError(eqx.Module):
    r"""$\sum_k (y_k - t)^2$."""

    target: Scalar

    def __call__(self, output: Array) -> Scalar:
        return jnp.sum((output - self.target) ** 2)


def total(output: Array) -> Scalar:
    """The sum of all outputs."""
    return jnp.sum(output)


LOSSES: dict[str, Callable[[LaboratorySetting], Loss]] = {
    "output": lambda setting: total,
    "squared error": lambda setting: SquaredError(setting.target),
}


def _put(member, name: str, number: Scalar):
    """A member with one of its numbers put in place: the setting has checked it."""
    return eqx.tree_at(lambda each: getattr(each, name), member, number)


METHODS: dict[str, Callable[[LaboratorySetting], AbstractGradientEstimator]] = {
    "surrogate": lambda s: SurrogateGradient(),
    "surrogate, SuperSpike": lambda s: SurrogateGradient(_put(SuperSpike(1.0), "steepness", s.surrogate)),
    "surrogate, noiseless": lambda s: SurrogateGradient(forward=Threshold()),
    "smoothed left": lambda s: SmoothedDerivative(SmoothedLeft()),
    "smoothed right": lambda s: SmoothedDerivative(SmoothedRight()),
    "mean field": lambda s: MeanFieldGradient(),
    "score function": lambda s: ScoreFunction(),
    "score, mean baseline": lambda s: ScoreFunction(mean_baseline),
    "score, best baseline": lambda s: ScoreFunction(optimal_baseline),
    "stochastic triple": lambda s: StochasticTriple(),
    "Concrete": lambda s: _put(ConcreteRelaxation(1.0), "temperature", s.temperature),
    "differences": lambda s: _put(FiniteDifference(1.0), "step", s.step),
    "differences, uncoupled": lambda s: _put(FiniteDifference(1.0, coupled=False), "step", s.step),
    "straight-through": lambda s: StraightThrough(),
    "MultilayerSpiker": lambda s: StraightThrough(MultilayerSpiker()),
}
"""Name → the estimator with the numbers of a setting."""


class MethodPicture(eqx.Module):
    r"""What page 03 shows of one method at one setting.

    `mean` and `standard_error`, one entry a component; `bias`, $|\text{mean}-\text{exact}|/|\text{exact}|$, and what of it
    may be `noise`, the same of the standard error; `variance` of one draw, over all components; `runs` a draw; `cosine`
    and `sign_agreement` of mean and exact gradient.
    """

    mean: Float[Array, "..."]
    standard_error: Float[Array, "..."]
    bias: Float[Array, "..."]
    noise: Float[Array, "..."]
    variance: Float[Array, "..."]
    runs: Float[Array, "..."]
    cosine: Float[Array, "..."]
    sign_agreement: Float[Array, "..."]


class Problems(eqx.Module):
    """Many settings and networks, along a leading axis: `setting`, `parameters`, their `exact` gradients, and which
    components are `kept` (1, else 0)."""

    setting: LaboratorySetting
    parameters: MultilayerParameters
    kept: Float[Array, "..."]
    exact: Float[Array, "..."]


def steepness_axis() -> Float[Array, " steepnesses"]:
    """Steepnesses of the escape noise, evenly in their logarithm."""
    return jnp.exp2(jnp.linspace(LOWEST_LOG_STEEPNESS, HIGHEST_LOG_STEEPNESS, STEEPNESSES))


def width_axis() -> tuple[int, ...]:
    """Units in each hidden layer."""
    return tuple(range(1, WIDEST + 1))


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths again. **Raises** `ValueError`, one sentence, for a network that this laboratory does not take.

    >>> check_widths((20, 20, 1))
    Traceback (most recent call last):
    ValueError: `widths` must have at most 8 inputs, got 20. Take fewer, such as 5-5-5-1.
    """
    widths = tuple(widths)
    wrong = next((width for width in widths if width < 1), None)
    if wrong is not None:
        raise ValueError(f"`widths` must all be at least 1, got {wrong}. Leave the layer out, or give it a unit.")
    if not 3 <= len(widths) <= MOST_LAYERS + 1:
        raise ValueError(
            f"`widths` must be 3 to {MOST_LAYERS + 1} numbers, inputs first, got {len(widths)}. Give 5-5-5-1, say."
        )
    if widths[0] > MOST_INPUTS:
        raise ValueError(
            f"`widths` must have at most {MOST_INPUTS} inputs, got {shorten(widths[0])}. Take fewer, such as 5-5-5-1."
        )
    units = sum(widths[1:])
    if units > MOST_UNITS:
        raise ValueError(
            f"`widths` must have at most {MOST_UNITS} units besides the inputs, for the exact gradient to be there at once, "
            f"got {shorten(units)}. Take narrower layers, or fewer."
        )
    return widths


def draw_parameters(widths: tuple[int, ...], key: Key) -> MultilayerParameters:
    """The published weights and thresholds of the chain, random ones of any other network."""
    if widths == CHAIN:
        return MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]], [[-0.3], [-0.5], [0.2]])
    return MultilayerPerceptron(widths, sigmoid(jnp.asarray(1.0))).random_parameters(key)


def component_blocks(widths: tuple[int, ...]) -> list[tuple[str, int]]:
    """Components in their order: what a block of them is, and how many they are."""
    pairs = list(itertools.pairwise(widths))
    weights = [(f"weights of layer {layer}", below * above) for layer, (below, above) in enumerate(pairs, 1)]
    return weights + [(f"biases of layer {layer}", above) for layer, (_, above) in enumerate(pairs, 1)]


@eqx.filter_jit
def exact_components(
    setting: LaboratorySetting, parameters: MultilayerParameters, loss: str
) -> Float[Array, " components"]:
    """The exact gradient that all methods are held against.

    >>> import jax
    >>> setting = LaboratorySetting(2.0, 10.0, 1.0, step=0.5, temperature=0.5, target=1.0)
    >>> gradient = exact_components(setting, draw_parameters(CHAIN, jax.random.key(0)), "output")
    >>> print([round(float(each), 4) for each in gradient[:3]])
    [-0.0841, -0.093, 0.2091]
    """
    return _flat(ExactGradient().evaluate(*_problem(setting, parameters, loss), ()))


def draw_noise(method: str, widths: tuple[int, ...], key: Key, draws: int) -> Any:
    """The noise of so many draws of a method, which depends on no number of a setting.

    Apart from the rest, for to compile a generator of random numbers takes longer than all that follows.
    """
    estimator = METHODS[method](LaboratorySetting(*(1.0,) * 6))
    if isinstance(estimator, (AbstractPathwise, ScoreFunction)):
        estimator = SurrogateGradient()  # they draw alike: one program for all
    return _draw_noise(estimator, widths, key, draws)


@eqx.filter_jit
def _draw_noise(estimator, widths, key, draws):
    network = MultilayerPerceptron(widths, sigmoid(jnp.asarray(1.0)))
    inputs = jnp.ones(widths[0])
    return jax.vmap(lambda each: estimator.draw(network, inputs, key=each))(jax.random.split(key, draws))


@eqx.filter_jit
def measure(
    method: str,
    setting: LaboratorySetting,
    parameters: MultilayerParameters,
    loss: str,
    exact: Float[Array, " components"],
    noise: Any,
) -> MethodPicture:
    """One method at one setting: the draws that belong to some `noise`, beside the exact gradient.

    >>> import jax
    >>> setting = LaboratorySetting(2.0, 10.0, 1.0, step=0.5, temperature=0.5, target=1.0)
    >>> chain = draw_parameters(CHAIN, jax.random.key(0))
    >>> problem = setting, chain, "output", exact_components(setting, chain, "output")
    >>> found = {name: measure(name, *problem, draw_noise(name, CHAIN, jax.random.key(1), 4000))
    ...          for name in ("surrogate", "score function")}
    >>> print({name: bool(each.bias > 4.5 * each.noise) for name, each in found.items()})
    {'surrogate': True, 'score function': False}
    """
    estimator, problem = METHODS[method](setting), _problem(setting, parameters, loss)
    summary = summarise(jax.vmap(lambda each: _flat(estimator.evaluate(*problem, noise=each)))(noise), exact)
    runs = estimator.runs(*problem[1:])
    return MethodPicture(
        mean=summary.mean,
        standard_error=summary.standard_error,
        bias=_relative(summary.bias, exact),
        noise=_relative(summary.standard_error, exact),
        variance=jnp.sum(summary.variance),
        runs=jnp.asarray(runs, summary.mean.dtype),
        cosine=summary.cosine,
        sign_agreement=sign_agreement(summary.mean, exact),
    )


@eqx.filter_jit
def over_steepness(setting: LaboratorySetting, parameters: MultilayerParameters, loss: str) -> Problems:
    """The network of this setting at each steepness of `steepness_axis()`."""
    steepnesses = steepness_axis()
    settings = eqx.tree_at(lambda s: s.steepness, _repeated(setting, STEEPNESSES), steepnesses)
    networks = _repeated(parameters, STEEPNESSES)
    return _solved(settings, networks, jnp.ones((STEEPNESSES, 1)), loss)


@eqx.filter_jit
def over_width(
    setting: LaboratorySetting, networks: tuple[MultilayerParameters, Float[Array, "..."]], loss: str
) -> Problems:
    """The random networks of `random_networks`, one width after the other."""
    drawn, kept = networks
    return _solved(_repeated(setting, len(width_axis()) * NETWORKS), drawn, kept, loss)


@eqx.filter_jit
def biases(
    method: str, problems: Problems, loss: str, key: Key
) -> tuple[Float[Array, " problems"], Float[Array, " problems"]]:
    """Of each problem the bias of a method, in lengths of the exact gradient, and its noise: 0 where the mean of the
    method is known without drawing."""

    def off(setting, parameters, kept, exact):
        mean, error = _mean(METHODS[method](setting), _problem(setting, parameters, loss), exact, key)
        return _relative((mean - exact) * kept, exact), _relative(error * kept, exact)

    return jax.vmap(off)(problems.setting, problems.parameters, problems.kept, problems.exact)


@jax.jit
def median_by_width(values: Float[Array, " problems"]) -> Float[Array, " widths"]:
    """The median over the random networks of each width."""
    return jnp.median(values.reshape(len(width_axis()), NETWORKS), axis=-1)


def random_networks(
    widths: tuple[int, ...], key: Key
) -> tuple[MultilayerParameters, Float[Array, "networks components"]]:
    """Random networks with as many layers as this one, width after width, and the components that a narrow one has.

    All have the widest layers. What leads away from a unit that a narrow one has not is 0, so that one program does for
    all widths.
    """
    layers = len(widths) - 1
    widest = (widths[0], *(WIDEST,) * (layers - 1), widths[-1])
    template = MultilayerParameters([np.zeros((above, below)) for below, above in itertools.pairwise(widest)])

    def there(width):
        hidden = (np.arange(WIDEST) < width).astype(float)
        units = [np.ones(widest[0]), *[hidden] * (layers - 1), np.ones(widest[-1])]
        return [np.outer(above, below) for below, above in itertools.pairwise(units)], units[1:]

    masks = [there(width) for width in width_axis()]
    sizes = np.cumsum([matrix.size for matrix in template.weights])
    # Drawn at once: each call of the generator takes its time to compile.
    drawn = jnp.split(jax.random.normal(key, (NETWORKS, int(sizes[-1]))), sizes[:-1], axis=1)
    parameters = [
        jnp.concatenate(
            [_scaled(matrices[layer])[None] * numbers.reshape(NETWORKS, *shape.shape) for matrices, _ in masks]
        )
        for layer, (numbers, shape) in enumerate(zip(drawn, template.weights, strict=True))
    ]
    count = len(parameters[0])
    biases = tuple(jnp.zeros((count, width)) for width in widest[1:])
    kept = [np.concatenate([each.ravel() for part in mask for each in part]) for mask in masks]
    networks = eqx.tree_at(lambda p: (p.weights, p.biases), template, (tuple(parameters), biases))
    return networks, jnp.asarray(np.repeat(np.stack(kept), NETWORKS, axis=0))


def _scaled(mask: np.ndarray) -> Float[Array, "units inputs"]:
    """The factor of independent normal weights: 1 over the root of the inputs that are there."""
    return jnp.asarray(mask / np.sqrt(mask.sum(axis=1).max()))


def _repeated(tree: Any, times: int) -> Any:
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (times, *jnp.shape(leaf))), tree)


def _solved(settings, networks, kept, loss) -> Problems:
    exact = jax.vmap(lambda setting, parameters: exact_components(setting, parameters, loss))(settings, networks)
    return Problems(settings, networks, kept, exact * kept)


def _problem(setting: LaboratorySetting, parameters: MultilayerParameters, loss: str):
    """Loss, network, parameters and inputs, all of them 1."""
    widths = (parameters.weights[0].shape[1], *(matrix.shape[0] for matrix in parameters.weights))
    scaled = eqx.tree_at(lambda p: p.weights, parameters, tuple(setting.spread * m for m in parameters.weights))
    inputs = jnp.ones(widths[0], parameters.weights[0].dtype)
    return LOSSES[loss](setting), MultilayerPerceptron(widths, sigmoid(setting.steepness)), scaled, inputs


def _mean(estimator: AbstractGradientEstimator, problem, exact: Float[Array, " components"], key: Key):
    """The mean of a method and its standard error, which is 0 where the mean is known without drawing."""
    match estimator:
        case AbstractPathwise(rule=SpikeRule(forward=Sample(), backward=backward)):
            mean = _flat(path_mean(*problem, backward=backward))
        case AbstractPathwise(rule=SpikeRule() | MeanField()):
            mean = _flat(estimator.evaluate(*problem, noise=jnp.full(problem[1].sites(problem[3]), 0.5)))
        case FiniteDifference():
            mean = _mean_difference(estimator.step, *problem)
        case _ if estimator.claim.losses is Losses.ANY and estimator.claim.depth is Depth.ANY:
            mean = exact
        case _:
            draws = jax.vmap(_flat)(sample_gradients(estimator, *problem, draws=CURVE_DRAWS, key=key))
            return jnp.mean(draws, axis=0), standard_error(draws)
    return mean, jnp.zeros_like(mean)


def _mean_difference(step, loss, network, parameters, inputs) -> Float[Array, " components"]:
    """Central differences of the exact expected loss."""
    flat, unravel = ravel_pytree(parameters)

    def component(direction):
        above, below = (
            expectation(loss, network, unravel(flat + side * step * direction), inputs) for side in (0.5, -0.5)
        )
        return (above - below) / step

    return jax.vmap(component)(jnp.eye(flat.size, dtype=flat.dtype))


def _relative(difference: Float[Array, "... components"], exact: Float[Array, "... components"]) -> Float[Array, "..."]:
    """The length of a difference in lengths of the exact gradient."""
    return jnp.linalg.norm(difference, axis=-1) / jnp.linalg.norm(exact, axis=-1)


def _flat(tree: Parameters) -> Float[Array, " components"]:
    return ravel_pytree(tree)[0]
