// A tour of a page: one idea, one plot, one question at a time; then the reader explores. Comes after stage.js.
//
// What a step says and shows is declared in Python (tour.py), where its texts become HTML. Here a step is opened: its panels
// and controls are shown, the others hidden; words move sliders; an answer is judged, and uncovers what it is about.

const GLIDE = 400; // milliseconds in which words move a slider
const NARROW = 640; // pixels, up to which the plots stand below the words, as in kit.css
const EXPLORE = -1; // the place of a reader who explores freely

/** Something that all views of a page would share, where there is but one. */
function own(value) {
  return {get: () => value, set: (other) => { value = other; }, onChange: () => {}};
}

/** An expression as it is compared with others: b = 1 − p is 1-p. */
function plain(text) {
  return text.toLowerCase().replace(/[\s*·]/g, '').replace(/[−–]/g, '-').replace(/^.*=/, '').replace(/^\((.*)\)$/, '$1');
}

export class Tour {
  /** `stage`: a stage that has been built; `place` is the number of the step, `notes` what was answered and drawn at each. */
  constructor(stage, place, notes) {
    Object.assign(this, {stage, place, notes, steps: stage.spec.tour, cover: new Map(), lit: [], waits: false});
    this.root = stage.root;
    this.id = 'sgtheory-tour-' + stage.view;
    this.build();
    place.onChange(() => place.get() !== this.step && this.show(place.get()), stage.signal);
    notes.onChange(() => this.recall(), stage.signal);
    stage.signal.addEventListener('abort', () => { cancelAnimationFrame(this.gliding); this.sketch?.end(); this.box.remove(); this.way.remove(); });
    this.show(place.get());
    const observer = new ResizeObserver(([{contentRect}]) => {
      if (this.narrow === (this.narrow = contentRect.width <= NARROW)) return;
      this.sizeAll();
    });
    observer.observe(this.root);
    // What changes in a cell that a notebook keeps out of sight, Chromium may not paint when it comes into sight.
    const sight = new IntersectionObserver(([{isIntersecting}]) => isIntersecting && this.layOutAgain());
    sight.observe(this.root);
    stage.signal.addEventListener('abort', () => { observer.disconnect(); sight.disconnect(); });
  }

  layOutAgain() {
    const part = this.root.querySelector('.sgtheory-body');
    if (!part) return;
    part.style.display = 'none';
    part.getBoundingClientRect();
    part.style.display = '';
  }

