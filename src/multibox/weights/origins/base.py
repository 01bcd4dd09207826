"""ImageNet weights for the base network, from the files that the authors, torchvision and amdegroot publish."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from multibox.errors import MultiboxError, UsageError, WeightsError
from multibox.models.bases.mobilenet import LARGE
from multibox.models.config import CAFFE_MEAN
from multibox.models.ssd import SSD
from multibox.weights.origins.foreign import Foreign, read_foreign
from multibox.weights.origins.layers import CONVOLUTIONS, REDUCED_FC, flip_channels, sequential_positions
from multibox.weights.origins.mobilenet_layers import block_table, convolution_table
from multibox.weights.registry import BASES, fetch_published, published, unknown_name

Three = tuple[float, float, float]
_IMAGENET_MEAN: Three = (255 * 0.485, 255 * 0.456, 255 * 0.406)
_IMAGENET_STD: Three = (255 * 0.229, 255 * 0.224, 255 * 0.225)
_ONES: Three = (1.0, 1.0, 1.0)
_NARROW_TAIL = range(len(LARGE) - 3, len(LARGE))


@dataclass(frozen=True)
class BaseWeights:
    """Tensors under our names of the base's layers, and the input they expect, RGB in units of 0 … 255."""

    tensors: dict[str, Tensor]
    mean: Three
    std: Three


def load_base(model: SSD, source: Path | str) -> tuple[str, ...]:
    """Copy ImageNet weights into `model.base`, and set the model's mean and deviation to what they were trained with.

    `source` is a file (.caffemodel, .pth, .safetensors) or a name: vgg16-reducedfc-caffe, vgg16-reducedfc-pth,
    vgg16-torchvision, vgg16-bn-torchvision, vgg16-features-torchvision, mobilenet-v3-large-torchvision. For the atrous
    base the original fc6 and fc7 are subsampled (paper section 3). Returns the tensors of the base that the file lacks,
    which keep their random start. Raises WeightsError or UsageError where the file cannot be had or does not fit.
    """
    foreign = read_foreign(_file(source))
    weights = _read(foreign, model)
    state = model.base.state_dict()
    for name, value in weights.tensors.items():
        wanted = state[name].shape if name in state else None
        if value.shape != wanted:
            raise WeightsError(
                f"{foreign.source} gives {name!r} the shape {tuple(value.shape)}, the base of {model.config.name} has "
                f"{tuple(wanted) if wanted else 'no such layer'}: base weights need the full width and the same layers"
            )
    model.base.load_state_dict(weights.tensors, strict=False)
    model.normalize_with(mean=weights.mean, std=weights.std)
    return tuple(name for name in state if name not in weights.tensors and not name.endswith("num_batches_tracked"))


def _file(source: Path | str) -> Path:
    if Path(source).is_file():
        return Path(source)
    entry = published(str(source))
    if entry is None or entry.kind != "base":
        if Path(source).suffix:
            raise WeightsError(f"base weights {source} do not exist: give the path of a file or train without them")
        raise unknown_name(str(source), among=BASES)
    try:
        return fetch_published(entry)
    except MultiboxError as problem:
        raise WeightsError(f"{problem}; or train from scratch with --set base_weights=null") from None


def _read(foreign: Foreign, model: SSD) -> BaseWeights:
    config = model.config
    mobile = "features.0.0.weight" in foreign
    if mobile != (config.base == "mobilenet_v3_large"):
        raise UsageError(
            f"{foreign.source} does not fit the base {config.base!r} of {config.name}: choose another file"
        )
    if mobile:
        tensors = _mobilenet(foreign, full_tail=config.full_tail)
        return BaseWeights(tensors, _IMAGENET_MEAN, _IMAGENET_STD)
    atrous = config.base == "vgg16"
    if "conv1_1.weight" in foreign:
        names = {name: name for name in (*CONVOLUTIONS, "fc6", "fc7")}
        return BaseWeights(_vgg(foreign, names, atrous=atrous, bgr=True), CAFFE_MEAN, _ONES)
    if "0.weight" in foreign:
        names = {name: str(i) for name, i in (sequential_positions() | REDUCED_FC).items()}
        return BaseWeights(_vgg(foreign, names, atrous=atrous, bgr=True), CAFFE_MEAN, _ONES)
    if "features.0.weight" in foreign:
        return _torchvision_vgg(foreign, atrous=atrous, batch_norm=config.batch_norm)
    raise WeightsError(f"{foreign.source} holds no base network that multibox knows: give VGG16 or MobileNetV3-Large")


