"""What the tours of the training pages show beside what, and when, in a real browser."""

import pytest

from sgtheory.pages import Classification, SpikeTrainMatching
from sgtheory.pages._training import stored_run

pytestmark = pytest.mark.browser


def as_a_file(kind, page, folder):
    """A page as a file, drawn."""
    kind().export_html(path := folder / f"{kind.name}.html")
    page.goto(path.as_uri())
    page.wait_for_function("() => document.getElementById('stage').sgtheory?.statistics.drawn > 0")


def go_to(page, kind, title):
    """To the step of this title."""
    page.evaluate(
        "(step) => document.getElementById('stage').sgtheory.tour.go(step)",
        [step.title for step in kind.tour].index(title),
    )
    page.wait_for_timeout(700)


BARS = """() => {
  const {renderers, below: [axis]} = document.getElementById('stage').sgtheory.plot('tests');
  return [renderers.filter(({visible}) => visible).length, axis.ticker.ticks];
}"""


def test_a_step_shows_the_bars_of_networks_that_were_met_and_the_names_of_these_alone(seen_page, tmp_path):
    as_a_file(Classification, seen_page, tmp_path)
    go_to(seen_page, Classification, "Change the rules for the test")
    assert seen_page.evaluate(BARS) == [4, [2, 3]]
    go_to(seen_page, Classification, "The scale, and the reset")
    assert seen_page.evaluate(BARS) == [12, [1, 2, 3, 4, 5, 6]]


def test_target_and_output_stand_side_by_side_where_there_is_room_and_a_frame_says_its_steps(seen_page, tmp_path):
    as_a_file(SpikeTrainMatching, seen_page, tmp_path)

    def boxes():
        return [
            seen_page.locator(f".sgtheory-panel[data-figure={name}]").bounding_box()
            for name in ("target", "stochastic")
        ]

    go_to(seen_page, SpikeTrainMatching, "Watch it learn")
    target, output = boxes()
    assert target["y"] == output["y"]
    assert output["x"] >= target["x"] + target["width"]
    assert [target["width"], target["height"]] == pytest.approx([output["width"], output["height"]], abs=1)
    seen_page.set_viewport_size({"width": 390, "height": 900})
    seen_page.wait_for_timeout(700)
    target, output = boxes()
    assert target["x"] == output["x"]
    assert output["y"] >= target["y"] + target["height"]
    seen_page.set_viewport_size({"width": 1280, "height": 900})
    seen_page.get_by_role("button", name="Explore freely").click()
    frame = seen_page.locator(".sgtheory-frame")
    steps = stored_run(SpikeTrainMatching.name).moments["step"]
    seen_page.locator("#control-moment").focus()
    for key, moment in (("Home", 0), ("ArrowRight", 1)):
        seen_page.keyboard.press(key)
        seen_page.wait_for_timeout(500)
        assert frame.text_content() == f"moment {moment} of 15: {steps[moment]:.0f} steps of training"
