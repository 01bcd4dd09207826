"""New names for a detector's classes: what pairs mean, and detections with them."""

import numpy as np
import pytest

from multibox.class_map import class_map, renamed
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.size import Size

KNOWN = ("Cattle", "Cat", "Boot", "Footwear")


def test_pairs() -> None:
    """The detector's class comes first, in any case; the other order works where only the second is a class."""
    assert class_map(["cattle=cow", "feline=Cat"], known=KNOWN) == {"Cattle": "cow", "Cat": "feline"}
    assert class_map(["boot=Footwear"], known=KNOWN) == {"Boot": "Footwear"}
    assert class_map(["cow=cattle"], known=KNOWN, new=["cow", "dog"]) == {"Cattle": "cow"}
    assert class_map([" Cat = a=b "], known=KNOWN) == {"Cat": "a=b"}
    assert class_map([], known=KNOWN) == {}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["Cat"], "'Cat' does not have the form OLD=NEW"),
        (["=cow"], "does not have the form OLD=NEW"),
        (["catle=cow"], "names no class of the detector, which knows Cattle"),
        (["Cat=a", "cat=b"], "gives 'Cat' the names 'a' and 'b'"),
    ],
)
def test_wrong_pairs(pairs: list[str], message: str) -> None:
    """Each mistake against one line with the value and the rule."""
    with pytest.raises(UsageError, match=message):
        class_map(pairs, known=KNOWN)


def test_new_names_are_limited() -> None:
    """A new name that is none of the wanted classes against the error that lists these."""
    with pytest.raises(UsageError, match="names none of the new classes: cow, dog"):
        class_map(["cattle=horse"], known=KNOWN, new=["cow", "dog"])


def test_detections_with_new_names() -> None:
    """Labels, names and order of detections, two classes of which get one name."""
    found = Detections(
        np.zeros((4, 4), np.float32), np.ones(4, np.float32), np.array([3, 0, 2, 1]), KNOWN, image_size=Size(9, 9)
    )
    names = {"Boot": "shoe", "Footwear": "shoe", "Cat": "cat"}
    given = found.renamed(names)
    assert renamed(KNOWN, names) == given.class_names == ("Cattle", "cat", "shoe")
    assert [name for _, _, name in given] == ["shoe", "Cattle", "shoe", "cat"]
