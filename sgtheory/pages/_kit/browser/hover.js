// Values under the pointer, or along the x-axis with the arrow keys, of every figure whose points are not read one by one.

const CLOSE = 24; // pixels along x within which a point is found
const EXACT = 3; // pixels along x within which points have the same x
const WIDE = 7; // pixels from which a bar holds what is drawn beside its middle

class Hover {
  constructor(stage) {
    Object.assign(this, {stage, at: null, frame: null});
    this.hair = element('div', {class: 'sgtheory-hair', 'aria-hidden': 'true'});
    this.hair.hidden = true;
    stage.grid.append(this.hair);
    stage.spec.figures.forEach(({name, root}, k) => {
      if (!stage.spec.points[name]) this.attend(stage.panels[k], stage.views.get_by_id(root));
    });
    stage.signal.addEventListener('abort', () => cancelAnimationFrame(this.frame));
  }

  attend(panel, plot) {
    const {signal} = this.stage;
    const listen = (event, answer) => panel.addEventListener(event, answer, {signal});
    listen('pointermove', (event) => {
      if (event.buttons || this.stage.status.isMoving()) return this.leave();
      const {left, top} = panel.getBoundingClientRect();
      this.read(panel, plot, [event.clientX - left, event.clientY - top]);
    });
    listen('pointerdown', () => this.leave());
    for (const event of ['pointerleave', 'blur']) listen(event, () => this.leave());
    panel.tabIndex = 0;
    listen('keydown', (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (event.key === 'Escape') this.leave();
      if (!step || event.altKey || event.target !== panel) return;
      event.preventDefault();
      event.stopPropagation();
      this.step(panel, plot, step);
    });
  }

  /** Reads a place of a panel, in the next frame; of several places in one frame the last. */
  read(panel, plot, place) {
    this.at = {panel, plot, place};
    this.frame ??= requestAnimationFrame(() => { this.frame = null; this.tell(); });
  }

  /** The numbers have changed: reads the same place again, but not at each step of a drag. */
  follow() {
    if (!this.at) return;
    if (this.stage.status.isMoving()) this.leave();
    else this.read(this.at.panel, this.at.plot, this.at.place);
  }

  /** The next place along x. */
  step(panel, plot, step) {
    const {bbox, x_scale} = plot.frame;
    const own = this.at?.panel === panel, from = own ? this.at.place[0] : step > 0 ? bbox.left - 1 : bbox.right + 1;
    const found = this.places(plot, this.curves(plot)).places.map(([x]) => x_scale.compute(x))
      .filter((x) => (x - from) * step > 0.5 && bbox.left <= x && x <= bbox.right);
    const next = step > 0 ? Math.min(...found) : Math.max(...found);
    if (Number.isFinite(next)) this.read(panel, plot, [next, own ? this.at.place[1] : (bbox.top + bbox.bottom) / 2]);
  }

  leave() {
    if (!this.at) return;
    this.at = null;
    this.hair.hidden = true;
    this.stage.points.leave();
  }

  /** What can be read in a plot: the name, the colour and the points of each glyph. */
  curves(plot) {
    const {model} = plot;
    const curves = model.renderers.filter(({visible, level}) => visible && level !== 'underlay').map((renderer) => {
      const {glyph} = renderer, name = nameInKey(renderer) ?? renderer.name;
      return {name, glyph, points: pointsOf(renderer), colour: valueOf(glyph.line_color) ?? valueOf(glyph.fill_color)};
    }).filter(({points}) => points.length);
    const named = curves.filter(({name}) => name);
    return named.length ? named : curves.slice(0, 1).map((curve) => ({...curve, name: model.left[0]?.axis_label}));
  }

  tell() {
    if (!this.at) return;
    const {panel, plot, place} = this.at, {bbox} = plot.frame;
    const [left, top] = place;
    if (panel.querySelector('.sgtheory-cover') || !isSeen(panel) || !bbox.contains(left, top)) return this.leave();
    const found = this.image(plot, place) ?? (isRows(plot) ? this.nearest(plot, place) : this.across(plot, place));
    if (!found) return this.leave();
    const [across, lines, x] = found;
    const rows = lines.map(([name, value, colour]) => element(
      'div', {}, element('i', colour ? {style: `background:${colour}`} : {}), `${name ?? ''}${name && value ? ' ' : ''}`, element('b', {}, value ?? ''),
    ));
    this.stage.points.tell([element('div', {}, across), ...rows], panel, [x, top]);
    this.stage.points.ring.style.display = 'none';
    this.hair.hidden = false;
    Object.assign(this.hair.style, {left: panel.offsetLeft + x + 'px', top: panel.offsetTop + bbox.top + 'px', height: bbox.height + 'px'});
  }

  label(plot, x) {
    const axis = plot.model.below[0];
    return namesOf(axis).find(([place]) => place === x)?.[1] ?? `${axis.axis_label || 'x'}: ${legible(this.number(plot, 0, x))}`;
  }

  /** A number along an axis (0: x, 1: y), which may hold its logarithm. */
  number(plot, axis, value) {
    const base = this.stage.spec.figures.find(({root}) => root === plot.model.id).powers[axis];
    return base ? base ** value : value;
  }

