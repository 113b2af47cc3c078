"""Page 01 in a real browser: what students see, do and hear."""

import csv
import io
import json
import pathlib

import pytest
from axe_playwright_python.sync_playwright import Axe

from benchmarks.laboratory import (
    PATIENCE_MS,
    at_rest,
    await_live,
    await_ready,
    drag,
    explore,
    handle,
    open_notebook,
    run_all,
)
from sgtheory.pages import SingleUnit

NAME = "notebooks/01_single_unit.ipynb"
STAGE = "document.querySelector('.sgtheory-stage').sgtheory"
STILL = "img[alt^='One stochastic unit']"

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(live_page):
    """The live page, with every control at its first value."""
    live_page.evaluate("() => document.querySelector('.sgtheory-page').scrollIntoView()")
    live_page.get_by_role("button", name="Reset").first.click()
    at_rest(live_page, **{control.name: control.value for control in SingleUnit.specification})
    return live_page


def named(page):
    page.wait_for_selector(".sgtheory-page [role=slider][aria-label]", timeout=PATIENCE_MS)


def value(page, name):
    return page.evaluate(f"(name) => {STAGE}.controls[name].get()", name)


def readout(page, key):
    return page.evaluate(f"(key) => {STAGE}.readouts[key]", key)


def panels(page):
    return page.locator(".sgtheory-panels").first.screenshot()


def test_a_drag_changes_the_picture_and_ends_on_the_exact_numbers(opened):
    before = panels(opened)
    drag(opened, "steepness", 60)
    steepness = value(opened, "steepness")
    assert steepness > 4.0
    at_rest(opened, steepness=steepness)
    assert panels(opened) != before
    page = SingleUnit()
    page.controls["steepness"].value = steepness
    for key in ("expected", "variance", "score_variance"):
        assert readout(opened, key) == pytest.approx(float(page.data["readouts"][key][0]), rel=1e-12)


def test_a_control_left_alone_leaves_the_picture_alone(opened):
    # The negative control of the test above.
    opened.wait_for_timeout(300)  # captions follow the numbers when these are at rest
    before = panels(opened)
    opened.wait_for_timeout(500)
    assert panels(opened) == before


def test_only_the_shared_canvas_is_seen(opened):
    # BokehJS's own canvases are layers of the browser: a drag would draw a third fewer pictures, although they show nothing.
    seen = "(kind) => [...document.querySelectorAll(kind)].map((node) => getComputedStyle(node).visibility)"
    assert set(opened.evaluate(seen, ".sgtheory-panel > .bk-Figure")) == {"hidden"}
    assert set(opened.evaluate(seen, ".sgtheory-screen")) == {"visible"}


def test_during_a_drag_the_table_draws_and_the_kernel_rests(opened):
    opened.evaluate(f"() => {STAGE}.approach('baseline')")
    opened.wait_for_function(f"() => {STAGE}.table('baseline')", timeout=PATIENCE_MS)
    pictures = f"""() => {{
      const stage = {STAGE}, receive = stage.receive.bind(stage);
      stage.received = 0;
      stage.receive = (message, buffers) => {{ stage.received += message.kind === 'picture'; receive(message, buffers); }};
      stage.drawnBefore = stage.statistics.drawn;
    }}"""
    opened.evaluate(pictures)
    drag(opened, "baseline", 50)
    at_rest(opened, baseline=value(opened, "baseline"))
    drawn, received = opened.evaluate(f"() => [{STAGE}.statistics.drawn - {STAGE}.drawnBefore, {STAGE}.received]")
    assert drawn >= 3
    assert received <= 2


