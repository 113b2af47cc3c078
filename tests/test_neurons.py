"""The Perceptron: its distance to threshold, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sgtheory.escape import Sigmoid
from sgtheory.neurons import Perceptron, PerceptronParameters

pytestmark = pytest.mark.usefixtures("quick_compilation")
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
    gradient = jax.jit(jax.grad(UNIT.distance))(PerceptronParameters([0.5, 1.0]), inputs)
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


def test_units_and_parameters_are_built_inside_compiled_code():
    def distance(number):
        unit = Perceptron(Sigmoid(number), threshold=number)
        return unit.distance(PerceptronParameters([number, 1.0], 2 * number), jnp.ones(2))

    np.testing.assert_allclose(jax.jit(jax.vmap(distance))(jnp.arange(1.0, 4.0)), [3.0, 5.0, 7.0], rtol=1e-15)
    assert not any("callback" in str(each.primitive) for each in jax.make_jaxpr(distance)(1.0).eqns)


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
    for name, build in (
        ("bias", lambda v: PerceptronParameters([1.0], v)),
        ("threshold", lambda v: Perceptron(Sigmoid(2.0), v)),
    ):
        with pytest.raises(
            ValueError, match=rf"`{name}` must be one number, got \[0\.1, 0\.2\]\. For several take `jax\.vmap`"
        ):
            build([0.1, 0.2])


@pytest.mark.parametrize("shape", [(2,), (0,), ()], ids=str)
@pytest.mark.usefixtures("annotations_off")
def test_inputs_that_do_not_fit_the_weights_are_refused(shape):
    message = (
        r"`inputs` must be a vector with one entry a weight, got the shape \(.*\) for 3 weights\. Add or drop entries"
    )
    with pytest.raises(ValueError, match=message):
        UNIT.distance(PerceptronParameters([1.0, 2.0, 3.0]), jnp.ones(shape))


@pytest.mark.usefixtures("annotations_off")
def test_a_batch_of_inputs_is_told_of_vmap():
    with pytest.raises(ValueError, match=r"got the shape \(7, 3\) for 3 weights\. Take `jax\.vmap` over a batch\."):
        UNIT.distance(PerceptronParameters([1.0, 2.0, 3.0]), jnp.ones((7, 3)))


@pytest.mark.usefixtures("annotations_off")
def test_an_escape_of_another_family_is_refused():
    with pytest.raises(
        TypeError, match=r"`escape` must be of the family AbstractEscape, got 2.0. Take one of `sgtheory"
    ):
        Perceptron(2.0)
