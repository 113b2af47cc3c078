"""Does a spiking network that was trained with noise work without it, and the reverse? And what in the training matters?

Deep networks of recurrent convolutional layers tell classes of spike patterns apart: random manifolds, or the Spiking
Heidelberg Digits where they are at hand. Up to six networks begin with the same weights and learn side by side, each in its own
way (`ARMS`). `train_classifiers` yields what there is to see at a few moments; `python -m sgtheory.reproduce fig7` does the
same with several seeds.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from sgtheory import statistics
from sgtheory._arrays import Key
from sgtheory._checks import shorten, whole
from sgtheory.data import RandomManifolds, read_spoken_digits, spikes_at
from sgtheory.escape import Sigmoid
from sgtheory.experiments.spike_train_matching import schedule
from sgtheory.gradients import SurrogateGradient, mean_objective
from sgtheory.losses import MaximumOverTime
from sgtheory.networks import ClockedNetwork, Convolution, LeakyReadout
from sgtheory.neurons import LIF
from sgtheory.rules import SpikeRule, Threshold
from sgtheory.surrogates import SuperSpike
from sgtheory.training import TrainingState, begin, train

ARMS: dict[str, SurrogateGradient] = {
    "noise, matched": SurrogateGradient(through_reset=False),
    "noise, SuperSpike": SurrogateGradient(SuperSpike(10.0), through_reset=False),
    "no noise": SurrogateGradient(SuperSpike(10.0), Threshold(), through_reset=False),
    "through the reset": SurrogateGradient(SuperSpike(10.0)),
    "unscaled": SurrogateGradient(SuperSpike(10.0, scaled=False), through_reset=False),
    "unscaled, through": SurrogateGradient(SuperSpike(10.0, scaled=False)),
}
"""Ways to train: all but one with escape noise, all but two with the reset detached, all but one with SuperSpike."""
DATA = ("random manifolds", "spoken digits")
MANIFOLDS, SPOKEN = DATA
CLASSES, POSITIONS, STEPS = 10, 48, 80
"""Of the random manifolds: classes, inputs that spike once each, and time steps of 1 ms."""
KNOWN, ASKED, BATCH = 1500, 400, 50
"""Samples to learn from, samples that are only asked for, and samples a step."""
TRIALS, WINDOW = 10, 10
"""Trials of one sample, and steps of the sliding window of its Fano factor."""
PATHS = 12
"""Sampled paths from which the mean gradient is estimated."""
RULES = {"with": SpikeRule(), "without": SpikeRule(Threshold())}
"""A network is tested with escape noise and without."""


@dataclasses.dataclass(frozen=True)
class ClassificationSetting:
    r"""How networks are trained.

    **Arguments:** `arms`, names out of `ARMS`; `data`, one of `DATA`; `smoothness` of the manifolds; `steepness` $\beta$ of
    the escape noise; `learning_rate` of Adam; `seed` of weights and noise.
    **Raises** `ValueError` for names that are none of these, no arm, and numbers that are not positive.

    >>> ClassificationSetting(arms=("more noise",))
    Traceback (most recent call last):
    ValueError: `arms` must be names of `ARMS`, such as no noise, got 'more noise'.
    """

    arms: tuple[str, ...] = ("noise, matched", "no noise")
    data: str = MANIFOLDS
    smoothness: float = 1.0
    steepness: float = 10.0
    learning_rate: float = 5e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for arm in self.arms or ("",):
            if arm not in ARMS:
                raise ValueError(f"`arms` must be names of `ARMS`, such as no noise, got {shorten(arm)}.")
        if self.data not in DATA:
            raise ValueError(f"`data` must be {' or '.join(DATA)}, got {shorten(self.data)}.")
        for name in ("smoothness", "steepness", "learning_rate"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"`{name}` must be positive and finite, got {shorten(getattr(self, name))}.")
        whole("seed", self.seed, 0)

    def network(self) -> ClockedNetwork:
        """Two recurrent convolutional layers for the manifolds, the paper's three for spoken digits; a leaky read-out."""
        if self.data == SPOKEN:
            neuron = LIF(Sigmoid(self.steepness), 20.0, 10.0, time_step=2.0)
            layers = tuple(
                Convolution(channels, width, neuron, stride, recurrent_width=5)
                for channels, width, stride in ((16, 21, 10), (32, 7, 3), (64, 7, 3))
            )
            return ClockedNetwork((1, 700), layers, LeakyReadout(20, 700.0, 10.0, time_step=2.0))
        neuron = LIF(Sigmoid(self.steepness), 10.0, 5.0)
        layers = Convolution(8, 9, neuron, 3, recurrent_width=5), Convolution(16, 5, neuron, 2, recurrent_width=3)
        return ClockedNetwork((1, POSITIONS), layers, LeakyReadout(CLASSES, 10.0, 5.0))

    @property
    def rate(self) -> float:
        """Spikes a second of an input, for which the first weights are drawn."""
        return 15.8 if self.data == SPOKEN else 1000 / STEPS