def test_the_keyboard_alone_suffices(opened):
    handle(opened, "baseline").focus()
    for _ in range(3):
        opened.keyboard.press("ArrowRight")
    at_rest(opened, baseline=0.03)
    opened.locator(".sgtheory-page select[aria-label='baseline is']").first.focus()
    opened.keyboard.press("ArrowDown")
    opened.wait_for_function(f"() => Math.abs({STAGE}.readouts.score_variance) < 1e-20", timeout=PATIENCE_MS)
    assert readout(opened, "score") == pytest.approx(readout(opened, "expected"), rel=1e-9)
    assert not handle(opened, "baseline").is_visible()
    opened.get_by_role("button", name="Reset").first.focus()
    opened.keyboard.press("Enter")
    at_rest(opened, baseline=0, steepness=4)


def test_the_picture_has_a_text_that_changes_with_the_numbers(opened):
    text = """() => {
      const panel = document.querySelector('.sgtheory-panel[data-figure=derivatives]');
      return document.getElementById(panel.getAttribute('aria-describedby')).innerText;
    }"""
    before = opened.evaluate(text)
    assert "surrogate gradient 0.151" in before
    handle(opened, "weight").focus()
    opened.keyboard.press("ArrowLeft")
    at_rest(opened, weight=0.75)
    opened.wait_for_function(f"(before) => ({text})() !== before", arg=before, timeout=PATIENCE_MS)


def test_what_has_the_focus_has_a_ring(opened):
    for part in (handle(opened, "steepness"), opened.locator(".sgtheory-page select").first):
        opened.keyboard.press("Tab")  # from now on the browser shows the focus
        part.focus()
        style = part.evaluate(
            "(node) => { const {outlineStyle, outlineWidth} = getComputedStyle(node); return [outlineStyle, outlineWidth]; }"
        )
        assert style == ["solid", "2px"]


def test_a_table_is_asked_for_where_the_pointer_rests_not_where_it_passes(opened):
    asked = opened.evaluate(
        f"""async () => {{
          const stage = {STAGE}, asked = [], approach = stage.approach;
          stage.approach = (name) => asked.push(name);
          const names = ['weight', 'input', 'threshold'];
          const views = await Promise.all(names.map((name) => Object.values(stage.controls[name].model.views)[0]));
          for (const {{el}} of views) {{
            el.dispatchEvent(new PointerEvent('pointerenter'));
            if (el !== views.at(-1).el) el.dispatchEvent(new PointerEvent('pointerleave'));
          }}
          const passed = asked.length;
          await new Promise((rested) => setTimeout(rested, 400));
          delete stage.approach;
          return [passed, asked];
        }}"""
    )
    assert asked == [0, ["threshold"]]


def test_the_numbers_stand_between_sliders_and_plots_in_a_narrow_window(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    opened.wait_for_timeout(500)
    parts = [".sgtheory-controls", ".sgtheory-readouts", ".sgtheory-panels"]
    tops = [opened.locator(part).first.bounding_box()["y"] for part in parts]
    assert not opened.get_by_text("There is little room here").first.is_visible()
    opened.evaluate("() => { document.querySelector('.sgtheory-page').style.width = '150px' }")
    assert opened.get_by_text("There is little room here").first.is_visible()
    opened.evaluate("() => { document.querySelector('.sgtheory-page').style.width = '' }")
    opened.set_viewport_size({"width": 1360, "height": 1000})
    opened.wait_for_timeout(500)
    assert tops == sorted(tops)


def test_no_name_is_cut_off(opened, cut_off):
    assert cut_off(opened) == []


def serious(page):
    found = Axe().run(page, context=".sgtheory-page").response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]


def test_axe_finds_nothing_serious_in_light_and_in_dark(opened):
    assert serious(opened) == []
    light = panels(opened)
    opened.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    opened.wait_for_function("() => document.querySelector('.sgtheory-stage').dataset.theme === 'dark'")
    opened.wait_for_timeout(700)
    assert panels(opened) != light
    assert serious(opened) == []
    opened.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    opened.wait_for_function("() => document.querySelector('.sgtheory-stage').dataset.theme === 'light'")


