"""How far off is each method, how much do its estimates scatter, and what do they cost?

Any method of `sgtheory.methods.METHODS` on any small network, beside the exact gradient. Numbers are traced, so that
changing one never recompiles; widths, loss and method are not. Each method is a program of its own: one more compiles one
more.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory import gradients
from sgtheory._arrays import Array, Draw, Float, Key, Scalar, cut
from sgtheory._checks import finite, positive, shorten
from sgtheory.escape import Sigmoid
from sgtheory.gradients import (
    AbstractGradientEstimator,
    ExactGradient,
    Loss,
    Losses,
    Problem,
    expected_gradient,
    flatten_parameters,
)
from sgtheory.losses import SpikeCount, SpikeTrainDistance, SquaredDistance, Total
from sgtheory.methods import METHODS, MethodSetting
from sgtheory.networks import (
    ClockedNetwork,
    ClockedParameters,
    Dense,
    LayerParameters,
    MultilayerParameters,
    MultilayerPerceptron,
)
from sgtheory.neurons import LIF

CHAIN = (1, 1, 1, 1)
"""Widths of the chain of Fig. 3, whose weights are known."""
MOST_LAYERS, MOST_INPUTS, MOST_UNITS = 4, 8, 12
"""Of a network whose exact gradient is there at once: layers of units, inputs, and units in all."""
LOWEST_LOG_STEEPNESS, HIGHEST_LOG_STEEPNESS, STEEPNESSES = -1.0, 3.0, 17
"""Logarithms to base 2 between which the bias is shown against the steepness, and the number of steepnesses."""
LIF_NETWORK, LIF_STEPS = (2, 2), 5
"""What stands for widths of the LIF network: two inputs, and two recurrent LIF neurons; and its time steps of 1 ms."""
WIDEST, NETWORKS = 5, 8
"""Units in each hidden layer of the widest random networks, and the number of networks of each width."""
CURVE_DRAWS = 200
"""Draws at each point of a curve, by a method whose mean has no closed form."""


class LaboratorySetting(eqx.Module):
    """The numbers of the laboratory.

    **Raises** `ValueError` for a number that is not finite, and for one but the target that is not positive.

    >>> LaboratorySetting(2.0, 10.0, 1.0, step=-0.5, temperature=0.5, target=1.0)
    Traceback (most recent call last):
    ValueError: `step` must be positive and finite, got -0.5. Without a distance there is no difference.
    """

    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))
    r"""Steepness $\beta$ of the escape noise, per unit of membrane potential."""
    surrogate: Scalar = eqx.field(converter=positive("surrogate", single=True))
    r"""Steepness $\beta_{SG}$ of surrogate derivatives that have one of their own, per unit of membrane potential."""
    spread: Scalar = eqx.field(converter=positive("spread", single=True))
    """The number by which all weights are multiplied."""
    step: Scalar = eqx.field(converter=positive("step", "Without a distance there is no difference.", single=True))
    r"""Step $\epsilon$ of finite differences, in the units of the parameters."""
    temperature: Scalar = eqx.field(
        converter=positive("temperature", "At 0 the relaxation is the draw itself and has no slope.", single=True)
    )
    r"""Temperature $\tau$ of the Concrete relaxation."""
    target: Scalar = eqx.field(converter=finite("target", single=True))
    """Target of the squared error, the same for all outputs."""

    def estimator(self, method: str) -> AbstractGradientEstimator:
        """A method of the registry, built from these numbers."""
        return METHODS[method](MethodSetting(self.surrogate, self.step, self.temperature))


LOSSES: dict[str, Callable[[LaboratorySetting], Loss]] = {
    "output": lambda setting: Total(),
    "squared error": lambda setting: SquaredDistance(setting.target),
}
"""From a setting to the loss: the sum of the outputs, or that of their squared differences from the target."""
LIF_LOSSES: dict[str, Callable[[LaboratorySetting], Loss]] = {
    "output": lambda setting: SpikeCount(),
    "squared error": lambda setting: SpikeTrainDistance(jnp.full((LIF_STEPS, LIF_NETWORK[1]), setting.target)),
}
"""The same of the LIF network: the number of spikes, or their distance from a train that is the target at every step."""


class MethodPicture(eqx.Module):
    """What page 03 shows of one method at one setting."""

    mean: Float[Array, " components"]
    """The mean of the draws."""
    standard_error: Float[Array, " components"]
    """The standard error of that mean."""
    bias: Scalar
    """The length of the mean less the exact gradient, in lengths of the exact gradient."""
    noise: Scalar
    """What of the bias may be noise: the length of the standard errors, in lengths of the exact gradient."""
    variance: Scalar
    """The variance of one draw, summed over the components."""
    runs: Scalar
    """Runs of the network that one draw costs."""
    cosine: Scalar
    """Of the angle between the mean and the exact gradient."""
    sign_agreement: Scalar
    """The share of components for which the mean has the sign of the exact gradient."""


class Case(eqx.Module):
    """One network at one setting with its exact gradient; several of them along a leading axis."""

    setting: LaboratorySetting
    """The numbers."""
    parameters: MultilayerParameters | ClockedParameters
    """The parameters of the network, before `spread` multiplies the weights."""
    kept: Float[Array, " components"]
    """1 for the components that count, 0 for the others."""
    exact: Float[Array, " components"]
    """The exact gradient, 0 where a component does not count."""


def steepness_axis() -> Float[Array, " steepnesses"]:
    """Steepnesses of the escape noise, evenly spaced in their logarithm."""
    return jnp.exp2(jnp.linspace(LOWEST_LOG_STEEPNESS, HIGHEST_LOG_STEEPNESS, STEEPNESSES))


def width_axis() -> tuple[int, ...]:
    """Units in each hidden layer."""
    return tuple(range(1, WIDEST + 1))


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths again.

    **Raises** `ValueError` for a network that this laboratory does not take.

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


def lif_network(steepness: Scalar | float) -> ClockedNetwork:
    """Two recurrent LIF neurons with fast membranes and synapses, so that five steps show what happens: ten decisions."""
    neuron = LIF(Sigmoid(steepness), membrane_time_constant=2.0, synaptic_time_constant=2.0)
    inputs, units = LIF_NETWORK
    return ClockedNetwork((inputs,), (Dense(units, neuron, recurrent=True),), by_hand=False)


def _network(widths: tuple[int, ...], steepness: Scalar | float) -> tuple[Any, Float[Array, "..."]]:
    """The network of these widths, and its inputs, which are all 1."""
    if widths == LIF_NETWORK:
        return lif_network(steepness), jnp.ones((LIF_STEPS, widths[0]))
    return MultilayerPerceptron(widths, Sigmoid(steepness)), jnp.ones(widths[0])


@eqx.filter_jit
def draw_parameters(widths: tuple[int, ...], key: Key) -> MultilayerParameters | ClockedParameters:
    """The published weights and thresholds of the chain, random ones of any other network."""
    if widths == LIF_NETWORK:
        within, among = jax.random.normal(key, (2, widths[1], widths[0]))
        return ClockedParameters((LayerParameters(1.0 + within, 1.5 * among),))
    if widths == CHAIN:
        return MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]], [[-0.3], [-0.5], [0.2]])
    return MultilayerPerceptron(widths, Sigmoid(1.0)).random_parameters(key)


def component_blocks(widths: tuple[int, ...]) -> list[tuple[str, int]]:
    """Components in their order: what a block of them is, and how many they are."""
    pairs = list(itertools.pairwise(widths))
    weights = [(f"weights of layer {layer}", below * above) for layer, (below, above) in enumerate(pairs, 1)]
    return weights + [(f"biases of layer {layer}", above) for layer, (_, above) in enumerate(pairs, 1)]


def problem_of(setting: LaboratorySetting, parameters: MultilayerParameters | ClockedParameters, loss: str) -> Problem:
    """Loss, network, parameters and inputs of a setting; the inputs are all 1."""
    if isinstance(parameters, ClockedParameters):
        scaled = jax.tree.map(lambda weights: setting.spread * weights, parameters)
        widths, losses, dtype = LIF_NETWORK, LIF_LOSSES, parameters.layers[0].weights.dtype
    else:
        scaled = MultilayerParameters([setting.spread * matrix for matrix in parameters.weights], parameters.biases)
        widths = (parameters.weights[0].shape[1], *(matrix.shape[0] for matrix in parameters.weights))
        losses, dtype = LOSSES, parameters.weights[0].dtype
    network, inputs = _network(widths, setting.steepness)
    return Problem(losses[loss](setting), network, scaled, inputs.astype(dtype))


@eqx.filter_jit
def exact_components(
    setting: LaboratorySetting, parameters: MultilayerParameters | ClockedParameters, loss: str
) -> Float[Array, " components"]:
    """The exact gradient beside which all methods are held.

    >>> import jax
    >>> setting = LaboratorySetting(2.0, 10.0, 1.0, step=0.5, temperature=0.5, target=1.0)
    >>> gradient = exact_components(setting, draw_parameters(CHAIN, jax.random.key(0)), "output")
    >>> print([round(float(each), 4) for each in gradient[:3]])
    [-0.0841, -0.093, 0.2091]
    """
    return _flat(ExactGradient().evaluate(*problem_of(setting, parameters, loss), noise=()))


def draw_noise(method: str, widths: tuple[int, ...], key: Key, draws: int) -> Draw:
    """The noise of so many draws by a method, which depends on no number of a setting.

    Apart from the rest, because compiling a generator of random numbers takes longer than all that follows.
    """
    estimator = METHODS[method]()
    draws_a_run = type(estimator).draw is AbstractGradientEstimator.draw
    return _draw_noise(None if draws_a_run else estimator, widths, key, draws)  # one program for all that draw a run


@eqx.filter_jit
def _draw_noise(estimator: AbstractGradientEstimator | None, widths: tuple[int, ...], key: Key, draws: int) -> Draw:
    network, inputs = _network(widths, 1.0)

    def one(key):
        return network.draw(inputs, key=key) if estimator is None else estimator.draw(network, inputs, key=key)

    return jax.vmap(one)(jax.random.split(key, draws))


@eqx.filter_jit
def measure(
    method: str,
    setting: LaboratorySetting,
    parameters: MultilayerParameters | ClockedParameters,
    loss: str,
    exact: Float[Array, " components"],
    noise: Draw,
) -> MethodPicture:
    """One method at one setting, on given draws, beside the exact gradient.

    **Arguments:** `method`, a label out of `sgtheory.methods.METHODS`; `loss`, a name out of `LOSSES`; `exact`, what
    `exact_components` gives; `noise`, what `draw_noise` gives.

    >>> import jax
    >>> setting = LaboratorySetting(2.0, 10.0, 1.0, step=0.5, temperature=0.5, target=1.0)
    >>> chain = draw_parameters(CHAIN, jax.random.key(0))
    >>> problem = setting, chain, "output", exact_components(setting, chain, "output")
    >>> found = {name: measure(name, *problem, draw_noise(name, CHAIN, jax.random.key(1), 4000))
    ...          for name in ("surrogate, matched", "score function")}
    >>> print({name: bool(each.bias > 4.5 * each.noise) for name, each in found.items()})
    {'surrogate, matched': True, 'score function': False}
    """
    found = gradients.measure(
        setting.estimator(method), *problem_of(setting, parameters, loss), noise=noise, exact=exact
    )
    return MethodPicture(
        mean=found.mean,
        standard_error=found.standard_error,
        bias=_relative(found.bias, exact),
        noise=_relative(found.standard_error, exact),
        variance=jnp.sum(found.variance),
        runs=jnp.asarray(found.runs, found.mean.dtype),
        cosine=found.cosine,
        sign_agreement=found.sign_agreement,
    )


@eqx.filter_jit
def over_steepness(setting: LaboratorySetting, parameters: MultilayerParameters | ClockedParameters, loss: str) -> Case:
    """The network of this setting at each steepness of `steepness_axis()`."""

    def at(steepness):
        here = dataclasses.replace(setting, steepness=steepness)
        exact = exact_components(here, parameters, loss)
        return Case(here, parameters, jnp.ones_like(exact), exact)

    return jax.vmap(at)(steepness_axis())


@eqx.filter_jit
def over_width(
    setting: LaboratorySetting, networks: tuple[MultilayerParameters, Float[Array, "networks components"]], loss: str
) -> Case:
    """The random networks of `random_networks`, one width after another."""

    def of(parameters, kept):
        return Case(setting, parameters, kept, kept * exact_components(setting, parameters, loss))

    return jax.vmap(of)(*networks)


@eqx.filter_jit
def biases(method: str, cases: Case, loss: str, key: Key) -> tuple[Float[Array, " cases"], Float[Array, " cases"]]:
    """The bias of a method in each case, in lengths of the exact gradient, and what of it may be noise.

    That is 0 where the mean of the method is known without drawing.
    """

    def off(case: Case) -> tuple[Scalar, Scalar]:
        estimator, problem = case.setting.estimator(method), problem_of(case.setting, case.parameters, loss)
        bias, error = _bias(estimator, problem, case.exact, key)
        return _relative(bias * case.kept, case.exact), _relative(error * case.kept, case.exact)

    return jax.vmap(off)(cases)


def median_by_width(values: Float[Array, " cases"]) -> np.ndarray:
    """The median over the random networks of each width."""
    return np.median(np.asarray(values).reshape(len(width_axis()), NETWORKS), axis=-1)


@eqx.filter_jit
def random_networks(
    widths: tuple[int, ...], key: Key
) -> tuple[MultilayerParameters, Float[Array, "networks components"]]:
    """Random networks with as many layers as this one, width after width, and the components that a narrow one has.

    All are as wide as the widest: what leads away from a unit that a narrow one does not have is 0, so that one program
    does for all widths.
    """
    layers = len(widths) - 1
    widest = (widths[0], *(WIDEST,) * (layers - 1), widths[-1])
    shapes = [(above, below) for below, above in itertools.pairwise(widest)]

    def there(width):
        hidden = (np.arange(WIDEST) < width).astype(float)
        units = [np.ones(widest[0]), *[hidden] * (layers - 1), np.ones(widest[-1])]
        return [np.outer(above, below) for below, above in itertools.pairwise(units)], units[1:]

    masks = [there(width) for width in width_axis()]
    drawn = cut(jax.random.normal(key, (NETWORKS, sum(above * below for above, below in shapes))), shapes)
    weights = [
        jnp.concatenate([_scaled(matrices[layer])[None] * numbers for matrices, _ in masks])
        for layer, numbers in enumerate(drawn)
    ]
    kept = [np.concatenate([each.ravel() for part in mask for each in part]) for mask in masks]
    return jax.vmap(MultilayerParameters)(weights), jnp.asarray(np.repeat(np.stack(kept), NETWORKS, axis=0))


def _scaled(mask: np.ndarray) -> Float[Array, "units inputs"]:
    """The factor of independent normal weights: 1 over the root of the number of inputs that are there."""
    return jnp.asarray(mask / np.sqrt(mask.sum(axis=1).max()))


def _bias(estimator: AbstractGradientEstimator, problem: Problem, exact: Float[Array, " components"], key: Key):
    """The mean of a method less the exact gradient, and its standard error, which is 0 where nothing need be drawn."""
    _, network, _, inputs = problem
    if estimator.claim.on(network, inputs) is Losses.ANY:
        return jnp.zeros_like(exact), jnp.zeros_like(exact)
    mean = expected_gradient(estimator, *problem)
    if mean is not None:
        return _flat(mean) - exact, jnp.zeros_like(exact)
    noise = jax.vmap(lambda each: estimator.draw(network, inputs, key=each))(jax.random.split(key, CURVE_DRAWS))
    found = gradients.measure(estimator, *problem, noise=noise, exact=exact)
    return found.bias, found.standard_error


def _relative(difference: Float[Array, " components"], exact: Float[Array, " components"]) -> Scalar:
    """The length of a difference in lengths of the exact gradient."""
    return jnp.linalg.norm(difference) / jnp.linalg.norm(exact)


def _flat(gradient: Any) -> Float[Array, " components"]:
    return flatten_parameters(gradient)[0]
