"""Table 6 of the paper (section 3.6): with zoom-out and twice the steps, marked by a star.

On VOC 07+12 these are ssd300-voc and ssd512-voc.
"""

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import coco, from_coco, voc2007, voc2012, zoomed_out
from multibox.models.config import ssd300_config, ssd512_config


def ssd300_0712_coco() -> Recipe:
    """SSD300* from the COCO weights of this table, then VOC 07+12, 120k steps: 81.2 mAP on VOC2007 test.

    multibox train table6-ssd300-0712-coco --data VOCdevkit --out runs/table6-ssd300-0712-coco
    Cost: 3.84 million images after those of table6-ssd300-coco.
    """
    return from_coco(zoomed_out(voc2007("table6-ssd300-0712-coco", ssd300_config())), "table6-ssd300-coco")


def ssd300_0712_plus() -> Recipe:
    """SSD300* on VOC 07++12, 160k steps: 75.8 mAP on VOC2012 test.

    multibox train table6-ssd300-0712-plus --data VOCdevkit --out runs/table6-ssd300-0712-plus
    Cost: 5.12 million images.
    """
    return zoomed_out(voc2012("table6-ssd300-0712-plus", ssd300_config()))


def ssd300_0712_plus_coco() -> Recipe:
    """SSD300* from the COCO weights of this table, then VOC 07++12, 160k steps: 79.3 mAP on VOC2012 test.

    multibox train table6-ssd300-0712-plus-coco --data VOCdevkit --out runs/table6-ssd300-0712-plus-coco
    Cost: 5.12 million images after those of table6-ssd300-coco.
    """
    return from_coco(zoomed_out(voc2012("table6-ssd300-0712-plus-coco", ssd300_config())), "table6-ssd300-coco")


def ssd300_coco() -> Recipe:
    """SSD300* on COCO trainval35k, 480k steps: 25.1 AP on test-dev2015. The official code took 400k: ssd300-coco.

    multibox train table6-ssd300-coco --data coco --out runs/table6-ssd300-coco
    Cost: 15.36 million images.
    """
    return zoomed_out(coco("table6-ssd300-coco", ssd300_config(dataset="coco")))


def ssd512_0712_coco() -> Recipe:
    """SSD512* from the COCO weights of this table, then VOC 07+12, 120k steps: 83.2 mAP on VOC2007 test.

    multibox train table6-ssd512-0712-coco --data VOCdevkit --out runs/table6-ssd512-0712-coco
    Cost: 3.84 million images after those of table6-ssd512-coco.
    """
    return from_coco(zoomed_out(voc2007("table6-ssd512-0712-coco", ssd512_config())), "table6-ssd512-coco")


def ssd512_0712_plus() -> Recipe:
    """SSD512* on VOC 07++12, 160k steps: 78.5 mAP on VOC2012 test.

    multibox train table6-ssd512-0712-plus --data VOCdevkit --out runs/table6-ssd512-0712-plus
    Cost: 5.12 million images.
    """
    return zoomed_out(voc2012("table6-ssd512-0712-plus", ssd512_config()))


def ssd512_0712_plus_small() -> Recipe:
    """The same with priors from 0.1 and 0.04 of the input, as for COCO; the paper has no score for it.

    multibox train table6-ssd512-0712-plus-small --data VOCdevkit --out runs/table6-ssd512-0712-plus-small
    Cost: 5.12 million images.
    """
    return zoomed_out(voc2012("table6-ssd512-0712-plus-small", ssd512_config(dataset="coco")))


def ssd512_0712_plus_coco() -> Recipe:
    """SSD512* from the COCO weights of this table, then VOC 07++12, 160k steps: 82.2 mAP on VOC2012 test.

    multibox train table6-ssd512-0712-plus-coco --data VOCdevkit --out runs/table6-ssd512-0712-plus-coco
    Cost: 5.12 million images after those of table6-ssd512-coco.
    """
    return from_coco(zoomed_out(voc2012("table6-ssd512-0712-plus-coco", ssd512_config())), "table6-ssd512-coco")


def ssd512_coco() -> Recipe:
    """SSD512* on COCO trainval35k, 480k steps: 28.8 AP on test-dev2015. The official code took 400k: ssd512-coco.

    multibox train table6-ssd512-coco --data coco --out runs/table6-ssd512-coco
    Cost: 15.36 million images.
    """
    return zoomed_out(coco("table6-ssd512-coco", ssd512_config(dataset="coco")))
