"""Escape functions typed by a student, such as ``1/(1 + exp(-beta*u))``, read safely and evaluated with JAX.

The text is never run as Python. Four gates stand between it and a number:

1. type, length and characters: at most 500 plain keyboard characters, looked at before anything else happens;
2. words: every name must be one of ``u``, ``beta``, ``pi``, ``e`` or a listed function, so no keyword, attribute,
   string or lambda reaches the parser;
3. grammar: `ast.parse` builds a tree, which is only read;
4. shape: the tree is copied, node by node, into numbers, symbols and applications of listed functions, and whatever
   is none of these is refused.

Reading needs the standard library alone. JAX is imported when an expression is first evaluated or given a steepness,
because a page shows its first picture before JAX is loaded.
"""

from sgtheory.expressions._check import check_escape as check_escape
from sgtheory.expressions._error import ExpressionError as ExpressionError
from sgtheory.expressions._expression import Expression as Expression, expression as expression
