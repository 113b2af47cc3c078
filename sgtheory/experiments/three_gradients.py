r"""Three answers to one question: how does a spike change with a weight?

Three input spikes, two hidden neurons and one output neuron, whose first spike should come at a given time. One weight is
varied through the point where a spike vanishes. Three gradients are asked for:

* the exact one of a network of QIF neurons, whose spikes leave through the end of the trial and go on as pseudospikes;
* EventProp's in a network of LIF neurons, exact as long as the spikes stay, and 0 where they are gone;
* the surrogate gradient of the same LIF network in discrete time, for the van Rossum distance of its spike train.

The last one minimises another loss, and so EventProp answers once more for that loss, without a clock. Weights are in units
of the least one with which a single input makes a neuron of that kind spike: $\pi^2/4$ for QIF, $4\vartheta$ for LIF neurons.
Everything numeric is traced: changing a number never recompiles.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Bool, Float, Int, Scalar
from sgtheory._checks import finite, positive, require, shorten
from sgtheory.escape import Sigmoid
from sgtheory.gradients import SurrogateGradient
from sgtheory.losses import VanRossumDistance
from sgtheory.networks import (
    ClockedNetwork,
    ClockedParameters,
    Dense,
    EventLog,
    EventParameters,
    EventPropNetwork,
    InputSpikes,
    LayerParameters,
    RecurrentEventNetwork,
)
from sgtheory.neurons import LIF
from sgtheory.pseudospikes import ConstantDrive, first_spikes
from sgtheory.rules import Threshold
from sgtheory.surrogates import SuperSpike

INPUTS, HIDDEN = 3, 2
OUTPUT = HIDDEN
"""The number of the output neuron, after the hidden ones."""
WEIGHTS = INPUTS * HIDDEN + HIDDEN
NAMES = (
    *(f"input {sender} → hidden {unit}" for unit in range(1, HIDDEN + 1) for sender in range(1, INPUTS + 1)),
    *(f"hidden {sender} → output" for sender in range(1, HIDDEN + 1)),
)
"""Of the weights, in their order."""
DURATION = 4.0
"""Of a trial, in membrane time constants."""
STEPS = 400
"""Time steps of the clocked network in a trial."""
EVENTS = 96
"""Of which a log has room."""
LEAST = {"QIF": math.pi**2 / 4, "LIF": 4.0}
"""The least weight with which one input makes a neuron at rest spike."""
METHODS = ("exact", "EventProp", "surrogate", "EventProp, unclocked")
POINTS = 97
"""Weights of a sweep."""
LARGEST_STEP = 0.02
"""Of a weight in a trial of learning, in units of the least one."""
_MILLISECONDS = 10.0  # a membrane time constant, for the neuron in discrete time


class ThreeGradientsSetting(eqx.Module):
    r"""The task, and which weight is varied.

    **Arguments:** `weights`, in the order of `NAMES` and in units of the least one; `times` of the three input spikes and the
    `target` $\hat t$ of the output, in membrane time constants; `steepness` $\beta$ of the surrogate derivative, SuperSpike;
    `swept`, the number of the weight that is varied, from `lowest` to `highest`; `rate` of learning, for `descend`.
    **Raises** `ValueError` for numbers that are not finite, a steepness or rate that is not positive, times outside the trial,
    and a number of no weight.
    """

    weights: Float[Array, " weights"] = eqx.field(
        converter=finite("weights"), default=(0.9, 0.3, 0.2, 0.2, 0.8, 0.3, 1.2, 0.3)
    )
    times: Float[Array, " inputs"] = eqx.field(converter=finite("times"), default=(0.2, 0.3, 0.4))
    target: Scalar = eqx.field(converter=positive("target", single=True), default=0.9)
    steepness: Scalar = eqx.field(converter=positive("steepness", single=True), default=10.0)
    swept: Int[Array, ""] = eqx.field(converter=jnp.asarray, default=0)
    lowest: Scalar = eqx.field(converter=finite("lowest", single=True), default=0.0)
    highest: Scalar = eqx.field(converter=finite("highest", single=True), default=1.2)
    rate: Scalar = eqx.field(converter=positive("rate", single=True), default=0.1)

    def __check_init__(self):
        for name, size in (("weights", WEIGHTS), ("times", INPUTS)):
            if getattr(self, name).shape != (size,):
                raise ValueError(f"`{name}` must be {size} numbers, got {shorten(getattr(self, name))}.")
        for name in ("times", "target"):
            inside = lambda each: (each >= 0.01) & (each <= DURATION)  # noqa: E731
            require(getattr(self, name), inside, name, f"from 0.01 to the end of the trial at {DURATION:g}")
        if not jnp.issubdtype(self.swept.dtype, jnp.integer) or self.swept.ndim:
            raise ValueError(
                f"`swept` must be one whole number, got {shorten(self.swept)}. Take the place of a name in `NAMES`."
            )
        if not isinstance(self.swept, Tracer):
            require(self.swept, lambda each: (each >= 0) & (each < WEIGHTS), "swept", f"from 0 to {WEIGHTS - 1}")


class Answer(eqx.Module):
    """What one method says at each point of a sweep."""

    loss: Float[Array, " points"]
    """What is minimised."""
    gradient: Float[Array, "points weights"]
    """Its gradient, as the method gives it."""
    slope: Float[Array, " points"]
    """The component of the weight that is varied."""
    difference: Float[Array, " points"]
    """The same by a central difference of `loss`: what the slope would have to be."""
    time: Float[Array, " points"]
    """The first spike of the output, after the end of the trial if it is a pseudospike, infinite where there is none."""
    hidden: Float[Array, "points hidden"]
    """The first spike of each hidden neuron; infinite where there is none."""
    spikes: Bool[Array, " points"]
    """Whether the output spikes in the trial."""

    @property
    def agrees(self) -> Bool[Array, " points"]:
        """Where the slope is the derivative of the loss, as far as differences can tell in 64 bits."""
        return jnp.abs(self.slope - self.difference) <= 1e-4 * jnp.maximum(jnp.abs(self.difference), 1.0)


class ThreeGradients(eqx.Module):
    """All answers over a sweep of one weight."""

    weight: Float[Array, " points"]
    """The weights of the sweep, in units of the least one."""
    exact: Answer
    """QIF neurons and the time of the output's first spike, pseudospikes included."""
    event_prop: Answer
    """LIF neurons and the time of the output's first spike, which is the end of the trial where there is none."""
    surrogate: Answer
    """LIF neurons in discrete time, and the van Rossum distance of the output's spikes from one spike at the target."""
    unclocked: Answer
    """The same LIF neurons and distance in continuous time, by EventProp."""
    cosine: Float[Array, " points"]
    """The cosine of the surrogate gradient with that of the same distance by EventProp; 0 where the latter vanishes."""


