"""Pictures and tables as bytes: columns of numbers for named data sources, one after another; and how numbers are rounded."""

import decimal
import math
from collections.abc import Collection

import numpy as np

_LARGEST_F4 = float(np.finfo("f4").max)
_SIDES = ("start", "end")
_ACROSS = ("left", "right")

Sources = dict[str, dict[str, np.ndarray]]
"""Source name → column name → numbers; in a table every column has a leading axis, one row per slider position."""


def rounded(number: int | float, digits: int) -> float:
    """`number` to so many significant digits, halves away from zero, as `toPrecision` in the browser rounds them."""
    return float(decimal.Context(prec=digits, rounding=decimal.ROUND_HALF_UP).create_decimal(number))


def tidy(number: int | float) -> float:
    """A slider's number without the rounding of its steps: 0.8, not 0.7999999999999998; `tidy` in numbers.js is the same."""
    return 0.0 if abs(number) < 1e-10 else rounded(number, 10)


def written(number: int | float, digits: int) -> str:
    """A number in so many significant digits, without zeros at their end and without a power of ten."""
    return np.format_float_positional(rounded(number, digits), trim="-").replace("-", "−")


def in_64_bits():
    """A context in which this thread computes in 64 bits, whatever the notebook itself has chosen."""
    import jax

    return jax.enable_x64(True)


def pack(sources: Sources, *, precision: str = "f4", discrete: Collection[str] = (), table: bool = False):
    """The layout and the bytes that `numbers.js` unpacks.

    Booleans are sent as bits, numbers in the given precision, or in f8 where they are too large for f4; images that need
    not be exact as u1, one byte each between the least and the largest number of the column, which is finer than any
    palette. `discrete` names the columns ("source.column") that jump and must not be interpolated. Columns that are the
    same in every row of a table are left out, because the picture holds them already.

    **Raises** `ValueError`, naming the column, for a number that is not finite: a picture never has a silent gap.
    """
    layout, parts = [], []
    for source, columns in sources.items():
        for column, values in columns.items():
            values = np.asarray(values)
            largest = _largest(f"{source}.{column}", values)
            if table and np.all(values == values[:1]):
                continue
            bits, dtype = values.dtype == bool, _dtype(values, largest, precision)
            mode = "nearest" if bits or f"{source}.{column}" in discrete else "linear"
            shape = list(values.shape[1:] if table else values.shape)
            entry = {"source": source, "column": column, "dtype": dtype, "shape": shape, "mode": mode}
            rows = values.reshape(len(values) if table else 1, -1)
            if dtype == "f4" and len(shape) == 2:
                rows, offset, scale = in_bytes(rows)
                entry |= {"dtype": "u1", "offset": offset, "scale": scale}
            layout.append(entry)
            parts.append(np.packbits(rows, axis=1).tobytes() if bits else rows.astype("<" + entry["dtype"]).tobytes())
    return layout, b"".join(parts)


