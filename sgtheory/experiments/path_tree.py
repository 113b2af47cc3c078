"""Does back-propagation along sampled paths give, on average, the gradient of the average? Follow every path and see.

A network of three layers whose spike patterns make a tree: each layer's weights are one number, `w`, `v` or `u`, times a
fixed pattern, so that its gradient is three numbers however wide it is. Every path is enumerated; beside their mean stand
the exact gradient, the one path of the deterministic network, and finite differences of pairs of runs. Everything but the
widths is traced, so that changing a number never recompiles, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Key, Noise, Scalar
from sgtheory._checks import shorten
from sgtheory.escape import AbstractEscape, Sigmoid
from sgtheory.experiments.loop_integral import sigmoid
from sgtheory.gradients import ExactGradient, enumerate_paths
from sgtheory.gradients.fields import Vector
from sgtheory.networks import AbstractLayered, MultilayerParameters, MultilayerPerceptron, Path
from sgtheory.rules import AbstractSpikeRule, Forced, SpikeRule, Threshold

WIDTHS = ((1, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 2, 2, 1))
"""Of the input and of three layers; the last is the output."""
THRESHOLDS = (0.3, 0.5, -0.2)
DRAWS = 120
SPREAD = 1.5
"""Standard deviation of a drawn pattern, times the root of the inputs of a unit."""
LARGEST, POINTS, STEPS = 3.0, 61, 13
"""Of the middle weight over which gradients are shown, and of the steps over which variances are."""


class PathTreeSetting(eqx.Module):
    r"""A network of three layers, and a step.

    `w`, `v`, `u`, the numbers that the patterns of the three layers are multiplied by; `steepness` $\beta$ of the escape
    noise; `input` $x$; `step` $\epsilon$ of the finite differences; `patterns`, one matrix of weights a layer.
    """

    w: Float[Array, "..."]
    v: Float[Array, "..."]
    u: Float[Array, "..."]
    steepness: Float[Array, "..."]
    input: Float[Array, "..."]
    step: Float[Array, "..."]
    patterns: MultilayerParameters


class PathTreePicture(eqx.Module):
    r"""What page 02 shows. Leaves are counted as `leaf_of` counts them; the last axis of a gradient is (w, v, u).

    `expected`, $E[y]$; `probability` (leaves) and `gradient` (leaves × 3) of every path; `exact` gradient of $E[y]$;
    `mean` of the paths' gradients and their standard `deviation`, both by enumeration; `deterministic`, the gradient
    along `deterministic_leaf`, the only path of the noiseless network. Of each draw: `sampled_leaf`, `running_mean`
    (draws × 3) of the gradients so far, and (3 × draws, for a step of each weight) the leaves of the runs `above` and
    `below`, with the same uniforms, and `below_uncoupled`, with uniforms of its own; `parting` and `parting_uncoupled`,
    the probability that the two runs of a pair take different paths. `variance` and `variance_uncoupled` of the finite
    difference (3 × steps, of which the last is `step`); `exact_over`, `mean_over`, `deterministic_over`, the gradients over
    the values of `weight_axis()` that v may have.
    """

    expected: Float[Array, "..."]
    probability: Float[Array, "..."]
    gradient: Float[Array, "..."]
    exact: Float[Array, "..."]
    mean: Float[Array, "..."]
    deviation: Float[Array, "..."]
    deterministic: Float[Array, "..."]
    deterministic_leaf: Float[Array, "..."]
    sampled_leaf: Float[Array, "..."]
    running_mean: Float[Array, "..."]
    above: Float[Array, "..."]
    below: Float[Array, "..."]
    below_uncoupled: Float[Array, "..."]
    parting: Float[Array, "..."]
    parting_uncoupled: Float[Array, "..."]
    variance: Float[Array, "..."]
    variance_uncoupled: Float[Array, "..."]
    exact_over: Float[Array, "..."]
    mean_over: Float[Array, "..."]
    deterministic_over: Float[Array, "..."]


class Scaled(AbstractLayered):
    """A layered network whose parameters are one number a layer: what its pattern of weights is multiplied by."""

    network: MultilayerPerceptron
    patterns: MultilayerParameters
    widths: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, network: MultilayerPerceptron, patterns: MultilayerParameters):
        self.network, self.patterns, self.widths = network, patterns, network.widths

    def weights(self, scales: Vector) -> MultilayerParameters:
        """The weights of the network itself."""
        scaled = tuple(scales[layer] * pattern for layer, pattern in enumerate(self.patterns.weights))
        return eqx.tree_at(lambda patterns: patterns.weights, self.patterns, scaled)

    def sites(self, inputs: Float[Array, " inputs"]) -> tuple[int, ...]:
        return self.network.sites(inputs)

    def escape_of(self, layer: int) -> AbstractEscape:
        return self.network.escape_of(layer)

    def distance(self, parameters: Vector, layer: int, below: Float[Array, " inputs"]) -> Float[Array, " units"]:
        return self.network.distance(self.weights(parameters), layer, below)

    def check(self, parameters: Vector, inputs: Float[Array, " inputs"]) -> None:
        """**Raises** `ValueError` unless there is one number a layer, and patterns and inputs fit the network."""
        layers = len(self.patterns.weights)
        if parameters.shape != (layers,):
            raise ValueError(
                f"`parameters` must be one number a layer, got the shape {shorten(parameters.shape)} for {layers} layers. "
                "Add or drop some."
            )
        self.network.check(self.weights(parameters), inputs)

    def __call__(
        self, parameters: Vector, inputs: Float[Array, " inputs"], noise: Noise, rule: AbstractSpikeRule
    ) -> Path:
        self.check(parameters, inputs)
        return self.network(self.weights(parameters), inputs, noise, rule)


def layer_patterns(key: Key, widths: tuple[int, ...]) -> MultilayerParameters:
    """Patterns of weights, drawn; but the number 1 between single units, so that a chain's weights are w, v and u."""
    drawn = MultilayerPerceptron(widths, Sigmoid(1.0)).random_parameters(key, SPREAD)
    return MultilayerParameters([jnp.ones_like(matrix) if matrix.size == 1 else matrix for matrix in drawn.weights])


