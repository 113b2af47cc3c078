import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Int
from sgtheory._checks import whole
from sgtheory.networks import EventLog


def first_spikes(
    log: EventLog, unit: int | Int[Array, ""], pseudospikes: Float[Array, "units most"]
) -> Float[Array, " most"]:
    """The first spikes of a unit, ordinary ones and, where there are fewer, pseudospikes: finite, and in rising order.

    **Arguments:** `log`, of a run; `unit`, which one; `pseudospikes`, the times of all units, as many as are asked for.
    **Raises** `ValueError` for a unit that there is not.

    >>> import jax.numpy as jnp
    >>> from sgtheory.networks import EventParameters, InputSpikes, RecurrentEventNetwork
    >>> from sgtheory.pseudospikes import ConstantDrive
    >>> network = RecurrentEventNetwork(duration=4.0, events=8)
    >>> log = network.run(EventParameters(inputs=[[3.7]]), InputSpikes([0.5], [0]), ()).output
    >>> times = first_spikes(log, 0, ConstantDrive().times(log.end, 4.0, most=2))
    >>> print(*(f"{time:.3f}" for time in times))
    2.196 4.694
    """
    if isinstance(unit, int):
        whole("unit", unit, 0, len(pseudospikes) - 1, "the last unit", "Units are counted from 0.")
    return completed(log.spike_times(unit, pseudospikes.shape[1]), jnp.sum(log.spikes_of(unit)), pseudospikes[unit])


def completed(
    ordinary: Float[Array, " most"], count: Int[Array, ""], pseudospikes: Float[Array, " most"]
) -> Float[Array, " most"]:
    """The first spikes of a unit with so many ordinary ones, of which those that there are not may be infinite."""
    number = jnp.arange(ordinary.size)
    there = number < count
    return jnp.where(there, jnp.where(there, ordinary, 0.0), pseudospikes[jnp.maximum(number - count, 0)])
