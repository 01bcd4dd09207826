"""The authors' models, such as VGG_VOC0712_SSD_300x300: Caffe layer names, BGR input, priors in the file."""

from dataclasses import replace

from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.weights.origins.assemble import assemble, count_classes
from multibox.weights.origins.caffe.caffemodel import CaffePriors
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.vgg16_ssd import CONVOLUTIONS, ssd_table, vgg_config

NAME = "authors' SSD for Caffe"
WITH_PROTOTXT = "import it with its layers, multibox weights import --prototxt deploy.prototxt"


def recognizes(foreign: ForeignWeights) -> bool:
    return "conv4_3_norm_mbox_loc.weight" in foreign


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """SSD300 or SSD512 with any number of classes.

    The sizes of the priors are those chosen, else those of the file's PriorBox layers, else the usual ones for the
    number of classes. Models fine-tuned from COCO keep COCO's sizes. All are rounded down to whole pixels, as the
    official layer does.
    """
    if "conv6_2_mbox_loc.weight" not in foreign or "pool6_mbox_loc.weight" in foreign:
        raise WeightsError(
            f"{foreign.source} is of the first version of SSD (2015, with pool6 as a source): {WITH_PROTOTXT}"
        )
    if "conv1_1.weight" not in foreign:
        layers = dict.fromkeys(name.rpartition(".")[0] for name in foreign.tensors)
        first = ", ".join(list(layers)[:3])
        raise WeightsError(
            f"{foreign.source} is an SSD on another base network than VGG16 (its layers begin with {first}): "
            f"{WITH_PROTOTXT}"
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
    config = vgg_config(foreign, large=large, classes=classes, priors=choices.priors)
    config = replace(config, priors=replace(config.priors, truncate=True))
    if choices.priors is None:
        config = _with_own_priors(config, foreign)
    return assemble(foreign, config, table=table, classes=classes, class_names=choices.class_names, bgr=True)


def _with_own_priors(config: ModelConfig, foreign: ForeignWeights) -> ModelConfig:
    """The config with the priors of the file, if it holds those of every source map."""
    given, priors = foreign.priors, config.priors
    if len(given) != len(priors.maps):
        return config
    maps = tuple(_map(theirs, usual) for theirs, usual in zip(given, priors.maps, strict=True))
    variances = given[0].variances
    return replace(
        config,
        priors=PriorSpec(priors.input_size, maps, truncate=True, clip=given[0].clip),
        variances=(variances[0], variances[1], variances[2], variances[3]) if len(variances) == 4 else config.variances,
    )


def _map(theirs: CaffePriors, usual: PriorMap) -> PriorMap:
    # A file stores 0.1 as the nearest float32; rounding restores 0.1.
    step = round(theirs.step, 4)
    return PriorMap(
        cells=usual.cells,
        step=Step(step, step) if step else usual.step,
        min_size=round(theirs.min_sizes[0], 4) if theirs.min_sizes else usual.min_size,
        max_size=round(theirs.max_sizes[0], 4) if theirs.max_sizes else None,
        ratios=tuple(round(ratio, 4) for ratio in theirs.ratios if ratio != 1),
    )
