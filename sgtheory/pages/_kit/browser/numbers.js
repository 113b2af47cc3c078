// Numbers: how pictures and tables arrive, what lies between two rows, how a number is written. Nothing here touches the page.

const KINDS = {f4: Float32Array, f8: Float64Array, u1: Uint8Array};

/** Channels of a picture (rows = 1) or a table, each with a function from a row number to its numbers. */
export function unpack(layout, view, rows = 1) {
  let offset = view.byteOffset;
  return layout.map((entry) => {
    const size = entry.shape.reduce((product, length) => product * length, 1);
    const Kind = KINDS[entry.dtype] ?? Uint8Array;
    const width = entry.dtype === 'bit' ? Math.ceil(size / 8) : size * Kind.BYTES_PER_ELEMENT;
    const bytes = view.buffer.slice(offset, offset + rows * width);
    offset += rows * width;
    return {...entry, size, row: (rowOf[entry.dtype] ?? plainRow)(new Kind(bytes), {...entry, size, width})};
  });
}

const plainRow = (numbers, {size}) => (index) => numbers.subarray(index * size, (index + 1) * size);

const rowOf = {
  bit: (packed, {size, width}) => (index) => {
    const bits = new Uint8Array(size);
    for (let k = 0, start = index * width; k < size; k++) bits[k] = (packed[start + (k >> 3)] >> (7 - (k & 7))) & 1;
    return bits;
  },
  /** The whole numbers of an image, as the numbers that they stand for. */
  u1: (packed, {size, offset, scale}) => (index) => {
    const numbers = new Float32Array(size);
    for (let k = 0, start = index * size; k < size; k++) numbers[k] = offset + scale * packed[start + k];
    return numbers;
  },
};

/** A picture as channels with their numbers. */
function single(layout, view) {
  return unpack(layout, view).map((channel) => ({...channel, numbers: channel.row(0)}));
}

/** The picture at `value`, between the rows of a table; discrete channels take the nearest row. */
export function interpolate(table, value) {
  const whole = {...table, step: 1};
  const position = placeOf(whole, value) / placeOf(whole, table.high) * (table.rows - 1);
  const nearest = Math.round(position);
  const exact = Math.abs(position - nearest) < 1e-6;
  const below = Math.min(Math.floor(position), table.rows - 2);
  const part = position - below;
  return table.channels.map((channel) => {
    if (exact || channel.mode === 'nearest') return {...channel, numbers: channel.row(nearest)};
    const first = channel.row(below), second = channel.row(below + 1);
    const numbers = new Float64Array(channel.size);
    for (let k = 0; k < channel.size; k++) numbers[k] = first[k] + part * (second[k] - first[k]);
    return {...channel, numbers};
  });
}

/** A slider's number without the rounding of its steps: 0.8, not 0.7999999999999998; `tidy` in numbers.py is the same. */
export function tidy(value) {
  if (typeof value !== 'number') return value;
  return Math.abs(value) < 1e-10 ? 0 : Number(value.toPrecision(10));
}

/** Where a number lies on a slider: how many steps from its lower end, and never beyond an end. */
export function placeOf({low, high, step, base}, value) {
  const held = Math.min(Math.max(value, low), high);
  const place = (base ? Math.log(held / low) / Math.log(base) : held - low) / step;
  const nearest = Math.round(place);
  return Math.abs(place - nearest) < 1e-6 ? nearest : place; // a number of ten digits lies at its step
}

/** The number that lies so many steps from the lower end of a slider. */
export function numberAt({low, step, base}, place) {
  return tidy(base ? low * base ** (step * place) : low + step * place);
}

/** The position of a slider that is nearest to a value; the end for a value beyond it. */
export function snapped(slides, value) {
  return numberAt(slides, Math.round(placeOf(slides, value)));
}

/** What a control holds, in words, with the number of a slider as `told` in controls.py writes it. */
export function told(slides, value) {
  if (!slides || value === undefined) return String(value);
  return String(slides.base ? Number(value.toPrecision(3)) : value).replace('-', '−');
}

/** The same as it is shown beside the slider: with as many decimals as the slider's step has. */
function shownNumber(slides, value) {
  const decimals = Math.max(...[slides.step, slides.low].map((number) => String(number).split('.')[1]?.length ?? 0));
  const text = value.toFixed(decimals);
  return slides.base || Number(text) !== value ? told(slides, value) : text.replace('-', '−');
}

/** The number of characters of the longest number that is shown beside one of these controls. */
function mostDigits(controls) {
  const sliders = Object.values(controls).flatMap(({slides}) => slides ?? []);
  const numbers = (slides) => Array.from({length: Math.round(placeOf(slides, slides.high)) + 1}, (_, place) => numberAt(slides, place));
  return Math.max(0, ...sliders.flatMap((slides) => numbers(slides).map((number) => shownNumber(slides, number).length)));
}

/** The number that a reader has typed. */
function typed(text) {
  return parseFloat(text.replace('−', '-').replace(',', '.'));
}

/** Whether two states of controls are the same. */
function same(first, second) {
  return Boolean(first && second) && Object.keys(second).every((name) => first[name] === second[name]);
}

/** Whether these numbers are shown already; temporary ones of four bytes need not replace exact ones. */
function isShown(shown, numbers) {
  if (shown.length !== numbers.length) return false;
  const passing = numbers instanceof Float32Array;
  return numbers.every((number, k) => shown[k] === number || (passing && Math.fround(shown[k]) === number));
}

/** A number as a person reads it: three significant digits, a whole number without decimals, a real minus sign. */
export function legible(number) {
  if (number === undefined) return '…';
  const size = Math.abs(number);
  const text = size < 1e-12 ? '0' : size < 1e-3 || size >= 1e5 ? number.toExponential(2)
    : size < 999.5 && !Number.isInteger(number) ? number.toPrecision(3) : number.toFixed(0);
  const [digits, exponent] = text.split('e');
  const raised = exponent && Number(exponent).toString().replace(/./g, (sign) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[sign] ?? '⁻');
  return digits.replace('-', '−') + (exponent ? '·10' + raised : '');
}

function fill(template, numbers) {
  const bits = (number) => number.toString(2).slice(1); // behind a leading one
  return template.replace(/\{(\w+)(:bits)?\}/g, (_, key, asBits) => (asBits ? bits : legible)(numbers[key]));
}

