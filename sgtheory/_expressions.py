"""Escape functions typed by a student, such as ``1/(1 + exp(-beta*u))``, read safely and evaluated with JAX.

The text is never run as Python. Four gates stand between it and a number:

1. type, length and characters: at most 500 plain keyboard characters, looked at before anything else happens;
2. words: every name must be one of ``u``, ``beta``, ``pi``, ``e`` or a listed function, so no keyword, attribute,
   string or lambda reaches the parser;
3. grammar: `ast.parse` builds a tree, which is only read;
4. shape: the tree is copied, node by node, into numbers, symbols and applications of listed functions, and whatever
   is none of these is refused.

Reading needs the standard library alone; JAX is imported when an expression is first evaluated, because the first
picture of a page is shown before JAX is there.
"""

import ast
import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jax import Array
    from numpy import ndarray
else:  # the names of array types live in JAX and NumPy, which must not be loaded with this module
    Array = ndarray = Any

_LONGEST_TEXT = 500
# Far from Python's limit on recursion, wherever the text is read; a sum of n terms is nested n levels deep.
_DEEPEST_NESTING = 40
# Also in 32-bit floats a number below this bound can be multiplied with an ordinary one without becoming infinite.
_LARGEST_NUMBER = 1e30

_SYMBOLS = ("u", "beta", "pi", "e")
_ONE_ARGUMENT = (
    *("abs", "arctan", "atan", "cosh", "erf", "exp", "expm1", "log", "log1p"),
    *("sigmoid", "sign", "sinh", "softplus", "sqrt", "tanh"),
)
_USAGE: Mapping[str, str] = {
    **{name: f"{name}(a)" for name in _ONE_ARGUMENT},
    "max": "max(a, b)",
    "min": "min(a, b)",
    "where": "where(u < 0, a, b)",
}
_BINARY: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_ORDER: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}

_TOKEN = re.compile(
    r"(?P<blanks> +)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|//|[<>=!]=|[-+*/^(),<>])"
)


class ExpressionError(ValueError):
    """A typed escape function that cannot be used, with the reason in one sentence.

    The sentence is written for the person who typed: the rule, what was received, what to do. It has no line break
    and fewer than 300 characters, however long the input was, so that it fits beside a text field.

    >>> parse_expression("2u")
    Traceback (most recent call last):
    sgtheory._expressions.ExpressionError: Multiplication must be written out, got '2u'; put a * between '2' and 'u'.
    """


@dataclass(frozen=True)
class _Node:
    """A part of a formula that has passed every gate."""


@dataclass(frozen=True)
class _Number(_Node):
    value: float


@dataclass(frozen=True)
class _Symbol(_Node):
    name: str


