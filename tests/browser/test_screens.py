"""Two pages in one notebook, on other screens: scrolled away and back, painted more sharply, touched."""

import pytest

from benchmarks.laboratory import PATIENCE_MS, run_all
from sgtheory.pages import LoopIntegral, SignFlip

pytestmark = pytest.mark.browser

CELLS = "from sgtheory.pages import LoopIntegral, SignFlip\nLoopIntegral()", "\n".join(["0"] * 80), "SignFlip()"
LOOP, SIGN = (
    f"[...document.querySelectorAll('.sgtheory-stage')].find((el) => el.sgtheory?.spec.name === '{kind.name}')?.sgtheory"
    for kind in (LoopIntegral, SignFlip)
)
INK = """(stage) => {
  const screen = stage.grid.querySelector('.sgtheory-screen');
  const {data} = screen.getContext('2d').getImageData(0, 0, screen.width, screen.height);
  let count = 0;
  for (let k = 0; k < data.length; k += 4) count += data[k + 3] > 0 && Math.min(data[k], data[k + 1], data[k + 2]) < 245;
  return {share: count / (data.length / 4), sharpness: screen.width / screen.clientWidth};
}"""
"""The share of a page's canvas that is painted, and how many of its pixels lie along a pixel of the layout."""


@pytest.fixture(scope="module")
def page(fresh_page, open_cells, setting):
    """Both pages, ready; JupyterLab takes cells that are out of sight out of the document."""
    with setting("@jupyterlab/notebook-extension:tracker", windowingMode="full"), fresh_page() as browser_page:
        open_cells(browser_page, *CELLS, name="screens.ipynb")
        run_all(browser_page)
        for stage, cell in ((LOOP, 0), (SIGN, 2)):
            show(browser_page, cell)
            browser_page.wait_for_function(f"() => {stage}?.status.said === 'Ready.'", timeout=4 * PATIENCE_MS)
        yield browser_page


def show(browser_page, cell):
    browser_page.evaluate("(cell) => window.jupyterapp.shell.currentWidget.content.scrollToItem(cell, 'start')", cell)
    browser_page.wait_for_timeout(600)


def state(browser_page, stage):
    return browser_page.evaluate(f"() => {stage}.state()")


def settled(browser_page, stage, **values):
    browser_page.wait_for_function(
        f"""(values) => {{
          const settled = JSON.parse({stage}.el.dataset.settled ?? '{{}}');
          return Object.entries(values).every(([name, value]) => settled[name] === value);
        }}""",
        arg=values,
        timeout=PATIENCE_MS,
    )


def test_two_pages_of_a_notebook_mind_their_own_business(page):
    other = state(page, SIGN)
    drawn = page.evaluate(f"() => {SIGN}.statistics.drawn")
    page.evaluate(f"() => {LOOP}.controls.surrogate.set(8)")  # the other page has a control of this name, too
    settled(page, LOOP, surrogate=8)
    assert state(page, SIGN) == other
    assert page.evaluate(f"() => {SIGN}.statistics.drawn") == drawn
    page.evaluate(f"() => {SIGN}.controls.surrogate.set(31)")
    settled(page, SIGN, surrogate=31)
    for stage, kind, value in ((LOOP, LoopIntegral, 8.0), (SIGN, SignFlip, 31.0)):
        own = kind()
        own.controls["surrogate"].value = value
        exact = {name: float(each[0]) for name, each in own.data["readouts"].items()}
        assert page.evaluate(f"() => {stage}.readouts") == pytest.approx(exact, rel=1e-9)
        assert page.evaluate(f"() => {stage}.status.said") == "Ready."


def test_a_page_that_was_out_of_sight_is_painted_and_goes_on(page):
    show(page, 0)
    before = page.evaluate(f"() => ({INK})({LOOP})")["share"]
    assert before > 0.1
    show(page, 2)
    assert not page.evaluate(
        f"() => {{ const box = {LOOP}.el.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight; }}"
    )
    page.evaluate(f"() => {LOOP}.controls.radius.set(1.2)")  # by a second view, or from the kernel
    settled(page, LOOP, radius=1.2)
    show(page, 0)
    assert page.evaluate(f"() => ({INK})({LOOP})")["share"] == pytest.approx(before, rel=0.1)
    drawn = page.evaluate(f"() => {LOOP}.statistics.drawn")
    page.evaluate(f"() => {LOOP}.controls.radius.set(1.8)")
    settled(page, LOOP, radius=1.8)
    assert page.evaluate(f"() => {LOOP}.statistics.drawn") > drawn


