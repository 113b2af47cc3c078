"""Where the installed BokehJS lies, for the server and for the pages; found without importing Bokeh."""

import importlib.util
import pathlib

SCRIPT = "bokeh.min.js"


def bokehjs_folder() -> pathlib.Path | None:
    """The folder of `SCRIPT`, or None where Bokeh is not installed."""
    found = importlib.util.find_spec("bokeh")
    if found is None or found.origin is None:
        return None
    return pathlib.Path(found.origin).parent / "server" / "static" / "js"
