"""Can a neuron learn when to spike, although at first it does not spike at all?

One QIF neuron with 22 input spikes, two of which learn their weights and times. Its first two spikes, pseudospikes included,
shall come at two given times. At first both come after the end of the trial; gradient descent brings them in, one after the
other, and the loss never jumps. Everything is traced: changing a number never recompiles.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from sgtheory._arrays import Array, Float, Int, Scalar
from sgtheory._checks import finite, positive
from sgtheory.networks import EventParameters, InputSpikes, RecurrentEventNetwork
from sgtheory.pseudospikes import ConstantDrive, first_spikes

DURATION = 10.0
"""Of a trial, in membrane time constants."""
FIXED_TIMES = (
    0.3262, 0.915, 1.0279, 1.7837, 2.111, 2.4085, 2.7064, 3.0177, 3.2551, 3.4553, 4.3184, 5.6802, 6.6102, 6.7276, 6.8992,
    6.97, 7.3123, 7.3435, 8.857, 9.085,
)  # fmt: skip
"""When the inputs that do not learn spike."""
FIXED_WEIGHTS = (
    0.5604, 0.0263, 0.7118, 0.087, -0.6519, -1.0709, -0.191, 1.2066, -0.501, 2.1248, 0.5734, -0.5942, -0.2986, 0.3842,
    -0.0992, 0.8882, 0.0093, 0.3874, 0.0215, -1.2732,
)  # fmt: skip
"""And their weights."""
START_WEIGHTS, START_TIMES = (0.0, 0.0), (1.0, 9.0)
"""Of the two inputs that learn."""
TARGETS = (2.5, 7.5)
"""When the neuron shall spike."""
RATE, LARGEST_SLOPE, TRIALS = 0.1, 0.02, 3000
"""Learning rate; what each component of the gradient is clipped to; trials."""
EVENTS = 64
"""Of which the log has room: 22 input spikes, and more spikes than the neuron ever has."""


class TwoSpikeSetting(eqx.Module):
    """The task: the `targets`, where the two inputs start, and the learning rate.

    **Raises** `ValueError` for numbers that are not finite, and a rate that is not positive.
    """

    targets: Float[Array, "2"] = eqx.field(converter=finite("targets"), default=TARGETS)
    weights: Float[Array, "2"] = eqx.field(converter=finite("weights"), default=START_WEIGHTS)
    times: Float[Array, "2"] = eqx.field(converter=finite("times"), default=START_TIMES)
    rate: Scalar = eqx.field(converter=positive("rate", single=True), default=RATE)


class Learnt(eqx.Module):
    """The course of learning, one row for each trial, and the last of them the end."""

    spikes: Float[Array, "trials 2"]
    """Times of the first two spikes, ordinary ones before `DURATION` and pseudospikes after it."""
    weights: Float[Array, "trials 2"]
    """Weights of the two inputs that learn."""
    times: Float[Array, "trials 2"]
    """And their times."""
    loss: Float[Array, " trials"]
    """The mean squared difference of the spikes from their targets."""


class SpikePath(eqx.Module):
    """What the course says of the path of both spike times."""

    entries: Int[Array, "2"]
    """From which trial on each spike comes before the end of the trial; the number of trials if it never does for good."""
    largest_step: Scalar
    """The largest change of one spike time from one trial to the next."""
    length: Scalar
    """Of the path in the plane of both spike times."""
    straight: Scalar
    """And of the straight line from its begin to its end."""


def path_of(learnt: Learnt) -> SpikePath:
    """The path that spike times take: without a jump its largest step shrinks with the learning rate.

    >>> path = path_of(learn(TwoSpikeSetting(), 400))
    >>> print(path.entries, f"{path.largest_step:.2f}")  # the second spike has not come in yet
    [316 400] 0.06
    """
    steps = jnp.diff(learnt.spikes, axis=0)
    late = learnt.spikes > DURATION
    trials = jnp.arange(1, late.shape[0] + 1)
    return SpikePath(
        jnp.max(jnp.where(late, trials[:, None], 0), axis=0),
        jnp.max(jnp.abs(steps)),
        jnp.sum(jnp.linalg.norm(steps, axis=1)),
        jnp.linalg.norm(learnt.spikes[-1] - learnt.spikes[0]),
    )


def spike_times(weights: Float[Array, "2"], times: Float[Array, "2"]) -> Float[Array, "2"]:
    """The first two spikes of the neuron, pseudospikes included, with these weights and times of the inputs that learn.

    >>> import jax.numpy as jnp
    >>> print(*(f"{time:.3f}" for time in spike_times(jnp.array(START_WEIGHTS), jnp.array(START_TIMES))))
    10.692 11.894
    """
    network = RecurrentEventNetwork(duration=DURATION, events=EVENTS)
    parameters = EventParameters(jnp.concatenate([weights, jnp.asarray(FIXED_WEIGHTS, weights.dtype)])[None])
    arriving = jnp.concatenate([times, jnp.asarray(FIXED_TIMES, times.dtype)])
    log = network.run(parameters, InputSpikes(arriving, jnp.arange(arriving.size)), ()).output
    return first_spikes(log, 0, ConstantDrive().times(log.end, DURATION, most=2))


@eqx.filter_jit
def learn(setting: TwoSpikeSetting, trials: int = TRIALS) -> Learnt:
    """Gradient descent from the start of a setting, the times kept within the trial.

    **Source:** Klos & Memmesheimer (2025), Fig. 2.

    >>> course = learn(TwoSpikeSetting(), 400)
    >>> print(bool(course.loss[-1] < 0.7 * course.loss[0]), int((course.spikes[:, 0] > DURATION).sum()))  # until it spikes
    True 316
    """
    optimiser = optax.chain(optax.clip(LARGEST_SLOPE), optax.sgd(setting.rate))

    def loss(learnt):
        spikes = spike_times(*learnt)
        return jnp.mean((spikes - setting.targets) ** 2), spikes

    def trial(carry, _):
        learnt, state = carry
        (value, spikes), gradient = jax.value_and_grad(loss, has_aux=True)(learnt)
        changes, state = optimiser.update(gradient, state)
        weights, times = jax.tree.map(jnp.add, learnt, changes)
        row = spikes, *learnt, value
        return ((weights, jnp.clip(times, 0.0, DURATION)), state), row

    start = setting.weights, setting.times
    _, (spikes, weights, times, losses) = jax.lax.scan(trial, (start, optimiser.init(start)), None, length=trials)
    return Learnt(spikes, weights, times, losses)
