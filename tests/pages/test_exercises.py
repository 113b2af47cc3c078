"""The self-checks: each takes its own answer, hints at the rest, and never gives the answer away."""

import dataclasses
import functools
import json
import pathlib
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

from sgtheory._course import COURSE
from sgtheory.experiments import single_unit as experiment
from sgtheory.pages import check
from sgtheory.pages.exact_qif_exercises import spike_time
from sgtheory.pages.exercises import TOLERANCE, exercises_of
from sgtheory.pages.gradient_laboratory_exercises import _mean_field_bias
from sgtheory.pages.lif_neuron_exercises import expected_count
from sgtheory.pages.loop_integral_exercises import _loop
from sgtheory.pages.path_tree_exercises import _chain
from sgtheory.pages.pseudospikes_exercises import next_slope
from sgtheory.pages.sign_flip_exercises import _brackets

NOTEBOOKS = pathlib.Path(__file__).parents[2] / "notebooks"
ALL_EXERCISES = {name: exercise for lesson in COURSE for name, exercise in exercises_of(lesson).items()}

every_exercise = pytest.mark.parametrize("name", ALL_EXERCISES)

BY_HAND = {
    "01.1": 2 * 4 * np.exp(-3.2) / (1 + np.exp(-3.2)) ** 2,
    "01.2": 1 / (1 + np.exp(1.0)),
    "01.3": 1 / 2.5,
    "02.1": 0.586443413370,
    "02.2": 1 / 0.658772901499,
    "02.3": 1 / (1 + np.exp(-1.5)) - 1 / (1 + np.exp(-0.5)),
    "02.4": 1.7,
    "03.1": 11.0,
    "03.2": 64.01747719144407,
    "03.3": 2.3,
    "04.1": 42.451002476201424,
    "04.2": 62.0,
    "05.1": 2 * 1.231323,
    "05.3": 7.0,
    "06.1": 3.155310127707648,
    "06.2": 2.375,
    "07.1": 7.783086776733398 / 0.06586942821741104,
    "07.2": 360.0,
    "08.1": 0.9025 - 0.8275,
    "08.2": 4.0,
    "09.1": 1 / (1 - np.exp(-1.0)) ** 2,
    "09.2": 25.0,
    "09.3": 1.85,
    "10.1": (np.pi / 2 / (1 - np.exp(-2.5))) ** 2,
    "10.2": 6.5,
    "10.3": (1 - 0.5**3) / 3,
    "11.1": 2718.0,
    "11.2": 0.16,
}
"""The answers on paper: 2 p'(0.8) at β = 4; 1 − σ(2 · 0.5); 1 / (β/4) at β = 10; for the chain of page 02 the probability of
the path (1, 1), 1 divided by that of a spike in the second layer, and σ(2 · 0.75) − σ(2 · 0.25); 132 runs divided by 12; nearly
8², because ε is not 0; the root of a bracket with two terms; twice the published loop integral; the mean of the hundred draws of
page 06, whose experiment is held to enumeration, over the exact derivative; what the runs of pages 07 and 08 printed."""


@pytest.fixture(scope="module")
def answers():
    """Computed once, with the experiment of the page."""
    return {name: exercise.answer() for name, exercise in ALL_EXERCISES.items()}


@pytest.fixture
def computed_once(answers, monkeypatch):
    """For tests that check many wrong numbers: the right one is not computed anew for each of them."""
    for lesson in COURSE:
        for name, exercise in exercises_of(lesson).items():
            known = dataclasses.replace(exercise, answer=functools.partial(answers.get, name))
            monkeypatch.setitem(exercises_of(lesson), name, known)


def said(capsys):
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    return text


def test_the_answers_are_those_on_paper(answers):
    published = {"02.1", "02.2", "04.1", "05.1"}  # given to a few digits, or read off a grid
    for name, answer in answers.items():
        assert answer == pytest.approx(BY_HAND[name], rel=1e-6 if name in published else 1e-12)
    assert answers.keys() == BY_HAND.keys()


@pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.number)
def test_a_notebook_asks_for_the_exercises_in_the_file_beside_its_page(lesson):
    cells = json.loads((NOTEBOOKS / lesson.notebook).read_text(encoding="utf-8"))["cells"]
    code = "".join(line for cell in cells if cell["cell_type"] == "code" for line in cell["source"])
    assert re.findall(r'check\("([^"]+)"', code) == list(exercises_of(lesson))
    assert all(name.startswith(f"{lesson.number}.") for name in exercises_of(lesson))


IMPORTED = """
import sys
from sgtheory.pages import check
def imported():
    return sorted(name for name in sys.modules if name == "jax" or name.endswith("_exercises"))
print(imported())
check("04.2", ...)
print(imported())
"""


def test_exercises_are_imported_when_they_are_asked_for_and_jax_when_an_answer_is_computed():
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    instruction = "Type your prediction in place of the dots, then run this cell."
    assert done.stdout.splitlines() == ["[]", instruction, "['sgtheory.pages.sign_flip_exercises']"]


def test_the_hidden_weight_gives_the_gradient_that_is_told():
    told = re.search(r"/\\\\partial w = (-[\d.]+)", (NOTEBOOKS / "02_path_tree.ipynb").read_text())
    assert _chain(BY_HAND["02.4"]).exact[0] == pytest.approx(float(told[1]), abs=5e-5)


def test_the_hidden_weights_give_the_bias_that_is_told():
    told = re.search(r"bias \$([\d.]+)\$", (NOTEBOOKS / "03_gradient_laboratory.ipynb").read_text())
    assert _mean_field_bias(BY_HAND["03.3"]) == pytest.approx(float(told[1]), abs=5e-4)


def test_the_hidden_surrogate_gives_the_bracket_that_is_told():
    told = re.search(r"bracket \$([\d.]+)\$", (NOTEBOOKS / "04_sign_flip.ipynb").read_text())
    assert _brackets(np.array([BY_HAND["04.2"]]))[0] == pytest.approx(float(told[1]), abs=5e-5)


def test_the_hidden_weight_of_a_lif_neuron_gives_the_spikes_that_are_told():
    told = re.search(r"([\d.]+) spikes are expected", (NOTEBOOKS / "06_lif_neuron.ipynb").read_text())
    assert expected_count(BY_HAND["06.2"]) == pytest.approx(float(told[1]), abs=5e-4)


def test_the_hidden_softness_gives_the_slope_that_is_told():
    told = re.search(
        r"the slope of the first pseudospike of neuron 2 is −([\d.]+)\.",
        (NOTEBOOKS / "10_pseudospikes.ipynb").read_text(encoding="utf-8"),
    )
    assert next_slope(BY_HAND["10.2"]) == pytest.approx(-float(told[1]), abs=5e-5)


def test_the_hidden_steepness_gives_the_integral_that_is_told():
    told = re.search(r"\\oint = (-[\d.]+)", (NOTEBOOKS / "05_loop_integral.ipynb").read_text())
    assert _loop(BY_HAND["05.3"]) == pytest.approx(float(told[1]), abs=5e-5)


def test_the_hidden_weight_of_a_qif_neuron_gives_the_spike_time_that_is_told():
    told = re.search(r"spikes at ([\d.]+)\.", (NOTEBOOKS / "09_exact_qif.ipynb").read_text())
    assert spike_time(BY_HAND["09.3"]) == pytest.approx(float(told[1]), abs=5e-4)


@every_exercise
def test_an_answer_needs_no_setting_of_the_notebook(name):
    """A notebook computes in 32 bits unless told otherwise; mixing both would warn, and warnings are errors here."""
    with jax.enable_x64(False):
        check(name, 0.5)


@every_exercise
@pytest.mark.parametrize("factor", [1.0, 1 + 0.9 * TOLERANCE, 1 - 0.9 * TOLERANCE])
def test_an_exercise_takes_its_own_answer(name, factor, answers, capsys):
    check(name, answers[name] * factor)
    assert said(capsys) == "Yes.\n"


