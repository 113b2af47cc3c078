"""A typed formula at one steepness."""

import equinox as eqx
from jax.typing import ArrayLike

from sgtheory._arrays import Array, Scalar
from sgtheory._checks import positive
from sgtheory.expressions._expression import Expression


class ExpressionAtSteepness(eqx.Module):
    r"""A typed formula as a function of the distance alone; its steepness is data, so that a new one never recompiles.

    **Arguments:** `expression`, the formula; `steepness` $\beta$, per unit of membrane potential, positive.
    **Raises** `ValueError` for a steepness that is not positive and finite.

    >>> p = ExpressionAtSteepness(Expression("sigmoid(beta*u)"), 2.0)
    >>> print(p(0.0), round(float(p(0.5)), 4))
    0.5 0.7311
    """

    expression: Expression = eqx.field(static=True)
    steepness: Scalar = eqx.field(converter=positive("steepness", single=True))

    def __call__(self, distance: ArrayLike) -> Array:
        return self.expression(distance, self.steepness)
