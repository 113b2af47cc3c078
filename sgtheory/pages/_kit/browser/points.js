// Points of a figure that can be read one by one, with the pointer or the arrow keys.
//
// BokehJS shows its own tips on canvases that are hidden here, and not to keyboard users.

const REACH = 30; // pixels within which a point is taken for meant: those of a finger

class Points {
  constructor(stage) {
    Object.assign(this, {stage, pointed: null});
    this.tip = element('div', {class: 'sgtheory-tip', role: 'status'});
    this.ring = element('div', {class: 'sgtheory-ring', 'aria-hidden': 'true'});
    stage.grid.append(this.tip, this.ring);
    this.leave();
    window.addEventListener('resize', () => this.leave(), {signal: stage.signal});
    stage.spec.figures.forEach(({name, root}, k) => {
      const points = stage.spec.points[name];
      if (points) this.attend(points, stage.panels[k], stage.views.get_by_id(root));
    });
  }

  attend(points, panel, plot) {
    const read = (index) => { this.pointed = {...points, panel, plot, index}; this.read(); };
    const near = (event) => {
      const {left, top} = panel.getBoundingClientRect();
      const index = this.nearest(points, plot, event.clientX - left, event.clientY - top);
      if (index === null) this.leave();
      else read(index);
    };
    for (const event of ['pointermove', 'pointerdown']) panel.addEventListener(event, near);
    for (const event of ['pointerleave', 'blur']) panel.addEventListener(event, () => this.leave());
    panel.tabIndex = 0;
    panel.addEventListener('keydown', (event) => {
      const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
      if (event.key === 'Escape') this.leave();
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      const count = this.stage.columns(points.source).x.length;
      read(this.pointed?.panel === panel ? (this.pointed.index + step + count) % count : 0);
    });
  }

  /** The nearest point within reach, if there is one. */
  nearest({source}, plot, left, top) {
    const columns = this.stage.columns(source);
    let best = null, least = REACH;
    for (let k = 0; k < columns.x.length; k++) {
      const [x, y] = this.stage.place(columns, plot, k);
      const distance = Math.hypot(x - left, y - top);
      if (distance < least) [best, least] = [k, distance];
    }
    return best;
  }

  /** Shows the text of the point that is being read, with the present numbers. */
  read() {
    if (!this.pointed) return;
    const {source, text, panel, plot, index} = this.pointed;
    const columns = this.stage.columns(source);
    if (index >= columns.x.length) return this.leave();
    const words = fill(text, Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[index]])));
    this.tell(words, panel, this.stage.place(columns, plot, index));
  }

  /** Shows words, or elements, at a place of a panel, towards its middle, so that nothing is cut off. */
  tell(words, panel, [left, top]) {
    const parts = [words].flat();
    if (this.tip.textContent !== parts.map((part) => part.textContent ?? part).join('')) this.tip.replaceChildren(...parts);
    const x = panel.offsetLeft + left, y = panel.offsetTop + top;
    const across = -100 * left / panel.clientWidth, upward = top > panel.clientHeight / 2 ? 'calc(-100% - 12px)' : '12px';
    Object.assign(this.tip.style, {left: x + 'px', top: y + 'px', transform: `translate(${across}%, ${upward})`});
    Object.assign(this.ring.style, {left: x + 'px', top: y + 'px', display: ''});
  }

  leave() {
    this.pointed = null;
    this.tip.textContent = '';
    this.ring.style.display = 'none';
  }
}
