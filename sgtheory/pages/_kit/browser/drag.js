// What a drag asks the kernel for, and when. It knows nothing of the page: places in, counted in steps of the slider, and questions out.

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
    Object.assign(this, {clock, name: null, place: null, time: 0, speed: 0, ahead: [], asked: null, expected: 0, arrival: null});
    this.pictureTime = PICTURE; // milliseconds that the kernel takes to compute one
  }

  stop() {
    Object.assign(this, {name: null, expected: 0});
  }

  /** Takes hold of a slider anew, without a direction. */
  take(name, place) {
    Object.assign(this, {name, place, time: this.clock(), speed: 0, asked: null, ahead: []});
  }

  /** The slider has moved. Pictures for another slider, or for the other direction, are dropped. */
  follow(name, place) {
    const time = this.clock();
    const speed = (place - this.place) / Math.max(time - this.time, 1);
    const goesOn = this.name === name && speed * this.speed >= 0;
    if (!goesOn) Object.assign(this, {ahead: [], asked: null});
    Object.assign(this, {name, place, time, speed: goesOn ? 0.7 * this.speed + 0.3 * speed : 0});
  }

  /** The places to ask for now, if any; `last` is that of the slider's upper end. */
  question(last) {
    const time = Math.max(this.pictureTime, PICTURE);
    if (this.expected || this.ahead.length * time > AHEAD) return [];
    const {place, speed} = this;
    const stride = Math.sign(speed) * Math.max(Math.round(Math.abs(speed) * time), 1);
    const from = this.ahead.length ? this.ahead.at(-1).place + stride : place;
    const places = Array.from({length: Math.max(Math.round(AHEAD / time), 2)}, (_, k) => from + k * stride)
      .filter((each, k) => !(k && !stride) && 0 <= each && each <= last);
    if (!this.ahead.length && this.asked === place) return [];
    if (places.length) Object.assign(this, {asked: place, expected: places.length, arrival: null});
    return places;
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
    const reached = this.ahead.filter((picture) => (picture.place - this.place) * this.speed <= 0);
    this.ahead = this.ahead.filter((picture) => !reached.includes(picture));
    return reached.at(-1);
  }
}
