import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Inputs, Key, Noise
from sgtheory._checks import as_inputs, finite, instance, positive, shorten, whole
from sgtheory.escape import AbstractEscape
from sgtheory.networks._base import (
    AbstractEscapeNoiseNetwork,
    Decision,
    Path,
    Rule,
    check_noise,
    decide,
    rule_of,
)
from sgtheory.networks._by_hand import has_backward_pass, run_layer
from sgtheory.networks._clocked_layers import AbstractClockedLayer, LayerParameters, LeakyReadout
from sgtheory.neurons import LIF
from sgtheory.rules import AbstractSpikeRule


class ClockedParameters(eqx.Module):
    """What is learnt in a `ClockedNetwork`: one entry a layer, and the weights of the read-out, where there is one.

    **Raises** `ValueError` for weights of the read-out that are not finite.

    >>> print(len(ClockedParameters((LayerParameters([[1.0]]),)).layers))
    1
    """

    layers: tuple[LayerParameters, ...]
    readout: Float[Array, "units inputs"] | None = eqx.field(converter=finite("readout", optional=True), default=None)


class SpikeTrains(eqx.Module):
    """The output of a `ClockedNetwork`: the `spikes` of each layer, and the `potential` of the read-out or None.

    Time is the first axis of all arrays.
    """

    spikes: tuple[Float[Array, "steps ..."], ...]
    potential: Float[Array, "steps units"] | None = None

    @property
    def last(self) -> Float[Array, "steps ..."]:
        """The spikes of the last layer."""
        return self.spikes[-1]