  build() {
    const button = (text, onclick, attributes = {}) => element('button', {type: 'button', onclick, ...attributes}, text);
    this.style = element('style');
    this.heading = element('h3', {class: 'sgtheory-step', tabindex: '-1'});
    this.count = element('span', {class: 'sgtheory-count'});
    this.text = element('div', {class: 'sgtheory-words'});
    this.question = element('div', {class: 'sgtheory-ask'});
    this.unfolded = element('div', {class: 'sgtheory-words'});
    this.symbols = element('details', {class: 'sgtheory-symbols'}, element('summary', {}, 'In symbols'), this.unfolded);
    this.more = element('div', {class: 'sgtheory-words sgtheory-try'});
    this.note = element('p', {class: 'sgtheory-note'});
    this.spoken = element('p', {class: 'sgtheory-unseen', role: 'status'});
    this.back = button('← Back', () => this.go(this.step - 1), {title: 'Alt+Page Up', 'aria-keyshortcuts': 'Alt+PageUp'});
    this.next = button('Next →', () => this.go(this.step + 1), {class: 'sgtheory-next', title: 'Alt+Page Down', 'aria-keyshortcuts': 'Alt+PageDown'});
    this.leave = button('Explore freely', () => this.go(EXPLORE), {title: 'All plots and all controls; you can return at any time'});
    this.return = button('← Return to the tour', () => this.go(this.last ?? 0), {class: 'sgtheory-next'});
    this.list = element('ol', {}, ...this.steps.map(({title}, k) => element('li', {}, button(title, () => this.go(k)))));
    this.menu = element('details', {class: 'sgtheory-steps'}, element('summary', {}, 'All steps'), this.list);
    this.inside = element(
      'div', {class: 'sgtheory-inside'}, this.count, this.heading, this.text, this.question, this.symbols, this.more, this.note,
    );
    this.way = element('nav', {class: 'sgtheory-tour sgtheory-way', 'aria-label': 'Steps of the tour'}, this.back, this.next, this.leave, this.menu);
    this.outside = element('div', {class: 'sgtheory-outside'}, this.return);
    this.box = element('section', {class: 'sgtheory-tour', 'aria-label': 'Tour'}, this.style, this.inside, this.outside, this.spoken);
    // Before the controls, in the order in which the page is read.
    const controls = this.root.querySelector('.sgtheory-controls, #controls');
    controls.before(this.box);
    controls.after(this.way);
    this.box.addEventListener('click', (event) => this.attend(event.target.closest('.sgtheory-word'), 'click'));
    for (const event of ['pointerover', 'focusin']) {
      this.box.addEventListener(event, ({target}) => this.attend(target.closest('.sgtheory-word'), 'near'));
    }
    for (const event of ['pointerout', 'focusout']) this.box.addEventListener(event, () => this.light(null));
    this.root.addEventListener('keydown', (event) => {
      const way = event.altKey && {PageDown: 1, PageUp: -1}[event.key];
      if (!way || this.step === EXPLORE) return;
      event.preventDefault();
      event.stopPropagation();
      this.go(Math.max(this.step + way, 0));
    }, {signal: this.stage.signal});
  }

  // -- from step to step --

  /** The reader goes to a step: its controls are set, and all views follow. */
  go(step) {
    if (step < EXPLORE || step >= this.steps.length) return;
    this.opening = performance.now();
    cancelAnimationFrame(this.gliding);
    this.stage.stopPlaying();
    this.show(step); // before the other views hear of it
    this.place.set(step);
    if (step !== EXPLORE) this.setAll(this.steps[step].state);
    (step === EXPLORE ? this.return : this.heading).focus({preventScroll: true});
    const top = this.box.getBoundingClientRect().top;
    if (top < 0 || top > innerHeight / 2) this.box.scrollIntoView({block: 'start'});
    this.stage.statistics.opened = performance.now() - this.opening;
  }

  show(step) {
    if (this.step >= 0) this.last = this.step;
    this.step = step;
    this.light(null);
    const touring = step !== EXPLORE, declared = this.steps[step];
    this.root.classList.remove('sgtheory-guided'); // which hides the controls until the first step is here
    this.root.classList.toggle('sgtheory-touring', touring);
    this.root.classList.toggle('sgtheory-exploring', !touring);
    this.root.classList.toggle(this.id, touring);
    this.inside.hidden = !touring;
    this.outside.hidden = touring;
    this.way.hidden = !touring;
    this.base?.(declared ?? null, step);
    this.stage.spec.figures.forEach(({name}, k) => {
      this.stage.panels[k].classList.toggle('sgtheory-off', touring && !declared.panels.includes(name));
    });
    this.stage.choosePanels();
    this.sizeAll();
    this.stage.grid.classList.toggle('sgtheory-single', touring);
    this.stage.grid.classList.toggle('sgtheory-beside', touring && declared.beside);
    if (!touring) {
      this.style.textContent = '';
      this.sketch?.end();
      this.uncover();
      this.draw([]);
      return;
    }
    this.count.textContent = `${step + 1} of ${this.steps.length}`;
    this.heading.textContent = declared.title;
    this.text.innerHTML = declared.html;
    this.unfolded.innerHTML = declared.symbols;
    this.symbols.open = false;
    this.back.disabled = step === 0;
    this.next.hidden = step === this.steps.length - 1;
    this.leave.classList.toggle('sgtheory-next', this.next.hidden);
    this.menu.open = false;
    [...this.list.children].forEach((item, k) => {
      if (k === step) item.firstChild.setAttribute('aria-current', 'step');
      else item.firstChild.removeAttribute('aria-current');
    });
    this.ask(declared);
    this.draw(declared.without);
    this.readOut();
  }

