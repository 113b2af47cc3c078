// Figures, read-outs, colours: whatever shows numbers. It knows neither controls nor the kernel.

const DESCRIBE = 120; // milliseconds without new numbers, after which those are told who do not see the figures

const TALLEST = 420; // pixels of a frame whose units are equally long

class Figures {
  constructor({el, Bokeh, doc, spec, signal}) {
    Object.assign(this, {el, Bokeh, doc, spec, signal, readouts: {}, statistics: {drawn: 0}});
    this.flat = new Map(); // sources of many lines, as they arrive: one behind the other
    this.panels = spec.figures.map(({name}) => element('div', {class: 'sgtheory-panel', role: 'img', 'data-figure': name}));
    this.captions = spec.figures.map(({description}, k) => new Caption(this.panels[k], description));
    const kind = ({name, equal}) => ['sgtheory-figure', spec.wide.includes(name) && 'sgtheory-wide', equal && 'sgtheory-equal'];
    const frames = spec.figures.map((figure, k) => element(
      'figure', {class: kind(figure).filter(Boolean).join(' ')}, this.panels[k], this.captions[k].node,
    ));
    this.comparison = spec.table && new ReadoutTable(spec.table);
    this.grid = element('div', {class: 'sgtheory-panels'}, ...frames, ...(this.comparison ? [this.comparison.node] : []));
    this.values = element('dl', {class: 'sgtheory-readouts'});
  }

  /** `draw` sets the numbers of the next picture, in the frame in which it is painted. */
  async embed(draw) {
    const docid = 'sgtheory';
    const roots = Object.fromEntries(this.spec.figures.map(({root}, k) => [root, this.panels[k]]));
    this.spares = new Spares(this.Bokeh, this.spec.spares);
    const [views] = await this.Bokeh.embed.embed_items({[docid]: this.doc}, [
      {docid, roots, root_ids: this.spec.figures.map(({root}) => root)},
    ]);
    this.views = views;
    const plots = this.spec.figures.map(({root}) => views.get_by_id(root));
    this.painter = new Painter(draw, () => this.tell());
    for (const plot of plots) this.spares.apply('figure', plot);
    // BokehJS hears of it only where the size of a figure changes, too.
    watchSharpness(() => plots.forEach((plot) => { plot.canvas_view.resize(); plot.request_paint(); }), this.signal);
    this.spares.apply('page', {...this, plots});
    this.document = plots[0].model.document;
    this.sources = new Map(this.spec.sources.map((name) => [name, this.document.get_model_by_name(name)]));
    this.signal.addEventListener('abort', () => this.document.clear());
    this.spec.figures.forEach(({equal}, k) => equal && this.equalise(this.panels[k], plots[k]));
    this.captions.forEach((caption, k) => caption.attend(plots[k], this.signal));
    this.points = new Points(this);
    this.hover = new Hover(this);
    this.maps = new Maps(this);
    this.paintTheme();
    watchTheme(() => this.paintTheme(), this.signal);
    this.signal.addEventListener('abort', () => clearTimeout(this.describing));
  }

  /** As high as it must be for a unit along x to be as long as one along y; not higher than a screen. */
  equalise(panel, view) {
    const {x_range, y_range} = view.model;
    const ratio = (y_range.end - y_range.start) / (x_range.end - x_range.start);
    const fit = () => {
      const {width, height} = view.frame.bbox;
      if (!width || view.is_destroyed) return;
      const wanted = Math.round(view.model.height - height + Math.min(width * ratio, TALLEST));
      if (view.model.height !== wanted) view.model.height = wanted;
      panel.style.minHeight = '0';
      panel.style.maxWidth = Math.round(panel.clientWidth - width + TALLEST / ratio) + 'px';
    };
    whenLaidOut(panel, fit, this.signal);
  }

  plot(name) {
    return this.document.get_model_by_id(this.spec.figures.find((figure) => figure.name === name).root);
  }

  columns(name) {
    const source = this.sources.get(name);
    return this.flat.get(name) ?? (source.data instanceof Map ? Object.fromEntries(source.data) : source.data);
  }

  /** Where a point of a source lies in its panel, in pixels. */
  place({x, y}, {frame}, index) {
    return [frame.x_scale.compute(x[index]), frame.y_scale.compute(y[index])];
  }

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
    this.statistics.drawn += 1;
    this.untold = true;
    if (!this.painter.paints) this.tell();
  }

  /**
   * Everything about the picture that is not painted: texts, marks, what is under the pointer. In a frame it comes last, because
   * painting asks for styles, which the browser works out anew after each change of the document.
   */
  tell() {
    if (!this.untold) return;
    this.untold = false;
    this.maps.place();
    this.readOut();
    this.points.read();
    this.hover.follow();
  }

  /** Columns that grow: of each source, the points up to `from` stand, and these come after them. */
  grow(channels, from) {
    const grown = channels.map((channel) => {
      if (channel.source === 'ranges') return channel;
      const numbers = Float64Array.from([...this.columns(channel.source)[channel.column].slice(0, from[channel.source]), ...channel.numbers]);
      return {...channel, numbers, shape: [numbers.length]};
    });
    this.show(grown);
  }

  setSource(source, columns) {
    const data = {...this.columns(source.name)};
    if (data.xs || this.flat.has(source.name)) return this.setLines(source, columns);
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

  /** Many lines: BokehJS wants each by itself. */
  setLines(source, columns) {
    const before = this.flat.get(source.name);
    if (before && columns.every(({column, numbers}) => isShown(before[column], numbers))) return;
    const flat = {...before, ...Object.fromEntries(columns.map(({column, numbers}) => [column, numbers]))};
    this.flat.set(source.name, flat);
    const cut = (numbers) => Array.from(flat.begin, (begin, k) => numbers.subarray(begin, flat.begin[k + 1]));
    source.data = {xs: cut(flat.x), ys: cut(flat.y)};
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
      for (const {key, label, unit} of this.spec.readouts.filter((each) => !this.comparison?.keys.has(each.key))) {
        this.values.append(element('div', {}, element('dt', {}, label), element('dd', {'data-key': key, 'data-unit': unit})));
      }
      this.numbers = [...this.values.querySelectorAll('dd')];
    }
    for (const node of this.numbers) {
      const text = legible(this.readouts[node.dataset.key]) + (node.dataset.unit ? ' ' + node.dataset.unit : '');
      if (node.textContent !== text) node.textContent = text;
    }
    this.comparison?.tell(this.readouts);
    clearTimeout(this.describing);
    this.describing = setTimeout(() => this.describe(), DESCRIBE);
  }

  /** What the figures show, in words; updated when the numbers are at rest, as nobody reads faster. */
  describe() {
    for (const caption of this.captions) caption.tell(this.readouts);
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
    for (const caption of this.captions) caption.drawKey();
  }
}
