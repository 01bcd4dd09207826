"""The weight file: safetensors whose metadata describe the whole detector, so that the file alone is enough.

The metadata have one key, "multibox", with JSON text: `version` of the package that wrote it, `format` of this
description, `class_names` (without background), `config` (ModelConfig), and `info`, which is free: recipe, training
data, score, origin, license.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from multibox._version import __version__
from multibox.errors import UsageError, WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.system.atomic import atomic_file

KEY = "multibox"
FORMAT = 1


def save_weights(
    path: Path | str, model: SSD, *, info: dict[str, Any] | None = None, dtype: torch.dtype | None = None
) -> None:
    """Write the model's learned values and its description; `path` gets the whole new file or keeps the old one.

    `info` must be plain JSON. `dtype`, such as torch.float16, is what floating-point values are stored as.
    """
    from safetensors.torch import save

    description = {
        "version": __version__,
        "format": FORMAT,
        "class_names": list(model.class_names),
        "config": model.config.to_json(),
        "info": info or {},
    }
    tensors = {name: _stored(value, dtype) for name, value in model.state_dict().items()}
    content = save(tensors, metadata={KEY: json.dumps(description)})
    with atomic_file(Path(path)) as file:
        file.write(content)


def _stored(value: Tensor, dtype: torch.dtype | None) -> Tensor:
    narrowed = value.to(dtype) if dtype is not None and value.is_floating_point() else value
    return narrowed.detach().cpu().contiguous()


def load_weights(path: Path | str, *, device: torch.device | str = "cpu") -> tuple[SSD, dict[str, Any]]:
    """The detector in evaluation mode, with float32 values on `device`, and the file's `info`.

    The file alone is enough. Torch's random generator stays as it was. Raises WeightsError where the file is no
    safetensors file, was not written by multibox or by a newer one, or where its tensors do not fit its description.
    """
    description = read_info(path)
    model = described_model(path, description)
    fill(model, _tensors(path), source=str(path))
    return model.eval().to(device), description["info"]


def read_info(path: Path | str) -> dict[str, Any]:
    """The description in the metadata, with its keys version, format, class_names, config, info; reads no tensor."""
    description = read_metadata(path).get(KEY)
    if description is None:
        raise WeightsError(
            f"{path} does not describe a multibox detector: convert foreign weights with `multibox weights import`"
        )
    try:
        fields: dict[str, Any] = json.loads(description)
        newer = fields["format"] > FORMAT
    except (ValueError, KeyError, TypeError):
        raise WeightsError(f"{path} has a damaged description of its detector: copy or fetch it again") from None
    if newer:
        raise WeightsError(
            f"{path} has weight format {fields['format']}, written by multibox {fields['version']}; "
            f"multibox {__version__} reads up to format {FORMAT}: install a newer multibox"
        )
    return fields


def read_metadata(path: Path | str) -> dict[str, str]:
    """All metadata of a safetensors file, empty where it has none; raises WeightsError where it is not such a file."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise WeightsError(f"weight file {path} does not exist: give the path of a .safetensors file")
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"{path} is not a complete safetensors file ({problem}): copy or fetch it again") from None


def described_model(path: Path | str, description: dict[str, Any]) -> SSD:
    """A model with the description's structure and any weights; leaves torch's random generator as it was."""
    try:
        config = ModelConfig.from_json(description["config"])
        with torch.random.fork_rng(devices=[]):
            return SSD(config, description["class_names"])
    except (UsageError, ValueError, KeyError) as problem:
        reason = " ".join(str(problem).split())
        raise WeightsError(f"{path} describes no model that multibox {__version__} can build: {reason}") from None


def fill(model: SSD, tensors: dict[str, Tensor], *, source: str) -> None:
    """Copy tensors into the model, floating-point ones widened to float32.

    Raises WeightsError that names the first key which is missing, superfluous or of another shape; `source` is what
    the message calls the tensors' origin.
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
