"""A typed formula as a function."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from sgtheory.expressions._tree import Node, read
from sgtheory.expressions._words import checked_text

if TYPE_CHECKING:
    from jax import Array
    from jax.typing import ArrayLike
else:  # the names of array types live in JAX, which must not be loaded with this module
    Array = ArrayLike = Any


@dataclass(frozen=True)
class Expression:
    """A formula p(u) that has been read and found safe, to be called like a function.

    `text` is what was typed, without blanks around it. Expressions with the same text are equal and hash alike, so that
    one can be a static field of an Equinox module or a static argument of `jax.jit`.

    Limits of the derivatives:

    - The derivative is computed forwards at every point, also inside `jax.grad`. The branch that ``where`` does not
      select therefore never turns a gradient into NaN. Derivatives of any order can be taken.
    - ``exp``, ``expm1``, ``sinh``, ``cosh`` and powers of a positive number saturate at the square root of the largest
      float (about 1e154 in 64 bits, 1e19 in 32 bits) with derivative 0. Otherwise ``1/(1 + exp(-beta*u))``, whose
      value far below threshold is harmless, would have the derivative 0 times infinity there.
    - ``abs`` and ``sign`` have derivative 0 at 0; ``min`` and ``max`` give each of two equal arguments one half.
    - ``sqrt``, ``log`` and powers with an exponent below 1 have no finite derivative at 0, and ``sqrt(u**2)`` gives
      NaN there: write ``abs(u)``.

    **Raises** `ExpressionError` where `expression` does.

    >>> import jax.numpy as jnp
    >>> float(Expression("1/(1 + exp(-beta*u))")(jnp.array(0.0), 2.0))
    0.5
    """

    text: str
    _tree: Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = checked_text(self.text)
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "_tree", read(text))

    def __call__(self, distance: ArrayLike, steepness: ArrayLike) -> Array:
        """The value of the formula at every distance to threshold.

        **Arguments:** `distance`, the values of ``u``, a number or an array of any shape; `steepness`, the one number
        ``beta``. The result has the shape and dtype of `distance`, even for a formula without ``u``. The tree is walked
        while JAX traces, so that a compiled function pays nothing for it.
        **Raises** `TypeError` when `distance` does not hold real numbers.

        >>> import jax, jax.numpy as jnp
        >>> p = expression("where(u < 0, 0.5*exp(beta*u), 1 - 0.5*exp(-beta*u))")
        >>> jax.vmap(jax.grad(p), in_axes=(0, None))(jnp.array([-1000.0, 0.0, 1000.0]), 2.0).tolist()
        [0.0, 1.0, 0.0]
        """
        from sgtheory.expressions._evaluation import evaluate

        return evaluate(self._tree, distance, steepness)


@overload
def expression(text: object) -> Expression: ...


@overload
def expression(text: object, steepness: ArrayLike) -> Callable[[ArrayLike], Array]: ...


def expression(text: object, steepness: ArrayLike | None = None) -> Expression | Callable[[ArrayLike], Array]:
    """Reads an escape function p(u) that somebody typed, without ever running it as Python.

    It may use the distance to threshold ``u``, the steepness ``beta``, the constants ``pi`` and ``e``, decimal numbers,
    ``+ - * / **`` (``^`` means ``**``), the functions ``abs arctan atan cosh erf exp expm1 log log1p max min sigmoid
    sign sinh softplus sqrt tanh``, and ``where(condition, a, b)``, whose condition is one comparison by ``< <= > >=``.
    Whether the formula is a probability that rises with ``u`` is for `check_escape` to say.

    **Arguments:** `text`, the formula; `steepness`, the value of ``beta``, one positive number per unit of membrane
    potential. Without it the result is an `Expression`, a function of ``u`` and ``beta``. With it the result is a
    function of ``u`` alone, an `equinox.Module` whose only array is the steepness: `sgtheory.escape.Custom` takes it as
    escape noise, and a new steepness does not recompile.
    **Raises** `ExpressionError` when `text` is no such formula, is longer than 500 characters or is nested too deeply.
    Any object is accepted, so that what is not text is refused in words as well. `ValueError` for a steepness that is
    not positive and finite, `TypeError` for one that is no number.

    >>> expression(" 0.5 + atan(pi*beta*u/2)/pi ")
    Expression(text='0.5 + atan(pi*beta*u/2)/pi')
    >>> from sgtheory.escape import Custom
    >>> noise = Custom(expression("1/(1 + exp(-beta*u))", steepness=2.0))
    >>> print(round(float(noise.probability(0.5)), 4), round(float(noise.slope(0.5)), 4))
    0.7311 0.3932
    """
    read_formula = Expression(checked_text(text))
    if steepness is None:
        return read_formula
    from sgtheory.expressions._at_steepness import ExpressionAtSteepness

    return ExpressionAtSteepness(read_formula, steepness)
