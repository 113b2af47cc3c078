"""What every gradient estimator offers, and for which losses and networks it is right."""

import abc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, final

import equinox as eqx
import jax
from jax.flatten_util import ravel_pytree

from sgtheory._arrays import Array, Draw, Float, Inputs, Key, Parameters, Scalar
from sgtheory._checks import as_inputs, guarded, instance, shorten
from sgtheory.gradients._claim import Claim
from sgtheory.networks import AbstractEscapeNoiseNetwork, AbstractNetwork, Path, Rule

Loss = Callable[[Any], Array]
"""From the output of a network to one number. The losses of `sgtheory.losses` do not recompile for a new target."""


class AbstractGradientEstimator(eqx.Module):
    r"""An estimate of $\partial E[L]/\partial\theta$ for a network.

    One draw in, one estimate out: never a mean, never a batch axis. `jax.vmap` outside gives bias and variance for all
    methods alike (`sgtheory.gradients.sample_gradients`). Drawing and evaluating are apart, so that methods can be
    compared on the same draw. A method of one's own is a `claim`, for which losses and networks the mean of the estimates
    is the exact gradient (a field or a property), and an `evaluate`; one that back-propagates is better
    written as an `AbstractDifferentiable`, which needs an `objective` alone.
    """

    takes: ClassVar[type[AbstractNetwork]] = AbstractNetwork
    """The kind of network that it works on."""

    if TYPE_CHECKING:  # checkers would take an abstract variable for an argument of every constructor

        @property
        def claim(self) -> Claim:
            """For which losses and networks the mean of the estimates is the exact gradient."""
            ...
    else:
        claim: eqx.AbstractVar[Claim]

    def draw(self, network: AbstractNetwork, inputs: Inputs, *, key: Key) -> Draw:
        """Everything random about one estimate: here, about one run."""
        return network.draw(inputs, key=key)

    @abc.abstractmethod
    def evaluate(
        self, loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Inputs, noise: Draw
    ) -> Parameters:
        """The estimate for a given draw; a pytree like `parameters`, with None for what is no array of real numbers.

        Numbers that are traced are not checked: `estimate` does that.
        """

    def runs(self, network: AbstractNetwork, parameters: Parameters, inputs: Inputs) -> int:
        """Runs of the network, forward, that one estimate costs."""
        del network, parameters, inputs
        return 1

    @final
    def estimate(
        self, loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Inputs, *, key: Key
    ) -> Parameters:
        """A single draw: a pytree like `parameters`, with None for what is no array of real numbers.

        **Arguments:** `loss`, from the network's output to one number; `parameters`, any pytree that the network takes,
        whose real arrays are differentiated; `inputs`, as the network takes them; `key`, the source of randomness.
        **Raises** `ValueError` when the loss is not one number, `inputs` are not finite or do not fit, or a number of
        the network is not what it must be (inside a compiled program: `equinox.EquinoxRuntimeError`); `TypeError` for a
        network of a kind that this estimator does not take.
        """
        parameters, inputs = begin(loss, network, parameters, inputs, self)
        return self.evaluate(loss, network, parameters, inputs, self.draw(network, inputs, key=key))


class AbstractDifferentiable(AbstractGradientEstimator):
    """Estimators that back-propagate: one number for each draw, whose gradient is the estimate.

    A training loop takes the gradient of the *mean* of these numbers over a batch, in one backward pass (see
    `sgtheory.gradients.mean_objective`), which is the mean of the estimates.
    """

    @abc.abstractmethod
    def objective(
        self, loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Inputs, noise: Draw
    ) -> tuple[Scalar, Path]:
        """The loss of one run, differentiated as this method differentiates it, and the path of the run."""

    @final
    def evaluate(self, loss, network, parameters, inputs, noise):
        return gradient(lambda p: self.objective(loss, network, p, inputs, noise)[0], parameters)


class AbstractRuleGradient(AbstractDifferentiable):
    """Estimators that back-propagate along one run under a spike rule, which says what slope each decision shows."""

    takes: ClassVar[type[AbstractNetwork]] = AbstractEscapeNoiseNetwork

    if TYPE_CHECKING:

        @property
        def rule(self) -> Rule:
            """The rule by which the network is run, or one rule a layer."""
            ...
    else:
        rule: eqx.AbstractVar[Rule]

    @final
    def objective(self, loss, network: Any, parameters, inputs, noise):
        path = network(parameters, inputs, noise, self.rule)
        return scalar_loss(loss, path), path