class Course(eqx.Module):
    """Learning with one of the gradients, one entry for each trial."""

    loss: Float[Array, " trials"]
    """What is minimised."""
    time: Float[Array, " trials"]
    """The first spike of the output, as in `Answer`."""
    weights: Float[Array, "trials weights"]
    """In units of the least one."""


def parameters_of(weights: Float[Array, " weights"], kind: str) -> EventParameters:
    """The network of event-driven neurons with these weights, in units of the least one of its `kind`, QIF or LIF."""
    weights = LEAST[kind] * weights
    first = jnp.reshape(weights[: INPUTS * HIDDEN], (HIDDEN, INPUTS))
    inputs = jnp.concatenate([first, jnp.zeros((1, INPUTS), weights.dtype)])
    among = jnp.zeros((HIDDEN + 1, HIDDEN + 1), weights.dtype).at[OUTPUT, :HIDDEN].set(weights[INPUTS * HIDDEN :])
    return EventParameters(inputs, among)


def _arriving(setting: ThreeGradientsSetting) -> InputSpikes:
    return InputSpikes(setting.times, jnp.arange(INPUTS))


def _first(log: EventLog) -> jax.Array:
    """The first spike of each neuron, infinite where there is none."""
    return jnp.stack([log.spike_times(unit, 1)[0] for unit in range(HIDDEN + 1)])


def _until_end(time: jax.Array) -> jax.Array:
    """A spike time, or the end of the trial, with the derivative 0 there."""
    return jnp.where(time < jnp.inf, jnp.where(time < jnp.inf, time, 0.0), DURATION)


def exact_loss(
    weights: Float[Array, " weights"], setting: ThreeGradientsSetting
) -> tuple[Scalar, Float[Array, " units"]]:
    r"""$\frac12(t-\hat t)^2$ of a QIF network, and the first spike of each neuron, hidden ones first.

    The output's is a pseudospike where there is no other, of neurons that are driven after the end of the trial.
    """
    parameters, law = parameters_of(weights, "QIF"), ConstantDrive()
    network = RecurrentEventNetwork(duration=DURATION, events=EVENTS)
    log = network.run(parameters, _arriving(setting), ()).output
    arriving = parameters.recurrent @ law.readiness(log.end)
    time = first_spikes(log, OUTPUT, law.times(log.end, DURATION, 1, arriving))[0]
    return 0.5 * (time - setting.target) ** 2, _first(log).at[OUTPUT].set(time)


