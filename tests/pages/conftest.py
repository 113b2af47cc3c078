"""Pages without a browser: the tests send its messages, and keep what it would receive and read it as the script does."""

import functools

import numpy as np
import pytest

from sgtheory.pages._kit.hearing import hear
from sgtheory.pages._registry import ALL_PAGES


class FrontEnd:
    """Stands for the browser of one page."""

    def __init__(self, page):
        self.page = page
        self.received = []
        page.stage.send = lambda content, buffers=(): self.received.append((content, list(buffers or ())))

    def says(self, kind, **content):
        """The kinds of the answers to one message, in order."""
        return self._answers(lambda: hear(self.page, {"kind": kind, **content}))

    def moves(self, name, value):
        """What is sent when the value of a control arrives."""
        return self._answers(lambda: setattr(self.page.controls[name], "value", value))

    def drags(self, name, *values):
        """What is sent when the browser asks for pictures during a drag: the value of each picture, or the end."""
        self.asks(name, *values)
        answers = [content for content, _ in self.received if content["kind"] == "moved"]
        return [content["state"][name] if "layout" in content else "the end" for content in answers]

    def asks(self, name, *values, **state):
        """The kinds of the answers to one question of a drag."""
        return self.says("moved", control=name, values=list(values), state=self.state(**state), question="here 1")

    def settles(self, approximate=False, **state):
        """The kinds of the answers to the word that all controls are at rest, some of them in a new place."""
        return self.says("settled", state=self.state(**state), approximate=approximate)

    def state(self, **state):
        return self.page.settings() | state

    def _answers(self, act):
        self.received.clear()
        act()
        assert self.page.loop.rest()
        return [content["kind"] for content, _ in self.received if content["kind"] not in ("status", "refusal")]

    def last(self, kind):
        """The last message of this kind, and its bytes."""
        return next((content, *buffers) for content, buffers in reversed(self.received) if content["kind"] == kind)

    @property
    def words(self):
        """What was said in the status line."""
        return [content["text"] for content, _ in self.received if content["kind"] == "status"]


def read_columns(layout, data, rows=1):
    """What `pack` wrote, as `unpack` in numbers.js reads it: one array per column, rows first."""
    sources, offset = {}, 0
    for entry in layout:
        size = int(np.prod(entry["shape"]))
        width = -(-size // 8) if entry["dtype"] == "bit" else size * int(entry["dtype"][1])
        piece = data[offset : offset + rows * width]
        offset += rows * width
        if entry["dtype"] == "bit":
            packed = np.frombuffer(piece, dtype="u1").reshape(rows, width)
            values = np.unpackbits(packed, axis=1, count=size).astype(bool)
        else:
            values = np.frombuffer(piece, dtype="<" + entry["dtype"])
            values = (entry["offset"] + entry["scale"] * values).astype("f4") if entry["dtype"] == "u1" else values
        sources.setdefault(entry["source"], {})[entry["column"]] = values.reshape(rows, *entry["shape"])
    assert offset == len(data)
    return sources


@functools.cache
def drawn_columns(page):
    """`source.column` → the figure that draws it along its y-axis, and the length of the axis if it is fixed."""
    columns = {}
    for figure in page.figures(page.data):
        axes = {
            **dict.fromkeys(("x", "x1", "x2"), figure.plot.x_range),
            **dict.fromkeys(("y", "y1", "y2"), figure.plot.y_range),
        }
        for renderer in figure.plot.renderers:
            for field, axis in axes.items():
                name = getattr(renderer.glyph, field, None)
                if isinstance(name, str) and renderer.data_source.name:  # another is there for the key alone
                    along = None if axis is figure.plot.x_range else figure.name
                    columns[f"{renderer.data_source.name}.{name}"] = (along, float(axis.end - axis.start))
    return columns


def largest_error(page, shown, exact):
    """The largest distance of any line from the true one, in lengths of the axis, and its column."""
    shown, truth = columns_of(shown), columns_of(exact)
    errors = []
    for name, (figure, length) in drawn_columns(page).items():
        if f"ranges.{figure}.end" in truth:
            length = float(truth[f"ranges.{figure}.end"][0] - truth[f"ranges.{figure}.start"][0])
        if name not in page.discrete and truth[name].size:
            errors.append((float(np.max(np.abs(shown[name] - truth[name]))) / length, name))
    return max(errors)


def row(table, index):
    """One row of a table, as a picture."""
    return {source: {name: values[index] for name, values in columns.items()} for source, columns in table.items()}


def columns_of(sources):
    """All columns by "source.column"."""
    return {f"{source}.{name}": values for source, columns in sources.items() for name, values in columns.items()}


class Tools:
    """The helpers above, as one fixture."""

    FrontEnd = FrontEnd
    read_columns = staticmethod(read_columns)
    largest_error = staticmethod(largest_error)
    row = staticmethod(row)
    columns_of = staticmethod(columns_of)


@pytest.fixture(scope="session")
def tools():
    return Tools


class ReadyPages(dict):
    """Each page once, when it is first asked for: constructing it and loading its programs is what takes time."""

    def __missing__(self, name):
        page = self[name] = ALL_PAGES[name]()
        page.wait(timeout=500.0)
        return page


@pytest.fixture(scope="session")
def ready_pages():
    return ReadyPages()


def as_new(page):
    """The page at its start, without the front end and everything that it knew."""
    page.stage.send = lambda content, buffers=(): None
    page.reset()
    page.loop.rest()
    page.loop.tables.forget()
    page.loop.active = page.play
    return page


@pytest.fixture
def page(ready_pages):
    return as_new(ready_pages["single_unit"])


@pytest.fixture
def hidden_page(ready_pages):
    return as_new(ready_pages["hidden_unit"])


@pytest.fixture(params=ALL_PAGES)
def any_page(ready_pages, request):
    """Every page in turn."""
    return as_new(ready_pages[request.param])


@pytest.fixture
def front_end(page):
    """A browser that has connected to the page of the single unit."""
    front_end = FrontEnd(page)
    front_end.says("hello")
    return front_end