@dataclass(frozen=True)
class _Apply(_Node):
    operation: str
    arguments: tuple[_Node, ...]


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

    **Raises** `ExpressionError` where `parse_expression` does.

    >>> import jax.numpy as jnp
    >>> float(Expression("1/(1 + exp(-beta*u))")(jnp.array(0.0), 2.0))
    0.5
    """

    text: str
    _tree: _Node = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        text = _checked_text(self.text)
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "_tree", _read(text))

    def __call__(self, distance: Array, steepness: Array | float) -> Array:
        """Evaluate the formula at every distance to threshold.

        `distance` holds the values of ``u``, floats in an array of any shape; `steepness` is the scalar ``beta``. The
        result has the shape and dtype of `distance`, also for a formula without ``u``. The tree is walked while JAX
        traces, so a compiled function pays nothing for it.

        **Raises** `TypeError` when `distance` does not hold real floats.

        >>> import jax, jax.numpy as jnp
        >>> p = parse_expression("where(u < 0, 0.5*exp(beta*u), 1 - 0.5*exp(-beta*u))")
        >>> jax.vmap(jax.grad(p), in_axes=(0, None))(jnp.array([-1000.0, 0.0, 1000.0]), 2.0).tolist()
        [0.0, 1.0, 0.0]
        """
        import jax.numpy as jnp

        distance = jnp.asarray(distance)
        if not jnp.issubdtype(distance.dtype, jnp.floating):
            raise TypeError(f"Distances to threshold must be real floats, got {distance.dtype}; convert them first.")
        # Given the shape of the distances, the steepness makes the formula elementwise in both of its arguments.
        steepness = jnp.broadcast_to(jnp.asarray(steepness, dtype=distance.dtype), distance.shape)
        return _forward_differentiated(functools.partial(_value, self._tree))(distance, steepness)


def parse_expression(text: object) -> Expression:
    """Read an escape function p(u) that somebody typed, without ever running it.

    Known are the distance to threshold ``u``, the steepness ``beta``, the constants ``pi`` and ``e``, decimal numbers,
    ``+ - * / **`` (``^`` means ``**``), the functions ``abs arctan atan cosh erf exp expm1 log log1p max min sigmoid
    sign sinh softplus sqrt tanh``, and ``where(condition, a, b)`` with one comparison by ``< <= > >=`` as condition.
    Whether the formula is a probability that rises with ``u`` is for `check_escape` to say.

    **Raises** `ExpressionError` when `text` is no such formula, is longer than 500 characters or is nested too deeply.
    Any object is accepted, so that what is not text is refused in words as well.

    >>> parse_expression(" 0.5 + atan(pi*beta*u/2)/pi ")
    Expression(text='0.5 + atan(pi*beta*u/2)/pi')
    """
    return Expression(_checked_text(text))


def check_escape(expression: Expression, steepness: float, low: float, high: float, points: int = 2001) -> None:
    """Refuse a formula that cannot be the probability of a spike, naming the place where it fails.

    It is evaluated at `points` equally spaced distances from `low` to `high`. It must be finite, lie between 0 and 1,
    never fall and rise somewhere. The rounding that is forgiven is 64 units in the last place of 1: 1.4e-14 where JAX
    has 64-bit floats switched on, 7.6e-6 in 32-bit floats. What happens between two distances is not seen.

    **Raises** `ExpressionError` when the formula is no escape function here, or when the range or the steepness is not
    a finite one.

    >>> check_escape(parse_expression("sigmoid(beta*u)"), 2.0, -3.0, 3.0)
    >>> check_escape(parse_expression("min(0.5 + u, 1)"), 2.0, -3.0, 3.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sgtheory._expressions.ExpressionError: An escape function must lie between 0 and 1, got p(-3) = -2.5; ...
    """
    import jax.numpy as jnp
    import numpy as np

    from sgtheory._checks import escape_fault

    usable = all(abs(number) <= _LARGEST_NUMBER for number in (steepness, low, high))  # false for NaN as well
    if not (usable and low < high and points >= 2):
        raise ExpressionError(
            "An escape function is checked on at least 2 points of a finite range with a finite steepness, got "
            f"{points:.4g} points from {low:.4g} to {high:.4g} with steepness {steepness:.4g}; change these."
        )
    distances = np.linspace(low, high, points).astype(jnp.result_type(float))
    fault = escape_fault(distances, np.asarray(expression(jnp.asarray(distances), steepness)))
    if fault:
        raise ExpressionError(f"An escape function {fault}")


# --- gates 1 and 2: characters and words -----------------------------------------------------------------------------


def _checked_text(text: object) -> str:
    """The text without blanks around it, once its type, its length and each of its words are known to be harmless."""
    if not isinstance(text, str):
        raise ExpressionError(
            f"An escape function must be text, got {_shortened(type(text).__name__)}; "
            "type one, for example sigmoid(beta*u)."
        )
    if len(text) > _LONGEST_TEXT:
        raise ExpressionError(
            f"An escape function has at most {_LONGEST_TEXT} characters, got {len(text)} starting with "
            f"{_shortened(text)}; shorten it."
        )
    text = text.strip()
    if not text:
        raise ExpressionError(
            "An escape function must not be empty, got no text; type one, for example sigmoid(beta*u)."
        )
    _check_words(text)
    return text


def _check_words(text: str) -> None:
    """Refuse unknown signs and names, functions without brackets, and multiplication without its sign."""
    position, before = 0, None
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ExpressionError(
                "An escape function is one line of names, decimal numbers and the signs + - * / ^ ( ) , < >, got "
                f"{text[position]!r} at position {position + 1}; remove or replace it."
            )
        if token.lastgroup != "blanks":
            _check_neighbours(before, token)
            before = token
        position = token.end()
    if before is not None and before.group() in _USAGE:
        raise _bare_function(before.group())


def _check_neighbours(before: re.Match[str] | None, token: re.Match[str]) -> None:
    """Refuse a word that is unknown, or that may not follow the one before it."""
    word = token.group()
    if token.lastgroup == "name" and word not in _SYMBOLS and word not in _USAGE:
        raise ExpressionError(
            f"An escape function knows {', '.join((*_SYMBOLS, *sorted(_USAGE)))}, got {_shortened(word)}; "
            "use these names, and where for cases."
        )
    if before is None:
        return
    if before.group() in _USAGE and word != "(":
        raise _bare_function(before.group())
    ends_a_value = before.lastgroup == "number" or before.group() in (*_SYMBOLS, ")")
    if ends_a_value and (token.lastgroup != "sign" or word == "("):
        raise ExpressionError(
            f"Multiplication must be written out, got {_shortened(token.string)}; "
            f"put a * between {_shortened(before.group())} and {_shortened(word)}."
        )


def _bare_function(name: str) -> ExpressionError:
    return ExpressionError(f"A function needs its arguments in brackets, got {name} alone; write {_USAGE[name]}.")


def _shortened(text: str) -> str:
    """A quoted beginning of the text: whatever it holds, line breaks and invisible characters come out escaped."""
    return repr(text) if len(text) <= 40 else repr(text[:37] + "...")


# --- gates 3 and 4: the tree -----------------------------------------------------------------------------------------


def _read(text: str) -> _Node:
    """The tree of a text that has passed the first two gates."""
    too_deep = ExpressionError(
        f"An escape function may chain or nest {_DEEPEST_NESTING} operations, got more in {_shortened(text)}; "
        "simplify it."
    )
    if _deepest_bracket(text) > _DEEPEST_NESTING:
        raise too_deep
    try:
        # Python's own ^ binds more loosely than +, so it is rewritten before reading and not after.
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
    except (RecursionError, MemoryError):
        raise too_deep from None
    except (SyntaxError, ValueError):
        raise ExpressionError(
            f"An escape function must be one complete formula, got {_shortened(text)}; "
            "check its brackets, commas and operators."
        ) from None
    if _depth(tree) > _DEEPEST_NESTING:
        raise too_deep
    return _converted(tree)


def _deepest_bracket(text: str) -> int:
    """How many brackets are open at once, at most."""
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _depth(tree: ast.expr) -> int:
    """How many levels the tree has; counted level by level, since recursion is what is to be bounded."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        depth += 1
    return depth


def _converted(node: ast.expr) -> _Node:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _converted_number(number)
        case ast.Name(id=name) if name in _SYMBOLS:
            return _Symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _Apply("negative", (_converted(operand),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _converted(operand)
        case ast.BinOp(op=operator) if type(operator) in _BINARY:
            return _converted_operation(_BINARY[type(operator)], _converted(node.left), _converted(node.right))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in _USAGE:
            return _converted_call(name, node)
        case _:
            raise _refused(node)


def _refused(node: ast.expr) -> ExpressionError:
    """The sentence for a part that has no place in a formula."""
    got = _shortened(ast.unparse(node))
    match node:
        case ast.Compare():
            return ExpressionError(
                f"A comparison may only be the first argument of where, got {got}; write where(u < 0, a, b)."
            )
        case ast.Tuple():
            return ExpressionError(
                f"A comma may only separate the arguments of a function, got {got}; write decimal numbers with a point."
            )
        case _:
            return ExpressionError(
                f"An escape function joins its parts with + - * / and ** alone, got {got}; write it with these."
            )


def _converted_number(number: int | float) -> _Number:
    # Compared before it is made a float, because a whole number of 400 digits is none.
    if number > _LARGEST_NUMBER:
        raise ExpressionError(
            f"A number in an escape function is at most {_LARGEST_NUMBER:g}, got {_shortened(str(number))}; "
            "make it smaller."
        )
    return _Number(float(number))


def _converted_operation(operation: str, left: _Node, right: _Node) -> _Node:
    """Both sides joined; a power of a positive number becomes exp, so that it saturates as exp does."""
    if operation == "**" and left == _Symbol("e"):
        return _Apply("exp", (right,))
    if operation == "**" and isinstance(left, _Number) and left.value > 0 and not isinstance(right, _Number):
        return _Apply("exp", (_Apply("*", (_Number(math.log(left.value)), right)),))
    return _Apply(operation, (left, right))


def _converted_call(name: str, call: ast.Call) -> _Node:
    count = len(call.args)
    if name in ("min", "max"):
        enough, wanted = count >= 2, "two or more arguments"
    elif name == "where":
        enough, wanted = count == 3, "three arguments"
    else:
        enough, wanted = count == 1, "one argument"
    if not enough:
        raise ExpressionError(f"The function {name} takes {wanted}, got {count}; write {_USAGE[name]}.")
    if name == "where":
        return _Apply(name, (_converted_condition(call.args[0]), *map(_converted, call.args[1:])))
    return _Apply(name, tuple(map(_converted, call.args)))


def _converted_condition(node: ast.expr) -> _Node:
    match node:
        case ast.Compare(left=left, ops=[order], comparators=[right]) if type(order) in _ORDER:
            return _Apply(_ORDER[type(order)], (_converted(left), _converted(right)))
        case _:
            raise ExpressionError(
                "The first argument of where must be one comparison by <, <=, > or >=, got "
                f"{_shortened(ast.unparse(node))}; write where(u < 0, a, b)."
            )


# --- evaluation ------------------------------------------------------------------------------------------------------


def _value(tree: _Node, distance: Array, steepness: Array) -> Array:
    """The formula at each pair of distance and steepness, both of one shape and dtype."""
    import jax.numpy as jnp

    dtype = distance.dtype
    constants = {"pi": jnp.asarray(math.pi, dtype=dtype), "e": jnp.asarray(math.e, dtype=dtype)}
    value = _evaluated(tree, {"u": distance, "beta": steepness, **constants})
    return jnp.broadcast_to(value, distance.shape)


def _evaluated(node: _Node, symbols: Mapping[str, Array]) -> Array:
    import jax.numpy as jnp

    match node:
        case _Number(value=value):
            return jnp.asarray(value, dtype=symbols["u"].dtype)
        case _Symbol(name=name):
            return symbols[name]
        case _Apply(operation=operation, arguments=arguments):
            return _operations()[operation](*(_evaluated(argument, symbols) for argument in arguments))
        case _:
            raise AssertionError(f"no such node: {node}")


@functools.cache
def _operations() -> Mapping[str, Callable[..., Array]]:
    """What each name in a tree computes."""
    import jax
    import jax.numpy as jnp

    named = (jnp.arctan, jnp.log, jnp.log1p, jnp.negative, jnp.sign, jnp.sqrt, jnp.tanh, jnp.where)
    growing = (jnp.exp, jnp.expm1, jnp.sinh, jnp.cosh)
    return {
        **{function.__name__: function for function in named},
        **{function.__name__: _saturating(function) for function in growing},
        **dict(zip("+-*/<>", (jnp.add, jnp.subtract, jnp.multiply, jnp.divide, jnp.less, jnp.greater), strict=True)),
        "**": jnp.power,
        # Not jnp.abs, whose derivative at 0 is 0 in some versions of JAX and 1 in others.
        "abs": lambda argument: jnp.sign(argument) * argument,
        "<=": jnp.less_equal,
        ">=": jnp.greater_equal,
        "atan": jnp.arctan,
        "erf": jax.lax.erf,
        "sigmoid": jax.nn.sigmoid,
        "softplus": jax.nn.softplus,
        "min": lambda *arguments: functools.reduce(jnp.minimum, arguments),
        "max": lambda *arguments: functools.reduce(jnp.maximum, arguments),
    }


def _saturating(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The function held constant where its square would overflow, so that 1/x**2 times its derivative is finite."""
    import jax.numpy as jnp

    def saturated(argument: Array) -> Array:
        bound = 0.5 * math.log(float(jnp.finfo(argument.dtype).max))
        return function(jnp.clip(argument, -bound if function in (jnp.sinh, jnp.cosh) else None, bound))

    return saturated


def _forward_differentiated(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """The same elementwise function, whose derivatives are computed forwards even when JAX differentiates backwards.

    Backwards, JAX multiplies the derivative of an unselected branch of `where` by 0, and 0 times infinity is NaN.
    Forwards it selects between the two derivatives, and no such product arises. The derivatives are wrapped in the
    same way, hence this holds at every order.
    """
    import jax
    import jax.numpy as jnp

    value = jax.custom_jvp(function)

    def derivative(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
        change = jnp.zeros_like(primals[0])
        for index, tangent in enumerate(tangents):
            # Left out rather than multiplied by 0: the derivative of u**beta in beta is NaN for negative u.
            if not isinstance(tangent, jax.custom_derivatives.SymbolicZero):
                slope = _forward_differentiated(functools.partial(_partial_derivative, function, index))
                change = change + slope(*primals) * tangent
        return value(*primals), change

    value.defjvp(derivative, symbolic_zeros=True)
    return value


def _partial_derivative(
    function: Callable[[Array, Array], Array], index: int, distance: Array, steepness: Array
) -> Array:
    """The derivative of an elementwise function in its argument number `index`, at every element."""
    import jax
    import jax.numpy as jnp

    def along(argument: Array) -> Array:
        return function(argument, steepness) if index == 0 else function(distance, argument)

    point = (distance, steepness)[index]
    return jax.jvp(along, (point,), (jnp.ones_like(point),))[1]
