from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory._checks import instance, positive, shorten
from sgtheory.gradients._base import AbstractDifferentiable, scalar_loss
from sgtheory.gradients._claim import Claim, Losses
from sgtheory.losses import VanRossumDistance
from sgtheory.networks import AbstractNetwork, ClockedNetwork, ClockedParameters, Dense
from sgtheory.neurons import LIF
from sgtheory.rules import AbstractForward, Sample, SpikeRule, Surrogate
from sgtheory.rules._backward import check_derivative
from sgtheory.surrogates import AbstractSurrogate


class EligibilityRule(AbstractDifferentiable):
    r"""The hand-written rule by which two layers learn to match spike trains: an error times an eligibility trace.

    With $\delta_o=(\hat S_o-S_o)/c$, plain gradient descent at the rate $\eta$ makes the steps
    $\Delta W_\text{out}=\eta\sum_n\delta_o\,\tilde u_h$ and
    $\Delta W_\text{in}=\eta\sum_n\big(\sum_oW_\text{out}\,\delta_o\big)\,\big(\epsilon*(h\,\tilde u_\text{in})\big)$. The
    trace $\tilde u$ is the potential that spikes from below would cause through a weight of 1 in a neuron that is never
    reset; $h$ is the surrogate derivative of the hidden neurons, and $\epsilon$ the kernel of the `VanRossumDistance` that
    is given as the loss, whose target is $\hat S$. Over several inputs or trials the steps are averaged.

    It is no gradient of any loss: it is the gradient of a number that is made up anew at each step, so that `train` and
    `fit` take it like any other estimator, and the value that they report is the loss. It parts from back-propagation
    through time of that loss in four ways: the outputs show the slope 1 in place of a surrogate derivative; their error is
    not convolved with the kernel; the kernel $\epsilon$ stands where the response of the output neurons would stand; and no
    gradient passes a reset, nor does a reset cut the trace short. The loss is a mean over outputs, and the rule a sum: the
    rate $\eta$ is another one.

    **Arguments:** `derivative`, one of `sgtheory.surrogates`, or None for the slope of the hidden neurons' own escape
    noise, per unit of the potential; `forward`, `Sample()` for a stochastic network, `Threshold()` for a deterministic
    one; `scale` $c$, a number without a unit. Inputs are steps × units, the target steps × outputs.
    **Raises** `TypeError` for an argument of another family, and for another loss, network, layer or neuron than those
    named; `ValueError` for a scale that is not positive, and for networks with recurrence, a read-out, other than two
    layers, or time constants that are learnt or differ between units.
    **Source:** Gygax & Zenke (2025), section 4.4, and the program that they published with it.

    >>> import jax, jax.numpy as jnp, sgtheory as sg
    >>> neuron = sg.LIF(sg.Sigmoid(10.0), reset_step="same")
    >>> network = sg.ClockedNetwork((3,), (sg.Dense(4, neuron), sg.Dense(2, neuron)))
    >>> parameters = network.random_parameters(jax.random.key(0), rate=100.0)
    >>> problem = sg.Problem(sg.VanRossumDistance(jnp.zeros((50, 2))), network, parameters, jnp.ones((50, 3)))
    >>> step = EligibilityRule(sg.SuperSpike(10.0)).estimate(*problem, key=jax.random.key(1))
    >>> print(*(each.weights.shape for each in step.layers))
    (4, 3) (2, 4)
    """

    takes: ClassVar[type[AbstractNetwork]] = ClockedNetwork
    derivative: AbstractSurrogate | None = None
    forward: AbstractForward = eqx.field(default_factory=Sample)
    scale: Scalar = eqx.field(converter=positive("scale", single=True), default=0.013)

    def __check_init__(self):
        check_derivative(self.derivative)
        instance("forward", self.forward, AbstractForward, "Take `Sample()` or `Threshold()`.")

    @property
    def claim(self) -> Claim:
        return Claim(Losses.NONE)

    def objective(self, loss: Any, network: Any, parameters, inputs, noise):
        instance("loss", loss, VanRossumDistance, "The rule needs its target and its kernel.")
        hidden, output = _two_layers(network, parameters)
        still = jax.lax.stop_gradient(parameters)
        path = network(still, inputs, noise, SpikeRule(self.forward))
        value = scalar_loss(loss, path)

        spikes = path.output.spikes[0]
        target = loss.target.astype(spikes.dtype)
        error = (target - path.output.last) / self.scale.astype(spikes.dtype)
        into_output = error.T @ _trace(output, spikes)

        decision = path.decisions[0]
        slope = Surrogate(self.derivative).slope(hidden.escape, decision.distance, decision.spike)
        # The kernel is moved from the trace to the error, which has no axis over inputs: it then looks ahead in time.
        worth = _looking_ahead(loss, error @ still.layers[1].weights)
        into_hidden = (worth * slope).T @ _trace(hidden, network.as_inputs(inputs).astype(spikes.dtype))

        steps = ((parameters.layers[0].weights, into_hidden), (parameters.layers[1].weights, into_output))
        made_up = -sum(jnp.sum(weights * jax.lax.stop_gradient(step)) for weights, step in steps)
        return value + (made_up - jax.lax.stop_gradient(made_up)), path


def _two_layers(network: Any, parameters: ClockedParameters) -> tuple[LIF, LIF]:
    """The hidden and the output neuron. **Raises** `TypeError` and `ValueError` for what the rule is not made for."""
    remedy = "Take `SurrogateGradient(SuperSpike(10.0))` for it."
    instance("network", network, ClockedNetwork, remedy)
    if len(network.layers) != 2 or network.readout is not None:
        found = f"{len(network.layers)} layers" + ("" if network.readout is None else " and a read-out")
        raise ValueError(f"`network` must have two layers and no read-out for this rule, got {found}. {remedy}")
    for layer, learnt in zip(network.layers, parameters.layers, strict=True):
        instance("layers", layer, Dense, remedy)
        instance("neuron", layer.neuron, LIF, remedy)
        if layer.is_recurrent:
            raise ValueError(f"`network` must be feed-forward for this rule, got a recurrent layer. {remedy}")
        constants = layer.neuron.membrane_time_constant, layer.neuron.synaptic_time_constant
        if learnt.time_constants is not None or any(each.ndim for each in constants):
            found = "some that are learnt" if learnt.time_constants is not None else shorten(constants)
            raise ValueError(
                f"`network` must have one time constant of each kind a layer for this rule, got {found}. {remedy}"
            )
    return network.layers[0].neuron, network.layers[1].neuron


def _trace(neuron: LIF, spikes: Float[Array, "steps units"]) -> Float[Array, "steps units"]:
    """The potentials that spikes would cause, each through a weight of 1, in a neuron that is never reset."""
    keep, keep_current = (each.astype(spikes.dtype) for each in (neuron.keeps_potential, neuron.keeps_current))

    def step(state, arriving):
        current, potential = state
        return (keep_current * current + arriving, keep * potential + (1 - keep) * current), potential

    zero = jnp.zeros_like(spikes[0])
    return jax.lax.scan(step, (zero, zero), spikes)[1]


def _looking_ahead(loss: VanRossumDistance, train: Float[Array, "steps units"]) -> Float[Array, "steps units"]:
    r"""$\sum_m\epsilon[m-n]\,x[m]$: the convolution with the kernel, the other way round in time."""
    return jnp.flip(loss.filtered(jnp.flip(train, axis=0)), axis=0)
