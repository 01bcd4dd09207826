"""Detections for an evaluation server, where the annotations of the test images are not public."""

from pathlib import Path

import numpy as np

from multibox.data.classes.voc import VOC_CLASSES
from multibox.data.dataset import Dataset, Example
from multibox.data.formats.voc.layout import VocFolder, choose, find_voc
from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.evaluation.results.coco import write_coco_results
from multibox.evaluation.results.voc import write_voc_results
from multibox.paper.locate import Part


def images_alone(part: Part) -> Dataset | None:
    """The images of a VOC split none of whose XML files are there, as those of VOC2012 test; else None."""
    assert part.folder is not None
    folders = find_voc(part.folder)
    if not folders:
        return None
    chosen = choose(folders, part.split, part.folder)
    pairs = [(folder, name) for folder, names in chosen for name in names]
    if not pairs or any((folder.annotations / f"{name}.xml").exists() for folder, name in pairs):
        return None
    return Dataset(part.split, VOC_CLASSES, tuple(_example(folder, name) for folder, name in pairs))


def _example(folder: VocFolder, name: str) -> Example:
    none = np.zeros(0, dtype=bool)
    image = folder.image_files.get(name, folder.images / f"{name}.jpg")
    return Example(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), none, none, name)


def write_submission(folder: Path, detector: Detector, dataset: Dataset, *, kind: str) -> Path:
    """Detect on all images and write what the challenge's server takes; returns the folder or file.

    VOC's are text files for each class, COCO's is one JSON file. Raises DataError for an image that cannot be read.
    """
    paths = [example.image for example in dataset]
    detections: dict[str, Detections] = dict(zip((example.id for example in dataset), detector(paths), strict=True))
    if kind == "coco":
        target = folder / "submission.json"
        write_coco_results(target, dataset=dataset, detections=detections)
    else:
        target = folder / "submission"
        write_voc_results(target, dataset=dataset, detections=detections)
    return target