def _torchvision_vgg(foreign: Foreign, *, atrous: bool, batch_norm: bool) -> BaseWeights:
    normalized = "features.1.running_mean" in foreign
    if normalized != batch_norm:
        given, wanted = ("with", "without") if normalized else ("without", "with")
        raise UsageError(f"{foreign.source} is a VGG16 {given} batch normalization, the model one {wanted}: change one")
    positions = sequential_positions(batch_norm=batch_norm)
    names = {name: f"features.{i}" for name, i in positions.items()} | {"fc6": "classifier.0", "fc7": "classifier.3"}
    # The file of the reduced VGG16's convolutions has no numbers in its other layers, and was trained on Caffe's input.
    ported = bool(foreign["classifier.0.weight"].isnan().any()) if "classifier.0.weight" in foreign else False
    tensors = _vgg(foreign, names, atrous=atrous, bgr=ported)
    if batch_norm:
        for name, i in positions.items():
            tensors |= _normalization(foreign, f"features.{i + 1}", ours=name, bias=tensors.pop(f"{name}.bias"))
        for name in ("fc6", "fc7"):
            tensors.pop(f"{name}.bias", None)
    return BaseWeights(tensors, CAFFE_MEAN, _ONES) if ported else BaseWeights(tensors, _IMAGENET_MEAN, _IMAGENET_STD)


def _normalization(foreign: Foreign, theirs: str, *, ours: str, bias: Tensor) -> dict[str, Tensor]:
    """Their normalization behind a convolution whose bias ours lacks: the bias moves into the mean."""
    target = f"bn{ours.removeprefix('conv')}"
    tensors = {f"{target}.{kind}": foreign[f"{theirs}.{kind}"] for kind in ("weight", "bias", "running_var")}
    return tensors | {f"{target}.running_mean": foreign[f"{theirs}.running_mean"] - bias}


def _vgg(foreign: Foreign, names: dict[str, str], *, atrous: bool, bgr: bool) -> dict[str, Tensor]:
    """The convolutions under our names, first layer for RGB, and fc6 and fc7 in the form of the base."""
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
    """A matrix of fc6 or fc7 as the convolution that it is: 7 x 7 over pool5's 512 channels, or 1 x 1."""
    if weight.ndim == 4:
        return weight
    return weight.view(len(weight), 512, 7, 7) if layer == "fc6" else weight[:, :, None, None]


def reduce_fc(weight: Tensor, bias: Tensor, *, layer: str) -> tuple[Tensor, Tensor]:
    """fc6 or fc7 of VGG16 for the atrous base (paper section 3, after DeepLab): 1024 of the 4096 channels.

    Every fourth channel is taken, and of the 7 x 7 positions of fc6 every third, which is a 3 x 3 kernel. What is
    reduced already stays as it is.
    """
    if len(bias) <= 1024:
        return weight, bias
    kernel = _convolution(weight, layer)
    return (kernel[::4, :, ::3, ::3] if layer == "fc6" else kernel[::4, ::4]).contiguous(), bias[::4].contiguous()


def _mobilenet(foreign: Foreign, *, full_tail: bool) -> dict[str, Tensor]:
    """The whole base with a wide tail, or all but the last three blocks and the last layer."""
    table = convolution_table("base.stem", "features.0")
    blocks = [i for i in range(len(LARGE)) if full_tail or i not in _NARROW_TAIL]
    for i in blocks:
        table |= block_table(i, [f"features.{i + 1}.block.{j}" for j in range(4)])
    if full_tail:
        table |= convolution_table("base.tail", f"features.{len(LARGE) + 1}")
    return {ours.removeprefix("base."): foreign[theirs] for ours, theirs in table.items()}
