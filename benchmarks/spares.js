// Drags a slider from end to end, and times every event until all figures that it changes have been painted.
async ({slider, steps}) => {
  const stage = document.querySelector('.sgtheory-stage').sgtheory, control = stage.controls[slider], {slides} = control;
  const plots = stage.spec.figures.map(({root}) => stage.views.get_by_id(root));
  const log = {latencies: [], pictures: new Set()};
  let waiting = [], shown = []; // events without numbers yet; sets of numbers that have not been painted in full
  const changed = stage.changed.bind(stage), {show} = stage;
  stage.changed = (name) => {
    if (name === slider && stage.known[name] !== control.get()) waiting.push(performance.now());
    changed(name);
  };
  stage.show = (numbers) => {
    shown.push({events: waiting, asked: new Set(), painted: 0});
    waiting = [];
    show.call(stage, numbers);
  };
  // Whether BokehJS or the page paints it, a figure asks here and is painted there; what is painted are its last numbers.
  const undo = plots.map((plot) => {
    const {throttled_paint, repaint} = plot;
    plot.throttled_paint = (...rest) => {
      shown.at(-1)?.asked.add(plot);
      return throttled_paint.apply(plot, rest);
    };
    plot.repaint = () => {
      repaint.call(plot);
      for (const set of shown) set.painted += set.asked.delete(plot);
      // A message posted in a frame arrives when that frame has been painted.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => finish(performance.now());
      channel.port2.postMessage(null);
    };
    return () => Object.assign(plot, {throttled_paint, repaint});
  });
  const finish = (now) => {
    const done = shown.filter(({asked, painted}) => painted && !asked.size);
    if (!done.length) return;
    shown = shown.filter((set) => !done.includes(set));
    log.latencies.push(...done.flatMap(({events}) => events.map((event) => now - event)));
    log.pictures.add(now);
  };
  // A slider with fewer positions than steps turns back at its end, so that every event is a step.
  const {low, high, step, base} = slides;
  const most = Math.round((base ? Math.log(high / low) / Math.log(base) : high - low) / step);
  const place = (k) => (most < steps ? most - Math.abs(most - (k + 1) % (2 * most)) : Math.round((k + 1) / (steps + 1) * most));
  const began = performance.now();
  for (let k = 0; k < steps; k++) {
    control.set(Number((base ? low * base ** (place(k) * step) : low + place(k) * step).toPrecision(10)));
    const due = began + (k + 1) * 1000 / 60;
    await new Promise((next) => setTimeout(next, Math.max(0, due - performance.now())));
  }
  const seconds = (performance.now() - began) / 1000, {size} = log.pictures;
  await new Promise((rested) => setTimeout(rested, 400));
  undo.forEach((act) => act());
  Object.assign(stage, {changed, show});
  return {latencies: log.latencies, pictures: size, seconds};
}
