"""Whether a typed formula is an escape function."""

from sgtheory.expressions._error import ExpressionError
from sgtheory.expressions._expression import Expression
from sgtheory.expressions._tree import LARGEST_NUMBER


def check_escape(expression: Expression, steepness: float, low: float, high: float, points: int = 2001) -> None:
    """Refuses a formula that cannot be the probability of a spike, naming the place where it fails.

    It is evaluated at `points` equally spaced distances from `low` to `high`. It must be finite, lie between 0 and 1,
    never fall and rise somewhere. Rounding of up to 64 units in the last place of 1 is forgiven: 1.4e-14 where JAX has
    64-bit floats switched on, 7.6e-6 in 32-bit floats. What happens between two of these distances is not seen.

    **Raises** `ExpressionError` when the formula is no escape function in this range, or when the range or the steepness
    is not finite.

    >>> from sgtheory.expressions import expression
    >>> check_escape(expression("sigmoid(beta*u)"), 2.0, -3.0, 3.0)
    >>> check_escape(expression("min(0.5 + u, 1)"), 2.0, -3.0, 3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sgtheory.expressions.ExpressionError: An escape function must lie between 0 and 1, got p(-3) = -2.5; ...
    """
    import jax.numpy as jnp
    import numpy as np

    from sgtheory._checks import escape_fault

    usable = all(abs(number) <= LARGEST_NUMBER for number in (steepness, low, high))  # false for NaN as well
    if not (usable and low < high and points >= 2):
        raise ExpressionError(
            "An escape function is checked on at least 2 points of a finite range with a finite steepness, got "
            f"{points:.4g} points from {low:.4g} to {high:.4g} with steepness {steepness:.4g}; change these."
        )
    distances = np.linspace(low, high, points).astype(jnp.result_type(float))
    fault = escape_fault(distances, np.asarray(expression(jnp.asarray(distances), steepness)))
    if fault:
        raise ExpressionError(f"An escape function {fault}")
