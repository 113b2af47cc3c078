"""Does a spiking network that was trained with noise work without it, and the reverse? And what in the training matters?

Deep networks of recurrent convolutional layers tell classes of spike patterns apart: random manifolds, or the Spiking
Heidelberg Digits where they are at hand. Up to six networks begin with the same weights and learn side by side, each in its own
way (`ARMS`). `train_classifiers` yields what there is to see at a few moments; `python -m sgtheory.reproduce fig7` does the
same with several seeds.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from sgtheory import statistics
from sgtheory._arrays import Key
from sgtheory._checks import positive, shorten, whole
from sgtheory.data import RandomManifolds, read_spoken_digits, spikes_at
from sgtheory.escape import Sigmoid
from sgtheory.experiments._moments import stretches
from sgtheory.gradients import SurrogateGradient
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
MOST_CLASSES = 20
"""Spoken digits: zero to nine in two languages."""
KNOWN, ASKED, BATCH = 1500, 400, 50
"""Samples to learn from, samples that are only asked for, and samples a step."""
TRIALS, WINDOW = 10, 10
"""Trials of one sample, and steps of the sliding window of its Fano factor."""
PATHS = 12
"""Sampled paths from which the mean gradient is estimated."""


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

    arms: tuple[str, ...] = ("noise, SuperSpike", "no noise")
    data: str = MANIFOLDS
    smoothness: float = 1.0
    steepness: float = 10.0
    learning_rate: float = 1e-2
    seed: int = 0

    def __post_init__(self) -> None:
        for arm in self.arms or ("",):
            if arm not in ARMS:
                raise ValueError(f"`arms` must be names of `ARMS`, such as no noise, got {shorten(arm)}.")
        if self.data not in DATA:
            raise ValueError(f"`data` must be {' or '.join(DATA)}, got {shorten(self.data)}.")
        for name in ("smoothness", "steepness", "learning_rate"):
            positive(name, single=True)(getattr(self, name))
        whole("seed", self.seed, 0)

    def network(self) -> ClockedNetwork:
        """Two recurrent convolutional layers for the manifolds, the paper's three for spoken digits; a leaky read-out."""
        if self.data == SPOKEN:
            neuron = LIF(Sigmoid(self.steepness), 20.0, 10.0, time_step=2.0)
            layers = tuple(
                Convolution(channels, width, neuron, stride, recurrent_width=5)
                for channels, width, stride in ((16, 21, 10), (32, 7, 3), (64, 7, 3))
            )
            return ClockedNetwork((1, 700), layers, LeakyReadout(MOST_CLASSES, 700.0, 10.0, time_step=2.0))
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
    leads: np.ndarray
    """Highest potential so far of the right class less that of all others, trials × steps, with escape noise.

    The answer is the class with the highest potential of the whole trial: it is right where the last lead is above 0.
    """
    one_path: float
    """Cosine between the gradient along one of `PATHS` sampled paths and the mean along the others, on average."""
    noiseless_path: float
    """Cosine between the gradient along the path without noise, at the same weights, and the mean along all of these."""
    one_path_error: float
    """Standard error of the first cosine over other samples and other noise: the jackknife, over the samples of the batch."""
    noiseless_path_error: float
    """The same of the second."""


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
    rasters = np.zeros(
        (len(chosen), *found.raster(0).shape), dtype=bool
    )  # all of them: 2 GB, and not a second time in a list
    for place, sample in enumerate(chosen):
        rasters[place] = found.raster(int(sample))
    return Samples(rasters[:, :, None, :], found.labels[chosen])


