// Work that BokehJS need not do, as a list. Comes after what does without it; it knows nothing of pages.

/** Versions of BokehJS with which the pictures were compared with those of an untouched copy, pixel by pixel. */
const COMPARED = /^3\.(8|9|10)\./;

/**
 * At each picture BokehJS does much work whose result is known beforehand; without it, a drag is several times as smooth.
 * Each of these can be left out alone (`SGTHEORY_SPARES=-scenery`): the picture is the same. They change a copy of BokehJS
 * once it is there (`copy`), a figure that has been built (`figure`), or all figures of a page (`page`).
 */
const SPARES = [
  {name: 'styles', versions: COMPARED, copy: spareStyles},
  {name: 'sheets', versions: COMPARED, copy: spareSheets},
  {name: 'views', versions: COMPARED, copy: spareViews},
  {name: 'index', versions: COMPARED, copy: spareIndex},
  {name: 'selection', versions: COMPARED, figure: spareSelection},
  {name: 'places', versions: COMPARED, figure: sparePlaces},
  {name: 'visuals', versions: COMPARED, figure: spareVisuals},
  {name: 'ranges', versions: COMPARED, figure: spareRanges},
  {name: 'layout', versions: COMPARED, figure: (plot) => spareLayout(plot, themeNow)},
  {name: 'scenery', versions: COMPARED, figure: (plot) => spareScenery(plot, themeNow)},
  {name: 'clock', versions: COMPARED, page: ({plots, painter}) => plots.forEach((plot) => painter.take(plot))},
  {name: 'screen', versions: COMPARED, page: shareScreen},
];

/** The spares of these names, for one copy of BokehJS; with a version that nobody has tried, none, which is told once. */
class Spares {
  static told = new Set();
  static changed = new WeakSet();

  constructor(Bokeh, names) {
    this.version = Bokeh.version;
    const known = SPARES.filter(({versions}) => versions.test(this.version));
    if (!known.length) this.tell(`figures are drawn plainly, for nobody has tried BokehJS ${this.version} with ours.`);
    this.used = known.filter(({name}) => names.includes(name));
    if (!Spares.changed.has(Bokeh)) this.apply('copy', Bokeh);
    Spares.changed.add(Bokeh);
  }

  /** Leaves out the work at one of the three places; where that cannot be done, the work is done, which is slower. */
  apply(place, what) {
    for (const spare of this.used) {
      try {
        spare[place]?.(what);
      } catch (error) {
        this.tell(`figures are drawn without the spare “${spare.name}”, which failed with BokehJS ${this.version}: ${error.message}.`);
      }
    }
  }

  tell(sentence) {
    if (!Spares.told.has(sentence)) console.info('sgtheory:', sentence);
    Spares.told.add(sentence);
  }
}
