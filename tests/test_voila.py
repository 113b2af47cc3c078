"""`sgtheory._voila`: the notebooks as applications."""

import pathlib
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sgtheory import _voila

NOTEBOOKS = sorted(pathlib.Path(__file__).parents[1].glob("notebooks/0*.ipynb"))
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, 4)


@pytest.fixture
def application(notebook):
    return _voila.Application().preprocess(notebook, {})[0]


def prose(notebook):
    return "\n\n".join(CODE.sub("", cell.source) for cell in notebook.cells if cell.cell_type == "markdown")


def test_formulas_need_no_script(notebook):
    assert prose(notebook).count("$") > 20
    application = _voila.Application().preprocess(notebook, {})[0]
    assert "$" not in prose(application)
    assert "\\" not in "".join(re.findall("<math.*?</math>", prose(application)))


def test_nothing_is_asked_that_an_application_cannot_do(application):
    assert not any("check(" in cell.source for cell in application.cells if cell.cell_type == "code")
    text = prose(application)
    assert text.count(_voila.ADVICE) == 1
    assert "Shift+Enter" not in text
    assert "cell below" not in text.replace(_voila.ADVICE, "")


def test_the_page_itself_stays(notebook):
    before = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "check" not in cell.source]
    after = _voila.Application().preprocess(notebook, {})[0]
    assert [cell.source for cell in after.cells if cell.cell_type == "code"] == before


def test_dollars_in_code_are_no_formulas():
    text = "costs `$5` and\n```\n$x$\n```\nbut $y$"
    cells = [new_code_cell("import sgtheory as sg"), new_markdown_cell(text)]
    application, _ = _voila.Application().preprocess(new_notebook(cells=cells), {})
    assert application.cells[1].source.startswith(text.removesuffix("$y$") + "<math")


def test_the_notebooks_of_others_stay_as_they_are():
    cells = [new_code_cell("import numpy"), new_markdown_cell("$x$", metadata={"tags": [_voila.TAG]})]
    notebook = new_notebook(cells=cells)
    assert _voila.Application().preprocess(notebook, {})[0].cells == cells
