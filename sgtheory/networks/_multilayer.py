import abc
import itertools
import operator
from collections.abc import Sequence
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Distance, Float, Inputs, Key, Noise, Parameters, Scalar, Spikes
from sgtheory._checks import as_real, finite, instance, is_finite, positive, require, shorten
from sgtheory.escape import AbstractEscape
from sgtheory.networks._base import AbstractEscapeNoiseNetwork, Path, Rule, as_vector, check_noise, decide, rule_of


class AbstractLayered(AbstractEscapeNoiseNetwork):
    """A network whose decisions come in layers, each of which sees only the spikes of the layer before.

    What this promises beyond a network is what exact answers need: widths, and the distances of one layer from the
    spikes of the one before. Its output are the spikes of the last layer.
    """

    widths: eqx.AbstractVar[tuple[int, ...]]
    """Number of inputs, then of units in each layer."""

    @abc.abstractmethod
    def distance(self, parameters: Parameters, layer: int, below: Spikes) -> Distance:
        """Distances to threshold of all units of a layer (counted from 0), given the spikes, or inputs, `below` it."""

    @abc.abstractmethod
    def check(self, parameters: Parameters, inputs: Float[Array, " inputs"]) -> None:
        """**Raises** `ValueError` unless parameters and inputs have the shapes of this network."""

    @final
    @property
    def chained(self) -> bool:
        return len(self.widths) > 2

    @final
    def as_inputs(self, inputs: Any) -> Float[Array, "..."]:
        return as_vector(inputs)

    @final
    def sites(self, inputs: Inputs) -> tuple[tuple[int, ...], ...]:
        del inputs
        return tuple((width,) for width in self.widths[1:])

    @final
    def __call__(
        self, parameters: Parameters, inputs: Float[Array, " inputs"], noise: tuple[Noise, ...], rule: Rule
    ) -> Path:
        inputs = self.as_inputs(inputs)
        self.check(parameters, inputs)
        check_noise(noise, self.sites(inputs))
        below, decisions = inputs, []
        for layer, uniform in enumerate(noise):
            distance = self.distance(parameters, layer, below)
            decisions.append(decide(rule_of(rule, layer, len(noise)), self.escape_of(layer), distance, uniform))
            below = decisions[-1].spike
        return Path(below, tuple(decisions))


class MultilayerParameters(eqx.Module):
    """What is learnt: a matrix of `weights` a layer, units × inputs of the layer, and a vector of `biases` a layer.

    **Raises** `ValueError` for no layers, matrices that are empty, do not fit one another or are not finite, and for
    biases that do not fit; `TypeError` for what is no array of numbers.

    >>> parameters = MultilayerParameters([[[0.5, -1.0]], [[2.0], [1.0]]])
    >>> print([weights.shape for weights in parameters.weights], [biases.shape for biases in parameters.biases])
    [(1, 2), (2, 1)] [(1,), (2,)]
    """

    weights: tuple[Float[Array, "units inputs"], ...]
    biases: tuple[Float[Array, " units"], ...]

    def __init__(self, weights: Sequence[Any], biases: Sequence[Any] | None = None):
        if len(weights) == 0:
            raise ValueError("`weights` must have at least one matrix, got none. Give one a layer.")
        self.weights = tuple(_matrix(layer, matrix) for layer, matrix in enumerate(weights))
        for layer, (below, matrix) in enumerate(itertools.pairwise(self.weights), start=1):
            if matrix.shape[1] != below.shape[0]:
                raise ValueError(
                    f"`weights[{layer}]` must have one column a unit of the layer below, got the shape {matrix.shape} "
                    f"above {below.shape}. Make it ({matrix.shape[0]}, {below.shape[0]})."
                )
        if biases is None:
            self.biases = tuple(jnp.zeros(matrix.shape[0], matrix.dtype) for matrix in self.weights)
            return
        if len(biases) != len(self.weights):
            raise ValueError(
                f"`biases` must have one vector a layer, got {len(biases)} for {len(self.weights)}. Add or drop some."
            )
        self.biases = tuple(finite(f"biases[{layer}]")(vector) for layer, vector in enumerate(biases))
        for layer, (vector, matrix) in enumerate(zip(self.biases, self.weights, strict=True)):
            if vector.shape != matrix.shape[:1]:
                raise ValueError(
                    f"`biases[{layer}]` must have one entry a unit, got the shape {vector.shape} for "
                    f"{matrix.shape[0]} units. Add or drop entries."
                )


def _matrix(layer: int, value: Any) -> Float[Array, "units inputs"]:
    name, remedy = f"weights[{layer}]", "Give a matrix such as [[0.5, -1.0]]."
    matrix = as_real(name, value, remedy)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(f"`{name}` must be a matrix with entries, got the shape {shorten(matrix.shape)}. {remedy}")
    return require(matrix, is_finite, name, "finite")


def _widths(value: Any) -> tuple[int, ...]:
    try:
        widths = tuple(map(operator.index, value))
    except TypeError:
        widths = ()
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(
            "`widths` must be the number of inputs and then of units in each layer, all at least 1, "
            f"got {shorten(value)}. Give (5, 5, 1), say."
        )
    return widths


