"""The numbers that the paper prints in its tables, in per cent (arXiv 1512.02325, version 5)."""

from dataclasses import dataclass, field

from multibox.data.classes.voc import VOC_CLASSES

COCO_NUMBERS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclass(frozen=True)
class Printed:
    """One row: a method, its training data, its numbers by name, headline number first, and AP by class."""

    method: str
    data: str
    numbers: dict[str, float]
    classes: dict[str, float] = field(default_factory=dict)


_TABLE1 = """
Fast R-CNN | 07 | 66.9 |
74.5 78.3 69.2 53.2 36.6 77.3 78.2 82.0 40.7 72.7 67.9 79.6 79.2 73.0 69.0 30.1 65.4 70.2 75.8 65.8
Fast R-CNN | 07+12 | 70.0 |
77.0 78.1 69.3 59.4 38.3 81.6 78.6 86.7 42.8 78.8 68.9 84.7 82.0 76.6 69.9 31.8 70.1 74.8 80.4 70.4
Faster R-CNN | 07 | 69.9 |
70.0 80.6 70.1 57.3 49.9 78.2 80.4 82.0 52.2 75.3 67.2 80.3 79.8 75.0 76.3 39.1 68.3 67.3 81.1 67.6
Faster R-CNN | 07+12 | 73.2 |
76.5 79.0 70.9 65.5 52.1 83.1 84.7 86.4 52.0 81.9 65.7 84.8 84.6 77.5 76.7 38.8 73.6 73.9 83.0 72.6
Faster R-CNN | 07+12+COCO | 78.8 |
84.3 82.0 77.7 68.9 65.7 88.1 88.4 88.9 63.6 86.3 70.8 85.9 87.6 80.1 82.3 53.6 80.4 75.8 86.6 78.9
SSD300 | 07 | 68.0 |
73.4 77.5 64.1 59.0 38.9 75.2 80.8 78.5 46.0 67.8 69.2 76.6 82.1 77.0 72.5 41.2 64.2 69.1 78.0 68.5
SSD300 | 07+12 | 74.3 |
75.5 80.2 72.3 66.3 47.6 83.0 84.2 86.1 54.7 78.3 73.9 84.5 85.3 82.6 76.2 48.6 73.9 76.0 83.4 74.0
SSD300 | 07+12+COCO | 79.6 |
80.9 86.3 79.0 76.2 57.6 87.3 88.2 88.6 60.5 85.4 76.7 87.5 89.2 84.5 81.4 55.0 81.9 81.5 85.9 78.9
SSD512 | 07 | 71.6 |
75.1 81.4 69.8 60.8 46.3 82.6 84.7 84.1 48.5 75.0 67.4 82.3 83.9 79.4 76.6 44.9 69.9 69.1 78.1 71.8
SSD512 | 07+12 | 76.8 |
82.4 84.7 78.4 73.8 53.2 86.2 87.5 86.0 57.8 83.1 70.2 84.9 85.2 83.9 79.7 50.3 77.9 73.9 82.5 75.3
SSD512 | 07+12+COCO | 81.6 |
86.6 88.3 82.4 76.0 66.3 88.6 88.9 89.1 65.1 88.4 73.6 86.5 88.9 85.3 84.6 59.1 85.0 80.4 87.4 81.2
"""

_TABLE4 = """
Fast R-CNN | 07++12 | 68.4 |
82.3 78.4 70.8 52.3 38.7 77.8 71.6 89.3 44.2 73.0 55.0 87.5 80.5 80.8 72.0 35.1 68.3 65.7 80.4 64.2
Faster R-CNN | 07++12 | 70.4 |
84.9 79.8 74.3 53.9 49.8 77.5 75.9 88.5 45.6 77.1 55.3 86.9 81.7 80.9 79.6 40.1 72.6 60.9 81.2 61.5
Faster R-CNN | 07++12+COCO | 75.9 |
87.4 83.6 76.8 62.9 59.6 81.9 82.0 91.3 54.9 82.6 59.0 89.0 85.5 84.7 84.1 52.2 78.9 65.5 85.4 70.2
YOLO | 07++12 | 57.9 |
77.0 67.2 57.7 38.3 22.7 68.3 55.9 81.4 36.2 60.8 48.5 77.2 72.3 71.3 63.5 28.9 52.2 54.8 73.9 50.8
SSD300 | 07++12 | 72.4 |
85.6 80.1 70.5 57.6 46.2 79.4 76.1 89.2 53.0 77.0 60.8 87.0 83.1 82.3 79.4 45.9 75.9 69.5 81.9 67.5
SSD300 | 07++12+COCO | 77.5 |
90.2 83.3 76.3 63.0 53.6 83.8 82.8 92.0 59.7 82.7 63.5 89.3 87.6 85.9 84.3 52.6 82.5 74.1 88.4 74.2
SSD512 | 07++12 | 74.9 |
87.4 82.3 75.8 59.0 52.6 81.7 81.5 90.0 55.4 79.0 59.8 88.4 84.3 84.7 83.3 50.2 78.0 66.3 86.3 72.0
SSD512 | 07++12+COCO | 80.0 |
90.7 86.8 80.5 67.8 60.8 86.3 85.5 93.5 63.2 85.7 64.4 90.9 89.0 88.9 86.8 57.2 85.1 72.8 88.4 75.9
"""

