"""Typed escape functions: the formulas that are read equal NumPy's, and nothing else is read."""

import dataclasses
import functools
import math
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable

import equinox as eqx
import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory._checks import guarded
from sgtheory.escape import Custom, Sigmoid
from sgtheory.expressions import Expression, ExpressionError, check_escape, expression

BETA = 1.7
DISTANCES = np.linspace(-3.0, 3.0, 25)
LAPLACE = "where(u < 0, 0.5*exp(beta*u), 1 - 0.5*exp(-beta*u))"


def logistic(u: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-BETA * u))


def logistic_slope(u: np.ndarray) -> np.ndarray:
    return BETA * logistic(u) * (1 - logistic(u))


def sech_squared(u: np.ndarray) -> np.ndarray:
    return 1 / np.cosh(u) ** 2


# text, value, derivative with respect to u
ESCAPE_FUNCTIONS: list[tuple[str, Callable, Callable]] = [
    ("1/(1+exp(-beta*u))", logistic, logistic_slope),
    ("sigmoid(beta*u)", logistic, logistic_slope),
    ("1/(1 + e**(-beta*u))", logistic, logistic_slope),
    ("1/(1 + e^-(beta*u))", logistic, logistic_slope),
    ("  exp(beta*u)/(1+exp(beta*u)) \n", logistic, logistic_slope),
    (
        "1/(1 + 2^(-beta*u))",
        lambda u: 1 / (1 + 2 ** (-BETA * u)),
        lambda u: math.log(2) * BETA * 2 ** (-BETA * u) / (1 + 2 ** (-BETA * u)) ** 2,
    ),
    ("1/(1+exp(-beta*u))**2", lambda u: logistic(u) ** 2, lambda u: 2 * logistic(u) * logistic_slope(u)),
    ("(1+tanh(beta*u))/2", lambda u: (1 + np.tanh(BETA * u)) / 2, lambda u: BETA * sech_squared(BETA * u) / 2),
    (
        "sinh(u)/(2*cosh(u)) + .5",
        lambda u: np.sinh(u) / (2 * np.cosh(u)) + 0.5,
        lambda u: sech_squared(u) / 2,
    ),
    (
        "0.5 + atan(pi*beta*u/2)/pi",
        lambda u: 0.5 + np.arctan(np.pi * BETA * u / 2) / np.pi,
        lambda u: BETA / 2 / (1 + (np.pi * BETA * u / 2) ** 2),
    ),
    (
        "0.5 + arctan(u)/pi",
        lambda u: 0.5 + np.arctan(u) / np.pi,
        lambda u: 1 / (1 + u**2) / np.pi,
    ),
    (
        "(1 + erf(beta*u/sqrt(2)))/2",
        lambda u: np.vectorize(lambda x: (1 + math.erf(BETA * x / math.sqrt(2))) / 2)(u),
        lambda u: BETA * np.exp(-((BETA * u) ** 2) / 2) / math.sqrt(2 * math.pi),
    ),
    (
        LAPLACE,
        lambda u: np.where(u < 0, 0.5 * np.exp(BETA * u), 1 - 0.5 * np.exp(-BETA * u)),
        lambda u: 0.5 * BETA * np.exp(-BETA * np.abs(u)),
    ),
    (
        "where(u <= 0, exp(beta*u)/2, 0.5 - expm1(-beta*u)/2)",
        lambda u: np.where(u <= 0, np.exp(BETA * u) / 2, 0.5 - np.expm1(-BETA * u) / 2),
        lambda u: 0.5 * BETA * np.exp(-BETA * np.abs(u)),
    ),
    (
        "where(u > 0, 1 - exp(-(u^2)), 0)",
        lambda u: np.where(u > 0, -np.expm1(-(u**2)), 0),
        lambda u: np.where(u > 0, 2 * u * np.exp(-(u**2)), 0),
    ),
    (
        "where(u >= -1, 1 - 1/(2 + u), 0)",
        lambda u: np.where(u >= -1, 1 - 1 / np.where(u >= -1, 2 + u, 1), 0),
        lambda u: np.where(u >= -1, 1 / np.where(u >= -1, 2 + u, 1) ** 2, 0),
    ),
    (
        "min(max(0.5+beta*u, 0), 1)",
        lambda u: np.clip(0.5 + BETA * u, 0, 1),
        lambda u: np.where(np.abs(BETA * u) < 0.5, BETA, 0),
    ),
    (
        "min(1, 2, max(0, -1, 0.5+u/4.1))",
        lambda u: np.clip(0.5 + u / 4.1, 0, 1),
        lambda u: np.where(np.abs(u) < 2.05, 1 / 4.1, 0),
    ),
    (
        "(1 + beta*u/(1+abs(beta*u)))/2",
        lambda u: (1 + BETA * u / (1 + np.abs(BETA * u))) / 2,
        lambda u: BETA / 2 / (1 + np.abs(BETA * u)) ** 2,
    ),
    ("(1 + sign(u))/2", lambda u: (1 + np.sign(u)) / 2, np.zeros_like),
    (
        "1 - exp(-softplus(beta*u))",
        lambda u: 1 - np.exp(-np.logaddexp(0, BETA * u)),
        lambda u: np.exp(-np.logaddexp(0, BETA * u)) * logistic(u) * BETA,
    ),
    (
        "log(1 + exp(u))/(4 + log1p(1))",
        lambda u: np.log(1 + np.exp(u)) / (4 + np.log1p(1)),
        lambda u: 1 / (1 + np.exp(-u)) / (4 + np.log1p(1)),
    ),
    ("- -u/6 + +3e0/6", lambda u: u / 6 + 0.5, lambda u: np.full_like(u, 1 / 6)),
    ("1.*(-u**2 + 2*u**3)", lambda u: -(u**2) + 2 * u**3, lambda u: -2 * u + 6 * u**2),
]


