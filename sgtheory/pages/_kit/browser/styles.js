// What BokehJS need not ask the browser about styles.

/** It looks up CSS variables (`--bk-…`) at each access to a colour or a width; the pages set none. */
function spareStyles(Bokeh) {
  replace(Bokeh.require('core/visuals/visual').VisualProperties.prototype, '_get_css_value', () => () => '');
}
