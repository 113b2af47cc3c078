// The reader's own curve over the axes of a figure, with the pointer or the arrow keys. Comes before tour.js.
//
// It is kept in numbers of the axes, so that it means the same when they change.

const COLUMNS = 200; // places of the pen across the frame
const NAMED = 10; // columns from which a sketch is told what it is

class Sketch {
  /** `points`: what was drawn before, each an x and a y; `onStroke` hears of what is drawn. */
  constructor({panel, plot, colour, points = [], onStroke = () => {}}) {
    Object.assign(this, {panel, plot, colour, onStroke, points: new Map(), pen: [0.5, 0.9], last: null});
    this.take(points);
    this.canvas = element('canvas', {class: 'sgtheory-sketch sgtheory-still', role: 'img', 'aria-label': 'Your sketch'});
    panel.append(this.canvas);
    this.ending = new AbortController();
    const {signal} = this.ending, paint = () => this.paint();
    const observer = new ResizeObserver(() => requestAnimationFrame(paint));
    observer.observe(panel);
    const {x_range, y_range} = plot.model;
    for (const range of [x_range, y_range]) range.change.connect(paint);
    const later = [0, 60, 300, 800].map((time) => setTimeout(paint, time)); // axes are laid out late
    signal.addEventListener('abort', () => {
      observer.disconnect();
      for (const range of [x_range, y_range]) range.change.disconnect(paint);
      later.forEach(clearTimeout);
      this.canvas.remove();
    });
  }

  end() {
    this.ending.abort();
    this.drawing?.abort();
  }

  isEmpty() {
    return this.points.size === 0;
  }

  take(points) {
    this.points = new Map(points.map(([x, y]) => [Math.round(COLUMNS * this.across(x)), [x, y]]));
  }

  /** The points in their order, as numbers that are short to keep. */
  numbers() {
    return this.inOrder().map((point) => point.map((number) => Number(number.toPrecision(4))));
  }

  inOrder() {
    return [...this.points].sort(([first], [second]) => first - second).map(([, point]) => point);
  }

  clear() {
    this.points.clear();
    this.last = null;
    this.paint();
    this.onStroke();
  }

  // -- places: parts of the frame from its upper left corner, and numbers of the axes --

  across(x) {
    const {start, end} = this.plot.model.x_range;
    return (x - start) / (end - start);
  }

  down(y) {
    const {start, end} = this.plot.model.y_range;
    return (end - y) / (end - start);
  }

  number([across, down]) {
    const {x_range, y_range} = this.plot.model;
    return [x_range.start + across * (x_range.end - x_range.start), y_range.end - down * (y_range.end - y_range.start)];
  }

  // -- drawing --

  open() {
    const {canvas} = this;
    this.drawing = new AbortController();
    canvas.classList.remove('sgtheory-still');
    canvas.tabIndex = 0;
    canvas.setAttribute('aria-label', 'Draw the curve: left and right move the pen, up and down draw. Then choose Compare.');
    const listen = (event, answer) => canvas.addEventListener(event, answer, {signal: this.drawing.signal});
    const at = ({clientX, clientY}) => {
      const box = canvas.getBoundingClientRect();
      return [(clientX - box.left) / box.width, (clientY - box.top) / box.height].map((part) => Math.min(Math.max(part, 0), 1));
    };
    listen('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); this.last = null; this.dot(at(event)); });
    listen('pointermove', (event) => event.buttons && event.getCoalescedEvents().concat(event).forEach((each) => this.dot(at(each))));
    listen('keydown', (event) => {
      const [x, y] = {ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.03], ArrowDown: [0, 0.03]}[event.key] ?? [];
      if (x === undefined || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.last ??= this.pen;
      this.dot([this.pen[0] + x, this.pen[1] + y].map((part) => Math.min(Math.max(part, 0), 1)));
    });
    for (const event of ['pointerup', 'keyup']) listen(event, () => this.onStroke());
    for (const event of ['focus', 'blur']) listen(event, () => this.paint());
  }

  /** Nothing more can be drawn. */
  close() {
    this.drawing?.abort();
    this.canvas.classList.add('sgtheory-still');
    this.canvas.removeAttribute('tabindex');
    this.canvas.setAttribute('aria-label', 'Your sketch');
    this.paint();
  }

  /** Draws from the last place of the pen to this one. */
  dot([across, down]) {
    const column = Math.round(COLUMNS * across), [from, height] = this.last ?? [across, down];
    const start = Math.round(COLUMNS * from), steps = Math.max(Math.abs(column - start), 1);
    for (let k = 0; k <= steps; k++) {
      const each = Math.round(start + (column - start) * k / steps);
      this.points.set(each, this.number([each / COLUMNS, height + (down - height) * k / steps]));
    }
    this.last = this.pen = [across, down];
    this.paint();
    if (this.points.size <= 2) this.onStroke();
  }

  paint() {
    const {canvas, pen} = this, {left, top, width, height} = this.plot.frame.bbox, ratio = devicePixelRatio;
    Object.assign(canvas.style, {left: left + 'px', top: top + 'px', width: width + 'px', height: height + 'px'});
    Object.assign(canvas, {width: width * ratio, height: height * ratio});
    const context = canvas.getContext('2d'), colour = this.colour();
    context.scale(ratio, ratio);
    Object.assign(context, {lineWidth: 3, lineCap: 'round', lineJoin: 'round', strokeStyle: colour, fillStyle: colour, font: '600 13px system-ui, sans-serif'});
    const places = this.inOrder().map(([x, y]) => [this.across(x) * width, this.down(y) * height]);
    context.beginPath();
    for (const place of places) context.lineTo(...place);
    context.stroke();
    this.name(context, places, width, height);
    if (document.activeElement !== canvas) return;
    context.beginPath();
    context.arc(pen[0] * width, pen[1] * height, 5, 0, 7);
    context.stroke();
  }

  /** Says what it is, beside its highest point within the frame. */
  name(context, places, width, height) {
    const seen = places.filter(([, y]) => 0 <= y && y <= height);
    if (seen.length < NAMED) return;
    const [x, y] = seen.reduce((highest, each) => (each[1] < highest[1] ? each : highest));
    context.textAlign = x < width / 2 ? 'right' : 'left';
    context.fillText('your sketch', x + (x < width / 2 ? -26 : 26), Math.min(Math.max(y + 4, 14), height - 6));
  }
}