def event_prop_loss(
    weights: Float[Array, " weights"], setting: ThreeGradientsSetting
) -> tuple[Scalar, Float[Array, " units"]]:
    r"""$\frac12(t-\hat t)^2$ of a LIF network, where $t$ is the end of the trial without a spike; and first spikes."""
    losses, first = _lif_losses(weights, setting)
    return losses[0], first


def unclocked_loss(
    weights: Float[Array, " weights"], setting: ThreeGradientsSetting
) -> tuple[Scalar, Float[Array, " units"]]:
    """The van Rossum distance of a LIF network's output from one spike at the target; and first spikes."""
    losses, first = _lif_losses(weights, setting)
    return losses[1], first


def _lif_losses(weights, setting):
    """Both losses of the same LIF network."""
    network = EventPropNetwork(duration=DURATION, events=EVENTS)
    log = network.run(parameters_of(weights, "LIF"), _arriving(setting), ()).output
    first = _first(log)
    late = 0.5 * (_until_end(first[OUTPUT]) - setting.target) ** 2
    distance = van_rossum(jnp.where(log.spikes_of(OUTPUT), log.times, jnp.inf), setting.target)
    return jnp.stack([late, distance]), first


def van_rossum(times: Float[Array, " spikes"], target: Scalar) -> Scalar:
    r"""$\frac12\int_0^T(\sum_k\epsilon(t-t_k)-\epsilon(t-\hat t))^2dt$ with $\epsilon(t)=e^{-t}-e^{-2t}$, in closed form.

    **Arguments:** `times` $t_k$ in time constants, infinite ones are none; `target` $\hat t$.

    >>> import jax.numpy as jnp
    >>> print(*(f"{van_rossum(jnp.array([time, jnp.inf]), jnp.array(1.0)):.4f}" for time in (1.0, 1.2, jnp.inf)))
    0.0000 0.0027 0.0411
    """
    comes = times < jnp.inf
    at = jnp.append(jnp.where(comes, times, DURATION), target)
    sign = jnp.append(jnp.where(comes, 1.0, 0.0).astype(at.dtype), -jnp.ones((), at.dtype))
    order = jnp.argsort(at)
    at, sign = at[order], sign[order]
    # From each time to the next the sum is a e^{-t} − b e^{-2t}.
    a, b = jnp.cumsum(sign * jnp.exp(at)), jnp.cumsum(sign * jnp.exp(2 * at))
    following = jnp.append(at[1:], jnp.full((), DURATION, at.dtype))
    second, third, fourth = ((jnp.exp(-n * at) - jnp.exp(-n * following)) / n for n in (2, 3, 4))
    return 0.5 * jnp.sum(a**2 * second - 2 * a * b * third + b**2 * fourth)


def clocked_loss(
    weights: Float[Array, " weights"], setting: ThreeGradientsSetting
) -> tuple[Scalar, Float[Array, " units"]]:
    """The van Rossum distance in discrete time, whose derivative is the surrogate gradient; and first spikes.

    SuperSpike, without a gradient through the reset.
    """
    step = DURATION / STEPS
    neuron = LIF(Sigmoid(10.0), _MILLISECONDS, _MILLISECONDS / 2, time_step=_MILLISECONDS * step)
    network = ClockedNetwork((INPUTS,), (Dense(HIDDEN, neuron), Dense(1, neuron)))
    weights = LEAST["LIF"] * weights
    first, second = weights[: INPUTS * HIDDEN], weights[INPUTS * HIDDEN :]
    parameters = ClockedParameters((
        LayerParameters(jnp.reshape(first, (HIDDEN, INPUTS))), LayerParameters(jnp.reshape(second, (1, HIDDEN))),
    ))  # fmt: skip
    slots = (
        jnp.round(setting.times / step).astype(int) - 1
    )  # what arrives at a step acts on the current of the next one
    arriving = jnp.zeros((STEPS, INPUTS), weights.dtype).at[slots, jnp.arange(INPUTS)].set(1.0)
    wanted = (
        jnp.zeros((STEPS, 1), weights.dtype).at[jnp.round(setting.target / step).astype(int), 0].set(1.0, mode="drop")
    )
    distance = VanRossumDistance(
        wanted, _MILLISECONDS, _MILLISECONDS / 2, scale=math.sqrt(step), time_step=_MILLISECONDS * step
    )
    noise = tuple(jnp.zeros((STEPS, size), weights.dtype) for size in (HIDDEN, 1))
    method = SurrogateGradient(SuperSpike(setting.steepness), Threshold(), through_reset=False)
    value, path = method.objective(distance, network, parameters, arriving, noise)
    spikes = jnp.concatenate(path.output.spikes, axis=1)
    fires = jnp.any(spikes > 0, axis=0)
    number = jnp.argmax(spikes > 0, axis=0).astype(weights.dtype)
    return value, jnp.where(fires, step * number, jnp.inf)


