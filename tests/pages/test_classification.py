"""Page 08: every number that its tour and its notebook tell."""

import json
import pathlib
import re

import jax
import numpy as np
import pytest

from sgtheory.pages import Classification
from sgtheory.pages._laboratory import slug
from sgtheory.pages.classification import ARMS
from sgtheory.pages.classification_exercises import EXERCISES, HIDDEN_ARM
from sgtheory.pages.classification_tour import TOUR

_CELLS = json.loads((pathlib.Path(__file__).parents[2] / "notebooks" / "08_classification.ipynb").read_text())["cells"]
NOTEBOOK = " ".join(" ".join("".join(cell["source"]) for cell in _CELLS).split())


@pytest.fixture(scope="module")
def page():
    return Classification()


def reason(title):
    return next(step for step in TOUR if step.title == title).ask.reason


def last(page, name):
    return float(page.run.moments[name][-1])


def told(text, *values, digits=2):
    """Each of these numbers stands in the text, rounded."""
    for value in values:
        assert f"{value:.{digits}f}" in text


def test_it_begins_by_chance(page):
    assert "0.105 of new samples" in reason("Patterns that differ only in spike times")
    for arm in ARMS:
        assert page.run.moments[f"{slug(arm)}/with"][0] == pytest.approx(0.105, abs=5e-4)


def test_with_noise_and_without_it_learns_as_well(page):
    noisy, calm = last(page, "noise_superspike/with"), last(page, "no_noise/without")
    assert abs(noisy - calm) < 0.02
    told(reason("And without noise?"), noisy, last(page, "no_noise/loss"), last(page, "noise_superspike/loss"))
    told(NOTEBOOK, noisy)


def test_who_was_trained_without_noise_loses_with_it(page):
    text = reason("Change the rules for the test")
    calm = [last(page, f"no_noise/{test}") for test in ("without", "with")]
    noisy = [last(page, f"noise_superspike/{test}") for test in ("without", "with")]
    assert calm[0] - calm[1] > 0.05 > abs(noisy[0] - noisy[1])
    told(text, *calm, *noisy)
    assert "loses 7 points" in NOTEBOOK
    assert round(100 * (calm[0] - calm[1])) == 7


def test_variability_stays(page):
    fano = page.run.moments["noise_superspike/last"]
    assert 0.4 < fano.min() < fano.max() < 0.75
    told(reason("The same sample, ten times"), fano[0])


def test_all_trials_of_the_shown_sample_are_right_in_the_end_and_none_is_before_the_training(page):
    leads = page.run.moments["noise_superspike/leads"]
    assert "all ten curves end above zero" in reason("The same sample, ten times")
    assert leads.shape[1] == 10
    assert (leads[-1, :, -1] > 0).all()
    assert (leads[0, :, -1] < 0).all()


def test_matched_is_not_best(page):
    matched, wide = last(page, "noise_matched/with"), last(page, "noise_superspike/with")
    assert matched < wide - 0.3
    assert f"{matched:.3f}" == "0.445"
    assert "0.45 of the samples, and 0.90" in reason("The missing control")


def test_scale_matters_and_the_reset_hardly(page):
    text = reason("The scale, and the reset")
    unscaled, both, through = (
        last(page, f"{arm}/with") for arm in ("unscaled", "unscaled_through", "through_the_reset")
    )
    assert max(unscaled, both) < through - 0.3
    assert abs(through - last(page, "noise_superspike/with")) < 0.02
    assert (unscaled, both, through) == pytest.approx((0.375, 0.515, 0.8875))
    assert all(number in text for number in ("0.38", "0.52", "0.89"))


def test_the_noiseless_path_becomes_less_typical(page):
    moments = page.run.moments
    for name in ("noiseless_path", "one_path"):
        number, error = last(page, f"no_noise/{name}"), last(page, f"no_noise/{name}_error")
        assert f"{number:.2f} ± {error:.2f}" in reason("Only one path")
    bias = moments["no_noise/one_path"] - moments["no_noise/noiseless_path"]
    assert bias[-3:].mean() > 0.1 > bias[:3].mean()
    assert "every moment after the first 10 steps" in reason("Only one path")
    late = moments["step"] > 10
    assert (bias[late] > 0).all()
    assert bias[~late].min() < 0  # which the words above do not hide


def test_error_bars_stand_at_their_cosines(page):
    sources = page.compute(page.settings() | {"network": "no noise"})
    columns = sources["run.step"]
    for name in ("one_path", "noiseless_path"):
        low, high = (columns[f"look.{name}s {sign} error"] for sign in "−+")
        np.testing.assert_allclose((low + high) / 2, columns[f"look.{name}s"])
        np.testing.assert_allclose((high - low) / 2, page.run.moments[f"no_noise/{name}_error"])


def test_no_step_shows_a_network_before_it_was_met(page):
    """Bars and curves of the networks that steps 7 and 8 bring are left out before them."""
    late = {slug(arm) for arm in ARMS} - {"noise_superspike", "no_noise"}
    fields = {"accuracy": ("{}.own",), "loss": ("{}.losses",), "tests": ("tests.{}_with", "tests.{}_without")}
    for step in TOUR[: [each.title for each in TOUR].index("The missing control")]:
        for panel in set(step.panels) & set(fields):
            for arm in late:
                for field in fields[panel]:
                    assert f"{panel}/{field.format(arm)}" in step.without
    assert not next(step for step in TOUR if step.title == "The scale, and the reset").without


