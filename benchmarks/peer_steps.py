"""One training step of the same LIF network in sgtheory and in its peers, each written as its own documentation writes it.

Every function here takes a `Problem` and gives a step: a function without arguments that runs forward and backward and
returns the spikes of the last layer and the gradients of all weights. Libraries are imported inside, so that this module
loads without any of them. Each neuron is the library's own LIF with the reset it has by default: where the library has a
neuron with a synaptic current that one is taken, and the reset is detached where the library can.
"""

# pyright: reportMissingImports=false
import dataclasses
import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

MEMBRANE, SYNAPSE = math.exp(-1 / 10), math.exp(-1 / 5)  # what is left of the potential and of the current after 1 ms
STEEPNESS = 10.0

Step = Callable[[], tuple[Any, Any]]


@dataclasses.dataclass(frozen=True)
class Problem:
    """Weights (units × inputs, one array a layer), input spikes (steps × batch × inputs), a target (steps × units)."""

    weights: tuple[np.ndarray, ...]
    spikes: np.ndarray
    target: np.ndarray

    @classmethod
    def draw(cls, width: int, layers: int, steps: int, batch: int) -> "Problem":
        """Weights as `ClockedNetwork.random_parameters` scales them, inputs that spike in one step of twenty."""
        random = np.random.default_rng(0)
        power = 0.005**2 / (2 * (0.005 + 0.010))
        deviation = 1.0 / math.sqrt(width * 50.0 * power)
        shape = (steps, batch, width)
        return cls(
            tuple(random.normal(0.0, deviation, (width, width)).astype(np.float32) for _ in range(layers)),
            (random.random(shape) < 0.05).astype(np.float32),
            (random.random((steps, width)) < 0.05).astype(np.float32),
        )

    @property
    def batch(self) -> int:
        return self.spikes.shape[1]

    def scaled(self, gain: float) -> list[np.ndarray]:
        """Weights for a library whose neuron answers an input more strongly, or less: so that all fire about as often."""
        return [(gain * each).astype(np.float32) for each in self.weights]


# ---- JAX ----


def in_sgtheory(problem: Problem) -> Step:
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    import sgtheory as sg
    from sgtheory.networks import ClockedParameters, LayerParameters

    neuron = sg.LIF(sg.Sigmoid(10.0))
    layers = tuple(sg.Dense(each.shape[0], neuron) for each in problem.weights)
    network = sg.ClockedNetwork((problem.weights[0].shape[1],), layers)
    parameters = ClockedParameters(tuple(LayerParameters(jnp.asarray(each)) for each in problem.weights))
    spikes = jnp.asarray(problem.spikes.swapaxes(0, 1))
    loss, key = sg.SpikeTrainDistance(jnp.asarray(problem.target)), jax.random.key(0)
    method = sg.SurrogateGradient(sg.SuperSpike(STEEPNESS), sg.Threshold(), through_reset=False)

    @eqx.filter_jit
    def step(parameters, spikes):
        def objective(parameters):
            return sg.mean_objective(method, loss, network, parameters, spikes, key=key)

        (_, path), gradients = eqx.filter_value_and_grad(objective, has_aux=True)(parameters)
        return path.output.last, gradients

    return lambda: step(parameters, spikes)


def in_spyx(problem: Problem) -> Step:
    import jax.numpy as jnp
    import spyx
    from flax import nnx

    rngs, activation = nnx.Rngs(0), spyx.axn.superspike(STEEPNESS)
    layers = []
    for weights in problem.scaled(1 - MEMBRANE):
        units, inputs = weights.shape
        linear = nnx.Linear(inputs, units, use_bias=False, rngs=rngs)
        linear.kernel[...] = jnp.asarray(weights.T)
        layers += [linear, spyx.nn.CuBaLIF((units,), SYNAPSE, MEMBRANE, activation=activation, rngs=rngs)]
    model = spyx.nn.Sequential(*layers)
    spikes, target = jnp.asarray(problem.spikes), jnp.asarray(problem.target)

    @nnx.jit
    def step(model, spikes, target):
        def loss(model):
            out, _ = spyx.nn.run(model, spikes)
            return _distance(out, target), out

        # All that spyx calls a parameter has a gradient in its own training step, the decays too; here the weights alone.
        weights = nnx.DiffState(0, nnx.PathContains("kernel"))
        (_, out), gradients = nnx.value_and_grad(loss, argnums=weights, has_aux=True)(model)
        return out, gradients

    return lambda: step(model, spikes, target)


