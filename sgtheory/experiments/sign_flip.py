"""When does a surrogate gradient point the wrong way? A differentiable network in which one can say exactly.

The network is that of Gygax & Zenke (2025), Eq. 7 (`_five_weights`). By Eq. 9 its derivative with respect to w is a
bracket of two terms times factors that are never negative: only the bracket can change the sign, and the surrogate
steepness changes the balance of its terms. Everything is traced, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Bool, Float, Scalar
from sgtheory.escape import Sigmoid
from sgtheory.experiments._five_weights import WEIGHTS, network_output, weight_field
from sgtheory.gradients.fields import Plane, staircase_integrals

TABLE_1 = {"w": 0.0, "v1": 0.05, "v2": 0.1, "u1": 1.0, "u2": -1.0, "forward": 100.0, "surrogate": 25.0}
"""Where the sign flips."""
HALF_RANGE, POINTS, FINE_POINTS = 0.2, 161, 4001
"""Of w: what is shown, and on how many points the share of wrong signs is counted."""
MAP_FORWARD, MAP_HALF, MAP_POINTS = 20.0, 2.0, 101
"""Of the maps over (v1, v2), at w = u1 = 1 and u2 = -1."""


class SignFlipSetting(eqx.Module):
    """Five weights and three steepnesses."""

    w: Scalar
    """Weight from the input to the first unit: where the derivatives are read off."""
    v1: Scalar
    """Weight from the first unit to the first of the two."""
    v2: Scalar
    """Weight from the first unit to the second of the two."""
    u1: Scalar
    """Weight from the first of the two units to the output."""
    u2: Scalar
    """Weight from the second of the two units to the output."""
    forward: Scalar
    r"""Steepness $\beta_f$ of the units."""
    surrogate: Scalar
    r"""Steepness $\beta_{SG}$ of the surrogate derivative, in the backward pass."""


class Bracket(eqx.Module):
    r"""The two terms $u_k v_k \sigma'(v_k g)$ of the bracket of Eq. 9, at one w or at several."""

    first: Float[Array, "*points"]
    """The term of the first of the two units."""
    second: Float[Array, "*points"]
    """The term of the second unit."""

    @property
    def total(self) -> Float[Array, "*points"]:
        """Their sum, which has the sign of the derivative."""
        return self.first + self.second


class AtWeight(eqx.Module):
    """What is read off at the chosen w."""

    output: Scalar
    """Output of the network."""
    gradient: Scalar
    """Derivative of the output with respect to w."""
    surrogate: Scalar
    """The same component of the surrogate gradient."""
    true_bracket: Scalar
    """The bracket of Eq. 9 in the true derivative."""
    surrogate_bracket: Scalar
    """The bracket of Eq. 9 in the surrogate gradient."""


class SignFlipPicture(eqx.Module):
    """What page 04 shows. The points are the values of w from `weight_axis()`."""

    output: Float[Array, " points"]
    """Output of the network over w."""
    gradient: Float[Array, " points"]
    """Derivative of the output with respect to w."""
    surrogate: Float[Array, " points"]
    """The same component of the surrogate gradient."""
    true_bracket: Bracket
    """The bracket of Eq. 9 in the true derivative, one entry a point."""
    surrogate_bracket: Bracket
    """The bracket of Eq. 9 in the surrogate gradient, one entry a point."""
    at_weight: AtWeight
    """The same five numbers at the chosen w."""
    wrong: Bool[Array, " points"]
    """Where the two have different signs."""
    share: Scalar
    """Share of the range in which they have, counted on `FINE_POINTS` values of w."""


class SignFlipMaps(eqx.Module):
    """The maps of page 04, of a network with other weights and the steepness `MAP_FORWARD`."""

    across_first: Float[Array, "v2 v1"]
    """The surrogate gradient integrated over the map, along v1 and then v2, in units of `largest`; on the grid of `map_axis()`."""
    upward_first: Float[Array, "v2 v1"]
    """The same along v2 and then v1."""
    largest: Scalar
    """The largest size of the two integrals on the map."""
    difference: Scalar
    """The largest difference between the two."""


