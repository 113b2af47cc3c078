"""The digits of the escape functions, up to ten thousand widths of the noise from threshold, against mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from sgtheory.escape import Arctan, ErrorFunction, ExponentialHazard, FastSigmoid, Sigmoid

pytestmark = pytest.mark.usefixtures("quick_compilation")

METHODS = (
    *("probability", "slope", "log_probability", "log_silence"),
    *("slope_over_probability", "slope_over_silence"),
)
MAGNITUDES = np.geomspace(1e-3, 1e4, 57)
WIDTHS = np.concatenate([-MAGNITUDES[::-1], [0.0], MAGNITUDES])


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(50):
        yield


def symmetric(tail, density):
    """Probabilities of a spike and of silence, and the slope, at a scaled distance; from the tail above a magnitude."""

    def reference(x):
        rare = tail(abs(x))
        spike, silence = (1 - rare, rare) if x > 0 else (rare, 1 - rare)
        return spike, silence, density(x)

    return reference


def hazard(x):
    """Further below threshold than it needs to be told: there p is the hazard to all digits."""
    rate = mpmath.exp(x)
    return -mpmath.expm1(-rate), mpmath.exp(-rate), rate * mpmath.exp(-rate)


REFERENCES = {
    Sigmoid: symmetric(lambda z: mpmath.exp(-z) / (1 + mpmath.exp(-z)), lambda x: 1 / (2 * mpmath.cosh(x / 2)) ** 2),
    ErrorFunction: symmetric(lambda z: mpmath.erfc(z / mpmath.sqrt(2)) / 2, mpmath.npdf),
    FastSigmoid: symmetric(lambda z: 1 / (1 + z) / 2, lambda x: 1 / (1 + abs(x)) ** 2 / 2),
    Arctan: symmetric(
        lambda z: mpmath.atan2(1, mpmath.pi * z / 2) / mpmath.pi, lambda x: 1 / (1 + (mpmath.pi * x / 2) ** 2) / 2
    ),
    ExponentialHazard: hazard,
}
"""In units of the width: of the distance times the steepness."""


def truth(reference, x, steepness):
    """What every method should say."""
    spike, silence, density = reference(x)
    return {
        "probability": spike,
        "slope": steepness * density,
        "log_probability": mpmath.log1p(-silence) if silence < 0.5 else mpmath.log(spike),
        "log_silence": mpmath.log1p(-spike) if spike < 0.5 else mpmath.log(silence),
        "slope_over_probability": steepness * (density / spike),
        "slope_over_silence": steepness * (density / silence),
    }


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("steepness", [2.0, 20.0])
# Of a double, XLA's log1p has 76 units in the last place too many or too few.
@pytest.mark.parametrize(("dtype", "units"), [(np.float64, 100), (np.float32, 8)])
def test_every_digit_is_right_as_far_as_the_distance_is_exact(kind, steepness, dtype, units):
    escape, distances, limits = kind(steepness), (WIDTHS / steepness).astype(dtype), np.finfo(dtype)
    said = jax.jit(lambda u: {method: getattr(escape, method)(u) for method in METHODS})(jnp.asarray(distances))
    checked = 0
    for index, distance in enumerate(distances):
        x = mpmath.mpf(float(distance)) * steepness
        if kind is ExponentialHazard and x > 80:
            continue  # silence is impossible, and said to be
        # The relative change of the result over that of the distance, which is known to one rounding.
        nudge = mpmath.mpf("1e-20")
        nudged = truth(REFERENCES[kind], x * (1 + nudge), steepness)
        for method, expected in truth(REFERENCES[kind], x, steepness).items():
            if steepness * limits.tiny < abs(expected) < limits.max:
                condition = abs(nudged[method] / expected - 1) / nudge
                error = abs(mpmath.mpf(float(said[method][index])) / expected - 1)
                assert error < units * limits.eps * (1 + condition), (method, float(x))
                checked += 1
    assert checked > 300


@pytest.mark.parametrize(
    ("steepness", "distance", "expected"), [(20.0, -1e3, 400000.001), (2.0, -1e3, 4000.001), (2.0, -10.0, 40.09950)]
)
def test_the_error_functions_ratio_of_single_precision_is_right_far_below_threshold(steepness, distance, expected):
    ratio = ErrorFunction(steepness).slope_over_probability(jnp.array(distance, dtype=jnp.float32))
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-12), (jnp.float32, 1e-5)])
def test_the_error_functions_second_derivatives_are_right(dtype, tolerance):
    # With r = φ/Φ: (log Φ)'' = −r (x + r), in which almost all digits cancel far below threshold.
    places, escape = (-1e4, -300.0, -12.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 8.0), ErrorFunction(1.0)

    @jax.jit
    @jax.vmap
    def second(distance):
        return [jax.grad(jax.grad(function))(distance) for function in (escape.log_probability, escape.probability)]

    scores = [mpmath.npdf(x) / mpmath.ncdf(x) for x in places]
    logarithms = [float(-score * (x + score)) for x, score in zip(places, scores, strict=True)]
    probabilities = [float(-x * mpmath.npdf(x)) for x in places]
    for values, expected in zip(second(jnp.array(places, dtype=dtype)), (logarithms, probabilities), strict=True):
        np.testing.assert_allclose(values, expected, rtol=tolerance, atol=1e-30)