_LOSSES: dict[str, Callable[..., Any]] = dict(
    zip(METHODS, (exact_loss, event_prop_loss, clocked_loss, unclocked_loss), strict=True)
)


def gradient_of(
    method: str, weights: Float[Array, " weights"], setting: ThreeGradientsSetting
) -> tuple[tuple[Scalar, Float[Array, " units"]], Float[Array, " weights"]]:
    """Loss, first spikes, and the gradient of one of `METHODS`.

    **Raises** `ValueError` for another method.
    """
    if method not in _LOSSES:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}, got {shorten(method)}.")
    return jax.value_and_grad(_LOSSES[method], has_aux=True)(weights, setting)


def _answers(losses_of, number: int, weights: Float[Array, "points weights"], setting: ThreeGradientsSetting):
    """So many answers from one network: a function of weights and setting to a vector of losses, and first spikes."""
    points, dtype = len(weights), weights.dtype
    towards = (jnp.arange(WEIGHTS) == setting.swept).astype(dtype)
    step = 1e-6 if dtype == jnp.float64 else 1e-3

    def one(weights):
        losses, pull, times = jax.vjp(lambda each: losses_of(each, setting), weights, has_aux=True)
        return losses, times, jax.vmap(lambda each: pull(each)[0])(jnp.eye(number, dtype=dtype))

    # The points of the differences go through the same program: one to compile, not two.
    moved = jnp.concatenate([weights + sign * step * towards[None] for sign in (0.0, 1.0, -1.0)])
    losses, times, gradients = jax.vmap(one)(moved)
    differences = (losses[points : 2 * points] - losses[2 * points :]) / (2 * step)
    times = times[:points]
    return [
        Answer(
            loss=losses[:points, k],
            gradient=gradients[:points, k],
            slope=gradients[:points, k] @ towards,
            difference=differences[:, k],
            time=times[:, OUTPUT],
            hidden=times[:, :HIDDEN],
            spikes=times[:, OUTPUT] <= DURATION,
        )
        for k in range(number)
    ]


def _one(loss):
    """The same function with its loss as a vector of one."""

    def losses_of(weights, setting):
        value, times = loss(weights, setting)
        return value[None], times

    return losses_of


@eqx.filter_jit
def three_gradients(setting: ThreeGradientsSetting, points: int = POINTS) -> ThreeGradients:
    """All answers, over a sweep of one weight.

    >>> found = three_gradients(ThreeGradientsSetting(), points=7)
    >>> print(found.exact.spikes.shape, found.surrogate.gradient.shape)
    (7,) (7, 8)
    """
    axis = jnp.linspace(setting.lowest, setting.highest, points)
    weights = jnp.where(jnp.arange(WEIGHTS)[None] == setting.swept, axis[:, None], setting.weights[None])
    (exact,) = _answers(_one(exact_loss), 1, weights, setting)
    (surrogate,) = _answers(_one(clocked_loss), 1, weights, setting)
    event_prop, unclocked = _answers(_lif_losses, 2, weights, setting)
    one, other = surrogate.gradient, unclocked.gradient
    norms = jnp.linalg.norm(one, axis=1) * jnp.linalg.norm(other, axis=1)
    cosine = jnp.sum(one * other, axis=1) / jnp.where(norms > 0, norms, 1.0)
    return ThreeGradients(axis, exact, event_prop, surrogate, unclocked, cosine)


@eqx.filter_jit
def descend(method: str, setting: ThreeGradientsSetting, trials: int = 300) -> Course:
    """Gradient descent of all weights from those of the setting, each component of a step clipped to `LARGEST_STEP`.

    **Arguments:** `method`, one of `METHODS`; `trials`.
    **Raises** `ValueError` for another method.

    >>> course = descend("exact", ThreeGradientsSetting(), trials=5)
    >>> print(course.weights.shape)
    (5, 8)
    """

    def trial(weights, _):
        (loss, times), gradient = gradient_of(method, weights, setting)
        return weights - jnp.clip(setting.rate * gradient, -LARGEST_STEP, LARGEST_STEP), (loss, times[OUTPUT], weights)

    return Course(*jax.lax.scan(trial, setting.weights, None, length=trials)[1])