def weight_axis(points: int = POINTS) -> Float[Array, " points"]:
    """The values of w."""
    return jnp.linspace(-HALF_RANGE, HALF_RANGE, points)


def map_axis() -> Float[Array, " points"]:
    """The values of v1 and of v2."""
    return jnp.linspace(-MAP_HALF, MAP_HALF, MAP_POINTS)


def bracket(setting: SignFlipSetting, w: Float[Array, "*points"], steepness: Scalar) -> Bracket:
    """The bracket of Eq. 9 with slopes of this steepness; the forward pass remains that of the setting.

    >>> import jax.numpy as jnp
    >>> numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
    >>> setting = SignFlipSetting(**numbers)
    >>> print([round(float(bracket(setting, setting.w, jnp.asarray(steepness)).total), 3) for steepness in (100.0, 25.0)])
    [0.284, -0.149]
    """
    g, slope = Sigmoid(setting.forward).probability(w), Sigmoid(steepness).slope
    return Bracket(setting.u1 * setting.v1 * slope(setting.v1 * g), setting.u2 * setting.v2 * slope(setting.v2 * g))


@eqx.filter_jit
def sign_flip(setting: SignFlipSetting) -> SignFlipPicture:
    """Everything that page 04 shows for one setting, but its maps.

    >>> import jax.numpy as jnp
    >>> numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
    >>> picture = sign_flip(SignFlipSetting(**numbers))
    >>> here = picture.at_weight
    >>> print(round(float(here.gradient), 2), round(float(here.surrogate), 2), round(float(picture.share), 3))
    0.7 -2.98 0.076
    """
    others = jnp.stack([setting.v1, setting.v2, setting.u1, setting.u2])

    def at(w):
        return jnp.concatenate([w[None], others])

    def derivative(w, surrogate=None):
        return weight_field(setting.forward, surrogate)(at(w))[0]

    ws = weight_axis()
    true, surrogate = (bracket(setting, ws, steepness) for steepness in (setting.forward, setting.surrogate))
    fine = weight_axis(FINE_POINTS)
    # The other factors are positive, though here and there too small to be distinguished from 0.
    signs = [jnp.sign(bracket(setting, fine, each).total) for each in (setting.forward, setting.surrogate)]
    return SignFlipPicture(
        output=jax.vmap(lambda w: network_output(setting.forward, at(w)))(ws),
        gradient=jax.vmap(derivative)(ws),
        surrogate=jax.vmap(lambda w: derivative(w, setting.surrogate))(ws),
        true_bracket=true,
        surrogate_bracket=surrogate,
        at_weight=AtWeight(
            output=network_output(setting.forward, at(setting.w)),
            gradient=derivative(setting.w),
            surrogate=derivative(setting.w, setting.surrogate),
            true_bracket=bracket(setting, setting.w, setting.forward).total,
            surrogate_bracket=bracket(setting, setting.w, setting.surrogate).total,
        ),
        share=jnp.mean(signs[0] != signs[1], dtype=ws.dtype),
        wrong=jnp.sign(true.total) != jnp.sign(surrogate.total),
    )


@eqx.filter_jit
def sign_flip_maps(surrogate: Scalar) -> SignFlipMaps:
    """The surrogate gradient of this steepness, integrated over (v1, v2) in two ways.

    >>> import jax.numpy as jnp
    >>> maps = sign_flip_maps(jnp.asarray(20.0))  # its own slope: then both ways agree
    >>> bool(maps.difference < 0.01 * maps.largest)
    True
    """
    axes = jnp.eye(WEIGHTS, dtype=surrogate.dtype)
    plane = Plane(jnp.array([1.0, 0.0, 0.0, 1.0, -1.0]), axes[1], axes[2])
    field = weight_field(jnp.asarray(MAP_FORWARD, surrogate.dtype), surrogate)
    across_first, upward_first = staircase_integrals(field, plane, map_axis(), map_axis())
    largest = jnp.maximum(jnp.max(jnp.abs(across_first)), jnp.max(jnp.abs(upward_first)))
    return SignFlipMaps(
        across_first=across_first / largest,
        upward_first=upward_first / largest,
        largest=largest,
        difference=jnp.max(jnp.abs(across_first - upward_first)),
    )
