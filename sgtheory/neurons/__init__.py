"""Neurons: how they flow, when they fire, what a spike does; one file each."""

from sgtheory.neurons._event import (
    AbstractEventNeuron as AbstractEventNeuron,
    AbstractProjectiveNeuron as AbstractProjectiveNeuron,
    EventState as EventState,
    normalised as normalised,
    phase_to_line as phase_to_line,
)
from sgtheory.neurons._event_lif import EventLIF as EventLIF, decay_to_crossing as decay_to_crossing
from sgtheory.neurons._first_spike import first_spike_time as first_spike_time, lambert_w as lambert_w
from sgtheory.neurons._lif import (
    LIF as LIF,
    AbstractClocked as AbstractClocked,
    ClockedState as ClockedState,
    TimeConstants as TimeConstants,
    check_time_constants as check_time_constants,
)
from sgtheory.neurons._perceptron import Perceptron as Perceptron, PerceptronParameters as PerceptronParameters
from sgtheory.neurons._qif import (
    QIF as QIF,
    circular as circular,
    crossing_of as crossing_of,
    flow_on_line as flow_on_line,
    sine_area as sine_area,
)
from sgtheory.neurons._theta import Theta as Theta
