"""Curves of figures as rows of a table."""

import jax
import numpy as np

Row = dict[str, float | int | str]


def points(panel: str, curve: str, x: jax.Array | np.ndarray, y: jax.Array | np.ndarray, piece: int = 0) -> list[Row]:
    """One row for each point of a curve, or of one of the pieces in which it comes.

    >>> print(points("spike time", "spike 1", np.array([0.5]), np.array([2.0])))
    [{'panel': 'spike time', 'curve': 'spike 1', 'piece': 0, 'x': 0.5, 'y': 2.0}]
    """
    return [
        {"panel": panel, "curve": curve, "piece": piece, "x": float(a), "y": float(b)}
        for a, b in zip(np.asarray(x), np.asarray(y), strict=True)
    ]