class Samples(NamedTuple):
    """Spike trains, samples × steps × 1 × positions, true or false, and the numbers of their classes."""

    spikes: np.ndarray
    labels: np.ndarray


class Look(eqx.Module):
    """One network at one moment of its training."""

    accuracy: dict[str, float]
    """Tested with escape noise and without → the share of the samples asked for that it gets right."""
    confusion: np.ndarray
    """Class × answer → the share of its samples, tested as it was trained."""
    fano: np.ndarray
    """Layer → Fano factor over trials of one sample, in a sliding window; 0 for a silent layer."""
    spikes: tuple[np.ndarray, ...]
    """Layer → spikes in one trial of one sample, units × steps, tested as it was trained."""
    potentials: np.ndarray
    """Potential of the right class less the highest of the others, trials × steps, with escape noise."""
    one_path: float
    """Cosine between the gradient along one sampled path and the mean along `PATHS` others."""
    noiseless_path: float
    """The same for the gradient along the path without noise, at the same weights."""


class Progressed(NamedTuple):
    """A run after some more steps: how many are `done`, the `states` to go on from, new losses, and looks if they are due."""

    done: int
    states: Mapping[str, TrainingState]
    loss: Mapping[str, np.ndarray]
    looks: Mapping[str, Look] | None


@functools.lru_cache(4)
def samples(data: str, smoothness: float) -> tuple[Samples, Samples]:
    """What is learnt from, and what is asked for. **Raises** `DataError` where there are no spoken digits."""
    if data == SPOKEN:
        return _spoken("train", 8156), _spoken("test", ASKED)
    manifolds = RandomManifolds(jax.random.key(0), CLASSES, POSITIONS, smoothness=smoothness)

    def drawn(key, count):
        times, labels = manifolds.sample(jax.random.key(key), count)
        return Samples(np.asarray(spikes_at(times, STEPS) > 0.5)[:, :, None, :], np.asarray(labels))

    return drawn(1, KNOWN), drawn(2, ASKED)


def _spoken(part: str, most: int) -> Samples:
    found = read_spoken_digits(part=part)
    chosen = np.random.default_rng(0).permutation(len(found.labels))[:most]
    rasters = np.stack([found.raster(int(sample)).astype(bool) for sample in chosen])
    return Samples(rasters[:, :, None, :], found.labels[chosen])


def train_classifiers(
    setting: ClassificationSetting,
    steps: int,
    *,
    states: Mapping[str, TrainingState] | None = None,
    every: int = 10,
) -> Iterator[Progressed]:
    """Trains the networks, a few steps of each at a time; first of all looks at them before the first step.

    **Arguments:** `states`, to go on from: the same run to the last bit; `every` so many steps it reports.
    """
    known, _ = samples(setting.data, setting.smoothness)
    network, optimiser = setting.network(), _adam(setting.learning_rate)
    inputs, loss = jnp.asarray(known.spikes), MaximumOverTime(jnp.asarray(known.labels))
    weights, draws = jax.random.split(jax.random.key(setting.seed))
    due = schedule(steps)
    if states is None:
        parameters = network.random_parameters(weights, rate=setting.rate)
        states = {arm: begin(optimiser, parameters) for arm in setting.arms}
        yield Progressed(0, states, {}, look(setting, states))
    done = int(states[setting.arms[0]].done)
    while done < steps:
        until = min([done + every, *(each for each in due if each > done)])
        after, losses = {}, {}
        for arm in setting.arms:
            report = next(
                train(
                    ARMS[arm], loss, network, states[arm].parameters, inputs, optimiser, steps=until,
                    batch=min(BATCH, len(known.labels)), loss_axis=0, key=draws, every=until - done, state=states[arm],
                )
            )  # fmt: skip
            after[arm], losses[arm] = report.state, report.loss
        states, done = after, until
        yield Progressed(done, states, losses, look(setting, states) if done in due else None)


@functools.cache
def _adam(learning_rate: float) -> optax.GradientTransformation:
    return optax.adam(learning_rate)


