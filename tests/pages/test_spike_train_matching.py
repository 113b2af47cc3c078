"""Page 07: every number that its tour and its notebook tell, and what all training pages share."""

import json
import pathlib
import re

import numpy as np
import pytest

from sgtheory.pages import SpikeTrainMatching
from sgtheory.pages._training import Run, stored_run
from sgtheory.pages.spike_train_matching_exercises import EXERCISES, HIDDEN_MOMENT
from sgtheory.pages.spike_train_matching_tour import TOUR

_CELLS = json.loads((pathlib.Path(__file__).parents[2] / "notebooks" / "07_spike_train_matching.ipynb").read_text())[
    "cells"
]
NOTEBOOK = " ".join(" ".join("".join(cell["source"]) for cell in _CELLS).split())


@pytest.fixture(scope="module")
def page():
    return SpikeTrainMatching()


@pytest.fixture
def small(monkeypatch):
    """A page on a small experiment: seconds, not minutes."""
    from sgtheory.experiments import spike_train_matching as experiment

    for name, value in {"UNITS": 12, "STEPS": 20, "TRIALS": 3}.items():
        monkeypatch.setattr(experiment, name, value)
    made = SpikeTrainMatching()
    made.wait()
    yield made
    made.job.stop()
    made.job.wait()
    made.close()


def numbers(page, **moved):
    found = page.compute(page.settings() | moved)["readouts"]
    return {key: float(values[0]) for key, values in found.items()}


def titled(title):
    return next(step for step in TOUR if step.title == title)


def test_the_target_and_the_silence_before_the_first_spikes(page):
    run = page.run
    assert "about 55 spikes" in TOUR[0].text
    assert run.whole["target"].sum(axis=1).mean() == pytest.approx(55, abs=0.5)
    for name in ("stochastic", "deterministic"):
        assert not run.moments[name][:, :, :6].any()  # "in the first six milliseconds the outputs are silent"
        assert run.moments[name][:, :, 6:12].any()


def test_random_spikes_are_nearer_than_silence_but_not_by_the_other_distance(page):
    found = numbers(page)
    assert found["random"] < found["silent"] / 5
    assert page.run.whole["squares_random"] > found["squares_silent"]


def test_most_is_learnt_early(page):
    steps, distance = page.run.moments["step"], page.run.moments["distance_stochastic"]
    random = page.run.whole["distance_random"]
    first = int(np.argmax(distance < random))
    assert (steps[first - 1], steps[first]) == (20, 40)
    assert "Between 20 and 40 steps" in titled("Watch it learn").ask.reason
    assert "66 times" in titled("Watch it learn").ask.reason
    assert "66 times" in NOTEBOOK
    assert numbers(page)["below"] == pytest.approx(66, abs=0.5)
    assert "118 times" in NOTEBOOK
    assert page.run.whole["distance_silent"] / page.run.moments["distance_deterministic"][-1] == pytest.approx(
        118, abs=0.5
    )


def test_without_noise_it_is_nearer_and_both_are_near(page):
    found = numbers(page)
    assert found["deterministic"] < found["stochastic"] < found["silent"] / 50


def test_trials_differ_while_the_picture_is_there(page):
    fano = page.run.moments["fano_output"]
    assert fano[1:].min() > 0.7
    assert numbers(page)["fano_output"] == pytest.approx(0.75, abs=0.02)  # "as if their spikes were independent draws"
    share = page.run.moments["mean"][-1]
    assert np.mean((share > 0) & (share < 10)) > 0.5  # "most of it is in between"


def test_silence_is_nearer_than_a_trained_network_where_no_millisecond_is_forgiven(page):
    found = numbers(page)
    assert found["squares_silent"] < min(found["squares"], found["squares_deterministic"])


def test_the_runs_with_other_slopes_are_in_the_plot_and_end_where_the_texts_say(page):
    step = titled("Which slope for the outputs?")
    assert step.panels == ("slopes",)
    found = numbers(page)
    assert "to 0.117" in step.text
    assert found["stochastic"] == pytest.approx(0.117, abs=5e-4)
    assert found["matched"] == pytest.approx(0.72, abs=5e-3)  # the text has the read-outs themselves
    assert found["eligibility"] == pytest.approx(0.096, abs=5e-4)
    assert "stalls at 0.72" in NOTEBOOK
    columns = page.data["compared.step"]
    assert columns["x"].tolist() == page.run.moments["step"].tolist()
    for name in ("matched", "eligibility"):
        assert 10 ** columns[f"compared.{name}"][-1] == pytest.approx(found[name])
        assert (
            columns[f"compared.{name}"][0] == columns["compared.superspike"][0]
        )  # all three begin with the same weights


