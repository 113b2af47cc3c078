"""Is a surrogate gradient the gradient of anything? Then its integral along a closed loop would be zero.

The differentiable network of Gygax & Zenke (2025), Eq. 7: one input, one unit, two units, one output, five weights
(w, v1, v2, u1, u2). Everything is traced, so that changing a number never recompiles, and `jax.vmap` over a setting
sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Key, Scalar
from sgtheory.escape import Sigmoid
from sgtheory.gradients.fields import Field, Plane, along, curl, loop_integral, over_plane, surrogate_gradient
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import MeanField
from sgtheory.surrogates import SigmoidDerivative

PUBLISHED_DIRECTIONS = (
    (0.09305991, 0.5905991, -0.30914232, 0.4299941, -0.60172135),
    (-0.14934348, 0.25011492, 0.26179737, -0.78792286, -0.47516188),
)
"""The plane of Fig. 5, before it is made orthonormal."""
WEIGHTS = 5
POINTS, SHOWN = 1500, 150
"""Points of the loop, and how many of them are shown."""
FEWER = 300
"""Points of a loop that is one of many."""
COUNTS = (3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200)
"""Numbers of points at which convergence is shown."""
PLANES = 40
_ALL_COUNTS = (*COUNTS, POINTS)
_ANGLES = np.concatenate([2 * np.pi * np.arange(count) / count for count in _ALL_COUNTS])
_STEPS = np.concatenate([np.full(count, 2 * np.pi / count) for count in _ALL_COUNTS])
_OWNERS = np.repeat(np.arange(len(_ALL_COUNTS)), _ALL_COUNTS)
HALF_WIDTH, HALF_HEIGHT = 5.0, 2.0
COLUMNS, ROWS = 81, 33
"""Of the maps, which reach from minus to plus these halves."""


class LoopSetting(eqx.Module):
    r"""A loop in a plane through weight space, and two steepnesses.

    `forward` $\beta_f$ of the network, `surrogate` $\beta_{SG}$ of the way back; `radius`, `centre_x`, `centre_y` of the
    circle, in the coordinates of the plane; `directions` of that plane, two rows of five, made orthonormal here.
    """

    forward: Float[Array, "..."]
    surrogate: Float[Array, "..."]
    radius: Float[Array, "..."]
    centre_x: Float[Array, "..."]
    centre_y: Float[Array, "..."]
    directions: Float[Array, "..."]


class LoopPicture(eqx.Module):
    r"""What page 05 shows.

    `output` (rows × columns) of the network in the plane, `curl` of the surrogate gradient there; over the angles of
    `shown_angles()`: `along`, the output less that at the start, and `cumulated`, the integral of the surrogate gradient
    so far; `integral` of the whole loop, `true_integral` of the true gradient; `by_steepness`, the integral at the
    surrogate steepnesses of `steepness_axis()`; `by_points` and `true_by_points`, at the numbers of points `COUNTS`;
    `elsewhere`, the same loop in random planes, in rising order.
    """

    output: Float[Array, "..."]
    curl: Float[Array, "..."]
    along: Float[Array, "..."]
    cumulated: Float[Array, "..."]
    integral: Float[Array, "..."]
    true_integral: Float[Array, "..."]
    by_steepness: Float[Array, "..."]
    by_points: Float[Array, "..."]
    true_by_points: Float[Array, "..."]
    elsewhere: Float[Array, "..."]


def steepness_axis() -> Float[Array, " steepnesses"]:
    """Surrogate steepnesses from 0.5 to 32, evenly in their logarithm."""
    return jnp.exp2(jnp.linspace(-1.0, 5.0, 25))


def shown_angles() -> Float[Array, " angles"]:
    """The angles at the ends of the steps that are shown, in radians; the last closes the loop."""
    return jnp.linspace(0.0, 2 * jnp.pi, SHOWN + 1)


def random_directions(key: Key) -> Float[Array, "two weights"]:
    """Directions of an evenly distributed plane."""
    return jax.random.normal(key, (2, WEIGHTS))


def network_output(forward: Scalar, weights: Float[Array, " weights"]) -> Scalar:
    """The network's output at the weights (w, v1, v2, u1, u2), for the input 1."""
    one, none = jnp.ones(1, weights.dtype), jnp.zeros(4, weights.dtype)
    return _first(_network(forward)(_parameters(weights), one, none, MeanField()).output)


