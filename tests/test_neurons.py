"""The Perceptron: its distance to threshold, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Sigmoid
from sgtheory.neurons import Perceptron, PerceptronParameters

UNIT = Perceptron(Sigmoid(2.0), threshold=0.3)


def test_the_distance_is_the_membrane_potential_less_the_threshold():
    parameters = PerceptronParameters([0.5, -1.0, 2.0], bias=0.1)
    distance = UNIT.distance(parameters, jnp.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(distance, 0.5 - 2.0 + 6.0 + 0.1 - 0.3, rtol=1e-15)


def test_the_bias_is_an_input_of_1_and_the_threshold_its_negative():
    inputs = jnp.array([0.7, -0.2])
    with_bias = UNIT.distance(PerceptronParameters([0.5, 1.0], bias=0.4), inputs)
    as_weight = UNIT.distance(PerceptronParameters([0.5, 1.0, 0.4]), jnp.append(inputs, 1.0))
    as_threshold = Perceptron(Sigmoid(2.0), threshold=-0.1).distance(PerceptronParameters([0.5, 1.0]), inputs)
    np.testing.assert_allclose(with_bias, as_weight, rtol=1e-14)
    np.testing.assert_allclose(with_bias, as_threshold, rtol=1e-14)


def test_the_derivatives_of_the_distance_are_the_inputs_and_1():
    inputs = jnp.array([0.7, -0.2])
    gradient = jax.grad(UNIT.distance)(PerceptronParameters([0.5, 1.0]), inputs)
    np.testing.assert_array_equal(gradient.weights, inputs)
    assert gradient.bias == 1.0


def test_compiled_and_mapped_distances_are_those_of_a_loop():
    parameters, inputs = PerceptronParameters([0.5, -1.0]), jnp.arange(6.0).reshape(3, 2)
    mapped = jax.jit(jax.vmap(lambda x: UNIT.distance(parameters, x)))(inputs)
    np.testing.assert_allclose(mapped, [UNIT.distance(parameters, x) for x in inputs], rtol=1e-14)


def test_single_precision_stays_single_precision():
    parameters = PerceptronParameters(jnp.ones(2, jnp.float32), jnp.float32(0.5))
    assert UNIT.distance(parameters, jnp.ones(2, jnp.float32)).dtype == jnp.float32


def test_changed_numbers_compile_nothing():
    traces = 0

    @eqx.filter_jit
    def distance(unit, parameters, inputs):
        nonlocal traces
        traces += 1
        return unit.distance(parameters, inputs)

    for number in (0.1, 1.0, 2.5):
        unit = Perceptron(Sigmoid(number), threshold=number)
        distance(unit, PerceptronParameters([number, 1.0], number), jnp.array([number, 0.0]))
    assert traces == 1


@pytest.mark.parametrize("weights", [[], [[1.0, 2.0]], 1.0], ids=["empty", "matrix", "number"])
def test_weights_that_are_no_vector_are_refused(weights):
    with pytest.raises(ValueError, match=r"`weights` must be a vector with at least one entry, got the shape .*Give"):
        PerceptronParameters(weights)


@pytest.mark.parametrize("weights", [[[1.0], [2.0, 3.0]], "heavy", None, ["1.0"], [1j]], ids=repr)
def test_weights_that_are_no_numbers_are_refused(weights):
    with pytest.raises(TypeError, match=r"`weights` must be a .*number.*, got .*Give a vector such as \[0.5, -1.0\]"):
        PerceptronParameters(weights)


def test_parameters_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match=r"`weights` must be finite, got \[ 1. nan\]"):
        PerceptronParameters([1.0, np.nan])
    with pytest.raises(ValueError, match="`bias` must be finite, got inf"):
        PerceptronParameters([1.0], np.inf)
    with pytest.raises(ValueError, match="`threshold` must be finite, got nan"):
        Perceptron(Sigmoid(2.0), threshold=np.nan)


def test_inputs_that_do_not_fit_the_weights_are_refused():
    with pytest.raises(
        ValueError, match=r"`inputs` must have one entry a weight, got 2 inputs for 3 weights\. Add or drop"
    ):
        UNIT.distance(PerceptronParameters([1.0, 2.0, 3.0]), jnp.ones(2))


def test_empty_inputs_are_refused():
    with pytest.raises(ValueError, match=r"`inputs` must be a vector with at least one entry, got the shape \(0,\)\."):
        UNIT.distance(PerceptronParameters([1.0]), jnp.zeros(0))


@pytest.mark.usefixtures("annotations_off")
def test_inputs_may_be_a_list_and_ragged_ones_are_refused():
    np.testing.assert_allclose(UNIT.distance(PerceptronParameters([1.0, 2.0]), [0.5, 0.5]), 1.2, rtol=1e-15)
    with pytest.raises(TypeError, match="`inputs` must be a number or a regular array of numbers, got"):
        UNIT.distance(PerceptronParameters([1.0, 2.0]), [[1.0], [2.0, 3.0]])


@pytest.mark.usefixtures("annotations_off")
def test_an_escape_of_another_family_is_refused():
    with pytest.raises(
        TypeError, match=r"`escape` must be of the family AbstractEscape, got 2.0. Take one of `sgtheory"
    ):
        Perceptron(2.0)
