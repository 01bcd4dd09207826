"""The numbers that define a detector's network, as data for a weight file, and a function for each known model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from typing import Any, Literal

from multibox.errors import UsageError
from multibox.models.bases.config import BaseConfig
from multibox.models.bases.efficientnet_lite import EfficientNetLiteConfig
from multibox.models.bases.known import TaggedBase
from multibox.models.bases.mobilenet_v3 import MobileNetV3Config
from multibox.models.bases.resnet import ResNetConfig
from multibox.models.bases.vgg import VGG16Config
from multibox.models.heads import Extra, lite_extra, narrowed
from multibox.output_rules import BoxCode, DetectionSettings, OutputRules, ScoreFunction
from multibox.priors import RATIOS_300, SPECS, PriorSpec, equation4_spec, official_sizes, sized_spec
from multibox.size import Size

CAFFE_MEAN = (123.0, 117.0, 104.0)

_EXTRAS_300 = (Extra(256, 512), Extra(128, 256), Extra(128, 256, 3, 1, 0), Extra(128, 256, 3, 1, 0))
_EXTRAS_512 = (Extra(256, 512), *(Extra(128, 256) for _ in range(3)), Extra(128, 256, 4, 1, 1))
_EXTRAS_LITE = tuple(lite_extra(number) for number in range(4))


@dataclass(frozen=True)
class ModelConfig:
    """One network: base, extra layers, priors of its source maps, input normalization and detection settings.

    `sources` are the positions of the maps that predict, None for all (Table 3). `mean` and `std` are in units of
    0 … 255, in the order R, G, B. `clip` cuts boxes to the image before suppression. `score_function` turns logits into
    scores: SSD's softmax over background and classes, or a sigmoid for each class. `box_code` says
    what offsets mean.
    """

    name: str
    base: TaggedBase
    extras: tuple[Extra, ...]
    priors: PriorSpec
    sources: tuple[int, ...] | None = None
    mean: tuple[float, float, float] = CAFFE_MEAN
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    clip: bool = False
    score_function: ScoreFunction = "softmax"
    box_code: BoxCode = "center_size"
    detection: DetectionSettings = field(default_factory=DetectionSettings)

    @property
    def input_size(self) -> Size:
        return self.priors.input_size

    @property
    def rules(self) -> OutputRules:
        """How the outputs of the network become detections."""
        return OutputRules(**{field.name: getattr(self, field.name) for field in fields(OutputRules)})

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ModelConfig":
        """The inverse of `to_json`, also after a round trip through JSON. Raises ValueError if a field does not fit."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(fields)


