// Other methods in the place of some of BokehJS's. The copy of BokehJS is our own (`bokehOnce`): nobody else sees them.

/** Throws unless BokehJS has these methods: a spare that relies on one that has gone would change nothing, or half a figure. */
function expectMethods(object, ...names) {
  for (const name of names) if (typeof object[name] !== 'function') throw new Error(`BokehJS has no method ${name}`);
}

/** Puts what `make` makes of a method into its place. */
function replace(object, name, make) {
  expectMethods(object, name);
  object[name] = make(object[name]);
}