class Problem(eqx.Module):
    """What a gradient is asked of: `loss`, `network`, `parameters` and `inputs`, checked once.

    It unpacks into these four, in this order, which is how every function here takes them: `estimate(*problem, key=key)`.

    **Raises** `TypeError` for a network or a loss that is none, and what the network raises for parameters and inputs.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.gradients import SurrogateGradient
    >>> from sgtheory.losses import Total
    >>> from sgtheory.networks import SingleUnit
    >>> from sgtheory.neurons import Perceptron, PerceptronParameters
    >>> unit = SingleUnit(Perceptron(Sigmoid(steepness=2.0), threshold=0.3))
    >>> problem = Problem(Total(), unit, PerceptronParameters([0.8]), [1])
    >>> gradient = SurrogateGradient().estimate(*problem, key=jax.random.key(0))
    >>> print(round(float(gradient.weights[0]), 4))
    0.3932
    """

    loss: Loss
    network: AbstractNetwork
    parameters: Parameters
    inputs: Inputs

    def __init__(self, loss: Loss, network: AbstractNetwork, parameters: Parameters, inputs: Any):
        if not callable(loss):
            raise TypeError(f"`loss` must be a function of the output, got {shorten(loss)}. Take `Total()`, say.")
        self.loss, self.network, self.parameters = loss, network, parameters
        self.inputs = accepted(network, parameters, inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.loss, self.network, self.parameters, self.inputs))


def accepted(
    network: Any, parameters: Parameters, inputs: Any, kind: type[AbstractNetwork] = AbstractNetwork
) -> Inputs:
    """The inputs as the network takes them.

    **Raises** `TypeError` for a network that is none, or of another kind; `ValueError` for inputs and parameters that it
    does not take.
    """
    instance("network", network, AbstractNetwork, "Take `SingleUnit(...)`, say, or a sub-class of one's own.")
    if not isinstance(network, kind):
        other = "one that decides by a spike rule" if kind is AbstractEscapeNoiseNetwork else f"a {kind.__name__}"
        raise TypeError(
            f"`network` must be {other} here, got {shorten(network)}. Take another method for it: `PathwiseGradient()` or "
            "`FiniteDifference(step)` take any network."
        )
    inputs = network.as_inputs(inputs)
    network.check(parameters, inputs)
    return inputs


def begin(
    loss: Loss,
    network: Any,
    parameters: Parameters,
    inputs: Any,
    estimator: AbstractGradientEstimator,
    several: bool = False,
) -> tuple[Parameters, Inputs]:
    """The parameters, and the inputs as the network takes them, where a run begins: traced numbers are checked here.

    With `several` the inputs have a leading axis, and it is the first of them that must fit.

    **Raises** what `accepted` raises; `equinox.EquinoxRuntimeError` when the compiled program runs.
    """
    if several:
        inputs = as_inputs(inputs)
        accepted(network, parameters, first_of(inputs), estimator.takes)
    else:
        inputs = accepted(network, parameters, inputs, estimator.takes)
    if jax.tree.leaves(inputs):
        return parameters, guarded(inputs, inputs, network, estimator, loss)
    return guarded(parameters, inputs, network, estimator, loss), inputs


def first_of(inputs: Inputs) -> Inputs:
    """The first of several inputs."""
    return jax.tree.map(lambda leaf: leaf[0], inputs)


def scalar_loss(loss: Loss, path: Path) -> Scalar:
    """`loss` of the output of `path`.

    **Raises** `ValueError` unless it is one number.

    >>> import jax.numpy as jnp
    >>> from sgtheory.networks import Path
    >>> print(scalar_loss(jnp.sum, Path(jnp.array([1.0, 0.0, 1.0]))))
    2.0
    """
    value = loss(path.output)
    if getattr(value, "shape", ()) != ():
        raise ValueError(
            f"`loss` must give one number, got the shape {shorten(value.shape)}. Sum or average over its axes."
        )
    return value


def gradient(function: Callable[[Parameters], Any], parameters: Parameters, has_aux: bool = False) -> Any:
    """The gradient with respect to all real arrays among the parameters; None in place of anything else.

    With `has_aux` the function gives a pair, of which the first is differentiated, and the second is returned too.

    **Raises** `ValueError` where there are none.
    """
    _refuse_none(parameters)
    return eqx.filter_grad(function, has_aux=has_aux)(parameters)


def flatten_parameters(parameters: Parameters) -> tuple[Float[Array, " parameters"], Callable, Callable]:
    """All real arrays among the parameters as one vector, and the two ways back.

    The first makes parameters of a vector, callables and all; the second a gradient, with None in place of what is no
    real array.

    **Raises** `ValueError` where there are none.

    >>> import jax, jax.numpy as jnp
    >>> vector, as_parameters, as_gradient = flatten_parameters({"a": jnp.array([1.0, 2.0]), "f": jnp.tanh})
    >>> print(vector, as_parameters(2 * vector)["f"] is jnp.tanh, as_gradient(vector)["f"])
    [1. 2.] True None
    """
    _refuse_none(parameters)
    real, rest = eqx.partition(parameters, eqx.is_inexact_array)
    vector, unravel = ravel_pytree(real)
    return vector, lambda flat: eqx.combine(unravel(flat), rest), unravel


def _refuse_none(parameters: Parameters) -> None:
    if not any(map(eqx.is_inexact_array, jax.tree.leaves(parameters))):
        raise ValueError(
            f"`parameters` must hold an array of real numbers to be differentiated, got {shorten(parameters)}. "
            "Give `jnp.array(0.5)` in place of 0.5, say."
        )
