"""Table 2 of the paper (section 3.2): the effect of each design choice of SSD300 on VOC2007 test, trained on 07+12.

The row with everything is table1-ssd300-0712.
"""

from dataclasses import replace

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import WHOLE_VGG16, voc2007
from multibox.models.config import ModelConfig, ssd300_config


def only_flips() -> Recipe:
    """No patches and no photometric distortion, 60k steps: 65.5 mAP.

    multibox train table2-only-flips --data VOCdevkit --out runs/table2-only-flips
    The table does not describe the lesser augmentation. Whole images and mirror images are our choice, because Fast
    and Faster R-CNN use them. Cost: 1.92 million images.
    """
    return replace(voc2007("table2-only-flips", ssd300_config()), augmentation=AUGMENTATIONS["flip"])


def only_squares() -> Recipe:
    """Priors of ratio 1 only, two a cell, 60k steps: 71.6 mAP.

    multibox train table2-only-squares --data VOCdevkit --out runs/table2-only-squares
    Cost: 1.92 million images.
    """
    return voc2007("table2-only-squares", _with_ratios(()))


def no_ratio_3() -> Recipe:
    """Priors of ratios 1, 2 and 1/2, four a cell, 60k steps: 73.7 mAP.

    multibox train table2-no-ratio-3 --data VOCdevkit --out runs/table2-no-ratio-3
    Cost: 1.92 million images.
    """
    return voc2007("table2-no-ratio-3", _with_ratios((2.0,)))


def no_atrous() -> Recipe:
    """The whole VGG16 with pool5 of stride 2, fc6 of 7 x 7 and conv5_3 as a source, 60k steps: 74.2 mAP.

    multibox train table2-no-atrous --data VOCdevkit --out runs/table2-no-atrous
    Starts from VGG16 with all of fc6 and fc7. Cost: 1.92 million images, each a fifth slower according to the paper.
    """
    return replace(voc2007("table2-no-atrous", ssd300_config(atrous=False)), base_weights=WHOLE_VGG16)


def _with_ratios(ratios: tuple[float, ...]) -> ModelConfig:
    model = ssd300_config()
    maps = tuple(replace(m, ratios=ratios) for m in model.priors.maps)
    return replace(model, priors=replace(model.priors, maps=maps))
