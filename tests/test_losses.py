"""What every loss must do, over the registry; and each one's value against NumPy's."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from sgtheory import losses as package
from sgtheory._checks import guarded
from sgtheory.losses import (
    ALL_LOSSES,
    TRAIN_LOSSES,
    AbstractLoss,
    Component,
    CrossEntropy,
    FirstSpikeLoss,
    LinearReadout,
    MeanSquaredError,
    SquaredDistance,
    Sum,
    Total,
)

pytestmark = pytest.mark.usefixtures("quick_compilation")

OUTPUT = np.array([0.3, -1.2, 0.8])
OUTPUTS = np.stack([OUTPUT, OUTPUT[::-1], 2 * OUTPUT, 0 * OUTPUT])
PROBABILITIES = ([0.2, 0.3, 0.5], [0.5, 0.5, 0.0], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0])
"""They fit every field of real numbers: a target, weights."""


def numbers_of(kind):
    """The fields of a loss, all of which hold numbers."""
    return [field.name for field in dataclasses.fields(kind)]


def build(kind, number=0):
    """A loss of any kind with numbers of its own: looked up in its fields, never by its name."""
    return kind(**{name: number % 3 if name == "index" else PROBABILITIES[number] for name in numbers_of(kind)})


every_loss = pytest.mark.parametrize("kind", ALL_LOSSES.values(), ids=ALL_LOSSES)
every_loss_with_numbers = pytest.mark.parametrize(
    "kind", [kind for kind in ALL_LOSSES.values() if numbers_of(kind)], ids=lambda kind: kind.__name__
)


def test_every_exported_loss_is_registered():
    exported = {
        value for value in vars(package).values() if isinstance(value, type) and issubclass(value, AbstractLoss)
    }
    others = {AbstractLoss, Sum, FirstSpikeLoss}  # of losses, and of first spikes: tested where those are
    assert exported - others == {*ALL_LOSSES.values(), *TRAIN_LOSSES.values()}


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_it_is_one_number_in_the_dtype_of_the_output(kind, dtype):
    value = build(kind)(jnp.asarray(OUTPUT, dtype=dtype))
    assert value.shape == ()
    assert value.dtype == dtype
    np.testing.assert_allclose(float(value), float(build(kind)(jnp.asarray(OUTPUT))), rtol=0.02)


@every_loss
@pytest.mark.parametrize("dtype", [bool, int, np.uint8])
def test_spikes_may_be_booleans_or_whole_numbers(kind, dtype):
    spikes, loss = jnp.array([1.0, 0.0, 1.0]), build(kind)
    for given in (spikes.astype(dtype), np.asarray(spikes, dtype=dtype)):
        value = loss(given)
        assert value.dtype == jnp.float64
        assert float(value) == float(loss(spikes))


@every_loss
def test_its_numbers_are_data(kind):
    first, second = build(kind, 0), build(kind, 1)
    assert len(jax.tree.leaves(first)) == len(numbers_of(kind))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(first))
    assert jax.tree.structure(first) == jax.tree.structure(second)


@every_loss
def test_other_numbers_compile_nothing(kind):
    traced = 0

    @eqx.filter_jit
    def value(loss, output):
        nonlocal traced
        traced += 1
        return loss(output)

    for number in range(4):
        expected = build(kind, number)(jnp.asarray(OUTPUT))
        np.testing.assert_allclose(value(build(kind, number), jnp.asarray(OUTPUT)), expected, rtol=1e-14)
    assert traced == 1


@every_loss
def test_its_gradient_agrees_with_finite_differences(kind):
    loss = build(kind)
    check_grads(jax.jit(lambda output: loss(output)), (jnp.asarray(OUTPUT),), order=2, modes=("fwd", "rev"))


@every_loss
def test_mapped_values_are_those_of_a_loop(kind):
    losses, outputs = [build(kind, number) for number in range(4)], jnp.asarray(OUTPUTS)
    over_outputs = jax.vmap(losses[1])(outputs)
    np.testing.assert_allclose(over_outputs, [losses[1](output) for output in outputs], rtol=1e-14)
    if numbers_of(kind):
        many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *losses)
        over_both = jax.jit(jax.vmap(lambda loss, output: loss(output)))(many, outputs)
        loop = [loss(output) for loss, output in zip(losses, outputs, strict=True)]
        np.testing.assert_allclose(over_both, loop, rtol=1e-14)


@every_loss_with_numbers
def test_it_is_built_inside_a_compiled_and_mapped_program(kind):
    losses = [build(kind, number) for number in range(4)]
    numbers = jax.tree.map(lambda *leaves: jnp.stack(leaves), *losses)
    rebuild = jax.jit(jax.vmap(lambda *leaves: kind(*leaves)(jnp.asarray(OUTPUT))))
    values = rebuild(*(getattr(numbers, name) for name in numbers_of(kind)))
    np.testing.assert_allclose(values, [loss(jnp.asarray(OUTPUT)) for loss in losses], rtol=1e-14)


@every_loss_with_numbers
@pytest.mark.parametrize("number", [np.nan, [0.5, np.nan, 0.5]], ids=["one", "among others"])
def test_numbers_that_are_nan_are_refused(annotations_off, kind, number):
    (name,) = numbers_of(kind)
    with pytest.raises((TypeError, ValueError), match=rf"`{name}` must be .*, got .*nan"):
        kind(number)


@every_loss_with_numbers
@pytest.mark.parametrize("number", ["1", None, True, 1j, {"a": 1.0}])
def test_numbers_that_are_none_are_refused(annotations_off, kind, number):
    (name,) = numbers_of(kind)
    with pytest.raises(TypeError, match=f"`{name}` must be "):
        kind(number)


@every_loss_with_numbers
def test_wrong_numbers_that_are_traced_are_refused_where_a_run_begins(kind):
    good = build(kind)
    bad = jax.tree.map(lambda leaf: leaf - 100 if leaf.dtype == int else leaf * jnp.nan, good)

    @eqx.filter_jit
    def value(loss, output):
        return loss(guarded(output, output, loss))

    output = jnp.asarray(OUTPUT)
    np.testing.assert_allclose(value(good, output), good(output), rtol=1e-14)
    with pytest.raises(eqx.EquinoxRuntimeError, match=f"`{numbers_of(kind)[0]}` must be "):
        value(bad, output)


@every_loss_with_numbers
@pytest.mark.parametrize("shape", [(1,), (3, 3), (3, 1)])
def test_an_output_that_does_not_fit_is_refused(kind, shape):
    with pytest.raises(ValueError, match=r"`\w+` must (have|be) .*, got .*\. "):
        build(kind, 1)(jnp.zeros(shape))


@every_loss_with_numbers
def test_an_output_that_does_not_fit_is_refused_while_it_is_traced(kind):
    with pytest.raises(ValueError, match=r"`output` must (have|be) .*, got .*\. "):
        eqx.filter_jit(build(kind))(jnp.zeros((3, 3)))


@every_loss
@pytest.mark.parametrize("output", [None, "spikes", [1j], jnp.array([1j])])
def test_an_output_that_is_no_array_of_real_numbers_is_refused(annotations_off, kind, output):
    with pytest.raises((TypeError, ValueError), match="`output` must "):
        build(kind)(output)


@every_loss_with_numbers
def test_an_output_of_several_arrays_is_refused(kind):
    for output in ({"spikes": jnp.asarray(OUTPUT)}, (jnp.asarray(OUTPUT), jnp.asarray(OUTPUT))):
        with pytest.raises(TypeError, match=r"`output` must be one array of real numbers, got .*`Total\(\)`"):
            build(kind)(output)


# --- values ----------------------------------------------------------------------------------------------------------


def log_softmax(scores):
    return scores - np.log(np.sum(np.exp(scores)))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (MeanSquaredError(PROBABILITIES[0]), np.mean((OUTPUT - PROBABILITIES[0]) ** 2)),
        (MeanSquaredError(0.5), np.mean((OUTPUT - 0.5) ** 2)),
        (MeanSquaredError([True, False, True]), np.mean((OUTPUT - [1, 0, 1]) ** 2)),
        (SquaredDistance([1, 0, 1]), np.sum((OUTPUT - [1, 0, 1]) ** 2)),
        (SquaredDistance(2), np.sum((OUTPUT - 2) ** 2)),
        (CrossEntropy(2), -log_softmax(OUTPUT)[2]),
        (CrossEntropy(np.uint8(2)), -log_softmax(OUTPUT)[2]),
        (CrossEntropy(jnp.array(0)), -log_softmax(OUTPUT)[0]),
        (CrossEntropy(PROBABILITIES[0]), -np.dot(PROBABILITIES[0], log_softmax(OUTPUT))),
        (LinearReadout([1.0, -1.0, 2.0]), np.dot([1.0, -1.0, 2.0], OUTPUT) / np.sqrt(3)),
        (Component(0), OUTPUT[0]),
        (Component(np.int8(2)), OUTPUT[2]),
        (Total(), np.sum(OUTPUT)),
    ],
    ids=str,
)
def test_its_value_is_that_of_numpy(loss, expected):
    np.testing.assert_allclose(loss(jnp.asarray(OUTPUT)), expected, rtol=1e-14)
    np.testing.assert_allclose(loss(OUTPUT), expected, rtol=1e-14)


def test_every_loss_has_its_value_checked():
    (marks,) = test_its_value_is_that_of_numpy.pytestmark
    assert {type(loss) for loss, _ in marks.args[1]} == set(ALL_LOSSES.values())


def test_a_target_in_the_shape_of_several_axes_is_compared_entry_by_entry():
    output, target = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    np.testing.assert_allclose(MeanSquaredError(target)(jnp.asarray(output)), np.mean((output - 1) ** 2), rtol=1e-14)
    np.testing.assert_allclose(LinearReadout(target)(jnp.asarray(output)), np.sum(output) / np.sqrt(6), rtol=1e-14)


def test_the_target_takes_on_the_precision_of_the_output():
    loss = SquaredDistance(np.array([0.1, 0.2, 0.3]))
    assert loss(jnp.zeros(3, dtype=jnp.float32)).dtype == jnp.float32
    assert SquaredDistance(jnp.zeros(3, dtype=jnp.float32))(jnp.zeros(3)).dtype == jnp.float64


def test_the_cross_entropy_does_not_overflow():
    scores = jnp.array([0.0, 1e4, -1e300])
    np.testing.assert_allclose(CrossEntropy(0)(scores), 1e4)
    np.testing.assert_allclose(CrossEntropy(1)(scores), 0.0)
    assert np.all(np.isfinite(jax.grad(CrossEntropy(0))(scores)))
    assert np.isinf(-jnp.log(jax.nn.softmax(scores))[0])  # the plain formula does


def test_the_cross_entropy_of_a_class_is_that_of_its_certainty():
    for number in range(3):
        by_number, by_probability = CrossEntropy(number), CrossEntropy(np.eye(3)[number])
        np.testing.assert_allclose(by_number(jnp.asarray(OUTPUT)), by_probability(jnp.asarray(OUTPUT)), rtol=1e-14)


def test_the_gradient_of_the_cross_entropy_is_softmax_minus_target():
    gradient = jax.grad(CrossEntropy(PROBABILITIES[0]))(jnp.asarray(OUTPUT))
    np.testing.assert_allclose(gradient, np.exp(log_softmax(OUTPUT)) - PROBABILITIES[0], rtol=1e-13)


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (-1, "got -1"),
        (1.0, "got 1"),
        ([0.5, 0.6], r"got \[0.5 0.6\]"),
        ([1.5, -0.5], r"got \[ 1.5 -0.5\]"),
        (np.nan, "got nan"),
    ],
)
def test_a_target_that_is_neither_class_nor_probabilities_is_refused(target, fault):
    rule = "`target` must be a class number from 0, or probabilities that add up to 1, "
    with pytest.raises(ValueError, match=rf"{rule}{fault}\. Write a class number as an integer"):
        CrossEntropy(target)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_rounded_probabilities_are_probabilities(dtype):
    scores = jax.random.normal(jax.random.key(0), (100, 10))
    assert CrossEntropy(jax.nn.softmax(scores).astype(dtype)).target.dtype == dtype


def test_a_number_that_lies_outside_the_output_is_refused():
    for loss, name, entries in [(CrossEntropy(3), "target", "classes"), (Component(3), "index", "outputs")]:
        with pytest.raises(ValueError, match=f"`{name}` must be below the number of {entries}, 3, got 3"):
            loss(jnp.asarray(OUTPUT))


@pytest.mark.parametrize("loss", [CrossEntropy(300), Component(300)], ids=str)
def test_a_traced_number_that_lies_outside_the_output_gives_nan(loss):
    value, gradient = eqx.filter_jit(lambda loss, output: jax.value_and_grad(loss)(output))(loss, jnp.asarray(OUTPUT))
    assert np.isnan(value)
    assert np.any(np.isnan(gradient))


def test_labels_as_bytes_reach_every_class():
    labels = jnp.array([0, 255], dtype=jnp.uint8)
    scores = jax.random.normal(jax.random.key(0), (2, 300))
    values = jax.vmap(lambda label, output: CrossEntropy(label)(output))(labels, scores)
    expected = [-log_softmax(np.asarray(scores[0]))[0], -log_softmax(np.asarray(scores[1]))[255]]
    np.testing.assert_allclose(values, expected, rtol=1e-13)


def test_mapped_over_its_index_a_component_gives_the_jacobian():
    def network(weight):
        return weight * jnp.array([1.0, 2.0, 3.0])

    jacobian = jax.vmap(lambda index: jax.grad(lambda weight: Component(index)(network(weight)))(0.5))(jnp.arange(3))
    np.testing.assert_allclose(jacobian, [1.0, 2.0, 3.0])


def test_the_total_adds_all_arrays_in_the_widest_dtype():
    output = {"spikes": jnp.array([True, False]), "potentials": jnp.ones(3, dtype=jnp.float32), "none": None}
    assert float(Total()(output)) == 4.0
    single = (jnp.ones(2, dtype=jnp.bfloat16), jnp.ones((2, 2), dtype=jnp.float32))
    assert Total()(single).dtype == jnp.float32
    assert float(Total()(single)) == 6.0
    for empty in ((), {}, None):
        with pytest.raises(ValueError, match="`output` must hold at least one array"):
            Total()(empty)


def test_a_loss_of_ones_own_is_a_loss():
    class Cubed(AbstractLoss):
        scale: jax.Array

        def __call__(self, output):
            return self.scale * jnp.sum(output**3)

    assert float(Cubed(jnp.array(2.0))(jnp.array([1.0, 2.0]))) == 18.0