def train_classifiers(
    setting: ClassificationSetting,
    steps: int,
    *,
    states: Mapping[str, TrainingState] | None = None,
    every: int = 2,
) -> Iterator[Progressed]:
    """Trains the networks, a few steps of each at a time; first of all looks at them before the first step.

    After each network it yields, so that it can be stopped: as far as all of them have come, until the last has done as much.

    **Arguments:** `states`, to go on from: the same run to the last bit; `every`, how many steps at a time.
    """
    known, _ = samples(setting.data, setting.smoothness)
    network, optimiser = setting.network(), _adam(setting.learning_rate)
    inputs, loss = jnp.asarray(known.spikes), MaximumOverTime(jnp.asarray(known.labels))
    weights, draws = jax.random.split(jax.random.key(setting.seed))
    if states is None:
        parameters = network.random_parameters(weights, rate=setting.rate)
        states = {arm: begin(optimiser, parameters) for arm in setting.arms}
        yield from _looked(setting, Progressed(0, states, {}, None), Progressed(0, states, {}, None))
    done = int(states[setting.arms[0]].done)
    for until, is_due in stretches(done, steps, every):
        so_far, after, losses = Progressed(done, states, {}, None), {}, {}
        for arm in setting.arms:
            report = next(
                train(
                    ARMS[arm], loss, network, states[arm].parameters, inputs, optimiser, steps=until,
                    batch=min(BATCH, len(known.labels)), loss_axis=0, key=draws, every=every, state=states[arm],
                )
            )  # fmt: skip
            after[arm], losses[arm] = report.state, report.loss
            yield so_far
        states, done = after, until
        reached = Progressed(done, states, losses, None)
        yield from _looked(setting, so_far, reached) if is_due else (reached,)


@functools.cache
def _adam(learning_rate: float) -> optax.GradientTransformation:
    return optax.adam(learning_rate)


def _looked(setting: ClassificationSetting, before: Progressed, reached: Progressed) -> Iterator[Progressed]:
    """Looks at one network after another; until it has seen all, nothing has changed."""
    looks = {}
    for arm in setting.arms:
        looks[arm] = look(setting, arm, reached.states[arm])
        if len(looks) < len(setting.arms):
            yield before
    yield reached._replace(looks=looks)


def look(setting: ClassificationSetting, arm: str, state: TrainingState) -> Look:
    """How a network does, on samples from which it has not learnt."""
    known, asked = samples(setting.data, setting.smoothness)
    network, parameters, own = setting.network(), state.parameters, "without" if arm == "no noise" else "with"
    every, first = jnp.asarray(asked.spikes), jnp.asarray(np.repeat(asked.spikes[:1], TRIALS, axis=0))
    answers, trials = {}, {}
    for name, noisy in (("with", True), ("without", False)):
        run = network, parameters, jnp.asarray(noisy)
        answers[name] = np.asarray(_answers(*run, every, jax.random.key(7)))
        trials[name] = _trials(*run, first, jax.random.key(8))
    batch = jnp.asarray(known.spikes[:BATCH]), MaximumOverTime(jnp.asarray(known.labels[:BATCH]))
    cosines, errors = (np.asarray(each).tolist() for each in _selection(network, parameters, *batch, jax.random.key(9)))
    return Look(
        accuracy={name: float(np.mean(each == asked.labels)) for name, each in answers.items()},
        confusion=_confusion(asked.labels, answers[own], CLASSES if setting.data == MANIFOLDS else MOST_CLASSES),
        fano=np.array([_fano(layer) for layer in trials["with"].spikes]),
        spikes=tuple(np.asarray(layer[0]).reshape(layer.shape[1], -1).T > 0.5 for layer in trials[own].spikes),
        leads=_leads(np.asarray(trials["with"].potential), int(asked.labels[0])),
        one_path=cosines[0], noiseless_path=cosines[1], one_path_error=errors[0], noiseless_path_error=errors[1],
    )  # fmt: skip


def _uniforms(network: ClockedNetwork, inputs: Any, key: Key, noisy: Any) -> Any:
    """The noise of a run; one half everywhere is a run without noise: one program for both."""
    return tuple(jnp.where(noisy, each, 0.5) for each in network.draw(inputs, key=key))


