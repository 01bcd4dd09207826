"""What engines for exported models share: batches of a fixed size, and detections from the model's outputs."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Shaped, UInt8

from multibox.coder import Coder
from multibox.errors import WeightsError
from multibox.nms import Selection, select
from multibox.postprocess import postprocess
from multibox.weights.exported import Exported

Arrays = tuple[np.ndarray, ...]


class OutputReader:
    """Turns the outputs of an exported model into detections, whatever it ends with."""

    def __init__(self, exported: Exported) -> None:
        self._classes = len(exported.class_names)
        self._end, self._model = exported.end, exported.config
        self._coder = Coder(self._model.priors, variances=self._model.variances, code=self._model.box_code)

    def __call__(self, outputs: Arrays) -> list[Selection]:
        """Detections of each image from OUTPUTS_OF_END of `multibox.detection.export.network`."""
        if self._end == "detections":
            if outputs[2].max(initial=-1) >= self._classes:
                raise WeightsError(
                    f"the model finds label {outputs[2].max()} of {self._classes} classes: export it again"
                )
            return filled_rows(*outputs)
        first, second = map(torch.from_numpy, outputs)
        model = self._model
        if self._end == "boxes":
            found = (select(b, s, settings=model.detection) for b, s in zip(first, second, strict=True))
            return [rows._replace(boxes=rows.boxes.clamp(0, 1)) for rows in found]
        return postprocess(
            first,
            second,
            coder=self._coder,
            settings=model.detection,
            clip=model.clip,
            score_function=model.score_function,
        )


def filled_rows(
    boxes: Float32[np.ndarray, "b n 4"],
    scores: Float32[np.ndarray, "b n"],
    labels: Shaped[np.ndarray, "b n"],
    priors: Shaped[np.ndarray, "b n"] | None = None,
) -> list[Selection]:
    """Detections of each image without the unfilled rows at the end, which have label -1.

    Older exports have no `priors`; the detections then get -1.
    """
    priors = np.full_like(labels, -1) if priors is None else priors
    counts = (labels >= 0).sum(axis=1)
    return [
        Selection(
            torch.from_numpy(boxes[i, :count]),
            torch.from_numpy(scores[i, :count]),
            torch.from_numpy(labels[i, :count].astype(np.int64)),
            torch.from_numpy(priors[i, :count].astype(np.int64)),
        )
        for i, count in enumerate(counts)
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
