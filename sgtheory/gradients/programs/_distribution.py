"""What every distribution offers, and what several of them share."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from sgtheory._arrays import Array, Scalar
from sgtheory._checks import Numbers


class AbstractDistribution(eqx.Module):
    r"""A distribution over whole numbers: how a uniform becomes an outcome, and where it jumps when it is perturbed.

    A jump belongs to an outcome $x$ and to the tangent of the parameters. Its weight $w$ is the rate at which
    probability leaves $x$: with the other outcome $x'$, $E[w\,(f(x') - f(x))]$ is the derivative of $E[f]$, for every
    $f$. Weights are never negative. Outcomes are floating-point numbers.
    """

    @abc.abstractmethod
    def checked(self, parameters: Any) -> Any:
        """`parameters` as arrays.

        **Raises** `ValueError` for parameters that belong to no distribution of the family; inside a compiled program
        `equinox.EquinoxRuntimeError`.
        """

    @abc.abstractmethod
    def sample(self, parameters: Any, uniform: Scalar) -> Scalar:
        """The outcome that belongs to a `uniform` in [0, 1), by inversion. The parameters are not checked."""

    @abc.abstractmethod
    def jump(self, parameters: Any, tangents: Any, outcome: Scalar, uniform: Scalar) -> tuple[Scalar, Scalar]:
        """Another outcome, and its weight, which is 0 where there is none.

        **Arguments:** `tangents`, shaped like the parameters; `uniform`, which selects among several other outcomes,
        where the distribution has several.
        """


def enforced(rule: Numbers, value: Any) -> Any:
    """`value` as an array that keeps the `rule`; a traced one is tested whenever the compiled program runs.

    What a distribution takes arises in the middle of a program, where nobody else checks it.
    """
    array = rule(value)
    if isinstance(array, Tracer):
        return eqx.error_if(array, ~jnp.all(rule.test(array)), rule.sentence)
    return array


PROBABILITY = Numbers(
    "probability", "from 0 to 1", lambda p: (p >= 0) & (p <= 1), "Check the map from the state to it.", single=True
)
"""The rule for the probability of a success."""


def ratio(numerator: Array, divisor: Array) -> Array:
    """A quotient, never negative, and 0 where the divisor is 0: an outcome without probability has no jump."""
    usable = divisor > 0
    return jnp.where(usable, jnp.maximum(numerator, 0.0) / jnp.where(usable, divisor, 1.0), 0.0)


def neighbour(outcome: Scalar, tangent: Scalar) -> Scalar:
    """The next outcome in the direction of the tangent."""
    # Never below 0: there the weight of a step down is 0.
    return jnp.maximum(outcome + jnp.where(tangent > 0, 1.0, -1.0), 0.0)
