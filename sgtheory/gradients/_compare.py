from collections.abc import Mapping

import equinox as eqx
import jax
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Float, Key, Parameters, Scalar
from sgtheory._checks import shorten
from sgtheory.gradients._base import AbstractGradientEstimator, Loss
from sgtheory.gradients._sampling import sample_gradients
from sgtheory.networks import AbstractNetwork
from sgtheory.statistics import sign_agreement, summarise


class Comparison(eqx.Module):
    """What `compare` found for one estimator, over all parameters.

    `mean`, `bias`, `variance` of one draw and `standard_error` of the mean are vectors, one entry a parameter in the
    order of `jax.flatten_util.ravel_pytree`; `cosine` and `sign_agreement` of the mean with the exact gradient; `runs`
    of the network a draw.
    """

    mean: Float[Array, " parameters"]
    bias: Float[Array, " parameters"]
    variance: Float[Array, " parameters"]
    standard_error: Float[Array, " parameters"]
    cosine: Scalar
    sign_agreement: Scalar
    runs: int = eqx.field(static=True)


def compare(
    estimators: Mapping[str, AbstractGradientEstimator],
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Float[Array, "..."],
    *,
    exact: Parameters,
    draws: int,
    key: Key,
) -> dict[str, Comparison]:
    """Every estimator on the same problem beside the exact gradient: name → `Comparison`.

    All estimators get the same key, so that those that draw alike are compared on the same draws.

    **Arguments:** `exact`, a pytree like the parameters, such as `ExactGradient().estimate(...)` gives; `draws`, how
    many of each, at least 2.
    **Raises** `ValueError` for fewer than two draws, and for no estimators.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import ExactGradient, ScoreFunction, SurrogateGradient
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1), Sigmoid(2.0))
    >>> problem = (lambda y: y[0], chain, MultilayerParameters([[[1.0]], [[3.0]]]), jnp.array([1.0]))
    >>> exact = ExactGradient().estimate(*problem, key=jax.random.key(0))
    >>> found = compare({"surrogate": SurrogateGradient(), "score": ScoreFunction()}, *problem,
    ...                 exact=exact, draws=2000, key=jax.random.key(1))
    >>> biased = {name: bool(jnp.any(jnp.abs(c.bias) > 4.5 * c.standard_error)) for name, c in found.items()}
    >>> print(biased, found["surrogate"].runs)
    {'surrogate': True, 'score': False} 1
    """
    if not estimators:
        raise ValueError("`estimators` must hold at least one, got none. Take some of `ALL_ESTIMATORS`.")
    if draws < 2:
        raise ValueError(f"`draws` must be at least 2 for a variance, got {shorten(draws)}. Ask for 1000, say.")

    def one(estimator: AbstractGradientEstimator) -> Comparison:
        sampled = sample_gradients(estimator, loss, network, parameters, inputs, draws=draws, key=key)
        summary = summarise(jax.vmap(_flat)(sampled), _flat(exact))
        return Comparison(
            summary.mean, summary.bias, summary.variance, summary.standard_error, summary.cosine,
            sign_agreement(summary.mean, _flat(exact)), estimator.runs(network, parameters, inputs),
        )  # fmt: skip

    return {name: one(estimator) for name, estimator in estimators.items()}


def _flat(tree: Parameters) -> Float[Array, " parameters"]:
    """All numbers of a pytree, one after the other."""
    return ravel_pytree(tree)[0]
