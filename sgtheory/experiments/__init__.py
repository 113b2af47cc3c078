"""Experiments: a question as a pure, jitted function, one file a page."""
