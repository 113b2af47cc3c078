"""What every surrogate derivative must do, over the registry; their areas; and the pairs that match."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory import surrogates as package
from sgtheory.escape import ALL_ESCAPES, ErrorFunction, FastSigmoid
from sgtheory.surrogates import (
    ALL_SURROGATES,
    AbstractSurrogate,
    ArctanDerivative,
    Boxcar,
    Gaussian,
    Identity,
    Matched,
    PiecewiseLinear,
    Rectifier,
    SigmoidDerivative,
    SuperSpike,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

STEEPNESS = 3.0
AREAS = [
    (SuperSpike(STEEPNESS), 2 / STEEPNESS),
    (SuperSpike(STEEPNESS, scaled=False), 2.0),
    (SigmoidDerivative(STEEPNESS), 1.0),
    (PiecewiseLinear(STEEPNESS), 1.0),
    (Boxcar(STEEPNESS), 1.0),
    (Gaussian(STEEPNESS), 1.0),
    (ArctanDerivative(STEEPNESS), 1.0),
    (Matched(ErrorFunction(STEEPNESS)), 1.0),
    (Identity(), np.inf),
    (Rectifier(), np.inf),
]
"""The areas under the curves as their docstrings state them."""

NEAR = jnp.linspace(-4.0, 4.0, 2001)
FAR = jnp.asarray(np.outer([-1.0, 1.0], np.logspace(0.0, 6.0, 100)).ravel())
DISTANCES = jnp.concatenate([NEAR, FAR])
"""Where two derivatives are compared: at threshold, around it, and a million away from it."""

every_surrogate = pytest.mark.parametrize("kind", ALL_SURROGATES.values(), ids=ALL_SURROGATES)
every_steep_surrogate = pytest.mark.parametrize(
    "kind",
    [kind for kind in ALL_SURROGATES.values() if "steepness" in {field.name for field in dataclasses.fields(kind)}],
)


def test_every_exported_surrogate_is_registered(exported_members):
    assert exported_members(package, AbstractSurrogate) == set(ALL_SURROGATES.values())


@every_surrogate
def test_derivative_is_finite_and_nowhere_negative(kind, build):
    magnitude = np.logspace(-3, 6, 91)
    values = build(kind).derivative(jnp.asarray(np.concatenate([-magnitude, [0.0], magnitude])))
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)


@every_surrogate
def test_derivative_is_even_or_vanishes_below_threshold_and_never_rises_away_from_it(kind, build):
    surrogate, distance = build(kind), jnp.linspace(0.0, 5.0, 501)[1:]
    above, below = surrogate.derivative(distance), surrogate.derivative(-distance)
    assert np.allclose(below, above, rtol=1e-14) or not np.any(below)
    assert np.all(np.diff(above) <= 0)
    assert np.all(np.diff(below) <= 0)
    assert above[0] > 0


@every_surrogate
@pytest.mark.parametrize("distance", [-1.3, 0.0, 0.1, 1, -2])
def test_a_python_number_is_a_distance(kind, build, distance):
    surrogate = build(kind)
    value, expected = surrogate.derivative(distance), surrogate.derivative(jnp.array(float(distance)))
    assert value.shape == ()
    assert value.dtype == expected.dtype
    np.testing.assert_allclose(value, expected, rtol=1e-15)


@every_surrogate
def test_compiled_and_mapped_values_are_those_of_a_loop(kind, build):
    function, distance = build(kind).derivative, jnp.linspace(-2.0, 2.0, 7)
    loop = jnp.stack([function(u) for u in distance])
    np.testing.assert_allclose(jax.jit(jax.vmap(function))(distance), loop, rtol=1e-14)


@every_surrogate
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_lower_precision_stays_what_it_is(kind, build, dtype):
    distance = jnp.linspace(-2.0, 2.0, 7, dtype=dtype)
    value, expected = build(kind).derivative(distance), build(kind).derivative(distance.astype(float))
    assert value.dtype == dtype
    np.testing.assert_allclose(value.astype(float), expected, rtol=2 * float(jnp.finfo(dtype).eps), atol=1e-6)


@every_surrogate
def test_a_changed_steepness_compiles_nothing(kind, build, traces):
    members = [build(kind, steepness) for steepness in (0.5, 1.0, 7.0)]
    assert traces("derivative", members, jnp.array([0.1, 0.2])) == 1


@every_steep_surrogate
@pytest.mark.parametrize("steepness", [0, -1.0, np.nan, np.inf])
def test_a_steepness_that_is_no_steepness_is_refused(kind, steepness):
    with pytest.raises(ValueError, match="`steepness` must be positive and finite, got"):
        kind(steepness=steepness)


@every_steep_surrogate
def test_several_steepnesses_at_once_are_refused(kind):
    with pytest.raises(ValueError, match=r"`steepness` must be one number, got .*jax.vmap"):
        kind(steepness=jnp.array([1.0, 2.0]))


@every_steep_surrogate
def test_it_is_built_inside_a_compiled_and_mapped_program(kind):
    steepness, distance = jnp.array([0.5, 1.0, 7.0]), jnp.array(0.1)
    mapped = jax.jit(jax.vmap(lambda beta: kind(steepness=beta).derivative(distance)))(steepness)
    loop = [kind(steepness=float(beta)).derivative(distance) for beta in steepness]
    np.testing.assert_allclose(mapped, loop, rtol=1e-14)


def test_every_surrogate_has_its_area_checked():
    assert {type(surrogate) for surrogate, _ in AREAS} == set(ALL_SURROGATES.values())


@pytest.mark.parametrize(("surrogate", "area"), AREAS, ids=lambda value: getattr(type(value), "__name__", ""))
def test_area_is_the_stated_one(surrogate, area):
    # u = tan(angle) carries the algebraic tails to a finite interval, on which the midpoint rule converges.
    angle = (np.arange(1_000_000) + 0.5) * (np.pi / 1_000_000) - np.pi / 2
    integral = np.pi * np.mean(surrogate.derivative(jnp.asarray(np.tan(angle))) / np.cos(angle) ** 2)
    # An infinite area shows as one that grows with the largest distance of the grid, here some 600,000.
    assert integral > 1e5 if np.isinf(area) else np.isclose(integral, area, rtol=1e-5)


def is_slope_of(escape, surrogate):
    """Whether the derivative is the slope of this noise to 1e-12 at all distances."""
    return np.allclose(surrogate.derivative(DISTANCES), escape.slope(DISTANCES), rtol=1e-12, atol=1e-12)


def registered_escapes(build, steepness):
    return [build(kind, steepness) for kind in ALL_ESCAPES.values()]


@every_surrogate
def test_it_is_the_slope_of_the_noise_it_matches_and_of_no_other_steepness(kind, build):
    surrogate = build(kind, STEEPNESS)
    noise = surrogate.matches()
    if noise is None:
        assert not any(is_slope_of(escape, surrogate) for escape in registered_escapes(build, STEEPNESS))
    else:
        assert is_slope_of(noise, surrogate)
        assert not is_slope_of(noise, build(kind, 1.01 * STEEPNESS))


def test_some_surrogates_match_a_noise_and_some_none(build):
    """Without this the test above could pass with one of its halves never run."""
    matching = [build(kind).matches() is not None for kind in ALL_SURROGATES.values()]
    assert any(matching)
    assert not all(matching)


@pytest.mark.parametrize("scaled", [True, False])
def test_super_spike_is_the_slope_of_no_noise(build, scaled):
    surrogate = SuperSpike(STEEPNESS, scaled=scaled)
    assert surrogate.matches() is None
    assert not any(is_slope_of(escape, surrogate) for escape in registered_escapes(build, STEEPNESS))


def test_super_spike_is_a_multiple_of_the_slope_of_the_fast_sigmoid():
    slope = FastSigmoid(STEEPNESS).slope(DISTANCES)
    for surrogate, factor in [(SuperSpike(STEEPNESS), 2 / STEEPNESS), (SuperSpike(STEEPNESS, scaled=False), 2.0)]:
        np.testing.assert_allclose(surrogate.derivative(DISTANCES), factor * slope, rtol=1e-14)
    assert is_slope_of(FastSigmoid(2.0), SuperSpike(2.0))


@every_surrogate
def test_the_noise_it_matches_is_known_while_its_steepness_is_traced(kind, build):
    def difference(steepness):
        surrogate = build(kind, steepness)
        noise = surrogate.matches()
        return jnp.zeros(()) if noise is None else surrogate.derivative(0.3) - noise.slope(jnp.array(0.3))

    np.testing.assert_allclose(jax.jit(jax.vmap(difference))(jnp.array([0.5, 3.0])), 0.0, atol=1e-12)


def test_scaling_divides_by_the_steepness():
    distance = jnp.linspace(-1.0, 1.0, 21)
    scaled, unscaled = SuperSpike(STEEPNESS), SuperSpike(STEEPNESS, scaled=False)
    np.testing.assert_allclose(STEEPNESS * scaled.derivative(distance), unscaled.derivative(distance), rtol=1e-15)
