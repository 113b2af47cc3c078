"""A real JupyterLab, Notebook or Voila, seen in a real Chromium: for the browser tests and the benchmarks."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

PATIENCE_MS = 60_000
COMPILED_MS = 240_000  # a page with many methods, whose programs are compiled for the first time on a busy machine
# The browser makes no requests of its own, so that any request beyond 127.0.0.1 comes from the page.
CHROMIUM_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-features=OptimizationHints,MediaRouter",
)  # fmt: skip
QUIET = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}


def chromium() -> str | None:
    """Path of an installed Chromium or Chrome, or None."""
    named = os.environ.get("SGTHEORY_CHROMIUM")
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "chrome"))
    return named or next((path for path in found if path), None)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running_lab(folder: pathlib.Path, **environment: str) -> Iterator[str]:
    """Address of a JupyterLab server over `folder`; Notebook 7 and Voila answer there too."""
    port = free_port()
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
        "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.iopub_data_rate_limit=1e9", "--ServerApp.log_level=WARN",
        "--LanguageServerManager.autodetect=False",  # no code checker on this machine is to interfere
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        settings = pathlib.Path(scratch, "config/labconfig/default_setting_overrides.json")
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(QUIET))
        own = {
            "JUPYTER_CONFIG_DIR": str(pathlib.Path(scratch, "config")),
            "JUPYTERLAB_SETTINGS_DIR": str(pathlib.Path(scratch, "settings")),
            "JUPYTERLAB_WORKSPACES_DIR": str(pathlib.Path(scratch, "workspaces")),
            "IPYTHONDIR": str(pathlib.Path(scratch, "ipython")),
            "JUPYTER_PLATFORM_DIRS": "1",
        }
        with pathlib.Path(scratch, "log").open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **own, **environment})
        try:
            _await_server(f"http://127.0.0.1:{port}/api/status", server, pathlib.Path(scratch, "log"))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:  # a busy kernel may keep it waiting
                server.kill()
                server.wait()


def _await_server(address: str, server: subprocess.Popen, log: pathlib.Path) -> None:
    for _ in range(300):
        if server.poll() is not None:
            raise RuntimeError(f"Jupyter must start, but it ended: {log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(
        f"Jupyter must answer at {address} within a minute, got nothing. Its log: {log.read_text()[-2000:]}"
    )


@dataclass
class Watched:
    """What happened in a browser context that should never happen to a reader."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


# Messages of the applications themselves, whatever notebook is open, and why each is none of ours.
HARMLESS = {
    "favicon": "the browser asks for an icon that the server may lack",
    "Download the React DevTools": "JupyterLab's libraries advertise their tools",
    "[Violation]": "Chromium's advice on slow handlers, JupyterLab's among them",
    "Failed to load resource: the server responded with a status of 404": "JupyterLab asks for files that may not be there",
    "ResizeObserver loop": "JupyterLab lays out again within a frame; the browser does it in the next",
    "Could not restore the debugger state": "JupyterLab's debugger, whose question a restarted kernel leaves unanswered",
}
# Messages and requests of one application, whatever notebook is open, and why.
OWN_ERRORS = {
    "notebook": {
        "Cannot read properties of undefined (reading 'schema')": "Notebook 7 lacks a setting of its own",
        "Command 'filebrowser:open-path' not registered.": "Notebook 7 has no file browser",
        "status of 403": "Notebook 7 asks for fonts that it does not serve",
    },
    "voila": {
        "net::ERR_NAME_NOT_RESOLVED": "Voilà's template wants icons and MathJax from a CDN",
        "net::ERR_INTERNET_DISCONNECTED": "the same, on a machine without any network",
        "@jupyter-notebook/lab-extension": "Voilà loads Notebook's extension, which is not made for it",
    },
}
OWN_REQUESTS = {"voila": ("fontawesome-free", "/mathjax/")}