@functools.cache
def values_and_slopes() -> dict[str, tuple[jax.Array, jax.Array]]:
    """Those of all formulas, in one compiled program: compiling them one by one takes three times as long."""

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None))
    def evaluate(distance: jax.Array, steepness: float) -> dict[str, tuple[jax.Array, jax.Array]]:
        return {text: jax.value_and_grad(expression(text))(distance, steepness) for text, _, _ in ESCAPE_FUNCTIONS}

    return evaluate(jnp.asarray(DISTANCES), BETA)


@pytest.mark.parametrize(("text", "value", "slope"), ESCAPE_FUNCTIONS, ids=[text for text, _, _ in ESCAPE_FUNCTIONS])
def test_value_and_derivative_equal_the_closed_form(text: str, value: Callable, slope: Callable):
    probabilities, slopes = values_and_slopes()[text]
    np.testing.assert_allclose(probabilities, value(DISTANCES), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(slopes, slope(DISTANCES), rtol=1e-12, atol=1e-12)


def test_a_caret_binds_as_a_power_and_not_as_in_python():
    p = jax.jit(expression("1 + 2*u^2^0.5 - -u^2"))
    assert float(p(jnp.array(3.0), 1.0)) == pytest.approx(1 + 2 * 3 ** (2**0.5) + 9, abs=1e-12)


# --- derivatives that overflow or divide by zero in the branch that is not taken -------------------------------------

SAFE_FAR_AWAY = [
    LAPLACE,
    "1/(1+exp(-beta*u))",
    "1/(1+exp(-beta*u))**2",
    "1/(1+2**(-beta*u))",
    "exp(beta*u)/(1+exp(beta*u))",
    "(1 + sinh(beta*u)/cosh(beta*u))/2",
    "where(u > 0, 1 - exp(-sqrt(u)), 0)",
    "where(u > 0, exp(-1/(beta*u)), 0)",
    "where(u < 0, 0, where(u < 1, u^1.5, 1 + 0*log(u)))",
]


FAR_AWAY = [-1000.0, -400.0, -90.0, -1.0, 1.5, 90.0, 400.0, 1000.0]


@functools.cache
def slopes_far_away(dtype: str) -> dict[str, tuple[jax.Array, jax.Array]]:
    """The derivatives of every such formula with respect to u and to the steepness."""

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None))
    def evaluate(distance: jax.Array, steepness: jax.Array) -> dict[str, tuple[jax.Array, jax.Array]]:
        return {text: jax.grad(expression(text), argnums=(0, 1))(distance, steepness) for text in SAFE_FAR_AWAY}

    return evaluate(jnp.array(FAR_AWAY, dtype=dtype), jnp.array(1.0, dtype=dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("text", SAFE_FAR_AWAY)
def test_far_from_threshold_derivatives_are_numbers(text: str, dtype: str):
    slope, slope_in_steepness = slopes_far_away(dtype)[text]
    assert slope.dtype == dtype
    assert np.all(np.isfinite(slope))
    assert np.all(np.isfinite(slope_in_steepness))
    assert np.all(np.asarray(slope) >= 0)


@pytest.mark.parametrize("text", [LAPLACE, "where(u > 0, 1 - exp(-sqrt(u)), 0)"])
def test_far_from_threshold_second_derivatives_are_numbers(text: str):
    curvature = jax.grad(jax.grad(expression(text)))
    assert np.all(np.isfinite(jax.jit(jax.vmap(curvature, in_axes=(0, None)))(jnp.array(FAR_AWAY), 1.0)))


def test_a_where_branch_with_an_infinite_derivative_leaves_the_other_exact():
    p = expression("where(u > 0, 1 - exp(-sqrt(u)), 0)")
    slopes = jax.jit(jax.vmap(jax.grad(p), in_axes=(0, None)))(jnp.array([0.0, 4.0]), 1.0)
    np.testing.assert_allclose(slopes, [0.0, math.exp(-2) / 4], rtol=1e-12)


def test_plain_reverse_mode_would_give_nan():
    """Without this the two tests above could pass for a reason that is not the one in the docstring."""
    assert math.isnan(jax.jit(jax.grad(lambda u: jnp.where(u > 0, 1 - jnp.exp(-jnp.sqrt(u)), 0.0)))(-1.0))
    assert math.isnan(jax.jit(jax.grad(lambda u: 1 / (1 + jnp.exp(-u))))(-1000.0))


def test_the_second_and_third_derivative_equal_the_closed_form():
    p, u, q = expression("1/(1+exp(-beta*u))"), jnp.array(0.3), logistic(np.array(0.3))
    second = jax.grad(jax.grad(p))
    third = jax.jit(jax.grad(second))
    assert float(jax.jit(second)(u, BETA)) == pytest.approx(BETA**2 * q * (1 - q) * (1 - 2 * q), abs=1e-12)
    assert float(third(u, BETA)) == pytest.approx(BETA**3 * q * (1 - q) * (1 - 6 * q + 6 * q**2), abs=1e-12)


def test_the_derivative_with_respect_to_the_steepness_equals_the_closed_form_and_sums_over_distances():
    p = expression("sigmoid(beta*u)")
    gradient = jax.jit(jax.grad(lambda beta: jnp.sum(p(jnp.asarray(DISTANCES) + 0.1, beta))))(BETA)
    expected = np.sum((DISTANCES + 0.1) * logistic_slope(DISTANCES + 0.1) / BETA)
    assert float(gradient) == pytest.approx(expected, rel=1e-12)


def test_a_derivative_that_is_not_asked_for_does_not_spoil_the_other():
    p = expression("u**beta")
    for derivative in (jax.grad(p), jax.jacfwd(p)):
        assert float(jax.jit(derivative)(jnp.array(-3.0), 2.0)) == -6.0
    assert math.isnan(jax.jit(jax.grad(p, argnums=1))(jnp.array(-3.0), 2.0))


def test_the_limits_named_in_the_docstring_are_as_stated():
    expected = {"abs(u)": 0.0, "sign(u)": 0.0, "max(u, 0)": 0.5, "min(u, 0)": 0.5}
    expected |= {"sqrt(u)": math.inf, "log(u)": math.inf, "sqrt(u**2)": math.nan}
    slopes = jax.jit(lambda u: {text: jax.grad(expression(text))(u, 1.0) for text in expected})(jnp.array(0.0))
    np.testing.assert_equal({text: float(slope) for text, slope in slopes.items()}, expected)
    assert float(expression("exp(u)")(jnp.array(1e9), 1.0)) == pytest.approx(1.34e154, rel=1e-2)


# --- shapes, dtypes, identity ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "dtype"), [((), jnp.float64), ((0,), jnp.float64), ((2, 3), jnp.float32)])
@pytest.mark.parametrize("text", ["0.5", "beta", "9**9**9**9", "sigmoid(beta*u)", "max(0, 1)", "where(pi < e, u, 1)"])
def test_the_result_has_the_shape_and_dtype_of_the_distances(text: str, shape: tuple[int, ...], dtype):
    steepness = jnp.array(2.0, dtype=jnp.float32)
    result = jax.eval_shape(expression(text), jnp.zeros(shape, dtype=dtype), steepness)
    assert result.shape == shape
    assert result.dtype == dtype


@pytest.mark.parametrize("distance", [1j, jnp.array([1j]), "u", None, True])
def test_distances_that_are_no_real_numbers_are_refused(annotations_off, distance):
    with pytest.raises(TypeError, match="`distance` must be a number"):
        expression("u")(distance, 1.0)


@pytest.mark.parametrize("distance", [2, 2.0, np.float64(2.0), np.array(2.0), jnp.array(2)])
def test_numbers_and_arrays_of_numpy_are_distances(distance):
    value = expression("u**2/beta")(distance, 4.0)
    assert value.dtype == jnp.float64
    assert float(value) == 1.0


def test_arrays_of_numpy_keep_their_dtype():
    assert expression("u")(np.zeros(2, dtype=np.float32), 1.0).dtype == jnp.float32


def test_an_expression_is_a_value_known_by_its_text():
    p, q = expression(" u + 1 "), Expression("u + 1")
    assert p == q
    assert hash(p) == hash(q)
    assert p.text == "u + 1"
    assert p != expression("u+1")
    assert pickle.loads(pickle.dumps(p)) == p
    with pytest.raises(dataclasses.FrozenInstanceError):
        p.text = "u"  # pyright: ignore[reportAttributeAccessIssue]


def test_an_expression_is_a_static_field_and_a_new_steepness_does_not_trace_again():
    class Module(eqx.Module):
        expression: Expression = eqx.field(static=True)
        steepness: jax.Array

    traces = []

    @eqx.filter_jit
    def probability(module: Module, distance: jax.Array) -> jax.Array:
        traces.append(None)
        return module.expression(distance, module.steepness)

    for steepness in (1.0, 2.0):
        module = Module(expression("sigmoid(beta*u)"), jnp.array(steepness))
        expected = 1 / (1 + math.exp(-steepness))
        assert float(probability(module, jnp.array(1.0))) == pytest.approx(expected, abs=1e-12)
    assert len(traces) == 1


def test_reading_does_not_load_jax():
    program = (
        "import sys; from sgtheory.expressions import expression; expression('sigmoid(beta*u)');"
        "sys.exit(any(name in sys.modules for name in ('jax', 'numpy', 'equinox')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- at one steepness: a function of the distance alone --------------------------------------------------------------


def test_at_one_steepness_it_is_the_formula_at_this_steepness():
    text, distances = "sigmoid(beta*u)", jnp.asarray(DISTANCES)
    np.testing.assert_array_equal(expression(text, steepness=BETA)(distances), expression(text)(distances, BETA))


def test_at_one_steepness_it_is_escape_noise_that_does_not_trace_again():
    traces = []

    @eqx.filter_jit
    def probability_and_slope(noise: Custom, distance: jax.Array) -> tuple[jax.Array, jax.Array]:
        traces.append(None)
        return noise.probability(distance), noise.slope(distance)

    distance = jnp.array(0.3)
    for steepness in (0.5, 1.0, 7.0):
        noise, built_in = Custom(expression("1/(1+exp(-beta*u))", steepness=steepness)), Sigmoid(steepness)
        probability, slope = probability_and_slope(noise, distance)
        assert float(probability) == pytest.approx(float(built_in.probability(distance)), abs=1e-12)
        assert float(slope) == pytest.approx(float(built_in.slope(distance)), abs=1e-12)
    assert len(traces) == 1


def test_another_formula_does_trace_again():
    """Without this the test above could count nothing at all."""
    traces = []

    @eqx.filter_jit
    def probability(noise: Custom) -> jax.Array:
        traces.append(None)
        return noise.probability(jnp.array(0.3))

    for text in ("sigmoid(beta*u)", "(1+tanh(beta*u))/2"):
        probability(Custom(expression(text, steepness=2.0)))
    assert len(traces) == 2


def test_its_steepness_is_its_only_leaf_and_may_be_traced():
    assert jax.tree.leaves(expression("sigmoid(beta*u)", steepness=2.0)) == [2.0]

    def probability(steepness: jax.Array) -> jax.Array:
        return Custom(expression("sigmoid(beta*u)", steepness=steepness)).probability(jnp.array(0.3))

    steepness = jnp.array([0.5, 1.0, 7.0])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(probability))(steepness), 1 / (1 + np.exp(-0.3 * steepness)), rtol=1e-12
    )
    slope = jax.jit(jax.grad(probability))(2.0)
    assert float(slope) == pytest.approx(0.3 * math.exp(-0.6) / (1 + math.exp(-0.6)) ** 2, abs=1e-12)


@pytest.mark.parametrize("steepness", [0.0, -1.0, math.nan, math.inf])
def test_a_steepness_that_is_no_steepness_is_refused(steepness: float):
    with pytest.raises(ValueError, match="`steepness` must be positive and finite, got"):
        expression("sigmoid(beta*u)", steepness=steepness)


def test_a_traced_steepness_that_is_no_steepness_is_refused_where_a_run_begins():
    @eqx.filter_jit
    def probability(steepness: jax.Array) -> jax.Array:
        noise = Custom(expression("sigmoid(beta*u)", steepness=steepness))
        return noise.probability(guarded(jnp.array(0.3), jnp.array(0.3), noise))

    assert float(probability(jnp.array(2.0))) == pytest.approx(1 / (1 + math.exp(-0.6)), abs=1e-12)
    with pytest.raises(eqx.EquinoxRuntimeError, match="`steepness` must be positive and finite"):
        probability(jnp.array(-2.0))


def test_a_text_that_is_no_formula_is_refused_with_a_steepness_too():
    with pytest.raises(ExpressionError, match="Multiplication must be written out"):
        expression("2u", steepness=2.0)


# --- refusals --------------------------------------------------------------------------------------------------------

REFUSED: dict[str, object] = {
    "none": None,
    "bytes": b"u",
    "number": 0.5,
    "list": ["u"],
    "expression": Expression("u"),
    "empty": "",
    "blank": " \t\n ",
    "501 characters": "u" + "+u" * 250,
    "ten megabytes": "u+" * 5_000_000,
    "a name of 500 characters": "u" * 500,
    "null byte": "u\x00",
    "only a null byte": "\x00",
    "line break": "u +\n1",
    "tab": "u\t+ 1",
    "comment": "u # beta",
    "lone surrogate": "\ud800",
    "right-to-left override": "u\u202e+1",
    "full-width u": "\uff55",
    "cyrillic e": "\u0435xp(u)",
    "mathematical exp": "\U0001d41e\U0001d431\U0001d429(u)",
    "greek beta": "\u03b2*u",
    "typographic minus": "1 \u2212 u",
    "arabic digit": "\u0663*u",
    "string": "'u'",
    "f-string": 'f"{u}"',
    "bytes literal": "b'u'",
    "list literal": "[u]",
    "dictionary": "{u: 1}",
    "comprehension": "[u for u in (1, 2)]",
    "generator": "max(u for u in (1, 2))",
    "lambda": "lambda u: u",
    "walrus": "(u := 1)",
    "assignment": "u = 1",
    "statement": "import os",
    "two statements": "u; u",
    "conditional": "u if beta else e",
    "and": "u and beta",
    "not": "not u",
    "membership": "u in beta",
    "identity": "1 is 1",
    "true": "True",
    "none by name": "None",
    "ellipsis": "...",
    "await": "await u",
    "yield": "(yield u)",
    "attribute": "u.real",
    "attribute with a known name": "u.e",
    "attribute of a number": "1..real",
    "dunder": "__import__('os')",
    "eval": "eval(u)",
    "subscript": "u[0]",
    "keyword argument": "exp(u=1)",
    "starred argument": "max(*u)",
    "double-starred argument": "max(**u)",
    "careted argument": "max(^u)",
    "starred": "*u",
    "tuple": "(u, beta)",
    "decimal comma": "0,5*u",
    "empty brackets": "()",
    "call of a value": "u(1)",
    "call of a call": "exp(u)(u)",
    "call of a number": "2(u + 1)",
    "called function in brackets": "(exp)(u)",
    "function alone": "exp",
    "function without brackets": "exp + 1",
    "product without sign": "2u",
    "product of names without sign": "beta u",
    "product of brackets without sign": "(u)(u)",
    "complex": "1j",
    "hexadecimal": "0xff",
    "underscore in a number": "1_000",
    "two points": "1.2.3",
    "leading zero": "01*u",
    "huge float": "1e999",
    "huge whole number": "1" * 400,
    "largest whole number": "1" * 500,
    "too large": "1.1e30",
    "unknown name": "x + 1",
    "unknown function": "sin(u)",
    "capital letter": "Exp(u)",
    "open brackets": "(" * 40,
    "a thousand brackets": "((((" * 1000,
    "closed and deep": "(" * 41 + "u" + ")" * 41,
    "deep calls": "exp(" * 41 + "u" + ")" * 41,
    "many signs": "-" * 400 + "u",
    "only signs": "-" * 499,
    "long power": "u" + "**u" * 100,
    "long sum": "u" + "+u" * 100,
    "unbalanced": "1/(1+exp(-beta*u)",
    "one bracket too many": "u)",
    "operator at the end": "u +",
    "three stars": "u***2",
    "two carets": "u^^2",
    "floor division": "u//2",
    "remainder": "u % 2",
    "matrix product": "u @ u",
    "bitwise or": "u | 1",
    "bitwise not": "~u",
    "shift": "u << 2",
    "factorial": "u!",
    "comparison": "u < 0",
    "comparison in a sum": "1 + (u > 0)",
    "comparison as second argument of where": "where(u < 0, u < 1, 1)",
    "chained comparison": "where(0 < u < 1, u, 1)",
    "equality": "where(u == 0, u, 1)",
    "inequality": "where(u != 0, u, 1)",
    "nested comparison": "where((u < 0) < 1, u, 1)",
    "condition without comparison": "where(u, 1, 2)",
    "no argument": "exp()",
    "two arguments": "exp(u, 1)",
    "decimal comma in a call": "exp(0,5*u)",
    "one argument of min": "min(u)",
    "no argument of max": "max()",
    "where with one": "where(u < 0)",
    "where with two": "where(u < 0, 1)",
    "where with four": "where(u < 0, 1, 2, 3)",
}


def assert_is_one_sentence(error: ExpressionError):
    message = str(error)
    assert len(message) < 300
    assert message.isprintable()  # no line break among others
    assert message[0].isupper()
    assert message.endswith(".")
    assert "; " in message  # the remedy


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_whatever_is_no_formula_is_refused_in_one_sentence(text: object):
    with pytest.raises(ExpressionError) as caught:
        expression(text)
    assert_is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2u", "Multiplication must be written out, got '2u'; put a * between '2' and 'u'."),
        ("exp*u", "A function needs its arguments in brackets, got exp alone; write exp(a)."),
        ("min(u)", "The function min takes two or more arguments, got 1; write min(a, b)."),
        ("where(u, 1)", "The function where takes three arguments, got 2; write where(u < 0, a, b)."),
        ("0,5*u", "A comma may only separate the arguments of a function, got '(0, 5 * u)'; "
         "write decimal numbers with a point."),
    ],
)  # fmt: skip
def test_the_refusal_says_what_to_do(text: str, sentence: str):
    with pytest.raises(ExpressionError) as caught:
        expression(text)
    assert str(caught.value) == sentence


