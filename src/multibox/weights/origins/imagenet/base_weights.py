"""Weights of a base network that was trained on ImageNet."""

from dataclasses import dataclass

from torch import Tensor

Three = tuple[float, float, float]

TORCHVISION_MEAN: Three = (255 * 0.485, 255 * 0.456, 255 * 0.406)
TORCHVISION_STD: Three = (255 * 0.229, 255 * 0.224, 255 * 0.225)


@dataclass(frozen=True)
class BaseWeights:
    """Tensors under our names of the base's layers, and the mean and deviation of their RGB input (0 … 255)."""

    tensors: dict[str, Tensor]
    mean: Three
    std: Three
