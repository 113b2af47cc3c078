"""Can a recurrent network learn to spike at given times, to a hundredth of a time constant?

Ten QIF neurons, each with an excitatory and an inhibitory Poisson input of its own, learn their recurrent weights and initial
states from nothing, until two of them spike when they should and not again. Everything is traced: changing a number never
recompiles.
"""

from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from sgtheory._arrays import Array, Float, Int, Key
from sgtheory._checks import whole
from sgtheory.experiments._moments import stretches
from sgtheory.networks import EventLog, EventParameters, InputSpikes, RecurrentEventNetwork
from sgtheory.pseudospikes import ConstantDrive, first_spikes
from sgtheory.training import TrainingState

UNITS, DURATION = 10, 10.0
"""Neurons, and a trial in membrane time constants."""
INPUT_WEIGHT, INPUT_RATE = 5.0, 1.0
"""Of each excitatory input, and minus that of each inhibitory one; and their rate, per time constant."""
TARGETS = (5, 4)
"""How many times the first two neurons shall spike."""
GUARD = 1.1
"""The next spike must not come before this many trials."""
RATE, DECAY_TRIALS, DECAY, TRIALS = 1e-2, 2000, 0.8, 10_000
"""Learning rate of AdaBelief, which is multiplied by `DECAY` in so many trials; trials in all."""
EVENTS = 800
"""Of which the log has room."""
MOST = 40
"""Spikes of a neuron that a look shows."""


class RecurrentTask(eqx.Module):
    """Input spikes, and the times at which the first two neurons shall spike."""

    inputs: InputSpikes
    targets: tuple[Float[Array, " first"], Float[Array, " second"]]


class RecurrentTrials(eqx.Module):
    """One entry for each of some trials."""

    loss: Float[Array, " trials"]
    count: Int[Array, " trials"]
    """Events of each trial."""
    spikes: Float[Array, "trials spikes"]
    """Of the first neuron, then of the second: as many spikes as there are targets, and the next one; pseudospikes included."""


class RecurrentLook(eqx.Module):
    """What there is to see of a network: its loss, and its spikes."""

    loss: Float[Array, ""]
    spikes: Float[Array, " spikes"]
    """As in `RecurrentTrials`."""
    times: Float[Array, "units most"]
    """The ordinary spikes of all neurons."""
    count: Int[Array, ""]


class RecurrentMoment(eqx.Module):
    """How far a course has come: the `trials` since the last moment, and a look where one is due."""

    done: int = eqx.field(static=True)
    state: TrainingState
    trials: RecurrentTrials | None
    look: RecurrentLook | None


class RecurrentCourse(eqx.Module):
    """The course of learning, one entry for each trial, and the network at its end."""

    loss: Float[Array, " trials"]
    """Mean squared relative error of the spikes and of those that should not come."""
    count: Int[Array, " trials"]
    """Events of each trial."""
    parameters: EventParameters


def draw_task(key: Key) -> RecurrentTask:
    """Frozen Poisson inputs, and random targets at least 0.6 time constants apart.

    >>> import jax
    >>> task = draw_task(jax.random.key(0))
    >>> print(*(times.size for times in task.targets))
    5 4
    """
    draw = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    counts = draw.poisson(INPUT_RATE * DURATION, 2 * UNITS)
    inputs = InputSpikes(draw.uniform(0, DURATION, counts.sum()), np.repeat(np.arange(2 * UNITS), counts))

    def spaced(number):
        gaps = draw.dirichlet(np.full(number + 1, 2.0))[:number]
        return jnp.asarray(0.5 + 0.6 * np.arange(number) + np.cumsum(gaps) * (9.0 - 0.6 * (number - 1)))

    return RecurrentTask(inputs, (spaced(TARGETS[0]), spaced(TARGETS[1])))


def start() -> EventParameters:
    """The network before it learns: no recurrent weights, all at rest."""
    own = INPUT_WEIGHT * np.eye(UNITS)
    return EventParameters(np.concatenate([own, -own], axis=1))


def task_loss(parameters: EventParameters, task: RecurrentTask) -> tuple[Float[Array, ""], Int[Array, ""]]:
    r"""The mean of $((t-\hat t)/(\hat t+2))^2$ over all targets and, where the next spike comes too early, the guards.

    Spikes are ordinary ones or, where there are fewer, pseudospikes. Beside it the number of events.
    """
    loss, (_, log) = _judged(parameters, task)
    return loss, log.count


