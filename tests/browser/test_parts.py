"""Parts of the kit on a page made of nothing else: films, long work, many lines, switches, files."""

import numpy as np
import pytest

from benchmarks.laboratory import PATIENCE_MS, at_rest, await_live, open_notebook

pytestmark = pytest.mark.browser

STAGE = "document.querySelector('.sgtheory-stage').sgtheory"
PAGE = """
import time
import numpy as np
from bokeh.models import Range1d
from sgtheory.pages._kit import Drawing, Film, Page, Progress, Readout, Toggle, Upload, data_sources, panel

class Parts(Page):
    name, title, play, job_name = "parts", "Parts of the kit", "frame", "training"
    specification = (
        Film("frame", "frame", 0, 0, 40, 1, "A frame", rate=40), Toggle("high", "twice as high", False, "A switch"),
        Upload("picture", "picture", "A picture of your own", kinds=(".png",), most=1000),
    )
    readouts = (Readout("squared", "frame squared", jumps=True), Readout("bytes", "bytes of the picture"))
    histories = {"loss": ("step", "value")}

    def compute(self, settings):
        frame, height = settings["frame"], 2.0 if settings["high"] else 1.0
        x = np.concatenate([np.linspace(0, 1, n) for n in (5, 9, 2)])
        image = np.outer(np.linspace(0, 1, 101), np.linspace(-1, 1, 101)) * frame
        content = self.uploaded("picture") or b""
        return {
            "many": {"x": x, "y": height * frame * x, "begin": np.array([0.0, 5.0, 14.0])}, "map": {"image": image},
            "readouts": {"squared": np.array([frame**2.0]), "bytes": np.array([float(len(content))])},
        }

    def work(self, settings, checkpoint):
        for step in range((checkpoint or 0) + 1, 4001):
            time.sleep(0.0005)
            yield Progress(step, 4000, f"step {step}", points={"loss": {"step": step, "value": np.sin(step)}}, checkpoint=step)

    def figures(self, sources):
        data, found = data_sources(sources), []
        for name, low, high in (("many", -5, 85), ("map", -1, 1), ("loss", -1, 1)):
            plot = panel(name, x_range=Range1d(0, 4000 if name == "loss" else 1), y_range=(low, high), x_label="x", y_label="y")
            drawing = Drawing(name, data, plot)
            if name == "many":
                drawing.lines("many", "blue")
            elif name == "map":
                drawing.heat_map("map", -40, 40, "purple green 33")
            else:
                plot.line("step", "value", source=data["loss"])
                drawing = Drawing(name, data, plot)
                plot.renderers[0].glyph.tags = [["theme", "line_color", "green"]]
            found.append(drawing.finished(name))
        return found

page = Parts()
page
"""


@pytest.fixture
def parts(live_cell):
    return live_cell(PAGE)


def columns(page, source):
    listed = "([name, each]) => [name, Array.from(each[0]?.shape ? each[0] : each)]"
    found = page.evaluate(f"(source) => Object.entries({STAGE}.columns(source)).map({listed})", source)
    return {name: np.array(values) for name, values in found}


def test_parts_of_the_kit(parts, lab, tmp_path):
    """One page, so that one kernel serves all of them."""
    many_lines(parts)
    a_film_plays_without_the_kernel(parts)
    a_switch_changes_the_picture(parts)
    a_file_is_taken_or_refused(parts, tmp_path)
    work_goes_on_after_the_browser_is_loaded_again(parts, lab)


def many_lines(page):
    page.evaluate(f"() => {STAGE}.controls.frame.set(30)")
    at_rest(page, frame=30)
    shown = columns(page, "many")
    np.testing.assert_allclose(shown["y"], 30 * shown["x"], rtol=1e-12)
    data = f"{STAGE}.sources.get('many').data"
    assert page.evaluate(f"() => ({data}.get?.('xs') ?? {data}.xs).map((line) => line.length)") == [5, 9, 2]
    image = columns(page, "map")["image"]
    np.testing.assert_allclose(
        image, 30 * np.outer(np.linspace(0, 1, 101), np.linspace(-1, 1, 101)).ravel(), rtol=1e-12
    )


