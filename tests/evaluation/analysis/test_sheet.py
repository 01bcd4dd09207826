"""Contact sheets: which errors are chosen, their order, and the region of the image that is shown."""

from pathlib import Path

import numpy as np
import pytest

from error_cases import ALIKE, NAMES, one_of_each
from evaluation_cases import a_dataset, an_example, some_detections
from multibox.data.dataset import Dataset, Example
from multibox.evaluation.analysis.kinds import WRONG, diagnose
from multibox.evaluation.analysis.sheet import MISSED, Finding, contact_sheet, findings
from tiny_detector import noise_image, write_image

pytest.importorskip("matplotlib")


def found(kind: str) -> list[Finding]:
    dataset, detections, _ = one_of_each()
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    return list(findings(dataset, detections=detections, diagnosis=diagnosis, kind=kind))


@pytest.mark.parametrize(
    ("kind", "title", "note"),
    [
        ("localization", "cat 0.70", "IoU 0.40"),
        ("duplicate", "cat 0.80", "IoU 0.80"),
        ("similar", "cat 0.60 on dog", "IoU 1.00"),
        ("other", "cat 0.50 on cup", "IoU 0.60"),
        ("background", "cat 0.40", "IoU 0.00"),
    ],
)
def test_words_of_each_kind(kind: str, title: str, note: str) -> None:
    """The image in which every kind occurs once: one finding with its text, and the object's box if there is one."""
    (finding,) = found(kind)
    assert (finding.image, finding.title, finding.note) == (0, title, note)
    assert (finding.target is None) == (kind == "background")
    assert finding.detected is not None


def test_missed_objects_come_by_size() -> None:
    """Three missed objects of equal size: two of image a, then one of b; no detected box."""
    missed = found(MISSED)
    assert [(each.image, each.title) for each in missed] == [(0, "dog"), (0, "cup"), (1, "cat")]
    assert all(each.detected is None for each in missed)
    assert missed[0].note == "100 x 100 pixels"


def test_the_most_confident_first_and_two_of_an_image() -> None:
    """Four false positives in one image and one in another: the two best of the first, and the other one."""
    boxes = [[0, 0, 9, 9]] * 4
    detections = [some_detections(boxes, scores=[0.9, 0.8, 0.7, 0.6]), some_detections(boxes[:1], scores=[0.85])]
    dataset = a_dataset(an_example("a"), an_example("b"))
    diagnosis = diagnose(dataset, detections=detections, similar=np.zeros((1, 1), bool))
    chosen = findings(dataset, detections=detections, diagnosis=diagnosis, kind="background")
    assert [(each.image, each.title) for each in chosen] == [(0, "cat 0.90"), (1, "cat 0.85"), (0, "cat 0.80")]


def with_images(folder: Path, dataset: Dataset) -> Dataset:
    """The same data set with noise images for all examples except the second."""
    first = dataset[0]
    path = folder / "a.png"
    write_image(path, noise_image(seed=0, width=640, height=480))
    moved = Example(path, first.boxes, first.labels, first.difficult, first.crowd, first.id, first.size)
    return a_dataset(moved, *dataset.examples[1:], class_names=NAMES)


def test_a_sheet_for_every_kind(tmp_path: Path) -> None:
    """A sheet with one image for each kind; a missed object whose image does not exist is skipped."""
    dataset, detections, _ = one_of_each()
    dataset = with_images(tmp_path, dataset)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    for kind in [*(kind.title for kind in WRONG), MISSED]:
        chosen = findings(dataset, detections=detections, diagnosis=diagnosis, kind=kind)
        sheet = contact_sheet(dataset, errors=chosen, kind=kind)
        assert sheet is not None
        shown = [axes for axes in sheet.axes if axes.images]
        assert len(shown) == (2 if kind == MISSED else 1)
        for axes in shown:
            (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
            assert (right - left) / (bottom - top) == pytest.approx(4 / 3)
            for box in axes.patches:
                assert left <= box.get_x() <= box.get_x() + box.get_width() <= right
                assert top <= box.get_y() <= box.get_y() + box.get_height() <= bottom


def test_no_image_no_sheet() -> None:
    """No sheet if none of the images exists."""
    dataset, detections, _ = one_of_each()
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    chosen = findings(dataset, detections=detections, diagnosis=diagnosis, kind="similar")
    assert contact_sheet(dataset, errors=chosen, kind="similar") is None
