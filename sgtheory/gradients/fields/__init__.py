r"""Gradients as vector fields over the parameters: line and loop integrals, curl.

A gradient field has no curl, and its integral along a closed loop is zero. Surrogate gradients are not a gradient field.
A *field* here is any function from a vector to a vector of the same length; `sgtheory.gradients.flatten_parameters` turns
parameters of any structure into such a vector and back. A *curve* is a function from a number to a point.

**Source:** Gygax & Zenke (2025), Fig. 4 and Fig. 5.
"""

from sgtheory.gradients.fields._adaptive import (
    LineIntegral as LineIntegral,
    line_integral as line_integral,
    polygon_integral as polygon_integral,
)
from sgtheory.gradients.fields._curl import curl as curl, curl_map as curl_map, over_plane as over_plane
from sgtheory.gradients.fields._field import Curve as Curve, Field as Field, Vector as Vector
from sgtheory.gradients.fields._loop import (
    Loop as Loop,
    loop_integral as loop_integral,
    loop_integrals as loop_integrals,
)
from sgtheory.gradients.fields._plane import Plane as Plane
from sgtheory.gradients.fields._staircase import staircase_integrals as staircase_integrals
from sgtheory.gradients.fields._surrogate_gradient import surrogate_gradient as surrogate_gradient
