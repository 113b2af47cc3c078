"""The pages after the first in a real browser: each runs, is dragged, and ends on exact numbers."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from benchmarks.laboratory import COMPILED_MS, at_rest, await_live, await_ready, drag, handle, open_notebook, run_all
from sgtheory.pages import (
    Classification,
    ExactQIF,
    GradientLaboratory,
    LearningSpikeTimes,
    LIFNeuron,
    LoopIntegral,
    PathTree,
    Pseudospikes,
    SignFlip,
    SpikeTrainMatching,
)
from sgtheory.pages._kit.ticks import exponents, labels

STAGE = "document.querySelector('.sgtheory-stage').sgtheory"
PAGES = {
    "notebooks/02_path_tree.ipynb": (PathTree, "running"),
    "notebooks/03_gradient_laboratory.ipynb": (GradientLaboratory, "bias"),
    "notebooks/04_sign_flip.ipynb": (SignFlip, "surrogate"),
    "notebooks/05_loop_integral.ipynb": (LoopIntegral, "integral"),
    "notebooks/06_lif_neuron.ipynb": (LIFNeuron, "expected"),
    "notebooks/07_spike_train_matching.ipynb": (SpikeTrainMatching, "stochastic"),
    "notebooks/08_classification.ipynb": (Classification, "with"),
    "notebooks/09_exact_qif.ipynb": (ExactQIF, "qif_first"),
    "notebooks/10_pseudospikes.ipynb": (Pseudospikes, "spike"),
    "notebooks/11_learning_spike_times.ipynb": (LearningSpikeTimes, "loss"),
}
"""Notebook → its page, and a read-out that the slider that plays changes."""

PLACE = f"""([name, source, index]) => {{
  const stage = {STAGE}, {{root}} = stage.spec.figures.find((figure) => figure.name === name);
  const [x, y] = stage.place(stage.columns(source), stage.views.get_by_id(root), index);
  return {{x, y}};
}}"""
"""Where a point of a source lies in its panel."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module", params=PAGES, ids=lambda path: path.split("/")[1])
def opened(request, lab, fresh_page):
    with fresh_page() as browser_page:
        open_notebook(browser_page, lab, request.param)
        run_all(browser_page)
        await_live(browser_page)
        await_ready(browser_page)
        browser_page.wait_for_selector(".sgtheory-page [role=slider][aria-label]")
        browser_page.evaluate("() => document.querySelector('.sgtheory-page').scrollIntoView()")
        yield browser_page, *PAGES[request.param]


def test_a_drag_changes_the_picture_and_ends_on_the_exact_numbers(opened):
    browser_page, kind, readout = opened
    control = next(control for control in kind.specification if control.name == kind.play)
    panels = browser_page.locator(".sgtheory-panels").first
    panels.screenshot()  # brings all panels into sight: what has not been seen is not painted yet
    browser_page.wait_for_timeout(500)
    before = panels.screenshot()
    browser_page.wait_for_timeout(500)
    assert panels.screenshot() == before  # alone it stands still
    drag(browser_page, control.label, -60 if control.value == control.high else 60)  # a film stands at its end
    value = browser_page.evaluate(f"() => {STAGE}.controls.{kind.play}.get()")
    assert value != control.value
    at_rest(browser_page, **{kind.play: value})
    assert panels.screenshot() != before
    page = kind()
    page.controls[kind.play].value = value
    shown = browser_page.evaluate(f"() => {STAGE}.readouts.{readout}")
    assert shown == pytest.approx(float(page.data["readouts"][readout][0]), rel=1e-9)


def test_every_slider_can_be_played_and_reset(opened):
    browser_page, kind, _ = opened
    start = {control.name: control.value for control in kind.specification}
    for name, control in ((control.name, control) for control in kind.specification if hasattr(control, "low")):
        browser_page.evaluate(f"([name, value]) => {STAGE}.controls[name].set(value)", [name, control.high])
        at_rest(browser_page, **{name: control.high})
    browser_page.get_by_role("button", name="Reset").first.click()
    at_rest(browser_page, **start)