def parse_or_refuse(text: str):
    """Any exception but `ExpressionError`, and any warning, is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert expression(text).text == text.strip()
        except ExpressionError as error:
            assert_is_one_sentence(error)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(st.text() | st.text(st.characters(max_codepoint=127), max_size=600))
def test_any_text_is_read_or_refused(text: str):
    parse_or_refuse(text)


WORDS = [
    *("u", "beta", "pi", "e", "x", "exp", "log", "where", "min", "max", "(", "(", ")", ")", ",", ".", "="),
    *("+", "-", "*", "/", "**", "^", "<", "<=", ">=", "==", "//", "1", "2.5", ".5", "1e5"),
]


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from(["", " "]))
def test_any_sequence_of_words_is_read_or_refused(words: list[str], blank: str):
    parse_or_refuse(blank.join(words))


def grow(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Longer formulas out of shorter ones."""
    return st.one_of(
        st.builds("({} {} {})".format, parts, st.sampled_from(["+", "-", "*", "/", "**", "^"]), parts),
        st.builds("{}({})".format, st.sampled_from(["exp", "tanh", "sqrt", "erf", "-", "+"]), parts),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), parts, parts),
        st.builds("where({} {} {}, {}, {})".format, parts, st.sampled_from(["<", ">="]), parts, parts, parts),
    )


