"""The picture task: its parts on a small scale, and what the full one reaches in a few steps."""

import jax
import numpy as np
import pytest

from sgtheory.experiments import spike_train_matching as experiment
from sgtheory.experiments._moments import schedule
from sgtheory.experiments.spike_train_matching import MatchingSetting, baselines, target_of, train_matching


@pytest.fixture
def small(monkeypatch):
    for name, value in {"UNITS": 16, "STEPS": 30, "TRIALS": 4}.items():
        monkeypatch.setattr(experiment, name, value)
    with jax.enable_x64(False):
        yield target_of(np.linspace(0, 1, 400).reshape(20, 20))


def last(setting, target, steps):
    return [found for found in train_matching(setting, target, steps) if found.moment is not None][-1].moment


@pytest.mark.parametrize("rule", experiment.RULES)
def test_training_lowers_the_distance_of_van_rossum(small, rule):
    setting = MatchingSetting(rule=rule, trials=2)
    run = [found.moment for found in train_matching(setting, small, 200) if found.moment is not None]
    for arm in experiment.ARMS:
        assert run[-1].distances[arm]["van Rossum"] < 0.75 * run[0].distances[arm]["van Rossum"]


def test_a_run_that_goes_on_from_its_states_is_the_same_run(small):
    setting = MatchingSetting(trials=2)
    whole = list(train_matching(setting, small, 60))
    half = next(found for found in whole if found.done == 30)
    rest = list(train_matching(setting, small, 60, states=half.states))
    assert rest[0].done == 40
    for one, other in zip(jax.tree.leaves(whole[-1].states), jax.tree.leaves(rest[-1].states), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_network_without_noise_is_the_same_in_every_trial_and_the_other_is_not(small):
    first, second = (last(MatchingSetting(trials=1, seed=0), small, 10) for _ in range(2))
    np.testing.assert_array_equal(first.output["deterministic"], second.output["deterministic"])
    assert np.any((first.mean > 0) & (first.mean < 1))


def test_silence_is_farther_than_random_spikes_once_trains_are_blurred(small):
    found = baselines(small)
    assert found["van Rossum"]["random"] < found["van Rossum"]["silent"]
    assert found["L2"]["silent"] == pytest.approx(0.5 * float(small.sum()) / small.shape[1], rel=1e-5)


def test_moments_are_multiples_of_ten_and_end_with_the_run():
    assert schedule(1000)[-1] == 1000
    assert len(schedule(1000)) == 16
    assert all(step % 10 == 0 for step in schedule(1000))
    assert schedule(35) == [0, 10, 20, 30, 35]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"distance": "L3"}, "`distance` must be van Rossum or L2, got 'L3'"),
        ({"rule": "magic"}, "`rule` must be back-propagation or eligibility rule"),
        ({"learning_rate": 0.0}, "`learning_rate` must be positive"),
        ({"trials": 0}, "`trials` must be a whole number from 1"),
        ({"rule": "eligibility rule", "distance": "L2"}, "must be van Rossum for the eligibility rule"),
    ],
)
def test_wrong_settings_are_refused(wrong, text):
    with pytest.raises(ValueError, match=text):
        MatchingSetting(**wrong)
