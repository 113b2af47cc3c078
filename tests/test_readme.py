"""The README shows what really happens."""

import pathlib
import re
import subprocess
import sys

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_says():
    program, shown = (re.search(rf"```{kind}\n(.*?)```", README, re.S)[1] for kind in ("python", "text"))
    # In a process of its own: a reader's JAX is not in the strict mode of the tests.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == shown


def test_every_page_is_in_the_table_of_the_readme_and_of_the_index():
    folder = pathlib.Path(__file__).parents[1] / "notebooks"
    index = (folder / "index.ipynb").read_text(encoding="utf-8")
    for page in folder.glob("[0-9]*.ipynb"):
        assert f"(notebooks/{page.name})" in README
        assert f"({page.name})" in index
