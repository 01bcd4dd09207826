import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from multibox.bench import augment as module
from multibox.bench.augment import bench_augment
from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.dataset import Dataset, Example
from multibox.errors import DataError
from multibox.size import Size


def dataset_of(folder: Path, *, readable: int, broken: int) -> Dataset:
    examples = []
    for number in range(readable + broken):
        path = folder / f"{number}.png"
        if number < readable:
            cv2.imwrite(str(path), np.full((40, 60, 3), number, np.uint8))
        nothing = np.zeros(0, bool)
        examples.append(
            Example(path, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), nothing, nothing, str(number))
        )
    return Dataset("gray", ("a",), tuple(examples))


def test_the_numbers_belong_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates and shares agree with one another, broken files are left out, and the result can be written as JSON."""
    monkeypatch.setattr(module, "use_one_core", lambda: None)
    found = bench_augment(
        dataset_of(tmp_path, readable=3, broken=2),
        augmentation=AUGMENTATIONS["caffe"],
        seconds=0.05,
        input_size=Size(30, 40),
    )
    assert found["images"] == 3
    assert found["samples"] % 16 == 0
    assert found["samples_per_second"] * found["milliseconds_per_sample"] == pytest.approx(1000)
    assert found["share_of_decoding"] == pytest.approx(found["samples_per_second"] / found["decoded_per_second"])
    assert json.loads(json.dumps(found))["input_size"] == [30, 40]


def test_nothing_readable_is_a_data_error(tmp_path: Path) -> None:
    """No image decodes: one line that names the data set."""
    with pytest.raises(DataError, match="'gray'"):
        bench_augment(dataset_of(tmp_path, readable=0, broken=2), augmentation=AUGMENTATIONS["none"], seconds=0.1)
