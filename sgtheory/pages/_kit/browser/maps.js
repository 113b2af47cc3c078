// Maps: figures whose x and y are two sliders. A drag moves both at once, a click without a drag is sent to the kernel.

class Maps {
  constructor(stage) {
    Object.assign(this, {stage, marks: [], dots: []});
    stage.spec.figures.forEach((figure, k) => figure.map && this.attend(figure, stage.panels[k], stage.views.get_by_id(figure.root)));
  }

  attend({name, map}, panel, plot) {
    const {stage} = this;
    if (!stage.spec.kernel) return;
    panel.classList.add('sgtheory-map');
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
      hold = {event, from: place(event), values: map.map((each) => stage.controls[each].get()), carries: false};
    });
    listen('pointermove', (event) => {
      if (!hold) return;
      hold.carries ||= Math.hypot(event.clientX - hold.event.clientX, event.clientY - hold.event.clientY) > 4;
      const to = place(event);
      if (hold.carries) stage.carry(map, hold.values.map((value, k) => value + to[k] - hold.from[k]));
    });
    listen('pointerup', () => {
      if (hold && !hold.carries) stage.post({kind: 'pointed', figure: name, x: hold.from[0], y: hold.from[1]});
      hold = null;
    });
    listen('pointercancel', () => { hold = null; });
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
