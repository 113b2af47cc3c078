// What a figure says in words: its title, which wraps where the panel is narrow; its key, the names of what is drawn; its
// caption, whose numbers follow the picture. The key is text below the plot, because a legend in the frame hides curves.

const LONG = 130; // letters of a caption from which all but its first sentence is shown on demand

class Caption {
  constructor(panel, description) {
    const [first, rest] = sentences(description);
    Object.assign(this, {panel, first, rest, items: []});
    this.id = 'sgtheory-caption-' + Math.random().toString(36).slice(2);
    this.key = element('ul', {class: 'sgtheory-key'});
    this.opening = element('span');
    this.more = element('span', {class: 'sgtheory-rest'});
    this.text = element('p', {class: 'sgtheory-caption', id: this.id}, this.opening, this.more);
    if (rest && description.length > LONG) this.text.append(this.button());
    this.node = element('figcaption', {}, this.key, this.text);
  }

  /** Shows the rest, or hides it from sight. */
  button() {
    const button = element('button', {type: 'button', 'aria-expanded': 'false'}, 'more');
    button.addEventListener('click', () => {
      const hidden = this.more.classList.toggle('sgtheory-unseen');
      button.textContent = hidden ? 'more' : 'less';
      button.setAttribute('aria-expanded', String(!hidden));
      this.text.style.minHeight = '';
    });
    this.more.classList.add('sgtheory-unseen');
    return button;
  }

  attend(plot, signal) {
    this.plot = plot;
    this.title = plot.model.title.text;
    for (const [name, renderers] of keyOf(plot.model)) this.addItem(name, renderers);
    whenLaidOut(this.panel, () => this.fit(), signal);
  }

  addItem(name, renderers) {
    const node = element('li', {}, element('span', {class: 'sgtheory-swatch', 'aria-hidden': 'true'}), name);
    this.items.push({renderers, node});
    this.key.append(node);
    for (const {properties} of renderers) properties.visible.change.connect(() => this.showKey());
  }

  /** Names only what is there: a step of a tour leaves curves out, and a method that is not ticked has no points. */
  showKey() {
    for (const {renderers, node} of this.items) node.hidden = !renderers.some((renderer) => renderer.visible && hasPoints(renderer));
  }

  /** Draws the swatches, in the colours of the present theme. */
  drawKey() {
    for (const {renderers, node} of this.items) node.firstChild.innerHTML = swatch(renderers.map(({glyph}) => glyph));
    this.showKey();
  }

  /** The key as it stands in the grid, for a saved picture. */
  asSvg(grid, ink) {
    return this.items.filter(({node}) => node.getClientRects().length).map(({node}) => {
      const {left, top, height} = node.getBoundingClientRect();
      const [x, y] = [left - grid.left, top - grid.top + height / 2];
      const words = element('span', {}, node.lastChild.textContent).innerHTML; // escaped
      return `<g transform="translate(${x} ${y - 6})">${node.firstChild.innerHTML}</g>`
        + `<text x="${x + 26}" y="${y + 4}" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">${words}</text>`;
    }).join('');
  }

  tell(readouts) {
    this.showKey();
    this.panel.setAttribute('aria-label', this.title);
    this.panel.setAttribute('aria-describedby', this.id);
    this.opening.textContent = fill(this.first, readouts);
    this.more.textContent = this.rest && ' ' + fill(this.rest, readouts) + ' ';
    // A number that takes more room must not move what stands below, and then move it back.
    const {height} = this.text.getBoundingClientRect();
    if (height) this.text.style.minHeight = height + 'px';
  }

  /** Gives the figure another title. Every move of a slider asks for it, and nothing is measured if it stays the same. */
  entitle(title) {
    if (title === this.title) return;
    this.title = title;
    this.panel.setAttribute('aria-label', title);
    this.fit();
  }

