"""Models of amdegroot/ssd.pytorch: a list of VGG layers, RGB input, centers and sides of priors cut to the image."""

from dataclasses import replace
from pathlib import Path

from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.weights.origins.assemble import assemble, count_classes
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.vgg16_ssd import REDUCED_FC, sequential_positions, ssd_table, vgg_config

NAME = "amdegroot/ssd.pytorch"

CONVERTED_FROM_CAFFE = "ssd_300_VOC0712.pth"
"""The file whose first layer still expects BGR."""


def recognizes(foreign: ForeignWeights) -> bool:
    return "L2Norm.weight" in foreign and "loc.0.weight" in foreign


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """SSD300, or SSD512 of its forks, with its detection settings: 200 for each class, no limit for an image.

    If `choices.channels` is None, the order of colors follows from the name of the file.
    """
    usual = "bgr" if Path(foreign.source).name == CONVERTED_FROM_CAFFE else "rgb"
    convolutions = sum(name.startswith("extras.") and name.endswith(".weight") for name in foreign.tensors)
    heads = sum(name.startswith("loc.") and name.endswith(".weight") for name in foreign.tensors)
    classes = count_classes(foreign, location="loc.0.weight", confidence="conf.0.weight")
    table = ssd_table(
        base={name: f"vgg.{i}" for name, i in {**sequential_positions(), **REDUCED_FC}.items()},
        norm="L2Norm.weight",
        extras=[f"extras.{i}" for i in range(convolutions)],
        heads=[(f"loc.{i}", f"conf.{i}") for i in range(heads)],
    )
    config = vgg_config(foreign, large=heads == 7, classes=classes, priors=choices.priors)
    config = replace(
        config,
        priors=replace(config.priors, clip_sizes=True, clip_centers=True),
        detection=DetectionSettings(per_class=200, per_image=200 * classes),
    )
    return assemble(
        foreign,
        config,
        table=table,
        classes=classes,
        class_names=choices.class_names,
        bgr=(choices.channels or usual) == "bgr",
    )