STRAY = """(stage) => {
  const screen = stage.grid.querySelector('.sgtheory-screen'), ratio = screen.width / screen.clientWidth;
  const context = screen.getContext('2d'), {left, top} = screen.getBoundingClientRect();
  const figures = stage.spec.figures.map(({root}) => stage.views.get_by_id(root).el.getBoundingClientRect());
  return figures.map((figure) => {
    const x = Math.ceil((figure.left - left) * ratio), y = Math.ceil((figure.bottom - top) * ratio) + 1;
    const {data} = context.getImageData(x, y, Math.floor(figure.width * ratio) - 1, 16);
    return data.some((value) => value > 0);
  });
}"""
"""Whether anything is painted just below each figure, on the canvas that all of them share."""


def test_a_sharper_screen_gets_a_sharper_picture(page):
    show(page, 0)
    before = page.evaluate(f"() => ({INK})({LOOP})")
    assert before["sharpness"] == 1
    client = page.context.new_cdp_session(page)
    client.send(
        "Emulation.setDeviceMetricsOverride", {"width": 0, "height": 0, "deviceScaleFactor": 2, "mobile": False}
    )
    page.wait_for_function(f"() => ({INK})({LOOP}).sharpness === 2", timeout=5000)
    page.wait_for_timeout(600)
    sharper = page.evaluate(f"() => ({INK})({LOOP})")
    assert sharper["share"] == pytest.approx(before["share"], rel=0.2)
    client.send("Emulation.clearDeviceMetricsOverride")
    page.wait_for_function(f"() => ({INK})({LOOP}).sharpness === 1", timeout=5000)


@pytest.fixture
def touch(page):
    """A function: a finger goes down at one place and up at another, on a screen without a mouse."""
    client = page.context.new_cdp_session(page)
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": True})

    def swipe(x, y, across, downward):
        def tell(kind, *places):
            points = [{"x": x, "y": y} for x, y in places]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        tell("touchStart", (x, y))
        for step in range(1, 13):
            tell("touchMove", (x + across * step / 12, y + downward * step / 12))
            page.wait_for_timeout(16)
        tell("touchEnd")
        page.wait_for_timeout(300)

    yield swipe
    client.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_sliders_and_maps_are_moved_by_a_finger_which_scrolls_elsewhere(page, touch):
    show(page, 0)
    page.evaluate(f"() => {LOOP}.tools.bar.querySelector('button:nth-of-type(2)').click()")
    before = state(page, LOOP)
    touch(*middle(page.locator("[role=slider][aria-label^='surrogate']").first), 30, 0)
    moved = state(page, LOOP)
    assert moved["surrogate"] > before["surrogate"]
    settled(page, LOOP, surrogate=moved["surrogate"])
    # The handle lies at the middle of the loop, and follows it.
    knob = page.locator(".sgtheory-handle").first
    x, y = middle(knob)
    touch(x, y, 0, -20)
    carried = state(page, LOOP)
    assert carried["centre_y"] > before["centre_y"]
    assert carried["centre_x"] == before["centre_x"]
    settled(page, LOOP, centre_y=carried["centre_y"])
    assert middle(knob)[1] == pytest.approx(y - 20, abs=4)
    # Beside the handle the notebook scrolls, and the loop stays where it is.
    box = page.locator(".sgtheory-map").first.bounding_box()
    touch(box["x"] + 0.3 * box["width"], box["y"] + 0.7 * box["height"], 0, -120)
    assert state(page, LOOP) == carried
    assert page.locator(".sgtheory-map").first.bounding_box()["y"] < box["y"] - 40


def test_a_figure_that_becomes_smaller_leaves_nothing_behind(fresh_page, tmp_path):
    LoopIntegral().export_html(file := tmp_path / "loop.html")
    with fresh_page() as browser_page:
        browser_page.set_viewport_size({"width": 390, "height": 900})
        browser_page.goto(file.as_uri())
        browser_page.wait_for_function(f"() => {LOOP}?.statistics.drawn", timeout=PATIENCE_MS)
        # Its panel keeps its size, as it does where another one beside it is higher.
        browser_page.evaluate(f"() => {{ Object.assign({LOOP}.panels[2].style, {{height: '400px'}}); }}")
        for height in (300, 150):
            browser_page.evaluate(f"(height) => {{ Object.assign({LOOP}.plot('loop'), {{height}}); }}", height)
            browser_page.wait_for_timeout(1000)
        assert not any(browser_page.evaluate(f"() => ({STRAY})({LOOP})"))
        # Were there anything, it would be seen.
        browser_page.evaluate(
            f"() => {LOOP}.grid.querySelector('.sgtheory-screen').getContext('2d').fillRect(0, 0, 1e4, 1e4)"
        )
        assert all(browser_page.evaluate(f"() => ({STRAY})({LOOP})"))
