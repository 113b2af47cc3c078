"""Does back-propagation along sampled paths give, on average, the gradient of the average? Follow every path and see.

A network of three layers whose spike patterns make a tree: each layer's weights are one number, `w`, `v` or `u`, times a
fixed pattern, so that its gradient is three numbers however wide it is. Every path is enumerated; the mean of the
gradients along them is compared with the exact gradient, with the gradient along the one path of the deterministic
network, and with finite differences of pairs of runs. Everything but the widths is traced, so that changing a number
never recompiles, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Inputs, Key, Noise, Scalar, Spikes, cut
from sgtheory._checks import finite, positive, shorten
from sgtheory.escape import AbstractEscape, Sigmoid
from sgtheory.gradients import ExactGradient, enumerate_paths
from sgtheory.losses import Total
from sgtheory.networks import AbstractLayered, MultilayerParameters, MultilayerPerceptron, Path
from sgtheory.rules import Forced, SpikeRule, Threshold

WIDTHS = ((1, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 2, 2, 1))
"""Number of inputs, then of units in each of three layers, of which the last is the output."""
THRESHOLDS = (0.3, 0.5, -0.2)
"""The threshold of each layer."""
DRAWS = 120
"""How many paths, and pairs of paths, are drawn."""
SPREAD = 1.5
"""Standard deviation of the entries of a drawn pattern, times the square root of the number of inputs of a unit."""
LARGEST, POINTS, STEPS = 3.0, 61, 13
"""The largest middle weight and the number of middle weights for which gradients are shown; the number of steps for
which variances are."""
COUNTS = np.unique(np.geomspace(1, DRAWS, 40).astype(int))
"""Numbers of draws at which the standard error of their mean is shown: enough for a smooth band."""
SMALLEST = 1e-16
"""A variance that is zero apart from rounding is shown as this one, where its logarithm is."""

Scales = Float[Array, " weights"]
"""The numbers w, v and u, one a layer, or the derivatives with respect to them."""


class PathTreeSetting(eqx.Module):
    """A network of three layers, and a step.

    **Raises** `ValueError` for a number that is not finite, for a `steepness` or a `step` that is not positive, and for
    `patterns` that are not those of three layers with one input and one output.
    """

    w: Scalar = eqx.field(converter=finite("w", single=True))
    """The number that multiplies the pattern of the first layer."""
    v: Scalar = eqx.field(converter=finite("v", single=True))
    """The number that multiplies the pattern of the second layer."""
    u: Scalar = eqx.field(converter=finite("u", single=True))
    """The number that multiplies the pattern of the output layer."""
    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))
    r"""The steepness $\beta$ of the escape noise, per unit of membrane potential."""
    input: Scalar = eqx.field(converter=finite("input", single=True))
    """The input $x$."""
    step: Scalar = eqx.field(converter=positive("step", single=True))
    r"""The step $\epsilon$ of the finite differences, in the units of the weights."""
    patterns: MultilayerParameters
    """One matrix of weights a layer, as `layer_patterns` draws them; their biases are not scaled."""

    def __check_init__(self):
        shapes = [matrix.shape for matrix in self.patterns.weights]
        if len(shapes) != 3 or shapes[0][1] != 1 or shapes[-1][0] != 1:
            raise ValueError(
                f"`patterns` must be three matrices, for one input and one output, got the shapes {shorten(shapes)}. "
                "Take `layer_patterns(key, (1, 2, 2, 1))`, say."
            )


class PairsPicture(eqx.Module):
    """Pairs of runs, one with a weight half a step larger and the other with it half a step smaller.

    The last axis tells two kinds apart: both runs with the uniforms of the drawn path, or the second with its own.
    """

    below: Float[Array, "weights draws kinds"]
    """The leaf of the second run."""
    difference: Float[Array, "draws weights kinds"]
    """The difference between the outputs of the two runs, divided by the step."""
    parting: Float[Array, "weights kinds"]
    """The probability that the two runs take different paths."""
    exponents: Float[Array, "steps weights kinds"]
    """Logarithm of the variance of that quotient, to the base 10, at every step whose logarithm is in `step_exponents()`."""
    exponent: Float[Array, "weights kinds"]
    """The same at the step of the setting."""


class PathTreePicture(eqx.Module):
    """What page 02 shows. A leaf is the end of a path, numbered as `leaf_of` does; the weights are w, v and u."""

    expected: Scalar
    """The expected output, $E[y]$."""
    probability: Float[Array, " leaves"]
    """The probability of every path."""
    gradient: Float[Array, "leaves weights"]
    """What back-propagation along every path gives."""
    exact: Float[Array, " weights"]
    """The exact gradient of $E[y]$."""
    mean: Float[Array, " weights"]
    """The mean of the gradients along the paths, by enumeration."""
    exponent: Float[Array, " weights"]
    """Logarithm of their variance, to the base 10."""
    error: Float[Array, "draws weights"]
    """The standard error of the mean of so many of them; that of one is their standard deviation."""
    band: Float[Array, "counts weights"]
    """The same at the numbers of draws in `draw_counts()`."""
    deterministic: Float[Array, " weights"]
    """The gradient along the only path of the noiseless network."""
    deterministic_leaf: Scalar
    """The leaf at the end of that path."""
    sampled_leaf: Float[Array, " draws"]
    """The leaf of each drawn path."""
    sampled_probability: Float[Array, " draws"]
    """The probability of that path."""
    sampled_gradient: Float[Array, "draws weights"]
    """The gradient along it."""
    running_mean: Float[Array, "draws weights"]
    """The mean of the gradients along all paths that have been drawn so far."""
    share: Float[Array, "leaves draws"]
    """The share of each path among all that have been drawn so far."""
    above: Float[Array, "weights draws"]
    """The leaf of a run with one weight half a step larger, and the uniforms of the drawn path."""
    pairs: PairsPicture
    """Such a run beside one with that weight half a step smaller."""
    step_exponent: Scalar
    """Logarithm of the step of the setting, to the base 10."""
    exact_over: Float[Array, "points weights"]
    """The exact gradient at every middle weight v of `weight_axis()`."""
    mean_over: Float[Array, "points weights"]
    """The mean of the gradients along the paths, at the same middle weights."""
    deterministic_over: Float[Array, "points weights"]
    """The gradient along the path of the noiseless network, at the same middle weights."""


class Scaled(AbstractLayered):
    """A layered network whose parameters are one number a layer, which multiplies that layer's pattern of weights."""

    network: MultilayerPerceptron
    """The network itself."""
    patterns: MultilayerParameters
    """Its weights where all of these numbers are 1."""
    widths: tuple[int, ...] = eqx.field(static=True)
    """Number of inputs, then of units in each layer."""

    def __init__(self, network: MultilayerPerceptron, patterns: MultilayerParameters):
        self.network, self.patterns, self.widths = network, patterns, network.widths

    def weights(self, scales: Scales) -> MultilayerParameters:
        """The weights of the network itself."""
        scaled = [scale * pattern for scale, pattern in zip(scales, self.patterns.weights, strict=True)]
        return MultilayerParameters(scaled, self.patterns.biases)

    def escape_of(self, layer: int) -> AbstractEscape:
        return self.network.escape_of(layer)

    def distance(self, parameters: Scales, layer: int, below: Spikes) -> Float[Array, " units"]:
        return self.network.distance(self.weights(parameters), layer, below)

    def check(self, parameters: Scales, inputs: Float[Array, " inputs"]) -> None:
        """**Raises** `ValueError` unless there is one number a layer, and patterns and inputs fit the network."""
        layers = len(self.patterns.weights)
        if parameters.shape != (layers,):
            raise ValueError(
                f"`parameters` must be one number a layer, got the shape {shorten(parameters.shape)} for {layers} layers. "
                "Add or drop some."
            )
        self.network.check(self.patterns, inputs)


