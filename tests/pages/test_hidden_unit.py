"""The guessing game: fair, repeatable, and silent about its answer."""

import itertools
import types

import jax
import numpy as np
import pytest

from sgtheory.escape import ALL_ESCAPES
from sgtheory.pages import HiddenUnit
from sgtheory.pages.hidden_unit import SHAPES, STORED_SECRET

SECRETS = range(60)


def hidden(secret):
    """What a secret stands for, without a page around it."""
    return HiddenUnit._hidden(types.SimpleNamespace(_secret=secret))


def test_a_secret_is_always_the_same_unit(hidden_page, tools):
    assert [hidden(secret) for secret in SECRETS] == [hidden(secret) for secret in SECRETS]
    start = {control.name: control.value for control in hidden_page.specification}
    again = HiddenUnit(STORED_SECRET).compute(start)
    for name, values in tools.columns_of(hidden_page.data).items():
        np.testing.assert_array_equal(tools.columns_of(again)[name], values)


def test_a_secret_is_the_same_unit_in_every_precision():
    """The trials are drawn in 64 bits, the check runs in the notebook's own precision."""
    for secret in SECRETS:
        with jax.enable_x64(False):
            single = hidden(secret)
        assert single == hidden(secret)


def test_secrets_are_different_units_that_can_all_be_found():
    units = [hidden(secret) for secret in SECRETS]
    slider = next(control for control in HiddenUnit.specification if control.name == "steepness")
    assert {shape for shape, _ in units} == set(SHAPES)
    assert len({steepness for _, steepness in units}) > 8
    assert len(set(units)) > 20
    steps = [(steepness - slider.low) / slider.step for _, steepness in units]
    assert steps == [round(step) for step in steps]
    assert all(slider.check(steepness) for _, steepness in units)


@pytest.mark.usefixtures("annotations_off")
@pytest.mark.parametrize("secret", [-1, 1000, 7.0, True, None, "7", [7], np.nan, 10**400, 10**5000], ids=range(10))
def test_a_secret_that_is_none_is_refused_in_one_sentence(secret):
    with pytest.raises(
        ValueError, match=r"^`secret` must be a whole number from 0 to 999, got .*\. Take 7, for instance\.$"
    ) as refusal:
        HiddenUnit(secret)
    assert len(str(refusal.value)) < 300


def test_nothing_that_can_be_looked_at_names_the_answer(hidden_page):
    """State and description are those of every other hidden unit."""
    shape, steepness = hidden(STORED_SECRET)
    # Another unit with the same shape, whose program is compiled already.
    other = HiddenUnit(next(secret for secret in SECRETS if hidden(secret)[0] == shape and secret != STORED_SECRET))
    assert other.state == hidden_page.state
    spec = hidden_page.stage.spec
    told = f"{hidden_page.state} {spec['figures']} {spec['readouts']} {hidden_page!r}"
    assert str(STORED_SECRET) not in hidden_page.state
    assert str(steepness) not in told
    assert shape not in hidden_page.state


def guess(page, shape, steepness):
    page.loop.active = "trials"  # no tables: each would be compiled for its shape
    page.board.quiet = True  # nor pictures: the check looks only at the controls
    page.controls["escape"].value, page.controls["steepness"].value = shape, steepness
    page.board.quiet = False
    page.check()


@pytest.mark.parametrize("secret", [STORED_SECRET, 0, 1, 2, 3])
def test_the_check_hints_and_tells_only_who_has_found_it(hidden_page, capsys, monkeypatch, secret):
    monkeypatch.setattr(hidden_page, "_secret", secret)
    shape, steepness = hidden(secret)
    for wrong in set(SHAPES) - {shape}:
        guess(hidden_page, wrong, steepness)
        assert_hint(capsys, "Not this shape", shape, steepness)
    guess(hidden_page, shape, 2.0 * steepness)
    assert_hint(capsys, "too steep around threshold", "", steepness)
    guess(hidden_page, shape, 0.5 * steepness)
    assert_hint(capsys, "too flat around threshold", "", steepness)
    guess(hidden_page, shape, steepness)
    assert capsys.readouterr().out == f"Found: it was {shape}, steepness {steepness:g}. Your guess is the truth.\n"


def test_guesses_are_judged_by_their_likelihood(hidden_page, capsys):
    """What the trials cannot tell from the truth is found, on either side; more trials tell more apart."""
    shape, steepness = hidden(STORED_SECRET)

    def judged(factor, trials):
        hidden_page.board.quiet = True
        hidden_page.controls["trials"].value = trials
        guess(hidden_page, shape, factor * steepness)
        return capsys.readouterr().out.startswith("Found")

    assert judged(1.1, 10)
    assert judged(1 / 1.1, 10)
    assert not judged(1.2, 200)
    assert not judged(1 / 1.2, 200)


def test_the_trials_that_are_judged_are_those_that_are_shown(hidden_page):
    import jax

    shape, steepness = hidden(STORED_SECRET)
    shown = hidden_page.data["curves.trials"]["image"]
    uniforms = np.asarray(hidden_page.experiment().draw_uniforms(jax.random.key(0), 50))
    probability = ALL_ESCAPES[shape](steepness).probability(hidden_page._axis("membrane_potentials()"))
    np.testing.assert_array_equal(shown, uniforms < np.asarray(probability))


def test_a_guess_that_was_not_made_is_not_judged(hidden_page, capsys):
    hidden_page.check()
    assert capsys.readouterr().out == "Choose a shape and a steepness, then run this cell.\n"


def assert_hint(capsys, words, shape, steepness):
    text = capsys.readouterr().out
    assert words in text
    assert str(steepness) not in text
    assert not shape or shape not in text


def test_the_truth_is_more_likely_than_what_is_far_from_it(hidden_page):
    shape, steepness = hidden(STORED_SECRET)

    def log_likelihood(**settings):
        sources = hidden_page.compute(hidden_page.settings() | settings)
        return float(sources["readouts"]["log_likelihood"][0])

    truth = log_likelihood(escape=shape, steepness=steepness)
    assert truth < 0
    assert truth > log_likelihood(escape=shape, steepness=0.5 * steepness)
    assert truth > log_likelihood(escape=shape, steepness=2.0 * steepness)
    others = [
        log_likelihood(escape="sigmoid", steepness=value) for value in (0.5 * steepness, steepness, 2.0 * steepness)
    ]
    assert truth > max(others)


def test_every_guess_can_be_drawn(hidden_page):
    for shape, steepness, threshold in itertools.product(
        ("sigmoid", hidden(STORED_SECRET)[0]), (0.5, 20.0), (-1.5, 1.5)
    ):
        settings = {"escape": shape, "steepness": steepness, "threshold": threshold}
        for columns in hidden_page.compute(hidden_page.settings() | settings).values():
            assert all(np.all(np.isfinite(values)) for values in columns.values())
