"""BokehJS is spared much work at each picture: the pages still show what it paints when nothing is left out."""

import pytest

from benchmarks.laboratory import PATIENCE_MS, explore
from sgtheory.pages import SignFlip
from sgtheory.pages._registry import ALL_PAGES

pytestmark = pytest.mark.browser

# The mean difference of a colour (0 to 255) between what the page shows and what BokehJS paints when nothing is left out.
DIFFERENCES = """async (moved) => {
  const stage = document.getElementById('stage').sgtheory;
  const {doc} = JSON.parse(document.getElementById('payload').textContent);
  // Another BokehJS, for the page's own leaves work out whatever it draws.
  const spared = window.Bokeh, script = document.createElement('script');
  script.textContent = [...document.scripts].find(({textContent}) => textContent.includes('BokehJS')).textContent;
  delete window.Bokeh;
  document.head.append(script);
  const Bokeh = window.Bokeh;
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
  const screen = document.querySelector('.sgtheory-screen').getContext('2d');
  return figures.map(({root}, k) => {
    const {canvas} = views.get_by_id(root).export('png');
    const expected = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const {offsetLeft, offsetTop} = stage.panels[k];
    const shown = screen.getImageData(offsetLeft, offsetTop, canvas.width, canvas.height).data;
    return shown.reduce((sum, value, i) => sum + Math.abs(value - expected[i]), 0) / shown.length;
  });
}"""


@pytest.fixture(scope="module", params=ALL_PAGES)
def moved(request, tmp_path_factory, fresh_page):
    """A page as a file, with the slider that plays dragged to its end."""
    kind = ALL_PAGES[request.param]
    path = tmp_path_factory.mktemp("painting") / "page.html"
    kind().export_html(path)
    with fresh_page() as opened:
        opened.goto(path.as_uri())
        opened.wait_for_function(
            "() => document.getElementById('stage').sgtheory?.statistics.drawn > 0", timeout=PATIENCE_MS
        )
        explore(opened)
        opened.wait_for_timeout(700)
        opened.locator(f"#control-{kind.play}").focus()
        for key in ("PageUp", "PageUp", "ArrowRight", "End"):
            opened.keyboard.press(key)
            opened.wait_for_timeout(120)
        yield opened


def test_what_bokeh_is_spared_changes_no_picture(moved):
    assert max(moved.evaluate(DIFFERENCES, True)) < 0.1


def test_another_picture_would_be_noticed(moved):
    # The negative control of the test above: the slider changes some figure of every page.
    assert max(moved.evaluate(DIFFERENCES, False)) > 0.6


def test_every_slider_of_a_file_has_a_name_and_tells_its_number(moved):
    controls = moved.evaluate("() => document.getElementById('stage').sgtheory.spec.controls")
    names = [each["label"] for each in controls.values() if each["limits"]]
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
        assert "isSpared(this.Bokeh.version)" in text
        path.write_text(text.replace("isSpared(this.Bokeh.version)", "isSpared('4.0.0')"), encoding="utf-8")
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
