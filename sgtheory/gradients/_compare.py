from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Bool, Draw, Float, Inputs, Key, Parameters, Scalar
from sgtheory._checks import as_inputs, instance, shorten
from sgtheory.gradients._base import AbstractGradientEstimator, Loss, first_of
from sgtheory.gradients._exact import ExactGradient
from sgtheory.gradients._pathwise import PathwiseGradient
from sgtheory.gradients._sampling import sample_gradients
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractNetwork
from sgtheory.statistics import sign_agreement, summarise


class Comparison(eqx.Module):
    """What `compare` found for one estimator, over all parameters.

    Vectors have one entry a parameter, in the order of `sgtheory.gradients.flatten_parameters`.
    """

    exact: Float[Array, " parameters"]
    """The exact gradient."""
    mean: Float[Array, " parameters"]
    """The mean of the draws."""
    bias: Float[Array, " parameters"]
    """The mean less the exact gradient."""
    variance: Float[Array, " parameters"]
    """The variance of one draw."""
    standard_error: Float[Array, " parameters"]
    """The standard error of the mean."""
    cosine: Scalar
    """Of the angle between the mean and the exact gradient."""
    sign_agreement: Scalar
    """The share of parameters for which the mean has the sign of the exact gradient."""
    runs: int = eqx.field(static=True)
    """Runs of the network that one draw costs."""

    def biased(self, standard_errors: float = 4.5) -> Bool[Array, " parameters"]:
        """Where the mean is off by more than so many standard errors, and by more than rounding.

        Chance alone passes 4.5 of them once in 150,000 parameters. Rounding is a thousand units in the last place of the
        longer of the two gradients: an estimator that does not vary has no standard error to be held against. Nor has one
        whose rare event was never drawn: where that may be, draw more.
        """
        length = jnp.maximum(jnp.linalg.norm(self.exact), jnp.linalg.norm(self.mean))
        rounding = 1000 * jnp.finfo(self.mean.dtype).eps * length
        return jnp.abs(self.bias) > standard_errors * self.standard_error + rounding


def compare(
    estimators: Mapping[str, AbstractGradientEstimator | Callable[[], AbstractGradientEstimator]],
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    *,
    draws: int,
    key: Key,
    exact: Parameters | None = None,
    several: bool = False,
    batch_size: int | None = None,
) -> dict[str, Comparison]:
    """Every estimator on the same problem beside the exact gradient: name → `Comparison`.

    All estimators get the same key, so that those that draw alike are compared on the same draws.

    **Arguments:** `estimators`, a mapping from names to estimators, or a registry such as `sgtheory.methods.METHODS`,
    whose entries are called to build them; `draws`, how many of each, at least 2; `exact`, a pytree like the parameters,
    computed here where none is given; `several`, whether `inputs` has a leading axis of several inputs: a draw is then
    the gradient of the mean loss over them; `batch_size`, see `sample_gradients`.
    **Raises** `ValueError` for fewer than two draws, for no estimators, and where the exact gradient must be given;
    `TypeError` for an estimator that does not take the network (`sgtheory.methods.methods_for` lists those that do).

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import ExactGradient, ScoreFunction, SurrogateGradient
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1), Sigmoid(2.0))
    >>> problem = (lambda y: y[0], chain, MultilayerParameters([[[1.0]], [[3.0]]]), jnp.array([1.0]))
    >>> methods = {"exact": ExactGradient(), "surrogate": SurrogateGradient(), "score": ScoreFunction()}
    >>> found = compare(methods, *problem, draws=2000, key=jax.random.key(1))
    >>> print({name: bool(jnp.any(each.biased())) for name, each in found.items()}, found["surrogate"].runs)
    {'exact': False, 'surrogate': True, 'score': False} 1
    """
    if not estimators:
        raise ValueError("`estimators` must hold at least one, got none. Take some of `sgtheory.methods.METHODS`.")
    if draws < 2:
        raise ValueError(f"`draws` must be at least 2 for a variance, got {shorten(draws)}. Ask for 1000, say.")
    built = {name: each if isinstance(each, AbstractGradientEstimator) else each() for name, each in estimators.items()}
    inputs = as_inputs(inputs) if several else inputs
    count = jax.tree.leaves(inputs)[0].shape[0] if several else 1
    problem = loss, network, parameters, inputs
    if exact is None:
        exact = _mean_exact(*problem) if several else exact_gradient(*problem)

    def one(estimator: AbstractGradientEstimator) -> Comparison:
        sampled = sample_gradients(estimator, *problem, draws=draws, key=key, several=several, batch_size=batch_size)
        runs = count * estimator.runs(network, parameters, first_of(inputs) if several else inputs)
        return _compared(jax.vmap(_flat)(sampled), exact, runs)

    return {name: one(estimator) for name, estimator in built.items()}


