import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Inputs, Key, Parameters
from sgtheory._checks import shorten
from sgtheory.gradients._base import AbstractGradientEstimator, Loss, begin
from sgtheory.networks import AbstractNetwork


def sample_gradients(
    estimator: AbstractGradientEstimator,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    *,
    draws: int,
    key: Key,
    several: bool = False,
    batch_size: int | None = None,
) -> Parameters:
    """Many independent estimates at once: a pytree like `parameters`, with a leading axis of `draws`.

    **Arguments:** `several`, whether `inputs` has a leading axis of several inputs: an estimate is then one of the
    gradient of the mean loss over them, with a draw for each; `batch_size`, how many estimates are computed side by side,
    all of them if not said: the smaller, the less memory. The draws are the same whatever it is.
    **Raises** `ValueError` for fewer than one draw or a batch below 1, and what `estimate` raises.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import ScoreFunction
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> network = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> estimates = sample_gradients(ScoreFunction(), lambda y: y, network, PerceptronParameters([0.8]),
    ...                              jnp.array([1.0]), draws=10, key=jax.random.key(0))
    >>> print(estimates.weights.shape)
    (10, 1)
    """
    if draws < 1:
        raise ValueError(f"`draws` must be at least 1, got {shorten(draws)}. Ask for 1000, say.")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1, got {shorten(batch_size)}. Take 100, say.")
    # Before anything is traced, so that a refusal shows the number it is about.
    parameters, inputs = begin(loss, network, parameters, inputs, estimator, several)
    return _sample(estimator, loss, network, parameters, inputs, jax.random.split(key, draws), several, batch_size)


@eqx.filter_jit
def _sample(estimator, loss, network, parameters, inputs, keys: Array, several: bool, batch_size: int | None):
    def of(inputs, key):
        return estimator.evaluate(loss, network, parameters, inputs, estimator.draw(network, inputs, key=key))

    def one(key):
        if not several:
            return of(inputs, key)
        each = jax.vmap(of)(inputs, jax.random.split(key, jax.tree.leaves(inputs)[0].shape[0]))
        return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), each)

    return jax.vmap(one)(keys) if batch_size is None else jax.lax.map(one, keys, batch_size=batch_size)
