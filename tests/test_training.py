"""Training: the optimiser's digits, runs that go on to the last bit, several seeds, several devices."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sgtheory as sg
from sgtheory.training import CheckpointError, Checkpoints, _fit, fit, smorms3, train
from sgtheory.training._fit import begin


@pytest.fixture(autouse=True)
def as_optax_wants_it():
    """Adam of optax counts its steps with whole numbers, and takes powers of them."""
    with jax.numpy_dtype_promotion("standard"):
        yield


INPUTS = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LOSS = sg.SquaredDistance(jnp.array([[0.0], [1.0], [1.0], [1.0]]))


def problem(seed=0):
    network = sg.MultilayerPerceptron((2, 4, 1), sg.Sigmoid(2.0))
    return sg.SurrogateGradient(), LOSS, network, network.random_parameters(jax.random.key(seed)), INPUTS


OPTIONS = {"steps": 30, "key": jax.random.key(1), "batch": 2, "trials": 3, "loss_axis": 0, "every": 7, "bar": False}


def same(first, second):
    return all(bool(jnp.all(a == b)) for a, b in zip(*map(jax.tree.leaves, (first, second)), strict=True))


def test_smorms3_has_the_published_digits():
    optimiser, parameter = smorms3(0.01), jnp.array(1.0)
    state, found = optimiser.init(parameter), []
    for gradient in (0.5, -0.2, 0.3, 0.3, -0.1):
        updates, state = optimiser.update(jnp.array(gradient), state)
        parameter = optax.apply_updates(parameter, updates)
        found.append(float(parameter))
    expected = [0.9858578643762691, 0.9924877998175871, 0.982526877149154, 0.9725560209377604, 0.9763408808760516]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    updates, _ = optimiser.update(jnp.array(0.0), optimiser.init(parameter))
    assert float(updates) == 0.0  # and not NaN


@pytest.mark.parametrize("optimiser", [optax.adam(0.05), smorms3(0.05)], ids=["adam", "smorms3"])
def test_the_loss_falls(optimiser):
    fitted = fit(*problem(), optimiser, **{**OPTIONS, "steps": 300, "batch": 4, "trials": 8})
    assert fitted.loss.shape == (300,)
    assert fitted.loss[-50:].mean() < 0.6 * fitted.loss[:20].mean()


def test_a_run_that_goes_on_from_a_checkpoint_is_the_same_to_the_last_bit(tmp_path):
    optimiser = optax.adam(0.05)
    metric = lambda output: output[0]  # noqa: E731
    whole = fit(*problem(), optimiser, metric=metric, **OPTIONS)
    first = fit(*problem(), optimiser, metric=metric, **{**OPTIONS, "steps": 13}, checkpoints=tmp_path / "run")
    again = fit(*problem(), optimiser, metric=metric, **OPTIONS, checkpoints=tmp_path / "run")
    assert len(first.loss) == 13
    assert same(whole.parameters, again.parameters)
    np.testing.assert_array_equal(whole.loss, again.loss)
    np.testing.assert_array_equal(whole.metric, again.metric)
    other = fit(*problem(), optimiser, **{**OPTIONS, "key": jax.random.key(2)})
    assert not same(whole.parameters, other.parameters)


KILLED = """
import os, sys, jax, optax
jax.config.update("jax_enable_x64", True)
sys.path.insert(0, {tests!r})
from test_training import OPTIONS, problem
from sgtheory.training import fit
from sgtheory.training._checkpoints import Checkpoints
kept = Checkpoints.save
def save(self, step, state, history):
    if step > 14:
        os._exit(9)  # in the middle of everything
    kept(self, step, state, history)
