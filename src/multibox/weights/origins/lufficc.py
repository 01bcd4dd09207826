"""VGG models of lufficc/SSD, releases 1.0 to 1.2: RGB input, centers and sides of priors cut to the image."""

from dataclasses import replace

from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from multibox.weights.origins.assemble import assemble, count_classes
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.vgg16_ssd import REDUCED_FC, sequential_positions, ssd_table, vgg_config

NAME = "lufficc/SSD"


def recognizes(foreign: ForeignWeights) -> bool:
    return "backbone.l2_norm.weight" in foreign or "l2_norm.weight" in foreign


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """SSD300 or SSD512 with its detection settings: no limit for a class, 100 for an image."""
    newer = "backbone.l2_norm.weight" in foreign
    base = "backbone." if newer else ""
    location = "box_head.predictor.reg_headers" if newer else "regression_headers"
    confidence = "box_head.predictor.cls_headers" if newer else "classification_headers"
    large = f"{location}.6.weight" in foreign
    classes = count_classes(foreign, location=f"{location}.0.weight", confidence=f"{confidence}.0.weight")
    table = ssd_table(
        base={name: f"{base}vgg.{i}" for name, i in {**sequential_positions(), **REDUCED_FC}.items()},
        norm=f"{base}l2_norm.weight",
        extras=[f"{base}extras.{i}" for i in range(10 if large else 8)],
        heads=[(f"{location}.{i}", f"{confidence}.{i}") for i in range(7 if large else 6)],
    )
    config = vgg_config(foreign, large=large, classes=classes, priors=choices.priors)
    config = replace(
        config,
        priors=replace(config.priors, clip_sizes=True, clip_centers=True),
        detection=DetectionSettings(per_class=config.priors.count, per_image=100),
    )
    return assemble(foreign, config, table=table, classes=classes, class_names=choices.class_names)
