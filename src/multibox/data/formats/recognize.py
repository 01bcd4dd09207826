"""The formats of data sets, and which of them a data set has."""

from pathlib import Path

from multibox.data.formats.coco.source import find_coco
from multibox.data.formats.coco.writer import write_coco
from multibox.data.formats.format import Format, Source, Writer
from multibox.data.formats.ilsvrc import find_ilsvrc
from multibox.data.formats.voc.source import find_voc
from multibox.data.formats.voc.writer import write_voc
from multibox.data.formats.yolo.source import find_yolo
from multibox.data.formats.yolo.writer import write_yolo
from multibox.errors import DataError

# The first format that finds its files wins.
FORMATS = (
    Format("ilsvrc", "ILSVRC (Annotations/DET)", find_ilsvrc),
    Format(
        "voc",
        "VOC (XML files in it, in Annotations or in VOC<year>)",
        find_voc,
        Writer(write_voc, images="JPEGImages"),
    ),
    Format(
        "coco",
        "COCO (annotations/*.json with images and categories)",
        find_coco,
        Writer(write_coco, images="{split}"),
    ),
    Format(
        "yolo",
        "YOLO (data.yaml, or folders images and labels)",
        find_yolo,
        Writer(write_yolo, images="images/{split}", relative=True),
    ),
)


def recognize(path: Path | str, *, pixel_rule: str = "voc") -> Source:
    """Return the data set at `path`, whatever its format; `pixel_rule` matters to VOC only.

    Raises DataError if the path does not exist or no format is found in it, and UsageError for an unknown pixel rule.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; give the folder or annotation file of a data set")
    for form in FORMATS:
        if source := form.find(path):
            return source.with_pixel_rule(pixel_rule)
    looked_for = ", ".join(form.layout for form in FORMATS[:-1]) + f" and {FORMATS[-1].layout}"
    hint = "; give the folder of the data set, not one of its files" if path.is_file() else ""
    raise DataError(f"{path} is not a known data set; looked for {looked_for}{hint}")
