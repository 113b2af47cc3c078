from typing import Any

import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Int
from sgtheory._checks import instance, whole
from sgtheory.networks import AbstractNetwork, LayeredEventNetwork, LayeredLog, Path
from sgtheory.pseudospikes._driven import ConstantDrive
from sgtheory.pseudospikes._free import FreeRun


class FirstSpikes(eqx.Module):
    """The first spikes of each unit of the last layer, pseudospikes included, and what else there was in a run.

    `times` rise along the last axis; `spoke` counts the ordinary spikes among all, one number a unit; `log` has all layers.
    """

    times: Float[Array, "units most"]
    spoke: Int[Array, " units"]
    log: LayeredLog


class PseudospikeNetwork(AbstractNetwork):
    r"""A layered event-driven network that shows its first spikes, and pseudospikes where there are fewer.

    Layer by layer the readiness $r_j$ of each unit at the end of the trial reaches the next layer as $\sum_jw_{ij}r_j$: so a
    network in which nothing spikes still has output times that depend on all its weights. Without a `law` a unit that spikes
    too rarely has the time $T$ for each spike that is missing, and no slope: a silent network stays silent.

    **Arguments:** `network`, of `Theta` or `QIF` neurons; `law`, `FreeRun` for the first and `ConstantDrive` for the second, or
    None; `most`, how many spikes of each unit.
    **Raises** `TypeError` for a network or a law that is none, `ValueError` for a number of spikes below 1.
    **Source:** Klos & Memmesheimer (2025), layered networks.

    >>> from sgtheory.networks import EventLayer, InputSpikes
    >>> from sgtheory.neurons import Theta
    >>> neuron = Theta()
    >>> network = PseudospikeNetwork(LayeredEventNetwork(neuron, duration=2.0), FreeRun(neuron))
    >>> found = network.run((EventLayer([[0.1]]), EventLayer([[0.1]])), InputSpikes([0.1], [0]), ()).output
    >>> print(found.spoke, f"{found.times[0, 0]:.3f}")
    [0] 2.034
    """

    network: LayeredEventNetwork
    law: FreeRun | ConstantDrive | None = None
    most: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        instance(
            "network", self.network, LayeredEventNetwork, "Take `LayeredEventNetwork(Theta(), duration=2.0)`, say."
        )
        instance("law", self.law, (FreeRun, ConstantDrive, type(None)), "Take `FreeRun(neuron)`, say.")
        whole("most", self.most, most=self.network.spikes, of="spikes of a unit that there is room for")

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
        last = log.layers[-1]
        duration = self.network.duration.astype(last.times.dtype)
        if self.law is None:
            later = jnp.broadcast_to(duration, last.times.shape)[:, : self.most]
        else:
            arriving = jnp.zeros_like(log.layers[0].end.phase)
            for before, layer in zip(log.layers, parameters[1:], strict=False):
                arriving = layer.weights @ self.law.readiness(before.end, arriving)
            later = self.law.times(last.end, duration, self.most, arriving)
        number = jnp.arange(self.most)[None]
        fired = last.count[:, None]
        missing = jnp.take_along_axis(later, jnp.maximum(number - fired, 0), axis=1)
        ordinary = jnp.where(number < fired, last.times[:, : self.most], 0.0)
        times = jnp.where(number < fired, ordinary, missing)
        return Path(FirstSpikes(times, last.count, log))
