"""Is a surrogate gradient the gradient of anything? Then its integral along a closed loop would be zero.

The network is that of Gygax & Zenke (2025), Eq. 7 (`_five_weights`). Everything is traced, so that changing a number
never recompiles, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Int, Key, Scalar
from sgtheory.experiments._five_weights import WEIGHTS, network_output, weight_field
from sgtheory.gradients.fields import Curve, Plane, curl_map, loop_integral, loop_integrals, over_plane

PUBLISHED_DIRECTIONS = (
    (0.09305991, 0.5905991, -0.30914232, 0.4299941, -0.60172135),
    (-0.14934348, 0.25011492, 0.26179737, -0.78792286, -0.47516188),
)
"""The plane of Fig. 5, before it is made orthonormal."""
MOST_CORNERS = 20
"""Of a drawn loop."""
POINTS, SHOWN = 1500, 150
"""Points of the loop, and how many of them are shown."""
FEWER = 300
"""Points of a loop that is one of many."""
COUNTS = (3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200)
"""Numbers of points at which convergence is shown."""
PLANES = 40
"""How many random planes are shown."""
HALF_WIDTH, HALF_HEIGHT = 5.0, 2.0
"""Of the maps, which reach from minus to plus these halves."""
COLUMNS, ROWS = 201, 81
"""Cells of the maps."""
SMALLEST = 1e-16
"""An integral that is zero apart from rounding is shown as this one, where its logarithm is."""


class LoopSetting(eqx.Module):
    """A loop in a plane through weight space, and two steepnesses."""

    forward: Scalar
    r"""Steepness $\beta_f$ of the units."""
    surrogate: Scalar
    r"""Steepness $\beta_{SG}$ of the surrogate derivative, in the backward pass."""
    radius: Scalar
    """Radius of the circle; of a polygon the unit of length."""
    centre_x: Scalar
    """Centre of the loop, along the first direction of the plane."""
    centre_y: Scalar
    """Centre of the loop, along the second direction."""
    directions: Float[Array, "2 weights"]
    """Two directions that span the plane; they are made orthonormal."""
    first_tilt: Scalar
    """Angle in radians by which the first direction is turned out of that plane, towards a third direction."""
    second_tilt: Scalar
    """Angle in radians by which the second direction is turned out of that plane, towards a fourth direction."""
    corners: Float[Array, "corners 2"]
    """`MOST_CORNERS` rows x, y, in units of the radius and from the centre; only the first `sides` of them count."""
    sides: Int[Array, ""]
    """Number of corners of a polygon; 0 for a circle."""

    @classmethod
    def of_circle(cls, forward, surrogate, radius, centre_x=0.0, centre_y=0.0) -> "LoopSetting":
        """A circle in the published plane."""
        return cls(
            forward=jnp.asarray(forward), surrogate=jnp.asarray(surrogate), radius=jnp.asarray(radius),
            centre_x=jnp.asarray(centre_x), centre_y=jnp.asarray(centre_y), directions=jnp.asarray(PUBLISHED_DIRECTIONS),
            first_tilt=jnp.zeros(()), second_tilt=jnp.zeros(()), corners=jnp.zeros((MOST_CORNERS, 2)), sides=jnp.asarray(0),
        )  # fmt: skip


class LoopPicture(eqx.Module):
    """What page 05 shows, but its maps."""

    loop: Float[Array, "angles 2"]
    """The loop in the coordinates of the plane, at the angles of `shown_angles()`."""
    start: Float[Array, "2"]
    """Its first point."""
    along: Float[Array, " angles"]
    """Output of the network at these angles, minus that at the start."""
    change: Scalar
    """The last of these numbers: the change of the output once around, 0 but for rounding."""
    cumulated: Float[Array, " angles"]
    """The integral of the surrogate gradient from the start to these angles."""
    integral: Scalar
    """The integral of the surrogate gradient around the whole loop."""
    true_integral: Scalar
    """The integral of the true gradient around the whole loop, 0 but for the error of the trapezoid rule."""
    exponent: Scalar
    """Logarithm of the surrogate steepness, to the base 2."""
    by_steepness: Float[Array, " steepnesses"]
    """The integral of the surrogate gradient at the surrogate steepnesses of `steepness_axis()`, with `FEWER` points."""
    by_points: Float[Array, " counts"]
    """The integral of the surrogate gradient with the numbers of points `COUNTS`."""
    true_by_points: Float[Array, " counts"]
    """The integral of the true gradient with the numbers of points `COUNTS`."""
    size_by_points: Float[Array, " counts"]
    """Logarithm of the size of `by_points`, to the base 10, at least that of `SMALLEST`."""
    true_size_by_points: Float[Array, " counts"]
    """The same of `true_by_points`."""
    elsewhere: Float[Array, " planes"]
    """The integral of the surrogate gradient around the same loop in random planes, in rising order."""
    size_elsewhere: Scalar
    """The mean of its size."""


class LoopMaps(eqx.Module):
    """The maps of page 05, over a plane through weight space."""

    output: Float[Array, "rows columns"]
    """Output of the network in the plane, at the points of `map_axes()`."""
    curl: Float[Array, "rows columns"]
    """Curl $c$ of the surrogate gradient there."""
    bounded_curl: Float[Array, "rows columns"]
    r"""The same between $-1$ and 1, as $c/(1+|c|)$."""


def steepness_axis() -> Float[Array, " steepnesses"]:
    """Surrogate steepnesses from 0.5 to 32, evenly in their logarithm."""
    return jnp.exp2(jnp.linspace(-1.0, 5.0, 25))


def shown_angles() -> Float[Array, " angles"]:
    """The angles at the ends of the steps that are shown, in radians; the last closes the loop."""
    return jnp.linspace(0.0, 2 * jnp.pi, SHOWN + 1)


def loop_degrees() -> Float[Array, " angles"]:
    """The same angles in degrees."""
    return jnp.degrees(shown_angles())


def steepness_exponents() -> Float[Array, " steepnesses"]:
    """Logarithms of the surrogate steepnesses of `steepness_axis()`, to the base 2."""
    return jnp.log2(steepness_axis())


def count_exponents() -> Float[Array, " counts"]:
    """Logarithms of the numbers of points `COUNTS`, to the base 10."""
    return jnp.log10(jnp.array(COUNTS, float))


def plane_numbers() -> Float[Array, " planes"]:
    """The random planes, counted from 1."""
    return jnp.arange(1.0, PLANES + 1)


def map_across() -> Float[Array, " columns"]:
    """The middles of the cells of the maps, along the first direction of the plane."""
    return jnp.linspace(-HALF_WIDTH, HALF_WIDTH, COLUMNS)


def map_upward() -> Float[Array, " rows"]:
    """The same along the second direction."""
    return jnp.linspace(-HALF_HEIGHT, HALF_HEIGHT, ROWS)


def map_axes() -> tuple[Float[Array, " columns"], Float[Array, " rows"]]:
    """Coordinates of the maps: the middles of their cells."""
    return map_across(), map_upward()


def random_directions(key: Key) -> Float[Array, "2 weights"]:
    """Directions of an evenly distributed plane."""
    plane = Plane.random(key, WEIGHTS)
    return jnp.stack([plane.first, plane.second])


@jax.jit
def random_planes() -> Float[Array, "planes 2 weights"]:
    """Directions of the random planes of page 05."""
    return jax.vmap(random_directions)(jax.random.split(jax.random.key(0), PLANES))


@eqx.filter_jit
def loop_picture(setting: LoopSetting, elsewhere: Float[Array, "planes 2 weights"]) -> LoopPicture:
    """Everything that page 05 shows for one setting, but its maps; `elsewhere` are the directions of the random planes.

    >>> picture = loop_picture(LoopSetting.of_circle(forward=20.0, surrogate=5.0, radius=1.8), random_planes())
    >>> print(round(float(picture.integral), 3), abs(float(picture.true_integral)) < 1e-4)
    -0.085 True
    """
    plane = _plane(setting)
    field, loop = weight_field(setting.forward, setting.surrogate), _loop(setting)

    def within(plane: Plane) -> Curve:
        return lambda angle: plane.point(*loop(angle))

    *fewer, once = loop_integrals(field, within(plane), (*COUNTS, POINTS))
    *true_fewer, true_once = loop_integrals(weight_field(setting.forward), within(plane), (*COUNTS, POINTS))
    cumulated = once.cumulated.reshape(SHOWN, -1)[:, -1]
    shown = jax.vmap(loop)(jnp.append(once.angles[:: POINTS // SHOWN], 2 * jnp.pi))
    outputs = jax.vmap(lambda place: network_output(setting.forward, plane.point(*place)))(shown)
    by_points, true_by_points = (jnp.stack([each.value for each in found]) for found in (fewer, true_fewer))
    around = jax.vmap(lambda pair: loop_integral(field, within(Plane(plane.origin, *pair)), FEWER).value)(elsewhere)

    def size(values):
        return jnp.log10(jnp.maximum(jnp.abs(values), SMALLEST))

    return LoopPicture(
        loop=shown,
        start=shown[0],
        along=outputs - outputs[0],
        change=outputs[-1] - outputs[0],
        cumulated=jnp.concatenate([jnp.zeros(1, cumulated.dtype), cumulated]),
        integral=once.value,
        true_integral=true_once.value,
        by_steepness=jax.vmap(
            lambda steepness: loop_integral(weight_field(setting.forward, steepness), within(plane), FEWER).value
        )(steepness_axis()),
        exponent=jnp.log2(setting.surrogate),
        by_points=by_points,
        true_by_points=true_by_points,
        size_by_points=size(by_points),
        true_size_by_points=size(true_by_points),
        elsewhere=jnp.sort(around),
        size_elsewhere=jnp.mean(jnp.abs(around)),
    )


@eqx.filter_jit
def loop_maps(setting: LoopSetting) -> LoopMaps:
    """The network's output over the plane of a setting, and the curl of its surrogate gradient; the loop does not count.

    >>> maps = loop_maps(LoopSetting.of_circle(forward=20.0, surrogate=20.0, radius=1.8))
    >>> bool(abs(maps.curl).max() < 1e-3)  # a true gradient has none
    True
    """
    plane, (xs, ys) = _plane(setting), map_axes()
    curl = curl_map(weight_field(setting.forward, setting.surrogate), plane, xs, ys)
    return LoopMaps(
        output=over_plane(lambda weights: network_output(setting.forward, weights), plane, xs, ys),
        curl=curl,
        bounded_curl=curl / (1 + jnp.abs(curl)),
    )


def _plane(setting: LoopSetting) -> Plane:
    origin = jnp.zeros(WEIGHTS, setting.directions.dtype)
    return _tilted(Plane(origin, *setting.directions), setting.first_tilt, setting.second_tilt)


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
    """The plane with its directions turned by two angles, towards a third and a fourth direction orthogonal to it."""
    given = jnp.concatenate([jnp.stack([plane.first, plane.second]), jnp.eye(WEIGHTS, dtype=plane.first.dtype)[:2]])
    basis, _ = jnp.linalg.qr(given.T)
    return Plane(
        plane.origin,
        jnp.cos(first) * plane.first + jnp.sin(first) * basis[:, 2],
        jnp.cos(second) * plane.second + jnp.sin(second) * basis[:, 3],
    )
