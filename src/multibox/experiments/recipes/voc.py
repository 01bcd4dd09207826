"""SSD300 and SSD512 on PASCAL VOC as the final official code trains them (paper section 3.6 and Table 6)."""

from dataclasses import replace

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import ZOOMED_OUT, voc2007
from multibox.models.config import ssd300_config, ssd512_config
from multibox.training.optimizer import Schedule

_OFFICIAL = Schedule(120_000, milestones=(80_000, 100_000))


def ssd300_voc() -> Recipe:
    """SSD300* on VOC 07+12, zoom-out, 80k, 20k and 20k steps: 77.2 mAP on VOC2007 test (Table 6).

    multibox train ssd300-voc --data VOCdevkit --out runs/ssd300-voc
    Cost: 3.84 million images.
    """
    return replace(voc2007("ssd300-voc", ssd300_config()), schedule=_OFFICIAL, augmentation=ZOOMED_OUT)


def ssd512_voc() -> Recipe:
    """SSD512* on VOC 07+12, zoom-out, 80k, 20k and 20k steps: 79.8 mAP on VOC2007 test (Table 6).

    multibox train ssd512-voc --data VOCdevkit --out runs/ssd512-voc
    Cost: 3.84 million images.
    """
    return replace(voc2007("ssd512-voc", ssd512_config()), schedule=_OFFICIAL, augmentation=ZOOMED_OUT)
