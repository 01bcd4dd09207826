"""Table 1 of the paper (section 3.1): PASCAL VOC2007 test, by training data."""

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import VOC07, from_coco, voc2007
from multibox.models.config import ssd300_config, ssd512_config


def ssd300_07() -> Recipe:
    """SSD300 on VOC2007 trainval, 60k steps: 68.0 mAP.

    multibox train table1-ssd300-07 --data VOCdevkit --out runs/table1-ssd300-07
    Cost: 1.92 million images.
    """
    return voc2007("table1-ssd300-07", ssd300_config(), train_split=VOC07)


def ssd300_0712() -> Recipe:
    """SSD300 on VOC 07+12 trainval, 60k steps: 74.3 mAP; the reference of Tables 2 and 3.

    multibox train table1-ssd300-0712 --data VOCdevkit --out runs/table1-ssd300-0712
    Cost: 1.92 million images.
    """
    return voc2007("table1-ssd300-0712", ssd300_config())


def ssd300_0712_coco() -> Recipe:
    """SSD300 from the COCO weights of Table 5, then VOC 07+12: 79.6 mAP.

    multibox train table1-ssd300-0712-coco --data VOCdevkit --out runs/table1-ssd300-0712-coco
    The paper gives no number of steps for this row, so it is that of the other rows. The priors have VOC's sizes.
    Cost: 1.92 million images after those of table5-ssd300.
    """
    return from_coco(voc2007("table1-ssd300-0712-coco", ssd300_config()), "table5-ssd300")


def ssd512_07() -> Recipe:
    """SSD512 on VOC2007 trainval, 60k steps: 71.6 mAP.

    multibox train table1-ssd512-07 --data VOCdevkit --out runs/table1-ssd512-07
    Cost: 1.92 million images.
    """
    return voc2007("table1-ssd512-07", ssd512_config(), train_split=VOC07)


def ssd512_0712() -> Recipe:
    """SSD512 on VOC 07+12 trainval, 60k steps: 76.8 mAP (76.9 in the abstract); the detector of Figures 3 and 4.

    multibox train table1-ssd512-0712 --data VOCdevkit --out runs/table1-ssd512-0712
    Cost: 1.92 million images.
    """
    return voc2007("table1-ssd512-0712", ssd512_config())


def ssd512_0712_coco() -> Recipe:
    """SSD512 from the COCO weights of Table 5, then VOC 07+12: 81.6 mAP.

    multibox train table1-ssd512-0712-coco --data VOCdevkit --out runs/table1-ssd512-0712-coco
    Steps and priors are those of SSD300. Cost: 1.92 million images after those of table5-ssd512.
    """
    return from_coco(voc2007("table1-ssd512-0712-coco", ssd512_config()), "table5-ssd512")
