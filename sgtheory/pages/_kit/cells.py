"""Which notebook cell made a page: when that cell is run again, its earlier page is closed and leaves nothing behind."""

import sys

import ipywidgets

_pages: dict[tuple[str, str], tuple[str, list[ipywidgets.Widget]]] = {}
"""Browser and cell → the run that made its pages, and the pages."""


def take_over(page: ipywidgets.Widget) -> None:
    """Registers a page with the cell that is being run, and closes the pages of its earlier runs.

    Where two browsers show one notebook, each keeps its own.
    """
    cell, run = _present()
    if not cell:
        return
    before, pages = _pages.get(cell, (run, []))
    if before != run:
        for old in pages:
            old.close()
        pages = []
    _pages[cell] = run, [*pages, page]


def _present() -> tuple[tuple[str, str] | None, str]:
    """The browser and the cell that is being run, where the front end names it, and the number of this run."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel else {}
    header, cell = parent.get("header", {}), parent.get("metadata", {}).get("cellId")
    return (header.get("session", ""), cell) if cell else None, header.get("msg_id", "")


def close_tree(widget: ipywidgets.Widget) -> None:
    """Closes a widget and all that hang on it: children, layouts, styles."""
    found = [widget]
    for each in found:  # grows meanwhile
        values = [getattr(each, name) for name in each.keys]
        parts = [part for value in values for part in (value if isinstance(value, (list, tuple)) else [value])]
        parts += [part for value in values if isinstance(value, dict) for part in value.values()]
        found += [part for part in parts if isinstance(part, ipywidgets.Widget) and part not in found]
    for each in found:
        ipywidgets.Widget.close(each)