class ClockedNetwork(AbstractEscapeNoiseNetwork):
    r"""Layers of neurons in discrete time, each driven by the spikes of the one below and, if recurrent, by its own.

    $I[n+1]=\lambda_sI[n]+W\,S_\text{below}[n]+V\,S_\text{self}[n]$; the spikes of a step pass through all layers within it,
    as far as the currents, which act one step later. Its output are `SpikeTrains`.

    One pure function for three networks: the rule `SpikeRule()` makes it stochastic, `SpikeRule(Threshold())`
    deterministic, `MeanField()` smooth; a tuple has one rule a layer. Layers are run one after another, each through all of
    time, so that the products of a feed-forward layer are one. For a batch take `jax.vmap`.

    **Arguments:** `input_shape`, the shape of the inputs at one step; `layers`, of `Dense` and `Convolution`; `readout`, a
    `LeakyReadout` or None; `checkpoint_every`, so many steps of which the backward pass keeps only the first state, and
    runs the others again (None: it keeps all); `by_hand`, whether the backward pass written by hand is taken where there is
    one. It is exact to rounding and faster, but knows neither forward mode nor second derivatives, and takes derivatives
    with respect to parameters and inputs alone.
    **Raises** `ValueError` for no layers and for layers that do not fit one another; `TypeError` for other families.
    **Source:** Gygax & Zenke (2025), Eq. 18–23.

    >>> import jax
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.networks import Dense
    >>> from sgtheory.neurons import LIF
    >>> neuron = LIF(Sigmoid(10.0))
    >>> network = ClockedNetwork((3,), (Dense(4, neuron), Dense(2, neuron)))
    >>> parameters = network.random_parameters(jax.random.key(0), rate=100.0)
    >>> inputs = jax.random.bernoulli(jax.random.key(1), 0.1, (50, 3))
    >>> path = network.run(parameters, inputs, network.draw(inputs, key=jax.random.key(2)))
    >>> print(*(spikes.shape for spikes in path.output.spikes))
    (50, 4) (50, 2)
    """

    input_shape: tuple[int, ...] = eqx.field(static=True)
    layers: tuple[AbstractClockedLayer, ...]
    readout: LeakyReadout | None = None
    checkpoint_every: int | None = eqx.field(static=True, default=None)
    by_hand: bool = eqx.field(static=True, default=True)
    unit_shapes: tuple[tuple[int, ...], ...] = eqx.field(static=True, default=())
    """The shape of each layer."""

    def __init__(
        self,
        input_shape: Sequence[int],
        layers: Sequence[AbstractClockedLayer],
        readout: LeakyReadout | None = None,
        *,
        checkpoint_every: int | None = None,
        by_hand: bool = True,
    ):
        self.input_shape = tuple(input_shape)
        for side in self.input_shape:
            whole("input_shape", side)
        self.layers = tuple(layers)
        if not self.layers:
            raise ValueError("`layers` must have at least one layer, got none. Give `(Dense(100, neuron),)`, say.")
        for layer in self.layers:
            instance("layers", layer, AbstractClockedLayer, "Take `Dense(100, neuron)`, say.")
        if readout is not None:
            instance("readout", readout, LeakyReadout, "Take `LeakyReadout(20)`, say, or None.")
        self.readout = readout
        if checkpoint_every is not None:
            whole("checkpoint_every", checkpoint_every)
        self.checkpoint_every, self.by_hand = checkpoint_every, by_hand
        self.unit_shapes = tuple(itertools.accumulate(self.layers, _above, initial=self.input_shape))[1:]

    @property
    def _below(self) -> tuple[tuple[int, ...], ...]:
        """The shape of what is below each layer, and below the read-out."""
        return (self.input_shape, *self.unit_shapes)

    # ---- what is learnt ----

    def random_parameters(
        self, key: Key, *, rate: float, deviation: float = 1.0, share: float = 0.9
    ) -> ClockedParameters:
        r"""Fluctuation-driven weights: at the given rate of all inputs, potentials have a standard deviation known beforehand.

        $\sigma_w^2=\sigma_U^2\,\alpha/(n\nu\hat\epsilon)$ with $\hat\epsilon=\tau_s^2/(2(\tau_s+\tau_m))$, for $n$ inputs of a
        unit. A recurrent layer shares the variance: $\alpha$ from below and $1-\alpha$ from itself. Weights of the read-out
        have the standard deviation $1/\sqrt n$.

        **Arguments:** `rate` $\nu$ in Hz; `deviation` $\sigma_U$, in units of the potential; `share` $\alpha$.
        **Raises** `ValueError` for numbers that are not positive, and a share that does not lie above 0 and at most at 1.
        **Source:** Rossbroich, Gygax & Zenke (2022); Gygax & Zenke (2025), sections 4.4 and 4.5.
        """
        rate_, deviation_ = positive("rate", single=True)(rate), positive("deviation", single=True)(deviation)
        if not 0 < share <= 1:
            raise ValueError(f"`share` must lie above 0 and not above 1, got {shorten(share)}. Take 0.9, say.")
        keys = jax.random.split(key, 2 * len(self.layers) + 1)
        drawn = []
        for k, (layer, below) in enumerate(zip(self.layers, self._below, strict=False)):
            neuron = layer.neuron
            if not isinstance(neuron, LIF):
                raise TypeError(
                    f"`random_parameters` is for LIF neurons, got {shorten(neuron)}. Draw weights of your own."
                )
            membrane, synaptic = (
                jnp.mean(each) / 1000 for each in (neuron.membrane_time_constant, neuron.synaptic_time_constant)
            )
            power = synaptic**2 / (2 * (synaptic + membrane))
            from_below, within = layer.inputs_of_a_unit(below)
            forward, recurrent = layer.shapes(below)
            part = share if recurrent else 1.0
            weights = (
                deviation_ * jnp.sqrt(part / (from_below * rate_ * power)) * jax.random.normal(keys[2 * k], forward)
            )
            own = None
            if recurrent:
                scale = deviation_ * jnp.sqrt((1 - part) / (within * rate_ * power))
                own = scale * jax.random.normal(keys[2 * k + 1], recurrent)
            drawn.append(LayerParameters(weights, own))
        readout = None
        if self.readout is not None:
            inputs = math.prod(self._below[-1])
            readout = jax.random.normal(keys[-1], (self.readout.size, inputs)) / math.sqrt(inputs)
        return ClockedParameters(tuple(drawn), readout)

    def check(self, parameters: ClockedParameters, inputs: Inputs) -> None:
        """**Raises** `ValueError` unless parameters and inputs have the shapes of this network."""
        wanted = [layer.shapes(below) for layer, below in zip(self.layers, self._below, strict=False)]
        given = [
            (each.weights.shape, None if each.recurrent is None else each.recurrent.shape) for each in parameters.layers
        ]
        if given != wanted:
            raise ValueError(
                f"`parameters` must have weights of the shapes {shorten(wanted)}, got {shorten(given)}. "
                "Take `network.random_parameters(key, rate=50.0)`."
            )
        expected = None if self.readout is None else (self.readout.size, math.prod(self._below[-1]))
        shape = None if parameters.readout is None else parameters.readout.shape
        if shape != expected:
            raise ValueError(f"`parameters.readout` must have the shape {expected}, got {shape}.")
        if not hasattr(inputs, "shape") or inputs.shape[1:] != self.input_shape or not inputs.shape[0]:
            batch = getattr(inputs, "ndim", 0) > 1 + len(self.input_shape)
            raise ValueError(
                f"`inputs` must have the shape (steps, {', '.join(map(str, self.input_shape))}), got "
                f"{shorten(getattr(inputs, 'shape', inputs))}. "
                + ("Take `jax.vmap` over a batch." if batch else "Time is the first axis.")
            )

    # ---- a run ----

    def as_inputs(self, inputs: Any) -> Array:
        """`inputs` as real numbers; Boolean spikes become 0 and 1."""
        return as_inputs(inputs)

    def sites(self, inputs: Inputs) -> tuple[tuple[int, ...], ...]:
        steps = inputs.shape[0]
        return tuple((steps, *units) for units in self.unit_shapes)

    def escape_of(self, layer: int) -> AbstractEscape:
        return self.layers[layer].neuron.escape

    def __call__(self, parameters: ClockedParameters, inputs: Inputs, noise: tuple[Noise, ...], rule: Rule) -> Path:
        inputs = self.as_inputs(inputs)
        self.check(parameters, inputs)
        check_noise(noise, self.sites(inputs))
        rules = tuple(rule_of(rule, layer, len(noise)) for layer in range(len(noise)))
        dtype = jnp.result_type(*(each.weights for each in parameters.layers))
        inputs = inputs.astype(dtype)
        run = functools.partial(self._run, parameters, rules, self.by_hand)
        _, (decisions, emitted, potential) = _in_pieces(
            run, self.rest(parameters), (inputs, noise), self.checkpoint_every
        )
        return Path(SpikeTrains(emitted, potential), decisions)

    def rest(self, parameters: ClockedParameters) -> Any:
        """The state of all layers before anything has happened."""
        dtype = jnp.result_type(*(each.weights for each in parameters.layers))
        layers = zip(self.layers, self.unit_shapes, strict=True)
        start = tuple(layer.neuron.rest(units, dtype) for layer, units in layers)
        return start, None if self.readout is None else self.readout.rest(dtype)

    def one_step(
        self, parameters: ClockedParameters, state: Any, given: tuple[Array, tuple[Noise, ...]], rule: Rule
    ) -> tuple[Any, SpikeTrains]:
        """The state one step later, and the output of the step: for what goes forward in time.

        **Arguments:** `given`, inputs and noise of one step.
        """
        rules = tuple(rule_of(rule, layer, len(self.layers)) for layer in range(len(self.layers)))
        once = jax.tree.map(lambda leaf: leaf[None], given)
        state, (_, emitted, potential) = self._run(parameters, rules, False, state, once)
        return state, jax.tree.map(lambda leaf: leaf[0], SpikeTrains(emitted, potential))

    def _run(self, parameters, rules, by_hand, state, given):
        """So many steps of all layers, from a state to a state."""
        below, noise = given
        states, readout_state = state
        after, decisions, emitted = [], [], []
        for layer, each, own, rule, uniform in zip(self.layers, parameters.layers, states, rules, noise, strict=True):
            drive = layer.drive(each.weights, below)
            mix = layer.mix if layer.is_recurrent else None
            neuron = layer.neuron
            if each.time_constants is not None:
                instance("neuron", neuron, LIF, "Only the time constants of LIF neurons are learnt.")
                neuron = neuron.with_time_constants(each.time_constants)  # pyright: ignore
            if by_hand and each.time_constants is None and has_backward_pass(neuron, rule):
                spike, distance, own = run_layer((drive, own, each.recurrent), neuron, rule, uniform, mix)
                below = spike
            else:
                spike, distance, below, own = _by_scan(neuron, rule, drive, uniform, own, mix, each.recurrent)
            decisions.append(Decision(spike, distance))
            emitted.append(below)
            after.append(own)
        potential = None
        if self.readout is not None:
            potential, readout_state = self.readout.potentials(parameters.readout, below, readout_state)
        return (tuple(after), readout_state), (tuple(decisions), tuple(emitted), potential)