  sizeAll() {
    for (const {name} of this.stage.spec.figures) this.size(name, this.steps[this.step]?.panels);
  }

  /** A plot that stands alone has more room, and less where question, slider and plot stand one below the other. */
  size(name, shown) {
    const plot = this.stage.plot(name);
    this.heights ??= {};
    this.heights[name] ??= plot.height;
    const [alone, beside] = this.narrow ? [236, 190] : [340, 236];
    const height = shown ? (shown.length === 1 ? alone : beside) : this.heights[name];
    if (plot.height !== height) plot.height = height;
  }

  /** What is shown once the question of a step, if it has one, is answered. */
  reveal() {
    const {ask, controls, symbols, try: more} = this.steps[this.step];
    const hidden = ask && !this.noted().done;
    // What is asked is true of one place of the controls; only a number may be looked for with them.
    const shown = hidden && (ask.kind !== 'number' || ask.reveals.length) ? [] : controls;
    const others = shown.map((name) => `:not(.sgtheory-of-${name})`).join('');
    this.style.textContent = `.${this.id} :is(.sgtheory-controls, #controls) > *${others} { display: none !important; }`;
    this.more.innerHTML = hidden ? '' : more;
    this.more.hidden = !this.more.innerHTML;
    this.symbols.hidden = hidden || !symbols;
    this.note.hidden = Boolean(hidden);
    this.uncover();
    if (hidden) for (const name of ask.reveals) this.hide(name, ask.kind === 'sketch' ? 'Draw here' : 'Your prediction first');
    this.stage.describe();
    for (const part of [this.text, this.unfolded, this.more]) this.plainWords(part);
    this.readOut();
  }

  /** Words that would set a control which is not here, or lead to a page which is not, are only words. */
  plainWords(part) {
    for (const word of part.querySelectorAll('.sgtheory-word')) {
      const {does, target} = word.dataset;
      if (['set', 'play'].includes(does) && !this.stage.controls[target]) word.replaceWith(word.textContent);
    }
    for (const link of part.querySelectorAll('.sgtheory-link')) {
      const address = this.stage.spec.links[link.dataset.page];
      if (address) Object.assign(link, {href: address, target: '_blank', rel: 'noopener'});
      else link.replaceWith(link.textContent);
    }
  }

  /** Sets several controls at once; the kernel hears of all of them together. */
  setAll(state) {
    const {stage} = this, {controls} = stage;
    const names = Object.keys(state).filter((name) => controls[name] && controls[name].get() !== state[name]);
    if (!names.length) return;
    this.waits = true;
    stage.fade();
    stage.carried = Object.fromEntries(names.map((name) => [name, null]));
    for (const name of names) controls[name].set(state[name]);
    stage.carried = {};
    stage.settleNow();
  }

  /** Until the picture of a step is there, numbers and plots of another one must not be taken for its own. */
  arrive() {
    if (!this.waits || !same(this.stage.shown.state, this.stage.state())) return;
    this.waits = false;
    this.stage.statistics.pictured = performance.now() - this.opening;
  }

  // -- words --

  attend(word, event) {
    if (!word) return;
    const {does, target, value} = word.dataset;
    if (does === 'light') this.light(target);
    else if (does === 'step') event === 'click' && this.go(Number(target) - 1);
    else if (event === 'near') this.stage.approach(target);
    else if (does === 'play') this.play(target);
    else this.glide(target, JSON.parse(value));
  }

