// The page in a notebook: JupyterLab, Notebook, Voila. Comes last.

/** Loads BokehJS once per web page, version and choice of spares, as it is installed: from no other network, stored in no notebook. */
function bokehOnce(model, signal) {
  const version = model.get('bokeh'), copy = [version, ...model.get('spares')].join(' ');
  window.sgtheoryBokeh ??= {};
  window.sgtheoryBokeh[copy] ??= (async () => {
    let loaded = false;
    // A kernel that is restarted meanwhile never answers: the next view asks again.
    signal.addEventListener('abort', () => loaded || delete window.sgtheoryBokeh[copy]);
    const source = (await bokehOfServer(version)) ?? (await bokehOfKernel(model));
    // Ours is changed in many places: nobody else must get it, nor we theirs. BokehJS takes its name only where it is free.
    const theirs = window.Bokeh;
    delete window.Bokeh;
    document.head.append(element('script', {}, source));
    const ours = window.Bokeh;
    delete window.Bokeh;
    if (theirs) window.Bokeh = theirs;
    loaded = true;
    ours.set_log_level('warn');
    return ours;
  })().catch((error) => {
    delete window.sgtheoryBokeh[copy]; // the next view tries again
    throw error;
  });
  return window.sgtheoryBokeh[copy];
}

/** A server with our extension and the kernel's version of Bokeh sends it at once, even while the kernel runs other cells. */
async function bokehOfServer(version) {
  const address = addressOfBokeh(version);
  const answer = address && (await fetch(address).catch(() => null));
  return answer?.ok ? answer.text() : null;
}

function addressOfBokeh(version) {
  const page = document.getElementById('jupyter-config-data');
  const {baseUrl, sgtheoryBokeh} = page ? JSON.parse(page.textContent) : {};
  return baseUrl && sgtheoryBokeh === version ? `${baseUrl}sgtheory/bokeh.min.js?v=${version}` : null;
}

function bokehOfKernel(model) {
  return new Promise((resolve) => {
    const receive = (message, buffers) => {
      if (message.kind !== 'bokeh') return;
      model.off('msg:custom', receive);
      resolve(new TextDecoder().decode(buffers[0]));
    };
    model.on('msg:custom', receive);
    model.send({kind: 'need-bokeh'});
  });
}

/** A control whose value is kept by the model of an ipywidget, wherever its views may be. */
async function widgetControl(manager, reference, {label, limits, slides, most, film}) {
  const model = await manager.get_model(reference.replace('IPY_MODEL_', ''));
  const menu = model.get('_options_labels'); // a drop-down menu shares its index, not its value
  const key = menu ? 'index' : 'value';
  return {
    label, limits, slides, most, film, model,
    get: () => (menu ? menu[model.get(key)] : tidy(model.get(key))),
    set: (value) => { model.set(key, menu ? menu.indexOf(value) : value); model.save_changes(); },
    onChange: (callback, signal) => {
      model.on('change:' + key, callback);
      signal.addEventListener('abort', () => model.off('change:' + key, callback));
    },
  };
}

/** What all views of a page share, by the name of its trait, and what a browser that is loaded again finds there. */
function shared(model, name) {
  return {
    get: () => model.get(name),
    set: (value) => {
      model.set(name, value);
      try {
        model.save_changes();
      } catch { /* a kernel that has gone keeps nothing; the page says so */ }
    },
    onChange: (callback, signal) => {
      model.on('change:' + name, callback);
      signal.addEventListener('abort', () => model.off('change:' + name, callback));
    },
  };
}

const keepers = new WeakMap();

/**
 * While a slider is dragged, its model keeps the changes to itself and sends the last one at rest: where the browser draws,
 * nobody waits for a message at each step; where the kernel draws, the stage asks for what it can show. Several views of a
 * page share the keeper of a model. A model whose kernel has gone cannot send, and the views are told.
 */
function keeperOf(model) {
  if (!keepers.has(model)) keepers.set(model, keeping(model));
  return keepers.get(model);
}

function keeping(model) {
  const save = model.save_changes.bind(model);
  let kept = null;
  const keeper = {
    views: new Set(),
    tell() {
      const rest = kept;
      kept = null;
      try {
        if (rest) save(...rest);
      } catch (error) {
        for (const view of keeper.views) view.lose(error);
      }
    },
  };
  model.save_changes = (...rest) => {
    kept = rest;
    if (![...keeper.views].some((view) => view.attends())) keeper.tell();
  };
  model.on?.('comm_live_update', () => { if (!model.comm_live) for (const view of keeper.views) view.lose(); });
  return keeper;
}

