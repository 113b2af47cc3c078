"""Interactive pages: each is a widget; make it the last line of a cell."""

from sgtheory.pages.classification import Classification as Classification
from sgtheory.pages.exact_qif import ExactQIF as ExactQIF
from sgtheory.pages.exercises import check as check
from sgtheory.pages.gradient_laboratory import GradientLaboratory as GradientLaboratory
from sgtheory.pages.hidden_unit import HiddenUnit as HiddenUnit
from sgtheory.pages.learning_spike_times import LearningSpikeTimes as LearningSpikeTimes
from sgtheory.pages.lif_neuron import LIFNeuron as LIFNeuron
from sgtheory.pages.loop_integral import LoopIntegral as LoopIntegral
from sgtheory.pages.network_survey import NetworkSurvey as NetworkSurvey
from sgtheory.pages.path_tree import PathTree as PathTree
from sgtheory.pages.program_laboratory import ProgramLaboratory as ProgramLaboratory
from sgtheory.pages.pseudospikes import Pseudospikes as Pseudospikes
from sgtheory.pages.sign_flip import SignFlip as SignFlip
from sgtheory.pages.single_unit import SingleUnit as SingleUnit
from sgtheory.pages.spike_train_matching import SpikeTrainMatching as SpikeTrainMatching
