"""Telling classes apart, on a small scale: what a look finds, how a run goes on, what is refused."""

import jax
import numpy as np
import pytest

from sgtheory.data import DataError
from sgtheory.experiments import classification as experiment
from sgtheory.experiments.classification import ARMS, ClassificationSetting, samples, train_classifiers
from sgtheory.pages.classification import ARMS as OFFERED, MANIFOLDS, SPOKEN


@pytest.fixture(scope="module")
def run():
    """Two networks, a few steps, on few samples."""
    with pytest.MonkeyPatch.context() as patch, jax.enable_x64(False):
        for name, value in {"KNOWN": 120, "ASKED": 60, "BATCH": 20, "TRIALS": 4, "PATHS": 4}.items():
            patch.setattr(experiment, name, value)
        samples.cache_clear()
        setting = ClassificationSetting(arms=("noise, SuperSpike", "no noise"))
        whole = list(train_classifiers(setting, 80))
        half = next(found for found in whole if found.done == 40)
        rest = list(train_classifiers(setting, 80, states=half.states))
        yield whole, rest
        samples.cache_clear()


def test_both_networks_learn(run):
    whole, _ = run
    for arm in ("noise, SuperSpike", "no noise"):
        losses = [np.mean(found.loss[arm]) for found in whole if found.loss]
        assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.2


def test_a_run_that_goes_on_from_its_states_is_the_same_run(run):
    whole, rest = run
    assert rest[0].done == 40
    assert not any(found.looks for found in rest if found.done == 40)
    for one, other in zip(jax.tree.leaves(whole[-1].states), jax.tree.leaves(rest[-1].states), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_look_at_the_networks(run):
    look = run[0][-1].looks
    for arm, found in look.items():
        own = "without" if arm == "no noise" else "with"
        right = np.diag(found.confusion)
        assert right.mean() == pytest.approx(found.accuracy[own], abs=1e-6)  # as many samples of each class
        np.testing.assert_allclose(found.confusion.sum(axis=1), 1.0, atol=1e-6)
        assert found.leads.shape == (4, experiment.STEPS)
        assert len(found.spikes) == 2
        assert 0.2 < found.one_path <= 1.0
        assert 0 < found.one_path_error < 0.2
        assert 0 < found.noiseless_path_error < 0.3


def test_a_trial_whose_lead_ends_above_zero_is_answered_right():
    rng = np.random.default_rng(0)
    potentials = rng.normal(size=(50, 30, 4))
    leads = experiment._leads(potentials, 2)
    assert leads.shape == (50, 30)
    right = potentials.max(axis=1).argmax(axis=1) == 2
    assert 5 < right.sum() < 45
    np.testing.assert_array_equal(leads[:, -1] > 0, right)


def test_the_error_of_a_cosine_is_its_spread_over_batches(run):
    """The jackknife on one batch foretells how much the cosine differs from batch to batch, each with noise of its own."""
    from sgtheory.losses import MaximumOverTime

    network, parameters = ClassificationSetting().network(), run[0][-1].states["no noise"].parameters
    known, _ = samples(MANIFOLDS, 1.0)
    found = []
    for k in range(6):
        batch = slice(20 * k, 20 * (k + 1))
        loss = MaximumOverTime(np.asarray(known.labels[batch]))
        found.append(experiment._selection(network, parameters, known.spikes[batch], loss, jax.random.key(k)))
    cosines, errors = (np.array(each) for each in zip(*found, strict=True))
    ratio = np.sqrt(np.mean(errors**2, axis=0)) / np.std(cosines, axis=0, ddof=1)
    assert np.all(ratio > 0.4)
    assert np.all(ratio < 2.5)


def test_trials_without_noise_are_all_the_same_and_with_noise_are_not(run):
    """One half for every uniform makes a sampled path the noiseless one."""
    states = run[0][-1].states["no noise"]
    network = ClassificationSetting().network()
    spikes = np.repeat(samples(MANIFOLDS, 1.0)[1].spikes[:1], 3, axis=0)
    trials = {
        noisy: experiment._trials(network, states.parameters, np.asarray(noisy), spikes, jax.random.key(0))
        for noisy in (True, False)
    }
    assert np.ptp(trials[True].potential, axis=0).max() > 0
    assert np.ptp(trials[False].potential, axis=0).max() == 0
    from sgtheory.rules import SpikeRule, Threshold

    inputs = network.as_inputs(spikes[0])
    still = network(states.parameters, inputs, network.draw(inputs, key=jax.random.key(0)), SpikeRule(Threshold()))
    np.testing.assert_array_equal(still.output.last, trials[False].last[0])


def test_every_input_of_a_manifold_spikes_once():
    known, asked = samples(MANIFOLDS, 1.0)
    assert np.all(asked.spikes.sum(axis=(1, 2)) == 1)
    assert known.spikes.shape[1:] == (experiment.STEPS, 1, experiment.POSITIONS)


def test_the_page_offers_all_ways_to_train():
    assert tuple(OFFERED) == tuple(ARMS)
    assert (MANIFOLDS, SPOKEN) == experiment.DATA


def test_the_network_for_spoken_digits_is_that_of_the_paper():
    network = ClassificationSetting(data=SPOKEN).network()
    assert network.unit_shapes == ((16, 68), (32, 21), (64, 5))
    parameters = network.random_parameters(jax.random.key(0), rate=15.8)
    assert sum(leaf.size for leaf in jax.tree.leaves(parameters)) == 51_536


def test_spoken_digits_that_are_not_there_are_told(monkeypatch):
    monkeypatch.delenv("SGTHEORY_DATA", raising=False)
    with pytest.raises(DataError, match="SGTHEORY_DATA must name the folder"):
        samples(SPOKEN, 1.0)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"arms": ()}, "`arms` must be names of `ARMS`"),
        ({"data": "letters"}, "`data` must be random manifolds or spoken digits"),
        ({"steepness": -1.0}, "`steepness` must be positive"),
        ({"seed": -1}, "`seed` must be a whole number from 0"),
    ],
)
def test_wrong_settings_are_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        ClassificationSetting(**wrong)
