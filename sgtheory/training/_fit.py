import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from sgtheory._arrays import Array, Float, Inputs, Int, Key, Parameters
from sgtheory._checks import instance, whole
from sgtheory.gradients import AbstractDifferentiable, Loss, mean_objective
from sgtheory.networks import AbstractNetwork
from sgtheory.training._checkpoints import Checkpoints


class TrainingState(eqx.Module):
    """All that a training run needs to go on: `parameters`, the state of the `optimiser`, how many steps are `done`."""

    parameters: Parameters
    optimiser: Any
    done: Int[Array, ""]


class Report(eqx.Module):
    """How far a run is after some more steps: its `state`, and `loss` and `metric` of each of these steps.

    With several seeds the arrays have a second axis over them. `seconds`: time of a step.
    """

    state: TrainingState
    loss: Float[np.ndarray, "steps ..."]
    metric: Float[np.ndarray, "steps ..."] | None
    seconds: float = eqx.field(static=True)


class Fitted(eqx.Module):
    """A trained network: `parameters`, the `state` to go on from, and the history of `loss` and `metric`, one entry a step.

    With several seeds parameters have a leading axis over them, histories a second one.
    """

    parameters: Parameters
    state: TrainingState
    loss: Float[np.ndarray, "steps ..."]
    metric: Float[np.ndarray, "steps ..."] | None


def train(
    estimator: AbstractDifferentiable,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    optimiser: optax.GradientTransformation,
    *,
    steps: int,
    key: Key,
    batch: int | None = None,
    trials: int = 1,
    loss_axis: int | None = None,
    seeds: int | None = None,
    metric: Callable[[Any], Array] | None = None,
    every: int = 10,
    state: TrainingState | None = None,
) -> Iterator[Report]:
    r"""Trains step by step, and reports after `every` so many: $\theta\leftarrow\theta+\text{optimiser}(\nabla\bar L)$.

    $\bar L$ is the mean of the estimator's objective over a batch of samples and `trials` draws of each. A step depends on
    its number and the key alone, so that a run that goes on from a `state` is the same run to the last bit.

    An optimiser of optax that searches along a line, or asks for the loss, gets both: of the same samples and draws.

    **Arguments:** `inputs`, with a leading axis over samples; `loss_axis`, 0 where the loss has that axis too; `batch`,
    samples a step, all where None is given; they are taken in a new order in each epoch; `seeds`, train so many at once:
    then `parameters` have a leading axis over them; `metric`, from an output to a number; `state`, where to go on.
    **Raises** `ValueError` for numbers of steps, samples or trials that are not positive, `TypeError` for an estimator
    that does not back-propagate.
    """
    instance("estimator", estimator, AbstractDifferentiable, "Take `SurrogateGradient()`, say.")
    samples = jnp.shape(jax.tree.leaves(inputs)[0])[0]
    size = samples if batch is None else batch
    for name, value in (
        ("steps", steps),
        ("trials", trials),
        ("every", every),
        ("seeds", 1 if seeds is None else seeds),
    ):
        whole(name, value)
    whole("batch", size, most=samples, of="samples")
    if state is None:
        state = begin(optimiser, parameters, seeds)
    sizes = _Sizes(samples, size, trials, seeds, loss_axis)
    done = int(state.done)
    while done < steps:
        count = min(every, steps - done)
        began = time.perf_counter()
        numbers = state.done + jnp.arange(count)
        state, values, metrics = _several(
            estimator, network, optimiser, metric, sizes, state, loss, inputs, key, numbers
        )
        values = np.asarray(values)
        done += count
        seconds = (time.perf_counter() - began) / count
        yield Report(state, values, None if metrics is None else np.asarray(metrics), seconds)


def begin(optimiser: optax.GradientTransformation, parameters: Parameters, seeds: int | None = None) -> TrainingState:
    """The state before the first step."""
    real = eqx.filter(parameters, eqx.is_inexact_array)
    start = optimiser.init if seeds is None else jax.vmap(optimiser.init)
    return TrainingState(parameters, start(real), jnp.array(0))


@dataclasses.dataclass(frozen=True)
class _Sizes:
    """What of a step is known before it is compiled: how many samples there are, are taken, and how often each."""

    samples: int
    batch: int
    trials: int
    seeds: int | None
    loss_axis: int | None


@eqx.filter_jit
def _several(estimator, network, optimiser, metric, sizes: _Sizes, state, loss, inputs, key, numbers):
    """Several steps. One program for all estimators, networks and losses that differ in numbers alone."""
    dynamic, static = eqx.partition(state.parameters, eqx.is_array)

    def objective(parameters, loss, inputs, key):
        value, paths = mean_objective(estimator, loss, network, parameters, inputs, key=key, loss_axis=sizes.loss_axis)
        return value, None if metric is None else jnp.mean(jax.vmap(metric)(paths.output))

    def one_step(parameters, optimiser_state, loss, inputs, key):
        (value, found), gradient = eqx.filter_value_and_grad(objective, has_aux=True)(parameters, loss, inputs, key)
        real, rest = eqx.partition(parameters, eqx.is_inexact_array)

        def value_of(real):
            """What a line search asks for: the same samples and draws with other parameters."""
            return objective(eqx.combine(real, rest), loss, inputs, key)[0]

        with jax.numpy_dtype_promotion("standard"):  # optimisers of optax mix kinds of numbers
            updates, optimiser_state = optax.with_extra_args_support(optimiser).update(
                gradient, optimiser_state, real, value=value, grad=gradient, value_fn=value_of
            )
        return eqx.apply_updates(parameters, updates), optimiser_state, value, found

    def body(carry, step):
        parameters, optimiser_state = carry
        parameters = eqx.combine(parameters, static)
        order, draws = jax.random.split(key)
        own_loss, own_inputs = _chosen(sizes, step, loss, inputs, order)
        draw = jax.random.fold_in(draws, step)
        if sizes.seeds is None:
            after = one_step(parameters, optimiser_state, own_loss, own_inputs, draw)
        else:
            after = eqx.filter_vmap(one_step, in_axes=(eqx.if_array(0), 0, None, None, 0))(
                parameters, optimiser_state, own_loss, own_inputs, jax.random.split(draw, sizes.seeds)
            )
        parameters, optimiser_state, value, found = after
        return (eqx.filter(parameters, eqx.is_array), optimiser_state), (value, found)

    (parameters, optimiser_state), (values, found) = jax.lax.scan(body, (dynamic, state.optimiser), numbers)
    parameters = eqx.combine(parameters, static)
    return TrainingState(parameters, optimiser_state, state.done + numbers.shape[0]), values, found


