"""Table 5 of the paper (section 3.4): COCO test-dev2015, trained on trainval35k, with smaller priors than for VOC."""

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import coco
from multibox.models.config import ssd300_config, ssd512_config


def ssd300() -> Recipe:
    """SSD300 on COCO trainval35k, 240k steps: 23.2 AP.

    multibox train table5-ssd300 --data coco --out runs/table5-ssd300
    Cost: 7.68 million images.
    """
    return coco("table5-ssd300", ssd300_config(dataset="coco"))


def ssd512() -> Recipe:
    """SSD512 on COCO trainval35k, 240k steps: 26.8 AP.

    multibox train table5-ssd512 --data coco --out runs/table5-ssd512
    Cost: 7.68 million images.
    """
    return coco("table5-ssd512", ssd512_config(dataset="coco"))