def a_film_plays_without_the_kernel(page):
    page.evaluate(f"() => {STAGE}.approach('frame')")
    page.wait_for_function(f"() => {STAGE}.table('frame')", timeout=PATIENCE_MS)
    page.evaluate(
        f"""() => {{
          const stage = {STAGE}, send = stage.send, show = stage.show;
          window.film = {{asked: [], frames: [], errors: []}};
          stage.send = (message) => {{ if (stage.tools.playing) film.asked.push(message.kind); send(message); }};
          stage.show = (channels) => {{
            show.call(stage, channels);
            film.frames.push(stage.readouts.squared);
            const {{x, y}} = stage.columns('many');
            film.errors.push(Math.max(...Array.from(y, (each, k) => Math.abs(each - Math.sqrt(stage.readouts.squared) * x[k]))));
          }};
        }}"""
    )
    page.get_by_role("button", name="First frame").click()
    page.get_by_role("button", name="One frame on").click()
    at_rest(page, frame=1)
    page.get_by_label("Speed of the film").select_option("2")
    page.get_by_role("button", name="Play the film from here").click()
    at_rest(page, frame=40)
    film = page.evaluate("() => film")
    played = [frame for frame in film["frames"] if frame > 1]
    assert played == sorted(played)
    assert len(set(played)) > 8
    assert played[-1] == 1600
    assert max(film["errors"]) < 1e-5  # every frame is a frame, none lies between two
    assert film["asked"] == []
    page.get_by_role("button", name="One frame back").click()
    at_rest(page, frame=39)
    assert page.locator(".sgtheory-frame").inner_text() == "frame 39 of 40"
    page.evaluate(f"() => {{ delete {STAGE}.show; }}")


def a_switch_changes_the_picture(page):
    page.get_by_role("checkbox", name="twice as high").click()
    at_rest(page, high=True)
    shown = columns(page, "many")
    np.testing.assert_allclose(shown["y"], 2 * 39 * shown["x"], rtol=1e-12)


def a_file_is_taken_or_refused(page, tmp_path):
    files = {name: tmp_path / name for name in ("small.png", "large.png", "other.txt")}
    for name, path in files.items():
        path.write_bytes(b"x" * (1001 if name == "large.png" else 500))

    def choose(name):
        with page.expect_file_chooser() as chooser:
            page.locator(".sgtheory-upload button").click()
        chooser.value.set_files(files[name])

    choose("small.png")
    page.wait_for_function(f"() => {STAGE}.readouts.bytes === 500", timeout=PATIENCE_MS)
    assert "small.png" in page.locator(".sgtheory-upload").inner_text()
    for name, sentence in (
        ("large.png", "must have at most 0.001 MB"),
        ("other.txt", "must be a file of the kind .png"),
    ):
        choose(name)
        page.locator(".sgtheory-upload [role=alert]", has_text=sentence).wait_for(timeout=PATIENCE_MS)
        assert page.evaluate(f"() => {STAGE}.readouts.bytes") == 500


def job(page):
    return page.evaluate(f"() => {STAGE}.job.shown")


def work_goes_on_after_the_browser_is_loaded_again(page, lab):
    page.get_by_role("button", name="Start training").click()
    page.wait_for_function(f"() => {STAGE}.job.shown.done > 300", timeout=PATIENCE_MS)
    assert len(columns(page, "loss")["step"]) > 200
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(f"() => {STAGE}.job.shown.state === 'stopped'", timeout=PATIENCE_MS)
    done = job(page)["done"]
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1000)
    open_notebook(page, lab, "afternoon.ipynb")
    await_live(page)
    page.wait_for_function(f"() => {STAGE}.job.shown.resumable", timeout=PATIENCE_MS)
    assert job(page)["done"] == done
    assert columns(page, "loss")["step"][-1] == done
    page.get_by_role("button", name="Resume").click()
    page.wait_for_function(f"() => {STAGE}.job.shown.state === 'finished'", timeout=PATIENCE_MS)
    shown = columns(page, "loss")
    assert len(shown["step"]) <= 2000
    assert shown["step"][-1] == 4000
    np.testing.assert_allclose(shown["value"], np.sin(shown["step"]), atol=1e-6)
    assert "step 4000; finished" in page.locator(".sgtheory-job-words").inner_text()
