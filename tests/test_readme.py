"""What the README, the index and docs/ show really happens: example, commands, links, and addresses of a real server."""

import http.client
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from importlib.util import find_spec

import pytest

from benchmarks.laboratory import free_port
from sgtheory._command import make_parser, split
from sgtheory._course import COURSE
from sgtheory.survey.__main__ import make_parser as make_survey_parser

ROOT = pathlib.Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1].split()
TEXTS = {path.relative_to(ROOT).as_posix(): path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
MAX_FIGURES, MAX_MOVING_BYTES, MAX_EXAMPLE_LINES = 3, 800_000, 10
SERVER = "http://localhost:8888"


def words_of(path):
    """The text of a Markdown file, or of the Markdown cells of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


# --- the example and the pictures


def test_the_example_prints_what_the_readme_says():
    program, shown = (re.search(rf"```{kind}\n(.*?)```", README, re.S)[1] for kind in ("python", "text"))
    assert len(program.splitlines()) <= MAX_EXAMPLE_LINES
    # In a process of its own: a reader's JAX is not in the strict mode of the tests.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == shown


def test_every_page_is_in_the_table_of_the_readme_and_of_the_index():
    for text, folder in ((README, "notebooks/"), (words_of(NOTEBOOKS / "index.ipynb"), "")):
        rows = [f"| [{lesson.title}]({folder}{lesson.notebook}) | {lesson.question} |" for lesson in COURSE]
        assert "\n".join(["| page | question |", "|---|---|", *rows]) + "\n" in text


def test_the_readme_is_short_and_its_picture_moves():
    figures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(figures) <= MAX_FIGURES
    moving = (ROOT / figures[0]).read_bytes()
    assert moving[:6] == b"GIF89a"
    assert moving.count(b"\x21\xf9\x04") > 10  # an extension for each picture
    assert b"NETSCAPE2.0" in moving  # it starts again at its end
    assert len(moving) <= MAX_MOVING_BYTES


# --- links


def links(text):
    """Targets of links and pictures that lead to a file."""
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"https?:|#", link)]


def broken(folder, top, found):
    """Links from a text in `folder` that lead nowhere, or out of `top`."""
    reached = {link: (folder / link.partition("#")[0]).resolve() for link in found}
    return [link for link, path in reached.items() if not (path.exists() and path.is_relative_to(top.resolve()))]


@pytest.mark.parametrize("name", TEXTS)
def test_links_of_the_texts_lead_to_files_of_the_repository(name):
    assert broken(TEXTS[name].parent, ROOT, links(words_of(TEXTS[name]))) == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_links_of_notebooks_stay_in_their_folder(path):
    """Which is all that the server of `make lab` shows, and all that a wheel brings along."""
    text = words_of(path)
    assert broken(NOTEBOOKS, NOTEBOOKS, links(text)) == []
    files = re.findall(r"`(sgtheory/[\w/.]*)`", text)
    assert broken(ROOT, ROOT, files) == []
    assert files or path.name in ("index.ipynb", "own_method.ipynb")


def test_rule_on_links_can_fail():
    text = "[a](05_loop_integral.ipynb) ![b](figures/none.png) [c](../README.md) [d](https://example.org/x)"
    assert links(text) == ["05_loop_integral.ipynb", "figures/none.png", "../README.md"]
    assert broken(NOTEBOOKS, NOTEBOOKS, links(text)) == ["figures/none.png", "../README.md"]


# --- commands


def commands(text):
    """Command lines in blocks and in backticks: of make, pip, this package and its modules."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)
    blocks = re.sub(r"\\\n\s*", "", "\n".join(re.findall(r"^ {4,}(\S.*)$", text, re.M)))
    lines = [re.sub(r"\s+#.*", "", line) for line in blocks.splitlines()]
    found = [*lines, *re.findall(r"`([^`\n]+)`", text)]
    return [line for line in found if re.match(r"(make|sgtheory|python -m|pip install) ", line)]


def fault(command):
    """What is wrong with a command line, in words; nothing where it would be carried out."""
    program, *arguments = shlex.split(command)
    if program == "python":
        program, *arguments = arguments[1:]
        if find_spec(program) is None:
            return f"no module {program}"
    if program == "make":
        unknown = [word for word in arguments if "=" not in word and word not in TARGETS]
        return f"no target {', '.join(unknown)}" if unknown else ""
    if program == "pip":
        return _fault_of_requirement(arguments[1])
    if program in ("sgtheory", "sgtheory.survey"):
        return _fault_of_arguments(["survey"] * (program == "sgtheory.survey") + arguments)
    return ""


def _fault_of_requirement(requirement):
    path, extras = re.fullmatch(r"(.*?)(?:\[(.*)\])?", requirement).groups()
    if path not in (PROJECT["name"], f"dist/{PROJECT['name']}-{PROJECT['version']}-py3-none-any.whl"):
        return f"no package {path}"
    unknown = {*(extras or "").split(",")} - {"", *PROJECT["optional-dependencies"]}
    return f"no extra {', '.join(unknown)}" if unknown else ""


def _fault_of_arguments(arguments):
    own, further = split(arguments)
    try:
        make_parser().parse_args(own)
        if own == ["survey"] and further:  # without options it is the name of the command
            make_survey_parser().parse_args(further)
    except SystemExit as stop:
        return "refused" if stop.code else ""  # help is not refused
    return ""


@pytest.mark.parametrize("name", [*TEXTS, *(f"notebooks/{path.name}" for path in sorted(NOTEBOOKS.glob("*.ipynb")))])
def test_commands_can_be_carried_out(name, capsys):
    found = {line: fault(line) for line in commands(words_of(ROOT / name))}
    assert {line: said for line, said in found.items() if said} == {}, capsys.readouterr().err


def test_commands_are_found():
    found = commands(README)
    for line in ("make lab", "make test", "make wheel", "sgtheory lab", "sgtheory lab --port=9999", "sgtheory warm"):
        assert line in found
    assert any(line.startswith("sgtheory survey --widths") for line in found)
    assert any(" --networks 200 --draws 1000 " in line for line in commands(words_of(TEXTS["docs/measured.md"])))


@pytest.mark.usefixtures("capsys")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("make labs", "no target labs"),
        ("sgtheory laboratory", "refused"),
        ("sgtheory export --pages page_9", "refused"),
        ("sgtheory survey --width 5-5-1", "refused"),
        ("python -m sgtheory.survey --networks 3", "refused"),
        ("python -m benchmarks.nothing", "no module benchmarks.nothing"),
        ("pip install 'sgtheory[page]'", "no extra page"),
        ("pip install dist/sgtheory-0.0.0-py3-none-any.whl", "no package dist/sgtheory-0.0.0-py3-none-any.whl"),
    ],
)
def test_rule_on_commands_can_fail(line, said):
    assert commands(f"text\n\n    {line}  # why\n") == [line] == commands(f"text `{line}` text")
    assert fault(line) == said


