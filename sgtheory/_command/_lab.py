"""`sgtheory lab`: the notebooks in a folder of the reader's, and JupyterLab over that folder."""

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterable

from sgtheory._command._refused import Refused

INDEX = "index.ipynb"
PACKAGE = pathlib.Path(__file__).resolve().parents[1]
RECORD = ".sgtheory.json"  # what was written into a reader's folder: name → digest


def shipped_notebooks(package: pathlib.Path = PACKAGE) -> pathlib.Path:
    """The folder of notebooks that came with the package: in it where it was installed, beside it in a checkout."""
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / INDEX).is_file():
            return folder
    raise Refused("The notebooks must lie in the package, but are not there. Install it again.")


def lay_out(source: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Copies notebooks and figures; returns the names of files that the reader has changed, which stay as they are.

    A file that is still as an earlier call wrote it is brought up to date.
    """
    if folder.resolve() == source.resolve():
        return []
    written, kept = _read_record(folder), []
    for path in _files(source):
        name = path.relative_to(source).as_posix()
        present, new = folder / name, _digest(path)
        found = _digest(present) if present.is_file() else None
        if found not in (None, new, written.get(name)):
            kept.append(name)
            continue
        if found != new:
            present.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, present)
        written[name] = new
    (folder / RECORD).write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return kept


def _files(source: pathlib.Path) -> Iterable[pathlib.Path]:
    return sorted([*source.glob("*.ipynb"), *source.glob("figures/*.png")])


def _digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read_record(folder: pathlib.Path) -> dict[str, str]:
    """What was written; nothing where that cannot be read, so that every other file counts as the reader's own."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def keep_programs(folder: pathlib.Path) -> str:
    """Lets JAX keep what it compiles, so that a page computes sooner the second time; returns where.

    That is in the folder, or beside it in a checkout. Variables that are set already are left alone.
    """
    folder = folder.resolve()
    home = PACKAGE.parent if folder == PACKAGE.parent / "notebooks" else folder
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / ".jax_cache"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    return os.environ["JAX_COMPILATION_CACHE_DIR"]


def is_administrator() -> bool:
    """Whether this is the account `root`, as in most containers, which JupyterLab refuses unless it is told otherwise."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def lab_arguments(folder: pathlib.Path, further: Iterable[str] = (), administrator: bool = False) -> list[str]:
    """What `jupyter lab` is told: the folder is the server's root, its address leads to the index; the reader's own options."""
    allowed = ["--allow-root"] if administrator else []
    return [f"--ServerApp.root_dir={folder.resolve()}", f"--LabApp.default_url=/lab/tree/{INDEX}", *allowed, *further]


def open_lab(folder: pathlib.Path, further: list[str], prog: str) -> None:
    """Prepares the folder and runs JupyterLab in this process until it is stopped."""
    if folder.exists() and not folder.is_dir():
        raise Refused(f"`folder` must be a folder, but {folder} is a file. Name another: `{prog} my-notebooks`.")
    from jupyterlab.labapp import LabApp  # before anything is written, for it may be missing

    kept = lay_out(shipped_notebooks(), folder)
    if kept:
        print(f"{prog}: left as you have changed them in {folder}: {', '.join(kept)}.", flush=True)
    keep_programs(folder)
    administrator = is_administrator()
    if administrator:
        print(f"{prog}: you are root, so JupyterLab is started with `--allow-root`.", flush=True)
    LabApp.launch_instance(lab_arguments(folder, further, administrator))
