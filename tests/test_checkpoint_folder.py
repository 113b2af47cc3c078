"""A folder of checkpoints: whose it is, and who is at work in it."""

import contextlib
import json
import subprocess
import sys

import pytest

from sgtheory._checkpoint_folder import CheckpointFolder, Words


class Refusal(ValueError):
    pass


WORDS = Words("count", "counter", "Name another folder.", Refusal)
CONTENTS = {"from": 1, "to": [2, 3]}


def opened(folder, contents=CONTENTS):
    return contextlib.closing(CheckpointFolder(folder, "count", contents, WORDS))


def test_the_same_contents_open_it_again_and_others_do_not(tmp_path):
    folder = tmp_path / "new" / "folder"
    for _ in range(2):
        with opened(folder):
            assert json.loads((folder / "count.json").read_text()) == CONTENTS
    for contents, said in (
        ({**CONTENTS, "to": [2]}, r"its `to` is \[2, 3\], not \[2\]"),
        ({"from": 1}, r"its `to` is \[2, 3\], not None"),
        ({**CONTENTS, "by": 1}, "its `by` is None, not 1"),
    ):
        with pytest.raises(Refusal, match=rf"checkpoints of another counter: {said}\. Name another folder\.$"):
            opened(folder, contents)
    with opened(folder):  # those who were refused have left it
        pass


@pytest.mark.parametrize("note", ["", "{", '{"from": 1', "[1]"])
def test_a_note_that_is_damaged_is_that_of_another(note, tmp_path):
    with opened(tmp_path):
        pass
    (tmp_path / "count.json").write_text(note)
    with pytest.raises(Refusal, match="its `from` is None, not 1"):
        opened(tmp_path)


def test_a_run_that_was_killed_before_its_note_leaves_a_folder_that_can_be_used(tmp_path):
    for name in ("count.json.part", "count.lock"):
        (tmp_path / name).write_text("")
    with opened(tmp_path):
        assert json.loads((tmp_path / "count.json").read_text()) == CONTENTS


def test_what_is_no_folder_of_checkpoints_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    for place in (tmp_path, tmp_path / "letter.txt"):
        with pytest.raises(Refusal, match="must be a folder of checkpoints, but it holds something else"):
            opened(place)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


HOLDING = """
import pathlib, sys
from sgtheory._checkpoint_folder import CheckpointFolder, Words
held = CheckpointFolder(pathlib.Path(sys.argv[1]), "count", {contents}, Words("count", "counter", "", ValueError))
print("held", flush=True)
input()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no lock")
def test_another_process_keeps_others_out_until_it_is_killed(tmp_path):
    command = [sys.executable, "-c", HOLDING.format(contents=CONTENTS), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Refusal, match=r"must be free, but another count is at work there\. Wait"):
            opened(tmp_path)
        other.kill()
    with opened(tmp_path):
        pass