WRONG = [
    0, 0.0, 1, 1.0, -1.0, -0.3, 0.1, 0.15, 0.5, 0.731, 0.73, 0.602, 1.4, 2.5, 8.0, 10, 450.0, 1e300, -1e300, 1e-300,
]  # fmt: skip


@pytest.mark.usefixtures("computed_once")
@every_exercise
def test_every_other_number_gets_a_hint_that_does_not_hold_the_answer(name, answers, capsys):
    answer = answers[name]
    for value in [*WRONG, answer / 2, answer / 4, 1 / answer, 1 - answer, answer * (1 + 1.1 * TOLERANCE)]:
        if abs(value - answer) <= TOLERANCE * answer:
            continue
        check(name, value)
        text = said(capsys)
        assert text.startswith("Not yet. ")
        assert not holds_answer(text, answer), text


def holds_answer(text, answer):
    """Whether a number in the text, or a fraction of two, would be accepted."""
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]
    fractions = [float(a) / float(b) for a, b in re.findall(r"(\d+)/(\d+)", text) if float(b)]
    return any(abs(number - answer) <= TOLERANCE * answer for number in numbers + fractions)


@pytest.mark.usefixtures("computed_once")
@every_exercise
def test_every_hint_can_be_earned(name, answers, capsys):
    """Each of the prepared hints is the reply to some wrong answer, so that none is never shown."""
    answer, exercise, texts = answers[name], ALL_EXERCISES[name], set()
    for value in [*WRONG, answer / 2, answer / 4, 1 / answer, 1 - answer]:
        check(name, value)
        texts.add(said(capsys).removeprefix("Not yet. ").strip())
    assert {text for _, text in exercise.hints} | {exercise.last_hint} <= texts


def test_the_hint_fits_the_mistake(answers, capsys):
    check("01.1", answers["01.1"] / 2)
    assert "one factor of Eq. 5 is not" in said(capsys)
    check("01.2", 1 - answers["01.2"])
    assert "the probability of a spike" in said(capsys)
    check("01.3", 1 / answers["01.3"])
    assert "Invert the fraction" in said(capsys)


@pytest.mark.usefixtures("annotations_off")
@pytest.mark.parametrize("name", ["", "1", "01", "01.9", "x" * 10_000, "\n" * 50, None, 1.1, [], {}], ids=range(10))
def test_an_exercise_that_does_not_exist_is_refused_in_one_sentence(name):
    with pytest.raises(
        ValueError,
        match=r"^`name` must be one of 01\.1, 01\.2, 01\.3, 02\.1, 02\.2, .*, 04\.2, 05\.1, 05\.3, 06\.1, .*, 11\.2, got ",
    ) as refusal:
        check(name, 1.0)
    assert_one_sentence(refusal)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "0.3",
        b"0.3",
        True,
        [0.3],
        {},
        1j,
        np.nan,
        np.inf,
        -np.inf,
        10**400,
        10**5000,
        "x" * 10_000,
        "\U000e0001" * 50,
    ],
    ids=range(14),
)
def test_an_answer_that_is_no_number_is_refused_in_one_sentence(value):
    with pytest.raises(TypeError, match=r"^`value` must be a finite number, got ") as refusal:
        check("01.1", value)
    assert_one_sentence(refusal)


@pytest.mark.usefixtures("page")
def test_a_check_beside_an_open_page_compiles_no_experiment_of_its_own(monkeypatch, capsys):
    """This is true whatever the precision of the notebook: the reader has already waited once."""
    traces = []
    monkeypatch.setattr(experiment, "_at_potential", lambda *arguments: traces.append(arguments))
    with jax.enable_x64(False):
        check("01.1", 0.0)
        check("01.2", 0.0)
    assert capsys.readouterr().out.count("Not yet.") == 2
    assert traces == []


def test_a_number_from_the_page_is_an_answer(page, capsys):
    check("01.2", page.data["readouts"]["probability"][0])
    assert said(capsys).startswith("Not yet. ")


def assert_one_sentence(refusal):
    text = str(refusal.value)
    assert len(text) < 300
    assert "\n" not in text
    assert text.endswith(".")
