"""How long a kernel takes to answer a widget message over Jupyter's WebSocket, with and without `sgtheory._server`.

    python -m benchmarks.round_trip

One round trip is what a slider costs before any work is done: the browser sends a comm message, the kernel sends
`busy`, its answer and `idle`. ipywidgets sends the next value only after `idle`, so the time to `idle` limits the
updates per second.
"""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import websocket

AIM_MS = 20.0
MESSAGES = 60
WARM_UP = 5
TOKEN = "round-trip"
# One event of a 60 Hz screen: where a drag leaves the kernel idle between two steps.
GAPS_MS = {"back to back": 0.0, "16 ms apart": 16.0}
PATIENCE_S = 60.0
# None of these touches the WebSocket of a kernel, and together they double the time the server takes to start.
HEAVY_EXTENSIONS = (
    "jupyter_lsp",
    "jupyter_server_terminals",
    "jupyterlab",
    "notebook",
    "notebook_shim",
    "voila.server_extension",
)

ECHO = """
import comm
def answer(channel, opening):
    channel.on_msg(lambda message: channel.send(message["content"]["data"]))
comm.get_comm_manager().register_target("echo", answer)
"""


@dataclass(frozen=True)
class Server:
    """A running `jupyter server`: its address and its log file."""

    address: str
    log: pathlib.Path

    def ask(self, path: str, *, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        """The decoded answer of the server's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"http://{self.address}/{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read() or "null")


class Kernel:
    """The browser's end of a kernel's WebSocket: one message goes out, all its answers come in."""

    def __init__(self, connection: websocket.WebSocket):
        self.connection = connection
        self.session = uuid.uuid4().hex

    def ask(self, kind: str, content: dict[str, Any]) -> list[dict[str, Any]]:
        """Send one shell message; return the messages it caused, up to and with the kernel's `idle`."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session, "username": "", "version": "5"}
        message = {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.connection.send(json.dumps(message))
        answers: list[dict[str, Any]] = []
        while not (answers and answers[-1]["content"].get("execution_state") == "idle"):
            answer = json.loads(self.connection.recv())
            if answer["parent_header"].get("msg_id") == header["msg_id"]:
                answers.append(answer)
        return answers


@contextlib.contextmanager
def running_server(
    folder: pathlib.Path, *, with_extension: bool = True, extensions: dict[str, bool] | None = None
) -> Iterator[Server]:
    """Run this environment's `jupyter server` on the loopback address, with all its own files under `folder`.

    `sgtheory._server` is enabled by the configuration installed with the package, as it is for a user;
    `with_extension` switches it on or off. `extensions` enables others; their modules may lie in `folder`.
    """
    _write_configuration(folder, dict.fromkeys(HEAVY_EXTENSIONS, False) | (extensions or {}))
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(folder),
            env=_environment(folder, with_extension),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            yield Server(_address_when_ready(process, folder / "runtime", log), log)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, so that it ends its kernels first; kill it only if it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command(folder: pathlib.Path) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.open_browser": "False",
        # Containers run as root; the server listens only on the loopback address, and asks for a token.
        "ServerApp.allow_root": "True",
        "ServerApp.root_dir": str(folder),
        "IdentityProvider.token": TOKEN,
    }
    return [sys.executable, "-m", "jupyter_server", *(f"--{name}={value}" for name, value in options.items())]


def _environment(folder: pathlib.Path, with_extension: bool) -> dict[str, str]:
    """This process's environment without the user's Jupyter settings, so that only installed ones count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "IPYTHON"))}
    return kept | {
        # The path's entries come before the environment's own configuration, the directory possibly after it.
        "JUPYTER_CONFIG_PATH": str(folder / "config"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])),
        "SGTHEORY_NODELAY": "1" if with_extension else "0",
    }


def _write_configuration(folder: pathlib.Path, extensions: dict[str, bool]) -> None:
    target = folder / "config" / "jupyter_server_config.d" / "round_trip.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps({"ServerApp": {"jpserver_extensions": extensions}}))


def _address_when_ready(process: subprocess.Popen[bytes], runtime: pathlib.Path, log: pathlib.Path) -> str:
    """Wait for the server to answer; the port is the one it wrote down, since it takes another when one is in use."""
    deadline = time.monotonic() + PATIENCE_S
    notes = runtime / f"jpserver-{process.pid}.json"
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, ValueError, urllib.error.URLError):
            address = f"127.0.0.1:{json.loads(notes.read_text())['port']}"
            Server(address, log).ask("api/status")
            return address
        time.sleep(0.05)
    raise RuntimeError(
        f"A `jupyter server` must answer within {PATIENCE_S:.0f} s, this one has exit code {process.poll()}. "
        f"Its last words:\n{log.read_text()[-2000:]}"
    )


@contextlib.contextmanager
def running_kernel(server: Server) -> Iterator[Kernel]:
    """Start a Python kernel on a server and connect to it as a browser does."""
    name = server.ask("api/kernels", method="POST", body={"name": "python3"})["id"]
    address = f"ws://{server.address}/api/kernels/{name}/channels?session_id={uuid.uuid4().hex}"
    headers = [f"Authorization: token {TOKEN}"]
    with contextlib.closing(websocket.create_connection(address, timeout=PATIENCE_S, header=headers)) as connection:
        yield Kernel(connection)
    server.ask(f"api/kernels/{name}", method="DELETE")


def round_trips(kernel: Kernel, gap_ms: float, messages: int) -> list[float]:
    """Milliseconds from sending a widget-sized comm message to the kernel's `idle`, one number per message."""
    name = uuid.uuid4().hex
    kernel.ask("comm_open", {"comm_id": name, "target_name": "echo", "data": {}})
    times = []
    for step in range(WARM_UP + messages):
        time.sleep(gap_ms / 1000)
        start = time.perf_counter()
        kernel.ask("comm_msg", {"comm_id": name, "data": {"method": "update", "state": {"value": step}}})
        times.append(1000 * (time.perf_counter() - start))
    return times[WARM_UP:]


def measure(messages: int = MESSAGES) -> list[dict[str, Any]]:
    """For each gap between messages, one row for the server with the extension and one for the server without."""
    rows = []
    for with_extension in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            rows += _measure_server(pathlib.Path(folder), with_extension, messages)
    return rows


def _measure_server(folder: pathlib.Path, with_extension: bool, messages: int) -> list[dict[str, Any]]:
    with running_server(folder, with_extension=with_extension) as server, running_kernel(server) as kernel:
        kernel.ask("execute_request", {"code": ECHO, "silent": True})
        return [
            {
                "benchmark": "kernel round trip",
                "extension": "on" if with_extension else "off",
                "messages": f"{messages} {name}",
                **_percentiles(round_trips(kernel, gap_ms, messages)),
                "aim": f"p50 < {AIM_MS:.0f} ms" if with_extension else "-",
            }
            for name, gap_ms in GAPS_MS.items()
        ]


def _percentiles(times: list[float]) -> dict[str, float]:
    twentieths = statistics.quantiles(times, n=20, method="inclusive")
    return {"p50_ms": round(statistics.median(times), 1), "p95_ms": round(twentieths[18], 1)}


def main() -> None:
    """Print the rows as a table."""
    rows = measure()
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in rows[0]}
    for row in [dict(zip(widths, widths, strict=True)), *rows]:
        print("  ".join(str(value).ljust(widths[name]) for name, value in row.items()).rstrip())


if __name__ == "__main__":
    main()
