// Work that BokehJS need not do, and where it paints. Comes after elements.js; it knows nothing of pages.

/** Versions of BokehJS with which the pictures were compared with those of an untouched copy, pixel by pixel. */
const SPARED = /^3\.(9|10)\./;

/** Whether work may be spared with this version of BokehJS; another one draws plainly, which is slower, and is told once. */
function isSpared(version) {
  const known = SPARED.test(version);
  if (!known && !isSpared.told) console.info(`sgtheory: figures are drawn plainly, for nobody has tried BokehJS ${version} with ours.`);
  isSpared.told = true;
  return known;
}

/**
 * At each picture BokehJS does much work whose result is known beforehand; without it, a drag is several times as smooth.
 *  · It looks up CSS variables (`--bk-…`) at each access to a colour or a width, and the font size at each label. The
 *    pages set no such variables, and their font stays the same.
 *  · It rewrites some seventy style sheets, each with the text that it had before.
 *  · It prepares each glyph five times, for points that are selected, muted, …; no tool of a page selects or mutes any.
 *    It sorts the points by position, to find those outside the frame, where they would be clipped anyway, and the
 *    ends of axes, which are set; it paints glyphs without points.
 *  · It measures, lays out and writes axes and titles again, each text at the cost of a new style for the whole
 *    document. Here they are kept as a picture until a range, a size or the theme changes.
 * The copy of BokehJS is our own (`bokehOnce`). If a later version does no such work, nothing is left out.
 */
function spareWork(view, appearance) {
  Object.defineProperty(view, 'base_font_size', {value: view.base_font_size, configurable: true});
  for (const part of view.computed_renderer_views ?? []) {
    if (part.glyph && part.set_data) spareGlyph(part), spareVisuals(part.glyph);
  }
  // Ends that are set need not be sought among the points.
  if ([view.model.x_range, view.model.y_range].every(({type}) => type === 'Range1d')) {
    Object.defineProperty(view, 'auto_ranged_renderers', {value: []});
  }
  if (view._paint_levels) keepScenery(view, appearance);
}

/** What all figures share, found on the first of them. */
function spareStyles(view) {
  const lookup = holderOf(view.visuals?.background_fill, '_get_css_value');
  if (lookup) lookup._get_css_value = () => '';
  const sheet = holderOf(view.style, '_update');
  if (sheet && !sheet.spares) spareSheets(sheet);
}

function holderOf(object, key) {
  while (object && !Object.hasOwn(object, key)) object = Object.getPrototypeOf(object);
  return object;
}

function spareSheets(prototype) {
  const update = prototype._update;
  prototype.spares = true;
  prototype._update = function (css) {
    if (css !== this.lastWritten) update.call(this, css);
    this.lastWritten = css;
  };
}

const nothing = () => {};

/**
 * Called before BokehJS builds a page. For each glyph BokehJS then builds only the view that is seen; the views for points
 * that are selected, muted, … show nothing and do nothing.
 */
function spareBuilding(Bokeh) {
  const views = Bokeh.Models?.get('GlyphRenderer')?.prototype.default_view?.prototype;
  if (!views?.build_glyph_view || views.spares) return;
  const build = views.build_glyph_view;
  const silent = ['set_base', 'set_data', 'set_visuals', 'after_visuals', 'after_lazy_visuals', 'map_data', 'remove'];
  const unseen = {...Object.fromEntries(silent.map((name) => [name, nothing])), children_views: () => []};
  views.spares = true;
  views.build_glyph_view = async function (model) {
    if (this.glyph) return Object.assign(Object.create(this.glyph), unseen, {model});
    spareStyles(this.plot_view);
    this._paint = nothing; // until `spareGlyph`, because nobody sees it before
    const seen = await build.call(this, model);
    spareIndex(seen);
    return seen;
  };
}

function spareGlyph(view) {
  delete view._paint; // silenced while the page was built
  if (view.all_indices) {
    view._update_masked_indices = () => view.all_indices;
    view._paint = (context) => {
      if (!view.all_indices.count) return;
      view.glyph.map_data();
      context.save();
      view.glyph.paint(context, view.all_indices.ones());
      context.restore();
    };
  }
  view.update_position = nothing; // the element that it would move shows nothing
}

/** Points are sorted by position only when a position is looked up, which no tool of a page does. */
function spareIndex(glyph) {
  if (!glyph.index_data || !('_index' in glyph)) return;
  const sort = glyph.index_data.bind(glyph);
  let index = null;
  glyph.index_data = () => { index = null; };
  Object.defineProperty(glyph, '_index', {
    get: () => {
      if (!index) sort();
      return index;
    },
    set: (sorted) => { index = sorted; },
  });
}

/** Colours and widths that come from no column are kept until one is set or the number of points changes. */
function spareVisuals(glyph) {
  const visuals = [...glyph.model].filter(({attr}) => /^(line|fill|hatch|text)_/.test(attr));
  if (visuals.some((property) => property.get_value()?.field)) return;
  const setVisuals = glyph.set_visuals.bind(glyph);
  let count = null;
  for (const {change} of visuals) change.connect(() => { count = null; });
  glyph.set_visuals = (source, indices) => {
    if (indices.count !== count) setVisuals(source, indices);
    count = indices.count;
  };
}

/** Levels painted before the curves and after them, each kept as one picture: still curves in the first, titles in the second. */
const SCENERY = [['image', 'underlay'], ['guide', 'annotation']];

