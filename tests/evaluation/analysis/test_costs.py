"""The cost of errors: gains computed by hand, and properties of any repaired detections."""

import numpy as np
import pytest

from error_cases import ALIKE, one_of_each
from evaluation_cases import a_dataset, an_example, noisy_scenes, some_detections
from multibox.data.dataset import Dataset
from multibox.detections import Detections
from multibox.errors import UsageError
from multibox.evaluation.analysis.costs import REPAIRS, error_costs, repaired
from multibox.evaluation.analysis.kinds import Diagnosis, Kind, diagnose, missed_objects
from multibox.evaluation.voc import evaluate_voc

ALONE = np.zeros((1, 1), bool)


def two_cats() -> tuple[Dataset, list[Detections], Diagnosis]:
    """Cats A and B; detections by descending score: background, A, a poor box at B, A again."""
    dataset = a_dataset(an_example("a", boxes=[[0, 0, 100, 100], [200, 0, 300, 100]]))
    boxes = [[0, 300, 100, 400], [0, 0, 100, 90], [200, 0, 300, 40], [0, 0, 100, 80]]
    detections = [some_detections(boxes, scores=[0.9, 0.8, 0.7, 0.6])]
    return dataset, detections, diagnose(dataset, detections=detections, similar=ALONE)


@pytest.mark.parametrize(
    ("metric", "ap", "localization", "background"),
    [
        ("voc10", 1 / 4, 2 / 3, 1 / 2),  # A at precision 1/2; A and B at 2/3; A at precision 1
        ("voc07", 3 / 11, 2 / 3, 6 / 11),  # six of eleven points at 1/2; all at 2/3; six at 1
    ],
)
def test_gains_of_one_class(metric: str, ap: float, localization: float, background: float) -> None:
    """Four detections of two objects against APs by hand; B is not missed, because its poor box is repaired."""
    dataset, detections, diagnosis = two_cats()
    result = error_costs(dataset, detections=detections, diagnosis=diagnosis, metric=metric)
    assert result.ap == pytest.approx(ap)
    expected = dict.fromkeys(REPAIRS, 0.0) | {"localization": localization - ap, "background": background - ap}
    assert result.gain == pytest.approx(expected)
    assert result.by_class["cat"] == pytest.approx(expected)


def test_gains_with_every_kind_once() -> None:
    """APs of cat, dog and cup are 1/2, 0, 0. The dog and the cup are detected under wrong names; one cat is missed.

    The poor box belongs to a cat that is found, so its repair removes it after the last correct detection.
    """
    dataset, detections, _ = one_of_each()
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    result = error_costs(dataset, detections=detections, diagnosis=diagnosis, metric="voc10")
    assert result.ap == pytest.approx(1 / 6)
    expected = dict.fromkeys(REPAIRS, 0.0) | {"similar": 1 / 3, "other": 1 / 3, "missed": 1 / 6}
    assert result.gain == pytest.approx(expected)
    assert result.by_class["dog"]["similar"] == pytest.approx(1)


def test_localization_in_coco_repairs_correct_boxes_too() -> None:
    """One box of IoU 0.62 is correct at three of ten thresholds; with its object's box it is correct at all."""
    dataset = a_dataset(an_example("1", boxes=[[0, 0, 100, 100]]))
    detections = [some_detections([[0, 0, 100, 62]], scores=[0.9])]
    diagnosis = diagnose(dataset, detections=detections, similar=ALONE)
    result = error_costs(dataset, detections=detections, diagnosis=diagnosis, metric="coco")
    assert (result.ap, result.gain["localization"]) == pytest.approx((0.3, 0.7))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("repair", REPAIRS[:-1])
def test_after_a_repair_its_kind_is_gone_and_no_ap_is_lower(seed: int, repair: str) -> None:
    """Random scenes after a repair: the kind is gone, correct detections stay, and no class loses AP."""
    dataset, detections = noisy_scenes(np.random.default_rng(seed), images=30, grid=True)
    before = diagnose(dataset, detections=detections, similar=ALIKE)
    same, better = repaired(dataset, detections=detections, diagnosis=before, repair=repair)
    after = diagnose(same, detections=better, similar=ALIKE)
    assert (before.kind == Kind[repair.upper()]).any() or repair in ("background",)
    assert not (after.kind == Kind[repair.upper()]).any()
    assert (after.kind == Kind.CORRECT).sum() >= (before.kind == Kind.CORRECT).sum()
    old, new = (evaluate_voc(dataset, detections=found).ap("voc10") for found in (detections, better))
    assert (new >= old - 1e-12).all()


def test_missed_objects_go_unless_another_repair_finds_them() -> None:
    """Random scenes: an object stays if it is detected, difficult, or has a poor box or a wrong class at IoU 0.5."""
    dataset, detections = noisy_scenes(np.random.default_rng(7), images=30, grid=False)
    diagnosis = diagnose(dataset, detections=detections, similar=ALIKE)
    smaller, same = repaired(dataset, detections=detections, diagnosis=diagnosis, repair="missed")
    assert same == detections
    missed = missed_objects(dataset, diagnosis=diagnosis)
    for number, (example, left) in enumerate(zip(dataset, smaller, strict=True)):
        here = diagnosis.image == number
        stay = 0
        for g in range(len(example.labels)):
            mine = here & (diagnosis.target == g)
            poor = (mine & (diagnosis.kind == Kind.LOCALIZATION)).any()
            wrong = (mine & np.isin(diagnosis.kind, (Kind.SIMILAR, Kind.OTHER)) & (diagnosis.iou >= 0.5)).any()
            stay += bool(not missed[number][g] or poor or wrong)
        assert len(left.labels) == stay


def test_detections_given_are_not_changed() -> None:
    """Every repair leaves the caller's boxes and labels unchanged."""
    dataset, detections, diagnosis = two_cats()
    boxes, labels = detections[0].boxes.copy(), detections[0].labels.copy()
    for repair in REPAIRS:
        repaired(dataset, detections=detections, diagnosis=diagnosis, repair=repair)
    assert np.array_equal(boxes, detections[0].boxes)
    assert np.array_equal(labels, detections[0].labels)


def test_unknown_repair() -> None:
    """The error names the value and lists the known repairs."""
    dataset, detections, diagnosis = two_cats()
    with pytest.raises(UsageError, match=r"^repair 'all'; it is one of localization, .*missed$"):
        repaired(dataset, detections=detections, diagnosis=diagnosis, repair="all")
