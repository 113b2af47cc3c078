"""The moving picture at the top of the README: a real drag of page 1's steepness, seen in a real JupyterLab.

    python -m benchmarks.moving_picture [file.gif]

The mouse takes the handle, goes to the right and comes back; after each step the picture is taken as soon as it is painted.
"""

import io
import pathlib
import shutil
import sys
import tempfile

from PIL import Image
from playwright.sync_api import Page

from benchmarks.drag import NOTEBOOKS, await_table, open_in_view
from benchmarks.laboratory import browser, handle, running_lab

PICTURE = pathlib.Path(__file__).parent.parent / "docs" / "drag.gif"
VIEW = {"width": 1210, "height": 1000}
MARGIN = 8
STEPS, COLOURS = 16, 64
FRAME_MS, REST_MS = 110, 900
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
# Screenshots lack the pointer; without it nobody sees that somebody is dragging.
POINTER = """() => {
  const arrow = document.createElement('div');
  arrow.style.cssText = 'position:fixed;z-index:1e6;pointer-events:none;width:14px;height:21px;background:#1f2328;' +
    'clip-path:polygon(0 0,100% 68%,58% 70%,82% 100%,60% 100%,36% 74%,0 92%)';
  document.body.append(arrow);
  document.addEventListener('pointermove', (event) => {
    arrow.style.left = `${event.clientX}px`;
    arrow.style.top = `${event.clientY}px`;
  }, true);
}"""


def taken(page: Page) -> list[Image.Image]:
    """Pictures of the page while its slider goes from its first place to the right and back, one for each step."""
    slider, body = handle(page, "steepness").bounding_box(), page.locator(".sgtheory-body").first.bounding_box()
    track = page.locator(".sgtheory-controls .slider-container").first.bounding_box()
    assert slider is not None
    assert body is not None
    assert track is not None
    x, y = slider["x"] + slider["width"] / 2, slider["y"] + slider["height"] / 2
    far = (track["x"] + track["width"] - 4 - x) / STEPS
    page.evaluate(POINTER)
    page.mouse.move(x, y)
    page.mouse.down()
    clip = {
        "x": body["x"] - MARGIN, "y": body["y"] - MARGIN,
        "width": body["width"] + 2 * MARGIN, "height": body["height"] + 2 * MARGIN,
    }  # fmt: skip
    pictures = []
    for step in [*range(STEPS + 1), *range(STEPS - 1, 0, -1)]:
        page.mouse.move(x + far * step, y)
        page.evaluate(PAINTED)
        pictures.append(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"))
    page.mouse.up()
    return pictures


def write(pictures: list[Image.Image], path: pathlib.Path) -> None:
    """One GIF with one palette, so that only what moves is stored again; it rests at both ends of the drag."""
    # The last picture of the way out has every curve at its most colourful.
    palette = pictures[STEPS].quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    frames = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    pauses = [REST_MS if step in (0, STEPS) else FRAME_MS for step in range(len(frames))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=pauses, loop=0, optimize=True)


def main(path: pathlib.Path = PICTURE) -> None:
    """Drags, takes the pictures and writes the file."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NOTEBOOKS, folder, dirs_exist_ok=True)
        with running_lab(pathlib.Path(folder)) as address, browser() as chromium:
            page = chromium.new_page(viewport=VIEW)
            open_in_view(page, address, "01_single_unit.ipynb")
            await_table(page, "steepness")
            pictures = taken(page)
    write(pictures, path)
    print(
        f"{path.name}: {len(pictures)} pictures of {pictures[0].width} × {pictures[0].height}, {path.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main(*map(pathlib.Path, sys.argv[1:2]))