def in_bytes(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Numbers as whole ones from 0 to 254, times a scale, plus an offset."""
    offset = float(values.min(initial=math.inf)) if values.size else 0.0
    scale = (
        float(values.max(initial=offset)) - offset
    ) / 254  # so that the middle of a range, which may be zero, is met
    return np.rint((values - offset) / (scale or 1.0)), offset, scale


def check_finite(sources: Sources) -> None:
    """Checks the numbers. **Raises** `ValueError`, naming the column, for numbers that `pack` would refuse."""
    for source, columns in sources.items():
        for column, values in columns.items():
            _largest(f"{source}.{column}", np.asarray(values))


def _largest(name: str, values: np.ndarray) -> float:
    """The largest magnitude in a column of finite numbers."""
    largest = float(np.abs(values).max(initial=0.0)) if values.size and values.dtype != bool else 0.0
    if not math.isfinite(largest):
        raise ValueError(f"Column `{name}` must be finite everywhere to be drawn, got NaN or infinity.")
    return largest


def _dtype(values: np.ndarray, largest: float, precision: str) -> str:
    if values.dtype == bool:
        return "bit"
    # In four bytes 1e39 would be infinite, and a steep formula has such slopes.
    return precision if largest <= _LARGEST_F4 else "f8"


def interpolated(table: Sources, position: float, discrete: Collection[str] = ()) -> Sources:
    """What the browser shows between the rows of `table`, to measure a table's error; `interpolate` in numbers.js is the same."""
    below = min(int(position), _rows(table) - 2)
    part = position - below

    def between(source, column, values):
        values = np.asarray(values)
        if values.dtype == bool or f"{source}.{column}" in discrete:
            return values[math.floor(position + 0.5)]  # half a row is rounded up, as in the browser
        return values[below] + part * (values[below + 1] - values[below])

    return {
        source: {column: between(source, column, values) for column, values in columns.items()}
        for source, columns in table.items()
    }


def _rows(table: Sources) -> int:
    return len(next(iter(next(iter(table.values())).values())))


def flatten(sources: Sources, prefix: str) -> dict[str, np.ndarray]:
    """The sources with one level of names, for an .npz file."""
    return {
        f"{prefix}/{source}/{column}": values
        for source, columns in sources.items()
        for column, values in columns.items()
    }


def unflatten(arrays, prefix: str) -> Sources:
    """The inverse of `flatten`, from an open .npz file."""
    sources: Sources = {}
    for key in arrays:
        head, _, rest = key.partition("/")
        if head == prefix:
            source, _, column = rest.partition("/")
            sources.setdefault(source, {})[column] = arrays[key]
    return sources


def nice_range(curves: list[np.ndarray], parts: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Round ends of an axis that contains all curves, in coarse steps, so that axes rarely move during a drag.

    The end farther from zero is 1, 2 or 5 times a power of ten; both ends are multiples of one of its `parts`. Small numbers
    are not magnified beyond 0.01; where all are zero, zero lies in the middle, between −1 and 1.
    """
    highest = np.max([curve.max(axis=-1, initial=-np.inf) for curve in curves], axis=0)
    lowest = np.min([curve.min(axis=-1, initial=np.inf) for curve in curves], axis=0)
    nothing = highest < lowest  # no points at all
    largest = np.where(nothing, 1.0, np.maximum(highest, -lowest))
    zero = largest <= 1e-9
    highest = np.where(nothing | zero, 1.0, highest)
    lowest = np.where(zero, -1.0, np.where(nothing, 0.0, lowest))
    size = np.where(zero, 1.0, np.maximum(largest, 1e-2))
    scale = 10.0 ** np.floor(np.log10(size))
    mantissa = size / scale
    end = np.select([mantissa <= 1, mantissa <= 2, mantissa <= 5], [1.0, 2.0, 5.0], 10.0) * scale
    part = end / parts
    above = np.where(highest > 1e-9, np.ceil(highest / part - 1e-9) * part, 0.0) + 0.05 * end
    below = np.where(lowest < -1e-9, np.floor(lowest / part + 1e-9) * part, 0.0) - 0.05 * end
    return below[..., None], above[..., None]


def range_columns(
    ranges: dict[str, tuple[np.ndarray, np.ndarray]], across: dict[str, tuple[np.ndarray, np.ndarray]] | None = None
) -> dict[str, np.ndarray]:
    """The columns of the source `ranges`: the two ends of each panel's y-axis and, for those in `across`, of its x-axis."""
    kinds = ((ranges, _SIDES), (across or {}, _ACROSS))
    return {
        f"{name}.{side}": end
        for kind, sides in kinds
        for name, ends in kind.items()
        for side, end in zip(sides, ends, strict=True)
    }


def range_names(names: Collection[str], across: Collection[str] = ()) -> frozenset[str]:
    """The names of these columns among the `discrete` ones: an axis that slides along hides how a curve grows."""
    upright = frozenset(f"ranges.{name}.{side}" for name in names for side in _SIDES)
    return upright | {f"ranges.{name}.{side}" for name in across for side in _ACROSS}


def filled_up(values: np.ndarray, rows: int) -> np.ndarray:
    """A short sweep with its last value repeated, so that one compiled program computes the tables of all sliders."""
    return np.pad(values, (0, max(0, rows - len(values))), mode="edge")
