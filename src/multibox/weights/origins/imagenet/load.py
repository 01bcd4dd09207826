"""Loads ImageNet weights into the base network of a detector."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from multibox.errors import MultiboxError, UsageError, WeightsError
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.mobilenet_v1 import MobileNetV1Config
from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.resnet_imagenet import ResNetImageNetConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.ssd import SSD
from multibox.weights.origins.foreign_weights import ForeignWeights, read_foreign_weights
from multibox.weights.origins.imagenet import efficientnet_lite, mobilenet_v1, mobilenet_v2, mobilenet_v3, resnet, vgg16
from multibox.weights.origins.imagenet.base_weights import BaseWeights
from multibox.weights.registry.bases import BASES
from multibox.weights.registry.fetch import fetch_published, published, unknown_name

READERS: dict[type[BaseConfig], Callable[[ForeignWeights, Any], BaseWeights | None]] = {
    VGG16Config: vgg16.read,
    MobileNetV3Config: mobilenet_v3.read,
    EfficientNetLiteConfig: efficientnet_lite.read,
    MobileNetV2Config: mobilenet_v2.read,
    MobileNetV1Config: mobilenet_v1.read,
    ResNetImageNetConfig: resnet.read,
}
"""For each base network the function that reads its tensors from a foreign file."""


def load_base(model: SSD, source: Path | str) -> tuple[str, ...]:
    """Copy ImageNet weights into `model.base`, and set the model's mean and deviation to those of their training.

    `source` is a file (.caffemodel, .pth, .safetensors) or a name; `model.config.base.imagenet_weights` holds the
    names that fit. For the atrous VGG16 the original fc6 and fc7 are subsampled (paper section 3). Returns the tensors
    of the base that the file lacks, which keep their random values. Raises WeightsError or UsageError if the file
    cannot be fetched or does not fit.
    """
    foreign = read_foreign_weights(_file(source))
    weights = _read(foreign, model)
    state = model.base.state_dict()
    for name, value in weights.tensors.items():
        wanted = state[name].shape if name in state else None
        if value.shape != wanted:
            raise WeightsError(
                f"{foreign.source} gives {name!r} the shape {tuple(value.shape)}, the base of {model.config.name} has "
                f"{tuple(wanted) if wanted else 'no such layer'}: base weights need the full width and the same layers"
            )
    model.base.load_state_dict(weights.tensors, strict=False)
    model.normalize_with(mean=weights.mean, std=weights.std)
    return tuple(name for name in state if name not in weights.tensors and not name.endswith("num_batches_tracked"))


def _file(source: Path | str) -> Path:
    if Path(source).is_file():
        return Path(source)
    entry = published(str(source))
    if entry is None or entry.kind != "base":
        if Path(source).suffix:
            raise WeightsError(f"base weights {source} do not exist: give the path of a file or train without them")
        raise unknown_name(str(source), among=BASES)
    try:
        return fetch_published(entry)
    except MultiboxError as problem:
        raise WeightsError(f"{problem}; or train from scratch with --set base_weights=null") from None


def _read(foreign: ForeignWeights, model: SSD) -> BaseWeights:
    base = model.config.base
    read = READERS.get(type(base))
    if read is None:
        raise UsageError(
            f"no ImageNet weights fit the base {base.kind!r}: train it from scratch, with base_weights=null"
        )
    weights = read(foreign, base)
    if weights is None:
        raise UsageError(
            f"{foreign.source} does not fit the base {base.kind!r} of {model.config.name}: choose one of "
            f"{', '.join(base.imagenet_weights)}, or a file of that network"
        )
    return weights
