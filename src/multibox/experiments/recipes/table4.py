"""Table 4 of the paper (section 3.3): PASCAL VOC2012 test, trained on VOC2007 trainval and test and VOC2012 trainval.

The annotations of VOC2012 test are not public: the evaluation server of the challenge scores detections.
"""

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import from_coco, voc2012
from multibox.models.config import ssd300_config, ssd512_config


def ssd300() -> Recipe:
    """SSD300 on VOC 07++12, 80k steps: 72.4 mAP.

    multibox train table4-ssd300 --data VOCdevkit --out runs/table4-ssd300
    Cost: 2.56 million images.
    """
    return voc2012("table4-ssd300", ssd300_config())


def ssd300_coco() -> Recipe:
    """SSD300 from the COCO weights of Table 5, then VOC 07++12, 80k steps: 77.5 mAP.

    multibox train table4-ssd300-coco --data VOCdevkit --out runs/table4-ssd300-coco
    Cost: 2.56 million images after those of table5-ssd300.
    """
    return from_coco(voc2012("table4-ssd300-coco", ssd300_config()), "table5-ssd300")


def ssd512(*, sizes: str = "voc") -> Recipe:
    """SSD512 on VOC 07++12, 80k steps: 74.9 mAP.

    multibox train table4-ssd512 --data VOCdevkit --out runs/table4-ssd512
    With `sizes` "coco" the priors are the smaller ones of section 3.4: their scales start at 0.1, and at 0.04 on the
    first map, instead of 0.15 and 0.07 (table4-ssd512-small). Cost: 2.56 million images.
    """
    name = "table4-ssd512" if sizes == "voc" else "table4-ssd512-small"
    return voc2012(name, ssd512_config(dataset=sizes))


def ssd512_small() -> Recipe:
    """The same with priors from 0.1 and 0.04 of the input; the paper has no score for it.

    multibox train table4-ssd512-small --data VOCdevkit --out runs/table4-ssd512-small
    """
    return ssd512(sizes="coco")


def ssd512_coco() -> Recipe:
    """SSD512 from the COCO weights of Table 5, then VOC 07++12, 80k steps: 80.0 mAP.

    multibox train table4-ssd512-coco --data VOCdevkit --out runs/table4-ssd512-coco
    Cost: 2.56 million images after those of table5-ssd512.
    """
    return from_coco(voc2012("table4-ssd512-coco", ssd512_config()), "table5-ssd512")