def layer_patterns(key: Key, widths: tuple[int, ...]) -> MultilayerParameters:
    """Random patterns of weights, but the number 1 between single units, so that a chain's weights are w, v and u."""
    drawn = MultilayerPerceptron(widths, Sigmoid(1.0)).random_parameters(key, SPREAD)
    return MultilayerParameters([jnp.ones_like(matrix) if matrix.size == 1 else matrix for matrix in drawn.weights])


def draw_uniforms(key: Key, widths: tuple[int, ...]) -> tuple[Float[Array, "two draws _"], ...]:
    """Uniforms for `DRAWS` runs, and others for the second run of an uncoupled pair: one array a layer, of its units."""
    layers = widths[1:]
    drawn = jax.random.uniform(key, (2, DRAWS, sum(layers)))
    return cut(drawn, [(units,) for units in layers])


def weight_axis() -> Float[Array, " points"]:
    """The middle weights at which gradients are shown.

    Each is the quotient of two whole numbers, rounded once: at 0.5 a deterministic unit is exactly at its threshold, and
    what it does there must not depend on how a library rounds.
    """
    middle = (POINTS - 1) // 2
    return (jnp.arange(float(POINTS)) - middle) / (middle / LARGEST)


def step_axis() -> Float[Array, " steps"]:
    """Steps of the finite differences, from 0.01 to 2, evenly in their logarithm."""
    return jnp.geomspace(0.01, 2.0, STEPS)


