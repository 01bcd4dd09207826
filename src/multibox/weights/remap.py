"""Gives a trained detector other classes. Known classes keep their weights, new ones start from random values."""

from collections.abc import Mapping, Sequence
from math import log, sqrt
from pathlib import Path

import torch
from torch import Tensor, nn

from multibox.class_map import find_class
from multibox.errors import UsageError, WeightsError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.weights.file import fill
from multibox.weights.source import open_weights

VOC_FROM_COCO = {
    "aeroplane": "airplane",
    "bicycle": "bicycle",
    "bird": "bird",
    "boat": "boat",
    "bottle": "bottle",
    "bus": "bus",
    "car": "car",
    "cat": "cat",
    "chair": "chair",
    "cow": "cow",
    "diningtable": "dining table",
    "dog": "dog",
    "horse": "horse",
    "motorbike": "motorcycle",
    "person": "person",
    "pottedplant": "potted plant",
    "sheep": "sheep",
    "sofa": "couch",
    "train": "train",
    "tvmonitor": "tv",
}
"""For each VOC class the COCO class of the same objects (coco_voc_map.txt of the official data/VOC0712)."""


_RARE = -log(99)
"""The bias of a new class with sigmoid scores: a score of 1 % (Lin et al., "Focal Loss", ICCV 2017, section 3.3)."""


def remap(
    model: SSD,
    *,
    class_names: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    generator: torch.Generator | None = None,
) -> SSD:
    """A detector of `class_names` with the model's weights and rearranged class predictors.

    A new class gets the outputs of the old class that `mapping` names for it, else of the old class with its own name.
    A class without either gets random weights, drawn with `generator`. Background is kept. Raises UsageError for a
    mapping from or to a class that does not exist.
    """
    sources = _sources(model.class_names, class_names, mapping or {})
    sigmoid = model.config.score_function == "sigmoid"
    with torch.random.fork_rng(devices=[]):
        new = SSD(model.config, class_names)
    kept = {name: value for name, value in model.state_dict().items() if not name.startswith("heads.confidence.")}
    new.load_state_dict(kept, strict=False)
    for old_layer, new_layer in zip(model.heads.confidence, new.heads.confidence, strict=True):
        if isinstance(old_layer, nn.Sequential) and isinstance(new_layer, nn.Sequential):
            new_layer[:-1].load_state_dict(old_layer[:-1].state_dict())
            old_layer, new_layer = old_layer[-1], new_layer[-1]
        assert isinstance(old_layer, nn.Conv2d)
        assert isinstance(new_layer, nn.Conv2d)
        rows = [0, *(None if i is None else i + 1 for i in sources)]
        _copy_rows(old_layer, new_layer, rows, generator, bias=_RARE if sigmoid else 0.0)
    return new.train(model.training).to(model.mean.device)


def _sources(old: Sequence[str], new: Sequence[str], mapping: Mapping[str, str]) -> list[int | None]:
    """For each new class the position of the old class whose outputs it gets, None if there is none."""
    if len(set(new)) < len(new) or not new:
        raise UsageError("the new class names are empty or contain a name twice: give each name once")
    for ours, theirs in mapping.items():
        if ours not in new:
            raise UsageError(f"{ours!r} is mapped but is not one of the new classes: {', '.join(new)}")
        if theirs not in old:
            raise UsageError(f"{ours!r} cannot continue {theirs!r}: the model has {', '.join(old)}")
    wanted = [mapping.get(name, name) for name in new]
    return [old.index(name) if name in old else None for name in wanted]


@torch.no_grad()
def _copy_rows(
    old: nn.Conv2d, new: nn.Conv2d, sources: Sequence[int | None], generator: torch.Generator | None, *, bias: float
) -> None:
    """Fill the new predictor box by box: row k is the old row `sources[k]`; if that is None, its weights are Caffe's
    "xavier" and its bias is `bias`.
    """
    kept = [k for k, source in enumerate(sources) if source is not None]
    taken = [source for source in sources if source is not None]
    bound = sqrt(3 / new.weight[0].numel())
    assert old.bias is not None
    assert new.bias is not None
    new.weight.uniform_(-bound, bound, generator=generator)
    new.bias.fill_(bias)
    outputs = old.weight.shape[0] * len(sources) // new.weight.shape[0]
    _by_box(new.weight, len(sources))[:, kept] = _by_box(old.weight.cpu(), outputs)[:, taken]
    _by_box(new.bias, len(sources))[:, kept] = _by_box(old.bias.cpu(), outputs)[:, taken]


def _by_box(rows: Tensor, outputs: int) -> Tensor:
    return rows.unflatten(0, (-1, outputs))


def load_start(model: SSD, source: Path | str) -> list[int]:
    """Copy a detector's weights into `model`, and set the model's mean and deviation to that detector's.

    This is how a training starts from a whole detector (paper sections 3.1 and 3.3: COCO to VOC). `source` is a weight
    file or the name of published weights. A class gets the outputs of the class with its own name, a VOC class those
    of the corresponding COCO class; others start from random values. `model` keeps its priors. Where it has another
    input size, source maps with another number of priors keep the values of their predictors; their positions are
    returned. Raises WeightsError or UsageError if the weights cannot be fetched or have another structure.
    """
    if Path(source).suffix and not Path(source).is_file():
        raise WeightsError(
            f"start weights {source} do not exist: train that detector first, or give the path of its file with "
            "--set start_weights=FILE"
        )
    old, _ = open_weights(source)
    new = remap(old, class_names=model.class_names, mapping=class_mapping(old.class_names, model.class_names))
    values: dict[str, Tensor] = new.state_dict()
    kept: list[int] = []
    if _differ_in_size(new.config, model.config):
        values, kept = _at_size_of(model, values)
    fill(model, values, source=str(source))
    model.normalize_with(mean=old.config.mean, std=old.config.std)
    return kept


def _differ_in_size(old: ModelConfig, new: ModelConfig) -> bool:
    """Whether two networks are the same layers for different input sizes, of which one may have more extra layers."""
    shared = min(len(old.extras), len(new.extras))
    same = (old.base, old.extras[:shared], old.sources) == (new.base, new.extras[:shared], new.sources)
    return same and old.input_size != new.input_size


def _at_size_of(model: SSD, values: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[int]]:
    """The tensors that `model` has; its own where `values` lacks one or has another shape, and the maps of those."""
    own = model.state_dict()
    fitting = {
        name: values[name] for name, tensor in own.items() if name in values and values[name].shape == tensor.shape
    }
    others = (name.split(".") for name in own if name not in fitting)
    return own | fitting, sorted({int(number) for room, _, number, *_ in others if room == "heads"})


def class_mapping(old: Sequence[str], new: Sequence[str]) -> dict[str, str]:
    """For each new class that has one, the old class of the same objects; names may differ in case."""
    pairs = ((name, find_class(name, old) or find_class(VOC_FROM_COCO.get(name, name), old)) for name in new)
    return {ours: theirs for ours, theirs in pairs if theirs is not None}