def test_points_are_read_under_the_pointer_and_by_the_arrow_keys(opened):
    browser_page, kind, _ = opened
    tip = browser_page.locator(".sgtheory-tip").first
    assert tip.text_content() == ""
    for name, points in kind.points.items():
        panel = browser_page.locator(f".sgtheory-panel[data-figure={name}]").first
        panel.scroll_into_view_if_needed()
        count = browser_page.evaluate(f"() => {STAGE}.columns('{points.source}').x.length")
        panel.focus()
        texts = set()
        for _ in range(count):
            browser_page.keyboard.press("ArrowRight")
            texts.add(tip.text_content())
        assert len(texts) == count
        assert all(text.startswith(points.text.partition(" ")[0]) for text in texts)
        browser_page.keyboard.press("Escape")
        assert tip.text_content() == ""
        panel.hover(position=browser_page.evaluate(PLACE, [name, points.source, count - 1]))
        assert tip.text_content() in texts
        browser_page.mouse.move(2, 2)
        assert tip.text_content() == ""


WRITTEN = f"""() => {{
  const stage = {STAGE};
  const seen = stage.spec.figures.filter((_, k) => stage.panels[k].offsetParent); // others belong to what a control does not say
  return seen.filter(({{powers}}) => powers.some(Boolean)).map(({{name, root, powers}}) => {{
    const {{x_range, y_range}} = stage.plot(name), svg = stage.views.get_by_id(root).export('svg').ctx.get_serialized_svg(true);
    const texts = new DOMParser().parseFromString(svg, 'image/svg+xml').querySelectorAll('text');
    const ends = [x_range, y_range].map(({{start, end}}) => [start, end]);
    return {{name, powers, ends, texts: Array.from(texts, (text) => text.textContent)}};
  }});
}}"""
"""What BokehJS writes along the axes of powers."""


def test_axes_of_logarithms_show_the_numbers_themselves(opened):
    browser_page, kind, _ = opened
    found = browser_page.evaluate(WRITTEN)
    spec = kind().stage.spec
    powers = [
        figure["powers"]
        for figure in spec["figures"]
        if "shown_for" not in figure or spec["start"][figure["shown_for"][0]] == figure["shown_for"][1]
    ]
    assert len(found) == sum(any(each) for each in powers)
    for figure in found:
        plain = {"x": [], "y": []}
        for base, ends, axis in zip(figure["powers"], figure["ends"], plain, strict=True):
            plain[axis] = labels(exponents(*ends), base) if base else []
        expected = [text for texts in plain.values() for text in texts]
        assert len(expected) > 1
        if all(figure["powers"]):  # nothing else is written there but names
            numbers = [text for text in figure["texts"] if text[0] in "0123456789−-"]
            assert set(numbers) == set(expected), figure["name"]
        assert set(expected) <= set(figure["texts"]), figure["name"]


def only(opened, wanted, why):
    """The browser's page, if it is the wanted one; returned to its start afterwards."""
    browser_page, kind, _ = opened
    if kind is not wanted:
        pytest.skip(why)
    yield browser_page
    browser_page.get_by_role("button", name="Reset").first.click()
    at_rest(browser_page, **{control.name: control.value for control in kind.specification})


@pytest.fixture
def laboratory(opened):
    yield from only(opened, GradientLaboratory, "another page has no such slider")


@pytest.fixture
def neuron(opened):
    yield from only(opened, LIFNeuron, "another page has no input spikes")


