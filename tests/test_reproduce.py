"""The figures that need training: files, tables, and what is refused; on a scale of seconds."""

import csv
import json
import sys

import jax
import pytest

from sgtheory import reproduce as module
from sgtheory.experiments import (
    classification,
    exact_figures,
    exact_qif,
    pseudospike_figures,
    recurrent_spike_times,
    spike_train_matching,
)
from sgtheory.reproduce import FIGURES, FOLLOWED, main, reproduce


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {"UNITS": 12, "STEPS": 20, "TRIALS": 3}.items():
        monkeypatch.setattr(spike_train_matching, name, value)
    for name, value in {"KNOWN": 40, "ASKED": 20, "BATCH": 10, "TRIALS": 3, "PATHS": 3}.items():
        monkeypatch.setattr(classification, name, value)
    classification.samples.cache_clear()
    with jax.enable_x64(False):
        yield
    classification.samples.cache_clear()


@pytest.mark.parametrize("name", ["fig6", "figs1"])
def test_a_figure_writes_its_picture_its_numbers_and_how_they_were_made(name, tmp_path):
    table = reproduce(name, tmp_path, steps=20, seeds=2, bar=False)
    assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    made = json.loads((tmp_path / f"{name}.json").read_text())
    assert (made["steps"], made["seeds"], made["question"]) == (20, 2, FIGURES[name].question)
    with (tmp_path / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    networks = {row["network"] for row in rows}
    assert networks == {row["network"] for row in table}
    assert len(rows) == 2 * len(networks) * 3  # seeds × networks × the moments 0, 10, 20
    for row in table:
        told = [str(value) for quantity, value in row.items() if quantity != "network"]
        assert told
        assert all("±" in each for each in told)


def numbers(folder, name):
    with (folder / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_recurrent_network_of_a_figure_is_the_one_of_its_experiment(tmp_path):
    reproduce("qif-fig3", tmp_path, steps=30, seeds=2, bar=False)
    rows = numbers(tmp_path, "qif-fig3")
    with jax.enable_x64(True):
        for seed in ("0", "1"):
            own = [row for row in rows if row["seed"] == seed]
            course = recurrent_spike_times.learn(recurrent_spike_times.draw_task(jax.random.key(int(seed))), trials=30)
            assert float(own[0]["loss"]) == pytest.approx(float(course.loss[0]), rel=1e-9)
            assert int(own[-1]["step"]) == 30
            assert float(own[-1]["loss"]) < float(own[0]["loss"])
            assert 0 < float(own[-1]["largest error"]) < float(own[0]["largest error"])


def test_the_silent_network_of_a_figure_wakes_with_pseudospikes_alone(tmp_path):
    reproduce("qif-fig4", tmp_path, steps=60, seeds=1, bar=False)
    for network in ("with pseudospikes", "without"):
        first, *_, last = (row for row in numbers(tmp_path, "qif-fig4") if row["network"] == network)
        assert float(first["silent, layer 1"]) == 1
        assert (float(last["silent, layer 1"]) < 1) == (network == "with pseudospikes")
        assert (last["accuracy"] == first["accuracy"]) == (network == "without")


def test_the_table_is_the_mean_of_the_last_moment():
    rows = [
        {"seed": seed, "network": "one", "step": step, "with noise": share}
        for seed, shares in ((0, (0.1, 0.5)), (1, (0.2, 0.7)))
        for step, share in zip((0, 10), shares, strict=True)
    ]
    (row,) = module._table(FIGURES["fig7"], rows)
    assert row == {"network": "one", "with noise": "0.6 ± 0.14"}


def test_every_figure_tells_what_it_draws():
    for figure in FIGURES.values():
        assert figure.told
        assert set(figure.told) <= set(figure.curves)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_figure_that_is_followed_writes_its_curves_and_its_table(name, tmp_path):
    table = reproduce(name, tmp_path)
    assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    made = json.loads((tmp_path / f"{name}.json").read_text())
    assert made["question"] == FOLLOWED[name].question
    assert "seeds" not in made
    with (tmp_path / f"{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 300
    limits = {
        "time": (0, 12 if name == "qif-fig2" else 10),
        "slope": (exact_qif.AWAY, -exact_qif.AWAY),
        "logarithm": (-30, 2),
    }
    for row in rows:
        low, high = limits[row["panel"].split(" against ")[0].split(", ")[1].split(" of ")[0]]
        assert low <= float(row["y"]) <= high
    jumps = {row["neuron"]: row["largest jump"] for row in table if "neuron" in row}
    if jumps:
        assert jumps["QIF"] == "0.0000"
        assert float(jumps["LIF"]) > 1


def test_a_spike_crosses_smoothly_and_the_slopes_of_the_next_layer_jump_for_an_exponent_of_1_alone():
    _, (alone, driven) = pseudospike_figures.figure_s1()
    assert alone["slope below"] == alone["slope above"] == "-6.12084"
    assert driven["slope below"] != driven["slope above"]
    _, table = pseudospike_figures.figure_s2()
    jumps = [row["the slope of the output jumps by"] for row in table]
    assert jumps == ["510 %", "94 %", "0 %", "0 %", "0 %", "0 %"]


def test_the_published_numbers_of_figure_1():
    _, table = exact_figures.figure_1()
    assert [row["first spike"] for row in table] == ["none", "3.195699", "2.195522", "none", "0.884812", "0.764928"]
    assert [row["its slope"] for row in table[1:3]] == ["-2.434505", "-0.601103"]


@pytest.mark.parametrize("arguments", [["fig5"], [], ["fig6", "--steps", "many"]])
def test_a_command_that_makes_no_sense_ends_in_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_package_that_is_missing_is_told_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert main(["fig6", "--steps", "10", "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "tqdm" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("number", ["--steps", "--seeds"])
def test_numbers_below_one_are_refused(number, tmp_path, capsys):
    assert main(["fig6", number, "0", "--output", str(tmp_path)]) == 2
    assert "must be at least 1, got 0" in capsys.readouterr().err
