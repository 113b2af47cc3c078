import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Bool, Float, Int
from sgtheory._checks import require, shorten
from sgtheory.neurons import phase_to_line


class EventResult(eqx.Enumeration):
    """Whether a run could be solved, and logged whole."""

    successful = ""
    log_full = (
        "The log of events is full: every event must fit into it. Read the number needed in `log.count`, and give the network "
        "as many `events`."
    )
    too_many_spikes = (
        "A unit spikes more often than there is room for: every spike must fit. Read the number needed in `log.most`, and give "
        "the network as many `spikes`."
    )
    not_allowed = (
        "Weights, initial values and times must be finite and lie where they may. Run it once with `throw`, which says what "
        "does not."
    )


class InputSpikes(eqx.Module):
    """Spikes that arrive from outside: spike `k` at the time `times[k]` through the input channel `channels[k]`.

    They may be in any order, and several at the same time. A spike that never comes has the time infinity.

    **Raises** `ValueError` for times that are negative or NaN, and for channels that are not one whole number a time.

    >>> InputSpikes([0.5, -1.0], [0, 1])
    Traceback (most recent call last):
    ValueError: `times` must be from 0 on, got [ 0.5 -1. ]. Let time begin before the first spike.
    """

    times: Float[Array, " spikes"]
    channels: Int[Array, " spikes"]

    def __init__(self, times, channels):
        self.times = require(
            jnp.asarray(times, float),
            lambda each: each >= 0,
            "times",
            "from 0 on",
            "Let time begin before the first spike.",
        )
        self.channels = jnp.asarray(channels)
        if not jnp.issubdtype(self.channels.dtype, jnp.integer) or self.channels.shape != self.times.shape:
            raise ValueError(f"`channels` must be one whole number a time, got {shorten(channels)}.")

    def check_channels(self, number: int) -> None:
        """**Raises** `ValueError` for a channel that is none of so many."""
        require(
            self.channels, lambda each: (each >= 0) & (each < number), "channels",
            f"from 0 and below the number of input channels, {number}",
        )  # fmt: skip


class EndState(eqx.Module):
    r"""The neurons at the end of a trial: `phase` in [0, 1], from just after a spike to the next one, and `current`."""

    phase: Float[Array, " units"]
    current: Float[Array, " units"]

    @property
    def potential(self) -> Float[Array, " units"]:
        r"""Membrane potential $V=-\pi\cot\pi\varphi$."""
        p, q = phase_to_line(self.phase)
        return p / q


class EventLog(eqx.Module):
    """All events of a run, in their order: when each happened, and which unit spiked.

    What is not needed of the log is infinite in `times`, and −1 in `units`; so is the unit of an input spike.
    """

    times: Float[Array, " events"]
    units: Int[Array, " events"]
    end: EndState
    count: Int[Array, ""]
    """The number of events, which is above the length of the log if that is full."""
    result: EventResult
    """`EventResult.successful`, or why the log is not whole or means nothing."""

    def spikes_of(self, unit: int | Int[Array, ""]) -> Bool[Array, " events"]:
        """Which events are spikes of this unit."""
        return self.units == unit

    def spike_count(self, units: int) -> Int[Array, " units"]:
        """Spikes of each of so many units."""
        return jnp.sum(self.units[:, None] == jnp.arange(units)[None], axis=0)

    def spike_times(self, unit: int | Int[Array, ""], most: int) -> Float[Array, " most"]:
        """The first `most` spike times of a unit in rising order; infinite where there are fewer."""
        order = jnp.argsort(jnp.where(self.spikes_of(unit), jnp.arange(self.times.size), self.times.size), stable=True)
        first = order[:most]
        times = jnp.where(self.spikes_of(unit)[first], self.times[first], jnp.inf)
        return jnp.concatenate([times, jnp.full(most - times.size, jnp.inf, times.dtype)])
