"""Surrogate derivatives: what stands where the derivative of the step function would stand."""

from sgtheory.surrogates._arctan_derivative import ArctanDerivative as ArctanDerivative
from sgtheory.surrogates._base import AbstractSurrogate as AbstractSurrogate
from sgtheory.surrogates._boxcar import Boxcar as Boxcar
from sgtheory.surrogates._gaussian import Gaussian as Gaussian
from sgtheory.surrogates._identity import Identity as Identity
from sgtheory.surrogates._matched import Matched as Matched
from sgtheory.surrogates._piecewise_linear import PiecewiseLinear as PiecewiseLinear
from sgtheory.surrogates._rectifier import Rectifier as Rectifier
from sgtheory.surrogates._sigmoid_derivative import SigmoidDerivative as SigmoidDerivative
from sgtheory.surrogates._super_spike import SuperSpike as SuperSpike

ALL_SURROGATES: dict[str, type[AbstractSurrogate]] = {
    "SuperSpike": SuperSpike,
    "sigmoid": SigmoidDerivative,
    "piecewise linear": PiecewiseLinear,
    "boxcar": Boxcar,
    "Gaussian": Gaussian,
    "arctan": ArctanDerivative,
    "identity": Identity,
    "rectifier": Rectifier,
    "matched": Matched,
}
"""The registry that contract tests and menus read."""