def _mean_exact(loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Inputs) -> Parameters:
    """The exact gradient of the mean loss over several inputs."""
    each = jax.vmap(lambda x: exact_gradient(loss, network, parameters, x))(inputs)
    return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), each)


def measure(
    estimator: AbstractGradientEstimator,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    noise: Draw,
    exact: Parameters,
) -> Comparison:
    """One estimator on given draws beside the exact gradient: what `compare` does for each, for use in compiled code.

    **Arguments:** `noise`, as the estimator's `draw` gives it, with a leading axis of draws, at least 2; `exact`, a
    pytree like the parameters, or all its numbers as one vector.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import ExactGradient, ScoreFunction
    >>> from sgtheory.networks import MultilayerPerceptron
    >>> network, inputs = MultilayerPerceptron((1, 2, 1), Sigmoid(2.0)), jnp.ones(1)
    >>> problem = (lambda y: y[0], network, network.random_parameters(jax.random.key(0), spread=0.5), inputs)
    >>> keys = jax.random.split(jax.random.key(1), 1000)
    >>> noise = jax.vmap(lambda key: ScoreFunction().draw(network, inputs, key=key))(keys)
    >>> exact = ExactGradient().evaluate(*problem, ())
    >>> print(bool(jnp.any(measure(ScoreFunction(), *problem, noise, exact).biased())))
    False
    """
    runs = estimator.runs(network, parameters, inputs)

    def one(each):
        return _flat(estimator.evaluate(loss, network, parameters, inputs, each))

    # Where nothing is random, two draws are as good as many.
    draws = jax.vmap(one)(noise) if jax.tree.leaves(noise) else jnp.stack([one(noise)] * 2)
    return _compared(draws, exact, runs)


def exact_gradient(loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Inputs) -> Parameters:
    """The exact gradient of the expected loss, where this package can compute it: a pytree like the parameters.

    By enumeration for networks with escape noise, and by differentiating the run where nothing is random and the output
    is continuous in the parameters.

    **Raises** `ValueError` for any other network, and for one that is too large to be enumerated.
    """
    key = jax.random.key(0)  # of methods that draw nothing
    instance("network", network, AbstractNetwork, "Take `SingleUnit(...)`, say, or a sub-class of one's own.")
    if isinstance(network, AbstractEscapeNoiseNetwork):
        return ExactGradient().estimate(loss, network, parameters, inputs, key=key)
    if network.continuous and not jax.tree.leaves(network.draw(inputs, key=key)):
        return PathwiseGradient().estimate(loss, network, parameters, inputs, key=key)
    raise ValueError(
        f"`exact` must be given for a network that cannot be enumerated, got {shorten(network)} without it. "
        "Give the gradient of its expected loss, from a formula or many draws."
    )


def _compared(draws: Float[Array, "draws parameters"], exact: Any, runs: int) -> Comparison:
    truth = _flat(exact)
    summary = summarise(draws, truth)
    return Comparison(
        truth, summary.mean, summary.bias, summary.variance, summary.standard_error, summary.cosine,
        sign_agreement(summary.mean, truth), runs,
    )  # fmt: skip


def _flat(tree: Parameters) -> Float[Array, " parameters"]:
    """All numbers of a pytree, one after the other."""
    return ravel_pytree(tree)[0]
