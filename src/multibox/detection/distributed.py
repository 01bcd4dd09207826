"""Detection by several processes; each one computes a share of the images."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from multibox.detection.detector import Detector
from multibox.detections import Detections
from multibox.errors import DataError
from multibox.system.distributed import Processes

_BATCHES_PER_TURN = 4


class DistributedDetector:
    """Splits images over `processes`; every process gets all Detections, in the order of the images.

    All processes must ask for the same images.
    """

    def __init__(self, detector: Detector, processes: Processes) -> None:
        self.detector = detector
        self.processes = processes

    def __call__(self, sources: list[Any]) -> list[Detections]:
        """Detections of all images; raises DataError for the first that cannot be read."""
        found = []
        for result in self.try_each(sources):
            if isinstance(result, DataError):
                raise result
            found.append(result)
        return found

    def try_each(self, sources: Iterable[Any], *, batch_size: int | None = None) -> Iterator[Detections | DataError]:
        """Detections of each image in order, or the DataError of an image that cannot be read.

        The processes take turns of a few batches in the order of their ranks and exchange their detections after each
        round, so results arrive while the rest is computed.
        """
        if self.processes.count == 1:
            yield from self.detector.try_each(sources, batch_size=batch_size)
            return
        turn = _BATCHES_PER_TURN * (batch_size or self.detector.batch_size)
        rank, count = self.processes.rank, self.processes.count
        own = (source for number, source in enumerate(sources) if number // turn % count == rank)
        found = self.detector.try_each(own, batch_size=batch_size)
        complete = True
        while complete:
            turns = self.processes.gather(list(islice(found, turn)))
            complete = all(len(results) == turn for results in turns)
            for results in turns:
                yield from results
