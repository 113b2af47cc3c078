// The page in a file of its own, without a kernel. Comes last.

function rangeControl(name, {label, limits, slides, film}, start) {
  const {low, high, step, base} = limits;
  const held = (number) => (base ? tidy(Math.log(number) / Math.log(base)) : number); // what the input holds: a number, or its exponent
  const input = element('input', {type: 'range', id: 'control-' + name, min: held(low), max: held(high), step, value: held(start)});
  const output = element('output', {for: input.id});
  const row = element('div', {class: `sgtheory-row sgtheory-of-${name}`}, element('label', {for: input.id}, label), input, output);
  let exact = start; // a range input snaps to its steps; the exported value need not lie on one
  const show = (value) => {
    exact = value;
    output.textContent = shownNumber(limits, value);
    input.setAttribute('aria-valuetext', output.textContent);
  };
  show(start);
  input.addEventListener('input', () => show(base ? tidy(base ** Number(input.value)) : Number(input.value)));
  return {
    label, limits, slides, film, row, input,
    get: () => exact,
    set: (value) => { input.value = held(value); show(value); input.dispatchEvent(new Event('moved')); },
    onChange: (callback, signal) => ['input', 'moved'].forEach((event) => input.addEventListener(event, callback, {signal})),
  };
}

/** Unpacks the numbers of every message in a payload, once, in place. */
async function inflate(part) {
  if (typeof part.bytes === 'string') {
    const packed = new Blob([Uint8Array.from(atob(part.bytes), (letter) => letter.charCodeAt(0))]);
    const unpacked = packed.stream().pipeThrough(new DecompressionStream('deflate'));
    part.bytes = new DataView(await new Response(unpacked).arrayBuffer());
    return;
  }
  await Promise.all(Object.values(part).filter((each) => each && typeof each === 'object').map(inflate));
}

/** A page without a kernel: one table per slider, each from the exported state; moving one slider returns the others. */
export async function mountExported(el, payload) {
  const {spec, doc, picture, tables, tour} = payload;
  await Promise.all([picture, tables, tour ?? {}].map(inflate));
  const signal = new AbortController().signal;
  const controls = Object.fromEntries(Object.keys(tables).map((name) => [name, rangeControl(name, spec.controls[name], spec.start[name])]));
  for (const control of Object.values(controls)) document.getElementById('controls').append(control.row);
  document.body.style.setProperty('--sg-digits', mostDigits(spec.controls));
  const stage = new Stage({el, Bokeh: window.Bokeh, doc, spec, controls, signal, post: () => {}, place: own(spec.step), notes: own({})});
  for (const [name, {input}] of Object.entries(controls)) input.addEventListener('input', () => stage.alone(name));
  await stage.build();
  hand(stage, {start: spec.start, picture, tables});
  if (tour) guide(stage, {start: spec.start, picture, tables}, tour);
  el.sgtheory = stage;
}

/** Gives a stage a picture, and the tables of its sliders from there. */
function hand(stage, {start, picture, tables}) {
  const state = Object.fromEntries(Object.keys(stage.controls).map((name) => [name, start[name]]));
  for (const [control, table] of Object.entries(tables)) {
    const {[control]: _, ...others} = state;
    stage.receive({...table, others}, [table.bytes]);
  }
  stage.receive({...picture, state}, [picture.bytes]);
}

/** Each step of a tour has a picture of its own, and tables from there; outside the tour stands the exported state. */
function guide(stage, exported, tour) {
  const {spec, controls} = stage;
  const stand = (own) => {
    spec.start = own.start;
    stage.carried = Object.fromEntries(Object.keys(controls).map((name) => [name, null]));
    for (const [name, control] of Object.entries(controls)) control.set(own.start[name]);
    stage.carried = {};
    stage.tables.clear();
    stage.first = null;
    hand(stage, own);
  };
  stage.tour.base = (step, number) => {
    const own = step && tour.steps[number];
    stand(own ? {start: step.state, picture: tour.pictures[own.picture], tables: own.tables} : exported);
    const fixed = step ? [...step.controls, ...step.in_words].filter((name) => !controls[name]) : [];
    const words = fixed.map((name) => `${spec.controls[name].label}: ${told(spec.controls[name].slides, step.state[name])}`).join('; ');
    stage.tour.note.textContent = fixed.length ? `Fixed in this file: ${words}. In JupyterLab this page has controls for it.` : '';
  };
  stage.tour.show(spec.step);
}
