"""Whether a JSON file is a file of COCO instances, from its beginning and its end."""

import re
from pathlib import Path

from multibox.data.formats.evidence import Strength

_SHOWN_BYTES = 65536
_IMAGES = re.compile(rb'"images"\s*:\s*\[')
_OTHER_LISTS = re.compile(rb'"(annotations|categories)"\s*:\s*\[')
_ANY_KEY = re.compile(rb'"(images|annotations|categories)"\s*:')


def annotation_strength(path: Path) -> Strength | None:
    """Return how strongly the file looks like COCO instances, None if it does not at all.

    It is an object with the lists "images" and "annotations" or "categories". Results are lists, and notes of other
    tools have categories alone. A file instances_NAME.json, or one in `annotations`, counts by its name if it has one
    of the keys; reading then says what it lacks.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_SHOWN_BYTES)
            file.seek(max(_SHOWN_BYTES, size - _SHOWN_BYTES))
            shown = start + file.read(_SHOWN_BYTES)
    except OSError:
        return None
    named = path.stem.startswith(("instances_", "_annotations"))
    home = path.parent.name.casefold() == "annotations"
    if not start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return Strength.NAMED if named else None
    lists = _IMAGES.search(shown) is not None and _OTHER_LISTS.search(shown) is not None
    if lists:
        return Strength.DECLARED if named or home else Strength.STRUCTURED
    if size > 2 * _SHOWN_BYTES and (_IMAGES.search(shown) or _OTHER_LISTS.search(shown)):
        return Strength.STRUCTURED  # the other lists are in the part that is not shown
    return Strength.NAMED if _ANY_KEY.search(shown) and (named or home or _IMAGES.search(shown)) else None
