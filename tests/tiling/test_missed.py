"""The list of objects that no prior covers."""

from pathlib import Path

import numpy as np
import pytest

from multibox.data.dataset import Dataset, Example
from multibox.priors import SPECS, make_prior_corners
from multibox.size import Size
from multibox.tiling.coverage import measure_coverage
from multibox.tiling.missed import missed_objects

SPEC = SPECS["ssd300-voc"].keep([3, 4, 5])


def test_against_a_loop_over_objects_and_priors() -> None:
    """Which objects are missed, their best prior and IoU, and their order, against the definition."""
    rng = np.random.default_rng(4)
    corners = np.sort(rng.uniform(0, 250, (4, 5, 2, 2)), axis=2).reshape(4, 5, 4) + np.array([0, 0, 5, 5])
    none = np.zeros(5, np.bool_)
    examples = [
        Example(Path(f"{n}.jpg"), boxes.astype(np.float32), np.arange(5) % 2, none, none, str(n), Size(260, 500))
        for n, boxes in enumerate(corners)
    ]
    data = Dataset("d", ("cat", "dog"), tuple(examples))
    priors = make_prior_corners(SPEC).tolist()
    wanted = []
    for number, boxes in enumerate(corners.tolist()):
        for item, (x1, y1, x2, y2) in enumerate(boxes):
            box = (x1 / 500, y1 / 260, x2 / 500, y2 / 260)
            overlaps = [slow_iou(box, prior) for prior in priors]
            if max(overlaps) < 0.5:
                wanted.append((max(overlaps), f"{number}.jpg", "cd"[item % 2], (x1, y1, x2, y2)))
    wanted.sort()
    found = missed_objects(measure_coverage(data, SPEC), data)
    assert [(i.image.name, i.name[0]) for i in found] == [entry[1:3] for entry in wanted]
    assert [i.iou for i in found] == pytest.approx([entry[0] for entry in wanted], abs=1e-5)
    for item, (best, *_, (x1, y1, x2, y2)) in zip(found, wanted, strict=True):  # of several equal priors, any
        assert item.box == pytest.approx((x1, y1, x2, y2), rel=1e-5)
        box = (x1 / 500, y1 / 260, x2 / 500, y2 / 260)
        assert slow_iou(box, priors[item.prior]) == pytest.approx(best, abs=1e-5)
    first = found[0]
    width, height = first.box[2] - first.box[0], first.box[3] - first.box[1]
    assert first.shape == pytest.approx((width * 300 / 500, height * 300 / 260), rel=1e-4)
    assert set(first.to_json()) == {"image", "class", "box", "input_size", "iou", "prior"}


def slow_iou(a: tuple[float, ...], b: list[float]) -> float:
    wide, high = (max(0.0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1))
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return wide * high / (sum(areas) - wide * high)
