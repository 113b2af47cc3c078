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
    page._worker.join(timeout=300)
    assert not page.running
    return page


def test_a_survey_finds_what_the_survey_itself_finds(survey):
    page, front_end = survey
    front_end.says("action", name="start")
    finished(page)
    assert {name: values.shape for name, values in page.found.items()} == dict.fromkeys(module.QUANTITIES, (24, 2))
    last = module._surveyed(page.settings(), 16)
    np.testing.assert_array_equal(page.found["cosine"][16:], last.cosine)
    assert '<progress value="24" max="24" aria-label="Networks surveyed"' in page.progress.value
    shown = page.data["surrogate_matched_cosine"]["x"]
    np.testing.assert_allclose(shown, np.quantile(page.found["cosine"][:, 0], [0.25, 0.5, 0.75]))
    assert page.data["readouts"]["found"][0] == 24
    rows = list(csv.DictReader(page.as_csv().splitlines()))
    assert len(rows) == 48
    assert float(rows[1]["cosine"]) == page.found["cosine"][0, 1]


def test_a_survey_that_is_stopped_keeps_what_it_found(survey, monkeypatch):
    page, front_end = survey
    surveyed = module._surveyed

    def stopping(settings, first):
        front_end.says("action", name="stop")
        return surveyed(settings, first)

    monkeypatch.setattr(module, "_surveyed", stopping)
    page.start()
    assert len(finished(page).found["cosine"]) == module.BATCH
    assert "8 of 24 networks, stopped." in page.progress.value


def test_a_network_that_is_none_is_not_surveyed(survey):
    page, _ = survey
    for text, sentence in (("2-0-1", "at least 1, got 0"), ("2-30-1", "at most 12 units"), ("many", "whole numbers")):
        page.controls["widths"].value = text
        page.start()
        assert page._worker is None
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
    assert "2-2-1, β = 2, β_SG = 4, 4 networks of 20 draws" in page.progress.value


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