def test_a_click_on_the_raster_is_an_input_spike(neuron):
    panel = neuron.locator(".sgtheory-panel[data-figure=spikes]").first
    panel.scroll_into_view_if_needed()
    box = f"{STAGE}.views.get_by_id({STAGE}.spec.figures[0].root).frame.bbox"
    middle = f"() => {{ const {{left, top, width, height}} = {box}; return {{x: left + 0.9 * width, y: top + height / 2}}; }}"
    place = neuron.evaluate(middle)
    spikes = f"() => Array.from({STAGE}.columns('arriving').image[0]).filter(Boolean).length"
    before = neuron.evaluate(spikes)
    panel.click(position=place)
    at_rest(neuron, drive="your own")
    assert abs(neuron.evaluate(spikes) - before) == 8  # one spike more or less, in eight rows of pixels
    panel.click(position=place)
    neuron.wait_for_function(f"(before) => ({spikes})() === before", arg=before)


def held(page, name):
    return page.evaluate(f"(name) => {STAGE}.controls[name].get()", name)


def test_what_a_logarithmic_slider_shows_is_what_is_drawn(laboratory):
    drag(laboratory, "steepness β", 14)
    value = held(laboratory, "steepness")
    control = next(control for control in GradientLaboratory.specification if control.name == "steepness")
    assert value > 2
    assert value in control.numbers(control.positions())
    at_rest(laboratory, steepness=value)
    page = GradientLaboratory()
    page.controls["steepness"].value = value
    for source in ("at exponent", "components", "surrogate.bias_exponent", "surrogate.steepness.x"):
        for name, expected in page.data[source].items():
            shown = laboratory.evaluate(
                f"([source, name]) => Array.from({STAGE}.columns(source)[name])", [source, name]
            )
            np.testing.assert_allclose(shown, expected, rtol=1e-9, atol=1e-12)
    shown = laboratory.locator(".widget-readout[aria-label^='steepness β']").first.text_content()
    assert shown == handle(laboratory, "steepness β").get_attribute("aria-valuetext") == control.told(value)
    assert float(shown) == pytest.approx(value, rel=5e-3)


def test_a_number_is_typed_and_taken_at_the_nearest_position(laboratory):
    readout = laboratory.locator(".widget-readout[aria-label^='steepness β']").first
    for text, value in (
        ("4", 4.0), ("0.7", 0.7071067812), ("1,4", 1.414213562), ("much", 1.414213562), ("99", 8.0), ("-1", 0.5)
    ):  # fmt: skip
        readout.click()
        laboratory.keyboard.press("Control+a")
        laboratory.keyboard.type(text)
        laboratory.keyboard.press("Enter")
        at_rest(laboratory, steepness=value)
        assert readout.text_content() == f"{value:.3g}"
        laboratory.wait_for_function("() => document.querySelector('.sgtheory-status').textContent === 'Ready.'")


def test_every_number_beside_a_slider_is_seen_whole(opened):
    browser_page, kind, _ = opened
    for control in kind.specification:
        if hasattr(control, "low"):
            browser_page.evaluate(f"([name, value]) => {STAGE}.controls[name].set(value)", [control.name, control.low])
    cut = "(nodes) => nodes.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent)"
    assert browser_page.locator(".sgtheory-page .widget-readout").evaluate_all(cut) == []
    browser_page.get_by_role("button", name="Reset").first.click()
    at_rest(browser_page, **{control.name: control.value for control in kind.specification})


def test_no_name_is_cut_off(opened, cut_off):
    assert cut_off(opened[0]) == []


def test_captions_say_the_present_numbers_and_move_no_plot(opened):
    browser_page, kind, readout = opened
    control = next(control for control in kind.specification if control.name == kind.play)
    tops = f"() => {STAGE}.panels.map(({{offsetTop}}) => offsetTop)"
    caption = browser_page.locator(".sgtheory-caption", has_text=browser_page.evaluate(CAPTIONED, readout)).first
    before, places = caption.inner_text(), browser_page.evaluate(tops)
    drag(browser_page, control.label, 60 if control.value == control.low else -30)
    assert browser_page.evaluate(tops) == places
    browser_page.wait_for_function(
        f"(before) => {STAGE}.captions.every(({{text}}) => text.innerText !== before)", arg=before
    )
    assert all(text for text in browser_page.locator(".sgtheory-key li:visible").all_inner_texts())
    more = browser_page.get_by_role("button", name="more", exact=True)
    if count := more.count():
        more.first.click()
        assert more.count() == count - 1
        browser_page.get_by_role("button", name="less", exact=True).click()
    browser_page.get_by_role("button", name="Reset").first.click()
    at_rest(browser_page, **{kind.play: control.value})


