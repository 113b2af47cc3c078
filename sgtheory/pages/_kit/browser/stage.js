// The one link between numbers and pictures, for every page, in JupyterLab, Notebook, Voila and exported files.
//
// A page sends *pictures* (columns of numbers for named Bokeh sources) and *tables* (a picture for every position of one
// slider, while the other controls stay as they are). While a slider with a table is dragged, this script draws from the
// table and the kernel is not asked; otherwise the kernel draws. When the slider has come to rest, the kernel hears of it,
// and its exact numbers replace the interpolated ones. There are no formulas of the theory in this file.

const REST = 120; // milliseconds without a change, after which a slider counts as at rest

export class Stage extends Figures {
  /** `controls`: name → {label, get, set, onChange, limits?}; `post` sends a message to the kernel, if there is one. */
  constructor({controls, post, place, notes, moves, ...rest}) {
    super(rest);
    Object.assign(this, {controls, touring: [place, notes], moves, drag: new Drag()});
    this.send = (message) => {
      try {
        post(message);
      } catch (error) {
        this.lose(error);
      }
    };
    this.view = Math.random().toString(36).slice(2); // answers to another view's questions are not this one's
    this.questions = 0;
    this.first = null; // the first picture
    this.epoch = null; // of the data behind the picture
    this.shown = {state: null, exact: false}; // the controls to which the picture belongs
    this.lost = false; // the kernel has gone
    this.tables = new Map();
    this.lastTouched = this.spec.play;
    this.approximate = false; // what is shown comes from between the rows of a table
    this.computes = false; // the kernel answers at once
    this.wanted = null; // the slider that is to be drawn in the next frame
    this.carried = {}; // other sliders that a drag on a map moves together with that one
    this.status = new Status(this);
    this.tools = new Tools(this);
    this.films = new Map(Object.keys(controls).filter((name) => controls[name].film).map((name) => [name, new Film(this, name)]));
    this.job = this.spec.job && this.spec.kernel ? new Job(this, this.spec.job) : null;
  }

  /** Sends a message to a kernel that knows all positions. */
  post(message) {
    for (const control of Object.values(this.controls)) control.tell?.();
    this.send(message);
  }

  async build() {
    this.root = this.el.closest('.sgtheory-page, .sgtheory-exported') ?? this.el;
    const works = [this.job, ...this.films.values()].filter(Boolean).map(({node}) => node);
    this.el.replaceChildren(this.grid, element('div', {class: 'sgtheory-works'}, ...works), this.values, this.tools.bar, this.status.node);
    this.el.classList.add('sgtheory-stage');
    await this.embed(() => this.draw());
    this.known = this.state();
    if (this.lost) this.status.watch();
    for (const [name, control] of Object.entries(this.controls)) {
      control.onChange(() => this.changed(name), this.signal);
    }
    this.moves?.onChange(() => this.settleSoon(), this.signal); // what was said before may not have counted
    if (this.spec.tour) this.tour = new Tour(this, ...this.touring);
    else this.choosePanels();
    this.signal.addEventListener('abort', () => clearTimeout(this.resting));
  }

  readOut() {
    super.readOut();
    for (const film of this.films.values()) film.tell();
    this.tour?.readOut();
  }

  describe() {
    super.describe();
    this.tour?.describe();
  }

  // -- controls and tables --

  state() {
    return Object.fromEntries(Object.entries(this.controls).map(([name, control]) => [name, control.get()]));
  }

  /** Whether a control is shown, because it changes something while another has a certain value. */
  applies(name) {
    const [other, value] = this.spec.controls[name].shown_for ?? [];
    return !other || this.says(other) === value;
  }

  /** What a control says; in a file not all of them are there, and what is missing stands where the step or the file begins. */
  says(name) {
    return this.controls[name] ? this.controls[name].get() : this.spec.start[name];
  }

  /** Shows the films and figures that belong to what other controls say; in the tour each step says which figures it shows. */
  choosePanels() {
    for (const [name, {node}] of this.films) node.classList.toggle('sgtheory-off', !this.applies(name));
    for (const [name, {row}] of Object.entries(this.controls)) row?.classList.toggle('sgtheory-off', !this.applies(name));
    this.word();
    if (this.tour && this.tour.step !== EXPLORE) return;
    this.spec.figures.forEach(({shown_for}, k) => {
      if (shown_for) this.panels[k].classList.toggle('sgtheory-off', this.says(shown_for[0]) !== shown_for[1]);
    });
  }

