"""The weight file: safetensors with metadata that describe the whole detector, so that the file alone is enough."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.system.atomic import atomic_file
from multibox.weights.description import KEY, Description, parse_description


def save_weights(
    path: Path | str, model: SSD, *, info: dict[str, Any] | None = None, dtype: torch.dtype | None = None
) -> None:
    """Write the model's learned values and its description. A failed write leaves the old file at `path` intact.

    `info` must be plain JSON. Floating-point values are stored as `dtype`, for example torch.float16, if it is given.
    """
    from safetensors.torch import save

    description = Description(model.class_names, model.config, info or {})
    tensors = {name: _stored(value, dtype) for name, value in model.state_dict().items()}
    content = save(tensors, metadata={KEY: description.to_text()})
    with atomic_file(Path(path)) as file:
        file.write(content)


def _stored(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    narrowed = value.to(dtype) if dtype is not None and value.is_floating_point() else value
    return narrowed.detach().cpu().contiguous()


def load_weights(path: Path | str, *, device: torch.device | str = "cpu") -> tuple[SSD, dict[str, Any]]:
    """The detector in evaluation mode, with float32 values on `device`, and the file's `info`.

    Does not draw from torch's random generator. Raises WeightsError if the file is not a safetensors file, if
    multibox did not write it or a newer multibox did, or if its tensors do not fit its description.
    """
    description = read_description(path)
    model = SSD.without_values(description.config, description.class_names)
    model.load_state_dict(_checked_tensors(path, model), assign=True)
    return model.eval().to(device), description.info


def _checked_tensors(path: Path | str, model: SSD) -> dict[str, Tensor]:
    """The tensors of the file in the types of the model.

    Their names, shapes and types are compared with the model's before any is read.
    """
    from safetensors import safe_open

    wanted = model.state_dict()
    with safe_open(path, framework="pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        _compare(shapes, wanted, source=str(path), config=model.config, classes=len(model.class_names))
        return {name: _checked(name, file.get_tensor(name), wanted=wanted[name], source=str(path)) for name in shapes}


def _checked(name: str, value: Tensor, *, wanted: Tensor, source: str) -> Tensor:
    """A copy in the type of `wanted`; the tensor itself may be a part of the file, which can change."""
    if value.is_floating_point() != wanted.is_floating_point() or value.is_complex():
        raise WeightsError(
            f"{source} holds {name!r} as {value.dtype} instead of {wanted.dtype}: copy or fetch it again"
        )
    copy = value.to(wanted.dtype, copy=True)
    if not value.is_floating_point() or not value.numel():
        return copy
    low, high = (float(end) for end in copy.aminmax())  # one pass; NaN if any value is NaN
    if not (isfinite(low) and isfinite(high)):
        raise WeightsError(
            f"{source} holds {name!r} with values that are not finite: the training failed, or the file is damaged"
        )
    if name.endswith("running_var") and low < 0:
        raise WeightsError(f"{source} holds {name!r} with negative variances: copy or fetch it again")
    return copy


def read_description(path: Path | str) -> Description:
    """The description in the metadata; reads no tensor. Raises the errors of `load_weights`."""
    text = read_metadata(path).get(KEY)
    if text is None:
        raise WeightsError(
            f"{path} does not describe a multibox detector: convert foreign weights with `multibox weights import`"
        )
    return parse_description(text, source=path)


def read_metadata(path: Path | str) -> dict[str, str]:
    """All metadata of a safetensors file, empty if it has none. Raises WeightsError if it is not such a file."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        fault = "is a folder" if Path(path).is_dir() else "does not exist"
        raise WeightsError(f"weight file {path} {fault}: give the path of a .safetensors file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"{path} is not a complete safetensors file ({problem}): copy or fetch it again") from None


def fill(model: SSD, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copy tensors into the model, floating-point ones widened to float32.

    Raises WeightsError that names the first tensor that is missing, superfluous, of another shape, or whose values are
    not finite. `source` is the name of the tensors' origin in that message.
    """
    shapes, wanted = {name: tuple(value.shape) for name, value in tensors.items()}, model.state_dict()
    _compare(shapes, wanted, source=source, config=model.config, classes=len(model.class_names))
    floats = (name for name, value in tensors.items() if value.is_floating_point() and wanted[name].is_floating_point())
    checked = {name: _checked(name, tensors[name], wanted=wanted[name], source=source) for name in floats}
    model.load_state_dict(tensors | checked)  # counts of batches can be of any number type


def _compare(
    shapes: Mapping[str, tuple[int, ...]],
    wanted: Mapping[str, Tensor],
    *,
    source: str,
    config: ModelConfig,
    classes: int,
) -> None:
    for name, value in wanted.items():
        if name not in shapes:
            raise WeightsError(f"{source} lacks {name!r}, which {config.name} needs: the file is not of this model")
        if shapes[name] != value.shape:
            raise WeightsError(
                f"{source} holds {name!r} with shape {shapes[name]}, {config.name} with {classes} classes needs "
                f"{tuple(value.shape)}: the file is not of this model"
            )
    for name in shapes:
        if name not in wanted:
            raise WeightsError(f"{source} holds {name!r}, which {config.name} lacks: the file is not of this model")
