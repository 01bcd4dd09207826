"""SSD300 and SSD512 on COCO as the final official code trains them, with fewer than twice the steps of the paper."""

from dataclasses import replace

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import ZOOMED_OUT, coco
from multibox.models.config import ssd300_config, ssd512_config
from multibox.training.optimizer import Schedule

_OFFICIAL = Schedule(400_000, milestones=(280_000, 360_000))


def ssd300_coco() -> Recipe:
    """SSD300* on COCO trainval35k, zoom-out, 280k, 80k and 40k steps: 25.1 AP on test-dev2015.

    multibox train ssd300-coco --data coco --out runs/ssd300-coco
    Cost: 12.8 million images.
    """
    recipe = coco("ssd300-coco", ssd300_config(dataset="coco"))
    return replace(recipe, schedule=_OFFICIAL, augmentation=ZOOMED_OUT)


def ssd512_coco() -> Recipe:
    """SSD512* on COCO trainval35k, zoom-out: 28.8 AP on test-dev2015 (the authors published step 360k of 400k).

    multibox train ssd512-coco --data coco --out runs/ssd512-coco
    Cost: 12.8 million images.
    """
    recipe = coco("ssd512-coco", ssd512_config(dataset="coco"))
    return replace(recipe, schedule=_OFFICIAL, augmentation=ZOOMED_OUT)
