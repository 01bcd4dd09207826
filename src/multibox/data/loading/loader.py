"""An endless stream of training batches that depends only on the seed, not on workers or the first step."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int64
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from multibox.data.augmentation.augmentation import Augmentation
from multibox.data.augmentation.render import Fill
from multibox.data.augmentation.sample import MEAN_COLOR, Sample, make_sample
from multibox.data.dataset import Dataset
from multibox.data.loading.batch import Batch, collate
from multibox.data.loading.cache import ImageCache
from multibox.data.loading.packed import PackedDataset
from multibox.data.loading.watch import out_of_memory, shared, watched
from multibox.data.loading.worker import leave_stopping_to_parent, use_one_core
from multibox.errors import DataError, MultiboxError
from multibox.size import Size

log = logging.getLogger(__name__)


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
    """Batches `start`, `start + stride` and so on, without end. Batch k of a seed is always the same.

    Each epoch is a new permutation of the data set, and batches continue across the end of an epoch, so all images are
    used equally often. With a stride, several processes share the stream: process r starts at r and takes every
    `stride`-th batch.

    `fill` is the color of the zoom-out canvas. An image that cannot be decoded is replaced by the next one of the
    permutation, logged once, and listed in `Batch.unreadable`. Each worker caches up to `cache_mb` MiB of decoded
    images, which saves time if all images fit and changes no batch.

    Raises DataError if the data set is empty or none of its images can be decoded, and ProcessError if a worker dies,
    freezes or lacks memory.
    """
    if not len(dataset):
        raise DataError(f"data set {dataset.name!r} has no images; training needs at least one: check the split")
    stream = BatchStream(
        examples=PackedDataset(dataset),
        augmentation=augmentation,
        input_size=input_size,
        batch_size=batch_size,
        seed=seed,
        start=start,
        stride=stride,
        use_difficult=use_difficult,
        fill=fill,
        cache_mb=cache_mb,
    )
    loader = DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_prepare_worker if workers else None,
    )
    return _checked(loader)


def _prepare_worker(_worker: int) -> None:
    use_one_core()
    leave_stopping_to_parent()


def _checked(loader: "DataLoader[Batch | MultiboxError]") -> Iterator[Batch]:
    """Yield the batches, log each unreadable image once, and raise the error that ends the stream."""
    seen: set[str] = set()
    for batch in watched(loader):
        if isinstance(batch, MultiboxError):
            raise batch
        for line in batch.unreadable:
            if line not in seen:
                seen.add(line)
                log.warning("image %d that cannot be used, replaced by the next one: %s", len(seen), line)
        yield batch


@dataclass(frozen=True, eq=False)
class BatchStream(IterableDataset["Batch | MultiboxError"]):
    """The batches of one process. Each of its loader workers makes every `num_workers`-th of them.

    An error is the last item of the stream, because DataLoader wraps the messages of errors that are raised.
    """

    examples: PackedDataset
    augmentation: Augmentation
    input_size: Size
    batch_size: int
    seed: int
    start: int = 0
    stride: int = 1
    use_difficult: bool = True
    fill: Fill = MEAN_COLOR
    cache_mb: int = 0

    def __iter__(self) -> Iterator[Batch | MultiboxError]:
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker else (0, 1)
        step = self.start + number * self.stride
        order, cache = EpochOrder(len(self.examples), self.seed), ImageCache(self.cache_mb << 20)
        while True:
            try:
                batch = self._batch(step, order, cache)
                yield shared(batch) if worker else batch
            except MultiboxError as error:
                yield error
                return
            except MemoryError:
                yield out_of_memory(count)
                return
            step += count * self.stride

    def _batch(self, step: int, order: "EpochOrder", cache: ImageCache) -> Batch:
        unreadable: list[str] = []
        first = step * self.batch_size
        numbers = range(first, first + self.batch_size)
        pairs = [self._sample(number, order, cache, unreadable) for number in numbers]
        samples, names = zip(*pairs, strict=True)
        return collate(samples, names=list(names), use_difficult=self.use_difficult, unreadable=tuple(unreadable))

    def _sample(self, number: int, order: "EpochOrder", cache: ImageCache, unreadable: list[str]) -> tuple[Sample, str]:
        """Sample `number` of the stream and the id of its example, the first one from there that can be decoded."""
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


class EpochOrder:
    """The permutation of each epoch. The last two are kept, because a batch can continue across the end of an epoch."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._permutations: dict[int, Int64[np.ndarray, " n"]] = {}

    def image(self, epoch: int, position: int) -> int:
        """The index of the image at a position of an epoch."""
        if epoch not in self._permutations:
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = np.random.default_rng([self._seed, epoch]).permutation(self._count)
        return int(self._permutations[epoch][position])
