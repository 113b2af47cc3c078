"""Refusals: the rule, the value received and the remedy, at once or when the compiled program runs."""

from fractions import Fraction

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory._checks import as_inputs, as_real, escape_fault, finite, guarded, instance, positive, shorten

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


def test_a_traced_spike_becomes_a_number_and_a_list_of_traced_numbers_a_vector():
    assert jax.jit(lambda value: as_real("x", value))(True) == 1.0
    np.testing.assert_array_equal(jax.jit(lambda value: as_real("x", [value, 2]))(0.5), [0.5, 2.0])
    with pytest.raises(TypeError, match="`x` must be a number or a regular array of numbers"):
        jax.jit(lambda value: as_real("x", [value, [1.0, 2.0]]))(0.5)


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


def test_a_single_number_is_not_several():
    assert finite("x", single=True)(2.0) == 2.0
    with pytest.raises(
        ValueError, match=r"^`x` must be one number, got \[1\.0, 2\.0\]\. For several take `jax\.vmap` over it\.$"
    ):
        finite("x", single=True)([1.0, 2.0])
    with pytest.raises(ValueError, match=r"^`x` must be one number, got "):
        jax.eval_shape(positive("x", single=True), jnp.ones(3))


def test_an_optional_number_may_be_none():
    assert positive("x", optional=True)(None) is None
    assert positive("x", optional=True)(2.0) == 2.0
    with pytest.raises(ValueError, match=r"^`x` must be positive and finite, got -1"):
        positive("x", optional=True)(-1.0)
    with pytest.raises(TypeError, match=r"^`x` must be a number, got None"):
        positive("x")(None)


# Inputs


@pytest.mark.parametrize(
    "value", [[1, 0], (1.0, 0.0), [True, False], np.array([1, 0]), jnp.array([1.0, 0.0])], ids=repr
)
def test_numbers_of_every_kind_are_one_and_the_same_input(value):
    found = as_inputs(value)
    assert found.dtype == jnp.float64
    np.testing.assert_array_equal(found, [1.0, 0.0])


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_inputs_of_fewer_bits_stay_what_they_are(dtype):
    assert as_inputs(jnp.ones(2, dtype)).dtype == dtype


def test_inputs_may_be_a_pytree_of_arrays_or_nothing():
    found = as_inputs({"spikes": np.array([1, 0]), "times": (jnp.ones(2), np.ones(3, np.float32))})
    assert found["spikes"].dtype == jnp.float64
    assert [each.dtype for each in found["times"]] == [jnp.float64, jnp.float32]
    assert as_inputs(()) == ()
    assert as_inputs(None) is None


def test_inputs_that_are_not_finite_or_no_numbers_are_refused():
    with pytest.raises(ValueError, match=r"^`inputs` must be finite, got \[ 1\. nan\]\. Remove or replace the entries"):
        as_inputs({"a": np.ones(2), "b": np.array([1.0, np.nan])})
    with pytest.raises(TypeError, match=r"^`inputs` must be a number or a regular array of numbers, got "):
        as_inputs([[1.0], [2.0, 3.0]])


# Inside compiled code


class Part(eqx.Module):
    x: jax.Array = eqx.field(converter=positive("x", REMEDY))


class Whole(eqx.Module):
    """Numbers in fields, in a tuple of modules, and some without a rule."""

    parts: tuple[Part, ...]
    y: jax.Array = eqx.field(converter=finite("y"))
    free: jax.Array


def whole(first, second, y, free):
    return Whole((Part(first), Part(second)), y, free)


def test_a_traced_number_passes_at_construction_and_leaves_nothing_in_the_program():
    jaxpr = jax.make_jaxpr(lambda *numbers: jax.tree.leaves(whole(*numbers)))(1.0, 2.0, 3.0, 4.0)
    assert jaxpr.eqns == []


def test_a_traced_number_is_refused_where_a_run_begins():
    compiled = eqx.filter_jit(lambda *numbers: guarded(1.0 * numbers[3], jnp.ones(2), whole(*numbers)))
    good = tuple(map(jnp.asarray, (1.0, 2.0, -3.0, np.nan)))  # what has no rule may be anything
    assert np.isnan(compiled(*good))
    for place, bad, sentence in (
        (0, -1.0, r"`x` must be positive and finite\. Give 1\."),
        (1, 0.0, r"`x` must be positive and finite\. Give 1\."),
        (1, np.nan, r"`x` must be positive and finite\. Give 1\."),
        (0, np.inf, r"`x` must be positive and finite\. Give 1\."),
        (2, np.inf, r"`y` must be finite\."),
    ):
        numbers = [*good[:place], jnp.array(bad), *good[place + 1 :]]
        with pytest.raises(eqx.EquinoxRuntimeError, match=sentence):
            compiled(*numbers)


def test_traced_inputs_are_refused_where_a_run_begins():
    compiled = eqx.filter_jit(lambda inputs: guarded(jnp.array(1.0), inputs))
    assert compiled({"a": jnp.ones(2), "b": jnp.zeros(3)}) == 1.0
    with pytest.raises(
        eqx.EquinoxRuntimeError, match=r"`inputs` must be finite\. Remove or replace the entries that are"
    ):
        compiled({"a": jnp.ones(2), "b": jnp.array([0.0, np.inf, 0.0])})


def test_one_bad_number_among_many_is_refused_where_a_run_begins():
    compiled = eqx.filter_jit(jax.vmap(lambda x: guarded(2 * x, jnp.ones(1), Part(x))))
    np.testing.assert_array_equal(compiled(jnp.array([1.0, 2.0])), [2.0, 4.0])
    with pytest.raises(eqx.EquinoxRuntimeError, match="`x` must be positive and finite"):
        compiled(jnp.array([1.0, -3.0]))


def test_a_constant_is_refused_while_the_program_is_traced():
    with pytest.raises(ValueError, match=r"`x` must be positive and finite, got -1"):
        jax.jit(lambda value: value * positive("x")(-1.0))(1.0)


def test_good_constants_leave_nothing_in_the_program():
    def program(value):
        return guarded(value * positive("x")(2.0), np.ones(2), whole(1.0, 2.0, 3.0, 4.0))

    assert [str(equation.primitive) for equation in jax.make_jaxpr(program)(1.0).eqns] == ["mul"]


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
