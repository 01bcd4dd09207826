from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.data import show
from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset, Example
from multibox.data.show import contact_sheet
from multibox.errors import DataError
from multibox.size import Size


class Pencil:
    """Records the calls that draw, and draws nothing."""

    def __init__(self) -> None:
        self.boxes: list[list[float]] = []
        self.names: list[str] = []

    def __call__(
        self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
    ) -> np.ndarray:
        self.boxes += boxes.tolist()
        self.names += [class_names[label] for label in labels]
        return image.copy()


@pytest.fixture(autouse=True)
def pencil(monkeypatch: pytest.MonkeyPatch) -> Pencil:
    pencil = Pencil()
    monkeypatch.setattr(show, "draw_boxes", pencil)
    return pencil


def dataset_of(folder: Path, count: int) -> Dataset:
    """Green images of 80 x 40 with three objects: plain, difficult, crowd. The last file is broken."""
    examples = []
    for number in range(count):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.full((40, 80, 3), (0, 200, 0), np.uint8))
        box = [[8, 4, 40, 20]] * 3
        flags = np.arange(3)
        examples.append(
            Example(path, np.array(box, np.float32), np.array([0, 1, 1]), flags == 1, flags == 2, str(number))
        )
    path.write_text("broken")
    return Dataset("green", ("cat", "dog"), tuple(examples))


def test_the_sheet_shows_every_readable_image_once(tmp_path: Path, pencil: Pencil) -> None:
    """Four readable images of five, with nine requested: four tiles, boxes scaled to their size, flags in the names."""
    sheet = contact_sheet(dataset_of(tmp_path, 5), count=9, tile=Size(100, 100))
    assert sheet.shape == (6 + 2 * 106, 6 + 3 * 106, 3)
    assert np.count_nonzero((sheet == (0, 200, 0)).all(axis=2)) == 4 * 100 * 50
    assert pencil.names == ["cat", "dog (difficult)", "dog (crowd)"] * 4
    assert pencil.boxes == [[10, 5, 50, 25]] * 12


def test_an_augmented_sheet_has_as_many_tiles_as_asked_for(tmp_path: Path) -> None:
    """Two readable images fill seven tiles with samples; the same seed gives the same sheet."""
    dataset = dataset_of(tmp_path, 3)
    sheets = [
        contact_sheet(dataset, augmentation=AUGMENTATIONS["caffe"], count=7, seed=seed, tile=Size(60, 90))
        for seed in (1, 1, 2)
    ]
    assert sheets[0].shape == (6 + 2 * 66, 6 + 4 * 96, 3)
    assert (sheets[0] == sheets[1]).all()
    assert (sheets[0] != sheets[2]).any()


@pytest.mark.parametrize("name", ["none", None])
def test_nothing_to_show_is_a_data_error(tmp_path: Path, name: str | None) -> None:
    """A data set with one broken image against an error of one line."""
    with pytest.raises(DataError, match="none of the 1 images"):
        contact_sheet(dataset_of(tmp_path, 1), augmentation=name and AUGMENTATIONS[name])
