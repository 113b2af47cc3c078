"""What every network offers, and what one offers that decides by a spike rule."""

import abc
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Distance, Draw, Inputs, Key, Noise, Parameters, Scalar, Spikes
from sgtheory._checks import as_inputs, instance, shorten
from sgtheory.escape import AbstractEscape
from sgtheory.networks._uniforms import noise_dtype, uniforms
from sgtheory.rules import AbstractSpikeRule, SpikeRule

Rule = AbstractSpikeRule | tuple[AbstractSpikeRule, ...]
"""One rule for all layers, or a tuple with one a layer."""


class Decision(eqx.Module):
    """What happened at the decisions of one layer: each `spike`, and its `distance` to threshold; arrays of one shape."""

    spike: Spikes
    distance: Distance


class Path(eqx.Module):
    """One run of a network: its `output`, all that a loss may see, and its `decisions`, one entry a layer.

    The output is any pytree of arrays: spikes, spike times, an event log. Networks that decide nothing by a rule have no
    decisions.
    """

    output: Any
    decisions: tuple[Decision, ...] = ()


class AbstractNetwork(eqx.Module):
    """A pure function of parameters, inputs and everything random. It knows no gradient method.

    A network of one's own is these two methods; every estimator that needs no more than a run works on it.
    """

    continuous: ClassVar[bool] = False
    """Whether the output is a continuous function of the parameters while everything random stands still. For spike
    times: also at the edge of the window, where spikes appear and vanish."""

    @abc.abstractmethod
    def draw(self, inputs: Inputs, *, key: Key) -> Draw:
        """Everything random about one run: uniforms, increments; `()` where nothing is random."""

    @abc.abstractmethod
    def run(self, parameters: Parameters, inputs: Inputs, noise: Draw) -> Path:
        """One run with what `draw` gave; the same arguments give the same path."""

    def as_inputs(self, inputs: Any) -> Inputs:
        """`inputs` as this network takes them: real numbers in arrays, finite as far as they are known.

        **Raises** `ValueError` for numbers that are not finite, `TypeError` for what are no numbers.
        """
        return as_inputs(inputs)

    def check(self, parameters: Parameters, inputs: Inputs) -> None:
        """**Raises** `ValueError` unless parameters and inputs have the shapes of this network. Here nothing is asked."""
        del parameters, inputs


class AbstractEscapeNoiseNetwork(AbstractNetwork):
    """A network whose units decide by a spike rule, layer by layer, with escape noise and one uniform a decision.

    A member says where decisions are taken (`sites`), with which noise (`escape_of`), and how a run goes under any rule
    (`__call__`). Drawing, sampling and the probability of what was drawn follow from these.
    """

    shares_parameters: ClassVar[bool] = True
    """Whether one parameter may move several decisions directly, spikes of others held fixed."""

    @abc.abstractmethod
    def sites(self, inputs: Inputs) -> tuple[tuple[int, ...], ...]:
        """Where decisions are taken: for each layer the shape of its noise."""

    @abc.abstractmethod
    def escape_of(self, layer: int) -> AbstractEscape:
        """Escape noise of a layer (counted from 0)."""

    @abc.abstractmethod
    def __call__(self, parameters: Parameters, inputs: Inputs, noise: tuple[Noise, ...], rule: Rule) -> Path:
        """One run under a rule, or one rule a layer. `noise` has one array a layer, of the shapes `sites(inputs)`."""

    @property
    def chained(self) -> bool:
        """Whether any decision depends on the outcome of another: through layers, through time, through a reset."""
        return True

    @final
    def draw(self, inputs: Inputs, *, key: Key) -> tuple[Noise, ...]:
        """One uniform in [0, 1) for every decision, of 32 bits at least; `uniforms` draws finer ones."""
        return uniforms(key, self.sites(inputs), noise_dtype(inputs))

    @final
    def run(self, parameters: Parameters, inputs: Inputs, noise: tuple[Noise, ...]) -> Path:
        """One sampled run, through which no gradient passes."""
        return self(parameters, inputs, noise, SpikeRule())

    @final
    def log_probabilities(self, path: Path) -> tuple[Distance, ...]:
        """The logarithm of the probability of each outcome as it stands, one array a layer.

        Its derivative is with respect to the distances alone.
        """
        return tuple(
            self.escape_of(layer).log_likelihood(
                decision.distance, (decision.spike > 0.5).astype(decision.distance.dtype)
            )
            for layer, decision in enumerate(path.decisions)
        )

    @final
    def log_probability(self, path: Path) -> Scalar:
        r"""$\log P(\text{path})$, the sum over all decisions. Its derivative is the score."""
        return jnp.sum(ravel_pytree(self.log_probabilities(path))[0])


def decide(rule: AbstractSpikeRule, escape: AbstractEscape, distance: Distance, noise: Noise) -> Decision:
    """Asks `rule` for the spikes of one layer.

    **Raises** `ValueError` when there is not one noise value a decision.
    """
    if distance.shape != noise.shape:
        raise ValueError(
            f"`noise` must have one entry a decision, got the shape {shorten(noise.shape)} for "
            f"{shorten(distance.shape)}. Take what `network.draw(inputs, key=key)` gives."
        )
    return Decision(rule(escape, distance, noise), distance)


def rule_of(rule: Rule, layer: int, layers: int) -> AbstractSpikeRule:
    """The rule of one of several layers. **Raises** `ValueError` for a tuple that has not one rule a layer."""
    if not isinstance(rule, tuple):
        instance("rule", rule, AbstractSpikeRule, "Take `SpikeRule()`, say, or a tuple with one rule a layer.")
        return rule
    if len(rule) != layers:
        raise ValueError(f"`rule` must be one rule, or a tuple with one a layer, got {len(rule)} for {layers} layers.")
    return rule[layer]


def check_noise(noise: Any, sites: tuple[tuple[int, ...], ...]) -> None:
    """**Raises** `ValueError` unless `noise` has one array a layer, of these shapes."""
    shapes = tuple(map(np.shape, noise)) if isinstance(noise, (tuple, list)) else np.shape(noise)
    if shapes != sites:
        raise ValueError(
            f"`noise` must be a tuple with one array a layer, of the shapes {shorten(sites)}, got {shorten(shapes)}. "
            "Take what `network.draw(inputs, key=key)` gives."
        )


def as_vector(inputs: Any) -> Array:
    """Inputs as a vector. **Raises** `ValueError` for arrays of another rank, and what `as_inputs` raises."""
    vector = as_inputs(inputs)
    if not isinstance(vector, jax.Array) or vector.ndim == 0:
        raise ValueError(f"`inputs` must be a vector, got {shorten(inputs)}. Give a vector such as [0.5, -1.0].")
    return vector