  /** Titles and labels say what the controls say that they follow. */
  word() {
    this.spec.figures.forEach(({root, words = {}}, k) => {
      const {below: [x], left: [y]} = this.document.get_model_by_id(root);
      for (const [place, [control, texts]] of Object.entries(words)) {
        const text = texts[this.says(control)];
        if (place === 'title') this.captions[k].entitle(text);
        else ({x, y})[place].axis_label = text; // BokehJS does nothing if it says so already
      }
    });
  }

  /** The table of a control, if it is still valid for the positions of the other controls. */
  table(name) {
    const table = this.tables.get(name);
    if (!table) return null;
    const valid = Object.entries(table.others).every(([other, value]) => this.controls[other].get() === value);
    return valid ? table : null;
  }

  /** Asks for the table of a slider that is about to be moved, unless it is here already. */
  approach(name) {
    if (this.controls[name].limits && !this.table(name)) this.post({kind: 'activate', control: name});
  }

  /** Whether the kernel is asked for the pictures of a drag: if the control is a slider, once the kernel computes. */
  asks(name) {
    return this.controls[name].slides && this.computes;
  }

  /** In a file each slider moves on its own: the others return to where its table begins. */
  alone(name) {
    const {controls, spec: {kernel, start}} = this;
    if (kernel) return;
    for (const [other, control] of Object.entries(controls)) if (other !== name && control.get() !== start[other]) control.set(start[other]);
  }

  changed(name) {
    // A slider's own rounding may announce one position twice.
    const value = this.controls[name].get();
    if (this.known[name] === value) return;
    this.known[name] = value;
    this.choosePanels();
    if (this.carried[name] === null) return; // one of several that are set together
    this.carried = {};
    for (const [other, control] of Object.entries(this.controls)) if (other !== name) control.tell?.();
    this.lastTouched = this.controls[name].limits ? name : this.lastTouched;
    if (!this.applies(this.lastTouched)) this.lastTouched = this.spec.play;
    this.tools.namePlay();
    this.films.get(name)?.tell();
    this.fade();
    if (this.table(name)) {
      this.wanted = name;
      this.painter.request();
    } else if (this.asks(name)) {
      this.drag.follow(name, placeOf(this.controls[name].slides, value));
      this.wanted = name;
      this.painter.request();
      this.ask();
    }
    this.settleSoon();
  }

  settleSoon() {
    clearTimeout(this.resting);
    delete this.el.dataset.settled;
    this.resting = setTimeout(() => {
      this.drag.stop();
      this.settle();
      this.status.watch();
    }, REST);
  }

  settle() {
    this.post({kind: 'settled', state: this.state(), approximate: this.approximate, moves: this.moves?.get()});
    this.tellRest(); // the kernel does not send again what is shown
  }

  tellRest() {
    if (this.isExact()) this.el.dataset.settled = JSON.stringify(this.shown.state);
  }

  /** Several controls have been set at once, without a drag. */
  settleNow() {
    this.drag.stop();
    Object.assign(this, {wanted: null, approximate: true}); // the kernel must send the picture, even if it has sent it before
    this.drag.ahead = [];
    clearTimeout(this.resting);
    delete this.el.dataset.settled;
    this.settle();
    this.status.watch();
  }

  /** Whether the picture is still that of another choice, or of another step of a tour: nobody must take it for the present one. */
  isBehind() {
    const {controls, shown: {state}} = this;
    const chosen = Object.entries(controls).filter(([, {slides}]) => !slides);
    return Boolean(this.tour?.waits || (state && chosen.some(([name, {get}]) => state[name] !== get())));
  }

  fade() {
    const behind = this.isBehind();
    if (this.root.classList.contains('sgtheory-waiting') === behind) return;
    this.root.classList.toggle('sgtheory-waiting', behind);
    this.tour?.readOut();
  }

  /** Whether the picture is the exact one for the present controls. */
  isExact() {
    return this.shown.exact && same(this.shown.state, this.state());
  }

  /** The kernel was restarted or has died; tables go on working. */
  lose() {
    if (this.lost) return;
    Object.assign(this, {lost: true, computes: false});
    this.drag.expected = 0;
    this.job?.lose();
    if (this.painter) this.status.watch();
  }

