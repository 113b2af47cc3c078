// Maps: figures whose x and y are two sliders, or that are clicked alone. A drag moves both at once, a click without a drag is
// sent to the kernel. A finger that goes up or down scrolls the page, unless it begins on the handle, which only those see who
// have no mouse.

const UNDECIDED = 16; // pixels of a finger's way after which the browser has decided whether it scrolls

class Maps {
  constructor(stage) {
    Object.assign(this, {stage, marks: [], dots: [], handles: []});
    stage.spec.figures.forEach((figure, k) => figure.map && this.attend(figure, stage.panels[k], stage.views.get_by_id(figure.root)));
  }

  attend({name, map}, panel, plot) {
    const {stage} = this;
    if (!stage.spec.kernel) return;
    panel.classList.add(map.length ? 'sgtheory-map' : 'sgtheory-clickable');
    const handle = element('span', {class: 'sgtheory-handle', 'aria-hidden': 'true'});
    if (map.length) {
      panel.append(handle);
      this.handles.push({handle, map, plot});
    }
    whenLaidOut(panel, () => this.place(), stage.signal);
    let hold = null;
    const place = ({clientX, clientY}) => {
      const {left, top} = panel.getBoundingClientRect();
      return [plot.frame.x_scale.invert(clientX - left), plot.frame.y_scale.invert(clientY - top)];
    };
    const listen = (event, answer) => panel.addEventListener(event, answer, {signal: stage.signal});
    listen('pointerdown', (event) => {
      const {left, top} = panel.getBoundingClientRect();
      if (event.button || !plot.frame.bbox.contains(event.clientX - left, event.clientY - top)) return;
      panel.setPointerCapture(event.pointerId);
      stage.stopPlaying();
      const scrolls = event.pointerType === 'touch' && event.target !== handle;
      hold = {event, scrolls, from: place(event), values: map.map((each) => stage.controls[each].get()), carries: false};
    });
    listen('pointermove', (event) => {
      if (!hold) return;
      const across = Math.abs(event.clientX - hold.event.clientX), along = Math.abs(event.clientY - hold.event.clientY);
      hold.carries ||= hold.scrolls ? across > UNDECIDED : Math.hypot(across, along) > 4;
      const to = place(event);
      if (hold.carries && map.length) stage.carry(map, hold.values.map((value, k) => value + to[k] - hold.from[k]));
    });
    listen('pointerup', () => {
      if (hold && !hold.carries) stage.post({kind: 'pointed', figure: name, x: hold.from[0], y: hold.from[1]});
      hold = null;
    });
    listen('pointercancel', () => { hold = null; });
  }

  /** Puts handles and dots where the picture has them. */
  place() {
    for (const {handle, map, plot} of this.handles) {
      const [x, y] = map.map((name) => [this.stage.controls[name].get()]);
      const [left, top] = this.stage.place({x, y}, plot, 0);
      Object.assign(handle.style, {left: left + 'px', top: top + 'px'});
    }
    this.placeMarks();
  }

  /** Draws the dots that the kernel has named last, wherever a picture may have moved their places. */
  placeMarks() {
    const {stage} = this;
    for (const dot of this.dots) dot.remove();
    this.dots = this.marks.map(({figure, x, y}) => {
      const number = stage.spec.figures.findIndex(({name}) => name === figure);
      const [left, top] = stage.place({x: [x], y: [y]}, stage.views.get_by_id(stage.spec.figures[number].root), 0);
      const dot = element('span', {class: 'sgtheory-mark'});
      Object.assign(dot.style, {left: left + 'px', top: top + 'px'});
      stage.panels[number].append(dot);
      return dot;
    });
  }
}