def _above(below: tuple[int, ...], layer: AbstractClockedLayer) -> tuple[int, ...]:
    return layer.units(below)


def _by_scan(neuron, rule: AbstractSpikeRule, drive, noise, start, mix, recurrent):
    """A layer of any neurons under any rule, differentiated automatically."""

    def step(state, each):
        x, uniform = each
        decision = decide(rule, neuron.escape, neuron.distance(state), uniform)
        emitted = neuron.fires(state, decision.spike)
        arriving = x if mix is None else x + mix(recurrent, emitted)
        return neuron.step(state, rule.for_reset(emitted), arriving), (decision.spike, decision.distance, emitted)

    end, (spike, distance, emitted) = jax.lax.scan(step, start, (drive, noise))
    return spike, distance, emitted, end


def _in_pieces(run, state, given, length: int | None):
    """`run` over all of time, or over one piece after another, of which the backward pass keeps the first state alone."""
    steps = given[0].shape[0]
    if length is None or length >= steps:
        return run(state, given)
    count, rest = divmod(steps, length)
    whole_pieces = jax.tree.map(lambda leaf: leaf[: count * length].reshape(count, length, *leaf.shape[1:]), given)
    state, out = jax.lax.scan(jax.checkpoint(run), state, whole_pieces)
    out = jax.tree.map(lambda leaf: leaf.reshape(count * length, *leaf.shape[2:]), out)
    if rest:
        state, last = jax.checkpoint(run)(state, jax.tree.map(lambda leaf: leaf[count * length :], given))
        out = jax.tree.map(lambda *pieces: jnp.concatenate(pieces), out, last)
    return state, out
