"""A survey's numbers do not depend on devices, processes, or on having been killed; what cannot be surveyed is refused.

Tests about devices and processes start processes of their own; all others run in this one.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import h5netcdf
import jax
import numpy as np
import pytest
import xarray as xr

from benchmarks.laboratory import free_port
from sgtheory.experiments.random_networks import SurveySetting, network_keys, random_problem, survey_networks
from sgtheory.gradients import ExactGradient
from sgtheory.survey import Refused, SurveyPlan, open_survey, run_survey
from sgtheory.survey.__main__ import main
from sgtheory.survey._checkpoints import Checkpoints

ROOT = pathlib.Path(__file__).parents[1]
METHODS = ("surrogate, sigmoid", "surrogate, matched")
PLAN = SurveyPlan(((2, 2, 1),), (1.0, 4.0), (2.0,), METHODS, networks=10, draws=20, seed=3, batch=1)
ARGUMENTS = [
    "--widths", "2-2-1", "--steepness", "1", "4", "--surrogate-steepness", "2", "--methods", *METHODS,
    "--networks", "10", "--draws", "20", "--seed", "3", "--batch", "1",
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def start(cache):
    """Starts the command in a process of its own, with these arguments and this number of devices on the processor."""

    def begin(*arguments, devices=1):
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        command = [sys.executable, "-W", "error", "-m", "sgtheory.survey", *ARGUMENTS, *map(str, arguments)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return begin


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """The survey on one device, without a stop."""
    path = tmp_path_factory.mktemp("whole") / "whole.nc"
    code, _, said = ended(start("--output", path))
    assert code == 0, said
    return open_survey(path)


def ended(process):
    printed, said = process.communicate(timeout=300)
    return process.returncode, printed, said


def pair(start, *arguments, others=None):
    """Both processes of a survey: the second has arguments of its own where `others` are given."""
    several = ("--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2, "--process-id")
    return [start(*arguments, *several, 0), start(*(others or arguments), *several, 1)]


def the_same(first, second):
    return first.drop_attrs(deep=False).identical(second.drop_attrs(deep=False))


def sentence(text):
    """The one line of a refusal."""
    lines = [line for line in text.splitlines() if "Gloo" not in line and not line.startswith("waiting for")]
    assert len(lines) == 1, text
    return lines[0]


# --- devices, processes, an interruption at any time


def test_four_devices_give_the_same_numbers(start, whole, tmp_path):
    code, printed, said = ended(start("--output", tmp_path / "four.nc", devices=4))
    assert (code, said) == (0, "")
    assert printed == f"{tmp_path / 'four.nc'}: 20 networks\n"
    assert the_same(open_survey(tmp_path / "four.nc"), whole)
    assert os.listdir(tmp_path) == ["four.nc"]


def test_two_processes_killed_and_started_again_give_the_same_numbers(start, whole, tmp_path):
    output, folder = tmp_path / "pair.nc", tmp_path / "pair.nc.checkpoints"
    killed = pair(start, "--output", output)
    deadline = time.monotonic() + 200
    while not (folder / "0").exists():
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in killed), [ended(process) for process in killed]
        time.sleep(0.01)
    for process in killed:
        process.send_signal(signal.SIGKILL)
    for process in killed:
        ended(process)
    kept = sum(path.name.isdigit() for path in folder.iterdir())
    assert 1 <= kept < 20
    assert not output.exists()
    results = [ended(process) for process in pair(start, "--output", output)]
    assert [code for code, _, _ in results] == [0, 0], results
    assert re.search(rf"^{kept} of 20 networks have been surveyed already$", results[0][2], flags=re.MULTILINE)
    assert the_same(open_survey(output), whole)
    assert os.listdir(tmp_path) == ["pair.nc"]


def test_processes_that_differ_are_refused(start, tmp_path):
    output = ("--output", tmp_path / "never.nc")
    for code, _, said in map(ended, pair(start, *output, others=(*output, "--seed", "4"))):
        assert code == 2
        assert "All processes must be given the same survey" in sentence(said)
    assert not os.listdir(tmp_path)


def test_a_cluster_that_is_none_is_refused(start, tmp_path):
    code, _, said = ended(start("--output", tmp_path / "never.nc", "--cluster"))
    assert code == 2
    assert "none started this process" in sentence(said)


# --- in this process


def stop_after(count):
    def progress(networks):
        if networks >= count:
            raise KeyboardInterrupt

    return progress


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A folder of checkpoints of the survey, stopped after six of twenty networks; a copy, which a test may change."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        run_survey(PLAN, folder / "a.nc", progress=stop_after(6))
    return folder / "a.nc.checkpoints"


@pytest.fixture
def folder(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "a.nc.checkpoints")


def test_a_stopped_survey_goes_on_and_another_seed_gives_other_numbers(folder, whole, tmp_path):
    seen = []
    assert run_survey(PLAN, tmp_path / "a.nc", progress=seen.append, command="as typed")
    assert seen == list(range(6, 21))
    found = open_survey(tmp_path / "a.nc")
    assert the_same(found, whole)
    assert found.attrs["command"] == "as typed"
    assert json.loads(found.attrs["plan"]) == PLAN.describe()
    other = SurveyPlan(**{**PLAN.__dict__, "seed": 4, "batch": 10, "methods": ("exact",), "draws": 2})
    run_survey(other, tmp_path / "other.nc")
    assert not np.any(open_survey(tmp_path / "other.nc").exact_norm == whole.exact_norm)


def test_the_file_says_what_the_experiment_says(whole):
    """The last networks, at the other steepness, computed without the command."""
    setting = SurveySetting(*map(jax.numpy.asarray, (4.0, 2.0, 1.0, 0.0)))
    keys = network_keys(jax.random.key(3), jax.numpy.arange(8, 10))
    found = survey_networks(keys, setting, widths=(2, 2, 1), methods=METHODS, draws=20)
    cell = whole.sel(widths="2-2-1", steepness=4.0, surrogate_steepness=2.0, network=[8, 9])
    for name in ("cosine", "sign_agreement", "bias", "standard_error", "variance", "exact_norm"):
        np.testing.assert_allclose(getattr(found, name), cell[name], rtol=1e-12, atol=1e-15)

    @jax.jit
    def exact_norm(key):
        gradient = ExactGradient().evaluate(*random_problem(key, setting, (2, 2, 1)), ())
        return sum(jax.numpy.sum(leaf**2) for leaf in jax.tree.leaves(gradient)) ** 0.5

    np.testing.assert_allclose(cell.exact_norm.values[1], exact_norm(keys[1]), rtol=1e-12)
    np.testing.assert_array_equal(cell.cosine.sel(estimator=METHODS[1]), cell.cosine[..., 1])
    assert whole.runs.sel(widths="2-2-1").values.tolist() == list(found.runs) == [1, 1]


def test_a_finished_survey_is_left_as_it_is(whole, tmp_path, capsys, folder):
    path = tmp_path / "a.nc"
    whole.to_netcdf(path, engine="h5netcdf")
    before = path.stat().st_mtime_ns
    assert main([*ARGUMENTS, "--output", str(path)]) == 0
    assert "which were there already" in capsys.readouterr().out
    assert path.stat().st_mtime_ns == before
    assert not folder.exists()  # what a survey that was killed at its very end leaves behind


def refused(capsys, *arguments):
    """The command's answer to these arguments, which come after the others and replace them."""
    try:
        code = main([*ARGUMENTS, *map(str, arguments)])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    return sentence(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--widths", "2-0-1"), "`widths` must be .* all at least 1, got 2-0-1"),
        (("--widths", "5"), "`widths` must be"),
        (("--widths", "five"), "whole numbers joined by `-`, such as 5-5-1, got 'five'"),
        (("--widths", "2-2-1", "2-2-1"), "each named once"),
        (("--widths", "2-13-12-1"), "2-13-12-1: `network` must have at most 24 decisions in two adjacent layers"),
        (
            ("--widths", "9-9-9-9-1", "--methods", "score function, optimal baseline"),
            "at most 20 decisions to be enumerated",
        ),
        (("--steepness", "0"), "`steepness` must be positive and finite, got 0.0"),
        (("--steepness", "steep"), "--steepness: must be a number, got 'steep'"),
        (("--surrogate-steepness", "inf"), "`surrogate_steepness` must be positive and finite, got inf"),
        (("--methods", "surrogat"), "`methods` must be among 'exact', .*, got 'surrogat'"),
        (("--networks", "0"), "`networks` must be at least 1, got 0"),
        (("--networks", "2.5"), "must be a whole number, got '2.5'"),
        (("--draws", "1"), "`draws` must be at least 2, got 1"),
        (("--batch", "0"), "`batch` must be at least 1"),
        (("--seed", "-1"), "`seed` must be between 0"),
        (("--loss", "hinge"), "`loss` must be one of 'readout', 'squared error', got 'hinge'"),
        (("--spread", "0"), "`spread` must be positive"),
        (("--bias-spread", "-1"), "`bias_spread` must be 0 or more"),
        (("--cpu-devices", "0"), "`--cpu-devices` must be at least 1"),
        (("--processes", "2"), "`--coordinator`, `--processes` and `--process-id` must be given together"),
        (
            ("--processes", "2", "--process-id", "2", "--coordinator", "h:1"),
            "`--process-id` must be from 0 to 1 .* got 2",
        ),
        (("--processes", "2", "--process-id", "1", "--coordinator", "host"), "must be HOST:PORT"),
        (("--cluster", "--process-id", "1"), "Give one or the other"),
        (("--output", "nowhere/a.nc"), "must lie in a folder that exists"),
        (("--steep", "3"), "unrecognized arguments"),
    ],
)
def test_what_cannot_be_surveyed_is_refused_in_one_sentence(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert re.search(said, refused(capsys, "--output", tmp_path / "a.nc", *arguments))
    assert not os.listdir(tmp_path)


def test_what_stands_in_the_way_is_refused(capsys, folder, tmp_path, whole):
    output = ("--output", tmp_path / "a.nc")
    said = refused(capsys, *output, "--draws", "30")
    assert re.search(r"checkpoints of another survey: its `draws` is 20, not 30\. ", said)
    note = json.loads((folder / "survey.json").read_text())
    (folder / "survey.json").write_text(json.dumps({**note, "format_version": 0}))
    assert "its `format_version` is 0, not 1" in refused(capsys, *output)
    (folder / "survey.json").write_text(json.dumps(note)[:50])
    assert "checkpoints of another survey" in refused(capsys, *output)
    (folder / "survey.json").write_text(json.dumps(note))
    with contextlib.closing(Checkpoints(folder, PLAN)):
        assert "another survey is at work there" in refused(capsys, *output)
    for path in (folder / "2").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    assert re.search(r"a\.nc\.checkpoints/2` must be a checkpoint, .* Remove that folder", refused(capsys, *output))
    shutil.rmtree(folder)
    (folder / "thesis").mkdir(parents=True)
    assert "holds something else" in refused(capsys, *output)
    whole.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    assert "holds another survey" in refused(capsys, *output, "--networks", "11")
    (tmp_path / "a.nc").write_text("my thesis")
    assert "another kind of file" in refused(capsys, *output)
    assert (tmp_path / "a.nc").read_text() == "my thesis"


def test_a_file_that_is_no_whole_survey_is_refused(whole, tmp_path):
    path = tmp_path / "survey.nc"

    def opened(dataset):
        dataset.to_netcdf(path, engine="h5netcdf")
        return pytest.raises(Refused)

    with pytest.raises(Refused, match="but is not there"):
        open_survey(path)
    with opened(whole.assign_attrs(format_version=2, sgtheory="9.0")) as info:
        open_survey(path)
    assert re.search(r"it has version 2, written by sgtheory 9\.0; this is sgtheory ", str(info.value))
    with opened(xr.Dataset({"cosine": ("x", [1.0])})) as info:
        open_survey(path)
    assert "a NetCDF file of another kind" in str(info.value)
    with opened(whole.drop_vars("bias")) as info:
        open_survey(path)
    assert "lacks some of bias" in str(info.value)
    with opened(whole.assign(cosine=whole.cosine.where(whole.network != 4))) as info:
        open_survey(path)
    assert "must hold all numbers" in str(info.value)
    whole.to_netcdf(path, engine="h5netcdf")
    assert open_survey(path).identical(whole)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Refused, match="cut short"):
        open_survey(path)


