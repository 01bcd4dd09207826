"""Weights of another program, read from the file formats that are in use into named tensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multibox.errors import WeightsError
from multibox.weights.description import KEY
from multibox.weights.file import read_metadata
from multibox.weights.origins.caffe.caffemodel import CaffeLayer, CaffePriors, read_caffemodel
from multibox.weights.origins.kind import kind_of_file
from multibox.weights.origins.pth import read_pth
from multibox.weights.origins.tensorflow.frozen import read_frozen_graph
from multibox.weights.origins.tensorflow.graph import Graph
from multibox.weights.origins.tensorflow.tflite import read_tflite


@dataclass(frozen=True, eq=False)
class ForeignWeights:
    """Named tensors of a file, and the layers with the settings of prior boxes, which only Caffe's files contain.

    `source` is the name of the file in messages. TensorFlow's files give a `graph` instead of named tensors.
    """

    source: str
    tensors: Mapping[str, Tensor]
    layers: tuple[CaffeLayer, ...] = ()
    graph: Graph | None = None

    @property
    def priors(self) -> tuple[CaffePriors, ...]:
        """The settings of all prior boxes."""
        return tuple(layer.priors for layer in self.layers if layer.priors)

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of that name; raises WeightsError if the file lacks it."""
        if name not in self.tensors:
            raise WeightsError(f"{self.source} lacks {name!r}, which files of its kind have: is it complete?")
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors


def read_foreign_weights(path: Path | str) -> ForeignWeights:
    """Read a .caffemodel, .safetensors, .pth, .tflite or .pb file; nothing in the file is executed.

    Caffe's arrays get the names `<layer>.weight` and `<layer>.bias`. From a checkpoint only the model is read, and the
    prefix of parallel training is removed from the names. Raises WeightsError if the file has none of these formats.
    """
    path = Path(path)
    if not path.is_file():
        fault = "is a folder" if path.is_dir() else "does not exist"
        raise WeightsError(f"weight file {path} {fault}: give the path of a weight file")
    kind = kind_of_file(path)
    if kind == "safetensors":
        return _read_safetensors(path)
    if kind in ("tflite", "frozen"):
        return ForeignWeights(str(path), {}, graph=read_tflite(path) if kind == "tflite" else read_frozen_graph(path))
    if kind == "caffemodel":
        layers = read_caffemodel(path)
        return ForeignWeights(str(path), _caffe_tensors(layers), tuple(layers))
    return ForeignWeights(str(path), read_pth(path))


def _read_safetensors(path: Path) -> ForeignWeights:
    from safetensors.torch import load_file

    if KEY in read_metadata(path):
        raise WeightsError(f"{path} is already a multibox weight file: use it without importing it")
    return ForeignWeights(str(path), load_file(path))


def _caffe_tensors(layers: list[CaffeLayer]) -> dict[str, Tensor]:
    tensors = {}
    for layer in layers:
        for name, blob in zip(("weight", "bias"), _modern(layer.blobs), strict=False):
            tensors[f"{layer.name}.{name}"] = torch.from_numpy(np.array(blob))
    return tensors


def _modern(blobs: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """The arrays without the leading dimensions of size 1 that biases and matrices have in Caffe's old files."""
    if not blobs:
        return []
    weights, *rest = blobs
    outputs = rest[0].size if rest else 0
    if weights.ndim == 4 and outputs not in (0, weights.shape[0]) and weights.size % outputs == 0:
        weights = weights.reshape(outputs, -1)
    return [weights, *(blob.reshape(-1) for blob in rest)]
