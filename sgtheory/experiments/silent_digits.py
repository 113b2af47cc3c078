"""Can a deep network learn in which at first no neuron spikes at all?

Three layers of theta neurons tell handwritten digits apart by which output neuron spikes first. With weights near zero nothing
spikes within a trial, and there is no gradient to follow; but each neuron would spike some time after the trial, and these
pseudospikes are smooth in all weights. `train_silent` yields what there is to see at a few moments of the training, with
pseudospikes or, as a control, without.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from sgtheory._arrays import Array, Float, Int, Key
from sgtheory._checks import instance, positive, shorten, whole
from sgtheory.data import LatencyDigits
from sgtheory.experiments._moments import stretches
from sgtheory.gradients import PathwiseGradient
from sgtheory.losses import FirstSpikeLoss
from sgtheory.networks import AbstractNetwork, EventLayer, InputVolleys, LayeredEventNetwork, Path
from sgtheory.neurons import Theta
from sgtheory.pseudospikes import FirstSpikes, FreeRun, PseudospikeNetwork
from sgtheory.training import TrainingState, begin, train

DRIVE, TIME_CONSTANT = 1.25, 6 / np.pi
"""Of the theta neurons: left alone, one spikes every 6."""
DURATION = 2.0
"""Of a trial, in the unit of the time constant: a third of that period."""
FIRST_INPUT, INPUT_SPAN = 0.0201, 0.9
"""When the brightest pixels spike, and how much later the darkest."""
SPIKES = 2
"""Of a unit that there is room for in a trial, which is shorter than a neuron's period."""
CLASSES = 10
START_SCALE = 0.1
"""Of the weights at the start, over the root of the number of senders."""


@dataclasses.dataclass(frozen=True)
class SilentSetting:
    """How the network is trained.

    **Arguments:** `pseudospikes`, whether there are any; `hidden`, units of each hidden layer; `learning_rate` of AdaBelief at
    the start, which falls to a quarter; `dropped`, the chance of an input spike to be left out in a step of training; `batch`,
    samples a step; `seed` of weights and order.
    **Raises** `ValueError` for numbers that are not positive, and a chance that does not lie from 0 to below 1.

    >>> SilentSetting(dropped=2.0)
    Traceback (most recent call last):
    ValueError: `dropped` must lie from 0 to below 1, got 2.0. Take 0.1, say.
    """

    pseudospikes: bool = True
    hidden: tuple[int, ...] = (100, 100)
    learning_rate: float = 4e-3
    dropped: float = 0.1
    batch: int = 150
    seed: int = 0

    def __post_init__(self) -> None:
        for units in self.hidden:
            whole("hidden", units)
        positive("learning_rate", single=True)(self.learning_rate)
        whole("batch", self.batch)
        if not 0 <= self.dropped < 1:
            raise ValueError(f"`dropped` must lie from 0 to below 1, got {shorten(self.dropped)}. Take 0.1, say.")


class LeavesOut(AbstractNetwork):
    """A network of which each input channel is silent in a run with the chance `dropped`: what is random about a run."""

    network: PseudospikeNetwork
    dropped: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def draw(self, inputs: InputVolleys, *, key: Key) -> Any:
        return jax.random.uniform(key, inputs.counts.shape[-1:], inputs.counts.dtype)

    def as_inputs(self, inputs: Any) -> InputVolleys:
        """**Raises** `TypeError` for what are no volleys."""
        instance("inputs", inputs, InputVolleys, "Give `volleys_of(digits)`.")
        return inputs

    def run(self, parameters: tuple[EventLayer, ...], inputs: InputVolleys, noise: Any) -> Path:
        stays = (noise >= self.dropped.astype(noise.dtype)).astype(inputs.counts.dtype)
        return self.network.run(
            parameters, eqx.tree_at(lambda each: each.counts, inputs, inputs.counts * stays[None]), ()
        )


class SilentMoment(eqx.Module):
    """What there is to see of a network after so many `steps` of training.

    `accuracy`, of samples that are only asked for: the first spike names the class. `known`: that of samples to learn from.
    `spoken`: the part of the former in which an ordinary spike did. `silent`: of each hidden layer, the part of units that spike
    for no sample. `times`: the first spike of each output, samples × classes, pseudospikes included; `counts`: how many
    ordinary ones there were. `firing`: for each layer and unit, for what part of the samples it spikes. `loss`: of each step
    so far.
    """

    steps: int = eqx.field(static=True)
    accuracy: Float[np.ndarray, ""]
    known: Float[np.ndarray, ""]
    spoken: Float[np.ndarray, ""]
    silent: Float[np.ndarray, " layers"]
    times: Float[np.ndarray, "samples classes"]
    counts: Int[np.ndarray, "samples classes"]
    firing: tuple[Float[np.ndarray, "..."], ...]
    loss: Float[np.ndarray, " steps"]
    state: TrainingState