def _chosen(sizes: _Sizes, step, loss, inputs, key):
    """The samples of a step, each as often as there are trials."""
    if sizes.batch < sizes.samples:
        epochs = sizes.samples // sizes.batch
        order = jax.random.permutation(jax.random.fold_in(key, step // epochs), sizes.samples)
        index = jax.lax.dynamic_slice_in_dim(order, (step % epochs) * sizes.batch, sizes.batch)
    else:
        index = jnp.arange(sizes.samples)
    index = jnp.repeat(index, sizes.trials)
    picked = jax.tree.map(lambda leaf: _over_devices(jnp.take(leaf, index, axis=0)), inputs)
    if sizes.loss_axis is not None:
        loss = jax.tree.map(lambda leaf: jnp.take(leaf, index, axis=0) if eqx.is_array(leaf) else leaf, loss)
    return loss, picked


def _over_devices(leaf: Array) -> Array:
    """A batch that is divided evenly among the devices, where there are several and it can be."""
    devices = jax.devices()
    if len(devices) == 1 or leaf.shape[0] % len(devices):
        return leaf
    return jax.lax.with_sharding_constraint(
        leaf, NamedSharding(Mesh(np.array(devices), ("batch",)), PartitionSpec("batch"))
    )


def fit(
    estimator: AbstractDifferentiable,
    loss: Loss,
    network: AbstractNetwork,
    parameters: Parameters,
    inputs: Inputs,
    optimiser: optax.GradientTransformation,
    *,
    steps: int,
    key: Key,
    checkpoints: str | pathlib.Path | None = None,
    keep_every: int = 100,
    bar: bool = True,
    **options: Any,
) -> Fitted:
    """Trains a network, with a bar that tells the loss, the metric, steps per second and the time left.

    **Arguments:** as `train`; `checkpoints`, a folder where the state is kept, after every `keep_every` steps and at the
    end: a run that was stopped or killed goes on from there, to the last bit; `bar`, whether the bar is shown. Ctrl+C ends
    a run early with what it has reached, which is then kept, too.
    **Raises** as `train`, and `CheckpointError` for checkpoints of another model, and for a folder in which another run is
    at work.

    >>> import jax, jax.numpy as jnp, optax, sgtheory as sg
    >>> network = sg.MultilayerPerceptron((2, 4, 1), sg.Sigmoid(2.0))
    >>> parameters = network.random_parameters(jax.random.key(0))
    >>> inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> loss = sg.SquaredDistance(jnp.array([[0.0], [1.0], [1.0], [1.0]]))
    >>> fitted = fit(sg.SurrogateGradient(), loss, network, parameters, inputs, optax.adam(0.05), steps=200,
    ...              trials=8, loss_axis=0, key=jax.random.key(1), bar=False)
    >>> print(bool(fitted.loss[-20:].mean() < 0.7 * fitted.loss[:20].mean()))
    True
    """
    start = begin(optimiser, parameters, options.get("seeds"))
    reached = start, {}
    held = contextlib.nullcontext() if checkpoints is None else contextlib.closing(Checkpoints(checkpoints, start))
    with held as kept:
        if kept is not None:
            reached = kept.latest(start) or reached
        last_kept = int(reached[0].done)
        shown = _bar(steps, last_kept) if bar else contextlib.nullcontext()
        with shown as progress, contextlib.suppress(KeyboardInterrupt):
            for report in train(
                estimator,
                loss,
                network,
                parameters,
                inputs,
                optimiser,
                steps=steps,
                key=key,
                state=reached[0],
                **options,
            ):
                # In one step, because Ctrl+C may come between any two.
                reached = report.state, _longer(reached[1], {"loss": report.loss, "metric": report.metric})
                done = int(report.state.done)
                if kept is not None and done - last_kept >= keep_every:
                    kept.save(done, *reached)
                    last_kept = done
                if progress is not None:
                    last = {name: f"{values[-1].mean():.4g}" for name, values in reached[1].items()}
                    progress.set_postfix(last, refresh=False)
                    progress.update(len(report.loss))
        done = int(reached[0].done)
        if kept is not None and done > last_kept:
            kept.save(done, *reached)
    state, history = reached
    return Fitted(state.parameters, state, history.get("loss", np.zeros(0)), history.get("metric"))


def _longer(history: dict[str, np.ndarray], new: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    given = {name: values for name, values in new.items() if values is not None}
    return {
        name: np.concatenate([history[name], values]) if name in history else values for name, values in given.items()
    }


def _bar(steps: int, done: int):
    from tqdm.auto import tqdm

    return tqdm(total=steps, initial=done, unit="step")