VALUES = {
    "sign_flip": ("output", "weight_axis()", "output"),
    "loop_integral": ("loop", "loop_degrees()", "cumulated"),
    "path_tree": ("over", "weight_axis()", "mean_over.{weight}"),
    "gradient_laboratory": ("steepness", "surrogate.steepness.x", "surrogate.steepness.y"),
    "lif_neuron": ("probability", "times", "firing_probability"),
    "spike_train_matching": ("rossum", "run.step", "run.rossum_stochastic"),
    "classification": ("fano", "run.step", "look.fano_last"),
    "exact_qif": ("qif_trace", "qif.moments", "qif.trace"),
    "learning_spike_times": ("weights", "course.trial", "course.weight_2"),
    "pseudospikes": ("slopes", "driven.weights", "driven.first_slopes.0"),
}
"""Page → a figure, and the source and the column of a curve in it."""
CAPTIONED = f"""(key) => {STAGE}.spec.figures.map(({{description}}) => description)
  .find((text) => text.includes('{{' + key + '}}')).slice(0, 20)"""


def test_values_are_read_under_the_pointer_and_by_the_arrow_keys(opened):
    browser_page, kind, _ = opened
    name, source, column = VALUES[kind.name]
    tip = browser_page.locator(".sgtheory-tip").first
    panel = browser_page.locator(f".sgtheory-panel[data-figure={name}]").first
    panel.scroll_into_view_if_needed()
    columns = browser_page.evaluate(
        f"(name) => {{ const {{x, ...rest}} = {STAGE}.columns(name); return {{x: [...x], y: [...rest['{column}']]}}; }}",
        source,
    )
    index = len(columns["x"]) // 3
    place = browser_page.evaluate(
        PLACE.replace("stage.columns(source)", f"{{...stage.columns(source), y: stage.columns(source)['{column}']}}"),
        [name, source, index],
    )
    panel.hover(position=place)
    browser_page.wait_for_function("() => document.querySelector('.sgtheory-tip').textContent")
    text = tip.inner_text()
    powers = browser_page.evaluate(f"(name) => {STAGE}.spec.figures.find((each) => each.name === name).powers", name)
    x, y = (
        base ** columns[axis][index] if base else columns[axis][index] for axis, base in zip("xy", powers, strict=True)
    )
    assert shortly(x) in text.splitlines()[0]
    assert any(line.endswith(shortly(y)) for line in text.splitlines()[1:])
    browser_page.mouse.down()
    browser_page.mouse.move(*browser_page.evaluate("() => [innerWidth / 2, innerHeight / 2]"))
    assert tip.text_content() == ""  # a drag reads nothing
    browser_page.mouse.up()
    browser_page.mouse.move(2, 2)
    panel.focus()
    told = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        browser_page.keyboard.press(key)
        browser_page.wait_for_timeout(60)
        told.append(tip.inner_text())
    assert len(set(told[:3])) == 3
    assert told[3] == told[1]
    browser_page.keyboard.press("Escape")
    assert tip.text_content() == ""


def shortly(number):
    """As the page writes a number."""
    if abs(number) < 1e-12:
        return "0"
    if number == round(number) and abs(number) < 1e5:
        return f"{number:.0f}".replace("-", "−")
    digits = f"{number:#.3g}" if 1e-3 <= abs(number) < 1e5 else f"{number:.2e}".replace("e-0", "e-")
    return digits.removesuffix(".").replace("-", "−")


SAID = f"""(name) => {{
  const plot = {STAGE}.document.get_model_by_id({STAGE}.spec.figures.find((each) => each.name === name).root);
  return [plot.title.text, plot.below[0].axis_label, plot.left[0].axis_label];
}}"""


