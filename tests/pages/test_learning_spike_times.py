"""Page 11: every number that its tour, its exercises and its notebook tell, and that what is stored is what is computed."""

import json
import pathlib
import re

import numpy as np
import pytest

from sgtheory.experiments import learning_spike_times as experiment
from sgtheory.pages import LearningSpikeTimes, learning_spike_times as module
from sgtheory.pages._kit import in_64_bits
from sgtheory.pages._training import Run, stored_run
from sgtheory.pages.learning_spike_times import ANSWERS, AWAY, RECURRENT, SILENT, TASKS, TWO
from sgtheory.pages.learning_spike_times_exercises import EXERCISES, HIDDEN_RATE, REACHED, entry
from sgtheory.pages.learning_spike_times_tour import TOUR

_CELLS = json.loads((pathlib.Path(__file__).parents[2] / "notebooks" / "11_learning_spike_times.ipynb").read_text())[
    "cells"
]
NOTEBOOK = " ".join(" ".join("".join(cell["source"]) for cell in _CELLS).split())


@pytest.fixture(scope="module")
def page():
    made = LearningSpikeTimes()
    made.wait()
    yield made
    made.close()


def numbers(page, **moved):
    found = page.compute(page.settings() | moved)["readouts"]
    return {key: float(values[0]) for key, values in found.items()}


def titled(title):
    return next(step for step in TOUR if step.title == title)


def opened(page, title):
    return numbers(page, **titled(title).settings(page.specification))


# ---- what is stored is what is computed ----


def test_the_stored_course_is_the_one_that_is_learnt(page):
    with in_64_bits():
        computed = experiment.course.__wrapped__(*module._TARGETS, module._RATE)
    stored = page._kept("course")
    assert computed.keys() == stored.keys()
    for name, values in computed.items():
        # Near the end the loss is a difference of equal numbers.
        kept = slice(None, 500) if name == "loss" else slice(None)
        np.testing.assert_allclose(
            np.atleast_1d(stored[name])[kept], np.atleast_1d(values)[kept], rtol=1e-6, atol=1e-9, err_msg=name
        )
    other = page._computed("course", *module._TARGETS, 0.08)
    assert np.abs(other["spike_1"] - stored["spike_1"]).max() > 1  # the negative control


def test_the_stored_answers_are_those_that_are_computed(page):
    for part, computed in (
        ("answers", experiment.answers.__wrapped__(0)),
        ("descents", experiment.descents.__wrapped__()),
    ):
        stored = page._kept(part)
        assert computed.keys() == stored.keys()
        for name, values in computed.items():
            np.testing.assert_allclose(stored[name], values, rtol=1e-4, atol=1e-6, err_msg=name)


def test_what_the_page_knows_without_jax_is_what_the_experiments_say():
    from sgtheory.experiments import recurrent_spike_times, silent_digits, three_gradients, two_spike_times
    from sgtheory.experiments._moments import schedule

    assert module.WEIGHTS == three_gradients.NAMES
    assert experiment.FIELDS.keys() == set(module._METHODS)
    assert set(experiment.FIELDS.values()) == set(three_gradients.METHODS)
    assert (module.EVERY, module.AWAY) == (experiment.EVERY, experiment.AWAY)
    assert (module._TARGETS, module._RATE, module.TRIALS) == (
        two_spike_times.TARGETS,
        two_spike_times.RATE,
        two_spike_times.TRIALS,
    )
    assert module._END == two_spike_times.DURATION == recurrent_spike_times.DURATION
    assert module._TRIAL_END == silent_digits.DURATION
    assert module.RECURRENT_TRIALS == recurrent_spike_times.TRIALS
    assert stored_run("learning_spike_times").moments["step"].tolist() == schedule(module.SILENT_STEPS)
    assert stored_run("learning_spike_times_recurrent").moments["step"].tolist() == schedule(module.RECURRENT_TRIALS)
    assert three_gradients.ThreeGradientsSetting().target == 0.9  # the level that is drawn
    assert three_gradients.DURATION == 4.0


def test_stored_runs_are_small_and_are_those_of_the_controls(page):
    from sgtheory.pages._training import RUNS

    for name in ("learning_spike_times", "learning_spike_times_recurrent"):
        assert (RUNS / f"{name}.npz").stat().st_size < 500_000
    for task in TASKS:
        assert page.told_about(page.settings() | {"task": task}) == "Ready."
    assert "comes with this page" in page.told_about(page.settings() | {"task": SILENT, "seed": 1})
    assert "comes with this page" in page.told_about(page.settings() | {"task": RECURRENT, "draw": 1})
    assert page.told_about(page.settings() | {"task": TWO, "seed": 1}) == "Ready."  # of the other networks


# ---- the tour ----


def test_both_spikes_are_pseudospikes_at_first_and_the_loss_is_as_told(page):
    found = opened(page, "Behind the end")
    assert [round(found[f"spike_{k}"], 2) for k in (1, 2)] == [10.69, 11.89]
    told = ((10.69 - 2.5) ** 2 + (11.89 - 7.5) ** 2) / 2
    assert found["loss"] == pytest.approx(told, abs=titled("Behind the end").ask.tolerance / 2)
    first = (found["spike_1"] - 2.5) ** 2 / 2
    assert first > found["loss"] / 2  # "half of it, and more"


