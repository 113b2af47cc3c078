"""Networks: pure functions of parameters, inputs and everything random; most of them decide by a spike rule."""

from sgtheory.networks._base import (
    AbstractEscapeNoiseNetwork as AbstractEscapeNoiseNetwork,
    AbstractNetwork as AbstractNetwork,
    Decision as Decision,
    Path as Path,
    Rule as Rule,
    decide as decide,
    rule_of as rule_of,
)
from sgtheory.networks._clocked import (
    ClockedNetwork as ClockedNetwork,
    ClockedParameters as ClockedParameters,
    SpikeTrains as SpikeTrains,
)
from sgtheory.networks._clocked_layers import (
    AbstractClockedLayer as AbstractClockedLayer,
    Convolution as Convolution,
    Dense as Dense,
    LayerParameters as LayerParameters,
    LeakyReadout as LeakyReadout,
)
from sgtheory.networks._event_base import EventParameters as EventParameters
from sgtheory.networks._event_layered import (
    EventLayer as EventLayer,
    InputVolleys as InputVolleys,
    LayeredEventNetwork as LayeredEventNetwork,
    LayeredLog as LayeredLog,
    LayerSpikes as LayerSpikes,
)
from sgtheory.networks._event_log import (
    EndState as EndState,
    EventLog as EventLog,
    EventResult as EventResult,
    InputSpikes as InputSpikes,
)
from sgtheory.networks._event_prop import EventPropNetwork as EventPropNetwork
from sgtheory.networks._event_recurrent import RecurrentEventNetwork as RecurrentEventNetwork
from sgtheory.networks._multilayer import (
    AbstractLayered as AbstractLayered,
    MultilayerParameters as MultilayerParameters,
    MultilayerPerceptron as MultilayerPerceptron,
)
from sgtheory.networks._single_unit import SingleUnit as SingleUnit
from sgtheory.networks._uniforms import uniforms as uniforms