def _each_layer(name: str, value: Any, layers: int) -> tuple[Any, ...]:
    """One entry a layer: a single one stands for all."""
    entries = value if isinstance(value, tuple) else (value,) * layers
    if len(entries) != layers:
        raise ValueError(f"`{name}` must have one entry, or one a layer, got {len(entries)} for {layers} layers.")
    return entries


def _thresholds(value: Any, widths: tuple[int, ...]) -> tuple[Float[Array, "..."], ...]:
    """One array a layer. A list or an array alone could mean layers or units, and is refused."""
    if isinstance(value, list) or getattr(value, "ndim", 0):
        raise ValueError(
            "`thresholds` must be one number, or a tuple with one entry a layer, each a number or one number a unit, got "
            f"{shorten(value)}. Write (0.5, -0.5) for two layers, ([0.5, -0.5],) for the two units of one layer."
        )
    thresholds = tuple(finite("thresholds")(each) for each in _each_layer("thresholds", value, len(widths)))
    for width, threshold in zip(widths, thresholds, strict=True):
        if threshold.shape not in ((), (width,)):
            raise ValueError(
                f"`thresholds` must be numbers or one entry a unit, got the shape {threshold.shape} for {width} units."
            )
    return thresholds


class MultilayerPerceptron(AbstractLayered):
    r"""Layers of binary units: $h^l\sim\mathrm{Bernoulli}\big(p_l(W^l h^{l-1} + b^l - \vartheta^l)\big)$, $h^0 = x$.

    One pure function for three networks: the rule `SpikeRule()` makes it stochastic, `SpikeRule(Threshold())`
    deterministic, `MeanField()` smooth. Its output are the spikes of the last layer.

    **Arguments:** `widths`, number of inputs and then of units in each layer; `escape`, the escape noise of all layers
    or a tuple with one a layer; `thresholds` $\vartheta$, one number, or a tuple with one entry a layer, each a number or
    one number a unit.
    **Raises** `ValueError` for fewer than one layer, a width below 1, a wrong number of entries, thresholds that are not
    finite, and a list or an array of thresholds, which could mean layers or units; `TypeError` for an `escape` of
    another family.
    **Source:** Gygax & Zenke (2025), section 2 and Fig. 3.

    >>> import jax, jax.numpy as jnp
    >>> from sgtheory.escape import Sigmoid
    >>> from sgtheory.rules import SpikeRule
    >>> network = MultilayerPerceptron((2, 3, 1), Sigmoid(steepness=2.0))
    >>> parameters = network.random_parameters(jax.random.key(0))
    >>> inputs = jnp.array([1.0, -1.0])
    >>> path = network(parameters, inputs, network.draw(inputs, key=jax.random.key(1)), SpikeRule())
    >>> print(*(decision.spike for decision in path.decisions))
    [1. 1. 0.] [0.]
    """

    shares_parameters: ClassVar[bool] = False
    widths: tuple[int, ...] = eqx.field(static=True)
    escapes: tuple[AbstractEscape, ...]
    thresholds: tuple[Float[Array, "..."], ...]

    def __init__(self, widths: Sequence[int] | np.ndarray, escape: Any, thresholds: Any = 0.0):
        self.widths = _widths(widths)
        layers = len(self.widths) - 1
        self.escapes = _each_layer("escape", escape, layers)
        for each in self.escapes:
            instance("escape", each, AbstractEscape, "Take one of `sgtheory.escape`, or a tuple with one a layer.")
        self.thresholds = _thresholds(thresholds, self.widths[1:])

    def random_parameters(self, key: Key, spread: float | Scalar = 1.0) -> MultilayerParameters:
        r"""Independent normal weights, of the standard deviation `spread`$/\sqrt{\text{inputs of the unit}}$; no biases.

        **Raises** `ValueError` for a spread that is not positive and finite.
        """
        scale = positive("spread", single=True)(spread)
        keys = jax.random.split(key, len(self.widths) - 1)
        shapes = zip(self.widths[1:], self.widths[:-1], strict=True)
        drawn = [jax.random.normal(each, shape) for each, shape in zip(keys, shapes, strict=True)]
        return MultilayerParameters([scale.astype(m.dtype) / m.shape[1] ** 0.5 * m for m in drawn])

    def escape_of(self, layer: int) -> AbstractEscape:
        return self.escapes[layer]

    def distance(
        self, parameters: MultilayerParameters, layer: int, below: Float[Array, " inputs"]
    ) -> Float[Array, " units"]:
        return parameters.weights[layer] @ below + parameters.biases[layer] - self.thresholds[layer]

    def check(self, parameters: MultilayerParameters, inputs: Float[Array, " inputs"]) -> None:
        """**Raises** `ValueError` unless parameters and inputs have the shapes of this network."""
        wanted = [(above, below) for below, above in itertools.pairwise(self.widths)]
        given = [matrix.shape for matrix in parameters.weights]
        if given != wanted:
            raise ValueError(
                f"`parameters` must have weights of the shapes {shorten(wanted)}, got {shorten(given)}. "
                "Make network and parameters with the same widths."
            )
        if inputs.shape != self.widths[:1]:
            batch = inputs.ndim > 1 and inputs.shape[-1:] == self.widths[:1]
            raise ValueError(
                f"`inputs` must be a vector of {self.widths[0]}, got the shape {shorten(inputs.shape)}. "
                + ("Take `jax.vmap` over a batch." if batch else "Add or drop entries.")
            )
