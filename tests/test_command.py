"""The command `sgtheory`: what it says, what it hands on, what it writes, and what it leaves alone."""

import json
import os
import pathlib
import re
import subprocess
import sys
import types

import pytest

import sgtheory
from sgtheory import _command
from sgtheory._command import _lab, _site, main, split
from sgtheory._course import COURSE, PAGE_NAMES
from sgtheory.pages import warm
from sgtheory.pages._kit import Page
from sgtheory.pages._registry import ALL_PAGES, STORED_PAGES

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def said(capsys, *arguments):
    """Exit status, and what was printed on the two streams."""
    try:
        code = main([*map(str, arguments)])
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


# --- words


def test_help_answers_without_any_package_that_takes_time_to_load():
    heavy = {"jax", "numpy", "ipywidgets", "bokeh", "jupyterlab", "tqdm"}
    program = f"""import atexit, sys, sgtheory._command
atexit.register(lambda: print(sorted({heavy} & set(sys.modules))))
sgtheory._command.main(["--help"])"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: sgtheory ")
    assert done.stdout.endswith("\n[]\n")
    assert all(f"\n    {name}" in done.stdout for name in ("lab", "export", "survey", "warm"))


def test_the_module_is_the_same_command_under_its_own_name():
    done = subprocess.run([sys.executable, "-m", "sgtheory"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("usage: python -m sgtheory ")


def test_version(capsys):
    assert said(capsys, "--version") == (0, f"sgtheory {sgtheory.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("laboratory",), r"sgtheory: .*'laboratory' .*lab.*export.*survey.*warm"),
        (("export", "--pages", "singel_unit"), r"sgtheory export: .*\(single_unit, .*\), got 'singel_unit'"),
        (("export", "--page", "sign_flip"), r"sgtheory: unrecognized arguments: --page"),
        (("lab", "here", "there"), r"sgtheory: unrecognized arguments: there"),
        (("warm", "--fast"), r"sgtheory: unrecognized arguments: --fast"),
        (("survey", "--widths", "five"), r"sgtheory survey: .*such as 5-5-1, got 'five'"),
        (("lab", __file__), r"sgtheory lab: `folder` must be a folder, but .* is a file\. Name another"),
        (("export", __file__), r"sgtheory export: `folder` must be a folder, but .* is a file\. Name another"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(capsys, arguments, refusal):
    code, printed, refused = said(capsys, *arguments)
    assert (code, printed) == (2, "")
    assert re.match(refusal, refused)
    assert refused.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "own", "further"),
    [
        ("lab", "lab", ""),
        ("lab here", "lab here", ""),
        ("lab --port 9999", "lab", "--port 9999"),
        ("lab here --port=9999 --no-browser", "lab here", "--port=9999 --no-browser"),
        ("lab --help", "lab --help", ""),
        ("survey --help", "survey", "--help"),
        ("export here --pages sign_flip", "export here --pages sign_flip", ""),
    ],
)
def test_what_is_handed_on(typed, own, further):
    assert split(typed.split()) == (own.split(), further.split())


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (
            ModuleNotFoundError("No module named 'bokeh.plotting'", name="bokeh.plotting"),
            '`bokeh` must be installed, but is not. Install it: `pip install "sgtheory[pages]"`.',
        ),
        (ModuleNotFoundError("Run `pip install 'sgtheory[survey]'`."), "Run `pip install 'sgtheory[survey]'`."),
    ],
)
def test_a_missing_package_is_named_with_its_remedy(capsys, monkeypatch, missing, sentence):
    def carry_out(*_):
        raise missing

    monkeypatch.setitem(_command._COMMANDS, "lab", (carry_out, "pages"))
    assert said(capsys, "lab") == (2, "", f"sgtheory lab: {sentence}\n")


def test_jupyterlab_may_be_missing(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    code, _, refused = said(capsys, "lab", tmp_path / "mine")
    assert code == 2
    assert refused.startswith("sgtheory lab: `jupyterlab` must be installed")
    assert not (tmp_path / "mine").exists()


def test_a_missing_module_of_ours_is_a_fault_not_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "sgtheory._command._lab", None)
    with pytest.raises(ModuleNotFoundError):
        main(["lab"])


# --- the survey


@pytest.mark.parametrize("called", ["sgtheory", "python -m sgtheory"])
def test_the_survey_says_how_it_was_called(capsys, called):
    with pytest.raises(SystemExit):
        main(["survey", "--help"], called)
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: {called} survey [")
    assert f"\n  {called} survey --widths" in printed
    assert "python -m sgtheory.survey" not in printed


# --- notebooks of the reader's own


@pytest.fixture
def source(tmp_path):
    (tmp_path / "shipped" / "figures").mkdir(parents=True)
    for name in ("index.ipynb", "01_one.ipynb", "figures/one.png"):
        (tmp_path / "shipped" / name).write_text(f"first {name}")
    (tmp_path / "shipped" / "comparison.npz").write_text("what a notebook saved")
    return tmp_path / "shipped"


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != _lab.RECORD
    }


def test_notebooks_and_figures_are_copied(source, tmp_path):
    assert _lab.lay_out(source, tmp_path / "mine") == []
    assert contents(tmp_path / "mine") == {
        name: f"first {name}" for name in ("index.ipynb", "01_one.ipynb", "figures/one.png")
    }


def test_what_the_reader_has_changed_stays_and_the_rest_is_brought_up_to_date(source, tmp_path):
    mine = tmp_path / "mine"
    _lab.lay_out(source, mine)
    (mine / "01_one.ipynb").write_text("my thoughts")
    (mine / "notes.ipynb").write_text("my notes")
    (mine / "figures/one.png").unlink()
    for _ in range(2):  # also when it is called once more
        (source / "01_one.ipynb").write_text("second")
        (source / "index.ipynb").write_text("second")
        assert _lab.lay_out(source, mine) == ["01_one.ipynb"]
        assert contents(mine) == {
            "index.ipynb": "second",
            "01_one.ipynb": "my thoughts",
            "notes.ipynb": "my notes",
            "figures/one.png": "first figures/one.png",
        }


@pytest.mark.parametrize("record", [None, "no JSON", "[]"])
def test_without_a_record_every_other_file_is_the_readers(source, tmp_path, record):
    mine = tmp_path / "mine"
    _lab.lay_out(source, mine)
    (mine / _lab.RECORD).unlink() if record is None else (mine / _lab.RECORD).write_text(record)
    (source / "index.ipynb").write_text("second")
    assert _lab.lay_out(source, mine) == ["index.ipynb"]
    assert (mine / "index.ipynb").read_text() == "first index.ipynb"


def test_a_file_that_is_up_to_date_is_not_written_again(source, tmp_path):
    _lab.lay_out(source, tmp_path / "mine")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "mine").rglob("*.ipynb")}
    _lab.lay_out(source, tmp_path / "mine")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_shipped_folder_itself_is_used_as_it_is(source):
    before = sorted(source.rglob("*"))
    assert _lab.lay_out(source, source / ".." / "shipped") == []
    assert sorted(source.rglob("*")) == before


def test_notebooks_are_found_in_the_package_and_else_beside_it(tmp_path):
    package = tmp_path / "sgtheory"
    package.mkdir()
    with pytest.raises(_command.Refused, match=r"must lie in the package.*Install it again"):
        _lab.shipped_notebooks(package)
    for folder in (tmp_path / "notebooks", package / "notebooks"):
        folder.mkdir()
        (folder / "index.ipynb").touch()
        assert _lab.shipped_notebooks(package) == folder
    assert _lab.shipped_notebooks() == NOTEBOOKS


# --- JupyterLab


@pytest.fixture
def started(monkeypatch):
    """Arguments that JupyterLab was started with; the environment is a copy."""
    calls = []
    fake = types.SimpleNamespace(LabApp=types.SimpleNamespace(launch_instance=calls.append))
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", fake)
    monkeypatch.setattr(os, "environ", {name: text for name, text in os.environ.items() if "JAX" not in name})
    return calls


@pytest.mark.parametrize("administrator", [True, False])
def test_jupyterlab_is_started_over_the_folder(capsys, monkeypatch, started, tmp_path, administrator):
    monkeypatch.setattr(_lab, "is_administrator", lambda: administrator)
    code, printed, _ = said(capsys, "lab", tmp_path / "mine", "--port=9999")
    mine = tmp_path / "mine"
    allowed = ["--allow-root"] if administrator else []
    own = [f"--ServerApp.root_dir={mine}", "--LabApp.default_url=/lab/tree/index.ipynb"]
    assert started == [[*own, *allowed, "--port=9999"]]
    assert code == 0
    line = "sgtheory lab: you are root, so JupyterLab is started with `--allow-root`.\n"
    assert printed == (line if administrator else "")
    assert {path.name for path in mine.glob("*.ipynb")} == {path.name for path in NOTEBOOKS.glob("*.ipynb")}
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(mine / ".jax_cache")
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"


@pytest.mark.usefixtures("started")
def test_changed_notebooks_are_named(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(_lab, "is_administrator", lambda: False)
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "lab")[1] == ""
    folder = tmp_path / "sgtheory-notebooks"
    (folder / "04_sign_flip.ipynb").write_text("mine")
    expected = "sgtheory lab: left as you have changed them in sgtheory-notebooks: 04_sign_flip.ipynb.\n"
    assert said(capsys, "lab")[1] == expected
    assert (folder / "04_sign_flip.ipynb").read_text() == "mine"


@pytest.mark.usefixtures("started")
def test_a_readers_own_cache_is_left_alone_and_a_checkout_keeps_its_own_beside_the_notebooks(tmp_path):
    assert _lab.keep_programs(NOTEBOOKS) == str(ROOT / ".jax_cache")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = "elsewhere"
    assert _lab.keep_programs(tmp_path) == "elsewhere"


def test_root_is_recognised():
    assert _lab.is_administrator() == (hasattr(os, "geteuid") and os.geteuid() == 0)


def test_make_lab_opens_the_checkouts_own_notebooks():
    """Not among files that were copied; what this command does is tested above and, with a real server, in test_readme.py."""
    lines = subprocess.run(
        ["make", "--no-print-directory", "-n", "lab", "LAB_OPTIONS=--port=9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert lines.stdout.splitlines()[-1].endswith("/bin/sgtheory lab notebooks --port=9")


def test_warm_keeps_the_programs_where_lab_finds_them(capsys, monkeypatch, started, tmp_path):
    seen = []
    monkeypatch.setattr(warm, "main", lambda: seen.append(os.environ["JAX_COMPILATION_CACHE_DIR"]))
    code, printed, _ = said(capsys, "warm", tmp_path)
    assert (code, seen) == (0, [str(tmp_path / ".jax_cache")])
    assert printed == f"sgtheory warm: compiled programs are kept in {seen[0]}\n"
    assert not started


# --- the web site


class APage:
    title = "A page & more"
    waited = 0.0

    def wait(self, timeout):
        self.waited = timeout

    def export_html(self, path, links):
        path.write_text(f"ready within {self.waited}, beside {sorted(links)}")


@pytest.fixture
def pages(monkeypatch):
    monkeypatch.setattr(_site, "ALL_PAGES", dict.fromkeys(PAGE_NAMES, APage))


@pytest.mark.usefixtures("pages")
def test_all_pages_become_a_site(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, printed, _ = said(capsys, "export")
    assert code == 0
    site = tmp_path / "sgtheory-pages"
    assert {path.name for path in site.iterdir()} == {"index.html", *(f"{name}.html" for name in PAGE_NAMES)}
    assert len(printed.splitlines()) == len(PAGE_NAMES) + 1  # a line for each file
    text = (site / "index.html").read_text()
    links = re.findall(r'<a href="([^"]*)">A page &amp; more</a>', text)
    assert links == [f"{name}.html" for name in PAGE_NAMES]
    for lesson in COURSE:
        assert f"<h2>{lesson.title}</h2>\n<p>{lesson.question}</p>" in text
    assert not re.search(r"https?:|<script|<link", text)


@pytest.mark.usefixtures("pages")
def test_some_pages_join_those_that_are_there(capsys, tmp_path):
    for chosen, listed in ((["sign_flip"], ["sign_flip"]), (["hidden_unit"], ["hidden_unit", "sign_flip"])):
        assert said(capsys, "export", tmp_path, "--pages", *chosen)[0] == 0
        links = re.findall(r'href="(\w+)\.html"', (tmp_path / "index.html").read_text())
        assert links == listed
    assert "path_tree" not in (tmp_path / "index.html").read_text()
    assert "beside ['hidden_unit', 'sign_flip']" in (tmp_path / "hidden_unit.html").read_text()


@pytest.mark.usefixtures("pages")
def test_a_web_site_of_the_readers_own_is_not_overwritten(capsys, tmp_path):
    (tmp_path / "index.html").write_text("<h1>My home page</h1>")
    code, _, refused = said(capsys, "export", tmp_path)
    assert code == 2
    assert re.match(
        r"sgtheory export: `folder` must not hold a web site of your own, .* Name another folder\.\n", refused
    )
    assert contents(tmp_path) == {"index.html": "<h1>My home page</h1>"}


def test_the_course_has_every_page_and_every_page_stands_in_its_notebook():
    assert [kind.name for kind in ALL_PAGES.values()] == [*PAGE_NAMES]
    exported = {
        kind.name for kind in vars(sgtheory.pages).values() if isinstance(kind, type) and issubclass(kind, Page)
    }
    assert exported == set(STORED_PAGES)
    assert [lesson.notebook for lesson in COURSE] == sorted(path.name for path in NOTEBOOKS.glob("[0-9]*.ipynb"))
    for lesson in COURSE:
        cells = json.loads((NOTEBOOKS / lesson.notebook).read_text(encoding="utf-8"))["cells"]
        code = "".join(line for cell in cells if cell["cell_type"] == "code" for line in cell["source"])
        for name in lesson.pages:
            assert re.search(rf"\b{ALL_PAGES[name].__name__}\b", code), (lesson.notebook, name)
