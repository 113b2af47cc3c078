"""Workflow files for a public host: valid, with few permissions, and with no commands but those of the Makefile."""

import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1].split()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path):
    """A workflow; YAML takes its key `on` for the word true."""
    return {
        "on" if key is True else key: value for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
    }


def checked(path):
    """What `make check` runs on each of them: their schema, which comes with the program, so that no network is asked."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def findings(workflow):
    """What breaks the rules for these files, in words."""
    found = []
    if workflow.get("permissions") != {"contents": "read"}:
        found.append(f"permissions {workflow.get('permissions')}")
    for name, job in workflow["jobs"].items():
        if "permissions" in job:
            found.append(f"{name}: permissions of its own")
        if "timeout-minutes" not in job:
            found.append(f"{name}: no timeout")
        for step in job["steps"]:
            found += [f"{name}: {fault}" for fault in _faults(step)]
    return found


def _faults(step):
    action = step.get("uses", "actions/none@v1.0.0")
    if not re.fullmatch(r"actions/[\w-]+@v\d+\.\d+\.\d+", action):
        yield f"{action} is not a release of the host's own actions"
    if action.startswith("actions/checkout@") and step.get("with", {}).get("persist-credentials") is not False:
        yield "the checkout keeps its credentials"
    command = step.get("run", "make test PYTHON=python")
    called = re.fullmatch(r"make (\w+) PYTHON=python", command)
    if not called or called[1] not in TARGETS:
        yield f"`{command}` is not a target of the Makefile"


def test_there_are_workflows_for_tests_newest_versions_and_notebooks():
    called = {path.stem: re.findall(r"run: make (\w+)", path.read_text(encoding="utf-8")) for path in FILES}
    assert called == {"tests": ["test"], "newest": ["newest"], "notebooks": ["notebooks"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_workflows_are_valid_and_keep_the_rules(path):
    assert checked(path).returncode == 0, checked(path).stdout
    assert findings(read(path)) == []


def test_tests_run_on_every_python_that_the_package_names():
    prefix = "Programming Language :: Python :: "
    versions = [line.removeprefix(prefix) for line in PROJECT["classifiers"] if line.startswith(prefix)]
    assert read(ROOT / ".github/workflows/tests.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == versions


def test_notebooks_run_once_a_month():
    (schedule,) = read(ROOT / ".github/workflows/notebooks.yml")["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \d+ \* \*", schedule["cron"])


def test_schema_can_refuse(tmp_path):
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    (tmp_path / "broken.yml").write_text(text.replace("runs-on:", "runs-at:"), encoding="utf-8")
    assert checked(tmp_path / "broken.yml").returncode != 0


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("contents: read", "contents: write", "permissions {'contents': 'write'}"),
        ("timeout-minutes: 120", "name: long", "test: no timeout"),
        ("@v5.0.0", "@main", "test: actions/checkout@main is not a release of the host's own actions"),
        (
            "actions/setup-python",
            "someone/setup",
            "test: someone/setup@v6.0.0 is not a release of the host's own actions",
        ),
        ("persist-credentials: false", "persist-credentials: true", "test: the checkout keeps its credentials"),
        ("make test", "pytest", "test: `pytest PYTHON=python` is not a target of the Makefile"),
        ("make test", "make tests", "test: `make tests PYTHON=python` is not a target of the Makefile"),
        ("    env:", "    permissions: {}\n    env:", "test: permissions of its own"),
    ],
)
def test_rules_on_workflows_can_fail(tmp_path, old, new, finding):
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "changed.yml").write_text(text.replace(old, new), encoding="utf-8")
    assert findings(read(tmp_path / "changed.yml")) == [finding]