def test_axe_would_find_a_nameless_slider(opened):
    # The negative control of the test above.
    opened.evaluate(
        """() => document.querySelectorAll('.sgtheory-page [role=slider]').forEach((slider) => {
          slider.removeAttribute('aria-label');
          slider.closest('.sgtheory-page').querySelectorAll('[data-sgtheory]').forEach((el) => { el.dataset.sgtheory = 'x'; });
        })"""
    )
    assert any("name" in rule for rule, _ in serious(opened))


def test_at_390_pixels_nothing_is_cut_off(lab, seen_page):
    seen_page.set_viewport_size({"width": 390, "height": 844})
    open_notebook(seen_page, lab, NAME)
    run_all(seen_page)
    await_live(seen_page)
    seen_page.wait_for_timeout(800)
    widths = seen_page.evaluate(
        """() => {
          const page = document.querySelector('.sgtheory-page'), panel = page.querySelector('.sgtheory-panel');
          return [page.scrollWidth - page.clientWidth, panel.getBoundingClientRect().width, page.clientWidth];
        }"""
    )
    assert widths[0] <= 1
    assert widths[1] > 0.9 * widths[2]


def test_a_refused_expression_is_told_beside_the_control(opened):
    opened.locator(".sgtheory-page select[aria-label='escape noise']").first.select_option("your own")
    opened.wait_for_function(f"() => {STAGE}.state().escape === 'your own'")
    field = opened.locator(".sgtheory-page input[aria-label='p(u) =']").first
    for text, word in (("__import__('os')", "."), ("tanh(beta*u)", "between 0 and 1")):
        field.fill(text)
        field.press("Enter")
        alert = opened.locator(".sgtheory-message [role=alert]").first
        alert.wait_for(timeout=PATIENCE_MS)
        opened.wait_for_function(
            "(word) => new RegExp(word).test(document.querySelector('.sgtheory-message [role=alert]')?.textContent)",
            arg=word, timeout=PATIENCE_MS,
        )  # fmt: skip
    field.fill("0.5 + atan(pi*beta*u/2)/pi")
    field.press("Enter")
    at_rest(opened, expression="0.5 + atan(pi*beta*u/2)/pi")
    assert opened.locator(".sgtheory-message [role=alert]").count() == 0


def test_numbers_and_pictures_are_saved(opened):
    saved = {}
    for name in ("CSV", "PNG", "SVG", "Web page"):
        with opened.expect_download(timeout=PATIENCE_MS) as download:
            opened.get_by_role("button", name=name).first.click()
        saved[name] = pathlib.Path(download.value.path()).read_bytes()
    rows = list(csv.reader(io.StringIO(saved["CSV"].decode())))
    assert ["readouts", "potential", "0", "0.8"] in rows
    assert sum(row[:2] == ["membrane_potentials()", "curves.probability"] for row in rows) == 121
    assert saved["PNG"].startswith(b"\x89PNG")
    assert saved["SVG"].startswith(b"<svg")
    assert saved["SVG"].count(b"<svg x=") == 6
    assert b"surrogate gradient</text>" in saved["SVG"]  # the key below the plot
    assert b"mountExported" in saved["Web page"]


def test_a_state_is_copied_and_restored_and_another_is_refused(opened):
    opened.locator(".sgtheory-state summary").first.click()
    field = opened.locator(".sgtheory-state input").first
    opened.locator(".sgtheory-state").first.get_by_role("button", name="Copy").click()
    opened.wait_for_function("() => document.querySelector('.sgtheory-state input').value.startsWith('sgtheory:')")
    state = field.input_value()
    field.fill(state.replace('"steepness":4.0', '"steepness":7.5'))
    opened.locator(".sgtheory-state").first.get_by_role("button", name="Restore").click()
    at_rest(opened, steepness=7.5)
    field.fill("sgtheory:single_unit:999:{}")
    opened.locator(".sgtheory-state").first.get_by_role("button", name="Restore").click()
    opened.wait_for_function("() => document.querySelector('.sgtheory-complaint').textContent.includes('999')")
    assert value(opened, "steepness") == 7.5


