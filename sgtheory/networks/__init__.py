"""Networks: pure functions of parameters, inputs, noise and a spike rule."""

from sgtheory.networks._base import (
    AbstractNetwork as AbstractNetwork,
    Decision as Decision,
    Path as Path,
    decide as decide,
)
from sgtheory.networks._multilayer import (
    AbstractLayered as AbstractLayered,
    MultilayerParameters as MultilayerParameters,
    MultilayerPerceptron as MultilayerPerceptron,
)
from sgtheory.networks._single_unit import SingleUnit as SingleUnit