  /** Where values can be read along x, and within how many pixels: at named places, at wide bars, or else at all points. */
  places({model, frame: {x_scale}}, curves) {
    const names = namesOf(model.below[0]), bars = curves.find(({glyph}) => valueOf(glyph.line_width) >= WIDE);
    if (names.length) return {places: names, within: Math.abs(x_scale.compute(0.45) - x_scale.compute(0)), named: true};
    if (bars) return {places: bars.points, within: valueOf(bars.glyph.line_width) / 2};
    return {places: curves.flatMap(({points}) => points), within: EXACT};
  }

  /** The values of all curves at the nearest place. */
  across(plot, [left]) {
    const {x_scale, y_scale, bbox} = plot.frame;
    const isSeen = ([, y]) => Number.isFinite(y) && bbox.top - 1 <= y_scale.compute(y) && y_scale.compute(y) <= bbox.bottom + 1;
    const distance = ([x], from) => Math.abs(x_scale.compute(x) - from);
    const nearest = (points, from) => points.reduce((best, each) => (!best || distance(each, from) < distance(best, from) ? each : best), null);
    const curves = this.curves(plot).map((curve) => ({...curve, points: curve.points.filter(isSeen)}));
    const {places, within, named} = this.places(plot, curves);
    const place = nearest(places, left);
    if (!place || distance(place, left) > Math.max(CLOSE, within)) return null;
    const x = x_scale.compute(place[0]);
    const lines = curves.flatMap(({name, colour, points, glyph}) => {
      const here = points.filter((point) => distance(point, x) <= within);
      // Of an area at a named place the farthest end is read.
      const point = named ? here.toSorted((first, second) => Math.abs(second[1]) - Math.abs(first[1]))[0] : nearest(here, x);
      const y = point ? point[1] : glyph.type === 'Line' ? between(points, place[0]) : undefined;
      return y === undefined ? [] : [[name, legible(this.number(plot, 1, y)), colour]];
    });
    return lines.length ? [this.label(plot, place[0]), lines, x] : null;
  }

  /** Where the y-axis holds rows: the nearest point, and its x. */
  nearest(plot, [left, top]) {
    const {x_scale, y_scale} = plot.frame;
    let best = null, least = REACH;
    for (const {name, colour, points} of this.curves(plot)) {
      for (const [x, y] of points) {
        const distance = Math.hypot(x_scale.compute(x) - left, y_scale.compute(y) - top);
        if (distance < least) [best, least] = [{name, colour, x}, distance];
      }
    }
    return best && [this.label(plot, best.x), [[best.name, '', best.colour]], x_scale.compute(best.x)];
  }

  /** The number of a map at a place; of a raster, the share of its rows that hold a spike. */
  image(plot, [left, top]) {
    const {x_scale, y_scale} = plot.frame, x = x_scale.invert(left), y = y_scale.invert(top);
    for (const {visible, glyph, data_source} of plot.model.renderers) {
      if (!visible || glyph.type !== 'Image') continue;
      const [low, bottom, width, height] = [glyph.x, glyph.y, glyph.dw, glyph.dh].map(valueOf);
      const image = columnOf(data_source, glyph.image)[0], [rows, columns] = image.shape;
      const column = Math.floor((x - low) / width * columns), row = Math.floor((y - bottom) / height * rows);
      if (column < 0 || column >= columns || row < 0 || row >= rows) continue;
      if (!isRows(plot)) return [this.label(plot, x), [[plot.model.left[0].axis_label + ':', legible(y)], ['value:', legible(image[row * columns + column])]], left];
      const share = Array.from({length: rows}, (_, k) => image[k * columns + column]).reduce((sum, each) => sum + each, 0) / rows;
      const [, name] = namesOf(plot.model.left[0]).find(([place]) => bottom <= place && place <= bottom + height) ?? [];
      return [this.label(plot, low + (column + 0.5) * width / columns), [[`${name}: spikes in`, `${legible(100 * share)} %`]], left];
    }
    return null;
  }
}

/** Whether the y-axis of a plot has names, or nothing, in place of numbers. */
function isRows({model: {left: [axis]}}) {
  return axis.ticker.type === 'FixedTicker';
}

/** The names at places of an axis. */
function namesOf({major_label_overrides: names}) {
  return [...(names.entries?.() ?? Object.entries(names))].map(([place, name]) => [Number(place), name]);
}

/** The height at x of a line through points. */
function between(points, x) {
  const after = points.findIndex(([end], k) => k && (points[k - 1][0] - x) * (end - x) <= 0);
  if (after < 0) return undefined;
  const [[start, low], [end, high]] = [points[after - 1], points[after]];
  return low + (high - low) * (x - start) / (end - start);
}

function columnOf({data}, {field}) {
  return data instanceof Map ? data.get(field) : data[field];
}

/** The points of a glyph, each an x and a y; none of a glyph that has no value at an x. */
function pointsOf({glyph, data_source}) {
  const column = (property) => (property?.field ? columnOf(data_source, property) : null);
  const xs = column(glyph.x ?? glyph.x0);
  const single = column(glyph.y), ends = [glyph.y0 ?? glyph.y1, glyph.y0 ? glyph.y1 : glyph.y2].map(column);
  if (!xs || glyph.type === 'Text' || glyph.type === 'HArea') return [];
  // A bar between two numbers: an interval is read at its middle, an area at the end that is farther from 0.
  const y = single ? (k) => single[k] : (k) => {
    const [low, high] = ends.map((each) => each[k]);
    if (glyph.type === 'Segment') return (low + high) / 2;
    return low === high ? NaN : Math.abs(low) > Math.abs(high) ? low : high;
  };
  return single || ends.every(Boolean) ? Array.from(xs, (x, k) => [x, y(k)]) : [];
}
