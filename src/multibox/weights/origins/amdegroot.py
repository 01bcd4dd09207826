"""Models of amdegroot/ssd.pytorch: a list of VGG layers, RGB input, centers and sides of priors cut to the image."""

from collections.abc import Sequence
from dataclasses import replace

from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.weights.origins.foreign import Foreign
from multibox.weights.origins.layers import (
    REDUCED_FC,
    assemble,
    count_classes,
    sequential_positions,
    ssd_table,
    vgg_config,
)

NAME = "amdegroot/ssd.pytorch"


def recognizes(foreign: Foreign) -> bool:
    return "L2Norm.weight" in foreign and "loc.0.weight" in foreign


def convert(foreign: Foreign, *, model: str | None, class_names: Sequence[str] | None, bgr: bool = False) -> SSD:
    """SSD300 (or 512, as its forks train it) with its detection settings: 200 for each class, no limit for an image.

    `bgr` for the file that was converted from Caffe (ssd_300_VOC0712.pth), whose first layer still wants BGR.
    """
    convolutions = sum(name.startswith("extras.") and name.endswith(".weight") for name in foreign.tensors)
    heads = sum(name.startswith("loc.") and name.endswith(".weight") for name in foreign.tensors)
    classes = count_classes(foreign, location="loc.0.weight", confidence="conf.0.weight")
    table = ssd_table(
        base={name: f"vgg.{i}" for name, i in {**sequential_positions(), **REDUCED_FC}.items()},
        norm="L2Norm.weight",
        extras=[f"extras.{i}" for i in range(convolutions)],
        heads=[(f"loc.{i}", f"conf.{i}") for i in range(heads)],
    )
    config = vgg_config(foreign, large=heads == 7, classes=classes, model=model)
    config = replace(
        config,
        priors=replace(config.priors, clip_sizes=True, clip_centers=True),
        detection=DetectionSettings(per_class=200, per_image=200 * classes),
    )
    return assemble(foreign, config, table=table, classes=classes, class_names=class_names, bgr=bgr)
