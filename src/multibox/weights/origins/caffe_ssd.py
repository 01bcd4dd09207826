"""The authors' models (VGG_VOC0712_SSD_300x300 and its like): Caffe layer names, BGR input, priors in the file."""

from collections.abc import Sequence
from dataclasses import replace

from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.priors import PriorMap, PriorSpec
from multibox.weights.origins.caffe import CaffePriors
from multibox.weights.origins.foreign import Foreign
from multibox.weights.origins.layers import CONVOLUTIONS, assemble, count_classes, ssd_table, vgg_config

NAME = "authors' SSD for Caffe"


def recognizes(foreign: Foreign) -> bool:
    return "conv4_3_norm_mbox_loc.weight" in foreign


def convert(foreign: Foreign, *, model: str | None, class_names: Sequence[str] | None) -> SSD:
    """SSD300 or SSD512 with any number of classes.

    Sizes of the priors come from the file's PriorBox layers where it has them (models fine-tuned from COCO keep COCO's
    sizes), else from `model` or the number of classes. They are cut to whole pixels, as the official layer does.
    """
    if "conv6_2_mbox_loc.weight" not in foreign or "pool6_mbox_loc.weight" in foreign:
        raise WeightsError(
            f"{foreign.source} is of the first version of SSD (2015, with pool6 as a source), which multibox does not "
            "build: take a model of the final version"
        )
    large = "conv10_2_mbox_loc.weight" in foreign
    last = 10 if large else 9
    extras = [f"conv{i}_{j}" for i in range(6, last + 1) for j in (1, 2)]
    sources = ["conv4_3_norm", "fc7", *extras[1::2]]
    classes = count_classes(
        foreign, location="conv4_3_norm_mbox_loc.weight", confidence="conv4_3_norm_mbox_conf.weight"
    )
    table = ssd_table(
        base={name: name for name in (*CONVOLUTIONS, "fc6", "fc7")},
        norm="conv4_3_norm.weight",
        extras=extras,
        heads=[(f"{source}_mbox_loc", f"{source}_mbox_conf") for source in sources],
    )
    config = _with_priors(vgg_config(foreign, large=large, classes=classes, model=model), foreign, chosen=model)
    return assemble(foreign, config, table=table, classes=classes, class_names=class_names, bgr=True)


def _with_priors(config: ModelConfig, foreign: Foreign, *, chosen: str | None) -> ModelConfig:
    """The config with the file's own priors, unless the user chose others, and with whole-pixel sizes."""
    priors = replace(config.priors, truncate=True)
    if chosen is not None or len(foreign.priors) != len(priors.maps):
        return replace(config, priors=priors)
    given = foreign.priors
    maps = tuple(_map(theirs, usual) for theirs, usual in zip(given, priors.maps, strict=True))
    variances = given[0].variances
    return replace(
        config,
        priors=PriorSpec(priors.input_size, maps, truncate=True, clip=given[0].clip),
        variances=(variances[0], variances[1], variances[2], variances[3]) if len(variances) == 4 else config.variances,
    )


def _map(theirs: CaffePriors, usual: PriorMap) -> PriorMap:
    # A file stores 0.1 as the nearest float32; rounding gives back the number that was meant.
    step = round(theirs.step, 4)
    return PriorMap(
        cells=usual.cells,
        step=(step, step) if step else usual.step,
        min_size=round(theirs.min_sizes[0], 4),
        max_size=round(theirs.max_sizes[0], 4) if theirs.max_sizes else None,
        ratios=tuple(round(ratio, 4) for ratio in theirs.ratios if ratio != 1),
    )