Checkpoints.save = save
fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints={folder!r}, keep_every=1)
"""


def test_a_run_that_was_killed_goes_on_to_the_last_bit(tmp_path):
    code = KILLED.format(tests=str(pathlib.Path(__file__).parent), folder=str(tmp_path / "run"))
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert killed.returncode == 9, killed.stderr[-2000:]
    again = fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "run")
    whole = fit(*problem(), optax.adam(0.05), **OPTIONS)
    assert same(whole.parameters, again.parameters)
    np.testing.assert_array_equal(whole.loss, again.loss)


def test_ctrl_c_keeps_what_was_reached(tmp_path, monkeypatch):
    real = _fit.train

    def interrupted(*arguments, **options):
        for number, report in enumerate(real(*arguments, **options)):
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            yield report

    with monkeypatch.context() as patched:
        patched.setattr(_fit, "train", interrupted)
        stopped = fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "run")
    assert int(stopped.state.done) == len(stopped.loss) == 14
    assert (tmp_path / "run" / "14").is_dir()
    again = fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "run")
    whole = fit(*problem(), optax.adam(0.05), **OPTIONS)
    assert same(whole.parameters, again.parameters)
    np.testing.assert_array_equal(whole.loss, again.loss)


def test_ctrl_c_in_the_middle_of_keeping_keeps_it_nevertheless(tmp_path, monkeypatch):
    real, calls = Checkpoints.save, []

    def interrupted(self, step, state, history):
        calls.append(step)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(self, step, state, history)
        if len(calls) == 4:  # when all is kept, but nobody knows it yet
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", interrupted)
    options = {**OPTIONS, "checkpoints": tmp_path / "run", "keep_every": 7}
    assert int(fit(*problem(), optax.adam(0.05), **options).state.done) == 14
    assert int(fit(*problem(), optax.adam(0.05), **options).state.done) == 21
    assert calls == [7, 14, 14, 21, 21]
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"14", "21", "training.json", "training.lock"}


def test_ctrl_c_before_the_first_report_keeps_nothing(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    with monkeypatch.context() as patched:
        patched.setattr(_fit, "train", interrupted)
        stopped = fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "run")
    assert int(stopped.state.done) == len(stopped.loss) == 0
    assert not (tmp_path / "run" / "0").exists()
    again = fit(*problem(), optax.adam(0.05), **{**OPTIONS, "steps": 7}, checkpoints=tmp_path / "run")
    assert len(again.loss) == 7


def test_two_runs_in_one_folder_are_refused(tmp_path):
    options = {**OPTIONS, "steps": 7, "checkpoints": tmp_path / "run"}
    like = begin(optax.adam(0.05), problem()[3])
    with (
        contextlib.closing(Checkpoints(tmp_path / "run", like)),
        pytest.raises(CheckpointError, match="must be free, but another training run is at work there"),
    ):
        fit(*problem(), optax.adam(0.05), **options)
    with pytest.raises(ValueError, match="`steps` must be a whole number"):
        fit(*problem(), optax.adam(0.05), **{**options, "steps": 0})
    assert len(fit(*problem(), optax.adam(0.05), **options).loss) == 7  # whatever ends a run, its folder is free again


def test_checkpoints_of_another_model_are_refused(tmp_path):
    fit(*problem(), optax.adam(0.05), **{**OPTIONS, "steps": 2}, checkpoints=tmp_path / "run")
    network = sg.MultilayerPerceptron((2, 5, 1), sg.Sigmoid(2.0))
    wider = sg.SurrogateGradient(), LOSS, network, network.random_parameters(jax.random.key(0)), INPUTS
    with pytest.raises(CheckpointError, match="holds checkpoints of another model"):
        fit(*wider, optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(CheckpointError, match="holds something else"):
        fit(*problem(), optax.adam(0.05), **OPTIONS, checkpoints=tmp_path / "mine")


def test_several_seeds_at_once_are_several_runs():
    estimator, loss, network, _, inputs = problem()
    parameters = [network.random_parameters(jax.random.key(seed)) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *parameters)
    together = fit(estimator, loss, network, stacked, inputs, optax.adam(0.05), seeds=3, **OPTIONS)
    assert together.loss.shape == (30, 3)
    assert len({round(float(value), 6) for value in together.loss[-5:].mean(axis=0)}) > 1
    assert together.parameters.weights[0].shape == (3, 4, 2)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"batch": 5}, {"trials": -1}, {"every": 0}, {"seeds": 0}], ids=lambda each: next(iter(each))
)
def test_numbers_that_make_no_sense_are_refused_in_one_sentence(wrong):
    options = {**OPTIONS, **wrong}
    options.pop("bar")
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be a whole number from 1"):
        list(train(*problem(), optax.adam(0.05), **options))


def test_stopping_keeps_what_was_reached():
    reports = train(*problem(), optax.adam(0.05), **{k: v for k, v in OPTIONS.items() if k != "bar"})
    first = next(reports)
    reports.close()
    assert int(first.state.done) == 7
    rest = list(
        train(*problem(), optax.adam(0.05), state=first.state, **{k: v for k, v in OPTIONS.items() if k != "bar"})
    )
    whole = fit(*problem(), optax.adam(0.05), **OPTIONS)
    assert same(rest[-1].state.parameters, whole.parameters)


DEVICES = """
import sys, jax, optax
jax.config.update("jax_enable_x64", True)
sys.path.insert(0, {tests!r})
from test_training import OPTIONS, problem
from sgtheory.training import fit
assert len(jax.devices()) == {count}
fitted = fit(*problem(), optax.adam(0.05), **{{**OPTIONS, "batch": 4, "trials": 2}})
print(repr([float(each) for each in fitted.loss]))
"""


def test_several_devices_give_the_same_numbers():
    found = []
    for count in (1, 4):
        flags = f"--xla_force_host_platform_device_count={count}"
        code = DEVICES.format(tests=str(pathlib.Path(__file__).parent), count=count)
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False,
            env={**os.environ, "XLA_FLAGS": flags},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr[-2000:]
        found.append(np.array(eval(run.stdout)))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


def test_what_is_no_array_stays_what_it_is():
    class Squashed(eqx.Module):
        """A network's parameters with a function among them."""

        weight: jax.Array
        function: object = eqx.field(static=False, default=jnp.tanh)

    class Unit(sg.AbstractNetwork):
        def draw(self, inputs, *, key):
            return ()

        def run(self, parameters, inputs, noise):
            return sg.Path(parameters.function(parameters.weight * inputs))

    fitted = fit(
        sg.PathwiseGradient(), sg.MeanSquaredError(0.5), Unit(), Squashed(jnp.array(0.1)), jnp.ones((3,)), optax.sgd(0.5),
        steps=60, key=jax.random.key(0), bar=False,
    )  # fmt: skip
    assert float(jnp.tanh(fitted.parameters.weight)) == pytest.approx(0.5, abs=1e-3)
