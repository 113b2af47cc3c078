"""The map of page 05: the circle is dragged, and a reader's own loop is drawn corner by corner."""

import numpy as np
import pytest

from sgtheory.pages._drawn_loop import DRAWN, parse_corners


@pytest.fixture
def loop_page(ready_pages, tools):
    page = ready_pages["loop_integral"]
    front_end = tools.FrontEnd(page)
    page.reset()
    page.loop.rest()
    page.loop.tables.forget()
    front_end.received.clear()
    return page, front_end


def points(front_end, x, y, figure="network"):
    return front_end.says("pointed", figure=figure, x=x, y=y)


def test_a_loop_of_ones_own_is_drawn_from_its_third_corner_on(loop_page):
    page, front_end = loop_page
    page.controls["centre_x"].value = 0.5
    page.controls["radius"].value = 1.0
    front_end.says("action", name="new_loop")
    assert points(front_end, 0.5, -1.0) == ["marks"]
    assert points(front_end, 1.5, 0.0) == ["marks"]
    assert front_end.last("marks")[0]["marks"] == [
        {"figure": "network", "x": 0.5, "y": -1.0}, {"figure": "network", "x": 1.5, "y": 0.0}
    ]  # fmt: skip
    answer = points(front_end, 0.5, 1.0)
    assert "picture" in answer
    assert front_end.last("marks")[0]["marks"] == []
    assert page.settings()["loop"] == DRAWN
    assert parse_corners(page.settings()["corners"]) == [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0)]
    assert "picture" in points(front_end, -0.5, 0.0)
    assert len(parse_corners(page.settings()["corners"])) == 4
    path = page.data["loop.0"]
    assert (path["x"].max(), path["loop.1"].max()) == pytest.approx((1.5, 1.0), abs=1e-3)
    assert abs(float(page.data["readouts"]["change"][0])) < 1e-12
    front_end.says("reset")
    assert points(front_end, 0.5, 1.0) == []  # a circle has no corners: the message says what to do
    assert "Own loop" in front_end.words[-1]


def test_marks_stay_where_they_were_clicked_until_they_are_a_loop_or_a_reset(loop_page):
    page, front_end = loop_page
    front_end.says("action", name="new_loop")
    points(front_end, 0.5, -1.0)
    kept = front_end.last("marks")[0]["marks"]
    assert "marks" not in front_end.moves("radius", 1.0)  # a picture leaves them alone
    page.controls["centre_x"].value = 0.5
    points(front_end, 1.5, 0.0, "curl")
    assert front_end.last("marks")[0]["marks"][:1] == kept
    assert "marks" in front_end.says("hello")  # a new view shows them too
    assert len(front_end.last("marks")[0]["marks"]) == 2
    front_end.says("reset")
    assert front_end.last("marks")[0]["marks"] == []
    front_end.says("action", name="new_loop")
    for x, y in [(0.0, -1.0), (1.0, 0.0), (0.0, 1.0)]:
        points(front_end, x, y)
    corners = np.array(parse_corners(page.settings()["corners"]))
    np.testing.assert_allclose(1.8 * corners, [[0, -1], [1, 0], [0, 1]], atol=1e-3)


def test_a_hand_on_the_map_carries_two_sliders_at_once(loop_page):
    page, front_end = loop_page
    front_end.asks("centre_y", 0.25, centre_x=1.5)
    state = front_end.last("moved")[0]["state"]
    assert (state["centre_x"], state["centre_y"]) == (1.5, 0.25)
    assert page.settings()["centre_x"] == 0.0  # the slider itself sends its value at rest
    assert front_end.settles(centre_x=1.5, centre_y=0.25) == ["picture", "table"]
    state = front_end.last("picture")[0]["state"]
    assert (state["centre_x"], state["centre_y"]) == (1.5, 0.25)
    # The sliders' own messages come late, one after the other: by then the picture is right already.
    assert front_end.moves("centre_x", 1.5) == []
    assert front_end.moves("centre_y", 0.25) == []
    assert page.settings()["centre_x"] == 1.5
    assert front_end.moves("centre_x", 0.5) == ["picture"]


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("", "got “”"),
        ("0 0; 1 1", "got 2"),
        ("0 0; 1 1; 2", "got “2”"),
        ("0 0; 1 1; x y", "got “x y”"),
        ("0 0; 1 1; nan 0", "got “nan 0”"),
        ("0 0; 1 1; inf 0", "got “inf 0”"),
        ("0 0; 1 1; 0 1e99", "got “0 1e99”"),
        ("0 0;" * 21, "got 21"),
        ("9" * 400 + " 0; 1 1; 0 1", "got “999"),
    ],
)
def test_what_is_no_loop_is_refused_in_one_sentence(loop_page, text, got):
    with pytest.raises(ValueError, match="The loop must be 3 to 20 corners") as refused:
        parse_corners(text)
    assert got in str(refused.value)
    assert len(str(refused.value)) < 250
    page, front_end = loop_page
    front_end.moves("loop", DRAWN)
    before = page.data
    front_end.moves("corners", text)
    assert got in page.messages["corners"].value.replace("&quot;", '"')
    assert page.loop.latest[1] is before  # the picture stays


@pytest.mark.parametrize(
    "content", [{"x": float("nan"), "y": 0.0}, {"x": 0.0}, {"x": "a", "y": 0.0}, {"x": [], "y": {}}]
)
def test_an_odd_point_changes_nothing(loop_page, content):
    page, front_end = loop_page
    before = page.settings()
    for figure in ("network", "loop", "nobody", []):
        front_end.says("pointed", figure=figure, **content)
        assert page.settings() == before
