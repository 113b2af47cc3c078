from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Int
from sgtheory._checks import instance, whole
from sgtheory.networks import AbstractNetwork, EventLog, LayeredEventNetwork, LayeredLog, Path, RecurrentEventNetwork
from sgtheory.neurons import Theta
from sgtheory.pseudospikes._driven import ConstantDrive
from sgtheory.pseudospikes._free import FreeRun
from sgtheory.pseudospikes._selection import completed, first_spikes


class FirstSpikes(eqx.Module):
    """The first spikes of each unit, of the last layer where there are layers, pseudospikes included.

    `times` rise along the last axis; `spoke` says how many ordinary spikes each unit had; `log` has everything.
    """

    times: Float[Array, "units most"]
    spoke: Int[Array, " units"]
    log: LayeredLog | EventLog


class PseudospikeNetwork(AbstractNetwork):
    r"""An event-driven network that shows its first spikes, and pseudospikes where there are fewer.

    The readiness $r_j$ of each unit at the end of the trial reaches the next layer as $\sum_jw_{ij}r_j$, or in a recurrent
    network all units: so where nothing spikes the times still depend on all weights. Without a `law` a unit that spikes
    too rarely has the time $T$ for each spike that is missing, and no slope: a silent network stays silent.

    **Arguments:** `network`, layered or recurrent; `law`, `FreeRun` for theta and `ConstantDrive` for QIF neurons, or None;
    `most`, how many spikes of each unit.
    **Raises** `TypeError` for a network or a law that is none, `ValueError` for a number of spikes below 1.
    **Source:** Klos & Memmesheimer (2025), Fig. 3 and 4.

    >>> from sgtheory.networks import EventLayer, InputSpikes
    >>> from sgtheory.neurons import Theta
    >>> neuron = Theta()
    >>> network = PseudospikeNetwork(LayeredEventNetwork(neuron, duration=2.0), FreeRun(neuron))
    >>> found = network.run((EventLayer([[0.1]]), EventLayer([[0.1]])), InputSpikes([0.1], [0]), ()).output
    >>> print(found.spoke, f"{found.times[0, 0]:.3f}")
    [0] 2.034
    """

    network: LayeredEventNetwork | RecurrentEventNetwork
    law: FreeRun | ConstantDrive | None = None
    most: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        kinds = LayeredEventNetwork, RecurrentEventNetwork
        instance("network", self.network, kinds, "Take `LayeredEventNetwork(Theta(), duration=2.0)`, say.")
        law = FreeRun if isinstance(self.network.neuron, Theta) else ConstantDrive
        instance("law", self.law, (law, type(None)), f"Take `{law.__name__}` for such neurons.")
        room = self.network.spikes if isinstance(self.network, LayeredEventNetwork) else self.network.events
        whole("most", self.most, most=room, of="spikes of a unit that there is room for")

    @property
    def continuous(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Only with pseudospikes do spikes come and go without a jump."""
        return self.law is not None

    def draw(self, inputs, *, key):
        """Nothing is random."""
        return self.network.draw(inputs, key=key)

    def as_inputs(self, inputs):
        return self.network.as_inputs(inputs)

    def check(self, parameters, inputs):
        self.network.check(parameters, inputs)

    def run(self, parameters, inputs, noise: Any) -> Path:
        log = self.network.run(parameters, inputs, noise).output
        duration = self.network.duration.astype(jax.tree.leaves(parameters)[0].dtype)
        if isinstance(log, EventLog):
            return Path(self._recurrent(log, parameters, duration))
        last = log.layers[-1]
        arriving = jnp.zeros_like(log.layers[0].end.phase)
        if self.law is not None:
            for before, layer in zip(log.layers, parameters[1:], strict=False):
                arriving = layer.weights @ self.law.readiness(before.end, arriving)
        later = self._later(last.end, duration, arriving)
        times = jax.vmap(completed)(last.times[:, : self.most], last.count, later)
        return Path(FirstSpikes(times, last.count, log))

    def _recurrent(self, log: EventLog, parameters, duration) -> FirstSpikes:
        units = log.end.phase.size
        arriving = jnp.zeros_like(log.end.phase)
        if isinstance(self.law, ConstantDrive):
            arriving = self.law.arriving(log.end, parameters.recurrent)
        later = self._later(log.end, duration, arriving)
        times = jax.vmap(lambda unit: first_spikes(log, unit, later))(jnp.arange(units))
        return FirstSpikes(times, log.spike_count(units), log)

    def _later(self, end, duration, arriving):
        """The pseudospikes of all units."""
        if self.law is None:
            return jnp.broadcast_to(duration, (end.phase.size, self.most))
        return self.law.times(end, duration, self.most, arriving)
