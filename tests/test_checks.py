"""Refusals: the rule, the value received and the remedy, at once or when the compiled program runs."""

from fractions import Fraction

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory._checks import as_real, escape_fault, finite, instance, positive, shorten

REMEDY = "Give 1."


# What a value looks like in a message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        ("two", "'two'"),
        (None, "None"),
        (np.array([1.0, 2.0]), "[1. 2.]"),
        (jnp.array(0.5), "0.5"),
        ((2, 3), "(2, 3)"),
    ],
    ids=repr,
)
def test_a_short_value_is_shown_as_it_is(value, text):
    assert shorten(value) == text


@pytest.mark.parametrize("value", ["long " * 100, list(range(1000)), np.eye(50)], ids=["text", "list", "array"])
def test_a_long_value_is_cut_and_stays_on_one_line(value):
    text = shorten(value)
    assert len(text) <= 60
    assert "\n" not in text
    assert "…" in text or "..." in text


# Numbers


def test_a_python_number_stays_weakly_typed_and_never_widens():
    assert as_real("x", 2.0).weak_type
    assert (as_real("x", 2) * jnp.ones(3, jnp.float32)).dtype == jnp.float32


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.array(2), Fraction(2), jnp.array(2)], ids=repr)
def test_every_kind_of_number_is_one(value):
    assert as_real("x", value) == 2.0


@pytest.mark.parametrize("value", [[1, 2], (1.0, 2.0), np.array([1, 2]), jnp.array([1, 2])], ids=repr)
def test_every_kind_of_vector_is_one(value):
    vector = as_real("x", value)
    assert jnp.issubdtype(vector.dtype, jnp.floating)
    np.testing.assert_array_equal(vector, [1.0, 2.0])


def test_an_array_keeps_its_dtype():
    assert as_real("x", jnp.ones(2, jnp.float32)).dtype == jnp.float32


def test_a_traced_whole_number_becomes_a_real_one():
    assert jax.jit(lambda value: as_real("x", value))(3).dtype == jnp.float64


@pytest.mark.parametrize("value", ["2", b"2", None, True, print, 1j, [1j], ["2"], [[1], [1, 2]], {}], ids=repr)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"^`x` must be a number( or a regular array of numbers)?, got .*\. Give 1\.$"):
        as_real("x", value, REMEDY)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, [1.0, np.nan]], ids=repr)
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=r"^`x` must be finite, got .*\. Give 1\.$"):
        finite("x", REMEDY)(value)


@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, [1.0, 0.0]], ids=repr)
def test_what_is_not_positive_is_refused(value):
    with pytest.raises(ValueError, match=r"^`x` must be positive and finite, got .*\. Give 1\.$"):
        positive("x", REMEDY)(value)


def test_a_check_lets_good_values_through_unchanged():
    assert finite("x")(-2.0) == -2.0
    assert positive("x")(1e-300) == 1e-300


# Inside compiled code


def test_a_traced_number_is_refused_when_the_program_runs():
    compiled = eqx.filter_jit(lambda value: 2 * positive("x", REMEDY)(value))
    assert compiled(jnp.array(3.0)) == 6.0
    for value in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(eqx.EquinoxRuntimeError, match=r"`x` must be positive and finite\. Give 1\."):
            compiled(jnp.array(value))


def test_one_bad_number_among_many_is_refused_when_the_program_runs():
    compiled = eqx.filter_jit(jax.vmap(positive("x")))
    with pytest.raises(eqx.EquinoxRuntimeError, match="`x` must be positive and finite"):
        compiled(jnp.array([1.0, 2.0, -3.0]))


def test_a_constant_is_refused_while_the_program_is_traced():
    with pytest.raises(ValueError, match=r"`x` must be positive and finite, got -1"):
        jax.jit(lambda value: value * positive("x")(-1.0))(1.0)


def test_a_good_constant_leaves_nothing_in_the_program():
    jaxpr = jax.make_jaxpr(lambda value: value * positive("x")(2.0))(1.0)
    assert [str(equation.primitive) for equation in jaxpr.eqns] == ["mul"]


# Families


def test_another_family_is_refused():
    instance("x", 1, int)
    with pytest.raises(TypeError, match=r"^`x` must be of the family int, got 'one'\. Give 1\.$"):
        instance("x", "one", int, REMEDY)


def test_none_of_several_classes_is_refused_with_their_names():
    instance("x", 1.0, (int, float))
    with pytest.raises(TypeError, match=r"^`x` must be one of int, float, got 'one'\. Give 1\.$"):
        instance("x", "one", (int, float), REMEDY)


# Escape functions

GRID = np.linspace(-1.0, 1.0, 5)


def test_an_escape_function_has_no_fault():
    assert escape_fault(GRID, np.array([0.0, 0.1, 0.5, 0.9, 1.0])) is None


def test_rounding_is_forgiven():
    assert escape_fault(GRID, np.array([0.0, 0.5, 0.5 - 1e-15, 1.0, 1.0 + 1e-15])) is None


@pytest.mark.parametrize(
    ("probabilities", "fault"),
    [
        ([0.0, 0.1, np.nan, 0.9, 1.0], "must have a finite value everywhere, got p(0) = nan; look for "),
        ([0.0, 0.1, 0.5, 0.9, 1.1], "must lie between 0 and 1, got p(1) = 1.1; rescale it"),
        ([-0.2, 0.1, 0.5, 0.9, 1.0], "must lie between 0 and 1, got p(-1) = -0.2; rescale it"),
        ([0.0, 0.5, 0.4, 0.9, 1.0], "must not fall, got p(-0.5) = 0.5 above p(0) = 0.4; change it"),
        ([0.3] * 5, "must rise somewhere, got p = 0.3 all the way from u = -1 to 1; let it"),
        ([0.3], "must keep the shape of the distances, got (1,) for (5,); act "),
    ],
    ids=["nan", "above 1", "below 0", "falling", "constant", "shape"],
)
def test_every_fault_is_said_as_the_rest_of_a_sentence(probabilities, fault):
    said = escape_fault(GRID, np.array(probabilities))
    assert said is not None
    assert said.startswith(fault)
    assert said.endswith(".")
    assert ". " not in said
