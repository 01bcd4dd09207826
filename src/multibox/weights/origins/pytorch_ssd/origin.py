"""Models of qfgaohao/pytorch-ssd, of jetson-inference, which trains with it, and of the Ultra-Light face detectors.

A file contains neither the input size nor the class names. jetson-inference writes the names to a file labels.txt
beside the weights, with the background first.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from multibox.errors import UsageError
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.size import Size
from multibox.weights.origins.assemble import assemble, count_classes
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.mobilenet_v2_names import flat_name
from multibox.weights.origins.origin import ImportChoices
from multibox.weights.origins.pytorch_ssd.layouts import (
    FACE_SIDES,
    MB2_LITE,
    RFB,
    SLIM,
    VGG,
    Layout,
    config_of,
    find_layout,
)
from multibox.weights.origins.vgg16_ssd import REDUCED_FC, sequential_positions

NAME = "qfgaohao/pytorch-ssd"

LABELS = "labels.txt"
_MOST_LABEL_BYTES = 1 << 20
_COUNTER = "num_batches_tracked"


def recognizes(foreign: ForeignWeights) -> bool:
    return any(name.startswith("base_net.") for name in foreign.tensors) and any(
        name.startswith("regression_headers.") for name in foreign.tensors
    )


def convert(foreign: ForeignWeights, choices: ImportChoices) -> SSD:
    """Any of its models, with their priors and detection settings.

    `choices.size` is the size that it was trained with; without it a face detector has the one in the name of its file,
    and others have 300 x 300. Class names may begin with a background.
    """
    if choices.priors is not None:
        raise UsageError(f"{foreign.source} is a model of pytorch-ssd, whose priors follow from --size: choose that")
    layout = find_layout(foreign)
    last = {MB2_LITE: ".3", VGG: "", RFB: ".2", SLIM: ".2"}.get(layout)
    if last is None:
        last = ".2" if "classification_headers.0.2.weight" in foreign else ""
    location, confidence = (f"{kind}_headers.0{last}.weight" for kind in ("regression", "classification"))
    classes = count_classes(foreign, location=location, confidence=confidence)
    size = choices.size or (_face_size(foreign.source) if layout in (RFB, SLIM) else None)
    config = config_of(layout, size=size, classes=classes)
    table = _table(layout, config)
    names = _names(choices.class_names, classes, layout=layout, source=Path(foreign.source))
    return assemble(_with_counters(foreign, table), config, table=table, classes=classes, class_names=names)


def _table(layout: Layout, config: ModelConfig) -> dict[str, str]:
    """Our tensor names and theirs."""
    with torch.device("meta"), torch.random.fork_rng(devices=[]):
        ours = SSD(config, ("any",)).state_dict()
    return {name: _their_name(name, layout) for name in ours}


def _their_name(ours: str, layout: Layout) -> str:
    first, _, rest = ours.partition(".")
    if first == "heads":
        kind, _, rest = rest.partition(".")
        return f"{'regression' if kind == 'location' else 'classification'}_headers.{rest}"
    if first == "norm":
        return f"source_layer_add_ons.0.{rest}"
    if first == "extras":
        return re.sub(r"^extras\.(\d)\.", r"extras.\1.conv.", ours) if layout is MB2_LITE else ours
    if layout is VGG:
        layer, _, kind = rest.partition(".")
        return f"base_net.{({**sequential_positions(), **REDUCED_FC})[layer]}.{kind}"
    return flat_name(rest).replace("features.", "base_net.", 1)


def _with_counters(foreign: ForeignWeights, table: dict[str, str]) -> ForeignWeights:
    """The tensors with the counters of batches, which files of old versions of PyTorch lack."""
    lacking = {name: torch.tensor(0) for name in table.values() if name.endswith(_COUNTER) and name not in foreign}
    return replace(foreign, tensors={**foreign.tensors, **lacking})


def _names(given: Sequence[str] | None, classes: int, *, layout: Layout, source: Path) -> list[str] | None:
    """The class names without background: those given, those in labels.txt beside the file, or for faces "face"."""
    names = list(given) if given is not None else _labels(source.with_name(LABELS))
    if names is not None and len(names) == classes + 1 and names[0].casefold() == "background":
        names = names[1:]
    if given is None and (names is None or len(names) != classes):
        return ["face"] if layout in (RFB, SLIM) and classes == 1 else None
    return names


def _labels(file: Path) -> list[str] | None:
    """The lines of a file of labels, or the words between its commas; None if there is no such file."""
    if not file.is_file():
        return None
    try:
        with open(file, "rb") as opened:
            text = opened.read(_MOST_LABEL_BYTES).decode()
    except (OSError, UnicodeDecodeError):
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [name.strip() for name in lines[0].split(",")] if len(lines) == 1 else lines


def _face_size(source: str) -> Size | None:
    """The input size in a name such as version-RFB-640.pth."""
    found = [int(number) for number in re.findall(r"\d+", Path(source).stem)]
    return next((Size(side * 3 // 4, side) for side in FACE_SIDES if side in found), None)