def in_slax(problem: Problem, unroll: int | None = 1) -> Step:
    """`unroll`: so many steps at once, or None for all, as `RNN` does unless told otherwise."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import slax

    tau = math.log(MEMBRANE / (1 - MEMBRANE))
    options, chain = {} if unroll is None else {"unroll": unroll}, []
    for weights in problem.weights:
        neuron = slax.LIF(init_tau=tau, spike_fn=slax.fast_sigmoid(STEEPNESS))
        chain += [nn.Dense(weights.shape[0], use_bias=False), slax.RNN(neuron, **options)]
    model = slax.connect(chain, return_carry=False)
    spikes, target = jnp.asarray(problem.spikes), jnp.asarray(problem.target)
    variables = dict(model.init(jax.random.key(0), spikes))
    weights = problem.scaled((1 - MEMBRANE) / (1 - SYNAPSE))
    names = [f"chain_{2 * k}" for k in range(len(weights))]
    parameters = {
        name: {"kernel": jnp.asarray(each.T)} for name, each in zip(names, weights, strict=True)
    } | {name: each for name, each in variables["params"].items() if name not in names}  # fmt: skip
    states = {name: each for name, each in variables.items() if name != "params"}

    @jax.jit
    def step(parameters, spikes, target):
        def loss(parameters):
            out = model.apply({"params": parameters, **states}, spikes)
            return _distance(out, target), out

        (_, out), gradients = jax.value_and_grad(loss, has_aux=True)(parameters)
        return out, gradients

    return lambda: step(parameters, spikes, target)


def in_brainpy(problem: Problem) -> Step:
    import brainpy
    import brainstate
    import braintools
    import brainunit as u
    import jax.numpy as jnp

    brainstate.environ.set(dt=1.0 * u.ms)
    layers = []
    for weights in problem.weights:
        units, inputs = weights.shape
        layers += [
            brainstate.nn.Linear(inputs, units, w_init=jnp.asarray(weights.T) * u.mA, b_init=None),
            brainpy.state.Expon(units, tau=5.0 * u.ms, g_initializer=braintools.init.Constant(0.0 * u.mA)),
            brainpy.state.LIF(units, tau=10.0 * u.ms, spk_fun=braintools.surrogate.ReluGrad()),
        ]
    network = brainstate.nn.Sequential(*layers)
    parameters = network.states(brainstate.ParamState)
    spikes, target = jnp.asarray(problem.spikes), jnp.asarray(problem.target)

    def loss():
        out = brainstate.transform.for_loop(network.update, spikes)
        return _distance(out, target), out

    @brainstate.transform.jit
    def step():
        brainstate.nn.init_all_states(network, batch_size=problem.batch)
        gradients, out = brainstate.transform.grad(loss, parameters, has_aux=True)()
        return out, gradients

    return step


def in_plain_jax(problem: Problem) -> Step:
    """No library: for each layer one product for all of time, and a scan over steps, differentiated automatically."""
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp
    def spike(distance):
        return (distance > 0).astype(distance.dtype)

    @spike.defjvp
    def _(primal, tangent):
        (distance,), (bar,) = primal, tangent
        return spike(distance), bar / (STEEPNESS * jnp.abs(distance) + 1) ** 2

    def one_step(state, arriving):
        current, potential = state
        fired = spike(potential - 1.0)
        kept = 1 - jax.lax.stop_gradient(fired)
        return (SYNAPSE * current + arriving, (MEMBRANE * potential + (1 - MEMBRANE) * current) * kept), fired

    @jax.jit
    def step(weights, spikes, target):
        def loss(weights):
            out = spikes
            for each in weights:
                drive = out @ each.T
                out = jax.lax.scan(one_step, (jnp.zeros_like(drive[0]),) * 2, drive)[1]
            return _distance(out, target), out

        (_, out), gradients = jax.value_and_grad(loss, has_aux=True)(weights)
        return out, gradients

    weights = [jnp.asarray(each) for each in problem.weights]
    spikes, target = jnp.asarray(problem.spikes), jnp.asarray(problem.target)
    return lambda: step(weights, spikes, target)


# ---- PyTorch ----


def in_snntorch(problem: Problem) -> Step:
    import snntorch
    import torch

    linear = _linear_layers(problem.scaled(1 - MEMBRANE))
    gradient = snntorch.surrogate.fast_sigmoid(slope=STEEPNESS)
    neurons = [snntorch.Synaptic(alpha=SYNAPSE, beta=MEMBRANE, spike_grad=gradient) for _ in linear]
    spikes = torch.as_tensor(problem.spikes)

    def forward():
        states, out = [neuron.reset_mem() for neuron in neurons], []
        for below in spikes:
            for k, (layer, neuron) in enumerate(zip(linear, neurons, strict=True)):
                below, *states[k] = neuron(layer(below), *states[k])
            out.append(below)
        return torch.stack(out)

    return _torch_step(linear, forward, problem)


def in_norse(problem: Problem) -> Step:
    import norse.torch as norse
    import torch

    linear = _linear_layers(problem.weights)
    neuron = norse.LIFParameters(alpha=torch.as_tensor(STEEPNESS))
    model = norse.SequentialState(*(each for layer in linear for each in (layer, norse.LIF(neuron))))
    spikes = torch.as_tensor(problem.spikes)
    return _torch_step(linear, lambda: model(spikes)[0], problem)


def in_spikingjelly(problem: Problem) -> Step:
    import torch
    from spikingjelly.activation_based import functional, neuron, surrogate

    linear = _linear_layers(problem.scaled(1 / (1 - SYNAPSE)))
    slope = surrogate.SoftSign(STEEPNESS)
    layers = []
    for layer in linear:
        layers += [layer, neuron.LIFNode(10.0, surrogate_function=slope, detach_reset=True, step_mode="m")]
    model = torch.nn.Sequential(*layers)
    spikes = torch.as_tensor(problem.spikes)

    def forward():
        functional.reset_net(model)
        return model(spikes)

    return _torch_step(linear, forward, problem)


def in_plain_torch(problem: Problem) -> Step:
    """No library: one product for all of time, and a loop over steps written by hand."""
    import torch

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(context, distance):  # pyright: ignore[reportIncompatibleMethodOverride]
            context.save_for_backward(distance)
            return (distance > 0).to(distance.dtype)

        @staticmethod
        def backward(context, bar):  # pyright: ignore[reportIncompatibleMethodOverride]
            (distance,) = context.saved_tensors
            return bar / (STEEPNESS * distance.abs() + 1) ** 2

    linear = _linear_layers(problem.weights)
    spikes = torch.as_tensor(problem.spikes)

    def forward():
        below = spikes
        for layer in linear:
            drive, out = layer(below), []
            current = potential = torch.zeros_like(drive[0])
            for arriving in drive:
                fired = Spike.apply(potential - 1.0)
                potential = (MEMBRANE * potential + (1 - MEMBRANE) * current) * (1 - fired.detach())
                current = SYNAPSE * current + arriving
                out.append(fired)
            below = torch.stack(out)
        return below

    return _torch_step(linear, forward, problem)


# ---- shared ----


def _distance(spikes, target):
    """Half the squared distance from the target: summed over time, mean over units and the batch."""
    return 0.5 * ((spikes - target[:, None]) ** 2).sum(0).mean()


def _linear_layers(weights):
    import torch

    layers = []
    for each in weights:
        layer = torch.nn.Linear(each.shape[1], each.shape[0], bias=False)
        layer.weight.data = torch.as_tensor(each)
        layers.append(layer)
    return layers


def _torch_step(linear, forward, problem) -> Step:
    import torch

    # For small arrays a second thread is no faster on a calm machine, and many times slower on a busy one, where it waits.
    torch.set_num_threads(1 if len(problem.weights[0]) < 1000 else os.cpu_count() or 1)
    target = torch.as_tensor(problem.target)

    def step():
        for layer in linear:
            layer.weight.grad = None
        out = forward()
        _distance(out, target).backward()
        return out.detach(), [layer.weight.grad for layer in linear]

    return step
