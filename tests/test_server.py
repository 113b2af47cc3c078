"""`sgtheory._server`: TCP_NODELAY on the WebSocket of every kernel, BokehJS beside it, and nothing else changed."""

import asyncio
import importlib.metadata
import importlib.util
import json
import logging
import pathlib
import subprocess
import sys
import sysconfig
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from benchmarks.round_trip import ECHO, running_kernel, running_server
from sgtheory import _server
from sgtheory.pages._kit.stage import bokeh_script

# Loaded into the server beside `sgtheory._server`: reads the option from the sockets that are open at that moment.
PROBE = """
import json
import socket

from jupyter_server.base.handlers import APIHandler
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado.web import authenticated


class Probe(APIHandler):
    @authenticated
    def get(self):
        connections = list(ZMQChannelsWebsocketConnection._open_sockets)
        sockets = [each.websocket_handler.ws_connection.stream.socket for each in connections]
        nodelay = [bool(each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) for each in sockets]
        self.finish(json.dumps({
            "nodelay": nodelay,
            "setting": self.settings["kernel_websocket_connection_class"].__name__,
            "used": [type(each).__name__ for each in connections],
        }))


def _jupyter_server_extension_points():
    return [{"module": "nodelay_probe"}]


def _load_jupyter_server_extension(server_app):
    server_app.web_app.add_handlers(".*$", [(r"/probe", Probe)])
"""


class RecordingConnection:
    """Stands for a kernel connection: records what happens to it, in order."""

    def __init__(self, failure: Exception | None = None):
        self.events: list[Any] = []
        self.failure = failure
        self.websocket_handler = SimpleNamespace(set_nodelay=self._set_nodelay)
        self.log = logging.getLogger("recording")

    def _set_nodelay(self, value: bool) -> None:
        self.events.append(("set_nodelay", value))
        if self.failure:
            raise self.failure

    def connect(self) -> str:
        self.events.append("connect")
        return "what connect returned"


class CoroutineConnection(RecordingConnection):
    """Connects in a coroutine, as the connection to a gateway does."""

    async def connect(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().connect()


class FakeServer:
    """What this extension uses of the server that it is given."""

    def __init__(self, settings: Any):
        self.handlers: list[Any] = []
        self.web_app = SimpleNamespace(settings=settings, add_handlers=lambda _, new: self.handlers.extend(new))
        self.log = logging.getLogger("fake_server")
        self.config = Config()


@pytest.fixture
def switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_server.SWITCH, raising=False)


def test_connection_sets_the_option_and_then_connects():
    connection = _server.without_delay(RecordingConnection)()
    assert connection.connect() == "what connect returned"
    assert connection.events == [("set_nodelay", True), "connect"]


def test_connection_that_connects_in_a_coroutine_is_awaited_by_its_caller():
    connection = _server.without_delay(CoroutineConnection)()
    assert asyncio.run(connection.connect()) == "what connect returned"
    assert connection.events == [("set_nodelay", True), "connect"]


def test_connection_works_without_the_option():
    connection = _server.without_delay(RecordingConnection)(failure=AssertionError("the socket is closed"))
    assert connection.connect() == "what connect returned"


