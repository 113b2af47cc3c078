r"""Formulas as MathML, which browsers read without a script, from a small part of LaTeX.

Letters, digits and signs stand for themselves (σ, ∂, ≠ …); `_`, `^`, `'`, `{…}`, `\frac{…}{…}`, `\tilde{…}` `\text{…}` and `\quad`
as in LaTeX.
"""

import html
import re

_TOKEN = re.compile(r"\\text\{[^{}]*\}|\\[a-z]+|\d+(?:\.\d+)?|\S")
_FENCES = frozenset("()[]|,;:")
# A prime is high by itself: as a superscript it would float above its letter.
_PLACED = 'voffset="-0.45em" height="0.3em" width="0.1em"'
_PRIME = f'<mpadded {_PLACED}><mo class="sgtheory-prime" lspace="0" rspace="0">′</mo></mpadded>'


def formula(text: str, *, display: bool = False) -> str:
    """The `<math>` element of a formula. **Raises** `ValueError` for one that does not end where it should."""
    tokens = _TOKEN.findall(text)
    row = _row(tokens, text)
    if tokens:
        _refuse(text)
    return f"<math{' display=' + chr(34) + 'block' + chr(34) if display else ''}>{row}</math>"


def _refuse(text: str):
    raise ValueError(f"A formula must have as many {{ as }} and something to stand by each sign, got {text!r}.")


def _row(tokens: list[str], text: str) -> str:
    parts = []
    while tokens and tokens[0] != "}":
        parts.append(_atom(tokens, text))
    return f"<mrow>{''.join(parts)}</mrow>"


def _atom(tokens: list[str], text: str) -> str:
    base, below, above = _single(tokens, text), "", ""
    while tokens and tokens[0] in ("_", "^", "'"):
        sign = tokens.pop(0)
        if sign == "_":
            below = _single(tokens, text)
        else:
            above += _PRIME if sign == "'" else _single(tokens, text)
    if below and above:
        return f"<msubsup>{base}{below}<mrow>{above}</mrow></msubsup>"
    if below or above:
        return f"<msub>{base}{below}</msub>" if below else f"<msup>{base}<mrow>{above}</mrow></msup>"
    return base


def _group(tokens: list[str], text: str) -> str:
    if not tokens or tokens.pop(0) != "{":
        _refuse(text)
    row = _row(tokens, text)
    if not tokens or tokens.pop(0) != "}":
        _refuse(text)
    return row


def _single(tokens: list[str], text: str) -> str:
    if not tokens or tokens[0] in ("}", "_", "^", "'"):
        _refuse(text)
    if tokens[0] == "{":
        return _group(tokens, text)
    token = tokens.pop(0)
    if token == r"\frac":
        return f"<mfrac>{_group(tokens, text)}{_group(tokens, text)}</mfrac>"
    if token == r"\tilde":
        return f'<mover accent="true">{_group(tokens, text)}<mo stretchy="false">~</mo></mover>'
    if token.startswith(r"\text{"):
        return f"<mtext>{html.escape(token[6:-1]).replace(' ', '&nbsp;')}</mtext>"
    if token == r"\quad":
        return '<mspace width="1em"></mspace>'
    if token.startswith("\\") and len(token) > 1:
        _refuse(text)
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token.isalpha() and token not in "∂":
        return f"<mi>{token}</mi>"
    if token in _FENCES:
        return f'<mo stretchy="false">{token}</mo>'
    return f"<mo>{html.escape(token)}</mo>"