def test_the_classes_are_numbered_and_fill_the_axes(page):
    ranges = page.data["ranges"]
    for end, value in {"start": -0.5, "end": 9.5, "left": -0.5, "right": 9.5}.items():
        assert ranges[f"confusion.{end}"] == value
    image = page.data["look.confusion"]["image"]
    assert not image[..., 10:, :].any()
    assert not image[..., 10:].any()
    assert image[..., :10, :10].sum() == pytest.approx(10)
    confusion = next(panel for panel in page.panels if panel.name == "confusion")
    assert confusion.ticks[:10] == confusion.x_ticks[:10] == tuple((k, str(k)) for k in range(10))


def test_the_hidden_network_is_the_one_that_is_told(page):
    found_ = re.search(
        r"(0\.\d+) right with noise and (0\.\d+) without, and the Fano factors (0\.\d+) and (0\.\d+)", NOTEBOOK
    )
    assert found_ is not None
    wanted = [float(number) for number in found_.groups()]
    found = [[last(page, f"{slug(arm)}/{name}") for name in ("with", "without", "first", "last")] for arm in ARMS]
    near = [np.allclose(each, wanted, atol=6e-4) for each in found]
    assert near == [slug(arm) == HIDDEN_ARM for arm in ARMS]
    assert EXERCISES["08.2"].answer() == 1 + near.index(True)


def test_a_network_that_is_not_in_the_run_is_told_and_not_drawn(page):
    run = page.run
    try:
        page.run = run._replace(settings={**run.settings, "arms": "no noise"})
        assert "is not in this run: shown is “no noise”" in page.told_about(page.settings())
        sources = page.compute(page.settings())
        assert not any(values.size for values in sources["noise_matched.step"].values())
        assert sources["no_noise.step"]["no_noise.own"].size == len(run.moments["step"])
    finally:
        page.run = run


def test_spoken_digits_are_refused_where_they_are_not(page, monkeypatch):
    monkeypatch.delenv("SGTHEORY_DATA", raising=False)
    assert "SGTHEORY_DATA" in page.refusals(page.settings() | {"data": "spoken digits"})["data"]


def test_spoken_digits_are_not_read_to_see_whether_they_are_there(page, monkeypatch, tmp_path):
    monkeypatch.setenv("SGTHEORY_DATA", str(tmp_path))
    chosen = page.settings() | {"data": "spoken digits"}
    (tmp_path / "shd_train.h5").touch()
    assert "shd_test.h5" in page.refusals(chosen)["data"]
    (tmp_path / "shd_test.h5").touch()
    assert page.refusals(chosen) == {}


@pytest.fixture
def spoken(monkeypatch, tmp_path, written):
    """A page that finds a few spoken digits, and trains a network of one layer on them: seconds, not an hour."""
    from sgtheory.escape import Sigmoid
    from sgtheory.experiments import classification as experiment
    from sgtheory.networks import ClockedNetwork, Convolution, LeakyReadout
    from sgtheory.neurons import LIF

    def network(_setting):
        layer = Convolution(2, 21, LIF(Sigmoid(10.0), time_step=2.0), 10)
        return ClockedNetwork((1, 700), (layer,), LeakyReadout(experiment.MOST_CLASSES, time_step=2.0))

    rng = np.random.default_rng(0)
    for part, count in (("train", 12), ("test", 7)):
        times, units = rng.uniform(0, 0.7, (count, 200)), rng.integers(0, 700, (count, 200))
        written(tmp_path / f"shd_{part}.h5", times.tolist(), units.tolist(), list(range(count)), [0] * count)
    monkeypatch.setenv("SGTHEORY_DATA", str(tmp_path))
    monkeypatch.setattr(experiment.ClassificationSetting, "network", network)
    monkeypatch.setattr(experiment, "PATHS", 2)
    experiment.samples.cache_clear()
    jax.config.update("jax_disable_most_optimizations", True)  # programs that run once
    made = Classification()
    made.wait()
    yield made
    made.job.stop()
    made.job.wait()
    made.close()
    jax.config.update("jax_disable_most_optimizations", False)
    experiment.samples.cache_clear()


def test_spoken_digits_are_learnt_from_and_shown_where_they_are_there(spoken):
    chosen = {**spoken.settings(), "data": "spoken digits", "arms": "noise, SuperSpike", "steps": 2}
    assert spoken.refusals(chosen) == {}
    spoken.job.start(chosen)
    spoken.job.wait(120)
    assert spoken.job.state == "finished", spoken.job.error
    sources = spoken.compute(spoken.settings())
    assert sources["whole.sample"]["image"].shape == (700, 350)
    assert sources["look.confusion"]["image"].shape == (20, 20)
    assert sources["look.confusion"]["image"].sum() == pytest.approx(7)  # seven samples of seven classes
    assert [sources["ranges"][f"confusion.{end}"] for end in ("start", "end", "left", "right")] == [-0.5, 19.5] * 2
    assert set(sources["level look.chance"]["y"].tolist()) == {0.05}
    assert len(sources["look.time"]["x"]) == 350
    assert sources["ranges"]["loss.end"] > np.log(20)  # where a network begins that has learnt nothing
