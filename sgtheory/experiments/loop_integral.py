"""Is a surrogate gradient the gradient of anything? Then its integral along a closed loop would be zero.

The differentiable network of Gygax & Zenke (2025), Eq. 7: one input, one unit, two units, one output, five weights
(w, v1, v2, u1, u2). Everything is traced, so that changing a number never recompiles, and `jax.vmap` over a setting
sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from sgtheory._arrays import Array, Float, Int, Key, Scalar
from sgtheory.escape import Sigmoid
from sgtheory.gradients.fields import Curve, Field, Plane, curl, over_plane, surrogate_gradient
from sgtheory.networks import MultilayerParameters, MultilayerPerceptron
from sgtheory.rules import MeanField
from sgtheory.surrogates import SigmoidDerivative

PUBLISHED_DIRECTIONS = (
    (0.09305991, 0.5905991, -0.30914232, 0.4299941, -0.60172135),
    (-0.14934348, 0.25011492, 0.26179737, -0.78792286, -0.47516188),
)
"""The plane of Fig. 5, before it is made orthonormal."""
WEIGHTS = 5
MOST_CORNERS = 20
"""Of a drawn loop."""
POINTS, SHOWN = 1500, 150
"""Points of the loop, and how many of them are shown."""
FEWER = 300
"""Points of a loop that is one of many; one of `COUNTS`."""
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
    circle, in the coordinates of the plane; `directions` of that plane, two rows of five, made orthonormal here, and
    then turned out of it by the angles `first_tilt` and `second_tilt`, each towards a direction of its own. Where
    `sides` is not 0, the loop is no circle but a polygon with so many corners, the first of the `MOST_CORNERS` rows of
    `corners`, in units of the radius and from the centre.
    """

    forward: Float[Array, "..."]
    surrogate: Float[Array, "..."]
    radius: Float[Array, "..."]
    centre_x: Float[Array, "..."]
    centre_y: Float[Array, "..."]
    directions: Float[Array, "..."]
    first_tilt: Float[Array, "..."]
    second_tilt: Float[Array, "..."]
    corners: Float[Array, "..."]
    sides: Int[Array, "..."]

    @classmethod
    def of_circle(cls, forward, surrogate, radius, centre_x=0.0, centre_y=0.0) -> "LoopSetting":
        """A circle in the published plane."""
        return cls(
            forward=jnp.asarray(forward), surrogate=jnp.asarray(surrogate), radius=jnp.asarray(radius),
            centre_x=jnp.asarray(centre_x), centre_y=jnp.asarray(centre_y), directions=jnp.asarray(PUBLISHED_DIRECTIONS),
            first_tilt=jnp.zeros(()), second_tilt=jnp.zeros(()), corners=jnp.zeros((MOST_CORNERS, 2)), sides=jnp.asarray(0),
        )  # fmt: skip