FORMULAS = st.recursive(st.sampled_from(["u", "beta", "pi", "e", "0", "2", "0.5", "1e3"]), grow, max_leaves=12)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(FORMULAS.filter(lambda text: len(text) <= 500))
def test_any_formula_is_read_and_has_one_value_for_each_distance(text: str):
    p, distances = expression(text), jnp.zeros(3)
    values, slopes = jax.eval_shape(lambda u: jax.jvp(lambda u: p(u, 2.0), (u,), (u,)), distances)
    assert values.shape == slopes.shape == distances.shape
    assert values.dtype == slopes.dtype == distances.dtype


# --- is it an escape function? ---------------------------------------------------------------------------------------

PROBABILITIES = [
    LAPLACE,
    "1/(1+exp(-beta*u))**2",
    "(1+tanh(beta*u))/2",
    "0.5 + atan(pi*beta*u/2)/pi",
    "min(max(0.5+beta*u, 0), 1)",
    "(1 + beta*u/(1+abs(beta*u)))/2",
    "where(u < 0.3, 0, 1)",
]


@pytest.mark.parametrize("text", PROBABILITIES)
@pytest.mark.parametrize("steepness", [1e-3, 50.0])
def test_an_escape_function_passes(text: str, steepness: float):
    check_escape(expression(text), steepness, -3.0, 3.0)


