"""The switch for the work that BokehJS is spared."""

import pytest

from sgtheory.pages import SignFlip
from sgtheory.pages._kit.spares import SPARES, spares_in_use


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, SPARES),
        ("", SPARES),
        ("1", SPARES),
        ("0", ()),
        ("-scenery", [name for name in SPARES if name != "scenery"]),
        ("-scenery,-screen", [name for name in SPARES if name not in ("scenery", "screen")]),
    ],
)
def test_the_switch_leaves_these(monkeypatch, said, expected):
    if said is None:
        monkeypatch.delenv("SGTHEORY_SPARES", raising=False)
    else:
        monkeypatch.setenv("SGTHEORY_SPARES", said)
    assert spares_in_use() == list(expected)


@pytest.mark.parametrize("said", ["-scnery", "scenery", "-screen,", "-screen, -scenery", "off", "--screen"])
def test_what_it_does_not_know_is_refused_in_one_sentence(monkeypatch, said):
    monkeypatch.setenv("SGTHEORY_SPARES", said)
    with pytest.raises(
        ValueError, match=r"SGTHEORY_SPARES must be 0, or .* scenery, .*; got .* unset the variable\."
    ) as raised:
        spares_in_use()
    assert repr(said) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_page_tells_its_script_which_spares_are_in_use(monkeypatch):
    monkeypatch.setenv("SGTHEORY_SPARES", "-scenery")
    page = SignFlip()
    assert page.stage.spares == [name for name in SPARES if name != "scenery"]
    page.close()