def draw_uniforms(key: Key, widths: tuple[int, ...]) -> Float[Array, "two draws sites"]:
    """Uniforms for the runs, and others for the second run of an uncoupled pair."""
    return jax.random.uniform(key, (2, DRAWS, sum(widths[1:])))


def weight_axis() -> Float[Array, " points"]:
    """The values of the middle weight over which gradients are shown."""
    return jnp.linspace(-LARGEST, LARGEST, POINTS)


def step_axis() -> Float[Array, " steps"]:
    """Steps of the finite differences, from 0.01 to 2, evenly in their logarithm."""
    return jnp.geomspace(0.01, 2.0, STEPS)


def leaf_of(spikes: Float[Array, "... sites"]) -> Float[Array, "..."]:
    """The number of a path: its spikes, in the order of the decisions, as binary digits.

    Paths with the same beginning are neighbours; the tree can be drawn without crossings.

    >>> import jax.numpy as jnp
    >>> print(leaf_of(jnp.array([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])))
    [1. 6.]
    """
    digits = 2 ** np.arange(spikes.shape[-1])[::-1]
    return spikes @ jnp.asarray(digits, spikes.dtype)


@eqx.filter_jit
def path_tree(setting: PathTreeSetting, uniforms: Float[Array, "two draws sites"]) -> PathTreePicture:
    """Everything that page 02 shows, for one setting and the uniforms of `draw_uniforms`.

    **Source:** Gygax & Zenke (2025), Fig. 3 and Fig. S1.

    >>> import jax, jax.numpy as jnp
    >>> numbers = [jnp.asarray(number) for number in (0.8, 1.2, -0.9, 2.0, 1.0, 0.5)]
    >>> patterns = layer_patterns(jax.random.key(0), (1, 1, 1, 1))
    >>> uniforms = draw_uniforms(jax.random.key(0), (1, 1, 1, 1))
    >>> picture = path_tree(PathTreeSetting(*numbers, patterns), uniforms)
    >>> print([round(float(number), 4) for number in picture.exact])
    [-0.0841, -0.093, 0.2091]
    >>> print([round(float(number), 4) for number in picture.mean])
    [-0.0541, -0.073, 0.2091]
    """
    shapes = [pattern.shape for pattern in setting.patterns.weights]
    widths = (shapes[0][1], *(units for units, _ in shapes))
    network = Scaled(MultilayerPerceptron(widths, sigmoid(setting.steepness), THRESHOLDS), setting.patterns)
    inputs = setting.input[None]
    scales = jnp.stack([setting.w, setting.v, setting.u])
    dtype = scales.dtype
    directions = jnp.eye(3, dtype=dtype)

    def gradients(v):
        """At this middle weight: the exact gradient, all paths in the order of their leaves, the one without noise."""
        moved = scales.at[1].set(v)
        paths = enumerate_paths(_first, network, moved, inputs)
        order = jnp.argsort(leaf_of(paths.spikes))
        alone = network(moved, inputs, uniforms[0, 0], SpikeRule(Threshold())).decisions.spike
        exact = ExactGradient().evaluate(_first, network, moved, inputs, ())
        return exact, paths.spikes[order], paths.probability[order], paths.gradient[order], leaf_of(alone)

    def leaves(scales):
        run = jax.vmap(jax.vmap(lambda each: network(scales, inputs, each, SpikeRule()).decisions.spike))
        return leaf_of(run(uniforms))

    def laws(direction, step):
        shift = 0.5 * step * direction
        return _pair_laws(network, inputs, spikes, jnp.stack([scales + shift, scales - shift]), step)

    # The last of the values is that of the setting itself: one program for both.
    over = jax.vmap(gradients)(jnp.append(weight_axis().astype(dtype), setting.v))
    exact, spikes, probability, gradient, alone = (values[-1] for values in over)
    means = jnp.einsum("vl,vlc->vc", over[2], over[3])
    noiseless = jax.vmap(lambda each, leaf: each[leaf.astype(int)])(over[3], over[4])
    shifts = 0.5 * setting.step * directions
    drawn = jax.vmap(leaves)(scales[None] + jnp.concatenate([jnp.zeros_like(shifts[:1]), shifts, -shifts]))
    steps = jnp.append(step_axis().astype(dtype), setting.step)
    pairs = jax.vmap(lambda direction: jax.vmap(lambda step: laws(direction, step))(steps))(directions)
    sampled = drawn[0, 0]
    counts = jnp.arange(1, len(sampled) + 1, dtype=dtype)[:, None]
    return PathTreePicture(
        expected=probability @ spikes[:, -1],
        probability=probability,
        gradient=gradient,
        exact=exact,
        mean=means[-1],
        deviation=jnp.sqrt(probability @ (gradient - means[-1:]) ** 2),
        deterministic=noiseless[-1],
        deterministic_leaf=alone,
        sampled_leaf=sampled,
        running_mean=jnp.cumsum(gradient[sampled.astype(int)], axis=0) / counts,
        above=drawn[1:4, 0],
        below=drawn[4:, 0],
        below_uncoupled=drawn[4:, 1],
        parting=pairs.parting[:, -1],
        parting_uncoupled=pairs.parting_uncoupled[:, -1],
        variance=pairs.variance,
        variance_uncoupled=pairs.variance_uncoupled,
        exact_over=over[0][:-1],
        mean_over=means[:-1],
        deterministic_over=noiseless[:-1],
    )


