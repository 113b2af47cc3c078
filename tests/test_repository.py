"""Rules that the repository's files keep: dependencies, Binder, notebooks, and words that no text may contain.

Every rule is a function from contents to a list of findings in words, so that a test can also show it fail.
"""

import json
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from typing import Any

import pytest
import yaml

import sgtheory

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINDER = ROOT / "binder"
PYPROJECT_TEXT = (ROOT / "pyproject.toml").read_text()
PYPROJECT: dict[str, Any] = tomllib.loads(PYPROJECT_TEXT)

MAX_BYTES = 1_000_000
MAX_CODE_CELLS, MAX_CODE_LINES, MAX_CELL_LINES = 6, 20, 6
OUTPUT_MARKS = {"nbval-check-output", "NBVAL_CHECK_OUTPUT"}

# conda-forge's `matplotlib` is `matplotlib-base` and a desktop toolkit; every other name is the same there.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}
# What conda needs beyond pyproject.toml's lists: an interpreter, and the means to install the checkout itself.
CONDA_ONLY = {"python=3.12", "pip", *PYPROJECT["build-system"]["requires"]}

# Joined from pieces, so that this file does not contain what it looks for.
HOSTS = [
    "py" + "pi.org",
    "files.python" + "hosted",
    "registry.npm" + "js",
    "deb.deb" + "ian.org",
    "conda.ana" + "conda.org",
]
# A path counts where a path can start: after a space, a quote, `=`, but not within an address or a relative path.
FOLDERS = ["/ho" + r"me/\w", "/Us" + r"ers/\w", "/ro" + "ot/", "/wo" + "rk/"]
UNWANTED = re.compile("|".join([*map(re.escape, HOSTS), *(rf"(?<![\w.}}-]){folder}" for folder in FOLDERS)]))


# --- files of the repository


def kept_files() -> list[pathlib.Path]:
    """Files that are tracked, or would be by `git add .`."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in sorted({*names} - {""}) if (ROOT / name).is_file()]


def text_of(path: pathlib.Path) -> str:
    """Contents of a text file, and nothing for a binary one (as git tells them apart: by a zero byte)."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8", errors="replace")


def unwanted_words(text: str) -> list[str]:
    """Lines that name a host of a package registry or a folder of somebody's machine."""
    return [
        f"line {number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if UNWANTED.search(line)
    ]


def too_large(paths: Iterable[pathlib.Path]) -> list[str]:
    """Files over the limit, with their size."""
    sizes = {path: path.stat().st_size for path in paths}
    return [f"{path.name}: {size} bytes" for path, size in sizes.items() if size > MAX_BYTES]


def test_the_files_are_found():
    names = {path.relative_to(ROOT).as_posix() for path in kept_files()}
    assert {"pyproject.toml", "requirements.lock", "environment.yml", "tests/test_repository.py"} <= names


def test_no_text_names_a_registry_or_a_developers_machine():
    findings = {str(path.relative_to(ROOT)): unwanted_words(text_of(path)) for path in kept_files()}
    assert {name: lines for name, lines in findings.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://" + HOSTS[0] + "/simple",
        "resolved https://" + HOSTS[2] + ".org/x.tgz",
        "cache = '" + "/ho" + "me/ada/.cache'",
        "PATH=" + "/ro" + "ot/bin",
        "sgtheory @ file://" + "/wo" + "rk/tree",
        "cd " + "/wo" + "rk/tree",
    ],
)
def test_rule_on_words_can_fail(line: str):
    assert unwanted_words(f"first\n{line}\n") == [f"line 2: {line}"]


@pytest.mark.parametrize(
    "line",
    [
        "https://example.org" + "/ho" + "me/ada",
        "tests" + "/wo" + "rk/x",
        "HOME=" + "/ho" + "me/${NB_USER}",
        "pip install x",
    ],
)
def test_rule_on_words_lets_other_paths_pass(line: str):
    assert unwanted_words(line) == []


def test_no_file_is_large():
    assert too_large(kept_files()) == []


def test_rule_on_sizes_can_fail(tmp_path: pathlib.Path):
    (tmp_path / "big.bin").write_bytes(bytes(MAX_BYTES + 1))
    assert too_large(tmp_path.iterdir()) == [f"big.bin: {MAX_BYTES + 1} bytes"]


# --- dependencies


def requirements(*extras: str) -> list[str]:
    """Dependencies of the package, and of the extras named."""
    project = PYPROJECT["project"]
    return [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]


def conda_spelling(requirement: str) -> str:
    """The same requirement by its name on conda-forge."""
    name, bound = re.fullmatch(r"([\w-]+)(>=[\w.]+(?:,<[\w.]+)?)", requirement.replace(" ", "")).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return CONDA_NAMES.get(name, name) + bound