  play(name) {
    const {stage} = this;
    if (stage.tools.playing) return stage.stopPlaying();
    stage.lastTouched = name;
    stage.play();
  }

  /** Moves a slider so that it can be seen; a menu is set at once. */
  glide(name, value) {
    const control = this.stage.controls[name];
    cancelAnimationFrame(this.gliding);
    this.stage.stopPlaying();
    this.stage.alone(name);
    if (!control.slides || matchMedia('(prefers-reduced-motion: reduce)').matches) return control.set(value);
    this.stage.approach(name);
    const [from, to] = [control.get(), value].map((number) => placeOf(control.slides, number)), began = performance.now();
    const move = (now) => {
      const part = Math.min(Math.max((now - began) / GLIDE, 0), 1), eased = part * part * (3 - 2 * part);
      const place = part === 1 ? value : numberAt(control.slides, Math.round(from + (to - from) * eased));
      if (place !== control.get()) control.set(place);
      if (part < 1) this.gliding = requestAnimationFrame(move);
    };
    this.gliding = requestAnimationFrame(move);
  }

  // -- curves --

  /** The glyphs of a panel that draw the column `address`. */
  glyphs(panel, address) {
    return this.stage.plot(panel).renderers.filter(({glyph, data_source}) =>
      // A band is drawn between columns that are called after their mean.
      [glyph.y, glyph.y1].some((field) => field?.field === address || field?.field?.startsWith(address + ' '))
      || (glyph.image && data_source.name === address)
      || ['bars ', 'lines ', 'level ', 'at '].some((kind) => data_source.name === kind + address)); // the last: markers
  }

  /** Lights up a curve, or a whole panel, as long as its words are pointed at. */
  light(target) {
    for (const undo of this.lit.splice(0)) undo();
    if (!target) return;
    const [name, address] = target.split('/', 2);
    const panel = this.panel(name);
    panel.classList.add('sgtheory-lit');
    this.lit.push(() => panel.classList.remove('sgtheory-lit'));
    for (const {glyph} of address ? this.glyphs(name, address) : []) {
      for (const [property, most] of [['line_width', 2], ['size', 2]]) {
        const held = glyph[property]?.value ?? glyph[property];
        if (typeof held !== 'number') continue;
        glyph[property] = {value: most * held};
        this.lit.push(() => { glyph[property] = {value: held}; });
      }
    }
  }

  panel(name) {
    return this.stage.panels[this.stage.spec.figures.findIndex((figure) => figure.name === name)];
  }

  /** Leaves out the curves that a step does not speak of yet, and their names. */
  draw(without) {
    for (const undo of this.left?.splice(0) ?? []) undo();
    this.left = [];
    for (const [name, address] of without) {
      for (const renderer of this.glyphs(name, address)) {
        renderer.visible = false;
        this.left.push(() => { renderer.visible = true; });
      }
    }
    for (const name of new Set(without.map(([panel]) => panel))) this.nameBars(this.stage.plot(name));
    for (const {root} of this.stage.spec.figures) this.stage.views.get_by_id(root).forgetScenery?.();
  }

  /** Leaves out the names of places at which no bar is left. */
  nameBars({renderers, below: [axis]}) {
    const bars = renderers.filter(({data_source}) => data_source.name?.startsWith('bars '));
    if (!bars.length) return;
    const middles = bars.filter(({visible}) => visible).map(({data_source}) => this.stage.columns(data_source.name).x);
    const places = new Set(middles.flatMap((x) => Array.from(x, Math.round))), {ticker} = axis, {ticks} = ticker;
    ticker.ticks = ticks.filter((tick) => places.has(tick));
    this.left.push(() => { ticker.ticks = ticks; });
  }

  // -- questions --

  /** What the reader has answered and drawn at the present step. */
  noted() {
    return this.notes.get()[this.step] ?? {};
  }

  jot(part) {
    this.jotting = true;
    this.notes.set({...this.notes.get(), [this.step]: {...this.noted(), ...part}});
    this.jotting = false;
  }