def test_other_programs_can_read_the_file(whole, tmp_path):
    whole.to_netcdf(tmp_path / "survey.nc", engine="h5netcdf")
    with h5netcdf.File(tmp_path / "survey.nc") as file:
        assert file.variables["cosine"].dimensions == (
            "widths",
            "steepness",
            "surrogate_steepness",
            "network",
            "estimator",
        )
        np.testing.assert_array_equal(file.variables["cosine"][...], whole.cosine)
        assert file.attrs["seed"] == 3


def test_numbers_without_end_are_refused_and_no_file_is_made(tmp_path):
    endless = SurveyPlan(((2, 2, 1),), (1.0,), (1.0,), ("straight-through",), networks=2, draws=2, spread=1e300)
    with pytest.raises(Refused, match="not finite"):
        run_survey(endless, tmp_path / "a.nc")
    assert not (tmp_path / "a.nc").exists()


def test_the_package_has_it_and_loads_nothing_for_it():
    """JAX must not have an array before it knows of other processes."""
    program = (
        "import sys, sgtheory; print(sgtheory.survey.Refused.__name__, sorted({'jax', 'xarray'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout == "Refused []\n"


def test_single_and_double_precision_are_what_jax_is_set_to():
    with jax.enable_x64(False), pytest.raises(Refused, match="needs JAX's 64-bit numbers"):
        run_survey(PLAN, pathlib.Path("never.nc"))
