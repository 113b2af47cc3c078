import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from sgtheory._arrays import Array, Float
from sgtheory._checks import finite, instance, positive, require, shorten, whole
from sgtheory.networks._base import AbstractNetwork, Path
from sgtheory.networks._event_log import EndState, EventLog, EventResult, InputSpikes

RUNAWAY = 16
"""So many logs full of events are counted before a run is given up."""


class EventParameters(eqx.Module):
    """What a network of event-driven neurons learns.

    **Arguments:** `inputs`, weights from input channels, units × channels; `recurrent`, weights among the units, receiver ×
    sender; `potential` and `current` of each unit at the time 0.
    **Raises** `ValueError` for weights, potentials or currents that are not finite, or of shapes that do not fit.
    """

    inputs: Float[Array, "units channels"]
    recurrent: Float[Array, "units units"]
    potential: Float[Array, " units"]
    current: Float[Array, " units"]

    def __init__(self, inputs, recurrent=None, potential=None, current=None):
        inputs = finite("inputs")(inputs)
        units = inputs.shape[0]
        self.inputs = inputs
        self.recurrent = (
            jnp.zeros((units, units), inputs.dtype) if recurrent is None else finite("recurrent")(recurrent)
        )
        self.potential, self.current = (
            jnp.zeros(units, inputs.dtype) if each is None else finite(name)(each)
            for name, each in (("potential", potential), ("current", current))
        )
        expected = {"recurrent": (units, units), "potential": (units,), "current": (units,)}
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"`{name}` must have the shape {shape}, got {shorten(getattr(self, name).shape)}.")


class AbstractRecurrentEventNetwork(AbstractNetwork):
    """Recurrently connected neurons that are solved from event to event, in one log of events: what all of them share.

    A member says which neurons it has (`check_neuron`), and solves a trial (`solve`).
    """

    duration: Float[Array, ""] = eqx.field(converter=positive("duration", single=True), kw_only=True)
    events: int = eqx.field(static=True, kw_only=True)
    throw: bool = eqx.field(static=True, default=True, kw_only=True)

    def __check_init__(self):
        self.check_neuron()
        whole("events", self.events, remedy="Count input spikes too.")

    @abc.abstractmethod
    def check_neuron(self) -> None:
        """**Raises** `TypeError` for a neuron of another kind."""

    @abc.abstractmethod
    def solve(
        self, values: tuple[jax.Array, ...], arriving: tuple[jax.Array, jax.Array], duration: jax.Array
    ) -> tuple[jax.Array, EndState, jax.Array, jax.Array]:
        """Times, state at the end, units, and number of events.

        **Arguments:** `values`, weights of inputs and among units, potentials and currents; `arriving`, times of input spikes
        in rising order, and their channels.
        """

    def faults(self, parameters: EventParameters) -> dict[str, jax.Array]:
        """What a member refuses that is only known when the program runs: sentence → whether it is so."""
        del parameters
        return {}

    def draw(self, inputs, *, key):
        """Nothing is random."""
        del inputs, key
        return ()

    def as_inputs(self, inputs: Any) -> InputSpikes:
        """**Raises** `TypeError` for what are no input spikes, `ValueError` for spikes beyond the end of the trial."""
        instance("inputs", inputs, InputSpikes, "Give `InputSpikes(times, channels)`.")
        if not isinstance(self.duration, Tracer):
            require(
                inputs.times, lambda each: (each <= np.asarray(self.duration)) | np.isinf(each), "times",
                f"up to the end of the trial at {shorten(self.duration)}", "Let it last longer, or leave the spike out.",
            )  # fmt: skip
        return inputs

    def check(self, parameters: EventParameters, inputs: InputSpikes) -> None:
        """**Raises** `ValueError` for a channel that has no weights."""
        channels = parameters.inputs.shape[1]
        require(
            inputs.channels, lambda each: (each >= 0) & (each < channels), "channels",
            f"from 0 and below the number of input channels, {channels}",
        )  # fmt: skip

    def run(self, parameters: EventParameters, inputs: InputSpikes, noise: Any) -> Path:
        del noise
        inputs = self.as_inputs(inputs)
        self.check(parameters, inputs)
        dtype = parameters.inputs.dtype
        order = jnp.argsort(inputs.times)
        arriving = inputs.times.astype(dtype)[order], inputs.channels.astype(int)[order]
        values = parameters.inputs, parameters.recurrent, parameters.potential, parameters.current
        times, end, units, count = self.solve(values, arriving, self.duration.astype(dtype))
        full = count > self.events
        times = self._refusing(times, parameters, inputs.times, full)
        result = EventResult.where(full, EventResult.log_full, EventResult.successful)
        return Path(EventLog(times, units, end, count, result))

    def _refusing(
        self, carrier: jax.Array, parameters: EventParameters, times: jax.Array, full: jax.Array
    ) -> jax.Array:
        """`carrier` again, after all that is only known when the program runs was checked."""
        faults = {}
        if self.throw:
            faults[EventResult[EventResult.log_full]] = full
        if any(isinstance(each, Tracer) for each in (times, *jax.tree.leaves(parameters))):
            known = [jnp.all(jnp.isfinite(each)) for each in jax.tree.leaves(parameters)]
            late = (times > self.duration.astype(times.dtype)) & (times < jnp.inf)
            faults[
                "Weights, potentials and currents must be finite. Look for a step of learning that is too long."
            ] = ~jnp.all(jnp.stack(known))
            faults[
                "`times` must be from 0 to the end of the trial, or infinite. Clip them after each step of learning."
            ] = jnp.any(late | ~(times >= 0))
            faults |= self.faults(parameters)
        if not faults:
            return carrier
        failing = jnp.stack(list(faults.values()))
        return eqx.branched_error_if(carrier, jnp.any(failing), jnp.argmax(failing), list(faults))
