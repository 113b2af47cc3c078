// Elements, files, colours: what every part of the page uses.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** Whether an element takes any room; a panel that a step of a tour does not show takes none. */
function isSeen(node) {
  return node.getClientRects().length > 0;
}

function download(name, blob) {
  const link = element('a', {href: URL.createObjectURL(blob), download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function toClipboard(text, field) {
  field.value = text;
  try {
    await navigator.clipboard.writeText(text);
    return 'The state is on the clipboard.';
  } catch {
    field.focus();
    field.select();
    return 'The state is selected: copy it with Ctrl+C.';
  }
}

function themeNow() {
  const lab = document.body.dataset.jpThemeLight;
  if (lab !== undefined) return lab === 'false' ? 'dark' : 'light';
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** The colours of a palette role, as `#rrggbbaa`; `palette` in theme.py does the same. */
function palette(role, colours) {
  const words = role.split(' ');
  const shades = words.length > 1 ? Number(words.pop()) : 2;
  const faded = (name, opacity) => colours[name] + Math.floor(255 * opacity + 0.5).toString(16).padStart(2, '0');
  return Array.from({length: shades}, (_, k) => {
    const step = k / (shades - 1);
    return words.length === 1 ? faded(words[0], step) : faded(words[Number(step > 0.5)], Math.abs(2 * step - 1));
  });
}

function watchTheme(callback, signal) {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, {attributes: true, attributeFilter: ['data-jp-theme-light', 'class']});
  const media = matchMedia('(prefers-color-scheme: dark)');
  media.addEventListener('change', callback, {signal});
  signal.addEventListener('abort', () => observer.disconnect());
}

/** Acts whenever the page comes to a screen of another sharpness, or is made larger or smaller by the browser. */
function watchSharpness(act, signal) {
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => {
    act();
    watchSharpness(act, signal);
  }, {once: true, signal});
}

/** Acts now and whenever the size of a panel has changed: again later, too, because BokehJS lays its frames out late. */
function whenLaidOut(panel, act, signal) {
  let later = [];
  const observer = new ResizeObserver(() => {
    later.forEach(clearTimeout);
    later = [16, 60, 300, 800].map((time) => setTimeout(act, time));
  });
  observer.observe(panel);
  signal.addEventListener('abort', () => { observer.disconnect(); later.forEach(clearTimeout); });
}
