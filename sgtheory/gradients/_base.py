"""What every gradient estimator offers, and for which losses it is right."""

import abc
import enum
from collections.abc import Callable
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Distance, Float, Key, Parameters, Scalar
from sgtheory._checks import finite, shorten
from sgtheory.networks import AbstractNetwork, Path
from sgtheory.rules import AbstractSpikeRule

Loss = Callable[[Array], Array]
"""From the output of a network to one number."""


class Losses(enum.Enum):
    """The losses for which an estimator is unbiased."""

    NONE = "none"
    AFFINE = "affine in the spikes"
    ANY = "any"


class Depth(enum.Enum):
    """How deep a network an estimator stays unbiased for."""

    ONE_LAYER = "one layer of decisions"
    ANY = "any depth"


class Claim(eqx.Module):
    """What an estimator is right for: `losses`, and `depth` of the network. Tests read it, and hold it to it."""

    losses: Losses = eqx.field(static=True)
    depth: Depth = eqx.field(static=True, default=Depth.ONE_LAYER)


class AbstractGradientEstimator(eqx.Module):
    r"""An estimate of $\partial E[L]/\partial\theta$ for a network of spikes.

    One draw in, one estimate out: never a mean, never a batch axis. `jax.vmap` outside gives bias and variance for all
    methods alike (`sgtheory.gradients.sample_gradients`). Drawing and evaluating are apart, so that methods can be
    compared on the same draw.
    """

    @property
    @abc.abstractmethod
    def claim(self) -> Claim:
        """For which losses and which depth the mean of the estimates is the exact gradient."""

    @abc.abstractmethod
    def draw(self, network: AbstractNetwork, inputs: Float[Array, "..."], *, key: Key) -> Parameters:
        """Everything random about one estimate."""

    @abc.abstractmethod
    def evaluate(
        self,
        loss: Loss,
        network: AbstractNetwork,
        parameters: Parameters,
        inputs: Float[Array, "..."],
        noise: Parameters,
    ) -> Parameters:
        """The estimate for a given draw; a pytree like `parameters`. Numbers are not checked: `estimate` does that."""

    @abc.abstractmethod
    def runs(self, network: AbstractNetwork, parameters: Parameters, inputs: Float[Array, "..."]) -> int:
        """Runs of the network, forward, that one estimate costs."""

    @final
    def estimate(
        self,
        loss: Loss,
        network: AbstractNetwork,
        parameters: Parameters,
        inputs: Float[Array, "..."],
        *,
        key: Key,
    ) -> Parameters:
        """A single draw: a pytree like `parameters`.

        **Arguments:** `loss`, from the network's output to one number; `parameters`, any pytree of arrays that the
        network takes; `inputs`, as the network takes them; `key`, the source of randomness.
        **Raises** `ValueError` when the loss is not one number, or `inputs` are not finite (inside a compiled program:
        `equinox.EquinoxRuntimeError`).
        """
        inputs = finite("inputs", "Remove or replace the entries that are NaN or infinite.")(inputs)
        return self.evaluate(loss, network, parameters, inputs, self.draw(network, inputs, key=key))


class AbstractPathwise(AbstractGradientEstimator):
    """Estimators that back-propagate along one run, with a spike rule that says which slope a decision shows."""

    @property
    @abc.abstractmethod
    def rule(self) -> AbstractSpikeRule:
        """The rule by which the network is run."""

    @final
    def draw(self, network, inputs, *, key):
        return uniforms(network, inputs, key)

    @final
    def runs(self, network, parameters, inputs):
        del network, parameters, inputs
        return 1

    @final
    def evaluate(self, loss, network, parameters, inputs, noise):
        return jax.grad(lambda p: scalar_loss(loss, network(p, inputs, noise, self.rule)))(parameters)


def uniforms(network: AbstractNetwork, inputs: Float[Array, "..."], key: Key) -> Distance:
    """One uniform in [0, 1) for every decision, in the dtype of the inputs."""
    return jax.random.uniform(key, network.sites(inputs), dtype=jnp.result_type(inputs))


def scalar_loss(loss: Loss, path: Path) -> Scalar:
    """`loss` of the output of `path`, refused unless it is one number."""
    value = loss(path.output)
    if jnp.shape(value) != ():
        raise ValueError(
            f"`loss` must give one number, got the shape {shorten(jnp.shape(value))}. Sum or average over its axes."
        )
    return value