def look(setting: ClassificationSetting, states: Mapping[str, TrainingState]) -> dict[str, Look]:
    """How the networks do, on samples from which they have not learnt."""
    known, asked = samples(setting.data, setting.smoothness)
    network, classes = setting.network(), int(known.labels.max()) + 1
    batch = known.spikes[:BATCH], known.labels[:BATCH]
    found = {}
    for arm in setting.arms:
        parameters, own = states[arm].parameters, "without" if arm == "no noise" else "with"
        answers = {
            name: np.asarray(_answers(network, parameters, jnp.asarray(asked.spikes), rule, jax.random.key(7)))
            for name, rule in RULES.items()
        }
        trials = _trials(network, parameters, jnp.asarray(asked.spikes[0]), RULES["with"], jax.random.key(8))
        shown = trials if own == "with" else _trials(
            network, parameters, jnp.asarray(asked.spikes[0]), RULES["without"], jax.random.key(8)
        )  # fmt: skip
        margins = _margins(np.asarray(trials.potential), int(asked.labels[0]))
        one, noiseless = _selection(network, parameters, *batch, jax.random.key(9))
        found[arm] = Look(
            accuracy={name: float(np.mean(each == asked.labels)) for name, each in answers.items()},
            confusion=_confusion(asked.labels, answers[own], classes),
            fano=np.array([_fano(layer) for layer in trials.spikes]),
            spikes=tuple(np.asarray(layer[0]).reshape(layer.shape[1], -1).T > 0.5 for layer in shown.spikes),
            potentials=margins, one_path=float(one), noiseless_path=float(noiseless),
        )  # fmt: skip
    return found


@eqx.filter_jit
def _answers(network: ClockedNetwork, parameters: Any, inputs: Any, rule: SpikeRule, key: Key) -> Any:
    """For each sample the class with the largest potential."""

    def one(spikes, key):
        spikes = network.as_inputs(spikes)
        output = network(parameters, spikes, network.draw(spikes, key=key), rule).output
        return jnp.argmax(jnp.max(output.potential, axis=0))

    keys = jax.random.split(key, inputs.shape[0])
    return jax.lax.map(lambda each: one(*each), (inputs, keys), batch_size=100)


@eqx.filter_jit
def _trials(network: ClockedNetwork, parameters: Any, sample: Any, rule: SpikeRule, key: Key) -> Any:
    """Outputs of several trials of one sample."""
    inputs = network.as_inputs(sample)
    keys = jax.random.split(key, TRIALS)
    return jax.vmap(lambda each: network(parameters, inputs, network.draw(inputs, key=each), rule).output)(keys)


def _margins(potentials: np.ndarray, label: int) -> np.ndarray:
    others = np.delete(potentials, label, axis=-1)
    return potentials[..., label] - others.max(axis=-1)


def _confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, answers), 1.0)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def _fano(layer: Any) -> float:
    return float(statistics.fano_factor(layer, WINDOW)) if np.any(layer) else 0.0


@eqx.filter_jit
def _selection(network: ClockedNetwork, parameters: Any, spikes: Any, labels: Any, key: Key) -> tuple[Any, Any]:
    """Cosines with the mean over sampled paths, of the gradient along one more of them and of that along the noiseless one.

    All with the matched surrogate and the reset detached, at the same weights and samples.
    """
    loss, inputs = MaximumOverTime(jnp.asarray(labels)), jnp.asarray(spikes)

    def gradient(estimator, key):
        def objective(parameters):
            return mean_objective(estimator, loss, network, parameters, inputs, key=key, loss_axis=0)[0]

        return ravel_pytree(eqx.filter_grad(objective)(parameters))[0]

    keys = jax.random.split(key, PATHS + 1)
    along = jax.lax.map(lambda each: gradient(SurrogateGradient(through_reset=False), each), keys)
    noiseless = gradient(SurrogateGradient(forward=Threshold(), through_reset=False), key)
    mean = jnp.mean(along[1:], axis=0)
    return _cosine(along[0], mean), _cosine(noiseless, mean)


def _cosine(one: Any, other: Any) -> Any:
    length = jnp.linalg.norm(one) * jnp.linalg.norm(other)
    return jnp.where(length > 0, jnp.vdot(one, other) / jnp.where(length > 0, length, 1.0), 0.0)


def first_sample(data: str, smoothness: float) -> np.ndarray:
    """The spikes of the sample that is shown, positions × steps."""
    return samples(data, smoothness)[1].spikes[0, :, 0, :].T


def arm_names(names: Sequence[str]) -> tuple[str, ...]:
    """These arms in the order of `ARMS`."""
    return tuple(arm for arm in ARMS if arm in names)