def test_titles_and_labels_follow_their_controls(opened):
    browser_page, kind, _ = opened
    following = [panel for panel in getattr(kind, "panels", ()) if panel.words]
    if not following:
        pytest.skip("no words of this page follow a control")
    values = {
        name: kind.specification[k].options
        for k, name in enumerate(each.name for each in kind.specification)
        if name in {control for panel in following for control, _ in panel.words.values()}
    }
    for last in (-1, 0):
        for name, options in values.items():
            browser_page.evaluate(f"([name, value]) => {STAGE}.controls[name].set(value)", [name, options[last]])
        at_rest(browser_page, **{name: options[last] for name, options in values.items()})
        for panel in following:
            told = dict(zip(("title", "x", "y"), browser_page.evaluate(SAID, panel.name), strict=True))
            for place, (name, texts) in panel.words.items():
                assert told[place].replace("\\n", " ") == texts[values[name][last]]


@pytest.mark.parametrize("light", ["true", "false"])
def test_axe_finds_nothing_serious(opened, light):
    browser_page = opened[0]
    browser_page.evaluate(f"() => {{ document.body.dataset.jpThemeLight = '{light}' }}")
    browser_page.wait_for_timeout(300)
    found = Axe().run(browser_page, context=".sgtheory-page").response["violations"]
    browser_page.evaluate("() => { document.body.dataset.jpThemeLight = 'true' }")
    assert [violation["id"] for violation in found if violation["impact"] in ("serious", "critical")] == []


@pytest.fixture
def loop_page(opened):
    yield from only(opened, LoopIntegral, "another page's map")


def middle_of_map(browser_page):
    """The point of the first figure where both coordinates are 0, in pixels."""
    return browser_page.evaluate(
        f"""() => {{
          const stage = {STAGE}, plot = stage.views.get_by_id(stage.spec.figures[0].root);
          const {{left, top}} = stage.panels[0].getBoundingClientRect();
          return [left + plot.frame.x_scale.compute(0), top + plot.frame.y_scale.compute(0)];
        }}"""
    )


def test_the_loop_is_dragged_over_its_map(loop_page):
    x, y = middle_of_map(loop_page)
    loop_page.mouse.move(x, y)
    loop_page.mouse.down()
    for step in range(1, 13):
        loop_page.mouse.move(x + 4 * step, y - 2 * step)
        loop_page.wait_for_timeout(16)
    loop_page.mouse.up()
    state = loop_page.evaluate(f"() => {STAGE}.state()")
    assert state["centre_x"] > 0.5
    assert state["centre_y"] > 0.2
    at_rest(loop_page, centre_x=state["centre_x"], centre_y=state["centre_y"])
    page = LoopIntegral()
    for name in ("centre_x", "centre_y"):
        page.controls[name].value = state[name]
    shown = loop_page.evaluate(f"() => {STAGE}.readouts.integral")
    assert shown == pytest.approx(float(page.data["readouts"]["integral"][0]), rel=1e-9)


def test_a_loop_of_ones_own_is_clicked_together(loop_page):
    x, y = middle_of_map(loop_page)
    loop_page.get_by_role("button", name="Own loop").click()
    for marks, (across, upward) in enumerate([(-40, 20), (40, 20)], start=1):
        loop_page.mouse.click(x + across, y - upward)
        loop_page.wait_for_function(f"() => document.querySelectorAll('.sgtheory-mark').length === {marks}")
        loop_page.evaluate(f"() => {STAGE}.show([])")  # a picture that arrives late
        assert loop_page.locator(".sgtheory-mark").count() == marks
    loop_page.mouse.click(x, y + 30)
    loop_page.wait_for_function(f"() => {STAGE}.state().loop === 'drawn'")
    loop_page.wait_for_function("() => document.querySelectorAll('.sgtheory-mark').length === 0")
    assert loop_page.evaluate(f"() => {STAGE}.state().corners").count(";") == 2


