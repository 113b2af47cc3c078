"""The refusal of a typed formula."""


class ExpressionError(ValueError):
    """A typed escape function that cannot be used, with the reason in one sentence.

    The sentence is written for the person who typed: the rule, the text received, the remedy. It has no line break and
    fewer than 300 characters, however long the text was, so that it fits beside a text field.

    >>> from sgtheory.expressions import expression
    >>> expression("2u")
    Traceback (most recent call last):
    sgtheory.expressions.ExpressionError: Multiplication must be written out, got '2u'; put a * between '2' and 'u'.
    """

    __module__ = "sgtheory.expressions"  # where it is imported from, which is what a traceback shows


def shortened(text: str) -> str:
    """A quoted beginning of the text: whatever it holds, line breaks and invisible characters come out escaped."""
    return repr(text) if len(text) <= 40 else repr(text[:37] + "...")