  /** The step is as the notes say, which another view may have changed. */
  recall() {
    if (!this.jotting && this.step !== EXPLORE) this.ask(this.steps[this.step]);
  }

  ask({ask}) {
    this.question.replaceChildren();
    this.question.hidden = !ask;
    this.sketch?.end();
    this.sketch = null;
    if (ask) {
      const form = element('div', {class: 'sgtheory-form'});
      const {done, given, sketch} = this.noted();
      this.verdict = element('div', {class: 'sgtheory-verdict', role: 'status'});
      const question = element('div', {id: this.id + '-question', class: 'sgtheory-question'});
      question.innerHTML = ask.question;
      this.question.append(question, form, this.verdict);
      if (ask.kind === 'sketch' && !(done && !sketch?.length)) this.unroll(ask, sketch);
      if (done) this.tell(ask.reason, true, this.sign(ask, given));
      else this['offer' + {choose: 'Options', number: 'Number', sketch: 'Sketch'}[ask.kind]](ask, form);
    }
    this.reveal();
    if (this.sketch && !this.sketch.isEmpty()) this.callOff();
  }

  offerOptions(ask, form) {
    form.setAttribute('role', 'group');
    form.setAttribute('aria-labelledby', this.id + '-question');
    ask.options.forEach((html, k) => {
      const option = element('button', {type: 'button', class: 'sgtheory-option'});
      option.innerHTML = html;
      option.addEventListener('click', () => {
        option.classList.toggle('sgtheory-wrong', k !== ask.right);
        if (k === ask.right) this.answer(k);
        else this.tell(ask.hints[k], false);
      });
      form.append(option);
    });
    this.offerAnswer(form);
  }