def volleys_of(digits: LatencyDigits) -> InputVolleys:
    """The input spikes of digits: one volley for each brightness, in single precision.

    >>> import jax
    >>> from sgtheory.data import latency_digits
    >>> print(volleys_of(latency_digits(jax.random.key(0))[1]).counts.shape)
    (449, 15, 64)
    """
    latencies = np.asarray(digits.times, np.float64).round(6)
    times = np.unique(latencies[np.isfinite(latencies)])
    volleys = InputVolleys.from_latencies(latencies, times)
    volleys = eqx.tree_at(lambda each: each.times, volleys, FIRST_INPUT + INPUT_SPAN * volleys.times)
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), volleys)


def silent_network(pseudospikes: bool) -> PseudospikeNetwork:
    """The network, for any number of layers: theta neurons, whose first spike speaks."""
    neuron = Theta(drive=DRIVE, time_constant=TIME_CONSTANT)
    network = LayeredEventNetwork(neuron, duration=DURATION, spikes=SPIKES)
    return PseudospikeNetwork(network, FreeRun(neuron) if pseudospikes else None)


def silent_start(setting: SilentSetting, channels: int) -> tuple[EventLayer, ...]:
    """Weights so small that nothing spikes: normal, of the standard deviation 0.1 over the root of the number of senders."""
    sizes = channels, *setting.hidden, CLASSES
    keys = jax.random.split(jax.random.key(setting.seed), len(sizes) - 1)
    return tuple(
        EventLayer(
            START_SCALE / np.sqrt(senders).astype(np.float32) * jax.random.normal(key, (units, senders), jnp.float32)
        )
        for key, (senders, units) in zip(keys, itertools.pairwise(sizes), strict=True)
    )


@eqx.filter_jit
def respond(network: PseudospikeNetwork, parameters: tuple[EventLayer, ...], inputs: InputVolleys) -> FirstSpikes:
    """What the network does with several samples; all leaves have an axis over them."""
    return jax.vmap(lambda one: network.run(parameters, one, ()).output)(inputs)


def train_silent(
    setting: SilentSetting,
    digits: tuple[LatencyDigits, LatencyDigits],
    steps: int,
    every: int = 20,
    state: TrainingState | None = None,
) -> Iterator[SilentMoment]:
    """Trains a network from its silent start, and looks at it at a few moments; the first before any step.

    **Arguments:** `digits`, to learn from and to be asked for only; `every` so many steps the loop can be stopped; `state`,
    where to go on.
    **Raises** `ValueError` for a number of steps below 1, and for a batch that is larger than what there is to learn from.
    **Source:** Klos & Memmesheimer (2025), Fig. 4, with other digits, another code and smaller batches.

    >>> import jax
    >>> from sgtheory.data import latency_digits
    >>> digits = latency_digits(jax.random.key(0))
    >>> first, *_, last = train_silent(SilentSetting(hidden=(20,), batch=50), digits, steps=30)
    >>> print(first.silent, bool(last.loss[-1] < first.loss[0] if first.loss.size else last.loss[-1] < last.loss[0]))
    [1.] True
    """
    whole("steps", steps)
    known, asked = digits
    inputs, other = volleys_of(known), volleys_of(asked)
    network = silent_network(setting.pseudospikes)
    trained = LeavesOut(network, setting.dropped)
    rate = optax.exponential_decay(setting.learning_rate, max(steps // 2, 1), 0.5)
    optimiser = optax.adabelief(rate)
    if state is None:
        state = begin(optimiser, silent_start(setting, inputs.counts.shape[-1]))
    losses: list[np.ndarray] = []

    def look(state: TrainingState) -> SilentMoment:
        found = respond(network, state.parameters, other)
        log: Any = found.log
        right = np.argmin(found.times[:, :, 0], axis=1) == np.asarray(asked.labels)
        learnt = respond(network, state.parameters, inputs).times[:, :, 0]
        firing = tuple(np.asarray(jnp.mean(layer.count > 0, axis=0, dtype=float)) for layer in log.layers)
        return SilentMoment(
            int(state.done),
            np.asarray(right.mean()),
            np.asarray(np.mean(np.argmin(learnt, axis=1) == np.asarray(known.labels))),
            np.asarray(jnp.mean(jnp.any(found.spoke > 0, axis=1), dtype=float)),
            np.array([np.mean(each == 0) for each in firing[:-1]]),
            np.asarray(found.times[:, :, 0], float),
            np.asarray(found.spoke),
            firing,
            np.concatenate([np.zeros(0), *losses]),
            state,
        )

    if int(state.done) == 0:
        yield look(state)
    for until, due in stretches(int(state.done), steps, every):
        for report in train(
            PathwiseGradient(),
            jax.vmap(FirstSpikeLoss)(known.labels),
            trained,
            state.parameters,
            inputs,
            optimiser,
            steps=until,
            key=jax.random.fold_in(jax.random.key(setting.seed), 1),
            batch=setting.batch,
            loss_axis=0,
            every=10,
            state=state,
        ):
            state = report.state
            losses.append(report.loss)
        if due:
            yield look(state)