# --- addresses


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of the server that `sgtheory lab` starts, as `make lab` does, over a copy of the notebooks."""
    scratch, port = tmp_path_factory.mktemp("reader"), free_port()
    own = {
        "JUPYTER_CONFIG_DIR": scratch / "config",
        "JUPYTER_DATA_DIR": scratch / "data",
        "IPYTHONDIR": scratch / "ipython",
    }
    command = [
        sys.executable, "-m", "sgtheory", "lab", "notebooks", "--no-browser", f"--port={port}", "--ip=127.0.0.1",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LanguageServerManager.autodetect=False",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(path) for name, path in own.items()}}
    log = scratch / "log"
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=scratch, env=environment, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 120
        while answer(address := f"http://127.0.0.1:{port}", "/api/status") != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address, log
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # a busy kernel may keep it waiting
            process.kill()
            process.wait()


def answer(address, path):
    """The status of a server's answer, and 0 where there is no server."""
    try:
        with urllib.request.urlopen(address + path, timeout=120) as response:
            response.read()  # Voilà's answer ends when the notebook has been run
            return response.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
    except (OSError, http.client.HTTPException):
        return 0


def addresses(text):
    """Paths on the server of `make lab` that a text names."""
    return re.findall(rf"{SERVER}(/[^`\s)>]+)", text)


def lost(server, path):
    """What is wrong with an address, in words. Jupyter's own pages come for every name: there the file is asked for, too."""
    status = answer(server, path)
    if status != 200:
        return f"{path}: {status}"
    file = re.fullmatch(r"/(?:lab/tree|doc/tree|notebooks)/(.*)", path)
    status = answer(server, f"/api/contents/{urllib.parse.quote(file[1])}?content=0") if file else 200
    return "" if status == 200 else f"{path}: no such file ({status})"


def test_every_address_leads_to_a_page(server):
    found = sorted({*addresses(README), *addresses(words_of(NOTEBOOKS / "index.ipynb"))})
    kinds = {path.split("/")[1] for path in found}
    assert kinds == {"lab", "doc", "notebooks", "voila"}
    assert [fault for path in found if (fault := lost(server[0], path))] == []


def test_every_link_of_the_notebooks_leads_to_a_file_on_the_server(server):
    found = sorted({link for path in NOTEBOOKS.glob("*.ipynb") for link in links(words_of(path))})
    assert {lesson.notebook for lesson in COURSE} < {*found}
    assert [fault for link in found if (fault := lost(server[0], f"/lab/tree/{link}"))] == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/voila/render/notebooks/01_single_unit.ipynb", "404"),
        ("/doc/tree/notebooks/01_single_unit.ipynb", "no such file (404)"),
        ("/notebooks/notebooks/01_single_unit.ipynb", "no such file (404)"),
        ("/lab/tree/../sgtheory/methods.py", "no such file (404)"),
    ],
)
def test_rule_on_addresses_can_fail(server, path, fault):
    assert addresses(f"at `{SERVER}{path}`, or ({SERVER}{path})") == [path, path]
    assert lost(server[0], path) == f"{path}: {fault}"


def test_the_address_that_the_server_prints_leads_to_the_index(server):
    printed = re.search(rf"{server[0]}(/lab\S*?)(\?|\s)", server[1].read_text())[1]
    assert printed == "/lab/tree/index.ipynb"
    assert lost(server[0], printed) == ""


def test_the_server_says_that_root_is_allowed_where_it_is(server):
    line = "python -m sgtheory lab: you are root, so JupyterLab is started with `--allow-root`."
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    assert (line in server[1].read_text()) == root