@pytest.mark.usefixtures("switched_on")
def test_the_class_a_user_configured_is_extended_not_replaced(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    settings: dict[str, Any] = {_server.SETTING: CoroutineConnection, "other": 1}
    _server._load_jupyter_server_extension(FakeServer(settings))
    assert settings["other"] == 1
    assert settings[_server.SETTING] is not CoroutineConnection
    assert issubclass(settings[_server.SETTING], CoroutineConnection)
    assert "without delay" in caplog.text


def test_switch_leaves_the_settings_alone_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(_server.SWITCH, "0")
    caplog.set_level(logging.INFO)
    settings = {_server.SETTING: RecordingConnection}
    _server._load_jupyter_server_extension(FakeServer(settings))
    assert settings == {_server.SETTING: RecordingConnection}
    assert f"{_server.SWITCH}=0" in caplog.text


@pytest.mark.usefixtures("switched_on")
@pytest.mark.parametrize("settings", [{}, {_server.SETTING: None}], ids=["absent", "none"])
def test_server_without_such_a_class_is_left_alone(settings: dict[str, Any], caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    before = dict(settings)
    _server._load_jupyter_server_extension(FakeServer(settings))
    assert settings == before
    assert "no class" in caplog.text


@pytest.mark.usefixtures("switched_on")
def test_unexpected_settings_never_stop_the_server(caplog: pytest.LogCaptureFixture):
    server = FakeServer(settings=None)
    server.config = None
    _server._load_jupyter_server_extension(server)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3


@pytest.mark.parametrize("base_url", ["/", "/user/ada/"])
def test_pages_are_told_which_bokeh_the_server_has(base_url: str):
    server = FakeServer({"base_url": base_url})
    _server.serve_bokeh(server.web_app)
    assert server.web_app.settings["page_config_data"] == {"sgtheoryBokeh": importlib.metadata.version("bokeh")}
    assert [address for address, *_ in server.handlers] == [base_url + r"sgtheory/(bokeh\.min\.js)"]


def test_a_server_without_bokeh_leaves_it_to_the_kernels(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    server = FakeServer({"base_url": "/"})
    assert "comes from the kernels" in _server.serve_bokeh(server.web_app)
    assert server.web_app.settings == {"base_url": "/"}
    assert server.handlers == []


def test_voila_gets_our_preprocessor_after_those_of_the_user():
    server = FakeServer({})
    server.config.VoilaExporter.preprocessors = ["theirs"]
    _server._load_jupyter_server_extension(server)
    assert server.config.VoilaExporter.preprocessors == ["theirs", "sgtheory._voila.Application"]


def test_a_server_without_voila_is_not_configured_for_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    server = FakeServer({})
    assert "no Voilà" in _server.prepare_voila(server.config)
    assert server.config == {}


def test_module_loads_neither_jax_nor_bokeh():
    unwanted = {"jax", "bokeh", "numpy", "ipywidgets", "tornado"}
    code = f"import sys, sgtheory._server; print(sorted({unwanted!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_installed_configuration_enables_the_extension():
    folder = pathlib.Path(sysconfig.get_path("data")) / "etc" / "jupyter" / "jupyter_server_config.d"
    enabled = json.loads((folder / "sgtheory.json").read_text())["ServerApp"]["jpserver_extensions"]
    assert enabled == {point["module"]: True for point in _server._jupyter_server_extension_points()}


@pytest.mark.parametrize("with_extension", [True, False], ids=["on", "off"])
def test_option_on_a_real_servers_socket(tmp_path: pathlib.Path, with_extension: bool):
    """The negative control is the same server with the switch off: there the option must not be set."""
    (tmp_path / "nodelay_probe.py").write_text(PROBE)
    server_of_a_user = running_server(tmp_path, with_extension=with_extension, extensions={"nodelay_probe": True})
    with server_of_a_user as server, running_kernel(server) as kernel:
        kernel.ask("execute_request", {"code": ECHO, "silent": True})
        kernel.ask("comm_open", {"comm_id": "probe", "target_name": "echo", "data": {}})
        answers = kernel.ask("comm_msg", {"comm_id": "probe", "data": {"value": 3}})
        found = server.ask("probe")
        with urllib.request.urlopen(f"http://{server.address}/sgtheory/bokeh.min.js") as answer:
            assert answer.read() == bokeh_script()

    assert [answer["content"]["data"] for answer in answers if answer["msg_type"] == "comm_msg"] == [{"value": 3}]
    name = "ZMQChannelsWebsocketConnection" + ("WithoutDelay" if with_extension else "")
    assert found == {"nodelay": [with_extension], "setting": name, "used": [name]}
    assert "sgtheory._server | extension was successfully loaded" in server.log.read_text()
    assert ("sent without delay" if with_extension else f"{_server.SWITCH}=0") in server.log.read_text()
