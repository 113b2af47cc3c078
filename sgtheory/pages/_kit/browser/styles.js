// What BokehJS need not ask the browser about styles, nor tell it.

/** It looks up CSS variables (`--bk-…`) at each access to a colour or a width; the pages set none. */
function spareStyles(Bokeh) {
  replace(Bokeh.require('core/visuals/visual').VisualProperties.prototype, '_get_css_value', () => () => '');
}

/** It rewrites some seventy style sheets at each picture, each with the text that it had before. */
function spareSheets(Bokeh) {
  replace(Bokeh.require('core/dom').InlineStyleSheet.prototype, '_update', (update) => function (css) {
    if (css !== this.lastWritten) update.call(this, css);
    this.lastWritten = css;
  });
}
