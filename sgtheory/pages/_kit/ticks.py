"""The numbers along an axis: plain ones, and powers on an axis whose data are exponents."""

from collections.abc import Collection
from typing import Any

import numpy as np

from sgtheory.pages._kit.numbers import rounded, written
from sgtheory.pages._kit.stage import BROWSER

_STRIDES = [1, 2, 3, 5, 10]
_WANTED = 6  # ticks on an axis
_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def label_axis(axis: Any, base: int | None) -> None:
    """Numbers that read well along an axis of Bokeh; where its data are exponents of `base`, the powers themselves.

    Then there are ticks at whole exponents only, at most about eight.
    """
    from bokeh.models import AdaptiveTicker

    axis.formatter = formatter(base or 0)
    if base:
        axis.ticker = AdaptiveTicker(
            min_interval=1, mantissas=_STRIDES[:-1], desired_num_ticks=_WANTED, num_minor_ticks=0
        )


def formatter(base: int = 0) -> Any:
    """Bokeh's own, which writes numbers as `labels` does."""
    from bokeh.models import CustomJSTickFormatter

    code = (BROWSER / "ticks.js").read_text(encoding="utf-8") + "return tickLabel(tick, ticks, base);"
    return CustomJSTickFormatter(code=code, args={"base": base})


def powers_of(plot: Any) -> list[int]:
    """For the x-axis and the y-axis of a figure, the base whose exponents are its data; 0 for plain numbers."""
    return [axis.formatter.args["base"] for axis in (plot.xaxis[0], plot.yaxis[0])]


def exponents(low: int | float, high: int | float) -> np.ndarray:
    """The ticks between the ends of an axis of powers, as Bokeh's ticker chooses them."""
    stride = min(_STRIDES, key=lambda each: abs(_WANTED - (high - low) / each))
    return np.arange(np.ceil(low / stride), np.floor(high / stride) + 1) * stride


def labels(ticks: Collection[int | float], base: int = 0) -> list[str]:
    """What stands at these ticks; `tickLabel` in ticks.js does the same."""
    if base:
        numbers = [float(base) ** tick for tick in ticks]
        return [
            written(number, 4) if 0.000999 < number < 10_001 else _power(base, tick)
            for number, tick in zip(numbers, ticks, strict=True)
        ]
    largest = max((abs(tick) for tick in ticks), default=0.0)
    of = _plain if 0.000999 < largest < 9999.5 else _scientific
    return ["0" if abs(tick) <= 1e-9 * largest else of(tick) for tick in ticks]


def _plain(number: int | float) -> str:
    return written(number, 6)


def _power(base: int, exponent: int | float) -> str:
    return f"{base}{str(int(exponent)).translate(_RAISED)}"


def _scientific(number: int | float) -> str:
    mantissa, exponent = (float(part) for part in f"{rounded(number, 4):.3e}".split("e"))
    return {1.0: "", -1.0: "−"}.get(mantissa, _plain(mantissa) + "·") + _power(10, exponent)
