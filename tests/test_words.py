"""Shared wording, against the words written out."""

from multibox.words import counted, listed


def test_lists_are_cut() -> None:
    """Few names against all of them, many against the first and their number."""
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(12)), limit=3) == "0, 1, 2, … (12 in all)"


def test_nouns_agree_with_their_number() -> None:
    """One and several of nouns with both kinds of plural."""
    assert [counted(1, "box"), counted(2, "box"), counted(1200, "image")] == ["1 box", "2 boxes", "1,200 images"]
    assert counted(2, "class") == "2 classes"