def test_spikes_glide_in_without_a_jump(page):
    found = numbers(page)
    assert (found["entry_1"], found["entry_2"]) == (316, 1768)
    assert "trial 316, the other at trial 1768" in NOTEBOOK
    assert found["jump"] == pytest.approx(0.061, abs=5e-4)
    assert 1.0 <= found["length"] < 1.2  # "about as long"
    assert numbers(page, rate=0.04)["jump"] == pytest.approx(0.4 * found["jump"], rel=0.05)
    assert numbers(page, trial=120)["loss"] < 1e-20


def test_a_weight_grows_by_at_most_two_thousandths_a_trial():
    from sgtheory.experiments.two_spike_times import LARGEST_SLOPE, RATE, TwoSpikeSetting, learn

    assert pytest.approx(0.002) == RATE * LARGEST_SLOPE
    with in_64_bits():
        changes = np.abs(np.diff(np.asarray(learn(TwoSpikeSetting()).weights), axis=0))
    assert changes.max() == pytest.approx(0.002, rel=1e-9)


@pytest.mark.parametrize(
    ("second", "rate", "reached"),
    [
        (7.5, 0.1, True),
        (9.0, 0.1, True),
        (5.0, 0.1, False),
        (4.0, 0.1, False),
        (5.0, 0.2, True),
        (3.0, 0.2, False),
    ],
)
def test_which_targets_are_reached_in_time(page, second, rate, reached):
    found = numbers(page, second=second, rate=rate, trial=120)
    assert (found["loss"] < 1e-9) == reached
    for k, target in ((1, 2.5), (2, second)):
        assert (abs(found[f"spike_{k}"] - target) < 1e-4) == reached


def test_a_small_rate_may_leave_the_second_spike_behind_the_end(page):
    found = numbers(page, rate=0.04, trial=120)
    assert found["entry_1"] < module.TRIALS
    assert found["entry_2"] == module.TRIALS


def test_a_target_that_is_not_reached_in_time_is_reached_later():
    from sgtheory.experiments.two_spike_times import RATE, TwoSpikeSetting, learn

    def learnt(trials, rate=RATE):
        with in_64_bits():
            return learn(TwoSpikeSetting(targets=np.array([2.5, 5.0]), rate=rate), trials)

    told = titled("Not there yet")
    soon, later = learnt(3000), learnt(4000)
    for spike in np.asarray(soon.spikes)[-1]:
        assert f"{spike:.3f}" in told.ask.reason
    assert np.asarray(soon.weights)[-1] == pytest.approx(6, abs=0.05)
    assert np.asarray(later.weights)[-1] == pytest.approx(7, abs=0.5)
    assert later.loss[-1] < 1e-15
    first = int(np.flatnonzero(np.asarray(learnt(3000, 0.2).loss) < 1e-6)[0])
    assert first == pytest.approx(1900, abs=50)
    assert "1900 trials" in told.try_


def test_six_of_nine_spikes_are_pseudospikes_at_first_and_none_at_the_end(page):
    shown = page.compute(titled("Ten neurons").settings(page.specification))
    asked = shown["asked.time"]["x"]
    assert asked.size == 9
    assert (asked > 10).sum() == titled("Ten neurons").ask.value == 6
    assert "At first six of them" in NOTEBOOK
    last = page.compute(page.settings() | {"task": RECURRENT, "stage": 15})
    assert (last["asked.time"]["x"] <= 10).all()
    told = re.search(r"largest error of ([\d.]+) τ", titled("Ten neurons").ask.reason)
    assert last["readouts"]["recurrent_error"][0] == pytest.approx(float(told[1]), abs=5e-3)
    # The blue dots lie on dots of the raster, and the error is theirs from the rings.
    ordinary = last["asked.time"]["x"]
    raster = last["raster.time"]["x"]
    assert all(np.abs(raster - each).min() < 1e-3 for each in ordinary)
    assert np.abs(ordinary - last["wanted.time"]["x"]).max() == pytest.approx(
        last["readouts"]["recurrent_error"][0], abs=1e-6
    )


def test_a_silent_network_wakes_by_pseudospikes_alone(page):
    run, control = page.runs[SILENT].moments, page._kept("control")
    assert run["silent_1"][0] == run["silent_2"][0] == 1.0
    assert run["spoken"][0] == 0.0
    assert run["accuracy"][0] < 0.2
    assert run["accuracy"][-1] > 0.9
    np.testing.assert_array_equal(control["accuracy"], control["accuracy"][0])
    np.testing.assert_array_equal(control["silent_2"], 1.0)
    assert control["accuracy"][-1] == pytest.approx(0.1, abs=0.03)  # "one in ten"
    assert f"it is {100 * run['accuracy'][-1]:.0f} %" in titled("Wake the silent network").ask.reason


