"""Can a recurrent network learn to spike at given times, to a hundredth of a time constant?

Ten QIF neurons, each with an excitatory and an inhibitory Poisson input of its own, learn their recurrent weights and initial
states from nothing, until two of them spike when they should and not again. Everything is traced: changing a number never
recompiles.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from sgtheory._arrays import Array, Float, Int, Key
from sgtheory.networks import EventParameters, InputSpikes, RecurrentEventNetwork
from sgtheory.pseudospikes import ConstantDrive, first_spikes

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


class RecurrentTask(eqx.Module):
    """Input spikes, and the times at which the first two neurons shall spike."""

    inputs: InputSpikes
    targets: tuple[Float[Array, " first"], Float[Array, " second"]]


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
    network, law = RecurrentEventNetwork(duration=DURATION, events=EVENTS), ConstantDrive()
    log = network.run(parameters, task.inputs, ()).output
    arriving = law.arriving(log.end, parameters.recurrent)
    errors = []
    for unit, targets in enumerate(task.targets):
        spikes = first_spikes(log, unit, law.times(log.end, DURATION, targets.size + 1, arriving))
        guard = jnp.minimum(spikes[-1:] - GUARD * DURATION, 0.0) / (GUARD * DURATION + 2)
        errors += [(spikes[:-1] - targets) / (targets + 2), guard]
    return jnp.mean(jnp.concatenate(errors) ** 2), log.count


@eqx.filter_jit
def learn(task: RecurrentTask, trials: int = TRIALS) -> RecurrentCourse:
    """Learns the recurrent weights, but for those of a neuron to itself, and the initial states.

    **Source:** Klos & Memmesheimer (2025), Fig. 3; inputs and targets are drawn anew.

    >>> import jax
    >>> course = learn(draw_task(jax.random.key(0)), trials=30)
    >>> print(bool(course.loss[-1] < 0.7 * course.loss[0]))
    True
    """
    optimiser = optax.adabelief(optax.exponential_decay(RATE, DECAY_TRIALS, DECAY))
    first, among = start(), 1 - jnp.eye(UNITS)

    def network(learnt):
        recurrent, potential, current = learnt
        return EventParameters(first.inputs, among * recurrent, potential, current)

    def trial(carry, _):
        learnt, state = carry
        loss = jax.value_and_grad(lambda each: task_loss(network(each), task), has_aux=True)
        (value, count), gradient = loss(learnt)
        with jax.numpy_dtype_promotion("standard"):  # optimisers of optax mix kinds of numbers
            changes, state = optimiser.update(gradient, state)
        return (jax.tree.map(jnp.add, learnt, changes), state), (value, count)

    learnt = first.recurrent, first.potential, first.current
    (learnt, _), (loss, count) = jax.lax.scan(trial, (learnt, optimiser.init(learnt)), None, length=trials)
    return RecurrentCourse(loss, count, network(learnt))
