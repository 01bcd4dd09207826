"""ImageNet weights of MobileNet, from files of marvis/pytorch-mobilenet and qfgaohao/pytorch-ssd."""

from multibox.models.bases.mobilenet_v1 import MobileNetV1Config
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import BaseWeights

_PREFIXES = ("", "model.", "features.")


def read(foreign: ForeignWeights, config: MobileNetV1Config) -> BaseWeights | None:
    """All tensors of the base. None if the file contains another network."""
    prefix = next((p for p in _PREFIXES if f"{p}0.0.weight" in foreign and f"{p}1.3.weight" in foreign), None)
    if prefix is None:
        return None
    names = config.build().state_dict()
    tensors = {name: foreign[prefix + name.removeprefix("features.")] for name in names}
    return BaseWeights(tensors, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))
