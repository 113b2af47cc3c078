"""Which sliders can be drawn from a table, and of which tables the browser draws: without a page and without a browser."""

import pytest

from sgtheory.pages._kit import Choice, Slider
from sgtheory.pages._kit.board import Board
from sgtheory.pages._kit.tables import LARGEST, Tables

SPECIFICATION = (
    Slider("height", "height", 1.0, 0.0, 2.0, 0.5, "A number"),
    Slider("width", "width", 1.0, 0.0, 2.0, 0.5, "Another number", shown_for=("shape", "oval")),
    Slider("count", "count", 2, 1, 9, 1, "How many there are", sizes=True, tabled=False),
    Choice("shape", "shape", "round", ("round", "oval"), "A shape"),
)


@pytest.fixture
def board():
    """Heights above 1 are refused for nine."""

    def refusals(settings):
        return {"height": "Too high."} if settings["height"] > 1 and settings["count"] == 9 else {}

    return Board(SPECIFICATION, refusals, lambda name: None)


@pytest.fixture
def tables(board):
    return Tables(board)


def possible(tables, board, **settings):
    return {name for name in board.by_name if tables.possible(name, board.settings() | settings)}


def test_a_slider_that_changes_the_picture_can_have_a_table(tables, board):
    assert possible(tables, board) == {"height"}
    assert possible(tables, board, shape="oval") == {"height", "width"}


def test_a_slider_with_an_end_that_is_refused_can_have_none(tables, board):
    assert possible(tables, board, count=9) == set()


def test_the_browser_draws_from_a_table_while_the_other_controls_stay(tables, board):
    assert not tables.cover("height")
    assert tables.admit("height", board.settings(), 1000)
    assert tables.cover("height")
    board.set({"height": 1.5})
    assert tables.cover("height")
    assert not tables.cover("count")
    board.set({"count": 3})
    assert not tables.cover("height")
    board.set({"count": 2})
    assert tables.cover("height")
    tables.forget()
    assert not tables.cover("height")


def test_a_table_that_is_too_large_is_not_asked_for_again_until_its_size_changes(tables, board):
    assert tables.admit("height", board.settings(), LARGEST)
    tables.forget()
    assert not tables.admit("height", board.settings(), LARGEST + 1)
    assert not tables.cover("height")
    assert possible(tables, board, height=0.5) == set()
    assert possible(tables, board, count=1) == {"height"}
    assert possible(tables, board, shape="oval") == {"height", "width"}


def test_controls_that_are_set_together_are_not_heard_one_by_one():
    heard = []
    board = Board(SPECIFICATION, lambda settings: {}, heard.append)
    board.set({"height": 0.5, "shape": "oval"})
    assert heard == []
    assert board.widgets["width"].layout.display is None
    board.widgets["shape"].value = "round"
    assert heard == ["shape"]
    assert board.widgets["width"].layout.display == board.messages["width"].layout.display == "none"
