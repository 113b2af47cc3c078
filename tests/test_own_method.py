"""The notebook on a method of one's own does what it says, in at most 60 lines."""

import json
import pathlib
import subprocess
import sys

import numpy as np

NOTEBOOK = pathlib.Path(__file__).parents[1] / "notebooks" / "own_method.ipynb"
MOST_LINES = 60
REPORT = """
import json
biased = {name: bool(each.biased().any()) for name, each in found.items()}
print(json.dumps({"biased": biased, "before": float(before), "after": float(after)}))
"""


def program():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def test_a_method_is_written_compared_trained_and_saved_in_few_lines(tmp_path):
    lines = [line for line in program().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= MOST_LINES
    # In a process of its own: a reader's JAX is not in the strict mode of the tests.
    command = [sys.executable, "-c", program() + REPORT]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert not found["biased"]["antithetic"]
    assert not found["biased"]["exact"]
    assert found["biased"]["surrogate, matched"]  # its decisions are chained
    assert found["after"] < 0.6 * found["before"]
    assert {path.name for path in tmp_path.iterdir()} == {"trained.eqx", "comparison.npz"}
    assert set(np.load(tmp_path / "comparison.npz")) == set(found["biased"])
