// The status line: what the kernel says, unless the picture is not that of the controls.

const READY = 'Ready.'; // the kernel's word for having nothing left to do
const LATE = 500; // milliseconds at rest without the exact picture, after which the reader is told what is shown instead

class Status {
  constructor(stage) {
    Object.assign(this, {stage, said: ''}); // what the kernel has said last
    this.refused = null; // the controls for which the kernel draws no picture
    this.node = element('p', {class: 'sgtheory-status', role: 'status'});
    stage.signal.addEventListener('abort', () => clearTimeout(this.watching));
  }

  say(text) {
    this.said = text;
    this.tell(true);
  }

  refuse(state) {
    this.refused = state;
    this.watch();
  }

  /** While the exact picture does not come, the reader is told what is shown instead, and the kernel is asked again. */
  watch(patience = LATE) {
    const {stage} = this;
    clearTimeout(this.watching);
    this.tell(patience === LATE); // what was told once it was late stays
    if (!stage.spec.kernel || stage.lost || stage.isExact()) return;
    this.watching = setTimeout(() => {
      if (this.isMoving()) return this.watch();
      this.tell(false);
      if (stage.computes && !stage.isExact() && !same(this.refused, stage.state())) stage.settle();
      this.watch(2 * patience);
    }, patience);
  }

  isMoving() {
    return this.stage.drag.name !== null || Boolean(this.stage.tools.playing);
  }

  /** `patient`: the exact picture may be on its way. */
  tell(patient) {
    this.node.textContent = this.truth(patient);
    this.stage.tour?.arrive();
    this.stage.fade();
  }

  truth(patient) {
    const {stage} = this;
    if (stage.lost) {
      return 'The kernel of this page has gone. Run the cell again to go on (Shift+Enter). What the browser holds can still be moved. '
        + (stage.isExact() ? 'The picture is right.' : this.belongs());
    }
    if (!stage.spec.kernel || !stage.computes || stage.isExact() || this.isMoving()) return this.said;
    if (same(this.refused, stage.state())) return `This cannot be drawn; the reason stands beside the control. ${this.belongs()}`;
    return patient ? this.said : `${this.said === READY ? 'Waiting for the kernel.' : this.said} ${this.belongs()}`;
  }

  /** To which controls the picture belongs, in words. */
  belongs() {
    const {controls, shown: {state}} = this.stage, now = this.stage.state();
    const others = Object.keys(now).filter((name) => state?.[name] !== now[name]);
    if (!others.length) return 'The picture is interpolated between exact ones.';
    return `The picture still belongs to ${others.map((name) => `${controls[name].label} = ${told(controls[name].slides, state?.[name])}`).join(', ')}.`;
  }
}
