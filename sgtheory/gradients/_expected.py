import jax
import jax.numpy as jnp

from sgtheory._arrays import Inputs, Parameters
from sgtheory.gradients._base import AbstractGradientEstimator, AbstractRuleGradient, Loss, flatten_parameters
from sgtheory.gradients._claim import Losses
from sgtheory.gradients._exact import ExactGradient, enumerate_paths, expectation
from sgtheory.gradients._finite_difference import FiniteDifference
from sgtheory.gradients._layered import path_mean
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractLayered
from sgtheory.rules import MeanField, Sample, SpikeRule


def expected_gradient(
    estimator: AbstractGradientEstimator,
    loss: Loss,
    network: AbstractEscapeNoiseNetwork,
    parameters: Parameters,
    inputs: Inputs,
) -> Parameters:
    """What an estimator gives on average, without drawing; None where that has no closed form here.

    Its bias is this less the exact gradient, free of noise. By sums over the paths for methods that back-propagate along
    sampled ones, by one run for those that do not vary, by differences of the exact expectation for finite differences,
    and the exact gradient itself for those that claim any loss on this network.

    >>> import jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import ScoreFunction, SurrogateGradient
    >>> from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
    >>> chain = MultilayerPerceptron((1, 1, 1, 1), Sigmoid(2.0), thresholds=(0.3, 0.5, -0.2))
    >>> problem = (lambda y: y[0], chain, MultilayerParameters([[[0.8]], [[1.2]], [[-0.9]]]), jnp.array([1.0]))
    >>> for method in (SurrogateGradient(), ScoreFunction()):
    ...     print(expected_gradient(method, *problem).weights[0].round(4))
    [[-0.0541]]
    [[-0.0841]]
    """
    match estimator:
        case AbstractRuleGradient(rule=SpikeRule(forward=Sample(), backward=backward)):
            if isinstance(network, AbstractLayered):
                return path_mean(loss, network, parameters, inputs, backward)
            return enumerate_paths(loss, network, parameters, inputs, backward).mean_gradient()
        case AbstractRuleGradient(rule=SpikeRule() | MeanField()):
            halves = tuple(jnp.full(shape, 0.5) for shape in network.sites(inputs))
            return estimator.evaluate(loss, network, parameters, inputs, halves)
        case FiniteDifference():
            return _difference(estimator, loss, network, parameters, inputs)
        case _ if estimator.claim.on(network, inputs) is Losses.ANY:
            return ExactGradient().evaluate(loss, network, parameters, inputs, ())
    return None


def _difference(estimator, loss, network, parameters, inputs) -> Parameters:
    """Central differences of the exact expected loss."""
    vector, as_parameters, as_gradient = flatten_parameters(parameters)

    def component(direction):
        above, below = (
            expectation(loss, network, as_parameters(vector + side * estimator.step * direction), inputs)
            for side in (0.5, -0.5)
        )
        return (above - below) / estimator.step

    return as_gradient(jax.vmap(component)(jnp.eye(vector.size, dtype=vector.dtype)))