class LoopPicture(eqx.Module):
    r"""What page 05 shows.

    `output` (rows × columns) of the network in the plane, `curl` of the surrogate gradient there; over the angles of
    `shown_angles()`: `loop`, its coordinates in the plane, `along`, the output less that at the start, and `cumulated`,
    the integral of the surrogate gradient so far; `integral` of the whole loop, `true_integral` of the true gradient;
    `by_steepness`, the integral at the surrogate steepnesses of `steepness_axis()`; `by_points` and `true_by_points`, at
    the numbers of points `COUNTS`; `elsewhere`, the same loop in random planes, in rising order.
    """

    output: Float[Array, "..."]
    curl: Float[Array, "..."]
    loop: Float[Array, "..."]
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
    >>> planes = jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES))
    >>> picture = loop_picture(LoopSetting.of_circle(forward=20.0, surrogate=5.0, radius=1.8), planes)
    >>> print(round(float(picture.integral), 3), abs(float(picture.true_integral)) < 1e-4)
    -0.085 True
    """
    origin = jnp.zeros(WEIGHTS, setting.directions.dtype)
    plane = _tilted(Plane(origin, *setting.directions), setting.first_tilt, setting.second_tilt)
    # One walk with all numbers of points, one after the other in one long row, serves every integral.
    loop, angles = _loop(setting), jnp.asarray(_ANGLES, setting.radius.dtype)
    places, velocities = jax.vmap(lambda angle: jax.jvp(loop, (angle,), (jnp.ones_like(angle),)))(angles)

    def output(place):
        return network_output(setting.forward, plane.point(*place))

    def terms(surrogate, plane=plane, part=slice(None)):
        field = weight_field(setting.forward, surrogate)
        directions = jnp.stack([plane.first, plane.second])
        steps = jnp.asarray(_STEPS[part], setting.radius.dtype)
        along = jax.vmap(lambda place, velocity: jnp.dot(field(plane.point(*place)), velocity @ directions))
        return along(places[part], velocities[part]) * steps

    def by_points(terms):
        return jax.ops.segment_sum(terms, _OWNERS, len(_ALL_COUNTS))

    fewer, all_points = _part(FEWER), _part(POINTS)
    surrogate_terms, true_by_points = terms(setting.surrogate), by_points(terms(None))
    once = surrogate_terms[all_points]
    cumulated = jnp.cumsum(0.5 * (once + jnp.roll(once, -1))).reshape(SHOWN, -1)[:, -1]
    home = loop(jnp.asarray(2 * jnp.pi, setting.radius.dtype))
    shown = jnp.concatenate([places[all_points][:: POINTS // SHOWN], home[None]])
    outputs = jax.vmap(output)(shown)
    xs, ys = map_axes()
    return LoopPicture(
        output=over_plane(lambda weights: network_output(setting.forward, weights), plane, xs, ys),
        curl=over_plane(
            lambda weights: curl(weight_field(setting.forward, setting.surrogate), weights, plane.first, plane.second),
            plane, xs, ys,
        ),
        loop=shown,
        along=outputs - outputs[0],
        cumulated=jnp.concatenate([jnp.zeros(1, cumulated.dtype), cumulated]),
        integral=jnp.sum(once),
        true_integral=true_by_points[-1],
        by_steepness=jax.vmap(lambda steepness: jnp.sum(terms(steepness, part=fewer)))(steepness_axis()),
        by_points=by_points(surrogate_terms)[:-1],
        true_by_points=true_by_points[:-1],
        elsewhere=jnp.sort(
            jax.vmap(lambda pair: jnp.sum(terms(setting.surrogate, Plane(origin, *pair), fewer)))(elsewhere)
        ),
    )  # fmt: skip


def _part(count: int) -> slice:
    """Where in the long row the walk of so many points stands."""
    first = int(np.searchsorted(_OWNERS, _ALL_COUNTS.index(count)))
    return slice(first, first + count)


def _loop(setting: LoopSetting) -> Curve:
    """The loop in the coordinates of its plane: a circle, or the drawn polygon."""
    axes = jnp.eye(2, dtype=setting.radius.dtype)
    drawn = Plane(jnp.zeros_like(axes[0]), *axes).polygon(setting.corners, jnp.maximum(setting.sides, 1))
    centre = jnp.stack([setting.centre_x, setting.centre_y])

    def at(angle):
        circle = jnp.stack([jnp.sin(angle), jnp.cos(angle)])
        return centre + setting.radius * jnp.where(setting.sides > 0, drawn(angle), circle)

    return at


def _tilted(plane: Plane, first: Scalar, second: Scalar) -> Plane:
    """The plane with its directions turned by two angles, towards a third and a fourth that stand upright on it."""
    given = jnp.concatenate([jnp.stack([plane.first, plane.second]), jnp.eye(WEIGHTS, dtype=plane.first.dtype)[:2]])
    basis, _ = jnp.linalg.qr(given.T)
    return eqx.tree_at(
        lambda plane: (plane.first, plane.second),
        plane,
        (
            jnp.cos(first) * plane.first + jnp.sin(first) * basis[:, 2],
            jnp.cos(second) * plane.second + jnp.sin(second) * basis[:, 3],
        ),
    )


def map_axes() -> tuple[Float[Array, " columns"], Float[Array, " rows"]]:
    """Coordinates of the maps: the middles of their cells."""
    xs = jnp.linspace(-HALF_WIDTH, HALF_WIDTH, COLUMNS)
    return xs, jnp.linspace(-HALF_HEIGHT, HALF_HEIGHT, ROWS)