def source_cells(input_size: Size, *, base: BaseConfig, extras: Sequence[Extra]) -> tuple[Size, ...]:
    """Rows and columns of all source maps of a network: those of the base, then one for each extra layer."""
    cells = list(base.cells(input_size))
    for extra in extras:
        cells.append(Size(*((n + 2 * extra.padding - extra.kernel) // extra.stride + 1 for n in cells[-1])))
    return tuple(cells)


def ssd300_config(*, dataset: str = "voc", atrous: bool = True, batch_norm: bool = False) -> ModelConfig:
    """SSD300 on VGG16: 8732 priors with the sizes for `dataset` "voc" or "coco". `atrous` as in Table 2."""
    base = VGG16Config(atrous=atrous, batch_norm=batch_norm)
    if atrous:
        return ModelConfig("ssd300", base, _EXTRAS_300, _spec("ssd300", dataset))
    return ModelConfig("ssd300-full", base, _EXTRAS_300[:3], _spec("ssd300", dataset))


def ssd512_config(*, dataset: str = "voc", batch_norm: bool = False, truncate: bool = False) -> ModelConfig:
    """SSD512 on VGG16: 24564 priors. `truncate` rounds their sizes down to whole pixels, as the official layer does."""
    priors = replace(_spec("ssd512", dataset), truncate=truncate)
    return ModelConfig("ssd512", VGG16Config(batch_norm=batch_norm), _EXTRAS_512, priors)


def ssdlite320_config() -> ModelConfig:
    """MobileNetV3-Large SSDLite at 320 with the structure, priors and thresholds of torchvision's model of that name.

    Its priors follow equation 4 with scales 0.2 to 0.95, ratios 2 and 3 on every map, sides limited to the image's.
    """
    size, base = Size(320, 320), MobileNetV3Config()
    cells = source_cells(size, base=base, extras=_EXTRAS_LITE)
    priors = equation4_spec(size, cells, ratios=[(2.0, 3.0)] * len(cells), smallest=0.2, largest=0.95)
    return ModelConfig(
        "ssdlite320",
        base,
        _EXTRAS_LITE,
        replace(priors, clip_sizes=True),
        mean=(127.5, 127.5, 127.5),
        std=(127.5, 127.5, 127.5),
        clip=True,
        detection=DetectionSettings(score_threshold=0.001, nms_threshold=0.55, per_class=300, per_image=300),
    )


def slim300_config(*, width: float = 0.25, sizes: Sequence[float] | None = None) -> ModelConfig:
    """SSD300's structure at a fraction of its channels, with batch normalization: quick to train from scratch.

    `sizes` are the seven prior sizes in pixels of the 300 x 300 input, smallest first, by default SSD300's for VOC.
    """
    priors = SPECS["ssd300-voc"] if sizes is None else _with_sizes(SPECS["ssd300-voc"], sizes)
    return _slim("slim300", _EXTRAS_300, priors, width)


def slim224_config(*, width: float = 0.25, sizes: Sequence[float] | None = None) -> ModelConfig:
    """The same at 224 x 224 with five source maps, about twice as fast; `sizes` has six values."""
    size, extras = Size(224, 224), _EXTRAS_300[:3]
    cells = source_cells(size, base=VGG16Config(), extras=extras)
    sizes = official_sizes(224, first=10, lowest=20, highest=90, maps=5) if sizes is None else sizes
    priors = sized_spec(size, cells, sizes=sizes, ratios=RATIOS_300[:5])
    return _slim("slim224", extras, priors, width)


def light_config(*, side: int = 256, width: float = 0.5, sizes: Sequence[float] | None = None) -> ModelConfig:
    """A light SSD on a small residual network with batch normalization, to be trained from scratch.

    Its six source maps have strides 8, 16, 32 and so on. `sizes` are the seven prior sizes in pixels, by default
    SSD300's percentages of the side. Weights fit any side.
    """
    size, base = Size(side, side), ResNetConfig(width=width)
    extras = (narrowed(Extra(128, 256), width),) * 3
    sizes = official_sizes(side, first=10, lowest=20, highest=90, maps=6) if sizes is None else sizes
    priors = sized_spec(size, source_cells(size, base=base, extras=extras), sizes=sizes, ratios=RATIOS_300)
    return ModelConfig(f"light{side}", base, extras, priors, std=(58.0, 58.0, 58.0))


def lite_config(*, side: int = 320, version: Literal[0, 1, 2] = 0, sizes: Sequence[float] | None = None) -> ModelConfig:
    """An SSD on EfficientNet-Lite, to be trained from ImageNet weights on a few hundred or thousand images.

    Its six source maps have strides 8, 16, 32 and so on. `sizes` are the seven prior sizes in pixels, by default
    SSD300's percentages of the side. Weights fit any side.
    """
    size, base = Size(side, side), EfficientNetLiteConfig(version=version)
    extras = (Extra(128, 256),) * 3
    sizes = official_sizes(side, first=10, lowest=20, highest=90, maps=6) if sizes is None else sizes
    priors = sized_spec(size, source_cells(size, base=base, extras=extras), sizes=sizes, ratios=RATIOS_300)
    return ModelConfig(f"lite{side}", base, extras, priors, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))


def _slim(name: str, extras: tuple[Extra, ...], priors: PriorSpec, width: float) -> ModelConfig:
    base = VGG16Config(width=width, batch_norm=True)
    return ModelConfig(name, base, tuple(narrowed(extra, width) for extra in extras), priors, std=(58.0, 58.0, 58.0))


def _with_sizes(priors: PriorSpec, sizes: Sequence[float]) -> PriorSpec:
    pairs = zip(priors.maps, pairwise(sizes), strict=True)
    return replace(priors, maps=tuple(replace(m, min_size=small, max_size=large) for m, (small, large) in pairs))


def _spec(model: str, dataset: str) -> PriorSpec:
    if f"{model}-{dataset}" not in SPECS:
        raise UsageError(f"no priors of {model} for {dataset!r}: choose voc or coco")
    return SPECS[f"{model}-{dataset}"]
