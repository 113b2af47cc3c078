// What BokehJS need not prepare for each glyph: no tool of a page selects, mutes or looks up any of its points.

const nothing = () => {};

/** Methods of all glyph renderers of this copy of BokehJS. */
function methodsOfRenderers(Bokeh) {
  return Bokeh.require('models/renderers/glyph_renderer').GlyphRendererView.prototype;
}

function glyphsOf(plot) {
  return plot.computed_renderer_views.filter((part) => part.glyph && part.set_data);
}

/** For each glyph it builds four views more, for points that are selected, muted, …, and gives all of them each new number. */
function spareViews(Bokeh) {
  const silent = ['set_base', 'set_data', 'set_visuals', 'after_visuals', 'after_lazy_visuals', 'map_data', 'remove'];
  expectMethods(Bokeh.require('models/glyphs/glyph').GlyphView.prototype, ...silent);
  const unseen = {...Object.fromEntries(silent.map((name) => [name, nothing])), children_views: () => []};
  replace(methodsOfRenderers(Bokeh), 'build_glyph_view', (build) => async function (model) {
    return this.glyph ? Object.assign(Object.create(this.glyph), unseen, {model}) : build.call(this, model);
  });
}

/** It sorts the points by position whenever they change, though a position is seldom looked up. */
function spareIndex(Bokeh) {
  const {prototype} = Bokeh.require('models/glyphs/glyph').GlyphView;
  const {get: sorted} = Object.getOwnPropertyDescriptor(prototype, 'index');
  replace(prototype, 'index_data', (sort) => {
    Object.defineProperty(prototype, 'index', {
      get() {
        if (!this._index) sort.call(this);
        return sorted.call(this);
      },
    });
    return function () { this._index = null; };
  });
}

/** It seeks the points that are selected, and those outside the frame, where they are clipped anyway; it paints glyphs without points. */
function spareSelection(plot) {
  for (const part of glyphsOf(plot)) {
    expectMethods(part, '_update_masked_indices', '_paint');
    expectMethods(part.glyph, 'map_data', 'paint');
    part._update_masked_indices = () => part.all_indices;
    part._paint = (context) => {
      if (!part.all_indices.count) return;
      part.glyph.map_data();
      context.save();
      part.glyph.paint(context, part.all_indices.ones());
      context.restore();
    };
  }
}

/** It moves the element of each glyph, which shows nothing. */
function sparePlaces(plot) {
  for (const part of glyphsOf(plot)) replace(part, 'update_position', () => nothing);
}

/** It works out colours and widths for each picture; where they come from no column, they are kept until one is set. */
function spareVisuals(plot) {
  for (const {glyph} of glyphsOf(plot)) {
    const visuals = [...glyph.model].filter(({attr}) => /^(line|fill|hatch|text)_/.test(attr));
    if (visuals.some((property) => property.get_value()?.field)) continue;
    let count = null;
    for (const {change} of visuals) change.connect(() => { count = null; });
    replace(glyph, 'set_visuals', (setVisuals) => (source, indices) => {
      if (indices.count !== count) setVisuals.call(glyph, source, indices);
      count = indices.count;
    });
  }
}

/** It seeks the ends of axes among the points, also where they are set. */
function spareRanges(plot) {
  const {x_range, y_range} = plot.model;
  if (x_range.type === 'Range1d' && y_range.type === 'Range1d') Object.defineProperty(plot, 'auto_ranged_renderers', {value: []});
}
