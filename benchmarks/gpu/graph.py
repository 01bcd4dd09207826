"""A computation recorded as a CUDA graph, which is replayed with one launch for all its kernels."""

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.gpu.ours import Outputs, detections
from multibox.batched_nms import BatchSelection
from multibox.models.ssd import SSD

T = TypeVar("T")


class Graph(Generic[T]):
    """`function` of one tensor, recorded for inputs like `example`; on other devices than CUDA it is called directly.

    The next call overwrites the memory of the result.
    """

    def __init__(self, function: Callable[[Tensor], T], example: Tensor) -> None:
        self._function, self._input = function, example.clone()
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result = self._warm_up()
        if example.is_cuda:
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._result = function(self._input)

    def _warm_up(self) -> T:
        if not self._input.is_cuda:
            return self._function(self._input)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                result = self._function(self._input)
        torch.cuda.current_stream().wait_stream(side)
        return result

    def __call__(self, value: Tensor) -> T:
        self._input.copy_(value, non_blocking=True)
        if self._graph is None:
            return self._function(self._input)
        self._graph.replay()
        return self._result


class GraphDetector:
    """Pixels in memory to detections in memory: the network and postprocessing in one graph for one batch size."""

    def __init__(self, network: Callable[[Tensor], Outputs], model: SSD, *, batch: int, device: torch.device) -> None:
        height, width = model.config.input_size
        example = torch.zeros(batch, height, width, 3, dtype=torch.uint8, device=device)
        self._staging = torch.zeros(batch, height, width, 3, dtype=torch.uint8, pin_memory=device.type == "cuda")
        self._network, self._model = network, model
        self._graph = Graph(self._detect, example)

    def _detect(self, pixels: UInt8[Tensor, "b h w 3"]) -> tuple[Tensor, Tensor]:
        """All numbers of the detections in one tensor, and (count, complete) of each image in another."""
        found: BatchSelection = detections(self._network(pixels.permute(0, 3, 1, 2)), self._model)
        columns = (found.scores, found.labels, found.priors)
        numbers = torch.cat([found.boxes, *(column.float().unsqueeze(2) for column in columns)], dim=2)
        return numbers, torch.stack([found.counts, found.complete.to(torch.int64)], dim=1)

    @torch.inference_mode()
    def __call__(self, pixels: UInt8[np.ndarray, "b h w 3"]) -> tuple[np.ndarray, np.ndarray]:
        """(B, N, 7) boxes, score, label and prior; (B, 2) number of detections and whether they are complete."""
        self._staging.copy_(torch.from_numpy(pixels))
        numbers, counts = self._graph(self._staging)
        return numbers.cpu().numpy(), counts.cpu().numpy()
