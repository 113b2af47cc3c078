"""BokehJS is spared much work at each picture: the pages still show what it paints when nothing is left out."""

import pathlib
import re
import tomllib

import pytest

from benchmarks.laboratory import PATIENCE_MS, explore
from sgtheory.pages import SignFlip
from sgtheory.pages._kit.spares import SPARES
from sgtheory.pages._registry import ALL_PAGES

pytestmark = pytest.mark.browser

PYPROJECT = tomllib.loads((pathlib.Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
PAGES_NEED = PYPROJECT["project"]["optional-dependencies"]["pages"]

# Another copy of BokehJS, for whatever the page draws is changed in its own.
ANOTHER = """
window.another = () => {
  const script = document.createElement('script');
  script.textContent = [...document.scripts].find(({textContent}) => textContent.includes('BokehJS')).textContent;
  delete window.Bokeh;
  document.head.append(script);
  script.remove();
  return window.Bokeh;
};
"""
# What BokehJS paints when nothing is left out: of the numbers with which the file begins, or of those that it shows now.
PLAIN = """async (moved) => {
  const stage = document.getElementById('stage').sgtheory;
  const {doc} = JSON.parse(document.getElementById('payload').textContent);
  const spared = window.Bokeh, Bokeh = another();
  window.Bokeh = spared;
  if (Bokeh === spared) throw new Error('The same BokehJS.');
  const figures = stage.spec.figures, roots = {};
  figures.forEach(({root}, k) => {
    roots[root] = document.createElement('div');
    roots[root].style.width = stage.panels[k].clientWidth + 'px';
    document.body.append(roots[root]);
  });
  const [views] = await Bokeh.embed.embed_items({plain: doc}, [{docid: 'plain', roots, root_ids: Object.keys(roots)}]);
  const plain = views.get_by_id(figures[0].root).model.document;
  if (moved) {
    for (const [name, source] of stage.sources) plain.get_model_by_name(name).data = source.data;
    for (const {root, name} of figures) {
      plain.get_model_by_id(root).height = stage.plot(name).height; // where a unit is as long along x as along y
      for (const axis of ['x_range', 'y_range']) {
        const {start, end} = stage.plot(name)[axis];
        plain.get_model_by_id(root)[axis].setv({start, end});
      }
    }
  }
  await new Promise((done) => setTimeout(done, 1000));
  window.plain = figures.map(({root}) => views.get_by_id(root).export('png').canvas.getContext('2d'));
  plain.clear();
  for (const node of Object.values(roots)) node.remove();
}"""
# The mean difference of a colour (0 to 255) between what each figure that is seen shows and what `PLAIN` has painted; in a raster
# of so many `rows`, without the lines of pixels that lie exactly between two of them.
DIFFERENCES = """(rows) => {
  const stage = document.getElementById('stage').sgtheory, screen = document.querySelector('.sgtheory-screen');
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  const seen = stage.spec.figures.map((figure, k) => [figure, k]).filter(([, k]) => stage.panels[k].offsetParent);
  if (!seen.length) throw new Error('No figure is seen.');
  return seen.map(([{root, equal}, k]) => {
    const {offsetLeft, offsetTop} = stage.panels[k], {canvas: {width, height}} = window.plain[k];
    const own = stage.views.get_by_id(root).canvas_view.primary.canvas;
    const [canvas, left, top] = screen ? [screen, offsetLeft, offsetTop] : [own, 0, 0];
    const edge = screen ? 0 : 1; // along which BokehJS 3.9 does not clear its own canvases
    const inside = (canvas, left, top) => canvas.getImageData(left + edge, top + edge, width - edge, height - edge).data;
    const expected = inside(window.plain[k], 0, 0), shown = inside(canvas.getContext('2d'), left, top);
    const {bbox} = stage.views.get_by_id(root).frame;
    const every = rows && equal ? bbox.height / divisor(bbox.height, rows) : Infinity;
    const undecided = (i) => (Math.floor(i / 4 / (width - edge)) + edge - bbox.top) % every === 0;
    return shown.reduce((sum, value, i) => sum + (undecided(i) ? 0 : Math.abs(value - expected[i])), 0) / shown.length;
  });
}"""


@pytest.fixture(scope="module", params=ALL_PAGES)
def moved(request, tmp_path_factory, fresh_page):
    """A page as a file, with the slider that plays dragged to its end; a film that stands there, to its beginning."""
    kind = ALL_PAGES[request.param]
    path = tmp_path_factory.mktemp("painting") / "page.html"
    kind().export_html(path)
    with fresh_page() as opened:
        opened.add_init_script(ANOTHER)
        opened.goto(path.as_uri())
        opened.wait_for_function(
            "() => document.getElementById('stage').sgtheory?.statistics.drawn > 0", timeout=PATIENCE_MS
        )
        explore(opened)
        opened.wait_for_timeout(700)
        opened.locator(f"#control-{kind.play}").focus()
        slider = opened.locator(f"#control-{kind.play}")
        at_end = slider.evaluate("({value, max}) => value === max")
        for key in (
            ("PageDown", "PageDown", "ArrowLeft", "Home") if at_end else ("PageUp", "PageUp", "ArrowRight", "End")
        ):
            opened.keyboard.press(key)
            opened.wait_for_timeout(120)
        yield opened


TIES = {"spike_train_matching": 200}
"""Page → the rows of its rasters. Of 420 lines of pixels every 21st lies exactly between two of 200 rows: rounding decides."""
TOLERANCE, FINER = 0.1, {"learning_spike_times": 0.05}
"""For most pages, and for one whose slider changes little of each figure."""


@pytest.fixture
def tolerance(request):
    return FINER.get(request.node.callspec.params["moved"], TOLERANCE)


@pytest.fixture
def rows(request):
    return TIES.get(request.node.callspec.params["moved"], 0)


def test_what_bokeh_is_spared_changes_no_picture(moved, rows, tolerance):
    moved.evaluate(PLAIN, True)
    assert max(moved.evaluate(DIFFERENCES, rows)) < tolerance


def test_another_picture_would_be_noticed(moved, rows, tolerance):
    # The negative control of the test above: the slider changes some figure of every page.
    moved.evaluate(PLAIN, False)
    assert max(moved.evaluate(DIFFERENCES, rows)) > 6 * tolerance


def test_every_slider_of_a_file_has_a_name_and_tells_its_number(moved):
    controls = moved.evaluate("() => document.getElementById('stage').sgtheory.spec.controls")
    applies = "(name) => document.getElementById('stage').sgtheory.applies(name)"
    names = [each["label"] for name, each in controls.items() if each["limits"] and moved.evaluate(applies, name)]
    assert len(names) > 0
    for name in names:
        slider = moved.get_by_role("slider", name=name, exact=True)
        assert slider.count() == 1
        text = slider.get_attribute("aria-valuetext")
        assert text == slider.locator("xpath=following-sibling::output").text_content()
        assert text[-1].isdigit()


@pytest.mark.parametrize("why", ["switched off", "unknown version"])
def test_a_page_is_drawn_plainly_where_nothing_may_be_spared(tmp_path, seen_page, monkeypatch, why):
    """By a switch, or with a BokehJS that was never tried: slower, but it is dragged and drawn all the same."""
    if why == "switched off":
        monkeypatch.setenv("SGTHEORY_SPARES", "0")
    SignFlip().export_html(path := tmp_path / "page.html")
    if why == "unknown version":
        text = path.read_text(encoding="utf-8")
        assert "this.version = Bokeh.version;" in text
        path.write_text(text.replace("this.version = Bokeh.version;", "this.version = '4.0.0';"), encoding="utf-8")
    told = []
    seen_page.on("console", lambda message: told.append(message.text))
    seen_page.goto(path.as_uri())
    seen_page.wait_for_function("() => document.getElementById('stage').sgtheory?.statistics.drawn > 0")
    seen_page.wait_for_timeout(700)
    panels = seen_page.locator(".sgtheory-panels")
    before = panels.screenshot()
    seen_page.locator("#control-surrogate").focus()
    seen_page.keyboard.press("End")
    seen_page.wait_for_timeout(500)
    assert panels.screenshot() != before
    assert seen_page.locator(".sgtheory-screen").count() == 0
    assert sum("figures are drawn plainly" in text for text in told) == (why == "unknown version")


# Shows the page of the file again with these spares, in a BokehJS of its own; the slider that plays moves to its end.
SPARED = """async (names) => {
  const {mountExported} = window.parts, payload = JSON.parse(document.getElementById('payload').textContent);
  const el = document.getElementById('stage'), wait = (time) => new Promise((done) => setTimeout(done, time));
  el.sgtheory.document.clear();
  el.replaceChildren();
  document.getElementById('controls').replaceChildren();
  another();
  await mountExported(el, {...payload, spec: {...payload.spec, spares: names}});
  await wait(700); // since the layout what stays the same has been kept
  const input = document.getElementById('control-' + payload.spec.play);
  for (const step of [0.3, 0.7, 1]) {
    input.value = Number(input.min) + step * (input.max - input.min);
    input.dispatchEvent(new Event('input'));
    await wait(60);
  }
  await wait(200);
  return el.sgtheory.spares.used.map(({name}) => name);
}"""
SAME = 0.01  # less than a letter of a title that is missing


@pytest.fixture(scope="module")
def spared(tmp_path_factory, fresh_page):
    """A page as a file that can be shown again with other spares, and what BokehJS paints there when nothing is left out."""
    SignFlip().export_html(path := tmp_path_factory.mktemp("spares") / "page.html")
    text = path.read_text(encoding="utf-8")
    assert "await mountExported(" in text
    parts = "window.parts = {mountExported, SPARES};\nawait mountExported("
    path.write_text(text.replace("await mountExported(", parts), encoding="utf-8")
    with fresh_page() as opened:
        opened.add_init_script(ANOTHER)
        opened.goto(path.as_uri())
        opened.wait_for_function("() => document.getElementById('stage').sgtheory?.statistics.drawn > 0")
        opened.evaluate(SPARED, list(SPARES))
        opened.evaluate(PLAIN, True)
        yield opened


def test_the_script_has_the_spares_that_the_switch_knows(spared):
    assert spared.evaluate("() => window.parts.SPARES.map(({name}) => name)") == list(SPARES)


def test_the_script_knows_the_versions_that_may_be_installed(spared):
    (bounds,) = re.findall(r"bokeh>=3\.(\d+),<3\.(\d+)", " ".join(PAGES_NEED))
    known = spared.evaluate(
        """() => Array.from({length: 30}, (_, minor) => minor)
          .filter((minor) => window.parts.SPARES.some(({versions}) => versions.test(`3.${minor}.1`)))"""
    )
    assert known == list(range(*map(int, bounds)))


@pytest.mark.parametrize("name", SPARES)
def test_without_one_spare_the_picture_is_the_same(spared, name):
    others = [other for other in SPARES if other != name]
    assert spared.evaluate(SPARED, others) == others
    assert max(spared.evaluate(DIFFERENCES)) < SAME


@pytest.mark.parametrize("name", SPARES)
def test_with_one_spare_alone_the_picture_is_the_same(spared, name):
    assert spared.evaluate(SPARED, [name]) == [name]
    assert max(spared.evaluate(DIFFERENCES)) < SAME


def test_a_spare_that_fails_is_told_once_and_the_page_is_drawn_without_it(spared):
    told = []
    spared.on("console", lambda message: told.append(message.text))
    spared.evaluate(
        """() => {
          const {SPARES} = window.parts, fail = () => { throw new Error('moved house'); };
          window.whole = [...SPARES];
          SPARES.forEach(({name, versions}, k) => { SPARES[k] = {name, versions, copy: fail, figure: fail, page: fail}; });
        }"""
    )
    for _ in range(2):
        spared.evaluate(SPARED, list(SPARES))
        assert max(spared.evaluate(DIFFERENCES)) < SAME
    spared.evaluate("() => { Object.assign(window.parts.SPARES, window.whole); }")
    for name in SPARES:
        assert sum(f"“{name}”" in text and "moved house" in text for text in told) == 1


BOTH = """from sgtheory.pages import SignFlip
import os
from IPython.display import display
display(SignFlip())
os.environ["SGTHEORY_SPARES"] = "0"
display(SignFlip())"""


def test_a_page_without_spares_beside_one_with_them_is_drawn_by_a_bokeh_of_its_own(live_cell):
    page = live_cell(BOTH)
    page.wait_for_function(
        """() => {
          const stages = [...document.querySelectorAll('.sgtheory-stage')].map((el) => el.sgtheory);
          return stages.length === 2 && stages.every((stage) => stage?.statistics.drawn > 0);
        }"""
    )
    page.wait_for_timeout(700)
    difference = page.evaluate(
        """() => {
          const [one, other] = [...document.querySelectorAll('.sgtheory-stage')].map((el) => el.sgtheory);
          const {canvas} = other.views.get_by_id(other.spec.figures[0].root).canvas_view.primary;
          const [{offsetLeft, offsetTop}] = one.panels;
          const pixels = (canvas, ...box) => canvas.getContext('2d').getImageData(...box).data;
          const {width, height} = canvas, screen = one.el.querySelector('.sgtheory-screen');
          const expected = pixels(screen, offsetLeft + 1, offsetTop + 1, width - 1, height - 1);
          const shown = pixels(canvas, 1, 1, width - 1, height - 1);
          return shown.reduce((sum, value, i) => sum + Math.abs(value - expected[i]), 0) / shown.length;
        }"""
    )
    assert difference < SAME
