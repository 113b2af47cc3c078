// Times every event of a slider and every picture that follows, and counts the kernel's messages.
async ({slider, low, high, step, base, steps: wantedSteps}) => {
  const stage = document.querySelector('.sgtheory-stage').sgtheory;
  const control = stage.controls[slider];
  const log = {events: [], pictures: [], messages: 0, bytes: 0, last: null};
  const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
  const count = (_, {msg, direction}) => {
    if (msg.channel !== 'shell' && msg.channel !== 'iopub') return;
    log.messages += 1;
    log.bytes += JSON.stringify(msg.content).length + (msg.buffers ?? []).reduce((sum, b) => sum + b.byteLength, 0);
  };
  kernel.anyMessage.connect(count);
  let waiting = [];
  const changed = stage.changed.bind(stage);
  stage.changed = (name) => {
    if (stage.known[name] === control.get()) return;
    const event = {time: performance.now(), value: control.get()};
    log.events.push(event);
    waiting.push(event);
    changed(name);
  };
  // A message posted in a frame arrives when that frame has been painted.
  const painted = (shown) => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => log.pictures.push({time: performance.now(), events: shown});
    channel.port2.postMessage(null);
  };
  let shown = [];
  const show = stage.show, {painter} = stage;
  stage.show = (numbers) => {
    show.call(stage, numbers);
    shown = [...shown, ...waiting];
    waiting = [];
    if (painter) return; // without one (the bare figure), BokehJS paints in the next frame
    const these = shown;
    shown = [];
    requestAnimationFrame(() => painted(these));
  };
  const paint = painter?.paint;
  if (painter) {
    painter.paint = async () => {
      await paint.call(painter);
      painted(shown);
      shown = [];
    };
  }
  // From end to end; a slider with fewer positions turns back there, so that every event is a step.
  const most = Math.round((base ? Math.log(high / low) / Math.log(base) : high - low) / step);
  const place = (k) => (most < wantedSteps ? most - Math.abs(most - (k + 1) % (2 * most)) : Math.round((k + 1) / (wantedSteps + 1) * most));
  const positions = Array.from({length: wantedSteps}, (_, k) => (base ? low * base ** (place(k) * step) : low + place(k) * step));
  delete stage.el.dataset.settled;
  const began = performance.now();
  await new Promise((done) => {
    let k = 0;
    const timer = setInterval(() => {
      if (k === positions.length) { clearInterval(timer); done(); return; }
      control.set(Number(positions[k].toPrecision(10)));
      k += 1;
    }, 1000 / 60);
  });
  const ended = performance.now();
  const steps = log.events.length;
  const during = {messages: log.messages, bytes: log.bytes};
  while (performance.now() < ended + 1500) {
    await new Promise((r) => setTimeout(r, 5));
    if (log.settled === undefined && JSON.parse(stage.el.dataset.settled ?? '{}')[slider] === control.get()) log.settled = performance.now() - ended;
  }
  kernel.anyMessage.disconnect(count);
  stage.show = show;
  if (painter) painter.paint = paint;
  stage.changed = changed;
  const latencies = log.pictures.flatMap(({time, events}) => events.map((event) => time - event.time));
  const pictures = log.pictures.filter(({time, events}) => events.length && time < ended + 60).length;
  const lastEvent = log.events.at(-1);
  const drawnLast = log.pictures.find(({events}) => events.includes(lastEvent));
  return {steps, latencies, pictures, seconds: (ended - began) / 1000, ...during, settled: log.settled, last: drawnLast ? drawnLast.time - lastEvent.time : null};
}
