// The buttons below a page: play, reset, files, state.

const PLAY_SECONDS = 6; // from one end of a slider to the other

class Tools {
  constructor(stage) {
    Object.assign(this, {stage, playing: null});
    this.build();
    stage.signal.addEventListener('abort', () => this.stop());
  }

  build() {
    const {stage} = this, {spec} = stage;
    const button = (text, onclick, title) => element('button', {type: 'button', onclick, title}, text);
    this.playButton = button('', () => (this.playing ? this.stop() : this.play()));
    this.namePlay();
    this.field = element('input', {type: 'text', 'aria-label': 'State of the page, to be copied or pasted', spellcheck: 'false', maxlength: '20000'});
    this.complaint = element('p', {class: 'sgtheory-complaint', role: 'alert'});
    const own = (spec.actions ?? []).map(({name, label, title}) => button(label, () => stage.post({kind: 'action', name}), title));
    const kernel = spec.kernel
      ? [button('Web page', () => stage.post({kind: 'export'}), 'Save the page as one HTML file that runs without a kernel')]
      : [];
    const state = spec.kernel
      ? [
          element(
            'details', {class: 'sgtheory-state'},
            element('summary', {}, 'State'),
            this.field,
            button('Copy', () => { this.complain(''); stage.post({kind: 'copy'}); }, 'Copy the positions of all controls as text'),
            button('Restore', () => { this.complain(''); stage.post({kind: 'restore', text: this.field.value}); }, 'Set all controls from the text'),
            this.complaint,
          ),
        ]
      : [];
    this.bar = element(
      'div', {class: 'sgtheory-tools', role: 'group', 'aria-label': 'Tools'},
      this.playButton,
      button('Reset', () => this.reset(), 'Return every control to its first value'),
      ...own,
      button('CSV', () => this.saveNumbers(), 'Save the numbers behind the picture'),
      button('PNG', () => this.saveImage('png'), 'Save the picture as pixels'),
      button('SVG', () => this.saveImage('svg'), 'Save the picture as lines'),
      ...kernel,
      ...state,
    );
  }

  complain(text) {
    this.complaint.textContent = text;
  }

  reset() {
    const {spec, controls, lost} = this.stage;
    this.stop();
    if (spec.kernel && !lost) return this.stage.post({kind: 'reset'});
    for (const [name, control] of Object.entries(controls)) control.set(spec.start[name]);
  }

  namePlay() {
    if (!this.playButton) return;
    for (const film of this.stage.films?.values() ?? []) film.tell();
    const {controls, lastTouched} = this.stage, {label} = controls[lastTouched];
    const text = this.playing ? 'Stop' : `Play ${label}`;
    if (this.playButton.textContent === text) return;
    this.playButton.textContent = text;
    this.playButton.title = this.playing ? 'Stop' : 'Move this slider from end to end; to play another slider, touch it first';
  }

  play() {
    const {lastTouched: name, controls} = this.stage, control = controls[name];
    if (this.stage.films.has(name)) return this.stage.films.get(name).play();
    const {limits} = control, last = placeOf(limits, limits.high);
    this.stage.approach(name);
    this.stage.alone(name);
    const began = performance.now();
    const start = placeOf(limits, control.get()) / last;
    const move = (now) => {
      if (!this.playing) return;
      const phase = (start + (now - began) / 1000 / PLAY_SECONDS) % 2;
      const value = numberAt(limits, Math.round(last * (phase > 1 ? 2 - phase : phase)));
      if (value !== control.get()) control.set(value);
      this.playing = requestAnimationFrame(move);
    };
    this.playing = requestAnimationFrame(move);
    this.namePlay();
  }

  stop() {
    if (this.playing) cancelAnimationFrame(this.playing);
    this.playing = null;
    this.namePlay();
  }

  saveNumbers() {
    const {stage} = this, {spec} = stage;
    const logarithms = spec.figures.flatMap(({name, powers = []}) => powers.map((base, k) => (
      base && `# ${stage.plot(name).title.text}: ${'xy'[k]} holds logarithms to the base ${base}`
    ))).filter(Boolean);
    const lines = ['# ' + spec.title, '# ' + JSON.stringify({...spec.fixed, ...stage.state()}), ...logarithms, 'source,column,index,value'];
    for (const name of spec.sources) {
      for (const [column, values] of Object.entries(stage.columns(name))) {
        const numbers = values[0]?.shape ? values[0] : values;
        Array.from(numbers).forEach((value, k) => lines.push(`${name},${column},${k},${value}`));
      }
    }
    for (const [key, value] of Object.entries(stage.readouts)) lines.push(`readouts,${key},0,${value}`);
    download(spec.name + '.csv', new Blob([lines.join('\n') + '\n'], {type: 'text/csv'}));
  }

  async saveImage(type) {
    const {stage, stage: {spec, panels, grid}} = this;
    const layers = spec.figures.map(({root}) => stage.views.get_by_id(root).export(type, true));
    grid.classList.add('sgtheory-saving'); // for a moment without captions, which would leave gaps
    const {clientWidth: width, clientHeight: height} = grid;
    const places = panels.map(({offsetLeft, offsetTop}) => [offsetLeft, offsetTop]);
    const {background, ink} = spec.theme[themeNow()];
    const keys = stage.captions.map((caption) => caption.asSvg(grid.getBoundingClientRect(), ink));
    grid.classList.remove('sgtheory-saving');
    const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`;
    if (type === 'png') {
      const ratio = layers[0].pixel_ratio;
      const canvas = element('canvas', {width: width * ratio, height: height * ratio});
      const context = canvas.getContext('2d');
      context.fillStyle = background;
      context.fillRect(0, 0, canvas.width, canvas.height);
      layers.forEach((layer, k) => context.drawImage(layer.canvas, ...places[k].map((length) => length * ratio)));
      const image = new Image();
      image.src = 'data:image/svg+xml,' + encodeURIComponent([head, ...keys, '</svg>'].join(''));
      await image.decode();
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => download(spec.name + '.png', blob), 'image/png');
      return;
    }
    const parts = layers.map((layer, k) => {
      const [x, y] = places[k];
      return layer.ctx.get_serialized_svg(true).replace('<svg ', `<svg x="${x}" y="${y}" `);
    });
    const back = `<rect width="100%" height="100%" fill="${background}"/>`;
    download(spec.name + '.svg', new Blob([head, back, ...parts, ...keys, '</svg>'], {type: 'image/svg+xml'}));
  }
}
