"""ImageNet weights of MobileNetV2, from torchvision, tonylins/pytorch-mobilenet-v2 and qfgaohao/pytorch-ssd."""

from multibox.models.bases.mobilenet_v2 import MobileNetV2Config
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import TORCHVISION_MEAN, TORCHVISION_STD, BaseWeights
from multibox.weights.origins.mobilenet_v2_names import flat_name

_FLAT_PREFIXES = ("features.", "")


def read(foreign: ForeignWeights, config: MobileNetV2Config) -> BaseWeights | None:
    """All tensors of the base but those of its lateral layers. None if the file contains another network."""
    ours = [name for name in config.build().state_dict() if not name.startswith("laterals.")]
    if "features.1.conv.0.0.weight" in foreign:
        return BaseWeights({name: foreign[name] for name in ours}, TORCHVISION_MEAN, TORCHVISION_STD)
    prefix = next((p for p in _FLAT_PREFIXES if f"{p}1.conv.3.weight" in foreign), None)
    if prefix is None:
        return None
    tensors = {name: foreign[flat_name(name).replace("features.", prefix, 1)] for name in ours}
    return BaseWeights(tensors, TORCHVISION_MEAN, TORCHVISION_STD)
