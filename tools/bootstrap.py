"""Make the project's own environment in `.venv`, from nothing but a Python and the locked list of packages.

`make lab` and `make test` run this. It uses only the standard library, so that it runs on a fresh machine, and does nothing
the second time, unless the lock, pyproject.toml or the Python version has changed. With SGTHEORY_NEWEST=1 it installs the
newest versions that pyproject.toml allows.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig

ROOT = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT = pathlib.Path(os.environ.get("SGTHEORY_ENVIRONMENT", ROOT / ".venv"))
STAMP = ENVIRONMENT / ".sgtheory-stamp"
NEWEST = os.environ.get("SGTHEORY_NEWEST") == "1"
OLDEST, TOO_NEW = (3, 11), (3, 14)


def stop(sentence):
    raise SystemExit(f"sgtheory: {sentence}")


def suitable_python():
    """This interpreter if the lock covers it, otherwise the newest suitable one on the path."""
    if OLDEST <= sys.version_info[:2] < TOO_NEW:
        return sys.executable
    for minor in range(TOO_NEW[1] - 1, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    return stop(
        f"Python 3.11, 3.12 or 3.13 is needed, but only {sys.version.split()[0]} was found. "
        "Install one of them, or name it: `make test PYTHON=/path/to/python3.12`."
    )


def installed_from(pyproject):
    """The part of pyproject.toml that says what is installed; settings of other tools do not make an environment stale."""
    tables = ("\n" + pyproject).split("\n[")
    return "\n[".join(table for table in tables if not table.startswith("tool.") or table.startswith("tool.hatch."))


def fingerprint(python):
    """A digest of everything that the environment is made from; if any part changes, it is made again."""
    parts = [
        python,
        NEWEST,
        ROOT,
        (ROOT / "requirements.lock").read_text(),
        installed_from((ROOT / "pyproject.toml").read_text()),
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def locked_uv():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return next(line.split()[0] for line in lines if line.startswith("uv=="))


def run(*command):
    if subprocess.run([str(part) for part in command], cwd=ROOT).returncode:
        stop(
            f"this step failed, its message is above: {' '.join(map(str, command))}. Fix the cause and run make again."
        )


def main():
    python = suitable_python()
    stamp = fingerprint(python)
    if STAMP.exists() and STAMP.read_text() == stamp:
        return
    print(f"sgtheory: setting up {ENVIRONMENT} (once; a few minutes on a slow connection)", flush=True)
    made = subprocess.run([python, "-m", "venv", "--clear", str(ENVIRONMENT)], capture_output=True, text=True)
    if made.returncode:
        stop(
            f"{python} cannot make a virtual environment: {(made.stdout + made.stderr).strip().splitlines()[:1]}. "
            "On Debian or Ubuntu install `python3-venv`."
        )
    binaries = ENVIRONMENT / pathlib.Path(sysconfig.get_path("scripts", "venv", vars={"base": "x"})).name
    environment_python = binaries / ("python.exe" if os.name == "nt" else "python")
    run(environment_python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", locked_uv())
    # Compiled to bytecode now; otherwise the first page would wait for thousands of files to be compiled.
    install = (binaries / "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", environment_python)
    if NEWEST:
        run(*install, "--upgrade", "--editable", ".[pages,voila,survey,data,dev]")
    else:
        run(*install, "--require-hashes", "-r", "requirements.lock")
        run(*install, "--no-deps", "--editable", ".")
    STAMP.write_text(stamp)


if __name__ == "__main__":
    main()