def without_reason(text: str, wanted: Iterable[str]) -> list[str]:
    """Requirements that do not stand on a line of their own with a comment saying what they are for."""
    return [line for line in wanted if not re.search(rf'^\s*"{re.escape(line)}",\s*#\s*\w', text, flags=re.MULTILINE)]


def test_the_two_environment_files_are_the_same():
    assert (ROOT / "environment.yml").read_text() == (BINDER / "environment.yml").read_text()


def test_environment_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == PYPROJECT["project"]["name"]
    assert environment["channels"] == ["conda-forge"]
    wanted = {
        conda_spelling(requirement) for requirement in requirements("pages", "voila", "survey", "data")
    } | CONDA_ONLY
    assert sorted(environment["dependencies"]) == sorted(wanted)


def test_every_dependency_has_its_reason():
    assert without_reason(PYPROJECT_TEXT, requirements(*PYPROJECT["project"]["optional-dependencies"])) == []


def test_rule_on_reasons_can_fail():
    text = 'dependencies = [\n    "one>=1",  # to count\n    "two>=2",\n    "three>=3",  #\n]\n'
    assert without_reason(text, ["one>=1", "two>=2", "three>=3"]) == ["two>=2", "three>=3"]


def test_version_is_stated_once():
    assert sgtheory.__version__ == PYPROJECT["project"]["version"]


# --- Binder


