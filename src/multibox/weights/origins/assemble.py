"""Builds a model from foreign tensors, given a table of our tensor names and theirs."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from multibox.data.classes.published import names_for
from multibox.errors import WeightsError
from multibox.models.config import ModelConfig
from multibox.models.faults import find_fault
from multibox.models.rule_faults import find_class_fault
from multibox.models.ssd import SSD
from multibox.weights.file import fill
from multibox.weights.origins.foreign_weights import ForeignWeights


def count_classes(foreign: ForeignWeights, *, location: str, confidence: str) -> int:
    """The number of classes without background, from the predictors of one source map (4 and C + 1 values a box)."""
    offsets, scores = (_outputs(foreign, name) for name in (location, confidence))
    outputs, rest = divmod(scores, max(offsets // 4, 1))
    if rest or outputs < 2 or not offsets or offsets % 4:
        raise WeightsError(
            f"{foreign.source} has predictors of {offsets} and {scores} channels, which fit no number of classes: "
            "check that it is an SSD"
        )
    return outputs - 1


def _outputs(foreign: ForeignWeights, name: str) -> int:
    """The number of output channels of a convolution."""
    if foreign[name].ndim != 4:
        shape = tuple(foreign[name].shape)
        raise WeightsError(
            f"{foreign.source} holds {name!r} with shape {shape}, which is not a convolution: check that it is an SSD"
        )
    return len(foreign[name])


def assemble(
    foreign: ForeignWeights,
    config: ModelConfig,
    *,
    table: Mapping[str, str],
    classes: int,
    class_names: Iterable[str] | None,
    bgr: bool = False,
) -> SSD:
    """The model of `config` with the foreign tensors, as float32, in evaluation mode.

    `table` maps our tensor names to theirs. With `bgr` the first layer of VGG16 is converted to RGB. Raises
    WeightsError that names the first tensor that is missing or has another shape.
    """
    names = names_for(classes, None if class_names is None else list(class_names), source=foreign.source)
    tensors = {ours: foreign[theirs] for ours, theirs in table.items()}
    fault = find_fault(config) or find_class_fault(names, priors=config.priors.count)
    if fault is not None:
        raise WeightsError(f"{foreign.source} gives a detector that cannot work: {fault}; check that it is an SSD")
    with torch.random.fork_rng(devices=[]), torch.device("meta"):  # shapes alone, which take no memory
        shapes = SSD(config, names).state_dict()
    for ours, value in shapes.items():
        if ours in tensors and tensors[ours].shape != value.shape:
            raise WeightsError(
                f"{foreign.source} holds {table[ours]!r} with shape {tuple(tensors[ours].shape)}, {config.name} with "
                f"{classes} classes needs {tuple(value.shape)}: check that it is a {config.name}"
            )
    with torch.random.fork_rng(devices=[]):
        model = SSD(config, names)
    if bgr:
        tensors["base.conv1_1.weight"] = flip_channels(tensors["base.conv1_1.weight"])
    fill(model, tensors, source=foreign.source)
    return model.eval()


def flip_channels(weight: Tensor) -> Tensor:
    """The weights of the first convolution, converted from BGR to RGB or back."""
    return weight.flip(1)
