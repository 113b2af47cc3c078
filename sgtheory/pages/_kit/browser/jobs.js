// Long work of a page: start, stop, resume, how far it is.

class Job {
  /** `name`: what the page does, in a word. */
  constructor(stage, name) {
    Object.assign(this, {stage, name, shown: null});
    const button = (text, act, title) => element('button', {type: 'button', onclick: () => stage.post({kind: 'job', act}), title}, text);
    this.start = button(`Start ${name}`, 'start', 'With the present settings; all controls keep working');
    this.stop = button('Stop', 'stop', 'After the present step; what has been found so far stays');
    this.resume = button('Resume', 'resume', 'Go on where it was stopped, with the settings with which it was started');
    this.bar = element('progress', {max: 1, value: 0, 'aria-label': `${name}, how much is done`});
    this.words = element('span', {class: 'sgtheory-job-words', role: 'status'}, '');
    this.node = element('div', {class: 'sgtheory-job', role: 'group', 'aria-label': name}, this.start, this.stop, this.resume, this.bar, this.words);
    this.hear({state: 'idle', done: 0, of: 1, text: ''});
  }

  hear(report) {
    const {state, done, of, text, rate, left, resumable} = report;
    const running = state === 'running';
    this.shown = report;
    this.start.disabled = running;
    this.stop.disabled = !running;
    this.resume.disabled = !resumable;
    Object.assign(this.bar, {max: of, value: done});
    const speed = running && rate ? `${legible(rate)} a second, ${duration(left)} left` : '';
    const ended = {stopped: 'stopped', failed: 'failed', finished: 'finished'}[state];
    const words = [text, speed, ended].filter(Boolean).join('; ');
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  /** With the kernel, its work has gone, too. */
  lose() {
    if (this.shown.state === 'running') this.hear({...this.shown, state: 'failed', text: 'The work has ended with the kernel'});
    for (const button of [this.start, this.stop, this.resume]) button.disabled = true;
  }
}

function duration(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 90 ? `${whole} s` : whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
}
