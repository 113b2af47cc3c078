"""The parts of every page: controls, figures, the update loop, the link to the browser, export."""

from sgtheory.pages._kit.controls import (
    Choice as Choice,
    Control as Control,
    Film as Film,
    Several as Several,
    Slider as Slider,
    Text as Text,
    Toggle as Toggle,
    Upload as Upload,
)
from sgtheory.pages._kit.declared import DeclaredPage as DeclaredPage
from sgtheory.pages._kit.drawing import (
    Drawing as Drawing,
    data_sources as data_sources,
    sent_range as sent_range,
)
from sgtheory.pages._kit.job import Progress as Progress
from sgtheory.pages._kit.numbers import (
    Sources as Sources,
    in_64_bits as in_64_bits,
    nice_range as nice_range,
    range_columns as range_columns,
)
from sgtheory.pages._kit.page import Page as Page
from sgtheory.pages._kit.panels import Panel as Panel
from sgtheory.pages._kit.stage import (
    Action as Action,
    Figure as Figure,
    Readout as Readout,
    ReadoutTable as ReadoutTable,
)
from sgtheory.pages._kit.theme import PALE as PALE, THEME as THEME, panel as panel
from sgtheory.pages._kit.tour import Choose as Choose, Number as Number, Sketch as Sketch, Step as Step
