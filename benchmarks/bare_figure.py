"""The yardstick of `benchmarks.drag`: the simplest ipywidgets slider with a Bokeh figure.

One figure with one line, BokehJS unchanged, no theme, no read-outs, no axis that moves. Its numbers come from a table in
the browser or, one message per step, from the kernel. It is measured with the same instrument as a page.
"""

import pathlib

import anywidget
import bokeh
import ipywidgets
import numpy as np
import traitlets
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

ROWS = 65
X = np.linspace(-3, 3, 500)
SOURCE = pathlib.Path(__file__)
CELL = "import bare_figure\nbare_figure.page()"


class BareFigure(anywidget.AnyWidget):
    """A line whose y column is a row of a table, or what the kernel sends."""

    _esm = """
    export default {async render({model, el}) {
      const script = document.createElement('script');
      script.textContent = new TextDecoder().decode(model.get('bokeh'));
      document.head.append(script);
      const manager = model.widget_manager;
      const controls = {};
      for (const [name, reference] of Object.entries(model.get('sliders'))) {
        const slider = await manager.get_model(reference.replace('IPY_MODEL_', ''));
        controls[name] = {
          get: () => slider.get('value'),
          set: (value) => { slider.set('value', value); slider.save_changes(); },
        };
        slider.on('change:value', () => stage.changed(name));
      }
      const {doc, root_id: root} = model.get('doc');
      const [view] = await Bokeh.embed.embed_items({docid: doc}, [{docid: 'docid', roots: {[root]: el}, root_ids: [root]}]);
      const source = view.roots[0].model.document.get_model_by_name('source');
      const floats = ({buffer, byteOffset, byteLength}) => new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
      const x = floats(model.get('x')), columns = x.length;
      const table = floats(model.get('table')), last = table.length / columns - 1;
      let wanted = false;
      const row = (value) => {
        const position = value * last, first = Math.min(Math.floor(position), last - 1);
        return Float32Array.from({length: columns}, (_, k) => {
          const below = table[first * columns + k];
          return below + (position - first) * (table[(first + 1) * columns + k] - below);
        });
      };
      const stage = {
        el, controls, known: {},
        changed: (name) => {
          if (name !== 'table' || wanted) return;
          wanted = true;
          requestAnimationFrame(() => { wanted = false; stage.show(row(controls.table.get())); });
        },
        show: (y) => { source.data = {x, y}; },
      };
      model.on('msg:custom', (_, [y]) => stage.show(floats(y)));
      el.classList.add('sgtheory-stage');
      el.sgtheory = stage;
    }};
    """
    doc = traitlets.Dict().tag(sync=True)
    bokeh = traitlets.Bytes().tag(sync=True)
    x = traitlets.Bytes().tag(sync=True)
    table = traitlets.Bytes().tag(sync=True)
    sliders = traitlets.Dict().tag(sync=True, **ipywidgets.widget_serialization)


def _row(value: float | np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-(1 + 19 * np.asarray(value)[..., None]) * X))).astype("f4")


def page() -> ipywidgets.VBox:
    """Two sliders from 0 to 1 and the figure: one slider draws from the table, the other through the kernel."""
    plot = figure(width=600, height=300)
    plot.line("x", "y", source=ColumnDataSource({"x": X, "y": _row(0.0)}, name="source"))
    sliders = {name: ipywidgets.FloatSlider(min=0, max=1, step=0.01, description=name) for name in ("table", "kernel")}
    script = pathlib.Path(bokeh.__file__).parent / "server/static/js/bokeh.min.js"
    item = json_item(plot)
    view = BareFigure(
        doc={"doc": item["doc"], "root_id": item["root_id"]},
        bokeh=script.read_bytes(), x=X.astype("f4").tobytes(), table=_row(np.linspace(0, 1, ROWS)).tobytes(), sliders=sliders,
    )  # fmt: skip
    sliders["kernel"].observe(lambda change: view.send({}, [_row(change.new).tobytes()]), names="value")
    return ipywidgets.VBox([*sliders.values(), view])
