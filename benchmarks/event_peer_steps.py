"""One gradient of the same spikes in sgtheory and in its event-driven peers, each written as its own documentation writes it.

A function here takes a problem and gives a step: a function without arguments that returns a value, a spike time or a loss, and
its gradient with respect to all weights in one array. Libraries are imported inside, so that this module loads without any of
them. All is in float64 and in the unit of the membrane's time constant; the synaptic one is half of it.
"""

# pyright: reportMissingImports=false
import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Step = Callable[[], tuple[Any, Any]]

HIDDEN, CLASSES, CHANNELS = 100, 3, 5
NO_SECOND_SPIKE = -1000.0  # a reset from which no unit comes back within a trial


@dataclasses.dataclass(frozen=True)
class OneNeuron:
    """Input spikes to one neuron, one a channel, and their weights: the value is its first spike time."""

    times: np.ndarray
    weights: np.ndarray
    duration: float = 4.0

    @classmethod
    def of_qif(cls) -> "OneNeuron":
        return cls(np.array([0.1, 0.4, 0.8, 1.3]), np.array([3.0, 2.5, -1.0, 2.0]))

    @classmethod
    def of_lif(cls) -> "OneNeuron":
        return cls(np.array([0.1, 0.4, 0.8, 1.3]), np.array([2.0, 2.0, -1.0, 3.0]))


@dataclasses.dataclass(frozen=True)
class YinYang:
    """Points of Yin-Yang as five spike times each, and weights, senders × units: the value is the mean loss of a batch.

    A point $(x,y)$ comes as spikes at $x$, $y$, $1-x$, $1-y$ and 0. The loss is the squared distance of the first output spikes,
    or of the end of the trial, from 0.4 for the right class and 0.6 for the others.

    **Source:** Kriener et al. (2022).
    """

    times: np.ndarray
    targets: np.ndarray
    weights: tuple[np.ndarray, np.ndarray]
    duration: float = 2.0

    @classmethod
    def draw(cls, batch: int = 64, gains: tuple[float, float] = (1.0, 1.0)) -> "YinYang":
        draw = np.random.default_rng(0)
        points = np.empty((0, 2))
        while len(points) < batch:
            more = draw.random((4 * batch, 2))
            points = np.concatenate([points, more[np.hypot(*(more - 0.5).T) < 0.5]])[:batch]
        x, y = points.T
        left, right = np.hypot(x - 0.25, y - 0.5), np.hypot(x - 0.75, y - 0.5)
        yin = (right <= 0.1) | ((left > 0.1) & (left <= 0.25)) | ((y > 0.5) & (right > 0.25))
        classes = np.where(np.minimum(left, right) < 0.1, 2, yin.astype(int))
        times = np.stack([x, y, 1 - x, 1 - y, np.zeros(batch)], axis=1)
        targets = np.where(np.arange(CLASSES) == classes[:, None], 0.4, 0.6)
        hidden, output = draw.normal(3.0, 1.6, (CHANNELS, HIDDEN)), draw.normal(0.5, 0.8, (HIDDEN, CLASSES))
        return cls(times, targets, (gains[0] * hidden, gains[1] * output))

    def loss(self, first):
        """Of first output spikes, samples × classes, in JAX."""
        import jax.numpy as jnp

        return jnp.mean(jnp.sum((jnp.minimum(first, self.duration) - self.targets) ** 2, axis=-1))


# ---- what a neuron's first spike is, by other means ----


def integrated_qif(problem: OneNeuron) -> tuple[float, np.ndarray]:
    """The phase and how it depends on each weight, integrated together by SciPy to its last digits."""
    from scipy.integrate import solve_ivp

    size = problem.weights.size

    def slope(_, state):
        phase, current, on_phase, on_current = state[0], state[1], state[2 : 2 + size], state[2 + size :]
        c, s = np.cos(np.pi * phase), np.sin(np.pi * phase)
        moves = c * (c + s / np.pi) + s**2 * current / np.pi**2
        by_phase = np.pi * (-2 * c * s + (c**2 - s**2) / np.pi + 2 * s * c * current / np.pi**2)
        return np.concatenate(
            [[moves, -2 * current], by_phase * on_phase + s**2 / np.pi**2 * on_current, -2 * on_current]
        )

    def spikes(_, state):
        return state[0] - 1

    spikes.terminal = True
    state, now = np.zeros(2 + 2 * size), 0.0
    state[0] = 0.5
    for k, until in enumerate([*problem.times, problem.duration]):
        to = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-15}
        found = solve_ivp(slope, (now, until), state, events=spikes, **to)
        if found.t_events[0].size:
            spike = float(found.t_events[0][0])
            state = solve_ivp(slope, (now, spike), state, **to).y[:, -1]
            return spike - (state[0] - 1), -state[2 : 2 + size]  # the phase grows by one a time constant at a spike
        state, now = found.y[:, -1], until
        if k < size:
            state[1] += problem.weights[k]
            state[2 + size + k] += 1
    raise ArithmeticError("the neuron does not spike")


