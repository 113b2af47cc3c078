// What stays the same from picture to picture is laid out and painted once, until a range, a size or the theme changes.

/**
 * Whether a figure has come to rest, because it is laid out late, so that `what` may be kept for it. What was kept for other
 * ranges is dropped.
 */
function holds(what, plot, {width, height}, appearance) {
  const {x_range, y_range, title} = plot.model;
  const frame = [width, height, ...plot.frame.bbox.args, appearance(), title?.text].join();
  const ranges = [x_range.start, x_range.end, y_range.start, y_range.end].join();
  const resized = what.frame !== frame;
  if (resized) Object.assign(what, {frame, since: performance.now()});
  if (resized || what.ranges !== ranges) Object.assign(what, {ranges, drawn: false});
  return performance.now() - what.since >= 300;
}

/** BokehJS measures the texts of all axes at each picture, to see whether a frame must be laid out anew. */
function spareLayout(plot, appearance) {
  const kept = {};
  replace(plot, '_invalidate_layout_if_needed', (layOut) => () => {
    const held = holds(kept, plot, plot.canvas_view.primary.canvas, appearance) && kept.drawn;
    if (plot._needs_layout || !held) layOut.call(plot);
    kept.drawn = true;
  });
}

/** Levels painted before the curves and after them, each kept as one picture: still curves in the first, titles in the second. */
const SCENERY = [['image', 'underlay'], ['guide', 'annotation']];

/** It writes axes, titles and legends again, each text at the cost of a new style for the whole document. */
function spareScenery(plot, appearance) {
  const parts = plot.computed_renderer_views.filter((part) => part.set_data);
  const moves = parts.some((part) => part.model.level === 'image'); // a map or a raster, which every picture changes
  const kept = SCENERY.map((levels) => ({levels: levels.filter((level) => !(moves && level === 'image'))}));
  const keptAt = (level) => kept.find(({levels}) => levels.includes(level));
  replace(plot, '_paint_levels', (paintLevels) => (context, level, ...clip) => {
    const keep = keptAt(level);
    if (!keep || !(context instanceof CanvasRenderingContext2D)) return paintLevels.call(plot, context, level, ...clip);
    const {layer} = context, {canvas} = layer;
    if (!canvas.width || !canvas.height) return; // not laid out yet
    const [first] = keep.levels;
    if (level === first) keep.held = holds(keep, plot, canvas, appearance);
    if (!keep.held) return paintLevels.call(plot, context, level, ...clip);
    if (!keep.drawn) {
      if (level === first) {
        // Outside the document, so that setting a font recomputes no style.
        keep.layer ??= layerOn(document.createElement('canvas').getContext('2d'), layer);
        Object.assign(keep.layer.ctx.canvas, {width: canvas.width, height: canvas.height});
        keep.layer.prepare();
      }
      paintLevels.call(plot, keep.layer.ctx, level, ...clip);
    }
    if (level !== keep.levels.at(-1)) return;
    if (!keep.drawn) keep.layer.finish();
    keep.drawn = true;
    layer.undo_transform(() => context.drawImage(keep.layer.ctx.canvas, 0, 0));
  });
  for (const part of parts) {
    const keep = keptAt(part.model.level);
    if (!keep) continue;
    replace(part, 'set_data', (setData) => (...rest) => {
      keep.drawn = false;
      return setData.call(part, ...rest);
    });
  }
  plot.forgetScenery = () => kept.forEach((keep) => { keep.drawn = false; }); // when a part of it is shown or hidden
}
