// The one link between numbers and pictures, for every page, in JupyterLab, Notebook, Voila and exported files.
//
// A page sends *pictures* (columns of numbers for named Bokeh sources) and *tables* (a picture for every position of one
// slider, while the other controls stay as they are). While a slider with a table is dragged, this script draws from the
// table and the kernel is not asked; otherwise the kernel draws. When the slider has come to rest, the kernel hears of it,
// and its exact numbers replace the interpolated ones. There are no formulas of the theory in this file.

const REST = 120; // milliseconds without a change, after which a slider counts as at rest
const PICTURE = 33; // least milliseconds from one picture of a drag to the next: two frames of a screen
const AHEAD = 130; // milliseconds of a drag for which pictures are kept ready: about the time of a question and its answer
const PLAY_SECONDS = 6; // from one end of a slider to the other
const READY = 'Ready.'; // the kernel's word for having nothing left to do
const LATE = 500; // milliseconds at rest without the exact picture, after which the reader is told what is shown instead

// ---- numbers ----------------------------------------------------------------------------------------------------------

const bytesPerEntry = {f4: 4, f8: 8};

function rowBytes({dtype, size}) {
  return dtype === 'bit' ? Math.ceil(size / 8) : size * bytesPerEntry[dtype];
}

/** Channels of a picture (rows = 1) or a table, each with a function from a row number to its numbers. */
export function unpack(layout, view, rows = 1) {
  let offset = view.byteOffset;
  return layout.map((entry) => {
    const size = entry.shape.reduce((product, length) => product * length, 1);
    const width = rowBytes({...entry, size});
    const bytes = view.buffer.slice(offset, offset + rows * width);
    offset += rows * width;
    const numbers = entry.dtype === 'f4' ? new Float32Array(bytes) : entry.dtype === 'f8' ? new Float64Array(bytes) : null;
    const packed = new Uint8Array(bytes);
    const row = numbers
      ? (index) => numbers.subarray(index * size, (index + 1) * size)
      : (index) => Uint8Array.from({length: size}, (_, k) => (packed[index * width + (k >> 3)] >> (7 - (k & 7))) & 1);
    return {...entry, size, row};
  });
}

/** The picture at `value`, between the rows of a table; discrete channels take the nearest row. */
export function interpolate(table, value) {
  const position = Math.min(Math.max((value - table.low) / (table.high - table.low), 0), 1) * (table.rows - 1);
  const nearest = Math.round(position);
  const exact = Math.abs(position - nearest) < 1e-6;
  const below = Math.min(Math.floor(position), table.rows - 2);
  const part = position - below;
  return table.channels.map((channel) => {
    if (exact || channel.mode === 'nearest') return {...channel, numbers: channel.row(nearest)};
    const first = channel.row(below), second = channel.row(below + 1);
    const numbers = new Float64Array(channel.size);
    for (let k = 0; k < channel.size; k++) numbers[k] = first[k] + part * (second[k] - first[k]);
    return {...channel, numbers};
  });
}

/** A slider's number without the rounding of its steps: 0.8, not 0.7999999999999998. The kernel does the same. */
function tidy(value) {
  return typeof value === 'number' ? Number(value.toFixed(10)) : value;
}

/** The position of a slider that is nearest to a value; the end for a value beyond it. */
function snapped({low, high, step}, value) {
  return tidy(low + step * Math.round((Math.min(Math.max(value, low), high) - low) / step));
}

/** Whether two states of controls are the same. */
function same(first, second) {
  return Boolean(first && second) && Object.keys(second).every((name) => first[name] === second[name]);
}

/** Whether these numbers are shown already; temporary ones of four bytes need not replace exact ones. */
function isShown(shown, numbers) {
  if (shown.length !== numbers.length) return false;
  const passing = numbers instanceof Float32Array;
  return numbers.every((number, k) => shown[k] === number || (passing && Math.fround(shown[k]) === number));
}

/** A number as a person reads it: three significant digits, a real minus sign. */
export function legible(number) {
  if (number === undefined) return '…';
  const size = Math.abs(number);
  const text = size < 1e-12 ? '0' : size < 1e-3 || size >= 1e5 ? number.toExponential(2) : number.toPrecision(3);
  return text.replace('-', '−').replace('e−', 'e−').replace('e+', 'e');
}

