"""A page as one HTML file: complete, small, self-contained, and safe against whatever was typed."""

import base64
import functools
import html.parser
import json
import re
import zlib

import numpy as np
import pytest

from sgtheory.pages._kit import Slider
from sgtheory.pages._kit.export import page_as_html

FETCHED = {
    "src",
    "href",
    "srcset",
    "data",
    "poster",
    "action",
    "formaction",
    "background",
    "manifest",
    "xlink:href",
    "ping",
}
NASTY = "</script></title><script>alert(1)</script><img src=https://example.com/x onerror=alert(1)> & \"'"


class Reader(html.parser.HTMLParser):
    """What a browser sees: elements, what they would fetch, the text of scripts and of everything else."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.fetched, self.scripts, self.text, self.handlers = [], [], [], {}, []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [value for name, value in attributes if name in FETCHED]
        self.handlers += [name for name, _ in attributes if name.startswith("on")]
        if tag == "script":
            self.scripts.append((dict(attributes), []))

    def handle_data(self, data):
        if self.tags[-1:] == ["script"] and self.scripts:
            self.scripts[-1][1].append(data)
        elif self.tags:
            self.text[self.tags[-1]] = self.text.get(self.tags[-1], "") + data

    def script(self, **attributes):
        return next("".join(parts) for found, parts in self.scripts if attributes.items() <= found.items())


def read_payload(text):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(Reader(text).script(id="payload"), parse_constant=refuse)


def unpacked(message):
    return zlib.decompress(base64.b64decode(message["bytes"]))


@pytest.fixture(scope="module")
def exported(ready_pages):
    """A page at its start, written once."""

    @functools.cache
    def text_of(name):
        ready_pages[name].reset()
        return ready_pages[name].as_html()

    return text_of


@pytest.fixture
def text(any_page, exported):
    return exported(any_page.name)


def test_the_file_is_written(page, exported, tmp_path):
    page.export_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == exported("single_unit")


def test_the_file_is_small_enough_to_be_sent(text):
    assert len(text.encode()) < 5_000_000


def test_nothing_is_fetched(text):
    """No element names another address, and neither do the styles; scripts are inline."""
    reader = Reader(text)
    assert reader.fetched == []
    assert reader.handlers == []
    assert not {"link", "iframe", "object", "embed", "base", "form"} & set(reader.tags)
    assert not re.search(r"@import|url\s*\(\s*['\"]?(https?:)?//", reader.text["style"])
    assert not re.search(
        r"\bimport\s*\(|\bfrom\s+['\"]|fetch\s*\(|XMLHttpRequest|WebSocket", reader.script(type="module")
    )


def test_the_file_has_the_parts_that_its_script_looks_for(text, any_page):
    reader = Reader(text)
    assert reader.tags.count("script") == 3
    assert reader.tags.count("h1") == 1
    assert reader.text["title"].strip() == any_page.title
    script = reader.script(type="module")
    for found in re.findall(r"getElementById\('([\w-]+)'\)", script):
        assert f'id="{found}"' in text
    assert "Bokeh" in reader.script()


def test_the_payload_describes_the_page_without_a_kernel(text, any_page):
    payload = read_payload(text)
    assert payload["spec"]["kernel"] is False
    assert payload["spec"]["actions"] == []
    assert payload["spec"]["start"] == any_page.settings()
    roots = {root["id"] for root in payload["doc"]["roots"]}
    assert {figure["root"] for figure in payload["spec"]["figures"]} == roots
    tabled = {c.name for c in any_page.specification if isinstance(c, Slider) and c.tabled}
    assert set(payload["tables"]) == tabled
    assert set(payload["spec"]["fixed"]) == set(any_page.controls) - tabled


def test_the_picture_is_exact(text, any_page, tools):
    picture = read_payload(text)["picture"]
    read = tools.row(tools.read_columns(picture["layout"], unpacked(picture)), 0)
    for name, values in tools.columns_of(any_page.data).items():
        np.testing.assert_array_equal(tools.columns_of(read)[name], values)


def test_every_step_of_every_slider_is_a_row_of_its_table(text, any_page, tools):
    """What the reader can reach is what the program computes, to four bytes per number, and one byte of an image."""
    for name, table in read_payload(text)["tables"].items():
        control = any_page.by_name[name]
        assert (table["low"], table["high"], table["base"]) == (control.low, control.high, control.base)
        assert table["rows"] == control.positions()
        read = tools.read_columns(table["layout"], unpacked(table), table["rows"])
        index = np.argmin(abs(control.numbers(table["rows"]) - control.value))
        step = {f"{entry['source']}.{entry['column']}": entry.get("scale", 0.0) for entry in table["layout"]}
        for column, values in tools.columns_of(tools.row(read, index)).items():
            exact = tools.columns_of(any_page.data)[column]
            np.testing.assert_allclose(values, exact, rtol=1e-6, atol=1e-9 + 0.5001 * step[column])


def test_nothing_that_was_typed_gets_out_of_its_place(page, monkeypatch):
    """A formula that is not in use is not refused; it is in the file all the same, as text."""
    page.controls["expression"].value = NASTY
    monkeypatch.setattr(page, "title", NASTY)
    monkeypatch.setattr(page, "sweep", lambda *_: {"curve": {"y": np.zeros((2, 1))}})
    text = page_as_html(page, {})
    reader = Reader(text)
    assert reader.tags.count("script") == 3
    assert "img" not in reader.tags
    assert (reader.fetched, reader.handlers) == ([], [])
    assert reader.text["title"].strip() == reader.text["h1"].strip() == NASTY
    payload = read_payload(text)
    assert payload["spec"]["start"]["expression"] == payload["spec"]["fixed"]["expression"] == NASTY
    assert payload["spec"]["title"] == NASTY
    assert "<" not in reader.script(id="payload")


def test_a_page_whose_formula_is_refused_is_not_written(page, tmp_path):
    page.loop.active = "trials"
    page.controls["escape"].value = "your own"
    page.controls["expression"].value = "2*u"
    with pytest.raises(ValueError, match="between 0 and 1"):
        page.export_html(tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
