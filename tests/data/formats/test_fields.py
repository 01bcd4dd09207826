"""Ids, flags and numbers of annotation files: one rule for all formats."""

import pytest

from multibox.data.formats.fields import flag, id_order, id_text, id_value, number, optional_number


def test_ids_as_numbers_and_text() -> None:
    """1, 1.0 and "1" are one id; text keeps its letters; what is no id is refused."""
    assert {id_text(value) for value in (1, 1.0, "1", " 1 ")} == {"1"}
    assert [id_text("0007"), id_text("b2c-4"), id_text(10**400)] == ["0007", "b2c-4", "1" + "0" * 400]
    for value in (None, True, [1], {}, 1.5, float("nan"), "", " ", "x" * 1001, 10**5000):
        with pytest.raises(ValueError, match="id"):
            id_text(value)


def test_ids_in_json_and_in_order() -> None:
    """Plain numbers become numbers, all else stays text; numbers come before text, by value."""
    assert [id_value(text) for text in ("12", "-3", "007", "x", "٣")] == [12, -3, "007", "x", "٣"]
    assert sorted(["b", "10", "9", "a"], key=id_order) == ["9", "10", "a", "b"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[
            (value, False)
            for value in (None, False, 0, 0.0, "0", " 0 ", "0.0", "false", "No", "", "Unspecified", "null")
        ],
        *[(value, True) for value in (True, 1, 1.0, "1", "True", "yes", "1.0", 2)],
    ],
)
def test_flags(value: object, expected: bool) -> None:
    """Flags as truth values, numbers and text."""
    assert flag(value) is expected


def test_values_that_are_no_flags_and_numbers() -> None:
    """Words, lists and long integers against the rule; an optional number that cannot be used is absent."""
    for value in ("maybe", [0], {}):
        with pytest.raises(ValueError, match="a flag is 0 or 1"):
            flag(value)
    with pytest.raises(ValueError, match="hundreds of digits"):
        number(10**400)
    assert [optional_number(value) for value in (None, "x", -1, float("nan"), 10**400, True)] == [None] * 6
    assert [optional_number(value) for value in (0, 2.5, "3")] == [0, 2.5, 3]
