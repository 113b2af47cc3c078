"""One JupyterLab and one Chromium for all browser tests."""

import contextlib
import functools
import json
import os
import pathlib
import shutil
import urllib.request

import nbformat
import pytest

from benchmarks.laboratory import (
    PATIENCE_MS,
    await_live,
    await_ready,
    browser,
    chromium,
    open_notebook,
    run_all,
    running_lab,
    watch,
)

NOTEBOOKS = pathlib.Path(__file__).parents[2] / "notebooks"
ADVICE = (
    "no Chromium or Chrome was found: install one (Debian: `apt install chromium`), or name it in SGTHEORY_CHROMIUM"
)


def pytest_collection_modifyitems(items):
    if chromium() is None and os.environ.get("SGTHEORY_REQUIRE_BROWSER") != "1":
        for item in items:
            if "tests/browser" in item.nodeid:
                item.add_marker(pytest.mark.skip(reason=f"BROWSER TESTS SKIPPED: {ADVICE}"))


def pytest_terminal_summary(terminalreporter):
    if chromium() is None:
        terminalreporter.section("BROWSER TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.write_line(ADVICE)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Address of a JupyterLab over a copy of the notebooks, in a folder called `notebooks`."""
    if chromium() is None:
        pytest.fail(ADVICE)
    root = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, root / "notebooks")
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(root / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    with running_lab(root, **cache) as address:
        yield address


@pytest.fixture(scope="session")
def chrome():
    with browser() as launched:
        yield launched


@contextlib.contextmanager
def page_in(chrome, application="lab"):
    """A page in a browser context of its own, and a record of what should never happen to a reader; checked when it closes."""
    context = chrome.new_context(viewport={"width": 1360, "height": 1000}, accept_downloads=True)
    seen = watch(context, application)
    yield context.new_page()
    context.close()
    assert seen.errors == []
    assert seen.elsewhere == []


@pytest.fixture(scope="module")
def fresh_page(chrome):
    return functools.partial(page_in, chrome)


CUT_OFF = """() => {
  const page = document.querySelector('.sgtheory-page'), edge = page.getBoundingClientRect().right + 1;
  const names = '.widget-label, .widget-label-basic span, .sgtheory-key li, .sgtheory-readouts :is(dt, dd), .sgtheory-tools button';
  const cut = [...page.querySelectorAll(names)].filter((node) => {
    const box = node.getBoundingClientRect();
    const lost = [node.scrollWidth - box.width, node.scrollHeight - box.height - 2, box.right - edge];
    return box.width && Math.max(...lost) > 1;
  }).map(({textContent}) => textContent);
  const {sgtheory: stage} = page.querySelector('.sgtheory-stage'), context = document.createElement('canvas').getContext('2d');
  const titles = stage.spec.figures.flatMap(({name, root}, k) => {
    if (!stage.panels[k].offsetParent) return []; // it belongs to what another control says
    const {title} = stage.plot(name), room = stage.panels[k].clientWidth - stage.views.get_by_id(root).frame.bbox.left;
    context.font = `bold ${title.text_font_size.value ?? title.text_font_size} Helvetica, Arial, sans-serif`;
    const lines = title.text.split('\\n'), {top} = stage.views.get_by_id(root).frame.bbox;
    const gap = top > 28 + 14 * (lines.length - 1) ? ['a gap below ' + title.text] : [];
    return [...lines.filter((line) => context.measureText(line).width > room + 1), ...gap];
  });
  return [...cut, ...titles];
}"""


@pytest.fixture(scope="session")
def cut_off():
    """A function: the names on a page that do not fit, in windows of all sizes; each with the width of the window."""

    def found(page):
        names = []
        for width in (1000, 760, 390, 1360):
            page.set_viewport_size({"width": width, "height": 1000})
            page.wait_for_timeout(700)  # titles are broken anew after the layout
            names += [(width, name) for name in page.evaluate(CUT_OFF)]
        return names

    return found


@pytest.fixture
def seen_page(chrome):
    with page_in(chrome) as page:
        yield page


@pytest.fixture(params=["notebook", "voila"])
def other_application(request, lab, chrome):
    """Page 01 opened but not run in Notebook 7, and in Voilà, which has no cells and runs it."""
    with page_in(chrome, request.param) as page:
        open_notebook(page, lab, "notebooks/01_single_unit.ipynb", application=request.param)
        if request.param == "notebook":
            run_all(page)
        yield page


@pytest.fixture(scope="module")
def live_page(lab, chrome):
    """Page 01 run in JupyterLab and computing; one for all tests of a module, because starting it takes a while."""
    with page_in(chrome) as page:
        open_notebook(page, lab, "notebooks/01_single_unit.ipynb")
        run_all(page)
        await_live(page)
        await_ready(page)
        page.wait_for_selector(".sgtheory-page [role=slider][aria-label]", timeout=PATIENCE_MS)
        yield page


def tell(lab, path, content):
    """Gives the server a file or a setting."""
    request = urllib.request.Request(f"{lab}/{path}", json.dumps(content).encode(), method="PUT")
    urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture(scope="session")
def setting(lab):
    """A context in which JupyterLab's extension of this name has other settings than by itself."""

    @contextlib.contextmanager
    def changed(extension, **settings):
        tell(lab, f"lab/api/settings/{extension}", {"raw": json.dumps(settings)})
        yield
        tell(lab, f"lab/api/settings/{extension}", {"raw": "{}"})

    return changed


@pytest.fixture(scope="session")
def open_cells(lab):
    """A function: puts a notebook of these cells on the server, and opens it in a page; nothing is run yet."""

    def opened(page, *sources, name="afternoon.ipynb"):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        tell(lab, f"api/contents/{name}", {"type": "notebook", "content": notebook})
        open_notebook(page, lab, name)
        return page

    return opened


@pytest.fixture
def opened(seen_page, open_cells):
    """Puts a notebook of these cells on the server, and opens it; nothing is run yet."""
    return functools.partial(open_cells, seen_page)


@pytest.fixture
def live_cell(opened):
    """Shows the page that a cell makes, ready."""

    def show(source):
        page = opened(source)
        run_all(page)
        await_live(page)
        await_ready(page)
        return page

    return show
