"""An endless stream of training batches that depends on the seed alone, not on workers or on where it was resumed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.render import Fill
from multibox.data.augmentation.sample import MEAN_COLOR, Sample, make_sample
from multibox.data.dataset import Dataset
from multibox.data.loading.cache import ImageCache
from multibox.data.loading.packed import PackedDataset
from multibox.data.loading.worker import leave_stopping_to_parent, settle
from multibox.errors import DataError
from multibox.size import Size

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Batch:
    """What one training step sees.

    `images` are RGB of the network's size, stored channels last. `boxes` are corners relative to the input; rows
    beyond an image's own objects are padding: label -1, `valid` false. Crowd regions, and difficult objects where the
    recipe leaves them out, are present but not `valid`. `names` are the examples' ids. `unreadable` holds a line for
    each image that could not be decoded and was replaced by the next one.
    """

    images: UInt8[Tensor, "b 3 h w"]
    boxes: Float32[Tensor, "b g 4"]
    labels: Int64[Tensor, "b g"]
    valid: Bool[Tensor, "b g"]
    difficult: Bool[Tensor, "b g"]
    names: list[str]
    unreadable: tuple[str, ...] = ()

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Batch":
        """The same batch on another device."""
        return replace(
            self,
            images=self.images.to(device, non_blocking=non_blocking),
            boxes=self.boxes.to(device, non_blocking=non_blocking),
            labels=self.labels.to(device, non_blocking=non_blocking),
            valid=self.valid.to(device, non_blocking=non_blocking),
            difficult=self.difficult.to(device, non_blocking=non_blocking),
        )

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory, from which copies to a CUDA device run beside the computation."""
        return replace(
            self,
            images=self.images.pin_memory(),
            boxes=self.boxes.pin_memory(),
            labels=self.labels.pin_memory(),
            valid=self.valid.pin_memory(),
            difficult=self.difficult.pin_memory(),
        )


def batches(
    dataset: Dataset,
    *,
    augmentation: Augmentation,
    input_size: Size,
    batch_size: int,
    seed: int,
    workers: int = 0,
    start: int = 0,
    stride: int = 1,
    use_difficult: bool = True,
    fill: Fill = MEAN_COLOR,
    cache_mb: int = 0,
) -> Iterator[Batch]:
    """Batches without end, numbers `start`, `start + stride` and so on; number k of a seed is always the same batch.

    With a stride several processes share a stream: the one that starts at r takes every batch that is its turn.

    Each epoch is a new permutation of the data set and batches run across its end, so all images are seen equally
    often. `fill` is the RGB color of the zoom-out canvas. An image that cannot be
    decoded is replaced by the next one of the permutation, logged once and listed in `Batch.unreadable`. Each worker
    keeps up to `cache_mb` MiB of decoded images, which saves time where all fit and changes no batch.

    Raises DataError where the data set is empty or none of its images can be decoded.
    """
    if not len(dataset):
        raise DataError(f"data set {dataset.name!r} has no images; training needs at least one: check the split")
    examples = PackedDataset(dataset)
    stream = _Stream(examples, augmentation, input_size, batch_size, seed, start, use_difficult, fill, cache_mb, stride)
    loader = DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_settle if workers else None,
    )
    return _logged(loader)


def _settle(_worker: int) -> None:
    settle()
    leave_stopping_to_parent()


def _logged(loader: "DataLoader[Batch | DataError]") -> Iterator[Batch]:
    """Pass batches on, name each unreadable image once. Errors come as values: DataLoader would wrap their text."""
    seen: set[str] = set()
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        for line in batch.unreadable:
            if line not in seen:
                seen.add(line)
                log.warning("image %d that cannot be used, replaced by the next one: %s", len(seen), line)
        yield batch


@dataclass(frozen=True, eq=False)
class _Stream(IterableDataset["Batch | DataError"]):
    """The batches of one worker: of every `num_workers` of its process one."""

    examples: PackedDataset
    augmentation: Augmentation
    input_size: Size
    batch_size: int
    seed: int
    start: int
    use_difficult: bool
    fill: Fill
    cache_mb: int = 0
    stride: int = 1

    def __iter__(self) -> Iterator[Batch | DataError]:
        worker = get_worker_info()
        turn, turns = (worker.id, worker.num_workers) if worker else (0, 1)
        step, stride = self.start + turn * self.stride, turns * self.stride
        order, cache = _Order(len(self.examples), self.seed), ImageCache(self.cache_mb << 20)
        while True:
            try:
                yield self._batch(step, order, cache)
            except DataError as error:
                yield error
                return
            step += stride

    def _batch(self, step: int, order: "_Order", cache: ImageCache) -> Batch:
        unreadable: list[str] = []
        first = step * self.batch_size
        numbers = range(first, first + self.batch_size)
        pairs = [self._sample(number, order, cache, unreadable) for number in numbers]
        samples, names = zip(*pairs, strict=True)
        return _collate(list(samples), list(names), tuple(unreadable), use_difficult=self.use_difficult)

    def _sample(self, number: int, order: "_Order", cache: ImageCache, unreadable: list[str]) -> tuple[Sample, str]:
        epoch, position = divmod(number, len(self.examples))
        for hop in range(len(self.examples)):
            image = order.image(epoch, (position + hop) % len(self.examples))
            example = self.examples[image]
            try:
                sample = make_sample(
                    example,
                    augmentation=self.augmentation,
                    input_size=self.input_size,
                    rng=np.random.default_rng([self.seed, epoch, image, hop]),
                    fill=self.fill,
                    read=cache.read,
                )
            except DataError as error:
                unreadable.append(str(error))
            else:
                return sample, example.id
        raise DataError(f"none of the {len(self.examples)} images can be decoded; the first says: {unreadable[0]}")


class _Order:
    """The permutation of each epoch; the last two are kept, since batches run across the end of an epoch."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._permutations: dict[int, Int64[np.ndarray, " n"]] = {}

    def image(self, epoch: int, position: int) -> int:
        """The index of the image at a position of an epoch."""
        if epoch not in self._permutations:
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = np.random.default_rng([self._seed, epoch]).permutation(self._count)
        return int(self._permutations[epoch][position])


def _collate(samples: list[Sample], names: list[str], unreadable: tuple[str, ...], *, use_difficult: bool) -> Batch:
    """Stack images and pad objects to the largest number in the batch, at least one row."""
    rows = max(1, *(len(sample.labels) for sample in samples))
    boxes = np.zeros((len(samples), rows, 4), np.float32)
    labels = np.full((len(samples), rows), -1, np.int64)
    valid, difficult = np.zeros((2, len(samples), rows), bool)
    for i, sample in enumerate(samples):
        count = len(sample.labels)
        boxes[i, :count], labels[i, :count], difficult[i, :count] = sample.boxes, sample.labels, sample.difficult
        valid[i, :count] = ~sample.crowd & (use_difficult | ~sample.difficult)
    images = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2)
    return Batch(
        images,
        torch.from_numpy(boxes),
        torch.from_numpy(labels),
        torch.from_numpy(valid),
        torch.from_numpy(difficult),
        names,
        unreadable,
    )
