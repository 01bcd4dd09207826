"""ImageNet weights of MobileNetV2, from the files of torchvision and tonylins/pytorch-mobilenet-v2."""

from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import TORCHVISION_MEAN, TORCHVISION_STD, BaseWeights
from multibox.weights.origins.mobilenet_v2_names import flat_name


def read(foreign: ForeignWeights, config: MobileNetV2Config) -> BaseWeights | None:
    """All tensors of the base but those of its lateral layers. None if the file contains another network."""
    ours = [name for name in config.build().state_dict() if not name.startswith("laterals.")]
    nested = "features.1.conv.0.0.weight" in foreign
    if not nested and "features.1.conv.3.weight" not in foreign:
        return None
    tensors = {name: foreign[name if nested else flat_name(name)] for name in ours}
    return BaseWeights(tensors, TORCHVISION_MEAN, TORCHVISION_STD)
