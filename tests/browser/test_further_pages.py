"""The pages after the first in a real browser: each runs, is dragged, and ends on exact numbers."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from benchmarks.laboratory import at_rest, await_live, await_ready, drag, open_notebook, run_all
from sgtheory.pages import GradientLaboratory, LoopIntegral, SignFlip

STAGE = "document.querySelector('.sgtheory-stage').sgtheory"
PAGES = {
    "notebooks/03_gradient_laboratory.ipynb": (GradientLaboratory, "bias"),
    "notebooks/04_sign_flip.ipynb": (SignFlip, "surrogate"),
    "notebooks/05_loop_integral.ipynb": (LoopIntegral, "integral"),
}
"""Notebook → its page, and a read-out that the slider that plays changes."""

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
    before = panels.screenshot()
    browser_page.wait_for_timeout(500)
    assert panels.screenshot() == before  # alone it stands still
    drag(browser_page, control.label, 60)
    value = browser_page.evaluate(f"() => {STAGE}.controls.{kind.play}.get()")
    assert value > control.value
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


@pytest.mark.parametrize("light", ["true", "false"])
def test_axe_finds_nothing_serious(opened, light):
    browser_page = opened[0]
    browser_page.evaluate(f"() => {{ document.body.dataset.jpThemeLight = '{light}' }}")
    browser_page.wait_for_timeout(300)
    found = Axe().run(browser_page, context=".sgtheory-page").response["violations"]
    browser_page.evaluate("() => { document.body.dataset.jpThemeLight = 'true' }")
    assert [violation["id"] for violation in found if violation["impact"] in ("serious", "critical")] == []
