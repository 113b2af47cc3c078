"""The page of the survey: it can be stopped, keeps its results, and says what it refuses."""

import csv

import numpy as np
import pytest

from sgtheory.methods import METHODS
from sgtheory.pages import GradientLaboratory, NetworkSurvey, network_survey as module


@pytest.fixture
def survey(tools, monkeypatch):
    """A page that surveys two methods, with its batches counted."""
    page = NetworkSurvey()
    front_end = tools.FrontEnd(page)
    page.batches, surveyed = [], module._surveyed
    monkeypatch.setattr(module, "_surveyed", lambda *given: (page.batches.append(given), surveyed(*given))[1])
    page.controls["methods"].value = "surrogate, matched; straight-through"
    page.controls["widths"].value = "2-2-1"
    page.controls["networks"].value, page.controls["draws"].value = 24, 50
    return page, front_end


def finished(page):
    page.job.wait(300)
    page.loop.rest()
    return page


def test_a_survey_finds_what_the_survey_itself_finds(survey):
    page, front_end = survey
    front_end.says("job", act="start")
    finished(page)
    assert {name: values.shape for name, values in page.found.items()} == dict.fromkeys(module.QUANTITIES, (24, 2))
    last = module._surveyed(page.settings(), 16)
    np.testing.assert_array_equal(page.found["cosine"][16:], last.cosine)
    report = page.job.report()
    assert (report["state"], report["done"], report["of"], report["resumable"]) == ("finished", 24, 24, False)
    medians = [np.median(page.found["cosine"][:many, 1]) for many in (8, 16, 24)]
    assert page.history["straight_through"] == {
        "networks": pytest.approx([8, 16, 24]),
        "median": pytest.approx(medians),
    }
    assert page.history["mean_field"]["networks"].size == 0
    shown = page.data["surrogate_matched_cosine"]["x"]
    np.testing.assert_allclose(shown, np.quantile(page.found["cosine"][:, 0], [0.25, 0.5, 0.75]))
    assert page.data["readouts"]["found"][0] == 24
    rows = list(csv.DictReader(page.as_csv().splitlines()))
    assert len(rows) == 48
    assert float(rows[1]["cosine"]) == page.found["cosine"][0, 1]


def test_a_survey_that_is_stopped_keeps_what_it_found_and_goes_on_from_there(survey, monkeypatch):
    page, front_end = survey
    surveyed = module._surveyed

    def stopping(settings, first):
        front_end.page.stop()
        return surveyed(settings, first)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_surveyed", stopping)
        page.start()
        first = finished(page).found["cosine"]
    report = page.job.report()
    assert (report["state"], report["done"], report["resumable"]) == ("stopped", 8, True)
    assert len(first) == module.BATCH
    page.controls["steepness"].value = 3.0  # the survey goes on as it began
    front_end.says("job", act="resume")
    cosine = finished(page).found["cosine"]
    np.testing.assert_array_equal(cosine[:8], first)
    assert [first for _, first in page.batches] == [0, 8, 16]
    np.testing.assert_array_equal(cosine[16:], surveyed(page.job.settings, 16).cosine)
    assert page.history["straight_through"]["networks"].tolist() == [8, 16, 24]


def test_a_browser_that_is_loaded_again_gets_the_whole_history(survey, tools):
    page, front_end = survey
    front_end.says("job", act="start")
    finished(page)
    front_end.says("hello")
    assert front_end.last("job")[0]["done"] == 24
    message, data = front_end.last("append")
    assert message["from"]["surrogate_matched_so_far"] == 0
    grown = tools.read_columns(message["layout"], data)
    np.testing.assert_array_equal(grown["surrogate_matched_so_far"]["x"][0], [8, 16, 24])


def test_a_network_that_is_none_is_not_surveyed(survey):
    page, _ = survey
    for text, sentence in (("2-0-1", "at least 1, got 0"), ("2-30-1", "at most 12 units"), ("many", "whole numbers")):
        page.controls["widths"].value = text
        page.start()
        assert page.job.state == "idle"
        assert sentence in page.messages["widths"].value
    assert page.batches == []


@pytest.mark.parametrize(
    ("path", "sentence"), [("", "path of a survey"), ("no.nc", "is not there"), (__file__, "cut short")]
)
def test_a_file_that_is_no_survey_is_refused_in_words(survey, path, sentence):
    page, front_end = survey
    page.controls["file"].value = path
    front_end.says("action", name="open_file")
    assert 'role="alert"' in page.messages["file"].value
    assert sentence in page.messages["file"].value
    assert page.found["cosine"].size == 0


def test_a_survey_of_the_command_is_shown(survey, tmp_path):
    from sgtheory.survey import SurveyPlan, run_survey

    page, front_end = survey
    path = tmp_path / "survey.nc"
    methods = ("surrogate, matched", "mean field")
    plan = SurveyPlan(((2, 2, 1),), (2.0, 4.0), (4.0,), methods, networks=4, draws=20, batch=4)
    run_survey(plan, path)
    page.controls["file"].value = str(path)
    front_end.says("action", name="open_file")
    assert page.methods == methods
    assert page.found["cosine"].shape == (4, 2)
    assert "2-2-1, β = 2, β_SG = 4, 4 networks of 20 draws" in page._said


def test_every_method_can_be_surveyed_and_looks_as_in_the_laboratory():
    menu, laboratory = NetworkSurvey().by_name["methods"], GradientLaboratory().by_name["methods"]
    assert menu.options == tuple(METHODS)
    assert len(set(menu.marks)) == len(METHODS)
    marks = dict(zip(menu.options, menu.marks, strict=True))
    shown = {METHODS[label].short: mark for label, mark in marks.items() if METHODS[label].in_menu}
    assert dict(zip(laboratory.options, laboratory.marks, strict=True)) == shown


def test_the_page_begins_with_what_the_command_surveys():
    from sgtheory.survey import SurveyPlan

    assert tuple(NetworkSurvey().settings()["methods"].split("; ")) == SurveyPlan.methods