def repo2docker(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Let repo2docker write the recipe of the image; this needs neither Docker nor a network."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def variables(*command: str) -> dict[str, str]:
    """Environment that a command printed with `env -0`, started from a nearly empty one."""
    printed = subprocess.run(
        command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, check=True, text=True
    )
    return dict(line.split("=", 1) for line in printed.stdout.split("\0") if line)


def test_repo2docker_accepts_the_binder_folder():
    recipe = repo2docker(ROOT)
    assert recipe.returncode == 0, recipe.stderr
    assert "python=3.12" in recipe.stdout + recipe.stderr
    for line in (
        '--file "binder/environment.yml"',
        "RUN ./binder/postBuild",
        'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ):
        assert line in recipe.stdout


def test_repo2docker_would_refuse_a_broken_folder(tmp_path: pathlib.Path):
    shutil.copytree(BINDER, tmp_path / "binder")
    (tmp_path / "binder" / "environment.yml").write_text("- not\n- a mapping\n")
    refusal = repo2docker(tmp_path)
    assert refusal.returncode != 0
    assert "should contain a dictionary" in refusal.stdout + refusal.stderr


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_binder_scripts_are_executable_and_parse(name: str):
    assert os.access(BINDER / name, os.X_OK)
    subprocess.run(["bash", "-n", BINDER / name], check=True)


def test_the_image_is_built_and_started_with_the_same_cache():
    start = variables(str(BINDER / "start"), "env", "-0")
    sourced = variables("bash", "-c", "source binder/cache.sh && env -0")
    names = {name for name in start if name.startswith(("JAX_", "XLA_"))}
    assert {name: start[name] for name in names} == {name: sourced[name] for name in names}
    assert start["JAX_COMPILATION_CACHE_DIR"] == str(ROOT / ".jax_cache")
    assert start["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
    assert start["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"
    assert start["XLA_FLAGS"] == "--xla_cpu_max_isa=AVX2"
    for name in ("postBuild", "start"):
        assert "cache.sh" in (BINDER / name).read_text()


def test_the_image_serves_the_folder_that_make_lab_serves():
    """So that the addresses in README and index hold there, too."""
    place = subprocess.run([BINDER / "start", "pwd"], cwd=ROOT, capture_output=True, check=True, text=True)
    assert place.stdout == f"{ROOT / 'notebooks'}\n"


# --- notebooks


def notebooks() -> list[pathlib.Path]:
    return [path for path in kept_files() if path.suffix == ".ipynb"]


def pages() -> list[pathlib.Path]:
    """The numbered notebooks, each of which is one page of the course."""
    return [path for path in notebooks() if re.match(r"\d\d_", path.name)]


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def code_lines(cell: dict[str, Any]) -> list[str]:
    """Lines that do something: neither empty nor a comment."""
    lines = "".join(cell["source"]).splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def stored_outputs(notebook: dict[str, Any]) -> list[str]:
    """Code cells stored with an output that nbval does not compare."""
    return [
        f"code cell {number} is stored with an output"
        for number, cell in enumerate(code_cells(notebook), 1)
        if cell["outputs"] and not _is_marked(cell)
    ]


def _is_marked(cell: dict[str, Any]) -> bool:
    comments = {line.strip("# \t") for line in "".join(cell["source"]).splitlines() if line.lstrip().startswith("#")}
    return bool(OUTPUT_MARKS & (comments | {*cell["metadata"].get("tags", [])}))


def too_much_code(notebook: dict[str, Any]) -> list[str]:
    """What keeps a notebook from being a page: programs belong in the package, where they are tested."""
    cells = [code_lines(cell) for cell in code_cells(notebook)]
    total = sum(map(len, cells))
    findings = [
        f"code cell {number} has {len(lines)} lines, {MAX_CELL_LINES} are allowed"
        for number, lines in enumerate(cells, 1)
        if len(lines) > MAX_CELL_LINES
    ]
    if len(cells) > MAX_CODE_CELLS:
        findings.append(f"{len(cells)} code cells, {MAX_CODE_CELLS} are allowed")
    if total > MAX_CODE_LINES:
        findings.append(f"{total} code lines, {MAX_CODE_LINES} are allowed")
    if any(re.match(r"\s*(async\s+)?def\b", line) for lines in cells for line in lines):
        findings.append("a `def`: move the function into the package")
    return findings


def missing_modules(name: str, root: pathlib.Path) -> list[str]:
    """Modules that a reader of notebooks/NN_name.ipynb would look for and not find."""
    module = re.sub(r"^\d\d_", "", name)
    wanted = [
        f"sgtheory/{path}.py" for path in (f"pages/{module}", f"pages/{module}_exercises", f"experiments/{module}")
    ]
    return [path for path in wanted if not (root / path).is_file()]


def a_cell(source: str, *, outputs: Iterable[str] = (), tags: Iterable[str] = ()) -> dict[str, Any]:
    return {"cell_type": "code", "source": [source], "outputs": [*outputs], "metadata": {"tags": [*tags]}}


def test_there_are_pages():
    assert pages()


def test_notebooks_are_stored_without_outputs():
    findings = {path.name: stored_outputs(json.loads(path.read_text())) for path in notebooks()}
    assert {name: lines for name, lines in findings.items() if lines} == {}


def test_pages_are_short():
    findings = {path.name: too_much_code(json.loads(path.read_text())) for path in pages()}
    assert {name: lines for name, lines in findings.items() if lines} == {}


def test_pages_have_their_modules():
    findings = {path.name: missing_modules(path.stem, ROOT) for path in pages()}
    assert {name: paths for name, paths in findings.items() if paths} == {}


def test_rule_on_outputs_can_fail():
    stored = {"outputs": ["text"]}
    cells = [
        a_cell("1"),
        a_cell("# NBVAL_CHECK_OUTPUT\n1", **stored),
        a_cell("1", tags=["nbval-check-output"], **stored),
    ]
    assert stored_outputs({"cells": cells}) == []
    assert stored_outputs({"cells": [*cells, a_cell("1", **stored)]}) == ["code cell 4 is stored with an output"]


@pytest.mark.parametrize(
    ("sources", "finding"),
    [
        (["a = 1"] * 7, "7 code cells, 6 are allowed"),
        (["a = 1\n" * 7], "code cell 1 has 7 lines, 6 are allowed"),
        (["a = 1\n" * 6] * 3 + ["a = 1\n" * 3], "21 code lines, 20 are allowed"),
        (["def f():\n    return 1"], "a `def`: move the function into the package"),
    ],
)
def test_rule_on_code_can_fail(sources: list[str], finding: str):
    assert too_much_code({"cells": [a_cell(source) for source in sources]}) == [finding]


def test_rule_on_code_counts_neither_comments_nor_empty_lines():
    assert too_much_code({"cells": [a_cell("# why\n\na = 1\n" * 6)]}) == []


def test_rule_on_modules_can_fail(tmp_path: pathlib.Path):
    (tmp_path / "sgtheory" / "pages").mkdir(parents=True)
    (tmp_path / "sgtheory" / "pages" / "loop.py").touch()
    missing = ["sgtheory/pages/loop_exercises.py", "sgtheory/experiments/loop.py"]
    assert missing_modules("03_loop", tmp_path) == missing


def test_the_environment_is_made_again_for_new_packages_and_not_for_new_settings():
    installed_from = runpy.run_path(str(ROOT / "tools/bootstrap.py"))["installed_from"]
    kept = installed_from(PYPROJECT_TEXT)
    assert installed_from(PYPROJECT_TEXT.replace("line-length = 120", "line-length = 100")) == kept != PYPROJECT_TEXT
    assert installed_from(PYPROJECT_TEXT.replace("optax>=0.2.5", "optax>=0.2.6")) != kept
    assert installed_from(PYPROJECT_TEXT.replace("etc/jupyter", "etc/other")) != kept
