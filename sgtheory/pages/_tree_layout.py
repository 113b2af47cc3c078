"""Where the branches, paths and leaves of page 02's tree lie: its root at the top, its leaves in the order of their numbers.

Every array has a leading axis of rows, one for each position of the slider that is swept.
"""

import itertools

import numpy as np

Columns = dict[str, np.ndarray]

WEIGHTS = ("w", "v", "u")
LANES = {"above": -0.005, "below": 0.005, "alone": 0.01, "sampled": 0.0}
"""How far paths that share a branch are moved apart, in widths of the figure."""
_DISC = 36.0
"""Diameter of the disc of a path that is certain, in pixels."""
_TRUNK, _HAIR = 0.06, 0.0012
"""Width of the widest branch, and of the narrowest, so that none disappears; in widths of the figure."""
_BEND = np.linspace(0.0, 1.0, 15)
_SMOOTH = 3 * _BEND**2 - 2 * _BEND**3
_TALLY = -0.4  # where the discs below the leaves show what has been drawn


class Tree:
    """The tree of a network, with these probabilities of its leaves (rows × leaves), from left to right as numbered."""

    def __init__(self, layers: tuple[int, ...], probability: np.ndarray) -> None:
        self.layers = layers
        self.cuts = np.cumsum([0, *self.layers])  # decisions that have been taken, level by level
        self.probability = probability

    def _x(self, level: int) -> np.ndarray:
        nodes = 2 ** self.cuts[level]
        return (np.arange(nodes) + 0.5) / nodes

    def _node(self, leaf: np.ndarray, level: int) -> np.ndarray:
        return leaf >> (self.cuts[-1] - self.cuts[level])

    def _nodes(self, level: int) -> np.ndarray:
        """The probabilities of all nodes of a level: rows × nodes."""
        return self.probability.reshape(len(self.probability), 2 ** self.cuts[level], -1).sum(axis=-1)

    def flow(self) -> Columns:
        """All branches as one area: each begins on its share of the branch above and ends centred at its node."""
        parts = {"y": [], "left": [], "right": []}
        self._trunk(parts)
        for level in range(len(self.layers)):
            above, below = self._nodes(level), self._nodes(level + 1)
            families = below.reshape(*above.shape, -1)
            start = (self._x(level) - _TRUNK * above / 2)[..., None] + _TRUNK * (
                np.cumsum(families, axis=-1) - families
            )
            start, end = start.reshape(below.shape), self._x(level + 1) - _TRUNK * below / 2
            left = start[..., None] + (end - start)[..., None] * _SMOOTH
            right = left + _TRUNK * below[..., None]
            for name, edge, hair in (("left", left, -_HAIR), ("right", right, _HAIR)):
                # Closed at both ends, so that the line to the next branch encloses no area.
                middle = (left + right) / 2
                parts[name].append(np.concatenate([middle[..., :1], edge + hair / 2, middle[..., -1:]], axis=-1))
            y = 3 - level - np.concatenate([_BEND[:1], _BEND, _BEND[-1:]])
            parts["y"].append(np.broadcast_to(y, parts["left"][-1].shape))
        rows = len(self.probability)
        return {name: np.concatenate([part.reshape(rows, -1) for part in each], axis=1) for name, each in parts.items()}

    def _trunk(self, parts: dict[str, list[np.ndarray]]) -> None:
        """The trunk above the root."""
        rows = len(self.probability)
        half = _TRUNK / 2 * np.array([0.0, 1.0, 1.0, 0.0])
        for name, values in (("y", [3.2, 3.2, 3.0, 3.0]), ("left", 0.5 - half), ("right", 0.5 + half)):
            parts[name].append(np.broadcast_to(values, (rows, 4)))

    def path(self, leaf: np.ndarray, lane: float) -> Columns:
        """From the root to one leaf per row, moved aside by `lane`; `middle` is where it passes through the last hidden layer."""
        stations = [self._x(level)[self._node(leaf, level)][:, None] for level in range(len(self.layers) + 1)]
        bends = [above + (below - above) * _SMOOTH for above, below in itertools.pairwise(stations)]
        x = np.concatenate(bends, axis=1) + lane
        y = np.concatenate([3 - level - _BEND for level in range(len(self.layers))])
        return {"x": x, "y": np.broadcast_to(y, x.shape), "middle": stations[-2]}

    def dots(self) -> dict[str, Columns]:
        """One dot per unit at every node, those of a layer one above the other: the units that fired, and the silent ones."""
        found = {"fired": [], "silent": []}
        for level, units in enumerate(self.layers, start=1):
            for node, x in enumerate(self._x(level)):
                for unit in range(units):
                    fired = (node >> (units - 1 - unit)) & 1
                    y = 3 - level + 0.12 * ((units - 1) / 2 - unit)
                    found["fired" if fired else "silent"].append((x, y))
        rows = len(self.probability)
        return {
            name: {axis: np.broadcast_to(values, (rows, len(each))) for axis, values in zip("xy", np.transpose(each), strict=True)}
            for name, each in found.items()
        }  # fmt: skip

    def leaves(self, gradient: np.ndarray, shares: np.ndarray) -> Columns:
        """The columns of every path: discs as large as it is probable, and rings as large as its share of the draws."""
        leaf = np.arange(self.probability.shape[1])
        return {
            "likely": _DISC * np.sqrt(self.probability), "drawn": _DISC * np.sqrt(shares), "probability": self.probability,
            **self._told({"x": self._x(-1), "y": np.full(len(leaf), _TALLY), "spike": 2 + leaf % 2, **self._hidden(leaf)}),
            **_by_weight(gradient),
        }  # fmt: skip

    def hidden(self, gradient: np.ndarray) -> Columns:
        """The columns of every path up to the last hidden layer: its gradient does not depend on the output."""
        every = 2 ** self.layers[-1]
        probability = self._nodes(-2)
        leaf = np.arange(0, self.probability.shape[1], every)
        return {
            "size": _DISC * np.sqrt(probability), "probability": probability,
            **self._told({"x": self._x(-2), **self._hidden(leaf)}), **_by_weight(gradient[:, ::every]),
        }  # fmt: skip

    def _hidden(self, leaf: np.ndarray) -> Columns:
        """Spike patterns of the hidden layers, as binary digits after a leading 1."""
        patterns = {}
        for level, units in enumerate(self.layers[:-1], start=1):
            patterns[f"h{level}"] = 2**units + self._node(leaf, level) % 2**units
        return patterns

    def _told(self, columns: dict[str, np.ndarray]) -> Columns:
        rows = len(self.probability)
        return {name: np.broadcast_to(values.astype(float), (rows, len(values))) for name, values in columns.items()}


def _by_weight(gradient: np.ndarray) -> Columns:
    return {f"by_{name}": gradient[..., k] for k, name in enumerate(WEIGHTS)}
