"""What importers of SSD on VGG16 share: our tensor names, layer positions, and the config."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

from multibox.errors import UsageError
from multibox.models.bases.vgg import STAGES
from multibox.models.config import ModelConfig, ssd300_config, ssd512_config
from multibox.priors import PriorSpec
from multibox.weights.origins.foreign_weights import ForeignWeights

CONVOLUTIONS = tuple(f"conv{i}_{j}" for i, stage in enumerate(STAGES, start=1) for j in range(1, len(stage) + 1))


def sequential_positions(*, batch_norm: bool = False) -> dict[str, int]:
    """The positions of conv1_1 … conv5_3 in a list of all layers of VGG16: convolution, activation, pooling.

    With `batch_norm` a normalization follows each convolution. REDUCED_FC has the positions of fc6 and fc7.
    """
    layers_of_one = 3 if batch_norm else 2
    positions, at = {}, 0
    for name, following in pairwise((*CONVOLUTIONS, "conv6_1")):
        positions[name] = at
        at += layers_of_one + (name[4] != following[4])
    return positions


REDUCED_FC = {"fc6": 31, "fc7": 33}
"""Positions of fc6 and fc7 in the list of the reduced VGG16."""


def ssd_table(*, base: Mapping[str, str], norm: str, extras: Iterable[str], heads: Iterable[tuple[str, str]]) -> dict:
    """A map from our tensor names to theirs, for SSD on VGG16.

    `base` maps our base layers to their prefixes. `norm` is their tensor of L2 factors, `extras` their prefixes of the
    convolutions in order, `heads` their prefixes of (location, confidence) for each source map.
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


def vgg_config(foreign: ForeignWeights, *, large: bool, classes: int, priors: str | PriorSpec | None) -> ModelConfig:
    """The structure of SSD512 or SSD300 with the given priors, by default the usual ones for that many classes."""
    build, size = (ssd512_config, "ssd512") if large else (ssd300_config, "ssd300")
    if isinstance(priors, PriorSpec):
        return _with_priors(build(), priors, source=foreign.source)
    chosen = priors or f"{size}-{'coco' if classes in (80, 90) else 'voc'}"
    known = (f"{size}-voc", f"{size}-coco")
    if chosen not in known:
        raise UsageError(f"{foreign.source} is an {size}, not {chosen!r}: choose {' or '.join(known)}")
    return build(dataset=chosen.removeprefix(f"{size}-"))


def _with_priors(config: ModelConfig, priors: PriorSpec, *, source: str) -> ModelConfig:
    given, wanted = ((spec.input_size, *(m.cells for m in spec.maps)) for spec in (priors, config.priors))
    if given != wanted:
        raise UsageError(f"the given priors are for other maps than those of {config.name}, which {source} is")
    return replace(config, priors=priors)
