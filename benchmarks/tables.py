"""How measurements are printed."""

from typing import Any


def table(rows: list[dict[str, Any]]) -> str:
    """Rows with the same keys, as a Markdown table."""
    keys = list(rows[0])
    lines = ["| " + " | ".join(keys) + " |", "|" + "---|" * len(keys)]
    return "\n".join(lines + ["| " + " | ".join(str(row[key]) for key in keys) + " |" for row in rows])
