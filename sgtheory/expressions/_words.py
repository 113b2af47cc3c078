"""Gates 1 and 2 of a typed formula: its characters and its words."""

import re
from collections.abc import Mapping

from sgtheory.expressions._error import ExpressionError, shortened

_LONGEST_TEXT = 500

SYMBOLS = ("u", "beta", "pi", "e")
_ONE_ARGUMENT = (
    *("abs", "arctan", "atan", "cosh", "erf", "exp", "expm1", "log", "log1p"),
    *("sigmoid", "sign", "sinh", "softplus", "sqrt", "tanh"),
)
USAGE: Mapping[str, str] = {
    **{name: f"{name}(a)" for name in _ONE_ARGUMENT},
    "max": "max(a, b)",
    "min": "min(a, b)",
    "where": "where(u < 0, a, b)",
}

_TOKEN = re.compile(
    r"(?P<blanks> +)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<sign>\*\*|//|[<>=!]=|[-+*/^(),<>])"
)


def checked_text(text: object) -> str:
    """The text without blanks around it, once its type, its length and each of its words are known to be harmless."""
    if not isinstance(text, str):
        raise ExpressionError(
            f"An escape function must be text, got {shortened(type(text).__name__)}; "
            "type one, for example sigmoid(beta*u)."
        )
    if len(text) > _LONGEST_TEXT:
        raise ExpressionError(
            f"An escape function has at most {_LONGEST_TEXT} characters, got {len(text)} starting with "
            f"{shortened(text)}; shorten it."
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
    if before is not None and before.group() in USAGE:
        raise _bare_function(before.group())


def _check_neighbours(before: re.Match[str] | None, token: re.Match[str]) -> None:
    """Refuse a word that is unknown, or that may not follow the one before it."""
    word = token.group()
    if token.lastgroup == "name" and word not in SYMBOLS and word not in USAGE:
        raise ExpressionError(
            f"An escape function knows {', '.join((*SYMBOLS, *sorted(USAGE)))}, got {shortened(word)}; "
            "use these names, and where for cases."
        )
    if before is None:
        return
    if before.group() in USAGE and word != "(":
        raise _bare_function(before.group())
    ends_a_value = before.lastgroup == "number" or before.group() in (*SYMBOLS, ")")
    if ends_a_value and (token.lastgroup != "sign" or word == "("):
        raise ExpressionError(
            f"Multiplication must be written out, got {shortened(token.string)}; "
            f"put a * between {shortened(before.group())} and {shortened(word)}."
        )


def _bare_function(name: str) -> ExpressionError:
    return ExpressionError(f"A function needs its arguments in brackets, got {name} alone; write {USAGE[name]}.")
