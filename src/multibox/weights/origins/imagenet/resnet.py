"""ImageNet weights of ResNet-18 to ResNet-101, from torchvision's files, whose names are ours."""

from multibox.errors import UsageError
from multibox.models.bases.resnet_imagenet import BLOCKS, BOTTLENECK, ResNetImageNetConfig
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import TORCHVISION_MEAN, TORCHVISION_STD, BaseWeights


def read(foreign: ForeignWeights, config: ResNetImageNetConfig) -> BaseWeights | None:
    """All tensors of the base. None if the file contains another network; UsageError if it has another depth."""
    if "layer4.0.conv1.weight" not in foreign or "bn1.running_mean" not in foreign:
        return None
    depth = _depth(foreign)
    if depth != config.depth:
        found = "a ResNet of another kind" if depth is None else f"a ResNet-{depth}"
        raise UsageError(f"{foreign.source} is {found}, the model has a ResNet-{config.depth}: change one of them")
    tensors = {name: foreign[name] for name in config.build().state_dict()}
    return BaseWeights(tensors, TORCHVISION_MEAN, TORCHVISION_STD)


def _depth(foreign: ForeignWeights) -> int | None:
    counts = tuple(
        len({name.split(".")[1] for name in foreign.tensors if name.startswith(f"layer{stage}.")})
        for stage in range(1, 5)
    )
    bottleneck = "layer1.0.conv3.weight" in foreign
    matching = (depth for depth, blocks in BLOCKS.items() if blocks == counts and bottleneck == (depth in BOTTLENECK))
    return next(matching, None)
