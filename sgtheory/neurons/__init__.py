"""Neurons: how they flow, when they fire, what a spike does; one file each."""

from sgtheory.neurons._lif import (
    LIF as LIF,
    AbstractClocked as AbstractClocked,
    ClockedState as ClockedState,
    TimeConstants as TimeConstants,
    check_time_constants as check_time_constants,
)
from sgtheory.neurons._perceptron import Perceptron as Perceptron, PerceptronParameters as PerceptronParameters