/** Lets a view decide when a control tells the kernel; `attends`: the view draws what the control shows meanwhile. */
function keepToItself(control, stage, attends) {
  const {model} = control, keeper = keeperOf(model), view = {attends, lose: (error) => stage.lose(error)};
  control.tell = () => keeper.tell();
  keeper.views.add(view);
  if (model.comm_live === false) stage.lose();
  stage.signal.addEventListener('abort', () => { keeper.views.delete(view); keeper.tell(); });
}

/**
 * A key that is pressed on a page is the page's: the notebook would take it for a command and, at an x, cut the cell. With
 * Ctrl, Alt or Meta it is the notebook's, and so are Esc and Shift+Enter. The notebook asks the element that has the focus.
 */
function ownKeys(page, signal) {
  window.addEventListener('keydown', ({target, key, ctrlKey, altKey, metaKey, shiftKey}) => {
    if (!page.contains(target)) return;
    const command = ctrlKey || altKey || metaKey || key === 'Escape' || (key === 'Enter' && shiftKey);
    target.toggleAttribute('data-lm-suppress-shortcuts', !command);
  }, {capture: true, signal}); // the notebook listens at the document, which hears it later
}

const HOVER = 120; // milliseconds over a slider, after which its table is asked for

/** Gives the views of a control their accessible names, and tells the stage when the control is about to be moved. */
async function adopt(stage, name, control) {
  for (const promise of Object.values(control.model.views ?? {})) {
    const view = await promise;
    if (view.el.dataset.sgtheory) continue;
    view.el.dataset.sgtheory = name;
    if (view.el.classList.contains('sgtheory-several')) {
      view.el.setAttribute('role', 'group');
      view.el.setAttribute('aria-label', control.label);
    }
    for (const node of view.el.querySelectorAll('[role=slider], input, select')) {
      if (node.type !== 'checkbox') node.setAttribute('aria-label', control.label); // a checkbox has a name of its own
    }
    for (const node of view.el.querySelectorAll('.widget-readout')) {
      node.setAttribute('role', 'textbox');
      node.setAttribute('aria-label', control.label + ', as a number');
    }
    for (const event of ['focusin', 'pointerdown']) {
      view.el.addEventListener(event, () => { stage.approach(name); }, {signal: stage.signal});
    }
    if (control.slides) adoptSlider(stage, control, view);
    if (control.most) await refuseLarge(stage, name, control);
    // A pointer that passes over many sliders means none of them.
    view.el.addEventListener('pointerenter', () => {
      clearTimeout(stage.hovering);
      stage.hovering = setTimeout(() => stage.approach(name), HOVER);
    }, {signal: stage.signal});
    view.el.addEventListener('pointerleave', () => clearTimeout(stage.hovering), {signal: stage.signal});
    // To ask at each step whether its number is too wide, the slider would lay out the notebook again; here it never is.
    if (view.readout_overflow) view.readout_overflow = () => false;
    view.el.addEventListener('pointerdown', () => stage.stopPlaying(), {signal: stage.signal});
  }
}

/** A slider takes typed numbers as they are shown, at the nearest of its steps, and tells them to those who do not see them. */
function adoptSlider(stage, {slides, get, onChange}, view) {
  view._parse_value = (text) => snapped(slides, typed(text));
  const handle = view.el.querySelector('[role=slider]');
  const tell = () => handle.setAttribute('aria-valuetext', shownNumber(slides, get()));
  onChange(tell, stage.signal);
  tell();
}

/** A file that is too large is refused before it is read; the kernel says why. */
async function refuseLarge(stage, name, {most, model}) {
  const chooser = model.get('children').find((child) => child.get('_model_name') === 'FileUploadModel');
  for (const promise of Object.values(chooser.views ?? {})) {
    const {fileInput} = await promise; // which is in no document
    fileInput.addEventListener('change', (event) => {
      const [file] = fileInput.files;
      if (!file || file.size <= most) return;
      event.stopImmediatePropagation();
      fileInput.value = '';
      stage.post({kind: 'too-large', control: name, name: file.name, size: file.size});
    }, {capture: true, signal: stage.signal});
  }
}

/**
 * The still picture below the cell, whose alternative text begins with the page's title, is for readers without a kernel. It
 * is hidden, with its caption, while the live one is there.
 */
function hideStill(el, title, hidden) {
  for (const image of document.querySelectorAll('img')) {
    if (!image.alt.startsWith(title) || el.contains(image)) continue;
    const still = image.closest('.jp-RenderedMarkdown') ?? image;
    still.style.display = 'none';
    hidden.add(still);
  }
}

