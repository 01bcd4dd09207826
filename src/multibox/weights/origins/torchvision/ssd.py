"""torchvision's ssd300_vgg16 and ssdlite320_mobilenet_v3_large, with their priors and detection settings.

The converted model keeps what differs from ours: sides of the priors limited to the image's, boxes clipped before
suppression, the means, and for SSDLite the thresholds. Torchvision's decoder also limits boxes to 62.5 times the size
of their prior. This changes no box, because such a box covers the whole image after clipping.
"""

from dataclasses import replace

from multibox.errors import UsageError
from multibox.models.bases.mobilenet_v3 import LARGE, MobileNetV3Config
from multibox.models.config import ModelConfig, ssd300_config, ssdlite320_config
from multibox.models.ssd import SSD
from multibox.priors import SPECS
from multibox.weights.origins.assemble import assemble, count_classes
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.torchvision.mobilenet_v3 import block_table, convolution_table
from multibox.weights.origins.vgg16_ssd import sequential_positions, ssd_table

NAME = "torchvision"

# The last block that halves the map is split: its expansion ends the first part of the base, the rest begins the next.
_SPLIT = max(i for i, row in enumerate(LARGE) if row.stride == 2)
_LOCATION = "head.regression_head.module_list"
_CONFIDENCE = "head.classification_head.module_list"


def recognizes(foreign: ForeignWeights) -> bool:
    return f"{_LOCATION}.0.weight" in foreign or f"{_LOCATION}.0.1.weight" in foreign


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """SSD300 or SSDLite320 with any number of classes, SSDLite with the narrow or the full tail."""
    if choices.priors is not None:
        raise UsageError(f"{foreign.source} is a model of torchvision, which has one set of priors: choose none")
    lite = f"{_LOCATION}.0.1.weight" in foreign
    last = ".1" if lite else ""
    classes = count_classes(foreign, location=f"{_LOCATION}.0{last}.weight", confidence=f"{_CONFIDENCE}.0{last}.weight")
    config = _lite_config(foreign) if lite else _ssd300_config()
    table = _lite_table(config) if lite else _ssd300_table()
    return assemble(foreign, config, table=table, classes=classes, class_names=choices.class_names)


def _ssd300_config() -> ModelConfig:
    mean = tuple(255 * value for value in (0.48235, 0.45882, 0.40784))
    priors = replace(SPECS["ssd300-coco"], clip_sizes=True)
    return replace(ssd300_config(), priors=priors, mean=(mean[0], mean[1], mean[2]), clip=True)


def _ssd300_table() -> dict[str, str]:
    positions = sequential_positions()
    split = positions["conv4_3"] + 2
    base = {
        name: f"backbone.features.{i}" if i < split else f"backbone.extra.0.{i - split}"
        for name, i in positions.items()
    }
    base |= {"fc6": "backbone.extra.0.7.1", "fc7": "backbone.extra.0.7.3"}
    return ssd_table(
        base=base,
        norm="backbone.scale_weight",
        extras=[f"backbone.extra.{i}.{j}" for i in range(1, 5) for j in (0, 2)],
        heads=[(f"{_LOCATION}.{i}", f"{_CONFIDENCE}.{i}") for i in range(6)],
    )


def _lite_config(foreign: ForeignWeights) -> ModelConfig:
    config = ssdlite320_config()
    widest = foreign["backbone.features.1.3.1.weight"]
    return replace(config, base=MobileNetV3Config(full_tail=len(widest) > 6 * LARGE[-1].out))


def _lite_table(config: ModelConfig) -> dict[str, str]:
    table = convolution_table("base.stem", "backbone.features.0.0")
    table |= convolution_table("base.tail", f"backbone.features.1.{len(LARGE) - _SPLIT}")
    for i in range(len(LARGE)):
        table |= block_table(i, [_part(i, j) for j in range(4)])
    for i in range(len(config.extras)):
        for j in range(3):
            table |= convolution_table(f"extras.{i}.{j}", f"backbone.extra.{i}.{j}")
    for i in range(len(config.priors.maps)):
        for ours, theirs in (("location", _LOCATION), ("confidence", _CONFIDENCE)):
            table |= convolution_table(f"heads.{ours}.{i}.0", f"{theirs}.{i}.0")
            table |= {f"heads.{ours}.{i}.1.{kind}": f"{theirs}.{i}.1.{kind}" for kind in ("weight", "bias")}
    return table


def _part(block: int, part: int) -> str:
    """Torchvision's prefix of layer `part` of a block, in the order expansion, depthwise, squeeze, projection."""
    if block < _SPLIT:
        return f"backbone.features.0.{block + 1}.block.{part}"
    if block > _SPLIT:
        return f"backbone.features.1.{block - _SPLIT}.block.{part}"
    return f"backbone.features.0.{block + 1}" if part == 0 else f"backbone.features.1.0.{part}"
