// Where the figures of a page are painted.

const OUTSIDE = [-1e5, -1e5];

/**
 * All figures of a page on one canvas. To the browser each canvas in a document is a layer of its own, and every picture
 * pays for all of them. BokehJS's own canvases stay empty and hidden; it paints at the place of each panel.
 */
function shareScreen({grid, panels, plots, signal}) {
  for (const plot of plots) expectMethods(plot, 'request_paint', 'paint');
  const screen = element('canvas', {class: 'sgtheory-screen', 'aria-hidden': 'true'});
  const context = screen.getContext('2d');
  const layers = plots.map(({canvas_view}) => layerOn(context, canvas_view.primary));
  plots.forEach(({canvas_view}, k) => { canvas_view.primary = layers[k]; });
  grid.append(screen);
  grid.classList.add('sgtheory-shared');
  let arranged = null, observed = false;
  const arrange = () => {
    const ratio = plots[0].canvas_view.primary.pixel_ratio;
    // A panel that is not seen has no place on the canvas.
    const corners = panels.map((panel) => (isSeen(panel) ? [panel.offsetLeft, panel.offsetTop].map((side) => Math.round(side * ratio)) : OUTSIDE));
    // What a figure has left behind that has become smaller goes with the rest.
    const sizes = plots.map(({el}) => [el.clientWidth, el.clientHeight]);
    const arrangement = [ratio, grid.clientWidth, grid.clientHeight, ...corners, ...sizes].join();
    if (arranged === arrangement) return;
    arranged = arrangement;
    Object.assign(screen, {width: Math.round(grid.clientWidth * ratio), height: Math.round(grid.clientHeight * ratio)});
    Object.assign(screen.style, {width: grid.clientWidth + 'px', height: grid.clientHeight + 'px'});
    plots.forEach((plot, k) => {
      const {primary} = plot.canvas_view;
      primary.corner = corners[k];
      if (!primary.canvas.width) return; // not laid out yet
      if (!observed) return plot.request_paint();
      plot._invalidate_all = true;
      plot.paint(); // now, because resizing the canvas has emptied it
    });
  };
  arrange();
  observed = true;
  const observer = new ResizeObserver(arrange);
  for (const part of [grid, ...panels, ...plots.map(({el}) => el)]) observer.observe(part);
  watchSharpness(arrange, signal);
  signal.addEventListener('abort', () => observer.disconnect());
}

/** A layer of BokehJS that paints into this context, with its upper left corner at `corner`. */
function layerOn(context, layer) {
  expectMethods(layer, 'prepare', 'clear', 'undo_transform', 'finish');
  const own = layer.own ?? layer;
  return Object.assign(Object.create(layer), {
    own,
    _ctx: context,
    corner: [0, 0],
    prepare() {
      Object.assign(context, {layer: this, rect_bbox: own.ctx.rect_bbox});
      context.save();
      context.setTransform(1, 0, 0, 1, ...this.corner);
      context.beginPath();
      context.rect(0, 0, this.canvas.width, this.canvas.height);
      context.clip();
      return own.prepare.call(this);
    },
    clear() {
      context.clearRect(-1, -1, this.bbox.width + 2, this.bbox.height + 2); // ends where the clip does
    },
    undo_transform(act) {
      const transform = context.getTransform();
      context.setTransform(1, 0, 0, 1, ...this.corner);
      act(context);
      context.setTransform(transform);
    },
    finish() {
      own.finish.call(this);
      context.restore();
    },
  });
}
