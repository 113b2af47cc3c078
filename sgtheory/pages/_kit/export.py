"""A page as one HTML file, which holds BokehJS, the script, the figures and one table per slider."""

import base64
import html
import json
import zlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from sgtheory.pages._kit import messages
from sgtheory.pages._kit.controls import Control, Slider
from sgtheory.pages._kit.drawing import drawn_columns
from sgtheory.pages._kit.opening import described_page
from sgtheory.pages._kit.stage import STYLE, bokeh_script, script

if TYPE_CHECKING:
    from sgtheory.pages._kit.page import Page

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<script>{bokeh}</script>
</head>
<body class="sgtheory-exported">
<main>
<h1>{title}</h1>
<p class="sgtheory-alone">{fixed}</p>
<p class="sgtheory-alone">
Each slider moves on its own from this state: when you move one, the others return to their first positions.
</p>
<div id="controls"></div>
<div id="stage"></div>
</main>
<script type="application/json" id="payload">{payload}</script>
<script type="module">
{script}
await mountExported(document.getElementById('stage'), JSON.parse(document.getElementById('payload').textContent));
</script>
</body>
</html>
"""


def page_as_html(page: "Page", links: Mapping[str, str]) -> str:
    """The text of the file, with the addresses of other pages. The page must be ready, and its picture up to date."""
    settings = page.settings()
    states = [(each.settings(page.specification), each.controls) for each in page.tour]
    sliders = [
        control
        for control in page.specification
        if page.loop.tables.possible(control.name, settings)
        # A step may be about something that is not shown in this state.
        or any(control.name in named and page.loop.tables.possible(control.name, state) for state, named in states)
    ]
    fixed = {name: value for name, value in settings.items() if name not in {control.name for control in sliders}}
    payload = {
        "spec": described_page(page, page.stage.spec["figures"], page.loop.latest[1])
        | {"kernel": False, "start": settings, "fixed": fixed, "actions": []}
        | {"spares": page.stage.spares, "step": page.stage.step},
        "doc": json.loads(page.stage.doc),
        "picture": _in_text(page.loop.picture(grown=True)),
        "tables": {control.name: _in_text(page.loop.table(control.name, settings)) for control in sliders},
    }
    if page.tour:
        payload["tour"] = _tour(page)
        payload["spec"]["links"] = dict(links)
    told = "; ".join(
        f"{page.by_name[name].label}: {_told(page.by_name[name], value)}"
        for name, value in fixed.items()
        if value != "" and page.board.applies(name, settings)
    )
    return _TEMPLATE.format(
        title=html.escape(page.title),
        style=STYLE.read_text(encoding="utf-8"),
        bokeh=bokeh_script().decode().replace("</script", "<\\/script"),
        fixed=html.escape(told),
        # A closing tag inside a JSON string would end the element.
        payload=json.dumps(payload).replace("<", "\\u003c"),
        script=script("exported"),
    )


def _told(control: Control, value: Any) -> str:
    return control.told(value) if isinstance(control, Slider) else str(value)


def _tour(page: "Page") -> dict[str, Any]:
    """A picture for each state in which a step opens, and for each step tables of what its panels show.

    A step that opens in the exported state has None, and is drawn from what the file holds for that.
    """
    pictures: dict[str, int] = {}
    told, steps = [], []
    for step in page.tour:
        settings = step.settings(page.specification)
        key = json.dumps(settings)
        if settings == page.settings():
            steps.append(None)
            continue
        if key not in pictures:
            pictures[key] = len(told)
            told.append(_in_text(_picture_at(page, settings)))
        tables = {
            name: _in_text(_table_at(page, settings, name, step.panels))
            for name in (*step.controls, *step.in_words)
            if page.loop.tables.possible(name, settings)
        }
        steps.append({"picture": pictures[key], "tables": tables})
    return {"pictures": told, "steps": steps}


def _picture_at(page: "Page", settings: Mapping[str, Any]) -> tuple[messages.Picture, bytes]:
    """The picture for these settings, which no exact one will follow."""
    sources = page.compute(settings)
    return messages.picture(
        settings, sources, precision="f4", exact=True, discrete=page.discrete, epoch=page.loop.epoch
    )


def _table_at(
    page: "Page", settings: Mapping[str, Any], name: str, panels: Collection[str]
) -> tuple[messages.Table, bytes]:
    """The table of a slider around these settings, with what these panels and the texts show."""
    control = page.by_name[name]
    assert isinstance(control, Slider)
    rows = control.positions()
    table = page.sweep(settings, name, control.numbers(rows))
    shown = {
        figure.name: drawn_columns(figure.plot) for figure in page.figures(page.growth.completed(page.loop.latest[1]))
    }
    wanted = set().union(*(shown[panel] for panel in panels))
    kept = {
        source: {
            column: values
            for column, values in columns.items()
            if source in ("readouts", "ranges") or (source, column) in wanted
        }
        for source, columns in table.items()
    }
    kept = {source: columns for source, columns in kept.items() if columns}
    return messages.table(control, rows, settings, kept, discrete=page.discrete, epoch=page.loop.epoch)


def _in_text(message: tuple[Mapping[str, Any], bytes]) -> dict[str, Any]:
    """A message in a form that JSON can hold."""
    content, data = message
    return {**content, "bytes": base64.b64encode(zlib.compress(data, 9)).decode()}