def step_exponents() -> Float[Array, " steps"]:
    """Logarithms of the steps of `step_axis()`, to the base 10."""
    return jnp.log10(step_axis())


def draw_counts() -> Float[Array, " counts"]:
    """The numbers of draws in `COUNTS`."""
    return jnp.asarray(COUNTS, float)


def leaf_of(spikes: tuple[Spikes, ...]) -> Float[Array, "..."]:
    """The number of a path: its spikes, in the order of the decisions, as binary digits.

    Paths that begin alike are neighbours, so that the tree can be drawn without crossings.

    **Arguments:** `spikes`, one array a layer, each with the units of the layer along its last axis.

    >>> import jax.numpy as jnp
    >>> print(leaf_of((jnp.array([[0.0], [1.0]]), jnp.array([[0.0, 1.0], [1.0, 0.0]]))))
    [1. 6.]
    """
    joined = jnp.concatenate(spikes, axis=-1)
    digits = 2 ** np.arange(joined.shape[-1])[::-1]
    return joined @ jnp.asarray(digits, joined.dtype)


@eqx.filter_jit
def path_tree(setting: PathTreeSetting, uniforms: tuple[Float[Array, "two draws _"], ...]) -> PathTreePicture:
    """Everything that page 02 shows, for one setting and the uniforms of `draw_uniforms`.

    **Source:** Gygax & Zenke (2025), Fig. 3 and Fig. S1.

    >>> import jax
    >>> patterns = layer_patterns(jax.random.key(0), (1, 1, 1, 1))
    >>> uniforms = draw_uniforms(jax.random.key(0), (1, 1, 1, 1))
    >>> setting = PathTreeSetting(w=0.8, v=1.2, u=-0.9, steepness=2.0, input=1.0, step=0.5, patterns=patterns)
    >>> picture = path_tree(setting, uniforms)
    >>> print([round(float(number), 4) for number in picture.exact])
    [-0.0841, -0.093, 0.2091]
    >>> print([round(float(number), 4) for number in picture.mean])
    [-0.0541, -0.073, 0.2091]
    """
    shapes = [pattern.shape for pattern in setting.patterns.weights]
    widths = (shapes[0][1], *(units for units, _ in shapes))
    network = Scaled(MultilayerPerceptron(widths, Sigmoid(setting.steepness), THRESHOLDS), setting.patterns)
    inputs = setting.input[None]
    scales = jnp.stack([setting.w, setting.v, setting.u])
    dtype = scales.dtype
    directions = jnp.eye(len(scales), dtype=dtype)

    def gradients(v):
        """At this middle weight: the exact gradient, all paths in the order of their leaves, and the noiseless one."""
        moved = scales.at[1].set(v)
        exact = ExactGradient().evaluate(Total(), network, moved, inputs, ())
        paths = enumerate_paths(Total(), network, moved, inputs)
        order = jnp.argsort(leaf_of(paths.spikes))
        alone = network(moved, inputs, tuple(each[0, 0] for each in uniforms), SpikeRule(Threshold()))
        return exact, paths.mean_gradient(), jax.tree.map(lambda leaf: leaf[order], paths), _leaf(alone)

    def leaves(scales):
        run = jax.vmap(jax.vmap(lambda each: _leaf(network.run(scales, inputs, each))))
        return run(uniforms)

    def laws(direction, step):
        shift = 0.5 * step * direction
        return _pair_laws(network, inputs, spikes, jnp.stack([scales + shift, scales - shift]), step)

    # The last of the values is that of the setting itself: one program for both.
    exact, means, paths, alone = jax.vmap(gradients)(jnp.append(weight_axis().astype(dtype), setting.v))
    noiseless = jax.vmap(lambda each, leaf: each[leaf.astype(int)])(paths.gradient, alone)
    spikes, probability, gradient = (
        jax.tree.map(lambda leaf: leaf[-1], each) for each in (paths.spikes, paths.probability, paths.gradient)
    )
    shifts = 0.5 * setting.step * directions
    drawn = jax.vmap(leaves)(scales[None] + jnp.concatenate([jnp.zeros_like(shifts[:1]), shifts, -shifts]))
    steps = jnp.append(step_axis().astype(dtype), setting.step)
    pairs = jax.vmap(lambda direction: jax.vmap(lambda step: laws(direction, step))(steps))(directions)
    exponents = jnp.log10(jnp.maximum(jnp.moveaxis(pairs.variance, 1, 0), SMALLEST))
    sampled, above, below = drawn[0, 0], drawn[1:4, 0], jnp.moveaxis(drawn[4:], 1, -1)
    sampled_gradient = gradient[sampled.astype(int)]
    counts = jnp.arange(1, DRAWS + 1, dtype=dtype)[:, None]
    squares = probability @ (gradient - means[-1:]) ** 2
    error = jnp.sqrt(squares[None] / counts)
    of_each = (sampled[:, None] == jnp.arange(len(probability), dtype=dtype)[None]).astype(dtype)
    return PathTreePicture(
        expected=probability @ spikes[-1][:, 0],
        probability=probability,
        gradient=gradient,
        exact=exact[-1],
        mean=means[-1],
        exponent=jnp.log10(jnp.maximum(squares, SMALLEST)),
        error=error,
        band=error[COUNTS - 1],
        deterministic=noiseless[-1],
        deterministic_leaf=alone[-1],
        sampled_leaf=sampled,
        sampled_probability=probability[sampled.astype(int)],
        sampled_gradient=sampled_gradient,
        running_mean=jnp.cumsum(sampled_gradient, axis=0) / counts,
        share=(jnp.cumsum(of_each, axis=0) / counts).T,
        above=above,
        pairs=PairsPicture(
            below=below,
            difference=jnp.moveaxis(above[..., None] % 2 - below % 2, 0, 1) / setting.step,
            parting=pairs.parting[:, -1],
            exponents=exponents[:-1],
            exponent=exponents[-1],
        ),
        step_exponent=jnp.log10(setting.step),
        exact_over=exact[:-1],
        mean_over=means[:-1],
        deterministic_over=noiseless[:-1],
    )


