"""What an ordinary afternoon in JupyterLab does to a page: restarts, reloads, other plots, wild dragging, stray keys."""

import contextlib
import io
import random

import matplotlib.image
import numpy as np
import pytest
from playwright.sync_api import TimeoutError

from benchmarks.laboratory import (
    PATIENCE_MS,
    at_rest,
    await_live,
    await_ready,
    open_notebook,
    run_all,
)
from sgtheory.pages import SignFlip
from sgtheory.pages._kit import Slider

pytestmark = pytest.mark.browser

STAGE = "document.querySelector('.sgtheory-stage').sgtheory"
PAGE = "from sgtheory.pages import SignFlip\npage = SignFlip()\npage"
PLOT = """from bokeh.plotting import figure, show
plot = figure(width=200, height=150, name="plain")
plot.scatter([1, 2, 3], [1, 2, 3], color="#ff0000", size=20)
show(plot)"""
INLINE = "from bokeh.io import output_notebook\nfrom bokeh.resources import INLINE\noutput_notebook(INLINE, hide_banner=True)"


@pytest.fixture
def live(live_cell):
    """Page 04 in a notebook of its own, ready."""
    return live_cell(PAGE)


def status(page):
    return page.locator(".sgtheory-status").first.text_content()


def set_control(page, name, value):
    page.evaluate(f"([name, value]) => {STAGE}.controls[name].set(value)", [name, value])


def state(page):
    return page.evaluate(f"() => {STAGE}.state()")


def shows_what_the_controls_say(page):
    """Compares every column that is shown with a page of our own, at the settings of the browser's controls."""
    own = SignFlip()
    own.move(state(page))
    expected = own.data
    shown = page.evaluate(
        f"""() => {{
          const stage = {STAGE};
          const listed = (values) => Array.from(values[0]?.shape ? values[0] : values);
          const columns = (name) => Object.entries(stage.columns(name)).map(([column, values]) => [column, listed(values)]);
          return Object.fromEntries(stage.spec.sources.map((name) => [name, Object.fromEntries(columns(name))]));
        }}"""
    )
    assert shown.keys() == expected.keys() - {"readouts", "ranges"}
    for source, columns in shown.items():
        for column, values in columns.items():
            np.testing.assert_allclose(values, np.ravel(expected[source][column]), rtol=1e-9, atol=1e-12)
    readouts = page.evaluate(f"() => {STAGE}.readouts")
    assert readouts == pytest.approx({name: float(each[0]) for name, each in expected["readouts"].items()}, rel=1e-9)


def red(page, index):
    """Red pixels of the plain plot in the output of a cell."""
    plot = page.locator(".jp-Cell").nth(index).locator(".bk-Figure")
    plot.wait_for(timeout=PATIENCE_MS)
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    pixels = matplotlib.image.imread(io.BytesIO(plot.screenshot()))
    return int(np.sum((pixels[..., 0] > 0.8) & (pixels[..., 1] < 0.3) & (pixels[..., 2] < 0.3)))


def test_a_readers_own_plots_are_drawn_before_and_after_a_page(opened):
    page = opened(INLINE, PLOT, PAGE, PLOT)
    run_all(page)
    await_live(page)
    await_ready(page)
    assert red(page, 1) > 300
    assert red(page, 3) > 300
    assert page.evaluate(f"() => window.Bokeh !== {STAGE}.Bokeh")
    shows_what_the_controls_say(page)


def test_what_is_moved_while_jax_starts_is_shown_exactly_when_it_is_ready(opened):
    page = opened(PAGE)
    run_all(page)
    await_live(page)
    page.wait_for_timeout(700)
    set_control(page, "surrogate", 31.0)
    set_control(page, "w", 0.055)
    await_ready(page)
    at_rest(page, surrogate=31.0, w=0.055)
    shows_what_the_controls_say(page)


def test_a_storm_on_all_sliders_ends_on_what_the_controls_say(live):
    dice = random.Random(1)
    sliders = [control for control in SignFlip.specification if isinstance(control, Slider)]
    for _ in range(120):
        control = dice.choice(sliders)
        set_control(live, control.name, round(control.low + dice.randrange(control.positions()) * control.step, 10))
        live.wait_for_timeout(dice.choice([0, 0, 5, 20]))
    at_rest(live, **state(live))
    assert status(live) == "Ready."
    shows_what_the_controls_say(live)
    live.wait_for_timeout(1000)
    shows_what_the_controls_say(live)  # and nothing comes late


