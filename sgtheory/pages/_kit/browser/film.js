// A slider over time: its table is a film, which plays from frame to frame, forward, at a speed of the reader's choice.

const SPEEDS = [['¼', 0.25], ['½', 0.5], ['1', 1], ['2', 2], ['4', 4]];

const STALL = 100; // milliseconds: a browser that is late by more holds the film up, and skips no more of it

class Film {
  constructor(stage, name) {
    Object.assign(this, {stage, name, control: stage.controls[name], speed: 1});
    const {label} = this.control;
    const button = (text, does, title) => element('button', {type: 'button', onclick: does, title, 'aria-label': title}, text);
    this.button = button('', () => (stage.tools.playing ? stage.tools.stop() : this.play()), '');
    this.speeds = element('select', {'aria-label': 'Speed of the film', onchange: () => { this.speed = Number(this.speeds.value); }});
    for (const [text, value] of SPEEDS) this.speeds.append(element('option', {value, ...(value === 1 ? {selected: ''} : {})}, `${text} ×`));
    this.count = element('output', {class: 'sgtheory-frame'});
    this.node = element(
      'div', {class: 'sgtheory-film', role: 'group', 'aria-label': `Film: ${label}`},
      button('|◀', () => this.seek(this.control.slides.low), 'First frame'), button('◀', () => this.step(-1), 'One frame back'),
      this.button, button('▶', () => this.step(1), 'One frame on'), this.speeds, this.count,
    );
    this.tell();
  }

  /** Called when it may have begun or ended to play, when the frame has changed, and when its numbers have come. */
  tell() {
    const playing = this.stage.tools.playing && this.stage.lastTouched === this.name;
    const text = playing ? 'Pause' : 'Play';
    if (this.button.textContent !== text) {
      this.button.textContent = text;
      this.button.title = playing ? 'Pause the film' : 'Play the film from here';
      this.button.setAttribute('aria-label', this.button.title);
    }
    const words = `${this.control.label} ${this.control.get()} of ${this.control.slides.high}${this.read()}`;
    if (this.count.textContent !== words) this.count.textContent = words;
  }

  /** What the frame stands for, once its numbers are here. */
  read() {
    const {readouts, controls} = this.stage.spec, {reads} = controls[this.name];
    const told = readouts.find(({key}) => key === reads);
    return told ? `: ${legible(this.stage.isBehind() ? undefined : this.stage.readouts[reads])} ${told.label}` : '';
  }

  seek(frame) {
    const {low, high} = this.control.slides;
    this.stage.approach(this.name);
    this.stage.tools.stop();
    const to = Math.min(Math.max(frame, low), high);
    if (to !== this.control.get()) this.control.set(to);
  }

  step(frames) {
    this.seek(this.control.get() + frames);
  }

  /** Forward from here, or from the first frame if this is the last; it stops at the end. */
  play() {
    const {stage, control} = this, {low, high} = control.slides;
    stage.lastTouched = this.name;
    stage.approach(this.name);
    if (control.get() >= high) control.set(low);
    let place = control.get(), last = performance.now();
    const move = (now) => {
      if (!stage.tools.playing) return;
      place += Math.min(Math.max(now - last, 0), STALL) / 1000 * control.film * this.speed;
      last = now;
      const frame = Math.min(Math.floor(place), high);
      if (frame !== control.get()) control.set(frame);
      if (frame >= high) stage.tools.stop();
      else stage.tools.playing = requestAnimationFrame(move);
    };
    stage.tools.playing = requestAnimationFrame(move);
    stage.tools.namePlay();
  }
}
