"""What engines for exported models share: batches of a fixed size, and detections from the model's outputs."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from multibox.array_nms import ArraySelection
from multibox.array_postprocess import ArrayPostprocess, select_clipped
from multibox.detection.engines.engine import EngineConfig
from multibox.errors import WeightsError
from multibox.weights.exported import Exported

Arrays = tuple[np.ndarray, ...]


class OutputReader:
    """Turns the outputs of an exported model into detections, whatever it ends with."""

    def __init__(self, exported: Exported) -> None:
        self._classes = len(exported.class_names)
        self._end, self._rules = exported.end, exported.rules
        self._postprocess = ArrayPostprocess(exported.rules) if self._end == "raw" else None

    def __call__(self, outputs: Arrays) -> list[ArraySelection]:
        """Detections of each image from OUTPUTS_OF_END of `multibox.weights.exported`."""
        if self._postprocess is not None:
            return self._postprocess(*outputs)
        if self._end == "boxes":
            settings = self._rules.detection
            return [select_clipped(b, s, settings=settings) for b, s in zip(*outputs, strict=True)]
        if outputs[2].max(initial=-1) >= self._classes:
            raise WeightsError(f"the model finds label {outputs[2].max()} of {self._classes} classes: export it again")
        return filled_rows(*outputs)


def exported_config(exported: Exported, description: str) -> EngineConfig:
    """What an engine with threads of its own says about an exported model."""
    name = str(exported.network.get("name", ""))
    return EngineConfig(description, exported.class_names, exported.rules, survives_fork=False, network=name)


def filled_rows(
    boxes: Float32[np.ndarray, "b n 4"],
    scores: Float32[np.ndarray, "b n"],
    labels: Shaped[np.ndarray, "b n"],
    priors: Shaped[np.ndarray, "b n"] | None = None,
) -> list[ArraySelection]:
    """Detections of each image without the unfilled rows at the end, which have label -1.

    Older exports have no `priors`; the detections then get -1.
    """
    priors = np.full_like(labels, -1) if priors is None else priors
    return [
        ArraySelection(
            boxes[i, :count],
            scores[i, :count],
            labels[i, :count].astype(np.int64),
            priors[i, :count].astype(np.int64),
        )
        for i, count in enumerate((labels >= 0).sum(axis=1))
    ]


def split_batch(images: UInt8[np.ndarray, "b h w 3"], *, size: int) -> list[UInt8[np.ndarray, "{size} h w 3"]]:
    """The images in batches of `size`; the last batch is filled up with black images."""
    missing = -len(images) % size
    if missing:
        images = np.concatenate([images, np.zeros_like(images, shape=(missing, *images.shape[1:]))])
    return [images[start : start + size] for start in range(0, len(images), size)]


def join_outputs(outputs: Sequence[Arrays], *, count: int) -> Arrays:
    """The outputs for the first `count` images from the outputs of each batch."""
    if len(outputs) == 1:
        return tuple(array[:count] for array in outputs[0])
    return tuple(np.concatenate(arrays)[:count] for arrays in zip(*outputs, strict=True))
