"""The root tag of an XML file, which distinguishes VOC annotations from other XML without parsing it."""

import re
from itertools import islice
from pathlib import Path

from multibox.data.formats.files import files_with
from multibox.errors import DataError
from multibox.system.text import decode_text, read_bytes

_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)[\s>/]")
_ENCODING = re.compile(rb"""^\s*<\?xml[^>]*\sencoding\s*=\s*["']([\w.:-]+)["']""")
_NOT_THE_ROOT = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>[]*(\[.*?\])?\s*>", re.DOTALL)
MAX_XML_BYTES = 8 * 2**20
_LOOKED_AT = 10  # files of a folder
_OTHER_FORMATS = {
    "annotations": "CVAT for images; export it as Pascal VOC",
    "dataset": "dlib's imglab; export it as Pascal VOC",
    "net": "an OpenVINO model, not an annotation",
    "svg": "an SVG drawing, not an annotation",
    "html": "a web page, not an annotation",
}


def xml_text(path: Path) -> str:
    """Return the text of an XML file in the encoding that it declares. Raises DataError if it cannot be decoded."""
    data = read_bytes(path, limit=MAX_XML_BYTES)
    declared = _ENCODING.match(data)
    return decode_text(data, name=str(path), declared=declared[1].decode() if declared else None)


def root_tag(path: Path) -> str | None:
    """Return the name of the first element, without its namespace; None if the file has none or cannot be read."""
    try:
        match = _ROOT.search(_NOT_THE_ROOT.sub("", xml_text(path)))
    except DataError:
        return None
    return match[1] if match else None


def other_format(tag: str) -> str:
    """Return what an XML file with another root tag is, for messages."""
    return f"its root is <{tag}> and not <annotation>: {_OTHER_FORMATS.get(tag, 'not a VOC annotation; remove it')}"


def holds_annotations(folder: Path) -> bool:
    """Whether the folder holds XML files of VOC: one of the first has the root <annotation>, or none can be read."""
    tags = [root_tag(path) for path in islice(files_with(folder, (".xml",)), _LOOKED_AT)]
    return "annotation" in tags or (bool(tags) and not any(tags))