  offerNumber(ask, form) {
    const field = element('input', {type: 'text', ...(ask.also.length ? {} : {inputmode: 'decimal'}), 'aria-labelledby': this.id + '-question', autocomplete: 'off'});
    const judge = () => {
      const text = plain(field.value), given = Number(text.replace(',', '.'));
      if (ask.also.map(plain).includes(text)) return this.answer(field.value.trim());
      if (!text || !Number.isFinite(given)) return this.tell(ask.typed, false);
      const right = typeof ask.value === 'string' ? this.stage.readouts[ask.value] : ask.value;
      if (Math.abs(given - right) <= ask.tolerance) this.answer(field.value.trim());
      else this.tell(given < right ? ask.too_small : ask.too_large, false);
    };
    field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey) return;
      event.preventDefault(); // or the button that gets the focus would be pressed, too
      judge();
    });
    form.append(field, element('button', {type: 'button', onclick: judge}, 'Check'));
    this.offerAnswer(form);
  }

  offerAnswer(form) {
    form.append(element('button', {type: 'button', class: 'sgtheory-show', onclick: () => this.answer(null)}, 'Show me'));
  }

  /** The answer is known: the reason is told, and what it is about appears. `given`: what the reader has answered himself. */
  answer(given) {
    this.jot({done: true, given});
    const {ask} = this.steps[this.step];
    this.sketch?.close();
    const form = this.question.querySelector('.sgtheory-form');
    const focused = form.contains(document.activeElement);
    form.replaceChildren();
    this.tell(ask.reason, true, this.sign(ask, given));
    this.reveal();
    if (focused) this.next.hidden ? this.leave.focus() : this.next.focus({preventScroll: true});
  }

  /** The answer that the reader has given, with a tick. */
  sign(ask, given) {
    if (given === null || given === undefined) return '';
    const words = element('span');
    if (ask.kind === 'choose') words.innerHTML = ask.options[ask.right];
    else words.textContent = given;
    return element('p', {class: 'sgtheory-right'}, element('strong', {}, '✓'), ' Right: ', words);
  }

  tell(html, right, sign = '') {
    this.verdict.classList.toggle('sgtheory-hint', !right);
    this.verdict.innerHTML = html;
    this.verdict.prepend(sign);
    this.plainWords(this.verdict);
    this.readOut();
  }

  // -- what an answer uncovers --

  /** Hides the curves of a panel, not its axes. */
  hide(name, words) {
    const panel = this.panel(name);
    const cover = element('div', {class: 'sgtheory-cover'}, element('span', {}, words));
    const place = () => {
      const {left, top, width, height} = this.frame(name);
      // A little wider, because dots reach beyond the frame.
      Object.assign(cover.style, {left: left + 'px', top: top + 'px', width: width + 6 + 'px', height: height + 'px'});
    };
    place();
    const observer = new ResizeObserver(() => requestAnimationFrame(place));
    observer.observe(panel);
    const later = [60, 300, 800].map((time) => setTimeout(place, time)); // axes are laid out late
    panel.append(cover);
    this.cover.set(name, {cover, end: () => { observer.disconnect(); later.forEach(clearTimeout); cover.remove(); }});
  }

  frame(name) {
    return this.view(name).frame.bbox;
  }

  /** What draws a panel. */
  view(name) {
    const {root} = this.stage.spec.figures.find((figure) => figure.name === name);
    return this.stage.views.get_by_id(root);
  }

  uncover() {
    for (const {end} of this.cover.values()) end();
    this.cover.clear();
  }

  /** Takes the words off a cover that is drawn on. */
  callOff() {
    for (const {cover} of this.cover.values()) cover.replaceChildren();
  }

  /** The sheet on which the reader draws, with what has been drawn on it. */
  unroll({reveals: [name]}, points) {
    this.sketch = new Sketch({
      panel: this.panel(name), plot: this.view(name), points,
      colour: () => this.stage.spec.theme[themeNow()].green,
      onStroke: () => { this.callOff(); this.jot({sketch: this.sketch.numbers()}); },
    });
  }

  offerSketch(ask, form) {
    this.sketch.open();
    const compare = () => {
      if (this.sketch.isEmpty()) this.tell('<p>Draw first, with the pointer or the arrow keys; or choose “Show me”.</p>', false);
      else this.answer(null);
    };
    form.append(
      element('button', {type: 'button', onclick: compare}, 'Compare'),
      element('button', {type: 'button', class: 'sgtheory-show', onclick: () => this.sketch.clear()}, 'Clear'),
    );
    this.offerAnswer(form);
  }

  // -- live numbers --

  readOut() {
    if (this.step === EXPLORE) return;
    for (const node of this.box.querySelectorAll('[data-live]')) {
      const key = node.dataset.live, setting = key.startsWith('setting.');
      const value = setting ? this.setting(key.slice('setting.'.length)) : this.stage.readouts[key];
      const text = setting ? told(this.stage.spec.controls[key.slice('setting.'.length)].slides, value) : legible(this.stage.isBehind() ? undefined : value);
      if (node.textContent !== text) node.textContent = text;
    }
  }

  setting(name) {
    return this.stage.controls[name]?.get() ?? this.steps[this.step].state[name];
  }

  /** Called when the numbers are at rest: covered panels tell nothing, and readers who do not see hear what has changed. */
  describe() {
    for (const name of this.cover.keys()) {
      this.panel(name).setAttribute('aria-label', 'Hidden until you have answered the question.');
      this.panel(name).removeAttribute('aria-describedby');
    }
    if (this.step === EXPLORE) return;
    const shown = new Set([...this.box.querySelectorAll('[data-live]')].map(({dataset}) => dataset.live));
    const words = this.stage.spec.readouts.filter(({key}) => shown.has(key))
      .map(({key, label}) => `${label}: ${legible(this.stage.readouts[key])}`).join('; ');
    if (this.said !== undefined && this.said !== this.step + words) this.spoken.textContent = words;
    this.said = this.step + words;
  }
}
