"""ImageNet weights of MobileNetV3-Large, from torchvision's file."""

from multibox.models.bases.mobilenet_v3 import FULL_TAIL, LARGE, MobileNetV3Config
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import TORCHVISION_MEAN, TORCHVISION_STD, BaseWeights
from multibox.weights.origins.torchvision.mobilenet_v3 import block_table, convolution_table

_NARROW_TAIL = range(len(LARGE) - len(FULL_TAIL), len(LARGE))


def read(foreign: ForeignWeights, config: MobileNetV3Config) -> BaseWeights | None:
    """All tensors of a base with the full tail. Without it, all but the last three blocks and the last layer.

    None if the file contains another network.
    """
    if "features.0.0.weight" not in foreign:
        return None
    table = convolution_table("base.stem", "features.0")
    blocks = [i for i in range(len(LARGE)) if config.full_tail or i not in _NARROW_TAIL]
    for i in blocks:
        table |= block_table(i, [f"features.{i + 1}.block.{j}" for j in range(4)])
    if config.full_tail:
        table |= convolution_table("base.tail", f"features.{len(LARGE) + 1}")
    tensors = {ours.removeprefix("base."): foreign[theirs] for ours, theirs in table.items()}
    return BaseWeights(tensors, TORCHVISION_MEAN, TORCHVISION_STD)
