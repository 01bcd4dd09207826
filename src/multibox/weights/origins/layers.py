"""How tensors of other programs become a model: a table of our layer names and theirs, and the copying."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from multibox.data.classes.published import names_for
from multibox.errors import UsageError, WeightsError
from multibox.models.bases.vgg import STAGES
from multibox.models.config import ModelConfig, ssd300_config, ssd512_config
from multibox.models.ssd import SSD
from multibox.weights.file import fill
from multibox.weights.origins.foreign import Foreign

CONVOLUTIONS = tuple(f"conv{i}_{j}" for i, stage in enumerate(STAGES, start=1) for j in range(1, len(stage) + 1))


def sequential_positions(*, batch_norm: bool = False) -> dict[str, int]:
    """Where conv1_1 … conv5_3 stand in a list of all layers of VGG16: convolution, activation, pooling.

    With `batch_norm` a normalization follows each convolution. fc6 and fc7 are not in the table: see REDUCED_FC.
    """
    layers_of_one = 3 if batch_norm else 2
    positions, at = {}, 0
    for name, following in pairwise((*CONVOLUTIONS, "conv6_1")):
        positions[name] = at
        at += layers_of_one + (name[4] != following[4])
    return positions


REDUCED_FC = {"fc6": 31, "fc7": 33}
"""Positions of fc6 and fc7 behind pool5 in the list of the reduced VGG16."""


def ssd_table(*, base: Mapping[str, str], norm: str, extras: Iterable[str], heads: Iterable[tuple[str, str]]) -> dict:
    """Our tensor names with theirs for SSD on VGG16.

    `base` are their prefixes of our base layers, `norm` their tensor of the scales, `extras` their prefixes of the
    convolutions in order, `heads` their prefixes of (location, confidence) of each source map.
    """
    prefixes = {f"base.{ours}": theirs for ours, theirs in base.items()}
    for i, theirs in enumerate(extras):
        prefixes[f"extras.{i // 2}.{i % 2 * 2}"] = theirs
    for i, (location, confidence) in enumerate(heads):
        prefixes[f"heads.location.{i}"] = location
        prefixes[f"heads.confidence.{i}"] = confidence
    table = {"norm.weight": norm}
    for ours, theirs in prefixes.items():
        table |= {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}
    return table


def count_classes(foreign: Foreign, *, location: str, confidence: str) -> int:
    """Classes without background, from the predictors of one source map: 4 and C + 1 numbers for each box."""
    boxes = len(foreign[location]) // 4
    outputs, rest = divmod(len(foreign[confidence]), max(boxes, 1))
    if rest or outputs < 2:
        raise WeightsError(
            f"{foreign.source} has predictors of {len(foreign[location])} and {len(foreign[confidence])} channels, "
            "which fit no number of classes: is it an SSD?"
        )
    return outputs - 1


def vgg_config(foreign: Foreign, *, large: bool, classes: int, model: str | None) -> ModelConfig:
    """SSD512's structure or SSD300's, with the priors that `model` names, or else those usual for so many classes."""
    size = "ssd512" if large else "ssd300"
    chosen = model or f"{size}-{'coco' if classes in (80, 90) else 'voc'}"
    known = (f"{size}-voc", f"{size}-coco")
    if chosen not in known:
        raise UsageError(f"{foreign.source} is an {size}, not {chosen!r}: choose {' or '.join(known)}")
    dataset = chosen.removeprefix(f"{size}-")
    return ssd512_config(dataset=dataset) if large else ssd300_config(dataset=dataset)


def assemble(
    foreign: Foreign,
    config: ModelConfig,
    *,
    table: Mapping[str, str],
    classes: int,
    class_names: Iterable[str] | None,
    bgr: bool = False,
) -> SSD:
    """The model of `config` with their tensors under our names, as float32; `bgr` turns the first layer to RGB.

    Raises WeightsError that names the first of their tensors which is missing or has another shape.
    """
    names = names_for(classes, None if class_names is None else list(class_names), source=foreign.source)
    with torch.random.fork_rng(devices=[]):
        model = SSD(config, names)
    tensors = {ours: foreign[theirs] for ours, theirs in table.items()}
    for ours, value in model.state_dict().items():
        if ours in tensors and tensors[ours].shape != value.shape:
            raise WeightsError(
                f"{foreign.source} holds {table[ours]!r} with shape {tuple(tensors[ours].shape)}, {config.name} with "
                f"{classes} classes needs {tuple(value.shape)}: is it a {config.name}?"
            )
    if bgr:
        tensors["base.conv1_1.weight"] = flip_channels(tensors["base.conv1_1.weight"])
    fill(model, tensors, source=foreign.source)
    return model.eval()


def flip_channels(weight: Tensor) -> Tensor:
    """The first convolution for images in RGB instead of BGR, or the other way round."""
    return weight.flip(1)