@pytest.mark.parametrize(
    "end",
    ["restartKernel()", "session.kernel.requestExecute({code: 'import os; os._exit(1)'})"],
    ids=["restarted", "killed"],
)
def test_a_kernel_that_was_restarted_or_died_is_told_and_tables_go_on(live, end):
    before = live.evaluate(f"() => {STAGE}.readouts.surrogate")
    live.evaluate(f"() => {{ window.jupyterapp.shell.currentWidget.context.sessionContext.{end}; }}")
    live.wait_for_function(
        "() => document.querySelector('.sgtheory-status').textContent.startsWith('The kernel of this page has gone')"
    )
    set_control(live, "surrogate", 40.0)
    live.wait_for_function(f"(before) => {STAGE}.readouts.surrogate !== before", arg=before)
    set_control(live, "w", 0.05)  # which has no table
    live.wait_for_function(
        "() => document.querySelector('.sgtheory-status').textContent.includes('still belongs to w = 0')"
    )
    with contextlib.suppress(TimeoutError):  # JupyterLab's own word on a kernel that has died
        live.locator(".jp-Dialog button", has_text="Ok").click(timeout=2000)
    live.get_by_role("button", name="Reset").first.click()
    assert state(live)["surrogate"] == 25.0
    run_all(live)
    await_ready(live)
    shows_what_the_controls_say(live)


def test_a_browser_that_is_loaded_again_shows_the_page_as_it_was(live, lab):
    set_control(live, "surrogate", 40.0)
    at_rest(live, surrogate=40.0)
    live.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    live.wait_for_timeout(1000)
    open_notebook(live, lab, "afternoon.ipynb")
    await_live(live)
    at_rest(live, surrogate=40.0)
    assert status(live) == "Ready."
    shows_what_the_controls_say(live)


def test_keys_pressed_on_a_page_are_not_the_notebooks(live):
    cells = live.locator(".jp-Cell").count()
    live.get_by_role("button", name="Reset").first.focus()
    for key in ("x", "d", "d", "a", "b"):
        live.keyboard.press(key)
    live.wait_for_timeout(300)
    assert live.locator(".jp-Cell").count() == cells
    assert live.locator(".sgtheory-stage").count() == 1
    count = "() => window.jupyterapp.shell.currentWidget.content.widgets[0].model.executionCount"
    before = live.evaluate(count)
    live.keyboard.press("Shift+Enter")  # which runs the cell
    live.wait_for_function(f"(before) => ({count})() > before", arg=before)


def test_ten_runs_of_a_cell_leave_no_more_behind_than_one(live):
    def nodes():
        live.wait_for_timeout(1500)
        return live.evaluate("() => document.querySelectorAll('*').length")

    def again():
        live.evaluate(f"() => {{ {STAGE}.el.dataset.old = 'yes' }}")
        run_all(live)
        live.wait_for_function(
            "() => { const stage = document.querySelector('.sgtheory-stage'); return stage?.sgtheory && !stage.dataset.old; }"
        )
        await_ready(live)

    again()
    after_two = nodes()
    for _ in range(8):
        again()
    assert nodes() < 1.02 * after_two


def test_two_views_of_a_page_follow_each_other(live):
    live.evaluate(
        """() => {
          const notebook = window.jupyterapp.shell.currentWidget.content;
          notebook.activeCellIndex = 0;
          return window.jupyterapp.commands.execute('notebook:create-output-view');
        }"""
    )
    live.wait_for_function(
        "() => [...document.querySelectorAll('.sgtheory-stage')].filter((el) => el.sgtheory).length === 2"
    )
    for value, number in ((40.0, 0), (50.0, 1)):
        live.evaluate(
            "([number, value]) => document.querySelectorAll('.sgtheory-stage')[number].sgtheory.controls.surrogate.set(value)",
            [number, value],
        )
        live.wait_for_function(
            """(value) => [...document.querySelectorAll('.sgtheory-stage')]
              .every((el) => JSON.parse(el.dataset.settled ?? '{}').surrogate === value)""",
            arg=value,
        )


def test_a_page_that_cannot_be_shown_says_so_and_the_next_try_works(live):
    live.evaluate(
        """async () => {
          for (const promise of Object.values(window.sgtheoryBokeh)) {
            const {embed} = await promise, embed_items = embed.embed_items;
            embed.embed_items = () => { embed.embed_items = embed_items; throw new Error('no canvas'); };
          }
        }"""
    )
    run_all(live)
    live.wait_for_function("() => document.querySelector('.sgtheory-complaint')?.textContent.includes('(no canvas)')")
    run_all(live)
    await_live(live)
    await_ready(live)
    shows_what_the_controls_say(live)