def test_what_is_taken_back_before_anything_was_drawn_leaves_the_page_at_rest(opened):
    """The picture is the right one all the time, so that the kernel sends none."""
    opened.evaluate(f"() => {STAGE}.settleSoon()")
    at_rest(opened, seed=0)


def test_play_moves_a_slider_and_stops(opened):
    opened.get_by_role("button", name="Play steepness").first.click()
    opened.wait_for_function(f"() => {STAGE}.controls.steepness.get() > 5", timeout=PATIENCE_MS)
    opened.get_by_role("button", name="Stop").first.click()
    opened.wait_for_timeout(300)
    stopped = value(opened, "steepness")
    opened.wait_for_timeout(400)
    assert value(opened, "steepness") == stopped


def test_a_notebook_that_was_not_run_shows_a_still_picture(lab, seen_page):
    open_notebook(seen_page, lab, NAME)
    still = seen_page.locator(STILL).first
    still.wait_for(state="visible", timeout=PATIENCE_MS)
    assert still.evaluate("(image) => image.naturalWidth") > 500
    assert "raster" in still.get_attribute("alt")
    caption = seen_page.locator("em", has_text="A still picture of the page")
    assert caption.is_visible()
    run_all(seen_page)
    await_live(seen_page)
    still.wait_for(state="hidden", timeout=PATIENCE_MS)
    assert not caption.is_visible()


def test_the_same_page_lives_in_notebook_and_in_voila(other_application, request):
    page = other_application
    if "voila" in request.node.callspec.id:
        # Without code cells and without a network: formulas are drawn, and nothing is asked that cannot be done.
        page.locator("math", has_text="ϑ").first.wait_for(timeout=PATIENCE_MS)
        text = page.locator("body").inner_text()
        assert "open this notebook in JupyterLab" in text
        assert "$" not in text
        assert "Shift+Enter" not in text
        assert "Type your prediction" not in text
    await_live(page)
    await_ready(page)
    named(page)
    page.locator(STILL).first.wait_for(state="hidden", timeout=PATIENCE_MS)
    page.evaluate("() => document.querySelector('.sgtheory-page').scrollIntoView()")
    before = panels(page)
    handle(page, "steepness").press("ArrowRight")
    at_rest(page, steepness=4.25)
    assert panels(page) != before
    handle(page, "weight").press("ArrowLeft")
    at_rest(page, steepness=4.25, weight=0.75)
    assert readout(page, "potential") == pytest.approx(0.75)


@pytest.fixture
def exported(tmp_path, seen_page):
    """Page 01 as a file, opened."""
    path = tmp_path / "single_unit.html"
    SingleUnit().export_html(path)
    seen_page.goto(path.as_uri())
    seen_page.wait_for_function(
        "() => document.getElementById('stage').sgtheory?.statistics.drawn > 0", timeout=PATIENCE_MS
    )
    explore(seen_page)
    seen_page.wait_for_timeout(700)
    return seen_page


def test_an_exported_page_runs_from_a_file(exported):
    slider = exported.get_by_label("steepness β")
    before = panels(exported)
    slider.focus()
    exported.keyboard.press("End")
    exported.wait_for_timeout(300)
    assert panels(exported) != before
    page = SingleUnit()
    page.controls["steepness"].value = 20.0
    shown = exported.evaluate("() => document.getElementById('stage').sgtheory.readouts")
    for key, column in page.data["readouts"].items():
        assert shown[key] == pytest.approx(float(column[0]), rel=1e-5, abs=1e-7)
    exported.get_by_label("threshold ϑ").focus()
    exported.keyboard.press("Home")
    assert json.loads(slider.input_value()) == 4
    assert not [v for v in Axe().run(exported).response["violations"] if v["impact"] in ("serious", "critical")]
