"""Interactive pages: each is a widget; make it the last line of a cell."""

from sgtheory.pages.single_unit import SingleUnit as SingleUnit