function keepScenery(view, appearance) {
  const paintLevels = view._paint_levels.bind(view);
  const layOut = view._invalidate_layout_if_needed?.bind(view);
  const parts = view.computed_renderer_views.filter((part) => part.set_data);
  const moves = parts.some((part) => part.model.level === 'image'); // a map or a raster, which every picture changes
  const kept = SCENERY.map((levels) => ({levels: levels.filter((level) => !(moves && level === 'image'))}));
  const keptAt = (level) => kept.find(({levels}) => levels.includes(level));
  for (const part of parts) {
    const keep = keptAt(part.model.level), setData = part.set_data.bind(part);
    if (!keep) continue;
    part.set_data = (...rest) => {
      keep.drawn = false;
      return setData(...rest);
    };
  }
  view.forgetScenery = () => kept.forEach((keep) => { keep.drawn = false; }); // when a part of it is shown or hidden
  const laidOut = {};
  /** Whether the frame has come to rest, because it is laid out late; what was kept for other ranges is dropped. */
  const holds = (what, {width, height}) => {
    const {x_range, y_range} = view.model;
    const frame = [width, height, ...view.frame.bbox.args, appearance(), view.model.title?.text].join();
    const ranges = [x_range.start, x_range.end, y_range.start, y_range.end].join();
    const resized = what.frame !== frame;
    if (resized) Object.assign(what, {frame, since: performance.now()});
    if (resized || what.ranges !== ranges) Object.assign(what, {ranges, drawn: false});
    return performance.now() - what.since >= 300;
  };
  if (layOut) {
    view._invalidate_layout_if_needed = () => {
      const held = holds(laidOut, view.canvas_view.primary.canvas) && laidOut.drawn;
      if (view._needs_layout || !held) layOut();
      laidOut.drawn = true;
    };
  }
  view._paint_levels = (context, level, ...clip) => {
    const keep = keptAt(level);
    if (!keep || !(context instanceof CanvasRenderingContext2D)) return paintLevels(context, level, ...clip);
    const {layer} = context, {canvas} = layer;
    if (!canvas.width || !canvas.height) return; // not laid out yet
    const [first] = keep.levels;
    if (level === first) keep.held = holds(keep, canvas);
    if (!keep.held) return paintLevels(context, level, ...clip);
    if (!keep.drawn) {
      if (level === first) {
        // Outside the document, so that setting a font recomputes no style.
        keep.layer ??= layerOn(document.createElement('canvas').getContext('2d'), layer);
        Object.assign(keep.layer.ctx.canvas, {width: canvas.width, height: canvas.height});
        keep.layer.prepare();
      }
      paintLevels(keep.layer.ctx, level, ...clip);
    }
    if (level !== keep.levels.at(-1)) return;
    if (!keep.drawn) keep.layer.finish();
    keep.drawn = true;
    layer.undo_transform(() => context.drawImage(keep.layer.ctx.canvas, 0, 0));
  };
}

/**
 * Paints the figures of a page together, in the frame in which their numbers are set. By itself BokehJS paints in a later
 * frame, with a clock for each figure.
 */
class Painter {
  /** `draw` sets the numbers that are to be shown, if there are any. */
  constructor(plots, draw) {
    Object.assign(this, {draw, frame: null, changed: new Set(), updates: []});
    for (const plot of plots.filter((plot) => plot.throttled_paint && plot.repaint)) {
      plot.throttled_paint = async () => {
        this.changed.add(plot);
        this.request();
      };
      for (const part of plot.computed_renderer_views ?? []) if (part.update_data) this.attend(part);
    }
  }

  attend(part) {
    const update = part.update_data.bind(part);
    part.update_data = (...rest) => {
      const updated = update(...rest);
      this.updates.push(updated);
      return updated;
    };
  }

  request() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  async paint() {
    try {
      this.draw();
      await Promise.all(this.updates.splice(0)); // still within the frame, because the glyphs of a page wait for nothing
    } finally {
      this.frame = null;
    }
    const plots = [...this.changed];
    this.changed.clear();
    for (const plot of plots) if (!plot.is_destroyed && isSeen(plot.el)) plot.repaint();
  }
}

/** Whether an element takes any room; a panel that a step of a tour does not show takes none. */
function isSeen(node) {
  return node.getClientRects().length > 0;
}

/**
 * All figures of a page on one canvas. To the browser each canvas in a document is a layer of its own, and every picture
 * pays for all of them: six figures on one canvas are drawn twice as often as on six. BokehJS's own canvases stay empty and
 * hidden; it paints at the place of each panel.
 */
const OUTSIDE = [-1e5, -1e5];

function shareScreen(grid, panels, plots, signal) {
  const screen = element('canvas', {class: 'sgtheory-screen', 'aria-hidden': 'true'});
  grid.append(screen);
  const context = screen.getContext('2d');
  for (const {canvas_view} of plots) canvas_view.primary = layerOn(context, canvas_view.primary);
  grid.classList.add('sgtheory-shared');
  let arranged = null, observed = false;
  const arrange = () => {
    const ratio = plots[0].canvas_view.primary.pixel_ratio;
    // A panel that is not seen has no place on the canvas.
    const corners = panels.map((panel) => (isSeen(panel) ? [panel.offsetLeft, panel.offsetTop].map((side) => Math.round(side * ratio)) : OUTSIDE));
    const arrangement = [ratio, grid.clientWidth, grid.clientHeight, ...corners].join();
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
  for (const part of [grid, ...panels]) observer.observe(part);
  signal.addEventListener('abort', () => observer.disconnect());
}

/** A layer of BokehJS that paints into this context, with its upper left corner at `corner`. */
function layerOn(context, layer) {
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
