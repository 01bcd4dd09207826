import itertools
import logging
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.data.augmentation.sample import MEAN_COLOR
from multibox.data.dataset import Dataset, Example
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import BatchStream, batches
from multibox.data.loading.packed import PackedDataset
from multibox.errors import DataError
from multibox.size import Size

# Python 3.12 and later warn about every fork of a process that has threads, as torch always has
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def make_example(folder: Path, number: int, boxes: list[list[float]], *, readable: bool = True) -> Example:
    path = folder / f"{number}.png"
    if readable:
        image = np.random.default_rng(number).integers(0, 256, (30, 40, 3), np.uint8)
        cv2.imwrite(str(path), image)
    else:
        path.write_bytes(b"no image")
    count = len(boxes)
    return Example(
        image=path,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        labels=np.arange(count, dtype=np.int64),
        difficult=np.arange(count) == 1,
        crowd=np.arange(count) == 2,
        id=str(number),
        size=Size(30, 40),
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    box = [4.0, 3.0, 20.0, 15.0]
    examples = tuple(make_example(tmp_path, number, [box] * (number % 4)) for number in range(7))
    return Dataset("seven", ("a", "b", "c"), examples)


def take(
    dataset: Dataset,
    count: int,
    *,
    start: int = 0,
    stride: int = 1,
    workers: int = 0,
    name: str = "flip",
    seed: int = 3,
) -> list[Batch]:
    stream = batches(
        dataset,
        augmentation=AUGMENTATIONS[name],
        input_size=Size(24, 32),
        batch_size=3,
        seed=seed,
        workers=workers,
        start=start,
        stride=stride,
    )
    return list(itertools.islice(stream, count))


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.names == b.names
        for name in ("images", "boxes", "labels", "valid", "difficult"):
            assert torch.equal(getattr(a, name), getattr(b, name)), name


def test_a_batch_has_the_promised_shapes_and_padding(dataset: Dataset) -> None:
    """Shapes, types and padding of each batch, against the objects that the examples hold."""
    counts = {example.id: len(example.labels) for example in dataset}
    for batch in take(dataset, 5):
        assert batch.images.shape == (3, 3, 24, 32)
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert batch.boxes.shape[1] == max(1, *(counts[name] for name in batch.names))
        for i, name in enumerate(batch.names):
            assert batch.labels[i].tolist() == [*range(counts[name])] + [-1] * (batch.labels.shape[1] - counts[name])


def test_every_image_comes_once_an_epoch_in_another_order(dataset: Dataset) -> None:
    """Names of 14 epochs of samples: each epoch is a permutation of the data set, and not always the same one."""
    names = [name for batch in take(dataset, 7 * 14 // 3 + 1) for name in batch.names]
    epochs = [tuple(names[i : i + 7]) for i in range(0, 7 * 14, 7)]
    assert all(sorted(epoch) == sorted(example.id for example in dataset) for epoch in epochs)
    assert len(set(epochs)) > 10


def test_the_stream_does_not_depend_on_workers(dataset: Dataset) -> None:
    """Ten batches made by two worker processes equal those made in this process."""
    assert_same(take(dataset, 10, workers=2), take(dataset, 10))


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_share_the_stream(dataset: Dataset, workers: int):
    """The batches of three processes in turn against those of one, from the second step on."""
    shares = [take(dataset, 3, start=3 + rank, stride=3, workers=workers) for rank in range(3)]
    assert_same([shares[rank][turn] for turn in range(3) for rank in range(3)], take(dataset, 9, start=3))


def test_the_stream_resumes_at_any_step(dataset: Dataset) -> None:
    """Batches from step 5 on equal the tail of an uninterrupted stream; another seed leads to other batches."""
    assert_same(take(dataset, 4, start=5), take(dataset, 9)[5:])
    assert [b.names for b in take(dataset, 4)] != [b.names for b in take(dataset, 4, seed=4)]


def test_crowd_and_difficult_objects_are_present_but_not_valid(dataset: Dataset) -> None:
    """Object 1 of each example is difficult, object 2 a crowd: neither is a target if difficult ones are left out."""
    settings = {"augmentation": AUGMENTATIONS["none"], "input_size": Size(24, 32), "batch_size": 7, "seed": 0}
    used = next(batches(dataset, **settings))
    skipped = next(batches(dataset, use_difficult=False, **settings))
    assert torch.equal(used.labels, skipped.labels)
    assert torch.equal(used.valid, (used.labels == 0) | (used.labels == 1))
    assert torch.equal(skipped.valid, skipped.labels == 0)
    assert torch.equal(used.difficult, used.labels == 1)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_named_and_replaced(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    """One broken file among eight: it is logged once, listed in the batches, and the stream continues without it."""
    broken = make_example(tmp_path, 99, [], readable=False)
    with caplog.at_level(logging.WARNING):
        found = take(Dataset("eight", dataset.class_names, (*dataset.examples, broken)), 12, workers=workers)
    assert all(len(batch.names) == 3 and "99" not in batch.names for batch in found)
    assert any("99.png" in line for batch in found for line in batch.unreadable)
    assert len([record for record in caplog.records if "99.png" in record.message]) == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_a_data_set_without_one_readable_image_is_an_error(tmp_path: Path, workers: int) -> None:
    """All files broken, or no file at all: a DataError of one line."""
    broken = tuple(make_example(tmp_path, number, [], readable=False) for number in range(3))
    with pytest.raises(DataError, match="none of the 3 images") as caught:
        take(Dataset("broken", ("a",), broken), 1, workers=workers)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no images"):
        take(Dataset("empty", ("a",), ()), 1)


def test_the_stream_can_be_pickled(dataset: Dataset) -> None:
    """The batches of a pickled and unpickled stream, as on platforms without fork, against those of the original."""
    settings = {"augmentation": AUGMENTATIONS["caffe"], "input_size": Size(24, 32), "batch_size": 3, "seed": 1}
    stream = BatchStream(PackedDataset(dataset), **settings, start=2, use_difficult=True, fill=MEAN_COLOR)
    copy = pickle.loads(pickle.dumps(stream))
    assert_same(list(itertools.islice(copy, 3)), list(itertools.islice(batches(dataset, **settings, start=2), 3)))


def test_a_batch_moves_to_a_device(dataset: Dataset) -> None:
    """`to` returns the same values on the requested device."""
    batch = take(dataset, 1)[0]
    assert_same([batch.to("cpu")], [batch])
    assert batch.to("meta").images.device.type == "meta"
