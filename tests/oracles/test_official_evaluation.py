"""The evaluation against arrays that the official C++ code produced (official_evaluation.npz)."""

from pathlib import Path

import numpy as np
import pytest

from multibox.data.dataset import Dataset, Example
from multibox.detections import Detections
from multibox.evaluation.voc import average_precision, evaluate_voc, match_detections, precision_recall
from multibox.size import Size

OFFICIAL = np.load(Path(__file__).parents[1] / "data_files" / "official_evaluation.npz")
CLASS_NAMES = tuple(f"class {label}" for label in range(1, 21))
SETS = ("norm", "norm_withdifficult", "pixel", "pixel_withdifficult")
VERSIONS = {"voc07": "11point", "voc10": "MaxIntegral", "integral": "Integral"}


def boxes_of(name: str, rows: np.ndarray) -> np.ndarray:
    """Boxes as the official code compares them: normalized, or clipped, in pixels and with the inclusive +1."""
    boxes = rows[:, -5:-1] if rows.shape[1] == 8 else rows[:, 3:]
    if not name.startswith("pixel"):
        return boxes
    height, width = OFFICIAL["sizes_h_w"][rows[:, 0].astype(int)].T
    pixels = boxes.clip(0, 1) * np.stack([width, height, width, height], axis=1).astype(np.float32)
    return pixels + np.array([0, 0, 1, 1], dtype=np.float32)


def prepared(name: str) -> tuple[Dataset, list[Detections]]:
    """The official objects and detections as a data set of 40 images and one Detections for each."""
    objects, found = OFFICIAL["gt"], OFFICIAL["det"]
    object_boxes, found_boxes = boxes_of(name, objects), boxes_of(name, found)
    difficult = (objects[:, 7] > 0) & (not name.endswith("withdifficult"))
    examples, detections = [], []
    for image in range(int(OFFICIAL["num_images"])):
        here, there = objects[:, 0] == image, found[:, 0] == image
        labels, none = objects[here, 1].astype(np.int64) - 1, np.zeros(here.sum(), dtype=bool)
        examples.append(Example(Path("x"), object_boxes[here], labels, difficult[here], none, id=str(image)))
        labels = found[there, 1].astype(np.int64) - 1
        detections.append(Detections(found_boxes[there], found[there, 2], labels, CLASS_NAMES, Size(1, 1)))
    return Dataset("official", CLASS_NAMES, tuple(examples)), detections


@pytest.mark.parametrize("name", SETS)
def test_status_of_every_detection(name: str) -> None:
    """Right, false or ignored, for each of 374 detections, against rows of the official DetectionEvaluate layer."""
    dataset, detections = prepared(name)
    for image, (example, found) in enumerate(zip(dataset, detections, strict=True)):
        for label in np.unique(found.labels):
            mine, theirs = found.labels == label, example.labels == label
            ours = match_detections(
                found.boxes[mine], objects=example.boxes[theirs], ignore=example.difficult[theirs], iou_threshold=0.5
            )
            rows = OFFICIAL[f"{name}_status"]
            rows = rows[(rows[:, 0] == image) & (rows[:, 1] == label + 1)]
            assert np.array_equal(rows[:, 2], found.scores[mine])
            assert np.array_equal(rows[:, 3:], np.stack([ours == 1, ours == 0], axis=1)), (image, label)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SETS)
def test_counts_and_ap_of_every_class(name: str, version: str) -> None:
    """Object counts and APs of 20 classes against the official solver, which returns 0 or nan without objects."""
    result = evaluate_voc(prepared(name)[0], detections=prepared(name)[1])
    counts = np.array([curve.num_objects for curve in result.curves])
    assert np.array_equal(counts, OFFICIAL[f"{name}_num_pos"])
    official = OFFICIAL[f"{name}_ap_{VERSIONS[version]}"]
    ours = np.array(
        [average_precision(c.recall.astype(np.float32), precision=c.precision, version=version) for c in result.curves]
    )
    np.testing.assert_allclose(ours[counts > 0], official[counts > 0], atol=1e-6)
    assert np.isnan(result.ap(version)[counts == 0]).all()
    assert np.nansum(ours) / 20 == pytest.approx(float(OFFICIAL[f"{name}_map_{VERSIONS[version]}"]), abs=1e-6)


@pytest.mark.parametrize("name", SETS)
def test_eleven_points_differ_from_the_official_only_at_exact_recalls(name: str) -> None:
    """The 11-point AP with recall in double against the official one: larger only at exact recalls."""
    result = evaluate_voc(prepared(name)[0], detections=prepared(name)[1])
    official = OFFICIAL[f"{name}_ap_11point"]
    for curve, theirs in zip(result.curves, official, strict=True):
        if curve.num_objects and abs(curve.ap("voc07") - theirs) > 1e-6:
            assert np.isin(curve.recall, [7 / 10, 9 / 10]).any()
            assert curve.ap("voc07") > theirs


@pytest.mark.parametrize("case", range(int(OFFICIAL["num_ca"])))
@pytest.mark.parametrize("version", VERSIONS)
def test_direct_calls_of_compute_ap(case: int, version: str) -> None:
    """Precision, recall and AP of single curves, many with equal scores, against the official ComputeAP."""
    key = f"ca{case}_"
    outcomes = OFFICIAL[key + "tp"].astype(np.int8)
    curve = precision_recall(OFFICIAL[key + "score"], outcomes=outcomes, num_objects=int(OFFICIAL[key + "num_pos"]))
    np.testing.assert_allclose(curve.recall, OFFICIAL[key + "rec"], atol=1e-6)
    np.testing.assert_allclose(curve.precision, OFFICIAL[key + "prec"], atol=1e-6)
    recall, precision = OFFICIAL[key + "rec"], OFFICIAL[key + "prec"]
    ours = average_precision(recall, precision=precision, version=version)
    assert ours == pytest.approx(float(OFFICIAL[key + f"ap_{VERSIONS[version]}"]), abs=2e-6)
    from_double = average_precision(curve.recall.astype(np.float32), precision=curve.precision, version=version)
    assert from_double == pytest.approx(ours, abs=2e-6)