function fill(template, numbers) {
  const bits = (number) => number.toString(2).slice(1); // behind a leading one
  return template.replace(/\{(\w+)(:bits)?\}/g, (_, key, asBits) => (asBits ? bits : legible)(numbers[key]));
}

// ---- page elements ----------------------------------------------------------------------------------------------------

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function download(name, blob) {
  const link = element('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function toClipboard(text, field) {
  field.value = text;
  try {
    await navigator.clipboard.writeText(text);
    return 'The state is on the clipboard.';
  } catch {
    field.focus();
    field.select();
    return 'The state is selected: copy it with Ctrl+C.';
  }
}

function themeNow() {
  const lab = document.body.dataset.jpThemeLight;
  if (lab !== undefined) return lab === 'false' ? 'dark' : 'light';
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** The colours of a palette role, as `#rrggbbaa`; `palette` in theme.py does the same. */
function palette(role, colours) {
  const words = role.split(' ');
  const shades = words.length > 1 ? Number(words.pop()) : 2;
  const faded = (name, opacity) => colours[name] + Math.floor(255 * opacity + 0.5).toString(16).padStart(2, '0');
  return Array.from({length: shades}, (_, k) => {
    const step = k / (shades - 1);
    return words.length === 1 ? faded(words[0], step) : faded(words[Number(step > 0.5)], Math.abs(2 * step - 1));
  });
}

function watchTheme(callback, signal) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, {attributes: true, attributeFilter: ['data-jp-theme-light', 'class']});
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback, {signal});
  signal.addEventListener('abort', () => observer.disconnect());
}

// ---- the stage: figures, read-outs, tools -----------------------------------------------------------------------------

export class Stage {
  /** `controls`: name → {label, get, set, onChange, limits?}; `post` sends a message to the kernel, if there is one. */
  constructor({el, Bokeh, doc, spec, controls, post, signal, place: tourPlace}) {
    Object.assign(this, {el, Bokeh, doc, spec, controls, signal, tourPlace});
    this.send = (message) => {
      try {
        post(message);
      } catch (error) {
        this.lose(error);
      }
    };
    this.post = (message) => {
      for (const control of Object.values(controls)) control.tell?.();
      this.send(message);
    };
    this.view = Math.random().toString(36).slice(2); // answers to another view's questions are not this one's
    this.questions = 0;
    this.first = null; // the first picture
    this.epoch = null; // of the data behind the picture
    this.said = ''; // what the kernel has said last
    this.shown = {state: null, exact: false}; // the controls to which the picture belongs
    this.refused = null; // the controls for which the kernel draws no picture
    this.lost = false; // the kernel has gone
    this.tables = new Map();
    this.readouts = {};
    this.lastTouched = spec.play;
    this.statistics = {drawn: 0};
    this.approximate = false; // what is shown comes from between the rows of a table
    this.computes = false; // the kernel answers at once
    this.wanted = null;
    this.moving = null; // the slider whose drag the kernel draws
    this.pace = {value: null, time: 0, speed: 0};
    this.expected = 0; // number of its pictures that are on their way
    this.ahead = []; // pictures that have arrived before the slider has
    this.pictureTime = PICTURE; // milliseconds that the kernel takes to compute one
    this.marks = []; // dots on maps, as the kernel has named them
    this.dots = [];
    this.carried = {}; // other sliders that a drag on a map moves together with that one
  }

  async build() {
    this.panels = this.spec.figures.map(({name}) => element('div', {
      class: this.spec.wide.includes(name) ? 'sgtheory-panel sgtheory-wide' : 'sgtheory-panel', role: 'img', 'data-figure': name,
    }));
    this.status = element('p', {class: 'sgtheory-status', role: 'status'});
    this.values = element('div', {class: 'sgtheory-readouts'});
    this.el.replaceChildren(
      element('div', {class: 'sgtheory-panels'}, ...this.panels),
      this.values,
      this.tools(),
      this.status,
    );
    this.el.classList.add('sgtheory-stage');
    await this.embed();
    this.offerPoints();
    this.known = this.state();
    if (this.lost) this.watch();
    for (const [name, control] of Object.entries(this.controls)) {
      control.onChange(() => this.changed(name), this.signal);
    }
    this.paintTheme();
    watchTheme(() => this.paintTheme(), this.signal);
    if (this.spec.tour) this.tour = new Tour(this, this.tourPlace);
    this.signal.addEventListener('abort', () => {
      this.stopPlaying();
      for (const timer of [this.resting, this.describing, this.watching]) clearTimeout(timer);
    });
  }

