"""Losses of a read-out that classifies: time is the first axis of its potentials, classes are the second."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from sgtheory._arrays import Array, Float, Int, Scalar
from sgtheory._checks import shorten
from sgtheory.losses._base import AbstractLoss, Index, entry, real_output
from sgtheory.networks import SpikeTrains

_TARGET = Index("target", "the number of a class, an integer from 0", lambda value: value >= 0)


class MaximumOverTime(AbstractLoss):
    r"""Cross entropy of the largest potentials of a read-out, $L=-\log\operatorname{softmax}(\max_nU[n])_c$.

    **Arguments:** `target` $c$, the number of the class.
    **Raises** `TypeError` for a target that is no integer; `ValueError` for a class that the read-out does not have, and
    for an output without a read-out. A class that is too large and only known when a compiled program runs makes the loss
    and its gradient NaN.
    **Source:** Gygax & Zenke (2025), Eq. 28 and 29.

    >>> import jax.numpy as jnp
    >>> print(round(float(MaximumOverTime(1)(jnp.array([[0.0, 1.0], [2.0, 0.0]]))), 4))
    1.3133
    """

    target: Int[Array, "..."] = eqx.field(converter=_TARGET)

    def __call__(self, output: PyTree) -> Scalar:
        return _cross_entropy(jnp.max(potentials(output), axis=0), self.target)


class SumOfSoftmax(AbstractLoss):
    r"""Cross entropy of $o=\sum_n\operatorname{softmax}(U[n])$, $L=-\log\operatorname{softmax}(o)_c$: every step has a say.

    **Arguments:** `target` $c$, the number of the class.
    **Raises** as `MaximumOverTime`.
    **Source:** Bittar & Garner (2022).

    >>> import jax.numpy as jnp
    >>> print(round(float(SumOfSoftmax(1)(jnp.array([[0.0, 1.0], [2.0, 0.0]]))), 4))
    0.8541
    """

    target: Int[Array, "..."] = eqx.field(converter=_TARGET)

    def __call__(self, output: PyTree) -> Scalar:
        return _cross_entropy(jnp.sum(jax.nn.softmax(potentials(output), axis=-1), axis=0), self.target)


def potentials(output: PyTree) -> Float[Array, "steps classes"]:
    """The potentials of the read-out. **Raises** `ValueError` for an output that has none."""
    if isinstance(output, SpikeTrains):
        if output.potential is None:
            raise ValueError(
                "`output` must hold the potentials of a read-out, got a network without one. "
                "Give the network a `LeakyReadout(classes)`."
            )
        return output.potential
    values = real_output(output)
    if values.ndim != 2:
        raise ValueError(
            f"`output` must be potentials, steps × classes, got the shape {shorten(values.shape)}. "
            "Take `jax.vmap` over samples."
        )
    return values


def _cross_entropy(scores: Float[Array, " classes"], target: Int[Array, ""]) -> Scalar:
    return -entry(jax.nn.log_softmax(scores), target, "target", "classes")
