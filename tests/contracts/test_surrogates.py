"""What every surrogate derivative must do, over the registry; their areas; and the pairs that match."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory import surrogates as package
from sgtheory.escape import Arctan, ErrorFunction, FastSigmoid, Sigmoid
from sgtheory.surrogates import (
    ALL_SURROGATES,
    AbstractSurrogate,
    ArctanDerivative,
    Boxcar,
    Gaussian,
    Identity,
    Matched,
    PiecewiseLinear,
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
]
"""The areas under the curves as their docstrings state them."""

PAIRS = [
    (Sigmoid(STEEPNESS), SigmoidDerivative(STEEPNESS), 1.0),
    (ErrorFunction(STEEPNESS), Gaussian(STEEPNESS), 1.0),
    (Arctan(STEEPNESS), ArctanDerivative(STEEPNESS), 1.0),
    (FastSigmoid(STEEPNESS), SuperSpike(STEEPNESS, scaled=False), 0.5),
]
"""An escape function, the surrogate that matches it, and the factor between the two."""

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
def test_derivative_is_even_and_highest_at_threshold(kind, build):
    surrogate, distance = build(kind), jnp.linspace(0.0, 5.0, 501)
    values = surrogate.derivative(distance)
    np.testing.assert_allclose(surrogate.derivative(-distance), values, rtol=1e-14)
    assert np.all(np.diff(values) <= 0)


@every_surrogate
def test_compiled_and_mapped_values_are_those_of_a_loop(kind, build):
    function, distance = build(kind).derivative, jnp.linspace(-2.0, 2.0, 7)
    loop = jnp.stack([function(u) for u in distance])
    np.testing.assert_allclose(jax.jit(jax.vmap(function))(distance), loop, rtol=1e-14)


@every_surrogate
def test_single_precision_stays_single_precision(kind, build):
    assert build(kind).derivative(jnp.linspace(-2.0, 2.0, 7, dtype=jnp.float32)).dtype == jnp.float32


@every_surrogate
def test_a_changed_steepness_compiles_nothing(kind, build, traces):
    members = [build(kind, steepness) for steepness in (0.5, 1.0, 7.0)]
    assert traces("derivative", members, jnp.array([0.1, 0.2])) == 1


@every_steep_surrogate
@pytest.mark.parametrize("steepness", [0, -1.0, np.nan, np.inf])
def test_a_steepness_that_is_no_steepness_is_refused(kind, steepness):
    with pytest.raises(ValueError, match="`steepness` must be positive and finite, got"):
        kind(steepness=steepness)


def test_every_surrogate_has_its_area_checked():
    assert {type(surrogate) for surrogate, _ in AREAS} == set(ALL_SURROGATES.values())


@pytest.mark.parametrize(("surrogate", "area"), AREAS, ids=lambda value: getattr(type(value), "__name__", ""))
def test_area_is_the_stated_one(surrogate, area):
    # u = tan(angle) carries the algebraic tails to a finite interval, on which the midpoint rule converges.
    angle = (np.arange(1_000_000) + 0.5) * (np.pi / 1_000_000) - np.pi / 2
    integral = np.pi * np.mean(surrogate.derivative(jnp.asarray(np.tan(angle))) / np.cos(angle) ** 2)
    # An infinite area shows as one that grows with the largest distance of the grid, here some 600,000.
    assert integral > 1e5 if np.isinf(area) else np.isclose(integral, area, rtol=1e-5)


@pytest.mark.parametrize(("escape", "surrogate", "factor"), PAIRS, ids=lambda value: type(value).__name__)
def test_matched_pairs_match(escape, surrogate, factor):
    distance = jnp.linspace(-4.0, 4.0, 401)
    matched = Matched(escape).derivative(distance)
    np.testing.assert_allclose(matched, factor * surrogate.derivative(distance), rtol=1e-14, atol=1e-14)


def test_scaling_divides_by_the_steepness():
    distance = jnp.linspace(-1.0, 1.0, 21)
    scaled, unscaled = SuperSpike(STEEPNESS), SuperSpike(STEEPNESS, scaled=False)
    np.testing.assert_allclose(STEEPNESS * scaled.derivative(distance), unscaled.derivative(distance), rtol=1e-15)
