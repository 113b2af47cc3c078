"""All pages by name, for the commands and for the contract tests."""

from sgtheory.pages._kit import Page
from sgtheory.pages.gradient_laboratory import GradientLaboratory
from sgtheory.pages.hidden_unit import HiddenUnit
from sgtheory.pages.loop_integral import LoopIntegral
from sgtheory.pages.network_survey import NetworkSurvey
from sgtheory.pages.path_tree import PathTree
from sgtheory.pages.program_laboratory import ProgramLaboratory
from sgtheory.pages.sign_flip import SignFlip
from sgtheory.pages.single_unit import SingleUnit

ALL_PAGES: dict[str, type[Page]] = {
    kind.name: kind
    for kind in (SingleUnit, HiddenUnit, PathTree, GradientLaboratory, ProgramLaboratory, SignFlip, LoopIntegral)
}
STORED_PAGES: dict[str, type[Page]] = {**ALL_PAGES, NetworkSurvey.name: NetworkSurvey}
"""All pages and the survey, whose first picture is empty, but takes seconds to describe."""