def _outputs(network: ClockedNetwork, parameters: Any, noisy: Any, inputs: Any, key: Key) -> Any:
    inputs = network.as_inputs(inputs)
    return network(parameters, inputs, _uniforms(network, inputs, key, noisy), SpikeRule()).output


@eqx.filter_jit
def _answers(network: ClockedNetwork, parameters: Any, noisy: Any, inputs: Any, key: Key) -> Any:
    """For each sample the class with the largest potential."""

    def one(each):
        return jnp.argmax(jnp.max(_outputs(network, parameters, noisy, *each).potential, axis=0))

    return jax.lax.map(one, (inputs, jax.random.split(key, inputs.shape[0])), batch_size=100)


@eqx.filter_jit
def _trials(network: ClockedNetwork, parameters: Any, noisy: Any, inputs: Any, key: Key) -> Any:
    """The output for each of these inputs."""
    keys = jax.random.split(key, inputs.shape[0])
    return jax.vmap(lambda *each: _outputs(network, parameters, noisy, *each))(inputs, keys)


def _leads(potentials: np.ndarray, label: int) -> np.ndarray:
    highest = np.maximum.accumulate(potentials, axis=-2)
    return highest[..., label] - np.delete(highest, label, axis=-1).max(axis=-1)


def _confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, answers), 1.0)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def _fano(layer: Any) -> float:
    return float(statistics.fano_factor(layer, WINDOW)) if np.any(layer) else 0.0


@eqx.filter_jit
def _selection(
    network: ClockedNetwork, parameters: Any, inputs: Any, loss: MaximumOverTime, key: Key
) -> tuple[Any, Any]:
    """Cosines with the mean gradient over sampled paths: along one path, with the mean over the others; and without noise.

    All with SuperSpike and the reset detached, at the same weights and samples. The first is a mean over paths. Each with its
    standard error: the jackknife leaves out one sample after another, with its noise in all paths.
    """
    estimator = ARMS["noise, SuperSpike"]

    def gradients(key, noisy):
        def one(loss, spikes, key):
            spikes = network.as_inputs(spikes)
            noise = _uniforms(network, spikes, key, noisy)
            slopes = eqx.filter_grad(lambda own: estimator.objective(loss, network, own, spikes, noise)[0])(parameters)
            return ravel_pytree(slopes)[0]

        keys = jax.random.split(key, inputs.shape[0])
        return eqx.filter_vmap(one, in_axes=(eqx.if_array(0), 0, 0))(loss, inputs, keys)

    def cosines(along):
        total = jnp.sum(along[:PATHS], axis=0)
        of_one = jax.vmap(lambda own: statistics.cosine(own, total - own))(along[:PATHS])
        return jnp.stack([jnp.mean(of_one), statistics.cosine(along[PATHS], total)])

    noisy = jnp.arange(PATHS + 1) < PATHS  # the last path is the one without noise
    each = jax.lax.map(lambda path: gradients(*path), (jax.random.split(key, PATHS + 1), noisy))
    whole = jnp.sum(each, axis=1)
    left = jax.lax.map(lambda sample: cosines(whole - sample), jnp.swapaxes(each, 0, 1))
    return cosines(whole), jnp.sqrt((len(inputs) - 1) * jnp.var(left, axis=0))


def classes() -> np.ndarray:
    """The numbers of the classes, of the data with most of them."""
    return np.arange(float(MOST_CLASSES))


def shares() -> np.ndarray:
    """The middle of each time step, as a share of the trial."""
    return (np.arange(STEPS) + 0.5) / STEPS


def places() -> np.ndarray:
    """Where each way to train stands."""
    return np.arange(1.0, len(ARMS) + 1)


def first_sample(data: str, smoothness: float) -> np.ndarray:
    """The spikes of the sample that is shown, positions × steps."""
    return samples(data, smoothness)[1].spikes[0, :, 0, :].T
