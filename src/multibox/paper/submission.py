"""Detections for an evaluation server, which scores test images without public annotations."""

from pathlib import Path

import numpy as np

from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.voc.layout import VocFolder
from multibox.data.formats.voc.source import find_voc
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.evaluation.results.files import write_detections
from multibox.paper.splits import NeededSplit


def images_without_annotations(split: NeededSplit) -> Dataset | None:
    """Return the images of a VOC split if it has no XML file, like VOC2012 test; else None."""
    assert split.folder is not None
    source = find_voc(split.folder)
    if source is None:
        return None
    pairs = [(folder, name) for folder, names in source.select(split.split) for name in names]
    if not pairs or any((folder.annotations / f"{name}.xml").exists() for folder, name in pairs):
        return None
    return Dataset(split.split, VOC_CLASSES, tuple(_example(folder, name) for folder, name in pairs))


def _example(folder: VocFolder, name: str) -> Example:
    none = np.zeros(0, dtype=bool)
    image = folder.image_files.get(name, folder.images / f"{name}.jpg")
    return Example(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), none, none, name)


def write_submission(folder: Path, detector: Detector, dataset: Dataset, *, family: str) -> Path:
    """Detect on all images and write what the challenge's server takes; return the folder or file.

    COCO's server takes one JSON file, VOC's a folder with a text file for each class. Raises DataError for an image
    that cannot be read.
    """
    paths = [example.image for example in dataset]
    detections: dict[str, Detections] = dict(zip((example.id for example in dataset), detector(paths), strict=True))
    is_coco = family == "coco"
    target = folder / ("submission.json" if is_coco else "submission")
    write_detections(target, dataset=dataset, detections=detections, file_format="coco" if is_coco else "voc")
    return target
