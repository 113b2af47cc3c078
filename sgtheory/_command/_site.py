"""`sgtheory export`: pages as a web site that needs no kernel."""

import html
import pathlib
from collections.abc import Mapping, Sequence

from sgtheory._command._refused import Refused
from sgtheory._course import COURSE
from sgtheory.pages._kit.stage import STYLE
from sgtheory.pages._registry import ALL_PAGES

PATIENCE_S = 900.0  # a page with many methods, compiled on a busy machine
_MARK = '<meta name="generator" content="sgtheory">'
_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{mark}
<title>sgtheory: how gradients pass through spikes</title>
<style>{style}
main {{ max-width: 44rem; margin: 0 auto; line-height: 1.5; }}
h2 {{ margin-bottom: 0; }}
p {{ margin: 0.3rem 0; }}
a {{ color: var(--sg-accent); }}
</style>
</head>
<body class="sgtheory-exported">
<main>
<h1>How gradients pass through spikes</h1>
<p>Open a page and drag a slider. Everything is computed in advance: the pages need no server.</p>
{lessons}
</main>
</body>
</html>
"""


def write_site(folder: pathlib.Path, names: Sequence[str]) -> None:
    """Writes these pages and an index of all pages in the folder, with a line for each file."""
    _prepare(folder)
    links = {name: f"{name}.html" for name in ALL_PAGES if name in names or (folder / f"{name}.html").is_file()}
    for name in dict.fromkeys(names):
        path = folder / f"{name}.html"
        page = ALL_PAGES[name]()
        page.wait(PATIENCE_S)
        page.export_html(path, links)
        print(f"{path}: {page.title} ({path.stat().st_size / 1e6:.1f} MB)", flush=True)
    titles = {name: kind.title for name, kind in ALL_PAGES.items() if (folder / f"{name}.html").is_file()}
    (folder / "index.html").write_text(index(titles), encoding="utf-8")
    print(f"{folder / 'index.html'}: {len(titles)} pages", flush=True)


def _prepare(folder: pathlib.Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise Refused(f"`folder` must be a folder, but {folder} is a file. Name another: `sgtheory export my-pages`.")
    present = folder / "index.html"
    if present.exists() and _MARK not in present.read_text(encoding="utf-8", errors="replace"):
        raise Refused(f"`folder` must not hold a web site of your own, but {present} is there. Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)


def index(titles: Mapping[str, str]) -> str:
    """The page that lists these pages (name → title), each beneath the question of its lesson."""
    lessons = []
    for lesson in COURSE:
        links = [
            f'<p><a href="{name}.html">{html.escape(titles[name])}</a></p>' for name in lesson.pages if name in titles
        ]
        if links:
            head = f"<h2>{html.escape(lesson.title)}</h2>\n<p>{html.escape(lesson.question)}</p>"
            lessons.append("\n".join([head, *links]))
    return _TEMPLATE.format(mark=_MARK, style=STYLE.read_text(encoding="utf-8"), lessons="\n".join(lessons))
