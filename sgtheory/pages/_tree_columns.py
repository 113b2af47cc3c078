"""The numbers of page 02: from the experiment's bundle to columns, all with a leading axis of rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sgtheory.pages._kit import Sources, in_64_bits, nice_range, range_columns
from sgtheory.pages._tree_layout import LANES, WEIGHTS, Tree

COUPLED, UNCOUPLED = "coupled", "uncoupled"
SMALLEST = 1e-16  # a variance that is zero apart from rounding is drawn as this one


def sizes(widths: str) -> tuple[int, ...]:
    """Number of inputs and of units in each layer, from a text such as 1-2-2-1."""
    return tuple(int(width) for width in widths.split("-"))


def arrange(shown: dict[str, np.ndarray], settings: Mapping[str, Any], swept: Mapping[str, np.ndarray]) -> Sources:
    """The experiment's bundle as columns, all with a leading axis of rows; `swept` settings have one value per row."""
    columns = _Columns(shown, settings, swept)
    return {
        **columns.of_tree(), **columns.of_paths(), **columns.of_running_mean(), **columns.of_weights(), **columns.of_steps(),
        "ranges": range_columns(columns.ranges()), "readouts": columns.readouts(),
    }  # fmt: skip


class _Columns:
    """The numbers of each figure, for the chosen weight and the draws so far."""

    def __init__(self, shown, settings, swept) -> None:
        self.shown, self.pairs = shown, settings["pairs"]
        self.rows = len(shown["expected"])
        self.chosen = WEIGHTS.index(settings["weight"])
        self.tree = Tree(sizes(settings["widths"]), shown["probability"])
        # Either one number for all rows, or one per row.
        numbers = {name: np.asarray(swept.get(name, settings[name]), dtype=float) for name in ("draws", "step", "v")}
        self.numbers = {name: np.broadcast_to(number, self.rows)[:, None] for name, number in numbers.items()}
        self.draws = self.numbers["draws"].astype(int)
        self.gradient = shown["gradient"][..., self.chosen]
        self.exact, self.mean, self.alone, self.deviation = (
            shown[name][:, self.chosen, None] for name in ("exact", "mean", "deterministic", "deviation")
        )
        below = "below" if self.pairs == COUPLED else "below_uncoupled"
        self.leaf = {
            "sampled": self._last(shown["sampled_leaf"]),
            "alone": shown["deterministic_leaf"].astype(int),
            "above": self._last(shown["above"][:, self.chosen]),
            "below": self._last(shown[below][:, self.chosen]),
        }
        counts = np.arange(1, shown["sampled_leaf"].shape[1] + 1)
        self.until = np.minimum(counts, self.draws)
        self.running = np.take_along_axis(shown["running_mean"][..., self.chosen], self.until - 1, axis=1)
        self.counts = np.unique(np.geomspace(1, counts[-1], 40).astype(int))  # enough for a smooth band
        self.error = self.deviation / np.sqrt(self.counts)
        self.followed = self._along("sampled", self.gradient)

    def _last(self, leaves: np.ndarray) -> np.ndarray:
        """The leaf of the last draw, from the leaves of all draws (rows × draws)."""
        return np.take_along_axis(leaves, self.draws - 1, axis=1)[:, 0].astype(int)

    def _along(self, path: str, values: np.ndarray) -> np.ndarray:
        """The value at the leaf of one path, from the values at all leaves: rows × 1."""
        return np.take_along_axis(values, self.leaf[path][:, None], axis=1)

    def _still(self, values: Any) -> np.ndarray:
        values = np.asarray(values, dtype=float)
        return np.broadcast_to(values, (self.rows, *values.shape))

    def _level(self, points: int) -> dict[str, np.ndarray]:
        """Exact gradient and mean over all paths, as level lines."""
        return {name: np.repeat(each, points, axis=1) for name, each in (("exact", self.exact), ("mean", self.mean))}

    def of_tree(self) -> Sources:
        leaves = np.arange(self.gradient.shape[1])
        drawn = np.arange(self.shown["sampled_leaf"].shape[1]) < self.draws
        hits = (self.shown["sampled_leaf"][:, :, None] == leaves) & drawn[:, :, None]
        return {
            "flow": self.tree.flow(),
            **{name: self.tree.path(self.leaf[name], lane) for name, lane in LANES.items()},
            **self.tree.dots(),
            "leaves": self.tree.leaves(self.shown["gradient"], hits.sum(axis=1) / self.draws),
        }

    def of_paths(self) -> Sources:
        hidden = self.tree.hidden(self.shown["gradient"])
        return {
            "levels": {"x": self._still([0.0, 1.0]), **self._level(2)},
            "paths": {**hidden, "y": hidden[f"by_{WEIGHTS[self.chosen]}"]},
            "noiseless": {"x": self.tree.middle(self.leaf["alone"])[:, None], "y": self.alone},
            "followed": {"x": self.tree.middle(self.leaf["sampled"])[:, None], "y": self.followed},
        }

    def of_running_mean(self) -> Sources:
        return {
            "error": {
                "x": self._still(self.counts), "low": self.mean - self.error, "high": self.mean + self.error,
                **self._level(len(self.counts)),
            },
            "running": {"x": self.until.astype(float), "y": self.running},
            "so_far": {"x": self.numbers["draws"], "y": self.running[:, -1:]},
        }  # fmt: skip

    def _bars(self) -> dict[str, np.ndarray]:
        return {name: self.shown[field] for name, field in _GRADIENTS}

    def _over(self) -> dict[str, np.ndarray]:
        return {name: self.shown[f"{field}_over"][..., self.chosen] for name, field in _GRADIENTS}

    def of_weights(self) -> Sources:
        lanes = zip(self._bars().items(), (-0.26, 0.0, 0.26), strict=True)
        return {
            **{f"bars_{name}": _bars(heights, lane) for (name, heights), lane in lanes},
            "zero": {"x": self._still([-4.0, 4.0]), "y": self._still([0.0, 0.0])},
            "marker": {"x": np.repeat(self.numbers["v"], 2, axis=1), "y": self._still([-1e4, 1e4])},
            "over": {"x": self._still(_axis("weight")), **self._over()},
        }

    def of_steps(self) -> Sources:
        steps = np.log10(_axis("step"))
        variances = {
            COUPLED: _logarithm(self.shown["variance"][:, self.chosen]),
            UNCOUPLED: _logarithm(self.shown["variance_uncoupled"][:, self.chosen]),
        }
        return {
            "variance": {
                "x": self._still(steps), **{name: values[:, :-1] for name, values in variances.items()},
                "path": np.repeat(_logarithm(self.deviation**2), len(steps), axis=1),
            },
            "chosen": {"x": np.log10(self.numbers["step"]), "y": variances[self.pairs][:, -1:]},
        }  # fmt: skip

    def ranges(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {
            "paths": _with_room(*nice_range([self.gradient, self.exact])),
            "running": nice_range([self.mean + self.error, self.mean - self.error, self.exact, self.running]),
            # Whatever their heights, the bars end below the legend.
            "weights": nice_range([1.6 * heights for heights in self._bars().values()]),
            "over": nice_range(list(self._over().values())),
        }

    def readouts(self) -> dict[str, np.ndarray]:
        parting = "parting" if self.pairs == COUPLED else "parting_uncoupled"
        outputs = [(self.leaf[name] % 2)[:, None] for name in ("above", "below")]
        return {
            "expected": self.shown["expected"][:, None], "exact": self.exact, "mean": self.mean, "alone": self.alone,
            "running": self.running[:, -1:], "error": self.deviation / np.sqrt(self.draws),
            "probability": self._along("sampled", self.shown["probability"]), "followed": self.followed,
            "difference": (outputs[0] - outputs[1]) / self.numbers["step"],
            "parting": self.shown[parting][:, self.chosen, None],
        }  # fmt: skip


_GRADIENTS = (("exact", "exact"), ("mean", "mean"), ("alone", "deterministic"))
"""Names of the gradients here, and in the bundle."""


def _axis(name: str) -> np.ndarray:
    from sgtheory.experiments import path_tree

    with in_64_bits():
        return np.asarray(getattr(path_tree, f"{name}_axis")())


def _logarithm(values: np.ndarray) -> np.ndarray:
    return np.log10(np.maximum(values, SMALLEST))


def _with_room(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A range in which a disc at the end is not cut off."""
    return low - 0.08 * (high - low), high + 0.08 * (high - low)


def _bars(heights: np.ndarray, lane: float) -> dict[str, np.ndarray]:
    """Bars at 1, 2, …, moved aside by `lane`, as the corners of one band."""
    corners = np.array([-0.11, -0.11, 0.11, 0.11]) + lane
    x = (np.arange(1, heights.shape[1] + 1)[:, None] + corners).ravel()
    high = heights[:, :, None] * np.array([0.0, 1.0, 1.0, 0.0])
    flat = high.reshape(len(heights), -1)
    return {"x": np.broadcast_to(x, flat.shape), "low": np.zeros(flat.shape), "high": flat}