def test_the_runs_for_comparison_stay_beside_a_run_of_the_reader_s_own(small):
    before = small.data["compared.step"]["compared.matched"]
    assert before.size == 16
    small.job.start({**small.settings(), "steps": 100, "trials": 2})
    small.job.wait(60)
    assert len(small.run.moments["step"]) == 11
    np.testing.assert_array_equal(small.compute(small.settings())["compared.step"]["compared.matched"], before)


def test_the_runs_for_comparison_are_made_with_another_slope_and_another_rule(small, monkeypatch):
    from sgtheory.experiments import spike_train_matching as experiment

    asked, whole = [], experiment.train_matching

    def short(setting, target, steps, **more):
        asked.append((setting.slope, setting.rule, steps))
        return whole(setting, target, 20, **more)

    monkeypatch.setattr(experiment, "train_matching", short)
    found = small.comparisons()
    assert asked == [("matched", "back-propagation", 1000), ("SuperSpike", "eligibility rule", 1000)]
    assert set(found) == {"compared_matched", "compared_eligibility"}
    assert all(len(course) == 3 for course in found.values())


def test_output_and_target_are_compared_side_by_side():
    for title in ("Watch it learn", "With noise and without"):
        step = titled(title)
        assert step.beside
        assert step.panels[:2] == ("target", "stochastic")


def test_the_hidden_moment_has_the_distances_that_are_told(page):
    told = re.search(r"are (0\.\d+) with noise and (0\.\d+) without", NOTEBOOK)
    moments = page.run.moments
    here = [float(moments[f"distance_{arm}"][HIDDEN_MOMENT]) for arm in ("stochastic", "deterministic")]
    assert here == pytest.approx([float(told[1]), float(told[2])], abs=5e-4)
    assert EXERCISES["07.2"].answer() == moments["step"][HIDDEN_MOMENT]


def test_the_shipped_run_is_the_one_that_the_controls_describe(page):
    assert page.told_about(page.settings()) == "Ready."
    assert "comes with this page" in page.told_about(page.settings() | {"seed": 1})


def test_a_run_survives_a_file(page):
    again = Run.of(page.run.columns())
    assert again.settings == page.run.settings
    for name, values in page.run.moments.items():
        np.testing.assert_array_equal(again.moments[name], values)


def test_a_page_trains_stops_and_goes_on_to_the_same_end(small):
    def trained(interrupted):
        small.job.start({**small.settings(), "steps": 100, "trials": 2})
        if interrupted:
            while small.job.progress.done < 20:
                pass
            small.stop()
            small.job.wait(60)
            assert small.job.resumable
            assert small.job.progress.done < 100
            small.resume()
        small.job.wait(60)
        assert small.job.state == "finished", small.job.error
        return small.run.moments

    whole, parts = trained(False), trained(True)
    assert whole["step"].tolist() == [*range(0, 101, 10)]
    assert whole["stochastic"].shape == (11, 12, 20)
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values)
    assert "the last run" in small.told_about(small.settings())
    assert small.run.settings["steps"] == 100


def test_a_folder_of_checkpoints_goes_on_and_refuses_another_run(small, tmp_path):
    folder = {"steps": 100, "folder": str(tmp_path / "kept")}
    small.job.start({**small.settings(), **folder})
    while small.job.progress.done < 30:
        assert small.job.error is None
    small.stop()
    small.job.wait(60)
    reached = small.job.progress.done
    assert 0 < reached < 100
    small.job.start({**small.settings(), **folder})
    small.job.wait(60)
    assert small.job.state == "finished", small.job.error
    # Of the run before it was stopped nothing up to its last moment was done again.
    assert small.run.moments["step"].tolist() == [*range(0, 101, 10)]
    small.job.start({**small.settings(), **folder, "seed": 5})
    small.job.wait(60)
    assert small.job.state == "failed"
    assert "another seed, 0 and not 5" in str(small.job.error)


def test_settings_that_make_no_sense_are_refused(page):
    faults = page.refusals(page.settings() | {"rule": "eligibility rule", "distance": "L2"})
    assert set(faults) == {"distance"}


def test_every_training_page_ships_its_run():
    for name in ("spike_train_matching", "classification"):
        assert stored_run(name) is not None


def test_what_pages_know_without_jax_is_what_the_experiments_say():
    from sgtheory.experiments import _moments, classification as classes, lif_neuron as neuron
    from sgtheory.pages import _training, classification, lif_neuron

    assert _training.MOMENTS == _moments.MOMENTS
    assert classification.TRIALS == classes.TRIALS
    assert lif_neuron.STEPS == neuron.STEPS
