"""The plot of objects and shapes of priors."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data.dataset import Dataset, Example
from multibox.errors import UsageError
from multibox.priors import SPECS
from multibox.size import Size
from multibox.tiling.coverage import measure_coverage
from multibox.tiling.scatter import plot_coverage

SPEC = SPECS["ssd300-voc"].keep([2, 3])


def dataset(boxes: list[list[float]]) -> Dataset:
    none = np.zeros(len(boxes), np.bool_)
    corners, labels = np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64)
    return Dataset("d", ("a",), (Example(Path("a.jpg"), corners, labels, none, none, "a", Size(300, 300)),))


def test_missed_objects_are_red(tmp_path: Path) -> None:
    """Red points for an object that no prior covers, none for an object on a prior or for no objects."""
    red = []
    for number, boxes in enumerate(([[5, 5, 9, 9]], [[100, 100, 211, 211]], [])):
        data, path = dataset(boxes), tmp_path / f"{number}.png"
        plot_coverage(path, measure_coverage(data, SPEC), SPEC, title="d")
        image = cv2.imread(str(path))[:, :, ::-1].astype(int)
        legend = image[int(len(image) * 0.75) :, int(image.shape[1] * 0.5) :]
        legend[:] = 255
        red.append(int((np.abs(image - [200, 16, 46]).max(axis=2) < 90).sum()))
    assert red[0] > 0
    assert red[1:] == [0, 0]


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib: an error of one line that names the package to install, and no file."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(UsageError, match=r"pip install matplotlib$"):
        plot_coverage(tmp_path / "a.png", measure_coverage(dataset([[0, 0, 50, 50]]), SPEC), SPEC, title="d")
    assert list(tmp_path.iterdir()) == []