@pytest.fixture
def inputs_page(opened):
    yield from only(opened, ExactQIF, "another page has no inputs to drag")


def test_an_input_is_dragged_in_time_and_weight_and_another_is_taken_by_a_click(inputs_page):
    inputs_page.get_by_role("button", name="Fig. S4").click()
    inputs_page.wait_for_function(f"() => {STAGE}.state().scene === 'several' && {STAGE}.readouts.lif_count > 2")
    panel = inputs_page.locator(".sgtheory-panel[data-figure=inputs]").first
    panel.scroll_into_view_if_needed()
    place = """([time, weight]) => {
      const stage = STAGE, plot = stage.views.get_by_id(stage.spec.figures[0].root);
      const {left, top} = stage.panels[0].getBoundingClientRect();
      return [left + plot.frame.x_scale.compute(time), top + plot.frame.y_scale.compute(weight)];
    }""".replace("STAGE", STAGE)
    x, y = inputs_page.evaluate(place, [1.0, 1.0])
    inputs_page.mouse.move(x, y)
    inputs_page.mouse.down()
    for step in range(1, 13):
        inputs_page.mouse.move(x + 20 * step, y + step)
        inputs_page.wait_for_timeout(16)
    inputs_page.mouse.up()
    state = inputs_page.evaluate(f"() => {STAGE}.state()")
    assert state["time"] > 1.5
    assert state["weight"] < 0.9
    at_rest(inputs_page, time=state["time"], weight=state["weight"])
    page = ExactQIF()
    page.figure_s4()
    page.move({**page.settings(), "time": state["time"], "weight": state["weight"]})
    for name in ("qif_first", "lif_first"):
        shown = inputs_page.evaluate(f"() => {STAGE}.readouts.{name}")
        assert shown == pytest.approx(float(page.data["readouts"][name][0]), rel=1e-9)
    inputs_page.mouse.click(*inputs_page.evaluate(place, [6.0, 1.6]))
    inputs_page.wait_for_function(f"() => {STAGE}.state().time === 6 && {STAGE}.state().weight === 1.6")


def test_the_table_has_a_row_for_each_ticked_method_with_its_exact_numbers(opened):
    browser_page, kind, _ = opened
    if kind is not GradientLaboratory:
        pytest.skip("a page without a table")
    rows = browser_page.locator(".sgtheory-table").first.locator("tbody tr:visible")
    chosen = kind().settings()["methods"].split("; ")
    assert [row.locator("th").inner_text().lstrip("●▲▼■ ") for row in rows.all()] == chosen
    box = browser_page.get_by_role("checkbox", name="mean field").first
    box.check()
    browser_page.wait_for_function(f"() => {STAGE}.readouts.mean_field_bias !== undefined")
    assert rows.count() == len(chosen) + 1
    page = kind()
    page.controls["methods"].value = "; ".join([*chosen, "mean field"])
    shown = browser_page.evaluate(f"() => {STAGE}.readouts")
    for key, values in page.data["readouts"].items():
        assert shown[key] == pytest.approx(float(values[0]), rel=1e-9), key
    box.uncheck()
    browser_page.wait_for_function(f"() => {STAGE}.readouts.mean_field_bias === undefined")
    assert rows.count() == len(chosen)


def test_a_tab_that_was_not_chosen_leaves_the_kernel_to_the_page_that_is_seen(laboratory):
    names = "[...document.querySelectorAll('.sgtheory-stage')].map((el) => el.sgtheory?.spec.name)"
    tabs = laboratory.locator(".widget-tab .lm-TabBar-tab")
    assert "program_laboratory" not in laboratory.evaluate(names)
    tabs.nth(1).click()
    laboratory.wait_for_function(
        """() => [...document.querySelectorAll('.sgtheory-stage')].some(
          ({sgtheory}) => sgtheory?.spec.name === 'program_laboratory' && sgtheory.isExact() && sgtheory.computes)""",
        timeout=COMPILED_MS,
    )
    tabs.nth(0).click()