def _judged(
    parameters: EventParameters, task: RecurrentTask
) -> tuple[jax.Array, tuple[tuple[jax.Array, ...], EventLog]]:
    """The loss; the spikes of each neuron that has targets, one more than there are of these; and the log."""
    network, law = RecurrentEventNetwork(duration=DURATION, events=EVENTS), ConstantDrive()
    log = network.run(parameters, task.inputs, ()).output
    arriving = law.arriving(log.end, parameters.recurrent)
    errors, found = [], []
    for unit, targets in enumerate(task.targets):
        spikes = first_spikes(log, unit, law.times(log.end, DURATION, targets.size + 1, arriving))
        guard = jnp.minimum(spikes[-1:] - GUARD * DURATION, 0.0) / (GUARD * DURATION + 2)
        errors += [(spikes[:-1] - targets) / (targets + 2), guard]
        found.append(spikes)
    return jnp.mean(jnp.concatenate(errors) ** 2), (tuple(found), log)


_OPTIMISER = optax.adabelief(optax.exponential_decay(RATE, DECAY_TRIALS, DECAY))


def begin() -> TrainingState:
    """The state before the first trial: what is learnt, recurrent weights and initial states, and the optimiser's memory."""
    first = start()
    learnt = first.recurrent, first.potential, first.current
    return TrainingState(learnt, _OPTIMISER.init(learnt), jnp.zeros((), int))


def network_of(state: TrainingState) -> EventParameters:
    """The network as far as it has learnt; no neuron drives itself."""
    recurrent, potential, current = state.parameters
    return EventParameters(start().inputs, (1 - jnp.eye(UNITS)) * recurrent, potential, current)


@eqx.filter_jit
def go_on(state: TrainingState, task: RecurrentTask, trials: int) -> tuple[TrainingState, RecurrentTrials]:
    """So many trials more of gradient descent with AdaBelief, from a state: the same course in parts as at once."""

    def trial(state, _):
        def loss(learnt):
            return _judged(network_of(TrainingState(learnt, state.optimiser, state.done)), task)

        (value, (spikes, log)), gradient = jax.value_and_grad(loss, has_aux=True)(state.parameters)
        with jax.numpy_dtype_promotion("standard"):  # optimisers of optax mix kinds of numbers
            changes, optimiser = _OPTIMISER.update(gradient, state.optimiser)
        after = TrainingState(jax.tree.map(jnp.add, state.parameters, changes), optimiser, state.done + 1)
        return after, (value, log.count, jnp.concatenate(spikes))

    state, (loss, count, spikes) = jax.lax.scan(trial, state, None, length=trials)
    return state, RecurrentTrials(loss, count, spikes)


def learn(task: RecurrentTask, trials: int = TRIALS) -> RecurrentCourse:
    """Learns the recurrent weights, but for those of a neuron to itself, and the initial states.

    **Source:** Klos & Memmesheimer (2025), Fig. 3; inputs and targets are drawn anew.

    >>> import jax
    >>> course = learn(draw_task(jax.random.key(0)), trials=30)
    >>> print(bool(course.loss[-1] < 0.7 * course.loss[0]))
    True
    """
    state, found = go_on(begin(), task, trials)
    return RecurrentCourse(found.loss, found.count, network_of(state))


@eqx.filter_jit
def look(state: TrainingState, task: RecurrentTask) -> RecurrentLook:
    """What the network does now; infinite where there are fewer than `MOST` spikes."""
    loss, (spikes, log) = _judged(network_of(state), task)
    times = jnp.stack([log.spike_times(unit, MOST) for unit in range(UNITS)])
    return RecurrentLook(loss, jnp.concatenate(spikes), times, log.count)


def train_recurrent(
    task: RecurrentTask, trials: int, every: int = 20, state: TrainingState | None = None
) -> Iterator[RecurrentMoment]:
    """The same learning as a course that can be stopped: `every` so many trials it yields how far it has come.

    At a few moments of the course, and before its first trial, there is a `look` at the network.

    **Arguments:** `state`, where to go on: the same course to the last bit.
    **Raises** `ValueError` for a number of trials below 1.

    >>> import jax
    >>> first, *_, last = train_recurrent(draw_task(jax.random.key(0)), trials=30)
    >>> print(first.done, last.done, bool(last.look.loss < first.look.loss))
    0 30 True
    """
    whole("trials", trials)
    if state is None:
        state = begin()
        yield RecurrentMoment(0, state, None, look(state, task))
    for until, due in stretches(int(state.done), trials, every):
        parts = []
        while (left := until - int(state.done)) > 0:  # one compiled program of ten trials does for all but the end
            state, found = go_on(state, task, min(left, 10))
            parts.append(found)
        trials_since = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)
        yield RecurrentMoment(until, state, trials_since, look(state, task) if due else None)
