"""All numbers that make a detector's network, as data that fits into a weight file; one function a known model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from math import ceil
from typing import Any

from multibox.errors import UsageError
from multibox.models.heads import Extra
from multibox.nms import DetectionSettings
from multibox.priors import RATIOS_300, SPECS, PriorSpec, equation4_spec, official_sizes, sized_spec
from multibox.size import Size

CAFFE_MEAN = (123.0, 117.0, 104.0)
BASES = ("vgg16", "vgg16_full", "mobilenet_v3_large", "resnet")

_EXTRAS_300 = (Extra(256, 512), Extra(128, 256), Extra(128, 256, 3, 1, 0), Extra(128, 256, 3, 1, 0))
_EXTRAS_512 = (Extra(256, 512), *(Extra(128, 256) for _ in range(3)), Extra(128, 256, 4, 1, 1))
_EXTRAS_LITE = (Extra(256, 512), Extra(128, 256), Extra(128, 256), Extra(64, 128))


@dataclass(frozen=True)
class ModelConfig:
    """One network: base, extra layers, priors of its source maps, input normalization and detection settings.

    `mean` and `std` are in units of 0 … 255, in the order R, G, B. `sources` are the positions of the maps that
    predict, None for all (Table 3). `fine` adds a source of stride 8 to a base that starts at 16. `width` scales the
    channels of a VGG or residual base. `full_tail` gives MobileNetV3 the wide last blocks of its Table 1, as
    the ImageNet weights have. `clip` cuts boxes to the image before suppression.
    """

    name: str
    base: str
    extras: tuple[Extra, ...]
    priors: PriorSpec
    sources: tuple[int, ...] | None = None
    width: float = 1.0
    batch_norm: bool = False
    fine: bool = False
    lite: bool = False
    full_tail: bool = False
    mean: tuple[float, float, float] = CAFFE_MEAN
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    clip: bool = False
    detection: DetectionSettings = field(default_factory=DetectionSettings)

    def __post_init__(self) -> None:
        if self.base not in BASES:
            raise UsageError(f"base network {self.base!r} is not known: choose one of {', '.join(BASES)}")

    @property
    def input_size(self) -> Size:
        """Size of the network input."""
        return self.priors.input_size

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ModelConfig":
        """The inverse of `to_json` after a trip through JSON; raises ValueError where fields do not fit."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(fields)


def ssd300_config(*, dataset: str = "voc", atrous: bool = True, batch_norm: bool = False) -> ModelConfig:
    """SSD300 on VGG16: 8732 priors with the sizes for `dataset` "voc" or "coco"; `atrous` as in Table 2."""
    if atrous:
        return ModelConfig("ssd300", "vgg16", _EXTRAS_300, _spec("ssd300", dataset), batch_norm=batch_norm)
    extras = (*_EXTRAS_300[:2], Extra(128, 256, 3, 1, 0))
    return ModelConfig("ssd300-full", "vgg16_full", extras, _spec("ssd300", dataset), batch_norm=batch_norm)


def ssd512_config(*, dataset: str = "voc", batch_norm: bool = False, truncate: bool = False) -> ModelConfig:
    """SSD512 on VGG16: 24564 priors; `truncate` for the whole-pixel sizes of the official layer."""
    priors = replace(_spec("ssd512", dataset), truncate=truncate)
    return ModelConfig("ssd512", "vgg16", _EXTRAS_512, priors, batch_norm=batch_norm)


def ssdlite320_config() -> ModelConfig:
    """MobileNetV3-Large SSDLite at 320 with the structure, priors and thresholds of torchvision's model of that name.

    Its priors follow equation 4 with scales 0.2 to 0.95, ratios 2 and 3 on every map, sides limited to the image's.
    """
    cells = [(n, n) for n in (20, 10, 5, 3, 2, 1)]
    priors = equation4_spec(Size(320, 320), cells, ratios=[(2.0, 3.0)] * 6, smallest=0.2, largest=0.95)
    return ModelConfig(
        "ssdlite320",
        "mobilenet_v3_large",
        _EXTRAS_LITE,
        replace(priors, clip_sizes=True),
        lite=True,
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        clip=True,
        detection=DetectionSettings(score_threshold=0.001, nms_threshold=0.55, per_class=300, per_image=300),
    )


def slim300_config(*, width: float = 0.25, sizes: Sequence[float] | None = None) -> ModelConfig:
    """SSD300's structure at a fraction of its channels, with batch normalization: quick to train from nothing.

    `sizes` are the seven prior sizes in pixels of the 300 x 300 input, smallest first; by default SSD300's for VOC.
    """
    priors = SPECS["ssd300-voc"] if sizes is None else _with_sizes(SPECS["ssd300-voc"], sizes)
    return _slim("slim300", _EXTRAS_300, priors, width)


def slim224_config(*, width: float = 0.25, sizes: Sequence[float] | None = None) -> ModelConfig:
    """The same at 224 x 224 with five source maps, about twice as quick; `sizes` are six."""
    cells = [(n, n) for n in (28, 14, 7, 4, 2)]
    sizes = official_sizes(224, first=10, lowest=20, highest=90, maps=5) if sizes is None else sizes
    priors = sized_spec(Size(224, 224), cells, sizes=sizes, ratios=RATIOS_300[:5])
    return _slim("slim224", _EXTRAS_300[:3], priors, width)


def light_config(*, side: int = 256, width: float = 0.5, sizes: Sequence[float] | None = None) -> ModelConfig:
    """A light SSD on a small residual network with batch normalization, for training from nothing.

    Its six maps are 1/8 of the `side` of the input, 1/16 and so on. `sizes` are the seven prior sizes in pixels; by
    default SSD300's percentages of the side. Weights fit any side.
    """
    cells = [(n, n) for n in (ceil(side / 2**k) for k in range(3, 9))]
    sizes = official_sizes(side, first=10, lowest=20, highest=90, maps=6) if sizes is None else sizes
    priors = sized_spec(Size(side, side), cells, sizes=sizes, ratios=RATIOS_300)
    extras = _narrow((Extra(128, 256),) * 3, width)
    return ModelConfig(f"light{side}", "resnet", extras, priors, width=width, batch_norm=True, std=(58.0, 58.0, 58.0))


def _slim(name: str, extras: tuple[Extra, ...], priors: PriorSpec, width: float) -> ModelConfig:
    return ModelConfig(
        name, "vgg16", _narrow(extras, width), priors, width=width, batch_norm=True, std=(58.0, 58.0, 58.0)
    )


def _narrow(extras: tuple[Extra, ...], width: float) -> tuple[Extra, ...]:
    return tuple(replace(e, squeeze=round(e.squeeze * width), out=round(e.out * width)) for e in extras)


def _with_sizes(priors: PriorSpec, sizes: Sequence[float]) -> PriorSpec:
    pairs = zip(priors.maps, pairwise(sizes), strict=True)
    return replace(priors, maps=tuple(replace(m, min_size=small, max_size=large) for m, (small, large) in pairs))


def _spec(model: str, dataset: str) -> PriorSpec:
    if f"{model}-{dataset}" not in SPECS:
        raise UsageError(f"no priors of {model} for {dataset!r}: choose voc or coco")
    return SPECS[f"{model}-{dataset}"]