/**
 * Draws the picture and takes the table that came with the widget, if they still fit the controls. A notebook that was saved
 * and opened again, without its kernel, has nothing else: then the first picture is drawn, and told to be that, or what the
 * table has for the slider.
 */
function open(stage, model) {
  const bytes = model.get('opening_bytes');
  let offset = bytes.byteOffset;
  for (const message of model.get('opening')) {
    const buffer = new DataView(bytes.buffer, offset, message.bytes);
    offset += message.bytes;
    const {state} = message;
    if (!state || stage.lost || Object.entries(state).every(([name, value]) => stage.controls[name].get() === value)) stage.receive(message, [buffer]);
  }
  if (stage.lost) stage.redraw();
}

/**
 * JupyterLab renders a cell that is out of sight outside the document, and a tab that was not chosen hidden; there BokehJS
 * cannot measure a figure. Until a reader comes, the page waits, and leaves the kernel to those that are seen.
 */
async function inSight(el, signal) {
  while (!isSeen(el) && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 50));
  return !signal.aborted;
}

/** Starts to load BokehJS while the kernel makes the page's controls. */
function initialize({model}) {
  if (addressOfBokeh(model.get('bokeh'))) bokehOnce(model, new AbortController().signal);
}

/** Shows the page; if that cannot be done, says so, and the still picture below the cell stays. */
async function render(view) {
  try {
    await show(view);
  } catch (error) {
    if (view.signal.aborted) return;
    const text = `This page cannot be shown here (${error.message}). Run its cell again; if that does not help, load the notebook anew.`;
    view.el.replaceChildren(element('p', {class: 'sgtheory-complaint', role: 'alert'}, text));
    console.warn('sgtheory:', error);
  }
}

async function show({model, el, signal}) {
  const Bokeh = await bokehOnce(model, signal);
  // Only an application of Jupyter has the other notebooks beside this one.
  const spec = {...model.get('spec'), spares: model.get('spares'), ...(document.getElementById('jupyter-config-data') ? {} : {links: {}})};
  const controls = {};
  for (const [name, reference] of Object.entries(model.get('controls'))) {
    controls[name] = await widgetControl(model.widget_manager, reference, spec.controls[name]);
  }
  const doc = JSON.parse(model.get('doc'));
  const [place, notes, moves] = ['step', 'notes', 'moves'].map((name) => shared(model, name));
  const stage = new Stage({el, Bokeh, doc, spec, controls, signal, post: (message) => model.send(message), place, notes, moves});
  for (const [name, control] of Object.entries(controls)) {
    keepToItself(control, stage, () => control.slides && (stage.table(name) || stage.asks(name)));
  }
  const early = [];
  let receive = (...message) => early.push(message);
  const hear = (message, buffers) => receive(message, buffers);
  model.on('msg:custom', hear);
  signal.addEventListener('abort', () => model.off('msg:custom', hear));
  if (!(await inSight(el, signal))) return;
  stage.send({kind: 'hello'});
  await stage.build();
  open(stage, model);
  receive = (message, buffers) => stage.receive(message, buffers);
  early.forEach((message) => receive(...message));
  el.sgtheory = stage;
  const page = el.closest('.sgtheory-page') ?? el;
  page.style.setProperty('--sg-digits', mostDigits(spec.controls));
  ownKeys(page, signal);
  const advice = element('p', {class: 'sgtheory-narrow'}, 'There is little room here: close the side bar (Ctrl+B), or widen the window.');
  page.prepend(advice); // seen only in a very narrow page
  signal.addEventListener('abort', () => advice.remove());
  // Views of the controls, and the cell with the still picture, may appear later, and more than once.
  const hidden = new Set();
  let due = null;
  const attend = () => {
    due = null;
    for (const [name, control] of Object.entries(controls)) adopt(stage, name, control);
    hideStill(el, spec.title, hidden);
  };
  const observer = new MutationObserver((records) => {
    const isElement = ({nodeType}) => nodeType === Node.ELEMENT_NODE; // numbers that change are text
    if (!due && records.some(({addedNodes}) => [...addedNodes].some(isElement))) due = setTimeout(attend, 50);
  });
  observer.observe(document.body, {childList: true, subtree: true});
  attend();
  signal.addEventListener('abort', () => {
    observer.disconnect();
    clearTimeout(due);
    clearTimeout(stage.hovering);
    for (const still of hidden) still.style.display = '';
  });
}

export default {initialize, render};
