"""Recognizes a structure that multibox has as a model of its own: SSD300 and SSD512 on VGG16."""

from dataclasses import replace

import torch

from multibox.errors import MultiboxError
from multibox.models.ssd import SSD
from multibox.weights.origins.caffe import ssd as vgg
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.origin import ImportChoices

_TOLERANCE = 1e-3  # relative to the largest output: the same sums in another order


def as_named(model: SSD, foreign: ForeignWeights, choices: ImportChoices) -> SSD | None:
    """The same detector as one of the authors' models; None if it is not one.

    It is one if the names of its layers are theirs, and if it has the same outputs for a random image. Priors and
    settings stay those of the .prototxt file.
    """
    if not vgg.recognizes(foreign):
        return None
    try:
        named = vgg.convert(foreign, replace(choices, prototxt=None, priors=None, class_names=model.class_names))
    except MultiboxError:
        return None
    ours, theirs = model.config, named.config
    if ours.input_size != theirs.input_size or _cells(model) != _cells(named):
        return None
    config = replace(ours, name=theirs.name, base=theirs.base, extras=theirs.extras)
    with torch.random.fork_rng(devices=[]):
        twin = SSD(config, model.class_names)
    twin.load_state_dict(named.state_dict())
    twin.eval()
    return twin if _agree(model, twin) else None


def _cells(model: SSD) -> list[object]:
    return [(source.cells, source.boxes_per_cell) for source in model.config.priors.maps]


@torch.inference_mode()
def _agree(one: SSD, other: SSD) -> bool:
    image = 255 * torch.rand(1, 3, *one.config.input_size, generator=torch.Generator().manual_seed(0))
    pairs = zip(one(image), other(image), strict=True)
    return all(float((a - b).abs().max()) <= _TOLERANCE * (1 + float(b.abs().max())) for a, b in pairs)
