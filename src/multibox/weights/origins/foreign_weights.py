"""Weights of another program, read from the file formats that are in use into named tensors."""

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multibox.errors import WeightsError
from multibox.weights.description import KEY
from multibox.weights.file import read_metadata
from multibox.weights.origins.caffe.caffemodel import CaffeLayer, CaffePriors, read_caffemodel


@dataclass(frozen=True, eq=False)
class ForeignWeights:
    """Named tensors of a file, and the settings of its prior boxes, which only Caffe's files contain.

    `source` is the name of the file in messages.
    """

    source: str
    tensors: Mapping[str, Tensor]
    priors: tuple[CaffePriors, ...] = ()

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of that name; raises WeightsError if the file lacks it."""
        if name not in self.tensors:
            raise WeightsError(f"{self.source} lacks {name!r}, which files of its kind have: is it complete?")
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors


def read_foreign_weights(path: Path | str) -> ForeignWeights:
    """Read a .caffemodel, .safetensors or .pth file; nothing in the file is executed.

    Caffe's arrays get the names `<layer>.weight` and `<layer>.bias`. From a checkpoint only the model is read, and the
    prefix of parallel training is removed from the names. Raises WeightsError if the file has none of these formats.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"weight file {path} does not exist: give the path of a weight file")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    if path.suffix == ".caffemodel":
        layers = read_caffemodel(path)
        priors = tuple(layer.priors for layer in layers if layer.priors)
        return ForeignWeights(str(path), _caffe_tensors(layers), priors)
    return ForeignWeights(str(path), _state_dict(_unpickled(path), str(path)))


def _read_safetensors(path: Path) -> ForeignWeights:
    from safetensors.torch import load_file

    if KEY in read_metadata(path):
        raise WeightsError(f"{path} is already a multibox weight file: use it without importing it")
    return ForeignWeights(str(path), load_file(path))


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        reason = "contains more than tensors or is damaged; it is not read, because it could run code"
        raise WeightsError(f"{path} {reason}: save only its state_dict and import that") from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError):
        raise WeightsError(f"{path} is not a complete .pth file: copy or fetch it again") from None


def _state_dict(content: Any, source: str) -> dict[str, Tensor]:
    """The named tensors of a state dict, or of the first entry of a checkpoint that is one."""
    for key in ("model", "state_dict", "model_state_dict", "ema"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{source} contains no named tensors: save the model's state_dict and import that")
    named = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    return {name.removeprefix("module."): value for name, value in named.items()}


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
    outputs = rest[0].size if rest else None
    if weights.ndim == 4 and outputs not in (None, weights.shape[0]):
        weights = weights.reshape(outputs, -1)
    return [weights, *(blob.reshape(-1) for blob in rest)]