  // -- drags --

  /** Draws what the table has for a slider that stands elsewhere than the picture says. */
  redraw() {
    if (this.isExact() || !this.table(this.lastTouched)) return;
    this.wanted = this.lastTouched;
    this.draw();
    this.status.watch();
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
    this.fade();
  }

  /**
   * A table leaves out what its slider does not change. Where no exact picture comes between the drags of two sliders, in an
   * exported file, that is taken from the first picture.
   */
  completed(channels) {
    const drawn = new Set(channels.map(({source, column}) => source + '.' + column));
    return [...this.first.filter(({source, column}) => !drawn.has(source + '.' + column)), ...channels];
  }

  carries() {
    return Object.keys(this.carried).length > 0;
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
    this.drag.take(last, placeOf(this.controls[last].slides, now.at(-1)));
    this.ask();
    this.settleSoon();
  }

  /** Asks for the next pictures of the drag, if it is time. */
  ask() {
    const {name} = this.drag;
    if (!name || (this.table(name) && !this.carries())) return;
    const {slides} = this.controls[name];
    const values = this.drag.question(placeOf(slides, slides.high)).map((place) => numberAt(slides, place));
    if (!values.length) return;
    this.questions += 1;
    this.send({kind: 'moved', control: name, values, state: this.state(), question: this.question()});
  }

  question() {
    return `${this.view} ${this.questions}`;
  }

  drawReached(name) {
    const reached = name === this.drag.name && this.drag.reached();
    if (!reached) return;
    this.show(reached.channels);
    this.approximate = false;
    this.shown = {state: reached.state, exact: false};
    this.fade();
    this.ask();
  }

  // -- messages --

  receive(message, buffers = []) {
    this['hear' + message.kind[0].toUpperCase() + message.kind.slice(1)]?.(message, buffers);
  }

  hearMoved(message, buffers) {
    if (message.question !== this.question()) return;
    const {drag} = this;
    drag.arrive(message.left);
    if (buffers.length && message.control === drag.name) {
      const place = placeOf(this.controls[drag.name].slides, message.state[drag.name]);
      drag.ahead.push({place, channels: single(message.layout, buffers[0]), state: message.state});
      this.wanted = drag.name;
      this.painter.request();
    }
    this.ask();
  }

  hearPicture(message, buffers) {
    if (this.epoch !== null && message.epoch !== this.epoch) this.tables.clear();
    this.epoch = message.epoch;
    // A late picture, or one that comes before its controls, must not replace what has been drawn from the table meanwhile.
    if (!same(message.state, this.state()) && this.table(this.lastTouched)) {
      this.approximate = true; // the kernel must send it again, should it be the right one after all
      return;
    }
    const channels = single(message.layout, buffers[0]);
    this.first ??= channels;
    this.readouts = {}; // a method that is no longer ticked has none
    this.show(channels);
    this.approximate = false;
    this.shown = {state: message.state, exact: message.exact};
    this.tellRest();
    this.status.watch();
  }

  hearTable(message, buffers) {
    this.epoch ??= message.epoch;
    if (message.epoch !== this.epoch) return;
    this.tables.set(message.control, {...message, channels: unpack(message.layout, buffers[0], message.rows)});
    this.el.dataset.tables = [...this.tables.keys()].join(' ');
  }

  hearJob(report) {
    this.job?.hear(report);
  }

  hearAppend({layout, from}, buffers) {
    this.grow(single(layout, buffers[0]), from);
  }

  hearReady() {
    this.computes = true;
    this.status.watch();
  }

  hearRefusal({state}) {
    this.status.refuse(state);
  }

  hearMarks({marks}) {
    this.maps.marks = marks;
    this.maps.placeMarks();
  }

  hearStatus({text}) {
    this.status.say(text);
  }

  hearState({text}) {
    toClipboard(text, this.tools.field).then((said) => this.status.say(said));
  }

  hearRefused({text}) {
    this.tools.complain(text);
  }

  hearDownload({name, mime}, buffers) {
    download(name, new Blob([buffers[0]], {type: mime}));
  }

  // -- play --

  play() {
    this.tools.play();
  }

  stopPlaying() {
    this.tools.stop();
  }
}
