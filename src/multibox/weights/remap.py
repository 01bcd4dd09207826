"""Other classes for a trained detector: what it knows of them is kept, the rest starts anew."""

from collections.abc import Mapping, Sequence
from math import sqrt

import torch
from torch import Tensor, nn

from multibox.errors import UsageError
from multibox.models.ssd import SSD

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
"""Each VOC class with the COCO class that holds the same objects (coco_voc_map.txt of the official data/VOC0712)."""


def remap(
    model: SSD,
    *,
    class_names: Sequence[str],
    mapping: Mapping[str, str] | None = None,
    generator: torch.Generator | None = None,
) -> SSD:
    """A detector of `class_names` that has the model's weights, with the class predictors rearranged.

    A new class takes the outputs of the old class that `mapping` names for it, else of the old class of its own name;
    a class without either starts from random weights (drawn with `generator`). Background is kept. Raises UsageError
    for a mapping from or to a class that does not exist.
    """
    sources = _sources(model.class_names, class_names, mapping or {})
    with torch.random.fork_rng(devices=[]):
        new = SSD(model.config, class_names)
    state = model.state_dict()
    new.load_state_dict({name: value for name, value in state.items() if "confidence" not in name}, strict=False)
    for old_layer, new_layer in zip(model.heads.confidence, new.heads.confidence, strict=True):
        if isinstance(old_layer, nn.Sequential) and isinstance(new_layer, nn.Sequential):
            new_layer[:-1].load_state_dict(old_layer[:-1].state_dict())
            old_layer, new_layer = old_layer[-1], new_layer[-1]
        assert isinstance(old_layer, nn.Conv2d)
        assert isinstance(new_layer, nn.Conv2d)
        _copy_rows(old_layer, new_layer, [0, *(None if i is None else i + 1 for i in sources)], generator)
    return new.train(model.training).to(model.mean.device)


def _sources(old: Sequence[str], new: Sequence[str], mapping: Mapping[str, str]) -> list[int | None]:
    """For each new class the position of the old one that it continues."""
    if len(set(new)) < len(new) or not new:
        raise UsageError("the new class names are empty or name a class twice: give each name once")
    for ours, theirs in mapping.items():
        if ours not in new:
            raise UsageError(f"{ours!r} is mapped but is none of the new classes: {', '.join(new)}")
        if theirs not in old:
            raise UsageError(f"{ours!r} cannot continue {theirs!r}: the model knows {', '.join(old)}")
    wanted = [mapping.get(name, name) for name in new]
    return [old.index(name) if name in old else None for name in wanted]


@torch.no_grad()
def _copy_rows(
    old: nn.Conv2d, new: nn.Conv2d, sources: Sequence[int | None], generator: torch.Generator | None
) -> None:
    """Rows of all boxes of a cell, box by box; row k continues row `sources[k]`, or begins as the authors begin."""
    kept = [k for k, source in enumerate(sources) if source is not None]
    taken = [source for source in sources if source is not None]
    bound = sqrt(3 / new.weight[0].numel())
    assert old.bias is not None
    assert new.bias is not None
    new.weight.uniform_(-bound, bound, generator=generator)
    new.bias.zero_()
    outputs = old.weight.shape[0] * len(sources) // new.weight.shape[0]
    _by_box(new.weight, len(sources))[:, kept] = _by_box(old.weight.cpu(), outputs)[:, taken]
    _by_box(new.bias, len(sources))[:, kept] = _by_box(old.bias.cpu(), outputs)[:, taken]


def _by_box(rows: Tensor, outputs: int) -> Tensor:
    return rows.unflatten(0, (-1, outputs))
