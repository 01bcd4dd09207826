"""Section 3.5 of the paper: ILSVRC2014 detection, trained on train and val1, tested on val2.

According to the paper the architecture is that for COCO; the official script has VOC's prior sizes. Both are here.
"""

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.original import ilsvrc
from multibox.models.config import ssd300_config


def ssd300() -> Recipe:
    """SSD300 with COCO's prior sizes, as in the text of the paper, 440k steps: 43.4 mAP.

    multibox train ilsvrc-ssd300 --data ILSVRC --out runs/ilsvrc-ssd300
    Cost: 14.08 million images.
    """
    return ilsvrc("ilsvrc-ssd300", ssd300_config(dataset="coco"))


def ssd300_voc_sizes() -> Recipe:
    """SSD300 with VOC's prior sizes, as in the official script, 440k steps: 43.4 mAP.

    multibox train ilsvrc-ssd300-voc-sizes --data ILSVRC --out runs/ilsvrc-ssd300-voc-sizes
    Cost: 14.08 million images.
    """
    return ilsvrc("ilsvrc-ssd300-voc-sizes", ssd300_config())
