"""What the README shows is what happens."""

import contextlib
import io
import pathlib
import re

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_example_prints_what_the_readme_says():
    program, shown = (re.search(rf"```{kind}\n(.*?)```", README, re.S)[1] for kind in ("python", "text"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "README.md", "exec"), {})
    assert printed.getvalue() == shown


def test_every_page_is_in_the_table_of_the_readme_and_of_the_index():
    folder = pathlib.Path(__file__).parents[1] / "notebooks"
    index = (folder / "index.ipynb").read_text(encoding="utf-8")
    for page in folder.glob("[0-9]*.ipynb"):
        assert f"(notebooks/{page.name})" in README
        assert f"({page.name})" in index
