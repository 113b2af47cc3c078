import equinox as eqx
import jax

from sgtheory._arrays import Array, Float, Key, Parameters
from sgtheory._checks import shorten
from sgtheory.gradients._base import AbstractGradientEstimator, Loss
from sgtheory.networks import AbstractNetwork


def sample_gradients(
    estimator: AbstractGradientEstimator,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Float[Array, "..."],
    *,
    draws: int,
    key: Key,
) -> Parameters:
    """Many independent estimates at once: a pytree like `parameters`, with a leading axis of `draws`.

    **Raises** `ValueError` for fewer than one draw.

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
    keys = jax.random.split(key, draws)
    return _sample(estimator, loss, network, parameters, inputs, keys)


@eqx.filter_jit
def _sample(estimator, loss, network, parameters, inputs, keys):
    return jax.vmap(lambda key: estimator.estimate(loss, network, parameters, inputs, key=key))(keys)
