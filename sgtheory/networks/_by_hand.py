"""A layer of LIF neurons over time, with the backward pass written by hand.

Forward the loop stores the potential, and the spikes where they are drawn; backward it makes the slope of each decision and
the factor of the reset from these. Automatic differentiation of the same loop stores some ten arrays instead.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array
from sgtheory.neurons import LIF, ClockedState
from sgtheory.rules import AbstractSpikeRule, SpikeRule, Threshold


def has_backward_pass(neuron: Any, rule: AbstractSpikeRule) -> bool:
    """Whether the backward pass of such a layer is written here."""
    return type(neuron) is LIF and not neuron.refractory_steps and type(rule) is SpikeRule


@eqx.filter_custom_vjp
def run_layer(differentiated: tuple[Array, ClockedState, Any], neuron: LIF, rule: SpikeRule, noise: Array, mix: Any):
    """Spikes, potentials minus threshold, and the last state, of `(drive, state, recurrent)`.

    `mix(recurrent, spikes)` is what the spikes of a layer add to its own drive, linear in both; `mix` may be None.
    """
    return _forward(differentiated, neuron, rule, noise, mix, False)[0]


def _forward(differentiated, neuron, rule, noise, mix, keeps_current):
    drive, start, recurrent = differentiated
    dtype = drive.dtype
    drawn = not isinstance(rule.forward, Threshold)

    def outcome(distance, uniform):
        return rule.forward.outcome(neuron.escape, distance, distance if uniform is None else uniform)

    def step(state, each):
        x, uniform = each
        distance = neuron.distance(state)
        spike = outcome(distance, uniform)
        arriving = x if mix is None else x + mix(recurrent, spike)
        kept = (distance, spike if drawn else None, state.current if keeps_current else None)
        return neuron.step(state, spike, arriving), kept

    end, (distance, spike, current) = jax.lax.scan(step, start, (drive, noise if drawn else None))
    if spike is None:
        spike = outcome(distance, noise)
    return (spike.astype(dtype), distance, end), current


@run_layer.def_fwd
def _run_layer_forward(perturbed, differentiated, neuron, rule, noise, mix):
    del perturbed
    out, current = _forward(differentiated, neuron, rule, noise, mix, rule.through_reset and _needs_current(neuron))
    spike, distance, _ = out
    return out, (spike, distance, current)


def _needs_current(neuron: LIF) -> bool:
    """Whether what the reset throws away holds some of the current."""
    return neuron.reset == "zero" and neuron.reset_step == "next"


@run_layer.def_bwd
def _run_layer_backward(residuals, cotangent, perturbed, differentiated, neuron, rule, noise, mix):
    del noise
    spike, distance, current = residuals
    drive, start, recurrent = differentiated
    spike_bar, distance_bar, end_bar = cotangent
    dtype = drive.dtype
    keep, keep_current = neuron.keeps_potential.astype(dtype), neuron.keeps_current.astype(dtype)
    threshold = neuron.threshold.astype(dtype)
    passes = neuron.reset == "subtractive"
    drawn = not isinstance(rule.forward, Threshold)  # otherwise what fired is cheaper to compute again than to read

    def step(bar, each):
        current_bar, potential_bar = bar
        out_bar, more_bar, fired, here, current_here = each
        if fired is None:
            fired = rule.forward.outcome(neuron.escape, here, here)
        toward_spike = 0.0 if out_bar is None else out_bar
        if mix is not None:
            toward_spike = toward_spike + jax.linear_transpose(lambda s: mix(recurrent, s), fired)(current_bar)[0]
        if rule.through_reset:
            toward_spike = toward_spike - potential_bar * _thrown(here, current_here)
        left = potential_bar if passes else potential_bar * (1 - fired)
        arriving = left if neuron.reset_step == "next" else potential_bar
        toward_potential = keep * left + toward_spike * rule.backward.slope(neuron.escape, here, fired)
        if more_bar is not None:
            toward_potential = toward_potential + more_bar
        return (keep_current * current_bar + (1 - keep) * arriving, toward_potential), current_bar

    def _thrown(here, current_here):
        if neuron.reset == "subtractive":
            return threshold * (keep if neuron.reset_step == "same" else 1.0)
        kept = keep * (here + threshold)
        return kept if current_here is None else kept + (1 - keep) * current_here

    zero = jnp.zeros_like(start.potential)
    last = (
        zero if end_bar.current is None else end_bar.current,
        zero if end_bar.potential is None else end_bar.potential,
    )
    # A layer whose spikes nobody asked for still passes on what the potentials were asked for.
    first, drive_bar = jax.lax.scan(
        step, last, (spike_bar, distance_bar, spike if drawn else None, distance, current), reverse=True
    )
    recurrent_bar = None
    if mix is not None:
        recurrent_bar = jax.vjp(lambda r: jax.vmap(lambda s: mix(r, s))(spike), recurrent)[1](drive_bar)[0]
    state_bar = ClockedState(first[0], first[1], None)
    return drive_bar, state_bar, recurrent_bar