_TABLE5 = """
Fast R-CNN [6] | train       | 19.7 35.9 - - - - - - - - - -
Fast R-CNN [24] | train      | 20.5 39.9 19.4 4.1 20.0 35.8 21.3 29.5 30.1 7.3 32.1 52.0
Faster R-CNN [2] | trainval  | 21.9 42.7 - - - - - - - - - -
ION [24] | train             | 23.6 43.2 23.6 6.4 24.1 38.3 23.2 32.7 33.5 10.1 37.7 53.6
Faster R-CNN [25] | trainval | 24.2 45.3 23.5 7.7 26.4 37.1 23.8 34.0 34.6 12.0 38.5 54.4
SSD300 | trainval35k         | 23.2 41.2 23.4 5.3 23.2 39.6 22.5 33.2 35.3 9.6 37.6 56.5
SSD512 | trainval35k         | 26.8 46.5 27.8 9.0 28.9 41.9 24.8 37.5 39.8 14.0 43.5 59.0
"""


def _voc(text: str) -> tuple[Printed, ...]:
    """Rows of two lines: method, data and mAP; then AP of the 20 classes in alphabetical order."""
    lines = text.strip().splitlines()
    rows = []
    for head, values in zip(lines[::2], lines[1::2], strict=True):
        method, data, score, _ = map(str.strip, head.split("|"))
        classes = dict(zip(VOC_CLASSES, map(float, values.split()), strict=True))
        rows.append(Printed(method, data, {"mAP": float(score)}, classes))
    return tuple(rows)


def _coco(text: str) -> tuple[Printed, ...]:
    """Rows of the twelve COCO numbers; "-" marks a number that the paper does not print."""
    rows = []
    for line in text.strip().splitlines():
        method, data, values = map(str.strip, line.split("|"))
        numbers = {
            name: float(value) for name, value in zip(COCO_NUMBERS, values.split(), strict=False) if value != "-"
        }
        rows.append(Printed(method, data, numbers))
    return tuple(rows)


TABLE1 = _voc(_TABLE1)
TABLE4 = _voc(_TABLE4)
TABLE5 = _coco(_TABLE5)

TABLE2 = {
    "table2-only-flips": ("no patches, no distortion", 65.5),
    "table2-only-squares": ("no ratios 1/2, 2, 1/3, 3", 71.6),
    "table2-no-ratio-3": ("no ratios 1/3, 3", 73.7),
    "table2-no-atrous": ("no atrous", 74.2),
    "table1-ssd300-0712": ("everything", 74.3),
}
"""Recipe: what is left out, mAP."""

TABLE3 = {
    "6-sources": ("conv4_3, 7, 8_2, 9_2, 10_2, 11_2", 8732, 74.3, 63.4),
    "5-sources": ("without conv11_2", 8764, 74.6, 63.1),
    "4-sources": ("without conv10_2, 11_2", 8942, 73.8, 68.4),
    "3-sources": ("without conv9_2 to 11_2", 9864, 70.7, 69.2),
    "2-sources": ("conv4_3 and conv7", 9025, 64.2, 64.4),
    "1-source": ("conv7 alone", 8664, 62.4, 64.0),
}
"""Source maps: number of priors, mAP with boundary boxes and without them."""

TABLE6 = (
    Printed("SSD300*", "07+12", {"mAP": 77.2}),
    Printed("SSD300*", "07+12+COCO", {"mAP": 81.2}),
    Printed("SSD300*", "07++12", {"mAP": 75.8}),
    Printed("SSD300*", "07++12+COCO", {"mAP": 79.3}),
    Printed("SSD300*", "trainval35k", {"AP": 25.1, "AP50": 43.1, "AP75": 25.8}),
    Printed("SSD512*", "07+12", {"mAP": 79.8}),
    Printed("SSD512*", "07+12+COCO", {"mAP": 83.2}),
    Printed("SSD512*", "07++12", {"mAP": 78.5}),
    Printed("SSD512*", "07++12+COCO", {"mAP": 82.2}),
    Printed("SSD512*", "trainval35k", {"AP": 28.8, "AP50": 48.5, "AP75": 30.3}),
)

ILSVRC = Printed("SSD300", "DET train + val1", {"mAP": 43.4})


@dataclass(frozen=True)
class Speed:
    """One row of Table 7: frames per second at a batch size on a Titan X (Maxwell)."""

    method: str
    score: float
    frames_per_second: int
    batch: int
    boxes: int
    input_size: str


YOLO_IN_TEXT = Speed("YOLO", 63.4, 45, 1, 98, "448 x 448")
"""Not a row of Table 7: the caption of Figure 2 and the text quote it."""

TABLE7 = (
    Speed("Faster R-CNN (VGG16)", 73.2, 7, 1, 6000, "~1000 x 600"),
    Speed("Fast YOLO", 52.7, 155, 1, 98, "448 x 448"),
    Speed("YOLO (VGG16)", 66.4, 21, 1, 98, "448 x 448"),
    Speed("SSD300", 74.3, 46, 1, 8732, "300 x 300"),
    Speed("SSD512", 76.8, 19, 1, 24564, "512 x 512"),
    Speed("SSD300", 74.3, 59, 8, 8732, "300 x 300"),
    Speed("SSD512", 76.8, 22, 8, 24564, "512 x 512"),
)

HEADLINE = {row.method: row.frames_per_second for row in (TABLE7[3], TABLE7[0], YOLO_IN_TEXT)}
"""Frames per second of the three detectors that the caption of Figure 2 compares, at batch 1."""