def watch(context: BrowserContext, application: str = "lab") -> Watched:
    """Records, from now on, console errors and requests that leave this machine."""
    seen = Watched()
    harmless = HARMLESS | OWN_ERRORS.get(application, {})
    expected = OWN_REQUESTS.get(application, ())

    def error(text):
        if not any(known in text for known in harmless):
            seen.errors.append(text)

    def request(asked):
        local = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "file:", "about:", "chrome")
        if not asked.url.startswith(local) and not any(known in asked.url for known in expected):
            seen.elsewhere.append(asked.url)

    context.on("console", lambda message: error(message.text) if message.type == "error" else None)
    context.on("weberror", lambda raised: error(str(raised.error)))
    context.on("request", request)
    return seen


@contextlib.contextmanager
def browser() -> Iterator:
    """The headless Chromium of this machine."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(CHROMIUM_ARGUMENTS))
        try:
            yield launched
        finally:
            launched.close()


def open_notebook(page: Page, address: str, name: str, *, application: str = "lab") -> None:
    """Opens a notebook and waits until its kernel answers; nothing is run yet, except by Voilà, which runs everything."""
    if application == "voila":
        page.goto(f"{address}/voila/render/{name}", wait_until="commit")
        return
    path = {"lab": "doc/tree", "workspace": "lab/tree", "notebook": "notebooks"}[application]
    page.goto(f"{address}/{path}/{name}")
    page.wait_for_selector(".jp-Notebook", timeout=PATIENCE_MS)
    page.wait_for_function(KERNEL_IS_IDLE, timeout=PATIENCE_MS)


KERNEL_IS_IDLE = """() => {
  const application = window.jupyterapp, widget = application?.shell?.currentWidget;
  return widget?.context?.sessionContext?.session?.kernel?.status === 'idle';
}"""


def run_all(page: Page) -> None:
    """Runs every cell, as the menu does."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def await_live(page: Page, *, tour: bool = False) -> None:
    """Waits for the first live picture, and leaves the tour for all plots and controls, unless `tour` is wanted."""
    page.wait_for_function(
        "() => document.querySelector('.sgtheory-stage')?.sgtheory?.statistics?.drawn > 0", timeout=PATIENCE_MS
    )
    if not tour:
        explore(page)


def explore(page: Page) -> None:
    """Leaves the tour of a page, if it has one and the reader is on it; what is shown then has been painted."""
    left = page.evaluate(
        """() => [...document.querySelectorAll('.sgtheory-stage')].filter((el) => el.sgtheory?.tour?.step >= 0)
          .map((el) => el.sgtheory.tour.go(-1)).length"""
    )
    if left:
        page.wait_for_timeout(400)


def await_ready(page: Page) -> None:
    """Waits until JAX is ready behind the picture."""
    page.wait_for_function(
        "() => document.querySelector('.sgtheory-status')?.textContent === 'Ready.'", timeout=COMPILED_MS
    )


def handle(page: Page, label: str):
    """The slider whose accessible name begins with `label`."""
    return page.locator(f".sgtheory-page [role=slider][aria-label^='{label}']").first


def at_rest(page: Page, **settings: Any) -> None:
    """Waits until the exact picture for these settings is shown and painted."""
    page.wait_for_function(
        """(wanted) => {
          const state = JSON.parse(document.querySelector('.sgtheory-stage').dataset.settled ?? '{}');
          return Object.entries(wanted).every(([name, value]) => state[name] === value);
        }""",
        arg=settings,
        timeout=PATIENCE_MS,
    )
    # Its numbers are set; two frames later they are painted, however busy the machine is.
    page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")


def drag(page: Page, label: str, pixels: float) -> None:
    """Drags a slider as a hand does, in a dozen steps."""
    slider = handle(page, label)
    slider.scroll_into_view_if_needed()
    box: Any = slider.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 13):
        page.mouse.move(x + pixels * step / 12, y)
        page.wait_for_timeout(16)
    page.mouse.up()
