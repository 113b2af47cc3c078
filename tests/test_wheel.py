"""What is installed from a wheel: the package with its notebooks, which a reader's copy comes from."""

import contextlib
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel made by the command of `make wheel`."""
    folder = tmp_path_factory.mktemp("dist")
    leftovers = ROOT / "notebooks" / ".ipynb_checkpoints" / "test_wheel.ipynb"
    leftovers.parent.mkdir(exist_ok=True)
    leftovers.touch()  # as JupyterLab leaves them; they must stay here
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    try:
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    finally:
        leftovers.unlink()
        with contextlib.suppress(OSError):  # where JupyterLab has left something, too
            leftovers.parent.rmdir()
    (built,) = folder.glob("*.whl")
    return built


def test_make_wheel_is_that_command():
    lines = subprocess.run(
        ["make", "--no-print-directory", "-n", "wheel"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert lines.splitlines()[-1].endswith("/bin/python -m hatchling build --target wheel")


def test_the_wheel_has_the_package_the_notebooks_and_the_command(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "sgtheory = sgtheory._command:main" in archive.read(points).decode()
    present = {
        path.relative_to(ROOT).as_posix()
        for kind in ("*.ipynb", "figures/*.png")
        for path in (ROOT / "notebooks").glob(kind)
    }
    assert {name.removeprefix("sgtheory/") for name in names if name.startswith("sgtheory/notebooks/")} == present
    assert {
        "sgtheory/__init__.py",
        "sgtheory/pages/_kit/browser/stage.js",
        "sgtheory/pages/_pictures/single_unit.npz",
    } <= {*names}
    assert any(name.endswith("etc/jupyter/jupyter_server_config.d/sgtheory.json") for name in names)
    assert not [
        name for name in names if name.startswith(("notebooks/", "tests/")) or "checkpoints" in name.rpartition("/")[0]
    ]


def test_a_reader_without_a_checkout_gets_the_notebooks(wheel, tmp_path):
    """Only JupyterLab itself is left out; with a checkout beside it, the installed package is still the one in use."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    program = """import sys, types, sgtheory
start = lambda arguments: print(sgtheory.__file__, arguments[0], sep="\\n")
sys.modules["jupyterlab.labapp"] = types.SimpleNamespace(LabApp=types.SimpleNamespace(launch_instance=start))
from sgtheory._command import main
sys.exit(main(["lab"]))"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    folder = tmp_path / "sgtheory-notebooks"
    assert done.stdout.splitlines()[-2:] == [
        str(tmp_path / "installed/sgtheory/__init__.py"),
        f"--ServerApp.root_dir={folder}",
    ]
    for shipped in (ROOT / "notebooks").glob("*.ipynb"):
        assert (folder / shipped.name).read_bytes() == shipped.read_bytes()
