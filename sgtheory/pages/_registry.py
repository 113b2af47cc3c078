"""All pages by name, for the commands and for the contract tests."""

import importlib

from sgtheory._course import PAGE_NAMES
from sgtheory.pages._kit import Page
from sgtheory.pages.network_survey import NetworkSurvey


def _page(name: str) -> type[Page]:
    """The page `sign_flip` is the class `SignFlip` in `sign_flip.py`, and `lif_neuron` the class `LIFNeuron`."""
    module, wanted = importlib.import_module(f"sgtheory.pages.{name}"), name.replace("_", "")
    return next(value for key, value in vars(module).items() if key.lower() == wanted)


ALL_PAGES: dict[str, type[Page]] = {name: _page(name) for name in PAGE_NAMES}
STORED_PAGES: dict[str, type[Page]] = {**ALL_PAGES, NetworkSurvey.name: NetworkSurvey}
"""All pages and the survey, whose first picture is empty, but takes seconds to describe."""