  async embed() {
    const docid = 'sgtheory';
    const roots = Object.fromEntries(this.spec.figures.map(({root}, k) => [root, this.panels[k]]));
    const spares = this.spec.spares && isSpared(this.Bokeh.version);
    if (spares) spareBuilding(this.Bokeh);
    const [views] = await this.Bokeh.embed.embed_items({[docid]: this.doc}, [
      {docid, roots, root_ids: this.spec.figures.map(({root}) => root)},
    ]);
    this.views = views;
    const plots = this.spec.figures.map(({root}) => views.get_by_id(root));
    if (spares) for (const plot of plots) spareWork(plot, themeNow);
    this.painter = new Painter(spares ? plots : [], () => this.draw()); // otherwise BokehJS paints by its own clock
    if (spares && plots.every((plot) => plot._actual_paint && plot.force_paint)) shareScreen(this.panels, plots, this.signal);
    this.spec.figures.forEach((figure, k) => figure.map && this.attendMap(figure, this.panels[k], plots[k]));
    this.document = plots[0].model.document;
    this.sources = new Map(this.spec.sources.map((name) => [name, this.document.get_model_by_name(name)]));
    this.signal.addEventListener('abort', () => this.document.clear());
  }

  plot(name) {
    return this.document.get_model_by_id(this.spec.figures.find((figure) => figure.name === name).root);
  }

  // -- drawing --

  show(channels) {
    const bySource = new Map();
    for (const channel of channels) {
      if (!bySource.has(channel.source)) bySource.set(channel.source, []);
      bySource.get(channel.source).push(channel);
    }
    for (const [name, columns] of bySource) {
      if (name === 'readouts') for (const {column, numbers} of columns) this.readouts[column] = numbers[0];
      else if (name === 'ranges') this.setRanges(columns);
      else this.setSource(this.sources.get(name), columns);
    }
    this.placeMarks();
    this.readOut();
    this.readPoint();
    this.statistics.drawn += 1;
  }

  setSource(source, columns) {
    const data = Object.fromEntries(source.data instanceof Map ? source.data : Object.entries(source.data));
    // Then there is nothing to repaint. Numbers with a shape are in the one image of their column.
    if (columns.every(({column, shape, numbers}) => isShown(shape.length === 1 ? data[column] : data[column][0], numbers))) return;
    for (const {column, shape, numbers} of columns) {
      if (shape.length === 1) data[column] = numbers;
      else {
        const Image = data[column][0].constructor; // Bokeh's own array with a shape
        data[column] = [new Image(numbers, shape)];
      }
    }
    source.data = data;
  }

  setRanges(columns) {
    for (const {column, numbers} of columns) {
      const [figure, end] = column.split('.');
      const across = {left: 'start', right: 'end'}[end], plot = this.plot(figure);
      const range = across ? plot.x_range : plot.y_range, side = across ?? end;
      if (range[side] !== numbers[0]) range[side] = numbers[0];
    }
  }

  readOut() {
    if (!this.values.childElementCount) {
      for (const {key, label, unit} of this.spec.readouts) {
        this.values.append(element('div', {}, element('span', {}, label), element('strong', {'data-key': key, 'data-unit': unit})));
      }
      this.numbers = [...this.values.querySelectorAll('strong')];
    }
    for (const node of this.numbers) {
      const text = legible(this.readouts[node.dataset.key]) + (node.dataset.unit ? ' ' + node.dataset.unit : '');
      if (node.textContent !== text) node.textContent = text;
    }
    this.tour?.readOut();
    clearTimeout(this.describing);
    this.describing = setTimeout(() => this.describe(), REST);
  }

  /** The texts for readers who do not see the figures; updated when the numbers are at rest, as nobody listens faster. */
  describe() {
    this.spec.figures.forEach(({description}, k) => this.panels[k].setAttribute('aria-label', fill(description, this.readouts)));
    this.tour?.describe();
  }

  // -- points that can be read --

