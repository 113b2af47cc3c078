"""Can a network whose neurons are noisy learn to draw a picture with its spikes?

Frozen Poisson spikes drive a hidden layer, and that drives the outputs, one neuron a row of the picture. Two networks learn
side by side: one with escape noise, several trials a step, and one without. `train_matching` yields what there is to see
at a few moments, from the untrained networks on; `python -m sgtheory.reproduce fig6` does the same for as long as the paper.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from sgtheory import statistics
from sgtheory._arrays import Array, Float
from sgtheory._checks import positive, shorten, whole
from sgtheory.data import dithered, frozen_poisson
from sgtheory.escape import Sigmoid
from sgtheory.experiments._moments import stretches
from sgtheory.gradients import AbstractDifferentiable, EligibilityRule, RuleGradient, SurrogateGradient
from sgtheory.losses import AbstractLoss, SpikeTrainDistance, VanRossumDistance
from sgtheory.networks import ClockedNetwork, ClockedParameters, Dense
from sgtheory.neurons import LIF
from sgtheory.rules import SpikeRule, Surrogate, Threshold
from sgtheory.surrogates import SuperSpike
from sgtheory.training import TrainingState, begin, train

UNITS, STEPS, RATE = 200, 198, 50.0
"""Inputs, hidden neurons and outputs; time steps of 1 ms; spikes a second of each input."""
TRIALS = 10
"""Trials over which is averaged at each moment that is shown."""
CONTRAST = 0.4
"""The picture is made so much fainter that it has about as many spikes as the published target."""
ARMS = ("stochastic", "deterministic")
"""The two networks: with escape noise and without."""
RULES = ("back-propagation", "eligibility rule")
SLOPES = ("SuperSpike", "matched")
DISTANCES = ("van Rossum", "L2")
OPTIMISERS = ("Adam", "SMORMS3")


@dataclasses.dataclass(frozen=True)
class MatchingSetting:
    r"""How two networks are trained.

    **Arguments:** `rule`, one of `RULES`: back-propagation through time, or the authors' own rule, which is no gradient and
    asks for no slope of the outputs; `distance` that is minimised, one of `DISTANCES`; `slope`, the surrogate derivative of
    noisy outputs, one of `SLOPES`; `hidden_steepness` and `output_steepness`, $\beta$ of the escape noise; `trials` a step,
    with noise; `optimiser`, one of `OPTIMISERS`; `learning_rate`; `seed` of weights and noise.
    **Raises** `ValueError` for names that are none of these, numbers that are not positive, and the authors' rule with
    another distance than that of van Rossum.

    >>> MatchingSetting(distance="L3")
    Traceback (most recent call last):
    ValueError: `distance` must be van Rossum or L2, got 'L3'.
    """

    rule: str = "back-propagation"
    distance: str = "van Rossum"
    slope: str = "SuperSpike"
    hidden_steepness: float = 10.0
    output_steepness: float = 100.0
    trials: int = TRIALS
    optimiser: str = "Adam"
    learning_rate: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("rule", RULES), ("distance", DISTANCES), ("slope", SLOPES), ("optimiser", OPTIMISERS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"`{name}` must be {' or '.join(allowed)}, got {shorten(getattr(self, name))}.")
        for name in ("hidden_steepness", "output_steepness", "learning_rate"):
            positive(name, single=True)(getattr(self, name))
        if self.rule == "eligibility rule" and self.distance != "van Rossum":
            raise ValueError(
                f"`distance` must be van Rossum for the eligibility rule, got {self.distance}. Or take back-propagation."
            )
        whole("trials", self.trials)
        whole("seed", self.seed, 0)

    def network(self) -> ClockedNetwork:
        """Two layers; the reset acts in the same step, so that a neuron can spike twice in a row."""
        neurons = [LIF(Sigmoid(beta), reset_step="same") for beta in (self.hidden_steepness, self.output_steepness)]
        return ClockedNetwork((UNITS,), tuple(Dense(UNITS, neuron) for neuron in neurons))

    def estimator(self, arm: str) -> AbstractDifferentiable:
        """The reset is detached; with noise the hidden layer shows the matched slope, without it that of SuperSpike."""
        if self.rule == "eligibility rule":
            return EligibilityRule() if arm == "stochastic" else EligibilityRule(SuperSpike(10.0), Threshold())
        if arm == "deterministic":
            return SurrogateGradient(SuperSpike(10.0), Threshold(), through_reset=False)
        output = Surrogate(SuperSpike(10.0) if self.slope == "SuperSpike" else None)
        return RuleGradient(tuple(SpikeRule(backward=each, through_reset=False) for each in (Surrogate(), output)))


class Moment(eqx.Module):
    """Both networks at one moment of their training."""

    step: int = eqx.field(static=True)
    """How many steps of training lie behind."""
    output: dict[str, Float[np.ndarray, "units steps"]]
    """Spikes of the outputs in one trial: network → neurons × time."""
    hidden: dict[str, Float[np.ndarray, "units steps"]]
    """The same of the hidden neurons."""
    mean: Float[np.ndarray, "units steps"]
    """The share of trials with a spike, of the network with noise."""
    distances: dict[str, dict[str, float]]
    """Network → distance → mean over `TRIALS` trials."""
    fano: dict[str, float]
    """Layer → Fano factor of the network with noise, one step a bin; without an entry for a silent layer."""


@dataclasses.dataclass(frozen=True)
class Progressed:
    """A run after some more steps: how many are `done`, the `states` to go on from, and a moment, if one is due.

    `loss`: network → the loss of each of the new steps.
    """

    done: int
    states: Mapping[str, TrainingState]
    loss: Mapping[str, np.ndarray]
    moment: Moment | None


def times() -> Float[Array, " steps"]:
    """The time of each step, in ms."""
    return jnp.arange(STEPS, dtype=float)


def neurons() -> Float[Array, " units"]:
    """Places of the rows of a raster, each in the middle of its row."""
    return jnp.arange(UNITS, dtype=float) + 0.5


def target_of(picture: Any) -> Float[Array, "steps units"]:
    """The raster that is to be drawn: the picture, made fainter and dithered; time × neurons.

    >>> import numpy as np
    >>> print(target_of(np.zeros((10, 10))).shape)
    (198, 200)
    """
    return jnp.asarray(dithered(1 - CONTRAST * (1 - np.asarray(picture, dtype=float)), STEPS, UNITS), dtype=float)


def input_spikes() -> Float[Array, "steps units"]:
    """The same frozen Poisson spikes in every trial."""
    return frozen_poisson(jax.random.key(0), UNITS, STEPS, RATE)


def distances_from(target: Float[Array, "steps units"]) -> dict[str, AbstractLoss]:
    """Both distances from a target."""
    return {"van Rossum": VanRossumDistance(target), "L2": SpikeTrainDistance(target)}


def baselines(target: Float[Array, "steps units"]) -> dict[str, dict[str, float]]:
    """Distance → that of silence, and that of random spikes with each neuron at the target's rate."""
    rates = jnp.mean(target, axis=0, keepdims=True)
    random = (jax.random.uniform(jax.random.key(1), target.shape) < rates).astype(target.dtype)
    trains = {"silent": jnp.zeros_like(target), "random": random}
    return {
        name: {each: float(loss(spikes)) for each, spikes in trains.items()}
        for name, loss in distances_from(target).items()
    }


