"""When does a surrogate gradient point the wrong way? A differentiable network in which one can say exactly.

The network of Gygax & Zenke (2025), Eq. 7, with the weights (w, v1, v2, u1, u2) and the input 1. By Eq. 9 its derivative
by w is a bracket of two terms times factors that are never negative: only the bracket can change the sign, and the
surrogate steepness changes the balance of its terms. Everything is traced, and `jax.vmap` over a setting sweeps it.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from sgtheory._arrays import Array, Float, Scalar
from sgtheory.experiments.loop_integral import network_output, sigmoid, weight_field
from sgtheory.gradients.fields import Plane, staircase_integrals

TABLE_1 = {"w": 0.0, "v1": 0.05, "v2": 0.1, "u1": 1.0, "u2": -1.0, "forward": 100.0, "surrogate": 25.0}
"""Where the sign flips."""
HALF_RANGE, POINTS, FINE_POINTS = 0.2, 161, 4001
"""Of w: what is shown, and on how many points the share of wrong signs is counted."""
MAP_FORWARD, MAP_HALF, MAP_POINTS = 20.0, 2.0, 41
"""Of the maps over (v1, v2), at w = u1 = 1 and u2 = -1."""


class SignFlipSetting(eqx.Module):
    r"""Five weights and three steepnesses.

    `w`, `v1`, `v2`, `u1`, `u2`; `forward` $\beta_f$ of the units; `surrogate` $\beta_{SG}$ of the way back; and
    `map_surrogate`, that of the maps, whose network has other weights and the steepness 20.
    """

    w: Float[Array, "..."]
    v1: Float[Array, "..."]
    v2: Float[Array, "..."]
    u1: Float[Array, "..."]
    u2: Float[Array, "..."]
    forward: Float[Array, "..."]
    surrogate: Float[Array, "..."]
    map_surrogate: Float[Array, "..."]


class Bracket(eqx.Module):
    r"""The two terms $u_k v_k \sigma'(v_k g)$ of the bracket of Eq. 9."""

    first: Float[Array, "..."]
    second: Float[Array, "..."]

    @property
    def total(self) -> Float[Array, "..."]:
        return self.first + self.second


class SignFlipPicture(eqx.Module):
    """What page 04 shows, over the values of `weight_axis()`.

    `output`; `gradient` and `surrogate`, of the output by w; their brackets, `true_bracket` and `surrogate_bracket`; the
    same at the chosen w, `at_weight`; `share` of the range in which the signs differ; `across_first` and `upward_first`,
    the surrogate gradient integrated over the map, along v1 and then v2, and along v2 and then v1.
    """

    output: Float[Array, "..."]
    gradient: Float[Array, "..."]
    surrogate: Float[Array, "..."]
    true_bracket: Bracket
    surrogate_bracket: Bracket
    at_weight: Float[Array, "..."]
    share: Float[Array, "..."]
    across_first: Float[Array, "..."]
    upward_first: Float[Array, "..."]


def weight_axis(points: int = POINTS) -> Float[Array, " points"]:
    """The values of w."""
    return jnp.linspace(-HALF_RANGE, HALF_RANGE, points)


def map_axis() -> Float[Array, " points"]:
    """The values of v1 and of v2."""
    return jnp.linspace(-MAP_HALF, MAP_HALF, MAP_POINTS)


def bracket(setting: SignFlipSetting, w: Float[Array, "..."], steepness: Scalar) -> Bracket:
    """The bracket of Eq. 9 with slopes of this steepness, on the way back of a network that stays as it is."""

    g, slope = sigmoid(setting.forward).probability(w), sigmoid(steepness).slope
    return Bracket(setting.u1 * setting.v1 * slope(setting.v1 * g), setting.u2 * setting.v2 * slope(setting.v2 * g))


@eqx.filter_jit
def sign_flip(setting: SignFlipSetting) -> SignFlipPicture:
    """Everything that page 04 shows, for one setting.

    >>> import jax.numpy as jnp
    >>> numbers = {name: jnp.asarray(number) for name, number in TABLE_1.items()}
    >>> picture = sign_flip(SignFlipSetting(**numbers, map_surrogate=jnp.asarray(4.0)))
    >>> print([round(float(number), 2) for number in picture.at_weight[1:3]], round(float(picture.share), 3))
    [0.7, -2.98] 0.076
    """
    others = jnp.stack([setting.v1, setting.v2, setting.u1, setting.u2])

    def at(w):
        return jnp.concatenate([w[None], others])

    def derivative(surrogate):
        return jax.vmap(lambda w: weight_field(setting.forward, surrogate)(at(w))[0])

    ws = weight_axis()
    axes = jnp.eye(5, dtype=others.dtype)
    plane = Plane(jnp.array([1.0, 0.0, 0.0, 1.0, -1.0]), axes[1], axes[2])
    field = weight_field(jnp.asarray(MAP_FORWARD, others.dtype), setting.map_surrogate)
    across_first, upward_first = staircase_integrals(field, plane, map_axis(), map_axis())
    fine = weight_axis(FINE_POINTS)
    # The other factors are positive, if too small to be told from 0 here and there.
    signs = [jnp.sign(bracket(setting, fine, each).total) for each in (setting.forward, setting.surrogate)]
    here = setting.w[None]
    return SignFlipPicture(
        output=jax.vmap(lambda w: network_output(setting.forward, at(w)))(ws),
        gradient=derivative(None)(ws),
        surrogate=derivative(setting.surrogate)(ws),
        true_bracket=bracket(setting, ws, setting.forward),
        surrogate_bracket=bracket(setting, ws, setting.surrogate),
        at_weight=jnp.concatenate([
            network_output(setting.forward, at(setting.w))[None], derivative(None)(here), derivative(setting.surrogate)(here),
            bracket(setting, here, setting.forward).total, bracket(setting, here, setting.surrogate).total,
        ]),
        share=jnp.mean(signs[0] != signs[1], dtype=ws.dtype),
        across_first=across_first,
        upward_first=upward_first,
    )  # fmt: skip
