"""Reads the files of `torch.save`: runs nothing in them, and takes no more memory than the file has bytes."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from multibox.errors import WeightsError
from multibox.weights.origins.pickled import pickled_stranger


def read_pth(path: Path) -> dict[str, Tensor]:
    """The named tensors of a state dict, or of the model in a checkpoint. Raises WeightsError if there are none."""
    _check_archive(path)
    named = _state_dict(_unpickled(path), str(path))
    for name, value in named.items():
        _check_tensor(name, value, source=str(path))
    return named


def _check_archive(path: Path) -> None:
    """Refuse an archive whose parts are larger than the file: torch.save does not compress."""
    with open(path, "rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    try:
        with ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        raise _damaged(path) from None
    if size > path.stat().st_size:
        raise WeightsError(
            f"{path} is compressed and unpacks to {size / 1e6:.0f} MB, which torch.save never writes: save it again"
        )


def _unpickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise _refused(path) from None
    except Exception:  # a damaged pickle can cause almost any error
        raise _damaged(path) from None


def _refused(path: Path) -> WeightsError:
    """Why PyTorch does not unpickle a file."""
    stranger = pickled_stranger(path)
    if stranger is not None:
        return WeightsError(f"{path} is {stranger.what}, which cannot be imported: {stranger.advice}")
    with open(path, "rb") as file:
        if file.read(4)[:1] not in (b"\x80", b"P"):
            return WeightsError(f"{path} is no file of torch.save, or damaged: give the checkpoint of an SSD")
    reason = "contains more than tensors or is damaged; it is not read, because it could run code"
    return WeightsError(f"{path} {reason}: save only its state_dict and import that")


def _damaged(path: Path) -> WeightsError:
    return WeightsError(f"{path} is not a complete .pth file: copy or fetch it again")


def _state_dict(content: Any, source: str) -> dict[str, Tensor]:
    """The named tensors of a state dict, or of the first entry of a checkpoint that is one."""
    for key in ("model", "state_dict", "model_state_dict", "ema"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise WeightsError(f"{source} contains no named tensors: save the model's state_dict and import that")
    named = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    return {name.removeprefix("module."): value for name, value in named.items()}


def _check_tensor(name: str, value: Tensor, *, source: str) -> None:
    """Refuse tensors that are not plain arrays, and those with more values than the file holds for them."""
    plain = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
    if not plain or value.is_complex():
        raise WeightsError(f"{source} holds {name[:100]!r}, which is not a plain array of numbers: save it as one")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise WeightsError(
            f"{source} holds {name[:100]!r} with shape {tuple(value.shape)} but fewer values: save it contiguous"
        )