def weight_field(forward: Scalar, surrogate: Scalar | None = None) -> Field:
    """The surrogate gradient of the output over the five weights; without a `surrogate` steepness the true one."""
    derivative = None
    if surrogate is not None:
        derivative = eqx.tree_at(lambda member: member.steepness, SigmoidDerivative(1.0), surrogate)

    def field(weights):
        one = jnp.ones(1, weights.dtype)
        gradient = surrogate_gradient(_first, _network(forward), _parameters(weights), one, derivative)
        return jnp.concatenate([matrix.ravel() for matrix in gradient.weights])

    return field


def _first(output):
    return output[0]


def sigmoid(steepness: Scalar) -> Sigmoid:
    """Its number put in place: a compiled program need not check it at every point."""
    return eqx.tree_at(lambda member: member.steepness, Sigmoid(1.0), steepness)


def _network(forward: Scalar) -> MultilayerPerceptron:
    return MultilayerPerceptron((1, 1, 2, 1), sigmoid(forward))


def _parameters(weights: Float[Array, " weights"]) -> MultilayerParameters:
    template = MultilayerParameters([jnp.zeros((1, 1)), jnp.zeros((2, 1)), jnp.zeros((1, 2))])
    matrices = weights[:1, None], weights[1:3, None], weights[None, 3:]
    return eqx.tree_at(lambda p: p.weights, template, matrices)


@eqx.filter_jit
def loop_picture(setting: LoopSetting, elsewhere: Float[Array, "planes two weights"]) -> LoopPicture:
    """Everything that page 05 shows, for one setting; `elsewhere` are the directions of the random planes.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> numbers = [jnp.asarray(number) for number in (20.0, 5.0, 1.8, 0.0, 0.0)]
    >>> planes = jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES))
    >>> picture = loop_picture(LoopSetting(*numbers, jnp.asarray(PUBLISHED_DIRECTIONS)), planes)
    >>> print(round(float(picture.integral), 3), abs(float(picture.true_integral)) < 1e-4)
    -0.085 True
    """
    origin = jnp.zeros(WEIGHTS, setting.directions.dtype)
    plane = Plane(origin, *setting.directions)
    centre = setting.centre_x, setting.centre_y
    radius = setting.radius

    def circle(plane):
        def at(angle):
            return plane.point(centre[0] + radius * jnp.sin(angle), centre[1] + radius * jnp.cos(angle))

        return at

    def integral(surrogate, points, plane=plane):
        return loop_integral(weight_field(setting.forward, surrogate), circle(plane), points)

    def by_points(surrogate):
        """All numbers of points at once, one after the other in one long row: one program instead of many."""
        field = weight_field(setting.forward, surrogate)
        integrand = jax.vmap(lambda angle: along(field, circle(plane), angle))(jnp.asarray(_ANGLES, radius.dtype))
        return jax.ops.segment_sum(integrand * jnp.asarray(_STEPS, radius.dtype), _OWNERS, len(_ALL_COUNTS))

    loop = integral(setting.surrogate, POINTS)
    true_by_points = by_points(None)
    xs, ys = map_axes()
    outputs = jax.vmap(lambda angle: network_output(setting.forward, circle(plane)(angle)))(shown_angles())
    steps = loop.cumulated.reshape(SHOWN, -1)[:, -1]
    return LoopPicture(
        output=over_plane(lambda weights: network_output(setting.forward, weights), plane, xs, ys),
        curl=over_plane(
            lambda weights: curl(weight_field(setting.forward, setting.surrogate), weights, plane.first, plane.second),
            plane, xs, ys,
        ),
        along=outputs - outputs[0],
        cumulated=jnp.concatenate([jnp.zeros(1, steps.dtype), steps]),
        integral=loop.value,
        true_integral=true_by_points[-1],
        by_steepness=jax.vmap(lambda steepness: integral(steepness, FEWER).value)(steepness_axis()),
        by_points=by_points(setting.surrogate)[:-1],
        true_by_points=true_by_points[:-1],
        elsewhere=jnp.sort(
            jax.vmap(lambda pair: integral(setting.surrogate, FEWER, Plane(origin, *pair)).value)(elsewhere)
        ),
    )  # fmt: skip


def map_axes() -> tuple[Float[Array, " columns"], Float[Array, " rows"]]:
    """Coordinates of the maps: the middles of their cells."""
    xs = jnp.linspace(-HALF_WIDTH, HALF_WIDTH, COLUMNS)
    return xs, jnp.linspace(-HALF_HEIGHT, HALF_HEIGHT, ROWS)