def train_matching(
    setting: MatchingSetting,
    target: Float[Array, "steps units"],
    steps: int,
    *,
    states: Mapping[str, TrainingState] | None = None,
    every: int = 10,
) -> Iterator[Progressed]:
    """Trains both networks, a few steps of each at a time; first of all the moment before the first step.

    **Arguments:** `states`, to go on from: the same run to the last bit; `every` so many steps it reports.
    """
    network, inputs = setting.network(), input_spikes()[None]
    loss, optimiser = distances_from(target)[setting.distance], _optimiser(setting.optimiser, setting.learning_rate)
    weights, draws = jax.random.split(jax.random.key(setting.seed))
    if states is None:
        parameters = network.random_parameters(weights, rate=RATE)
        states = {arm: begin(optimiser, parameters) for arm in ARMS}
        yield Progressed(0, states, {}, look(setting, states, target, 0))
    for done, is_due in stretches(int(states[ARMS[0]].done), steps, every):
        after, losses = {}, {}
        for arm in ARMS:
            report = next(
                train(
                    setting.estimator(arm), loss, network, states[arm].parameters, inputs, optimiser, steps=done,
                    trials=setting.trials if arm == "stochastic" else 1, key=draws, every=every, state=states[arm],
                )
            )  # fmt: skip
            after[arm], losses[arm] = report.state, report.loss
        states = after
        yield Progressed(done, states, losses, look(setting, states, target, done) if is_due else None)


@functools.cache
def _optimiser(name: str, learning_rate: float) -> optax.GradientTransformation:
    from sgtheory.training import smorms3

    return {"Adam": optax.adam, "SMORMS3": smorms3}[name](learning_rate)


def look(
    setting: MatchingSetting, states: Mapping[str, TrainingState], target: Float[Array, "steps units"], step: int
) -> Moment:
    """What the networks do now, over `TRIALS` trials with draws of their own."""
    network, keys = setting.network(), jax.random.split(jax.random.key(setting.seed + 10_000), TRIALS)
    losses, output, hidden, distances, fano, mean = distances_from(target), {}, {}, {}, {}, None
    for arm in ARMS:
        rule = SpikeRule(Threshold()) if arm == "deterministic" else SpikeRule()
        spikes, found = _run(
            network, states[arm].parameters, rule, losses, keys[:1] if arm == "deterministic" else keys
        )
        hidden[arm], output[arm] = (np.asarray(layer[0]).T for layer in spikes)
        distances[arm] = {name: float(np.mean(values)) for name, values in found.items()}
        if arm == "stochastic":
            mean = np.asarray(jnp.mean(spikes[-1], axis=0)).T
            active = {name: layer for name, layer in zip(("hidden", "output"), spikes, strict=True) if np.any(layer)}
            fano = {name: float(statistics.fano_factor(layer)) for name, layer in active.items()}
    return Moment(step, output, hidden, mean, distances, fano)  # pyright: ignore[reportArgumentType]


@eqx.filter_jit
def _run(network: ClockedNetwork, parameters: ClockedParameters, rule: SpikeRule, losses: dict, keys: Any) -> Any:
    inputs = input_spikes()

    def one(key):
        output = network(parameters, inputs, network.draw(inputs, key=key), rule).output
        return output.spikes, {name: loss(output) for name, loss in losses.items()}

    return jax.vmap(one)(keys)
