"""What every network offers, and the one place where a rule is asked for a spike."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from sgtheory._arrays import Array, Distance, Float, Noise, Parameters, Spikes
from sgtheory.escape import AbstractEscape
from sgtheory.rules import AbstractSpikeRule


class Decision(eqx.Module):
    """What happened at a number of decisions: `spike`, `distance` to threshold and `log_probability` of the outcome."""

    spike: Spikes
    distance: Distance
    log_probability: Distance


class Path(eqx.Module):
    """One run of a network: its `output`, and its `decisions`, whose arrays have the shape of the noise."""

    output: Float[Array, "..."]
    decisions: Decision


class AbstractNetwork(eqx.Module):
    """A pure function of parameters, inputs, noise and a spike rule. It knows no gradient method."""

    shares_parameters: ClassVar[bool] = True
    """Whether one parameter may move several decisions directly, spikes of others held fixed."""

    @abc.abstractmethod
    def sites(self, inputs: Float[Array, "..."]) -> tuple[int, ...]:
        """Shape of the noise: one entry for every decision of a run with these `inputs`."""

    @abc.abstractmethod
    def __call__(
        self, parameters: Parameters, inputs: Float[Array, "..."], noise: Noise, rule: AbstractSpikeRule
    ) -> Path:
        """One run. `noise` has the shape `sites(inputs)`."""


def decide(rule: AbstractSpikeRule, escape: AbstractEscape, distance: Distance, noise: Noise) -> Decision:
    """Asks `rule` for the spikes and records what it said.

    The log-probability is that of the outcome as it stands; its derivative is with respect to the distance alone.

    **Raises** `ValueError` when there is not one noise value a decision.
    """
    if distance.shape != noise.shape:
        raise ValueError(
            f"`noise` must have one entry a decision, got the shape {noise.shape} for {distance.shape}. "
            "Take `network.sites(inputs)` as its shape."
        )
    spike = rule(escape, distance, noise)
    return Decision(spike, distance, escape.log_likelihood(distance, (spike > 0.5).astype(jnp.result_type(spike))))