@pytest.mark.parametrize("text", SAFE_FAR_AWAY)
def test_an_escape_function_passes_far_from_threshold(text: str):
    check_escape(expression(text), 1.0, -1000.0, 1000.0)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("1/u", "An escape function must have a finite value everywhere, got p(0) = inf; "),
        ("u/u", "An escape function must have a finite value everywhere, got p(0) = nan; "),
        ("sqrt(u)", "An escape function must have a finite value everywhere, got p(-1) = nan; "),
        ("1e30*1e30**20", "An escape function must have a finite value everywhere, got p(-1) = inf; "),
        ("9**9**9**9", "An escape function must lie between 0 and 1, got p(-1) = 1.34e+154; "),
        ("u", "An escape function must lie between 0 and 1, got p(-1) = -1; "),
        ("1 + 1e-9*u", "An escape function must lie between 0 and 1, got p(1) = 1.000000001; "),
        ("sigmoid(-beta*u)", "An escape function must not fall, got p(-1) = 0.881 above p(1) = 0.119; "),
        ("1 - u^2", "An escape function must not fall, got p(0) = 1 above p(1) = 0; "),
        ("0.5 - 1e-12*u", "An escape function must not fall, got p(-1) = 0.500000000001 above p(1) = 0.499999999999; "),
        ("0.5", "An escape function must rise somewhere, got p = 0.5 all the way from u = -1 to 1; "),
        ("sigmoid(beta)", "An escape function must rise somewhere, got p = 0.8808 all the way from u = -1 to 1; "),
        ("where(u < 2, 0, 1)", "An escape function must rise somewhere, got p = 0 all the way from u = -1 to 1; "),
    ],
)
def test_what_is_no_escape_function_is_refused_at_its_place(text: str, begins: str):
    with pytest.raises(ExpressionError) as caught:
        check_escape(expression(text), 2.0, -1.0, 1.0)
    assert str(caught.value).startswith(begins)
    assert_is_one_sentence(caught.value)