@pytest.fixture
def saving_widgets(setting):
    """JupyterLab keeps the widgets in the notebook's file, as its menu offers; by itself it does not."""
    with setting("@jupyter-widgets/jupyterlab-manager:plugin", saveState=True):
        yield


@pytest.mark.usefixtures("saving_widgets")
@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ({"surrogate": 40.0}, "The picture is interpolated between exact ones."),
        ({"surrogate": 40.0, "w": 0.055}, "The picture still belongs to surrogate β_SG = 25, w = 0."),
    ],
    ids=["the slider that has a table", "another slider"],
)
def test_a_saved_notebook_opened_again_says_what_is_shown(live_cell, lab, moved, told):
    page = live_cell(PAGE)
    for name, value in moved.items():
        set_control(page, name, value)
    at_rest(page, **moved)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
    open_notebook(page, lab, "afternoon.ipynb")
    await_live(page)
    assert state(page) | moved == state(page)
    assert status(page).startswith("The kernel of this page has gone. Run the cell again")
    assert status(page).endswith(told)
    own = SignFlip()
    own.move(moved if "w" not in moved else {})
    exact = own.data["readouts"]
    shown = page.evaluate(f"() => {STAGE}.readouts")
    assert shown == pytest.approx({name: float(each[0]) for name, each in exact.items()}, rel=1e-2)


@pytest.fixture
def without_subshells(setting):
    """A kernel that hears nothing while a cell runs, as older ones do."""
    with setting("@jupyterlab/apputils-extension:kernels-settings", commsOverSubshells="disabled"):
        yield


def execute(page, code):
    page.evaluate(
        "(code) => { window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.requestExecute({code}); }",
        code,
    )


@pytest.mark.usefixtures("without_subshells")
def test_while_the_kernel_is_busy_the_status_says_to_what_the_picture_belongs(live_cell):
    page = live_cell(PAGE)
    execute(page, "import time; time.sleep(8)")
    set_control(page, "surrogate", 26.0)
    page.wait_for_function(f"() => {STAGE}.statistics.drawn > 1")
    set_control(page, "w", 0.05)
    page.wait_for_function(
        """() => {
          const said = document.querySelector('.sgtheory-status').textContent;
          return said.startsWith('Waiting for the kernel.') && said.includes('w = 0.');
        }"""
    )
    page.wait_for_timeout(1500)
    assert status(page).startswith("Waiting for the kernel.")  # and goes on saying so
    assert page.evaluate(f"() => {STAGE}.el.dataset.settled") is None
    at_rest(page, surrogate=26.0, w=0.05)
    assert status(page) == "Ready."
    shows_what_the_controls_say(page)


def test_a_kernel_that_is_interrupted_goes_on_drawing(live):
    execute(live, "import time; time.sleep(60)")
    live.wait_for_timeout(300)
    live.evaluate("() => window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt()")
    set_control(live, "w", 0.05)
    at_rest(live, w=0.05)
    assert status(live) == "Ready."
    shows_what_the_controls_say(live)


def test_reset_is_seen_at_once_while_a_choice_compiles(live_cell):
    page = live_cell("from sgtheory.pages import PathTree\npage = PathTree()\npage")
    start = state(page)
    set_control(page, "widths", "1-2-2-1")
    page.wait_for_function("() => document.querySelector('.sgtheory-status').textContent.startsWith('Compiling')")
    page.evaluate(
        f"""() => {{
          window.seen = [];
          const look = () => {{ window.seen.push({STAGE}.state().widths); window.looking = setTimeout(look, 20); }};
          document.querySelectorAll('.sgtheory-tools button')[1].click();
          look();
        }}"""
    )
    page.wait_for_function(f"(start) => {STAGE}.state().widths === start", arg=start["widths"], timeout=2000)
    assert status(page) != "Ready."
    at_rest(page, **start)
    await_ready(page)
    page.wait_for_timeout(500)
    seen = page.evaluate("() => { clearTimeout(window.looking); return window.seen; }")
    turns = [value for value, before in zip(seen[1:], seen, strict=False) if value != before]
    assert turns == [start["widths"]]  # it does not jump back and forth
