from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Inputs, Key, Parameters, Scalar
from sgtheory.gradients._base import AbstractDifferentiable, Loss
from sgtheory.networks import AbstractNetwork, Path


def mean_objective(
    estimator: AbstractDifferentiable,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    *,
    key: Key,
    loss_axis: int | None = None,
) -> tuple[Scalar, Path]:
    r"""The mean of an estimator's objective over a batch of inputs, one draw each, and the paths.

    Its gradient with respect to `parameters` is the mean of the estimates, at the memory of one backward pass: one
    gradient is held, and not one an input. What a training loop differentiates.

    **Arguments:** `inputs`, with a leading axis over the batch; `loss_axis`, 0 where the arrays of the `loss` (its
    targets) have that axis too.

    >>> import equinox as eqx, jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import SurrogateGradient
    >>> from sgtheory.losses import SquaredDistance
    >>> from sgtheory.networks import MultilayerPerceptron
    >>> network = MultilayerPerceptron((2, 3, 1), Sigmoid(2.0))
    >>> parameters, batch = network.random_parameters(jax.random.key(0)), jnp.ones((5, 2))
    >>> targets = SquaredDistance(jnp.ones((5, 1)))
    >>> def objective(parameters):
    ...     problem = SurrogateGradient(), targets, network, parameters, batch
    ...     return mean_objective(*problem, key=jax.random.key(1), loss_axis=0)
    >>> (value, path), gradient = eqx.filter_value_and_grad(objective, has_aux=True)(parameters)
    >>> print(value.shape, path.output.shape, gradient.weights[0].shape)
    () (5, 1) (3, 2)
    """
    batch = jnp.shape(jax.tree.leaves(inputs)[0])[0]

    def one(loss: Loss, inputs: Inputs, key: Key) -> tuple[Scalar, Path]:
        inputs = network.as_inputs(inputs)
        noise = estimator.draw(network, inputs, key=key)
        return estimator.objective(loss, network, parameters, inputs, noise)

    axes: Any = (None if loss_axis is None else eqx.if_array(loss_axis), 0, 0)
    values, paths = eqx.filter_vmap(one, in_axes=axes)(loss, inputs, jax.random.split(key, batch))
    return jnp.mean(values), paths