def test_rounding_is_forgiven():
    """On its plateau this product rounds up and down, and in places to more than 1."""
    p = expression("sigmoid(50*u)*exp(u)*exp(-u)")
    values = np.asarray(p(jnp.linspace(-3.0, 3.0, 2001), 1.0))
    assert np.diff(values).min() < 0
    assert values.max() > 1
    check_escape(p, 1.0, -3.0, 3.0)


@pytest.mark.parametrize(
    ("steepness", "low", "high", "points"),
    [
        (math.nan, -1.0, 1.0, 9),
        (math.inf, -1.0, 1.0, 9),
        (1.0, math.nan, 1.0, 9),
        (1.0, -1.0, math.inf, 9),
        (1.0, -1e300, 1e300, 9),
        (1.0, 1.0, 1.0, 9),
        (1.0, 1.0, -1.0, 9),
        (1.0, -1.0, 1.0, 1),
    ],
)
def test_a_range_that_cannot_be_checked_is_refused(steepness: float, low: float, high: float, points: int):
    with pytest.raises(ExpressionError, match="checked on at least 2 points") as caught:
        check_escape(expression("sigmoid(beta*u)"), steepness, low, high, points)
    assert_is_one_sentence(caught.value)


def test_in_32_bits_a_slow_fall_is_found_although_every_step_is_within_rounding():
    with jax.enable_x64(False):
        check_escape(expression("sigmoid(beta*u)"), 2.0, -100.0, 100.0)
        with pytest.raises(ExpressionError, match="must not fall"):
            check_escape(expression("0.5 - 0.001*u"), 2.0, -5.0, 5.0)