  /** BokehJS shows its own tips on canvases that are hidden here, and not to keyboard users. */
  offerPoints() {
    this.tip = element('div', {class: 'sgtheory-tip', role: 'status'});
    this.ring = element('div', {class: 'sgtheory-ring', 'aria-hidden': 'true'});
    this.panels[0].parentElement.append(this.tip, this.ring);
    this.leavePoint();
    window.addEventListener('resize', () => this.leavePoint(), {signal: this.signal});
    this.spec.figures.forEach(({name, root}, k) => {
      const points = this.spec.points[name];
      if (!points) return;
      const panel = this.panels[k], plot = this.views.get_by_id(root);
      const read = (index) => { this.pointed = {...points, panel, plot, index}; this.readPoint(); };
      const near = (event) => {
        const {left, top} = panel.getBoundingClientRect();
        const index = this.nearest(points, plot, event.clientX - left, event.clientY - top);
        if (index === null) this.leavePoint();
        else read(index);
      };
      for (const event of ['pointermove', 'pointerdown']) panel.addEventListener(event, near);
      for (const event of ['pointerleave', 'blur']) panel.addEventListener(event, () => this.leavePoint());
      panel.tabIndex = 0;
      panel.addEventListener('keydown', (event) => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (event.key === 'Escape') this.leavePoint();
        if (!step) return;
        event.preventDefault();
        event.stopPropagation();
        const count = this.columns(points.source).x.length;
        read(this.pointed?.panel === panel ? (this.pointed.index + step + count) % count : 0);
      });
    });
  }

  columns(source) {
    const {data} = this.sources.get(source);
    return data instanceof Map ? Object.fromEntries(data) : data;
  }

  /** Where a point of a source lies in its panel, in pixels. */
  place({x, y}, {frame}, index) {
    return [frame.x_scale.compute(x[index]), frame.y_scale.compute(y[index])];
  }

  /** The nearest point within reach of a finger, if there is one. */
  nearest({source}, plot, left, top) {
    const columns = this.columns(source);
    let best = null, least = 30;
    for (let k = 0; k < columns.x.length; k++) {
      const [x, y] = this.place(columns, plot, k);
      const distance = Math.hypot(x - left, y - top);
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }

  /** Shows the text of the point that is being read, with the present numbers. */
  readPoint() {
    if (!this.pointed) return;
    const {source, text, panel, plot, index} = this.pointed;
    const columns = this.columns(source);
    if (index >= columns.x.length) return this.leavePoint();
    const words = fill(text, Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[index]])));
    if (this.tip.textContent !== words) this.tip.textContent = words;
    const [left, top] = this.place(columns, plot, index);
    const x = panel.offsetLeft + left, y = panel.offsetTop + top;
    // Towards the middle of the panel, so that nothing is cut off.
    const across = -100 * left / panel.clientWidth, upward = top > panel.clientHeight / 2 ? 'calc(-100% - 12px)' : '12px';
    Object.assign(this.tip.style, {left: x + 'px', top: y + 'px', transform: `translate(${across}%, ${upward})`});
    Object.assign(this.ring.style, {left: x + 'px', top: y + 'px', display: ''});
  }

  leavePoint() {
    this.pointed = null;
    this.tip.textContent = '';
    this.ring.style.display = 'none';
  }

  paintTheme() {
    const colours = this.spec.theme[themeNow()];
    this.el.dataset.theme = themeNow();
    for (const model of this.document._all_models.values()) {
      for (const tag of model.tags ?? []) {
        if (!Array.isArray(tag) || tag[0] !== 'theme') continue;
        const [, property, role] = tag;
        model[property] = property === 'palette' ? palette(role, colours) : colours[role];
      }
    }
  }

  // -- controls and tables --

  state() {
    return Object.fromEntries(Object.entries(this.controls).map(([name, control]) => [name, control.get()]));
  }

  /** The table of a control, if it is still valid for the positions of the other controls. */
  table(name) {
    const table = this.tables.get(name);
    if (!table) return null;
    const valid = Object.entries(table.others).every(([other, value]) => this.controls[other].get() === value);
    return valid ? table : null;
  }

  changed(name) {
    // A slider's own rounding may announce one position twice.
    const value = this.controls[name].get();
    if (this.known[name] === value) return;
    this.known[name] = value;
    if (this.carried[name] === null) return; // one of several that are set together
    this.carried = {};
    for (const [other, control] of Object.entries(this.controls)) if (other !== name) control.tell?.();
    this.lastTouched = this.controls[name].limits ? name : this.lastTouched;
    this.namePlay();
    if (this.table(name)) {
      this.wanted = name;
      this.painter.request();
    } else if (this.asks(name)) {
      this.follow(name, value);
      this.wanted = name;
      this.painter.request();
      this.ask();
    }
    this.settleSoon(name, value);
  }

  settleSoon(name, value) {
    clearTimeout(this.resting);
    delete this.el.dataset.settled;
    this.resting = setTimeout(() => {
      Object.assign(this, {moving: null, expected: 0});
      this.settle();
      this.watch();
    }, REST);
  }

  settle() {
    this.post({kind: 'settled', state: this.state(), approximate: this.approximate});
  }

  /** Whether the picture is the exact one for the present controls. */
  isExact() {
    return this.shown.exact && same(this.shown.state, this.state());
  }

  /** While the exact picture does not come, the reader is told what is shown instead, and the kernel is asked again. */
  watch(patience = LATE) {
    clearTimeout(this.watching);
    this.tellTruth(true);
    if (!this.spec.kernel || this.lost || this.isExact()) return;
    this.watching = setTimeout(() => {
      if (this.moving || this.playing) return this.watch();
      this.tellTruth(false);
      if (this.computes && !this.isExact() && !same(this.refused, this.state())) this.settle();
      this.watch(2 * patience);
    }, patience);
  }

  /** The kernel's own words, unless the picture has not followed the controls; `patient`: it may be on its way. */
  tellTruth(patient) {
    this.status.textContent = this.truth(patient);
    this.tour?.arrive();
  }

  truth(patient) {
    if (this.lost) {
      return 'The kernel of this page has gone. Run the cell again to go on (Shift+Enter). What the browser holds can still be moved: '
        + (this.isExact() ? 'the picture is right.' : this.belongs());
    }
    if (!this.spec.kernel || !this.computes || this.isExact() || this.moving || this.playing) return this.said;
    if (same(this.refused, this.state())) return `This cannot be drawn; the reason stands beside the control. ${this.belongs()}`;
    return patient ? this.said : `${this.said === READY ? 'Waiting for the kernel.' : this.said} ${this.belongs()}`;
  }

  /** To which controls the picture belongs, in words. */
  belongs() {
    const {state} = this.shown, now = this.state();
    const others = Object.keys(now).filter((name) => state?.[name] !== now[name]);
    if (!others.length) return 'The picture is interpolated between exact ones.';
    return `The picture still belongs to ${others.map((name) => `${this.controls[name].label} = ${state?.[name]}`).join(', ')}.`;
  }

  /** The kernel was restarted or has died; tables go on working. */
  lose() {
    if (this.lost) return;
    Object.assign(this, {lost: true, computes: false, expected: 0});
    if (this.status) this.watch();
  }

  /** Draws what was wanted last into the frame that is about to be painted. */
  draw() {
    const name = this.wanted;
    if (name === null) return;
    this.wanted = null;
    const table = this.carries() ? null : this.table(name);
    if (!table) return this.drawReached(name);
    const channels = interpolate(table, this.controls[name].get());
    this.show(this.spec.kernel ? channels : this.completed(channels));
    this.approximate = true;
    this.shown = {state: this.state(), exact: false};
  }

  /**
   * A table leaves out what its slider does not change. Where no exact picture comes between the drags of two sliders, in an
   * exported file, that is taken from the first picture.
   */
  completed(channels) {
    const drawn = new Set(channels.map(({source, column}) => source + '.' + column));
    return [...this.first.filter(({source, column}) => !drawn.has(source + '.' + column)), ...channels];
  }

  /** Whether the kernel is asked for the pictures of a drag: if the control is a slider, once the kernel computes. */
  asks(name) {
    return this.controls[name].slides && this.computes;
  }

  carries() {
    return Object.keys(this.carried).length > 0;
  }

  /** Measures speed and direction of the drag. Pictures for another slider, or for the other direction, are dropped. */
  follow(name, value) {
    const {pace} = this, time = performance.now();
    const speed = (value - pace.value) / Math.max(time - pace.time, 1);
    const goesOn = this.moving === name && speed * pace.speed >= 0;
    if (!goesOn) Object.assign(this, {ahead: [], asked: null});
    this.pace = {value, time, speed: goesOn ? 0.7 * pace.speed + 0.3 * speed : 0};
    this.moving = name;
  }

  /**
   * Asks for the picture at the slider's position and for the next few on its way, because the front end redraws itself at
   * each question and at the end of each answer, which takes as long as a picture. There is one question at a time, and the
   * next as soon as all of its pictures have arrived: the kernel computes while the browser draws.
   */
  ask() {
    const name = this.moving;
    const time = Math.max(this.pictureTime, PICTURE);
    if (this.expected || this.ahead.length * time > AHEAD || !name || (this.table(name) && !this.carries())) return;
    const {low, high, step} = this.controls[name].slides, {value, speed} = this.pace;
    const stride = Math.sign(speed) * step * Math.max(Math.round(Math.abs(speed) * time / step), 1);
    const from = this.ahead.length ? this.ahead.at(-1).value + stride : value;
    const values = Array.from({length: Math.max(Math.round(AHEAD / time), 2)}, (_, k) => tidy(from + k * stride))
      .filter((each, k) => !(k && !stride) && low <= each && each <= high);
    if (!values.length || (!this.ahead.length && this.asked === value)) return;
    this.questions += 1;
    Object.assign(this, {asked: value, expected: values.length, arrival: null});
    this.send({kind: 'moved', control: name, values, state: this.state(), question: this.question()});
  }

  question() {
    return `${this.view} ${this.questions}`;
  }

  /** Draws the last of the pictures that the slider has reached or passed. */
  drawReached(name) {
    const {value, speed} = this.pace;
    if (name !== this.moving) return;
    const reached = this.ahead.filter((picture) => (picture.value - value) * speed <= 0);
    if (!reached.length) return;
    this.ahead = this.ahead.filter((picture) => !reached.includes(picture));
    this.show(reached.at(-1).channels);
    this.approximate = false;
    this.shown = {state: reached.at(-1).state, exact: false};
    this.ask();
  }

  receive(message, buffers = []) {
    if (message.kind === 'moved') {
      if (message.question !== this.question()) return;
      this.expected = message.left;
      const now = performance.now();
      if (this.arrival) this.pictureTime += 0.3 * (now - this.arrival - this.pictureTime);
      this.arrival = now;
      if (buffers.length && message.control === this.moving) {
        const channels = unpack(message.layout, buffers[0]).map((channel) => ({...channel, numbers: channel.row(0)}));
        this.ahead.push({value: message.state[message.control], channels, state: message.state});
        this.wanted = this.moving;
        this.painter.request();
      }
      this.ask();
    } else if (message.kind === 'picture') {
      if (this.epoch !== null && message.epoch !== this.epoch) this.tables.clear();
      this.epoch = message.epoch;
      const behind = !same(message.state, this.state());
      // A late picture must not replace what has been drawn from the table meanwhile.
      if (behind && this.table(this.lastTouched)) return;
      const channels = unpack(message.layout, buffers[0]).map((channel) => ({...channel, numbers: channel.row(0)}));
      this.first ??= channels;
      this.show(channels);
      this.approximate = false;
      this.shown = {state: message.state, exact: message.exact};
      if (this.isExact()) this.el.dataset.settled = JSON.stringify(message.state);
      this.watch();
    } else if (message.kind === 'table') {
      this.epoch ??= message.epoch;
      if (message.epoch !== this.epoch) return;
      this.tables.set(message.control, {...message, channels: unpack(message.layout, buffers[0], message.rows)});
      this.el.dataset.tables = [...this.tables.keys()].join(' ');
    } else if (message.kind === 'refusal') {
      this.refused = message.state;
      this.watch();
    } else if (message.kind === 'marks') {
      this.marks = message.marks;
      this.placeMarks();
    } else if (message.kind === 'ready') {
      this.computes = true;
      this.watch();
    } else if (message.kind === 'status') {
      this.say(message.text);
    } else if (message.kind === 'state') {
      toClipboard(message.text, this.field).then((text) => this.say(text));
    } else if (message.kind === 'refused') {
      this.complain(message.text);
    } else if (message.kind === 'download') {
      download(message.name, new Blob([buffers[0]], {type: message.mime}));
    }
  }

  say(text) {
    this.said = text;
    this.tellTruth(true);
  }

  complain(text) {
    this.complaint.textContent = text;
  }

  /** Asks for the table of a slider that is about to be moved, unless it is here already. */
  approach(name) {
    if (this.controls[name].limits && !this.table(name)) this.post({kind: 'activate', control: name});
  }

  // -- maps --

  /** A drag on a map moves two sliders at once; a click without a drag is sent to the kernel. */
  attendMap({name, map}, panel, plot) {
    if (!this.spec.kernel) return;
    panel.classList.add('sgtheory-map');
    let hold = null;
    const place = ({clientX, clientY}) => {
      const {left, top} = panel.getBoundingClientRect();
      return [plot.frame.x_scale.invert(clientX - left), plot.frame.y_scale.invert(clientY - top)];
    };
    const listen = (event, answer) => panel.addEventListener(event, answer, {signal: this.signal});
    listen('pointerdown', (event) => {
      const {left, top} = panel.getBoundingClientRect();
      if (event.button || !plot.frame.bbox.contains(event.clientX - left, event.clientY - top)) return;
      panel.setPointerCapture(event.pointerId);
      this.stopPlaying();
      hold = {event, from: place(event), values: map.map((each) => this.controls[each].get()), carries: false};
    });
    listen('pointermove', (event) => {
      if (!hold) return;
      hold.carries ||= Math.hypot(event.clientX - hold.event.clientX, event.clientY - hold.event.clientY) > 4;
      const to = place(event);
      if (hold.carries) this.carry(map, hold.values.map((value, k) => value + to[k] - hold.from[k]));
    });
    listen('pointerup', () => {
      if (hold && !hold.carries) this.post({kind: 'pointed', figure: name, x: hold.from[0], y: hold.from[1]});
      hold = null;
    });
    listen('pointercancel', () => { hold = null; });
  }

  /** Draws the dots on maps that the kernel has named last, wherever a picture may have moved their places. */
  placeMarks() {
    for (const dot of this.dots) dot.remove();
    this.dots = this.marks.map(({figure, x, y}) => {
      const number = this.spec.figures.findIndex(({name}) => name === figure);
      const [left, top] = this.place({x: [x], y: [y]}, this.views.get_by_id(this.spec.figures[number].root), 0);
      const dot = element('span', {class: 'sgtheory-mark'});
      Object.assign(dot.style, {left: left + 'px', top: top + 'px'});
      this.panels[number].append(dot);
      return dot;
    });
  }

  /** Sets several sliders as one step of a drag; each stops at its ends. */
  carry(names, values) {
    if (!this.computes) return;
    const last = names.at(-1);
    const before = names.map((name) => this.controls[name].get());
    this.carried = Object.fromEntries(names.map((name) => [name, null]));
    names.forEach((name, k) => {
      const value = snapped(this.controls[name].slides, values[k]);
      if (value !== before[k]) this.controls[name].set(value);
    });
    const now = names.map((name) => this.controls[name].get());
    this.carried = Object.fromEntries(names.slice(0, -1).map((name, k) => [name, now[k]]));
    if (now.every((value, k) => value === before[k])) return;
    Object.assign(this, {moving: last, asked: null, ahead: [], pace: {value: now.at(-1), time: performance.now(), speed: 0}});
    this.ask();
    this.settleSoon(last, now.at(-1));
  }

  // -- tools --

  tools() {
    const button = (text, onclick, title) => element('button', {type: 'button', onclick, title}, text);
    this.playButton = button('', () => (this.playing ? this.stopPlaying() : this.play()));
    this.namePlay();
    this.field = element('input', {type: 'text', 'aria-label': 'State of the page, to be copied or pasted', spellcheck: 'false', maxlength: '20000'});
    this.complaint = element('p', {class: 'sgtheory-complaint', role: 'alert'});
    const own = (this.spec.actions ?? []).map(({name, label, title}) => button(label, () => this.post({kind: 'action', name}), title));
    const kernel = this.spec.kernel
      ? [button('Web page', () => this.post({kind: 'export'}), 'Save the page as one HTML file that runs without a kernel')]
      : [];
    const state = this.spec.kernel
      ? [
          element(
            'details', {class: 'sgtheory-state'},
            element('summary', {}, 'State'),
            this.field,
            button('Copy', () => { this.complain(''); this.post({kind: 'copy'}); }, 'Copy the positions of all controls as text'),
            button('Restore', () => { this.complain(''); this.post({kind: 'restore', text: this.field.value}); }, 'Set all controls from the text'),
            this.complaint,
          ),
        ]
      : [];
    return element(
      'div', {class: 'sgtheory-tools', role: 'group', 'aria-label': 'Tools'},
      this.playButton,
      button('Reset', () => this.reset(), 'Return every control to its first value'),
      ...own,
      button('CSV', () => this.saveNumbers(), 'Save the numbers behind the picture'),
      button('PNG', () => this.saveImage('png'), 'Save the picture as pixels'),
      button('SVG', () => this.saveImage('svg'), 'Save the picture as lines'),
      ...kernel,
      ...state,
    );
  }

  reset() {
    this.stopPlaying();
    if (this.spec.kernel && !this.lost) return this.post({kind: 'reset'});
    for (const [name, control] of Object.entries(this.controls)) control.set(this.spec.start[name]);
  }

  namePlay() {
    if (!this.playButton) return;
    const label = this.controls[this.lastTouched].label;
    const text = this.playing ? 'Stop' : `Play ${label}`;
    if (this.playButton.textContent === text) return;
    this.playButton.textContent = text;
    this.playButton.title = this.playing ? 'Stop' : 'Move this slider from end to end; to play another slider, touch it first';
  }

  play() {
    const name = this.lastTouched, control = this.controls[name];
    const {low, high} = control.limits;
    this.approach(name);
    const began = performance.now();
    const start = (control.get() - low) / (high - low);
    const move = (now) => {
      if (!this.playing) return;
      const phase = (start + (now - began) / 1000 / PLAY_SECONDS) % 2;
      const value = snapped(control.limits, low + (high - low) * (phase > 1 ? 2 - phase : phase));
      if (value !== control.get()) control.set(value);
      this.playing = requestAnimationFrame(move);
    };
    this.playing = requestAnimationFrame(move);
    this.namePlay();
  }

  stopPlaying() {
    if (this.playing) cancelAnimationFrame(this.playing);
    this.playing = null;
    this.namePlay();
  }

  saveNumbers() {
    const lines = ['# ' + this.spec.title, '# ' + JSON.stringify({...this.spec.fixed, ...this.state()}), 'source,column,index,value'];
    for (const name of this.spec.sources) {
      const {data} = this.sources.get(name);
      for (const [column, values] of data instanceof Map ? data : Object.entries(data)) {
        const numbers = values[0]?.shape ? values[0] : values;
        Array.from(numbers).forEach((value, k) => lines.push(`${name},${column},${k},${value}`));
      }
    }
    for (const [key, value] of Object.entries(this.readouts)) lines.push(`readouts,${key},0,${value}`);
    download(this.spec.name + '.csv', new Blob([lines.join('\n') + '\n'], {type: 'text/csv'}));
  }

  async saveImage(type) {
    const layers = this.spec.figures.map(({root}) => this.views.get_by_id(root).export(type, true));
    const {clientWidth: width, clientHeight: height} = this.panels[0].parentElement;
    const place = (k) => [this.panels[k].offsetLeft, this.panels[k].offsetTop];
    const ground = this.spec.theme[themeNow()].background;
    if (type === 'png') {
      const ratio = layers[0].pixel_ratio;
      const canvas = element('canvas', {width: width * ratio, height: height * ratio});
      const context = canvas.getContext('2d');
      context.fillStyle = ground;
      context.fillRect(0, 0, canvas.width, canvas.height);
      layers.forEach((layer, k) => context.drawImage(layer.canvas, ...place(k).map((length) => length * ratio)));
      canvas.toBlob((blob) => download(this.spec.name + '.png', blob), 'image/png');
      return;
    }
    const parts = layers.map((layer, k) => {
      const [x, y] = place(k);
      return layer.ctx.get_serialized_svg(true).replace('<svg ', `<svg x="${x}" y="${y}" `);
    });
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`;
    const back = `<rect width="100%" height="100%" fill="${ground}"/>`;
    download(this.spec.name + '.svg', new Blob([head, back, ...parts, '</svg>'], {type: 'image/svg+xml'}));
  }
}