  /** Breaks the title where it would leave the panel. */
  fit() {
    const width = this.panel.clientWidth - this.plot.frame.bbox.left - 2;
    const {title} = this.plot.model;
    if (this.width !== (this.width = this.panel.clientWidth)) this.text.style.minHeight = '';
    if (width <= 0) return;
    const font = [title.text_font_style, title.text_font_size, title.text_font].map(valueOf).join(' ');
    const text = broken(this.title, width, font);
    if (title.text === text) return;
    title.text = text;
    setTimeout(() => !this.plot.is_destroyed && this.plot.invalidate_layout(), 50); // BokehJS measures the new text later
  }
}

/** What the key of a plot names: each name, and what is drawn under it. */
function keyOf({renderers}) {
  const key = new Map();
  for (const renderer of renderers) {
    const name = nameInKey(renderer);
    if (name !== undefined) key.set(name, [...(key.get(name) ?? []), renderer]);
  }
  return key;
}

function nameInKey({tags}) {
  return tags.find(([kind]) => kind === 'key')?.[1];
}

/** The first sentence of a text, and the rest. */
function sentences(text) {
  const end = text.search(/\.\s+[A-Z]/);
  return end < 0 ? [text, ''] : [text.slice(0, end + 1), text.slice(end + 1).trim()];
}

function valueOf(property) {
  return property?.value ?? property;
}

function broken(text, width, font) {
  const context = (broken.context ??= document.createElement('canvas').getContext('2d'));
  context.font = font;
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = (lines.at(-1) + ' ' + word).trim();
    if (!lines.at(-1) || context.measureText(longer).width <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join('\n');
}

/** Whether a glyph draws anything; a key may name what stands for many glyphs, and has no points of its own. */
function hasPoints({data_source: {name, data}}) {
  const columns = data instanceof Map ? [...data.values()] : Object.values(data);
  return name === null || columns.some(({length}) => length > 0);
}

/** How glyphs look, as a small picture. */
function swatch(glyphs) {
  return `<svg width="22" height="12" viewBox="0 0 22 12">${glyphs.map(sample).join('')}</svg>`;
}

function sample(glyph) {
  const number = (property, otherwise) => {
    const value = valueOf(property);
    return typeof value === 'number' ? value : otherwise;
  };
  const colour = valueOf(glyph.line_color), fill = valueOf(glyph.fill_color), opacity = number(glyph.fill_alpha, 1);
  if (glyph.type === 'Scatter') {
    const size = Math.min(number(glyph.size, 10), 10) / 2;
    const shape = {
      circle: `<circle cx="11" cy="6" r="${size}"`,
      square: `<rect x="${11 - size}" y="${6 - size}" width="${2 * size}" height="${2 * size}"`,
      triangle: `<path d="M11 ${6 - size}l${size} ${1.8 * size}h${-2 * size}z"`,
      inverted_triangle: `<path d="M11 ${6 + size}l${size} ${-1.8 * size}h${-2 * size}z"`,
    }[valueOf(glyph.marker)];
    return `${shape} stroke="${colour}" fill="${fill}" fill-opacity="${opacity}"/>`;
  }
  if (glyph.type === 'VArea' || glyph.type === 'HArea') {
    return `<rect x="2" y="2" width="18" height="8" fill="${fill}" fill-opacity="${opacity}"/>`;
  }
  const width = number(glyph.line_width, 1), upright = glyph.type === 'Segment' && width < 6;
  const dash = glyph.line_dash && [valueOf(glyph.line_dash)].flat().join(' ');
  return `<path d="${upright ? 'M11 0v12' : 'M1 6h20'}" stroke="${colour}" stroke-width="${Math.min(width, 7)}" stroke-opacity="${number(glyph.line_alpha, 1)}"`
    + `${/^[\d ]+$/.test(dash) ? ` stroke-dasharray="${dash}"` : {dashed: ' stroke-dasharray="6"', dotted: ' stroke-dasharray="2 4"'}[dash] ?? ''}/>`;
}
