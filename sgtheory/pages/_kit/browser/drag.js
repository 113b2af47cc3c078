// What a drag asks the kernel for, and when. It knows nothing of the page: numbers in, questions out.

const PICTURE = 33; // least milliseconds from one picture of a drag to the next: two frames of a screen
const AHEAD = 130; // milliseconds of a drag for which pictures are kept ready: about the time of a question and its answer

/**
 * Measures speed and direction of the slider that is dragged, and asks for the picture at its position and for the next few
 * on its way, because the front end redraws itself at each question and at the end of each answer, which takes as long as a
 * picture. There is one question at a time, and the next as soon as all of its pictures have arrived: the kernel computes
 * while the browser draws.
 */
export class Drag {
  constructor(clock = () => performance.now()) {
    Object.assign(this, {clock, name: null, value: null, time: 0, speed: 0, ahead: [], asked: null, expected: 0, arrival: null});
    this.pictureTime = PICTURE; // milliseconds that the kernel takes to compute one
  }

  stop() {
    Object.assign(this, {name: null, expected: 0});
  }

  /** Takes hold of a slider anew, without a direction. */
  take(name, value) {
    Object.assign(this, {name, value, time: this.clock(), speed: 0, asked: null, ahead: []});
  }

  /** The slider has moved. Pictures for another slider, or for the other direction, are dropped. */
  follow(name, value) {
    const time = this.clock();
    const speed = (value - this.value) / Math.max(time - this.time, 1);
    const goesOn = this.name === name && speed * this.speed >= 0;
    if (!goesOn) Object.assign(this, {ahead: [], asked: null});
    Object.assign(this, {name, value, time, speed: goesOn ? 0.7 * this.speed + 0.3 * speed : 0});
  }

  /** The positions to ask for now, if any. */
  question({low, high, step}) {
    const time = Math.max(this.pictureTime, PICTURE);
    if (this.expected || this.ahead.length * time > AHEAD) return [];
    const {value, speed} = this;
    const stride = Math.sign(speed) * step * Math.max(Math.round(Math.abs(speed) * time / step), 1);
    const from = this.ahead.length ? this.ahead.at(-1).value + stride : value;
    const values = Array.from({length: Math.max(Math.round(AHEAD / time), 2)}, (_, k) => tidy(from + k * stride))
      .filter((each, k) => !(k && !stride) && low <= each && each <= high);
    if (!this.ahead.length && this.asked === value) return [];
    if (values.length) Object.assign(this, {asked: value, expected: values.length, arrival: null});
    return values;
  }

  /** A picture has come, and `left` are on their way. */
  arrive(left) {
    const now = this.clock();
    this.expected = left;
    if (this.arrival) this.pictureTime += 0.3 * (now - this.arrival - this.pictureTime);
    this.arrival = now;
  }

  /** The last of the pictures that the slider has reached or passed; they are kept no longer. */
  reached() {
    const reached = this.ahead.filter((picture) => (picture.value - this.value) * this.speed <= 0);
    this.ahead = this.ahead.filter((picture) => !reached.includes(picture));
    return reached.at(-1);
  }
}