def test_about_one_answer_in_four_is_a_spike(page):
    found = opened(page, "Who answers?")
    assert found["spoken"] == pytest.approx(0.25, abs=0.05)
    assert 0 < found["still_silent"] < 0.2
    reason = titled("Who answers?").ask.reason
    assert f"For {100 * found['spoken']:.0f} %" in reason
    assert f"layer {100 * found['still_silent']:.0f} % is still silent" in reason
    shown = page.compute(titled("Who answers?").settings(page.specification))
    right, other = shown["outputs.right"]["x"], shown["outputs.other"]["x"].reshape(10, 9)
    assert ((right < other.min(axis=1)).mean()) >= 0.8  # leftmost wins, and is mostly the right one
    assert (right > 2).any()


def test_event_prop_is_zero_where_there_is_no_spike_and_the_exact_slope_is_not(page):
    found = opened(page, "Three answers")
    assert found["prop_slope"] == 0
    assert found["exact_slope"] < 0  # "more weight brings the pseudospike nearer"
    shown = page.compute(page.settings() | {"task": ANSWERS})
    assert shown["lines lif.time"]["x"].min() > 0.45
    assert numbers(page, task=ANSWERS, place=0.6)["prop_slope"] != 0


def test_the_surrogate_gradient_has_another_sign_and_none_is_0(page):
    late, silent = opened(page, "The third answer"), numbers(page, task=ANSWERS, place=0.3)
    assert late["surrogate_slope"] * late["true_slope"] < 0
    assert (
        f"cosine of the two gradients is\n            −{-late['cosine']:.2f}" in titled("The third answer").ask.reason
    )
    told = f"says +{late['surrogate_slope']:.2f} where the derivative is −{-late['true_slope']:.3f}"
    assert told in titled("The third answer").ask.reason
    assert silent["true_slope"] == 0
    assert silent["surrogate_slope"] != 0


def test_the_exact_gradient_alone_learns_from_silence(page):
    course = page._kept("descents")
    assert all(course[name][0] > 4 for name in ("exact", "event_prop", "surrogate"))
    assert course["exact"][-1] == pytest.approx(1.38, abs=5e-3)
    assert np.all(course["event_prop"] == 5)
    assert course["surrogate"].min() == pytest.approx(1.11, abs=5e-3)
    awake = course["surrogate"][20:] < 4
    assert awake.any()
    assert not np.any(awake[1:] & awake[:-1])  # every step with a spike takes it away again
    found = numbers(page)
    assert found["surrogate_steps"] == 400
    assert 3 < found["prop_events"] < found["surrogate_steps"]


def test_another_weight_can_be_varied(page):
    found = numbers(page, task=ANSWERS, varied=module.WEIGHTS[6])
    assert found["exact_slope"] != numbers(page, task=ANSWERS)["exact_slope"]


# ---- exercises ----


def test_the_hidden_rate_gives_the_trial_that_is_told():
    told = re.search(r"from trial (\d+) on", NOTEBOOK)
    assert entry(HIDDEN_RATE) == int(told[1])
    near = [entry(round(HIDDEN_RATE + sign * 0.02, 2)) for sign in (-1, 1)]
    assert min(near) < int(told[1]) < max(near)


def test_the_weight_of_the_exercise_is_the_one_that_is_learnt(page):
    assert page._kept("course")["weight_2"][-1] == pytest.approx(REACHED, abs=5e-4)
    assert EXERCISES["11.1"].answer() < module.TRIALS


# ---- the work ----


def test_pieces_of_a_curve_are_where_it_is_inside():
    found = module._inside(np.arange(6.0), np.array([11.0, 9, 8, 12, 7, 13]))
    assert found["trial"].tolist() == [1, 2, 4]
    assert found["begin"].tolist() == [0, 2, 3]
    assert module._inside(np.arange(2.0), np.full(2, 11.0))["time"].tolist() == [AWAY, AWAY]


def test_start_trains_only_where_there_is_something_to_train(page):
    page.move({**page.settings(), "task": TWO})
    page.start()
    assert not page.job.running
    assert "nothing to be trained" in page._said
    page.reset()


def test_the_recurrent_network_learns_stops_and_goes_on_to_the_same_end():
    page = LearningSpikeTimes()
    page.wait()

    def trained(interrupted):
        page.job.wait(60)
        page.move({**page.settings(), "task": RECURRENT, "trials": 500})
        page.start()
        if interrupted:
            while page.job.progress.done < 100 and page.job.running:
                pass
            page.stop()
            page.job.wait(120)
            assert page.job.progress.done < 500
            page.resume()
        page.job.wait(120)
        assert page.job.state == "finished", page.job.error
        return page.runs[RECURRENT]

    whole, parts = trained(False), trained(True)
    assert whole.moments["step"][-1] == 500
    assert whole.moments["value"][-1] < whole.moments["value"][0] / 10
    for name, values in whole.moments.items():
        np.testing.assert_array_equal(parts.moments[name], values, err_msg=name)
    assert page.runs[SILENT].settings["steps"] == module.SILENT_STEPS  # the other network is as it was
    assert "the last run" in page.told_about({**page.settings(), "draw": 3})
    assert Run.of(whole.columns()).settings == whole.settings
    page.close()
