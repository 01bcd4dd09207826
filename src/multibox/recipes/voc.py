"""SSD300 and SSD512 on PASCAL VOC as in the paper (sections 3.1 to 3.3 and 3.6)."""

from multibox.data.augment import AUGMENTATIONS
from multibox.models.config import ssd300_config, ssd512_config
from multibox.recipes.recipe import Recipe
from multibox.training.loop import LoopConfig
from multibox.training.optimizer import Schedule

_PAPER = Schedule(60_000, milestones=(40_000, 50_000))
_OFFICIAL = Schedule(120_000, milestones=(80_000, 100_000))


def ssd300_voc() -> Recipe:
    """SSD300 on VOC 07+12, the final official schedule with zoom-out (section 3.6): 77.2 mAP on VOC2007 test.

    multibox train ssd300-voc --data VOCdevkit --out runs/ssd300-voc
    Cost: 3.84 million pictures through a network of 60 GFLOP; a matter of a day on one GPU.
    """
    return Recipe(
        name="ssd300-voc",
        model=ssd300_config(),
        schedule=_OFFICIAL,
        augmentation=AUGMENTATIONS["caffe"],
        loop=LoopConfig(batch_size=32, checkpoint_every=1000),
        train_split="2007:trainval+2012:trainval",
        metric="voc07",
        base_weights="vgg16-reducedfc-caffe",
    )


def ssd512_voc() -> Recipe:
    """SSD512 on VOC 07+12 with the same schedule: 79.8 mAP on VOC2007 test (Table 6).

    multibox train ssd512-voc --data VOCdevkit --out runs/ssd512-voc
    """
    return Recipe(
        name="ssd512-voc",
        model=ssd512_config(),
        schedule=_OFFICIAL,
        augmentation=AUGMENTATIONS["caffe"],
        loop=LoopConfig(batch_size=32, accumulate=4, checkpoint_every=1000),
        train_split="2007:trainval+2012:trainval",
        metric="voc07",
        base_weights="vgg16-reducedfc-caffe",
    )
