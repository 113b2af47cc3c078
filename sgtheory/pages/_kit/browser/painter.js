// When the figures of a page are painted.

/** Sets the numbers of a page before each frame, and paints the figures that it was given together, in the same frame. */
class Painter {
  /** `draw` sets the numbers that are to be shown, if there are any; `tell` writes them as text, once they are painted. */
  constructor(draw, tell) {
    Object.assign(this, {draw, tell, frame: null, paints: false, changed: new Set(), updates: []});
  }

  /** Paints a figure from now on; by itself BokehJS paints each in a later frame, by a clock of its own. */
  take(plot) {
    expectMethods(plot, 'repaint');
    replace(plot, 'throttled_paint', () => async () => {
      this.changed.add(plot);
      this.request();
    });
    for (const part of plot.computed_renderer_views) if (part.update_data) this.attend(part);
  }

  attend(part) {
    replace(part, 'update_data', (update) => (...rest) => {
      const updated = update.call(part, ...rest);
      this.updates.push(updated);
      return updated;
    });
  }

  request() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  async paint() {
    this.paints = true;
    try {
      this.draw();
      await Promise.all(this.updates.splice(0)); // still within the frame, because the glyphs of a page wait for nothing
    } finally {
      this.frame = null;
      this.paints = false;
    }
    const plots = [...this.changed];
    this.changed.clear();
    for (const plot of plots) if (!plot.is_destroyed && isSeen(plot.el)) plot.repaint();
    this.tell();
  }
}
