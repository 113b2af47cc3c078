"""Gates 3 and 4 of a typed formula: its grammar and its shape."""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass

from sgtheory.expressions._error import ExpressionError, shortened
from sgtheory.expressions._words import SYMBOLS, USAGE

# Far from Python's limit on recursion, wherever the text is read; a sum of n terms is nested n levels deep.
_DEEPEST_NESTING = 40
# In 32-bit floats, too, a number below this bound can be multiplied by an ordinary one without becoming infinite.
LARGEST_NUMBER = 1e30

_BINARY: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
_ORDER: Mapping[type[ast.cmpop], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass(frozen=True)
class Node:
    """A part of a formula that has passed every gate."""


@dataclass(frozen=True)
class Number(Node):
    value: float


@dataclass(frozen=True)
class Symbol(Node):
    name: str


@dataclass(frozen=True)
class Apply(Node):
    operation: str
    arguments: tuple[Node, ...]


def read(text: str) -> Node:
    """The tree of a text that has passed the first two gates."""
    too_deep = ExpressionError(
        f"An escape function may chain or nest at most {_DEEPEST_NESTING} operations, got more in {shortened(text)}; "
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
            f"An escape function must be one complete formula, got {shortened(text)}; "
            "check its brackets, commas and operators."
        ) from None
    if _depth(tree) > _DEEPEST_NESTING:
        raise too_deep
    return _converted(tree)


def _deepest_bracket(text: str) -> int:
    """The largest number of brackets that are open at once."""
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _depth(tree: ast.expr) -> int:
    """How many levels the tree has; counted level by level, since recursion is what must be bounded."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        depth += 1
    return depth


def _converted(node: ast.expr) -> Node:
    match node:
        case ast.Constant(value=int() | float() as number):
            return _converted_number(number)
        case ast.Name(id=name) if name in SYMBOLS:
            return Symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Apply("negative", (_converted(operand),))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _converted(operand)
        case ast.BinOp(op=operator) if type(operator) in _BINARY:
            return _converted_operation(_BINARY[type(operator)], _converted(node.left), _converted(node.right))
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name in USAGE:
            return _converted_call(name, node)
        case _:
            raise _refused(node)


def _refused(node: ast.expr) -> ExpressionError:
    """The sentence for a part that has no place in a formula."""
    got = shortened(ast.unparse(node))
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


def _converted_number(number: int | float) -> Number:
    # Compared before it becomes a float: a whole number of 400 digits does not fit into one.
    if number > LARGEST_NUMBER:
        raise ExpressionError(
            f"A number in an escape function is at most {LARGEST_NUMBER:g}, got {shortened(str(number))}; "
            "make it smaller."
        )
    return Number(float(number))


def _converted_operation(operation: str, left: Node, right: Node) -> Node:
    """Both sides joined; a power of a positive number becomes exp, so that it saturates as exp does."""
    if operation == "**" and left == Symbol("e"):
        return Apply("exp", (right,))
    if operation == "**" and isinstance(left, Number) and left.value > 0 and not isinstance(right, Number):
        return Apply("exp", (Apply("*", (Number(math.log(left.value)), right)),))
    return Apply(operation, (left, right))


def _converted_call(name: str, call: ast.Call) -> Node:
    count = len(call.args)
    if name in ("min", "max"):
        enough, wanted = count >= 2, "two or more arguments"
    elif name == "where":
        enough, wanted = count == 3, "three arguments"
    else:
        enough, wanted = count == 1, "one argument"
    if not enough:
        raise ExpressionError(f"The function {name} takes {wanted}, got {count}; write {USAGE[name]}.")
    if name == "where":
        return Apply(name, (_converted_condition(call.args[0]), *map(_converted, call.args[1:])))
    return Apply(name, tuple(map(_converted, call.args)))


def _converted_condition(node: ast.expr) -> Node:
    match node:
        case ast.Compare(left=left, ops=[order], comparators=[right]) if type(order) in _ORDER:
            return Apply(_ORDER[type(order)], (_converted(left), _converted(right)))
        case _:
            raise ExpressionError(
                "The first argument of where must be one comparison by <, <=, > or >=, got "
                f"{shortened(ast.unparse(node))}; write where(u < 0, a, b)."
            )
