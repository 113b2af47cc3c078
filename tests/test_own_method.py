"""The notebook on a method of one's own does what it says, in at most 60 lines."""

import json
import pathlib

import numpy as np

NOTEBOOK = pathlib.Path(__file__).parents[1] / "notebooks" / "own_method.ipynb"
MOST_LINES = 60


def program():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_a_method_is_written_compared_trained_and_saved_in_few_lines(tmp_path, monkeypatch, capsys):
    lines = [line for line in program().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= MOST_LINES
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "own_method"}
    exec(compile(program(), NOTEBOOK.name, "exec"), names)
    biased = {name: bool(np.any(each.biased())) for name, each in names["found"].items()}
    assert not biased["antithetic"]
    assert not biased["exact"]
    assert biased["surrogate, matched"]  # its decisions are chained
    assert names["after"] < 0.6 * names["before"]
    assert {path.name for path in tmp_path.iterdir()} == {"trained.eqx", "comparison.npz"}
    assert set(np.load("comparison.npz")) == set(names["methods"])
    assert "expected loss" in capsys.readouterr().out
