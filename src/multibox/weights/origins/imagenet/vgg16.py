"""ImageNet weights of VGG16, from the files of the SSD authors (Caffe), torchvision and amdegroot/ssd.pytorch."""

from torch import Tensor

from multibox.errors import UsageError
from multibox.models.bases.vgg import VGG16Config
from multibox.models.config import CAFFE_MEAN
from multibox.weights.origins.assemble import flip_channels
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.imagenet.base_weights import TORCHVISION_MEAN, TORCHVISION_STD, BaseWeights, Three
from multibox.weights.origins.vgg16_ssd import CONVOLUTIONS, REDUCED_FC, sequential_positions

_ONES: Three = (1.0, 1.0, 1.0)


def read(foreign: ForeignWeights, config: VGG16Config) -> BaseWeights | None:
    """The tensors for a VGG16 of this config, None if the file contains another network.

    Raises UsageError if only one of file and model has batch normalization.
    """
    names: dict[str, str] | None = None
    if "conv1_1.weight" in foreign:
        names = {name: name for name in (*CONVOLUTIONS, "fc6", "fc7")}
    elif "0.weight" in foreign:
        names = {name: str(i) for name, i in (sequential_positions() | REDUCED_FC).items()}
    if names is not None:
        return BaseWeights(_vgg(foreign, names, atrous=config.atrous, bgr=True), CAFFE_MEAN, _ONES)
    if "features.0.weight" in foreign:
        return _torchvision_vgg(foreign, atrous=config.atrous, batch_norm=config.batch_norm)
    return None


def _torchvision_vgg(foreign: ForeignWeights, *, atrous: bool, batch_norm: bool) -> BaseWeights:
    normalized = "features.1.running_mean" in foreign
    if normalized != batch_norm:
        given, wanted = ("with", "without") if normalized else ("without", "with")
        raise UsageError(
            f"{foreign.source} is a VGG16 {given} batch normalization, the model has one {wanted}: change one of them"
        )
    positions = sequential_positions(batch_norm=batch_norm)
    names = {name: f"features.{i}" for name, i in positions.items()} | {"fc6": "classifier.0", "fc7": "classifier.3"}
    # The file with the reduced VGG16's convolutions has NaN in its other layers, and was trained on Caffe's input.
    ported = bool(foreign["classifier.0.weight"].isnan().any()) if "classifier.0.weight" in foreign else False
    tensors = _vgg(foreign, names, atrous=atrous, bgr=ported)
    if batch_norm:
        for name, i in positions.items():
            tensors |= _normalization(foreign, f"features.{i + 1}", ours=name, bias=tensors.pop(f"{name}.bias"))
        for name in ("fc6", "fc7"):
            tensors.pop(f"{name}.bias", None)
    return (
        BaseWeights(tensors, CAFFE_MEAN, _ONES) if ported else BaseWeights(tensors, TORCHVISION_MEAN, TORCHVISION_STD)
    )


def _normalization(foreign: ForeignWeights, theirs: str, *, ours: str, bias: Tensor) -> dict[str, Tensor]:
    """A normalization after a convolution that has no bias in our model: the bias is moved into the mean."""
    target = f"bn{ours.removeprefix('conv')}"
    tensors = {f"{target}.{kind}": foreign[f"{theirs}.{kind}"] for kind in ("weight", "bias", "running_var")}
    return tensors | {f"{target}.running_mean": foreign[f"{theirs}.running_mean"] - bias}


def _vgg(foreign: ForeignWeights, names: dict[str, str], *, atrous: bool, bgr: bool) -> dict[str, Tensor]:
    """The convolutions under our names, the first one for RGB, and fc6 and fc7 in the form of the base."""
    tensors: dict[str, Tensor] = {}
    for ours in CONVOLUTIONS:
        tensors |= {f"{ours}.{kind}": foreign[f"{names[ours]}.{kind}"] for kind in ("weight", "bias")}
    if bgr:
        tensors["conv1_1.weight"] = flip_channels(tensors["conv1_1.weight"])
    for ours in ("fc6", "fc7"):
        if f"{names[ours]}.weight" in foreign:
            weight, bias = (foreign[f"{names[ours]}.{kind}"] for kind in ("weight", "bias"))
            if not weight.isnan().any():
                weight, bias = reduce_fc(weight, bias, layer=ours) if atrous else (_convolution(weight, ours), bias)
                tensors |= {f"{ours}.weight": weight, f"{ours}.bias": bias}
    return tensors


def _convolution(weight: Tensor, layer: str) -> Tensor:
    """The matrix of fc6 or fc7 as a convolution: 7 x 7 over pool5's 512 channels, or 1 x 1."""
    if weight.ndim == 4:
        return weight
    return weight.view(len(weight), 512, 7, 7) if layer == "fc6" else weight[:, :, None, None]


def reduce_fc(weight: Tensor, bias: Tensor, *, layer: str) -> tuple[Tensor, Tensor]:
    """Subsample fc6 or fc7 of VGG16 for the atrous base (paper section 3, after DeepLab): 1024 of the 4096 channels.

    Keeps every fourth channel, and every third of the 7 x 7 positions of fc6, which makes a 3 x 3 kernel. Layers that
    are already reduced are returned unchanged.
    """
    if len(bias) <= 1024:
        return weight, bias
    kernel = _convolution(weight, layer)
    return (kernel[::4, :, ::3, ::3] if layer == "fc6" else kernel[::4, ::4]).contiguous(), bias[::4].contiguous()
