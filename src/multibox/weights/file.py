"""The weight file: safetensors whose metadata describe the whole detector, so that the file alone is enough."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multibox._version import __version__
from multibox.errors import WeightsError
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
    model = _random_model(description, source=path)
    fill(model, _tensors(path), source=str(path))
    return model.eval().to(device), description.info


def read_description(path: Path | str) -> Description:
    """The description in the metadata; reads no tensor. Raises the errors of `load_weights`."""
    text = read_metadata(path).get(KEY)
    if text is None:
        raise WeightsError(
            f"{path} does not describe a multibox detector: convert foreign weights with `multibox weights import`"
        )
    return parse_description(text, source=path)


def _random_model(description: Description, *, source: Path | str) -> SSD:
    """A model with the description's structure. Leaves torch's random generator as it was."""
    try:
        with torch.random.fork_rng(devices=[]):
            return SSD(description.config, description.class_names)
    except (ValueError, IndexError) as problem:
        raise WeightsError(
            f"{source} describes a model that multibox {__version__} cannot build ({problem}): copy or fetch it again"
        ) from None


def read_metadata(path: Path | str) -> dict[str, str]:
    """All metadata of a safetensors file, empty if it has none. Raises WeightsError if it is not such a file."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise WeightsError(f"weight file {path} does not exist: give the path of a .safetensors file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"{path} is not a complete safetensors file ({problem}): copy or fetch it again") from None


def fill(model: SSD, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copy tensors into the model, floating-point ones widened to float32.

    Raises WeightsError that names the first tensor that is missing, superfluous or of another shape. `source` is the
    name of the tensors' origin in that message.
    """
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in tensors:
            raise WeightsError(
                f"{source} lacks {name!r}, which {model.config.name} needs: the file is not of this model"
            )
        if tensors[name].shape != value.shape:
            raise WeightsError(
                f"{source} holds {name!r} with shape {tuple(tensors[name].shape)}, {model.config.name} with "
                f"{len(model.class_names)} classes needs {tuple(value.shape)}: the file is not of this model"
            )
    for name in tensors:
        if name not in wanted:
            raise WeightsError(
                f"{source} holds {name!r}, which {model.config.name} lacks: the file is not of this model"
            )
    model.load_state_dict(tensors)


def _tensors(path: Path | str) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(path)
