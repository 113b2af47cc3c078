"""A Jupyter server extension that sends kernel messages at once, so that a slider driven by the kernel feels immediate.

One move of a slider makes the server send several small messages (busy, reply, idle). Jupyter Server leaves Nagle's
algorithm on: the second message waits until the first is acknowledged, and the receiver delays that acknowledgement by
some 40 ms. With TCP_NODELAY nothing waits; `python -m benchmarks.round_trip` measures both.

The extension also serves BokehJS from the installed package, so that a page need not wait for a kernel that is busy
running the cells below it; where it cannot, pages get BokehJS from their kernel. And it tells Voilà, if that is there, what
to make of the notebooks.

`etc/jupyter/jupyter_server_config.d/sgtheory.json` enables the extension when the package is installed, and the
environment variable `SGTHEORY_NODELAY=0` switches the first half off. Nothing is imported that a server has not got,
because this module is loaded by the server, which needs neither JAX nor Bokeh.
"""

import importlib.metadata
import importlib.util
import os
import re
from typing import Any

from sgtheory._bokehjs import SCRIPT, bokehjs_folder

SETTING = "kernel_websocket_connection_class"
SWITCH = "SGTHEORY_NODELAY"


def without_delay(connection_class: Any) -> Any:
    """Return a subclass of a kernel connection class that sets TCP_NODELAY when it connects.

    Works on whatever class the server is configured with (kernels of its own, a gateway, a user's own class): all of
    them carry the WebSocket as `websocket_handler` and are told to `connect` once it is open. A subclass also keeps the
    user's configuration, since traitlets reads the sections of every parent.
    """

    class ConnectionWithoutDelay(connection_class):
        def connect(self) -> Any:
            try:
                self.websocket_handler.set_nodelay(True)
            # A socket that the browser closed meanwhile has no option to set; a slow connection beats none.
            except Exception as problem:
                self.log.debug("sgtheory: TCP_NODELAY could not be set (%r); messages may be delayed.", problem)
            # Some classes connect in a coroutine, some return a future: the caller awaits what their own code returns.
            return super().connect()

    ConnectionWithoutDelay.__name__ = ConnectionWithoutDelay.__qualname__ = f"{connection_class.__name__}WithoutDelay"
    return ConnectionWithoutDelay


def install(settings: dict[str, Any]) -> str:
    """Put the class into a server's settings, where each new WebSocket looks it up, and return what was done in words.

    The settings stay as they are when the environment says so, or when the server keeps no such class (Jupyter Server
    before 2.0).
    """
    if os.environ.get(SWITCH) == "0":
        return f"kernel messages are sent as Jupyter Server sends them, because {SWITCH}=0."
    configured = settings.get(SETTING)
    if not isinstance(configured, type):
        return f"kernel messages are sent as Jupyter Server sends them: it has no class under {SETTING!r} to extend."
    settings[SETTING] = without_delay(configured)
    return f"kernel messages are sent without delay (TCP_NODELAY; {SWITCH}=0 switches this off)."


def serve_bokeh(web_app: Any) -> str:
    """Add the installed `bokeh.min.js` to a server, tell its pages the version, and return what was done in words."""
    folder = bokehjs_folder()
    if folder is None:
        return "BokehJS comes from the kernels, for Bokeh is not installed beside the server."
    from jupyter_server.base.handlers import FileFindHandler
    from jupyter_server.utils import url_path_join

    address = url_path_join(web_app.settings["base_url"], f"sgtheory/({re.escape(SCRIPT)})")
    web_app.add_handlers(".*$", [(address, FileFindHandler, {"path": [str(folder)]})])
    version = importlib.metadata.version("bokeh")
    web_app.settings.setdefault("page_config_data", {})["sgtheoryBokeh"] = version
    return f"BokehJS {version} is served from the installed package."


def prepare_voila(config: Any) -> str:
    """Name our preprocessor in Voilà's configuration, after those of the user, and return what was done in words."""
    if importlib.util.find_spec("voila") is None or importlib.util.find_spec("latex2mathml") is None:
        return "there is no Voilà to show pages as applications."
    section = config.VoilaExporter
    section.preprocessors = [*section.get("preprocessors", ()), "sgtheory._voila.Application"]
    return "Voilà shows the pages without what only a notebook can do."


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    """Tell Jupyter Server which module to load."""
    return [{"module": "sgtheory._server"}]


def _load_jupyter_server_extension(server_app: Any) -> None:
    """Do all three and log a line for each; whatever goes wrong, the server starts."""
    web_app = server_app.web_app
    for doing, loss in (
        (lambda: install(web_app.settings), "TCP_NODELAY stays unset; sliders work, with some delay"),
        (lambda: serve_bokeh(web_app), "BokehJS comes from the kernels; pages work, and begin later"),
        (lambda: prepare_voila(server_app.config), "Voilà shows the notebooks as they are"),
    ):
        try:
            server_app.log.info("sgtheory: %s", doing())
        except Exception as problem:
            server_app.log.warning("sgtheory: %s (%r).", loss, problem)