def _leaf(path: Path) -> Scalar:
    return leaf_of(tuple(decision.spike for decision in path.decisions))


class _PairLaws(eqx.Module):
    """Laws of pairs of runs at one step: with the same uniforms for both, and with uniforms of its own for each."""

    parting: Float[Array, " kinds"]
    """The probability that the two runs take different paths."""
    variance: Float[Array, " kinds"]
    """The variance of their finite difference."""


def _pair_laws(
    network: Scaled, inputs: Inputs, spikes: tuple[Noise, ...], pair: Float[Array, "two weights"], step: Scalar
) -> _PairLaws:
    r"""Exact, by enumeration of all pairs of paths.

    With one uniform for both, units that spike with the probabilities $p$ and $q$ spike together with $\min(p, q)$, are
    silent together with $1-\max(p, q)$, and differ with $|p-q|$.
    """

    def along_paths(scales):
        """The probability of a spike at each decision given the path so far, leaves × decisions; that of each path."""
        paths = jax.vmap(lambda each: network(scales, inputs, each, SpikeRule(Forced())))(spikes)
        distances = jnp.concatenate([decision.distance for decision in paths.decisions], axis=-1)
        # All layers of this network have the same noise.
        return network.escape_of(0).probability(distances), jnp.exp(jax.vmap(network.log_probability)(paths))

    (p, q), (first, second) = jax.vmap(along_paths)(pair)
    outcomes, output = jnp.concatenate(spikes, axis=-1), spikes[-1][:, 0]
    joint = jnp.prod(_coupled(outcomes[:, None], outcomes[None], p[:, None], q[None]), axis=-1)
    expected = jnp.stack([first @ output, second @ output])
    apart = jnp.sum(joint * jnp.abs(output[:, None] - output[None]))
    variances = apart - (expected[0] - expected[1]) ** 2, jnp.sum(expected * (1 - expected))
    return _PairLaws(parting=1 - jnp.stack([jnp.trace(joint), first @ second]), variance=jnp.stack(variances) / step**2)


def _coupled(first: Spikes, second: Spikes, p: Array, q: Array) -> Array:
    """The probability of two outcomes with one uniform, of units that spike with the probabilities p and q."""
    together = jnp.where(first > 0.5, jnp.minimum(p, q), 1 - jnp.maximum(p, q))
    apart = jnp.maximum(jnp.where(first > 0.5, p - q, q - p), 0.0)
    return jnp.where(first == second, together, apart)