def bracketed_lif(problem: OneNeuron) -> tuple[float, np.ndarray]:
    """The first crossing of a sum of exponentials on a fine grid, bracketed there by SciPy."""
    from scipy.optimize import brentq

    def kernel(now):
        since = np.maximum(now - problem.times, 0.0)
        return np.exp(-since) - np.exp(-2 * since)

    def above(now):
        return float(problem.weights @ kernel(now)) - 1

    grid = np.linspace(0.0, problem.duration, 10_001)
    crossed = next(k for k, now in enumerate(grid) if above(now) >= 0)
    spike = float(brentq(above, grid[crossed - 1], grid[crossed], xtol=1e-15))
    since = np.maximum(spike - problem.times, 0.0)
    speed = problem.weights @ np.where(since > 0, 2 * np.exp(-2 * since) - np.exp(-since), 0.0)
    return spike, -kernel(spike) / speed


# ---- sgtheory ----


def _gradient_of(function: Callable[..., Any], *weights: np.ndarray) -> Step:
    """A compiled step of a function of JAX, and its gradient in one array."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def step(weights):
        value, gradients = jax.value_and_grad(lambda weights: function(*weights))(weights)
        return value, jnp.concatenate([jnp.ravel(each) for each in gradients])

    given = tuple(jnp.asarray(each) for each in weights)
    return lambda: step(given)


def qif_in_sgtheory(problem: OneNeuron) -> Step:
    import sgtheory as sg

    network = sg.RecurrentEventNetwork(duration=problem.duration, events=2 * problem.times.size)
    inputs = sg.InputSpikes(problem.times, np.arange(problem.times.size))

    def first(weights):
        return network.run(sg.EventParameters(weights[None]), inputs, ()).output.spike_times(0, most=1)[0]

    return _gradient_of(first, problem.weights)


def lif_in_sgtheory(problem: OneNeuron) -> Step:
    import jax.numpy as jnp

    import sgtheory as sg

    return _gradient_of(lambda weights: sg.first_spike_time(weights, jnp.asarray(problem.times)), problem.weights)


def single_spikes_in_sgtheory(problem: YinYang) -> Step:
    """Layer by layer by the formula for a first spike: each unit spikes once at most."""
    import jax
    import jax.numpy as jnp

    import sgtheory as sg

    layer = jax.vmap(jax.vmap(sg.first_spike_time, (0, None)), (None, 0))

    def loss(hidden, output):
        return problem.loss(layer(output.T, layer(hidden.T, jnp.asarray(problem.times))))

    return _gradient_of(loss, *problem.weights)


def event_prop_in_sgtheory(problem: YinYang, together: bool = True, events: int = 880) -> Step:
    """`together`: all samples in step, by `jax.vmap`, and not one after another."""
    import jax
    import jax.numpy as jnp

    import sgtheory as sg

    units = HIDDEN + CLASSES
    network = sg.EventPropNetwork(duration=problem.duration, events=events)

    def loss(hidden, output):
        inputs = jnp.concatenate([hidden.T, jnp.zeros((CLASSES, CHANNELS))])
        recurrent = jnp.zeros((units, units)).at[HIDDEN:, :HIDDEN].set(output.T)
        parameters = sg.EventParameters(inputs, recurrent)

        def one(times):
            log = network.run(parameters, sg.InputSpikes(times, jnp.arange(CHANNELS)), ()).output
            return jnp.stack([log.spike_times(unit, most=1)[0] for unit in range(HIDDEN, units)])

        times = jnp.asarray(problem.times)
        return problem.loss(jax.vmap(one)(times) if together else jax.lax.map(one, times))

    return _gradient_of(loss, *problem.weights)


def qif_layers_in_sgtheory(problem: YinYang) -> Step:
    import jax
    import jax.numpy as jnp

    import sgtheory as sg

    network = sg.LayeredEventNetwork(sg.QIF(), duration=problem.duration, spikes=4)

    def loss(hidden, output):
        layers = sg.EventLayer(hidden.T), sg.EventLayer(output.T)

        def one(times):
            log = network.run(layers, sg.InputSpikes(times, jnp.arange(CHANNELS)), ()).output
            return log.layers[-1].times[:, 0]

        return problem.loss(jax.vmap(one)(jnp.asarray(problem.times)))

    return _gradient_of(loss, *problem.weights)


# ---- jaxsnn ----


def _firsts_in_jaxsnn(times, weights, duration: float, method: str, reset: float, rooms: tuple[int, ...]):
    """A function of the weights that gives the first spikes of the last layer, samples × units."""
    import logging

    import jax
    import jax.numpy as jnp
    from jaxsnn.event.loss import first_spike
    from jaxsnn.event.modules import LIF, LIFParameters, Linear, Source
    from jaxsnn.event.topology import Topology
    from jaxsnn.event.types import Spike

    logging.getLogger("jaxsnn").setLevel(logging.ERROR)  # it tells at every start which steps it takes
    neuron = LIFParameters(v_reset=reset, v_th=1.0, tau_syn=0.5, tau_mem=1.0)
    network = Topology(t_max=duration, backprop_method=method)
    modules, chain = {"inputs": Source(times.shape[1])}, ["inputs"]
    for k, (each, room) in enumerate(zip(weights, rooms, strict=True)):
        modules |= {f"weights {k}": Linear(pre_weights=each), f"layer {k}": LIF(each.shape[1], room, neuron)}
        chain += [f"weights {k}", f"layer {k}"]
    network.add(modules)
    network.connect(list(itertools.pairwise(chain)))
    start, apply = network.done()
    parameters = start(jax.random.key(0))
    order = np.argsort(times, axis=1)
    arriving = Spike(
        time=jnp.asarray(np.take_along_axis(times, order, axis=1)),
        idx=jnp.asarray(order),
        current=jnp.zeros(times.shape),
        layer_idx=jnp.zeros(times.shape, int),
        internal=jnp.ones(times.shape, bool),
    )

    def firsts(*weights):
        mine = parameters | {f"weights {k}": each for k, each in enumerate(weights)}
        out = apply({"inputs": arriving}, mine)[chain[-1]]
        return jax.vmap(first_spike, in_axes=(0, None))(out, weights[-1].shape[1])

    return firsts


def lif_in_jaxsnn(problem: OneNeuron, method: str) -> Step:
    weights = problem.weights[:, None]
    room = (problem.times.size + 1,)
    firsts = _firsts_in_jaxsnn(problem.times[None], (weights,), problem.duration, method, NO_SECOND_SPIKE, room)
    return _gradient_of(lambda weights: firsts(weights)[0, 0], weights)


def network_in_jaxsnn(problem: YinYang, method: str, reset: float, rooms: tuple[int, int]) -> Step:
    firsts = _firsts_in_jaxsnn(problem.times, problem.weights, problem.duration, method, reset, rooms)
    return _gradient_of(lambda *weights: problem.loss(firsts(*weights)), *problem.weights)


# ---- eventax ----


def _options_of_eventax(tolerance: float | None) -> dict[str, Any]:
    """Its own steps, or steps as long as a tolerance allows, with the equations of EventProp on the way back."""
    if tolerance is None:
        return {}
    import diffrax
    import optimistix
    from eventax.adjoint import EventPropAdjoint

    steps = {
        "solver": diffrax.Tsit5(),
        "stepsize_controller": diffrax.PIDController(rtol=tolerance, atol=tolerance),
    }
    newton = optimistix.Newton(tolerance / 100, tolerance / 100, optimistix.rms_norm)
    return steps | {"root_finder": newton, "adjoint": EventPropAdjoint(**steps)}


def neuron_in_eventax(problem: OneNeuron, neuron: str, tolerance: float | None = None) -> Step:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    from eventax import neuron_models
    from eventax.evnn import EvNN

    network = EvNN(
        neuron_model=getattr(neuron_models, neuron), n_neurons=1, in_size=problem.times.size,
        max_solver_time=problem.duration, max_event_steps=16, key=jax.random.key(0), dtype=jnp.float64,
        tmem=1.0, tsyn=0.5, init_bias=0.0, init_weights=jnp.zeros((1 + problem.times.size, 1)),
        **_options_of_eventax(tolerance), **({"thresh": 1.0} if neuron == "LIF" else {}),
    )  # fmt: skip

    def first(weights):
        all_weights = jnp.append(0.0, weights)[:, None]
        mine = eqx.tree_at(lambda each: each.neuron_model.weights, network, all_weights)
        return mine.ttfs(jnp.asarray(problem.times)[:, None])[0]

    return _gradient_of(first, problem.weights)


def network_in_eventax(problem: YinYang, neuron: str, events: int, tolerance: float | None = None) -> Step:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    from eventax import neuron_models
    from eventax.evnn import FFEvNN

    units = HIDDEN + CLASSES
    own = {"thresh": 1.0, "vreset": NO_SECOND_SPIKE} if neuron == "LIF" else {}
    network = FFEvNN(
        [HIDDEN, CLASSES], CHANNELS, getattr(neuron_models, neuron), max_solver_time=problem.duration,
        max_event_steps=events, output_no_spike_value=jnp.inf, key=jax.random.key(0), dtype=jnp.float64,
        tmem=1.0, tsyn=0.5, init_bias=0.0, init_weights=jnp.zeros((units + CHANNELS, units)),
        **_options_of_eventax(tolerance), **own,
    )  # fmt: skip

    def loss(hidden, output):
        weights = jnp.zeros((units + CHANNELS, units)).at[units:, :HIDDEN].set(hidden)
        weights = weights.at[:HIDDEN, HIDDEN:].set(output)
        mine = eqx.tree_at(lambda each: each.neuron_model.weights, network, weights)
        return problem.loss(jax.vmap(mine.ttfs)(jnp.asarray(problem.times)[..., None]))

    return _gradient_of(loss, *problem.weights)


# ---- PyTorch ----


class _Layers:
    """The same layers in either of the two packages: what differs is the order of axes, a bias, and the height of a kernel."""

    def __init__(self, kind: str, problem: OneNeuron | YinYang):
        import torch

        torch.set_num_threads(1)  # a second gains a quarter at most on a calm machine, and costs a factor on a busy one
        given = problem.weights if isinstance(problem, YinYang) else (problem.weights[:, None],)
        times = problem.times if isinstance(problem, YinYang) else problem.times[None]
        self.scale, self.transposed, self.layers = 1.0, False, []
        for each in given:
            if kind == "exact-event-adjoint":
                from exact_event_adjoint import ExactAdjointLinear

                layer = ExactAdjointLinear(
                    *each.shape, tau_m=1.0, tau_s=0.5, theta=1.0, t_max=problem.duration
                ).double()
                weights = each.T
            else:
                if kind == "grid":
                    from exact_snn import ExactTTFSLinear as Layer
                else:
                    from exact_snn.event import ExactEventLinear as Layer

                layer = Layer(*each.shape, tm=1.0, ts=0.5, theta=1.0, t_max=problem.duration, dtype=torch.float64)
                self.scale, self.transposed = 0.25, True  # its kernel is 1 at its peak, where ours is 1/4
                weights = np.concatenate([0.25 * each.T, np.zeros((each.shape[1], 1))], axis=1)
            layer.weight.data = torch.tensor(np.ascontiguousarray(weights))
            self.layers.append(layer)
        self.times = torch.tensor(times)

    def step(self, value: Callable[[Any], Any]) -> tuple[Any, np.ndarray]:
        """`value`: of first spikes, samples × units."""
        for layer in self.layers:
            layer.weight.grad = None
        out = self.times.T if self.transposed else self.times
        for layer in self.layers:
            out = layer(out)
        found = value(out.T if self.transposed else out)
        found.backward()
        gradients = [
            (self.scale * (layer.weight.grad[:, :-1] if self.transposed else layer.weight.grad)).T
            for layer in self.layers
        ]
        return found.detach(), np.concatenate([each.numpy().ravel() for each in gradients])


def neuron_in_torch(problem: OneNeuron, kind: str) -> Step:
    layers = _Layers(kind, problem)
    return lambda: layers.step(lambda first: first[0, 0])


def network_in_torch(problem: YinYang, kind: str) -> Step:
    layers = _Layers(kind, problem)
    import torch

    targets = torch.tensor(problem.targets)

    def loss(first):
        return ((first.clamp(max=problem.duration) - targets) ** 2).sum(-1).mean()

    return lambda: layers.step(loss)