class _PairLaws(eqx.Module):
    """Of pairs of runs: the probability that their paths part, and the variance of their finite difference."""

    parting: Scalar
    parting_uncoupled: Scalar
    variance: Scalar
    variance_uncoupled: Scalar


def _pair_laws(network: Scaled, inputs, spikes, pair: Float[Array, "two scales"], step: Scalar) -> _PairLaws:
    r"""Exact, by enumeration of all pairs of paths.

    With one uniform for both, units that spike with the probabilities $p$ and $q$ spike together with $\min(p, q)$, are
    silent together with $1-\max(p, q)$, and part with $|p-q|$.
    """

    def along_paths(scales):
        """The probability of a spike at each decision given the path so far, leaves × sites; that of each path."""
        runs = jax.vmap(lambda each: network(scales, inputs, each, SpikeRule(Forced())).decisions)(spikes)
        # Of one network all layers have one noise.
        return network.escape_of(0).probability(runs.distance), jnp.exp(jnp.sum(runs.log_probability, axis=-1))

    (p, q), (first, second) = jax.vmap(along_paths)(pair)
    joint = jnp.prod(_coupled(spikes[:, None], spikes[None], p[:, None], q[None]), axis=-1)
    output = spikes[:, -1]
    expected = jnp.stack([first @ output, second @ output])
    apart = jnp.sum(joint * jnp.abs(output[:, None] - output[None]))
    return _PairLaws(
        parting=1 - jnp.trace(joint),
        parting_uncoupled=1 - first @ second,
        variance=(apart - (expected[0] - expected[1]) ** 2) / step**2,
        variance_uncoupled=jnp.sum(expected * (1 - expected)) / step**2,
    )


def _coupled(first, second, p, q):
    """The probability of two outcomes with one uniform, of units that spike with the probabilities p and q."""
    together = jnp.where(first > 0.5, jnp.minimum(p, q), 1 - jnp.maximum(p, q))
    apart = jnp.maximum(jnp.where(first > 0.5, p - q, q - p), 0.0)
    return jnp.where(first == second, together, apart)


def _first(output):
    return output[0]
