"""State dicts that hold no SSD which multibox can import: what their names say they are.

Names are facts of the programs that wrote the files. To add one, add a line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from multibox.weights.origins.strangers import Stranger

_TRAINER = "the program that trained it runs it"
_CLASSIFIER = (
    "it finds no boxes; weights of a known base network start a training: multibox train lite320 "
    "--set model.base=NAME --set base_weights=FILE"
)


@dataclass(frozen=True)
class _Named:
    """A stranger, and a pattern for each tensor that tells it: one of the names has to match each."""

    patterns: tuple[str, ...]
    stranger: Stranger


_KNOWN = (
    _Named((r"^rpn\.head\.", r"^roi_heads\."), Stranger("a Faster R-CNN of torchvision", "torchvision runs it")),
    _Named(
        (r"^head\.classification_head\.", r"^head\.regression_head\."),
        Stranger("a RetinaNet or FCOS of torchvision", "torchvision runs it"),
    ),
    _Named((r"^proposal_generator\.",), Stranger("a Detectron2 model", "Detectron2 runs it")),
    _Named((r"^(bbox_head|rpn_head|roi_head)\.",), Stranger("an MMDetection model", "MMDetection runs it")),
    _Named((r"class_embed\.", r"bbox_embed\."), Stranger("a DETR", _TRAINER)),
    _Named((r"^(model\.)?(class_net|box_net)\.",), Stranger("an EfficientDet", "effdet runs it")),
    _Named(
        (r"^(model\.)?model\.\d+\.(conv|cv1\.conv)\.", r"^(model\.)?model\.\d+\..*\bbn\."),
        Stranger("a YOLO of Ultralytics", "ultralytics runs it"),
    ),
    _Named((r"^module_list\.\d+\.",), Stranger("a YOLO", _TRAINER)),
    _Named((r"\bYolo|^yolo|^head\.(cls|reg)_(convs|preds)\.",), Stranger("a YOLO", _TRAINER)),
    _Named((r"\.self_attn\.|\.attn\.qkv\.",), Stranger("a transformer", _CLASSIFIER)),
    _Named((r"(^|\.)layer4\.", r"^(module\.)?(fc|head|classifier)\.\w"), Stranger("a ResNet classifier", _CLASSIFIER)),
    _Named((r"^(module\.)?(features|blocks)\.", r"^(module\.)?classifier\."), Stranger("a classifier", _CLASSIFIER)),
    _Named((r"^(module\.)?(fc|classifier|head)\.(\d+\.)?weight$",), Stranger("a classifier", _CLASSIFIER)),
)


def tensor_stranger(names: Iterable[str]) -> Stranger | None:
    """What a file with tensors of these names is, None if no line of the table fits."""
    found = list(names)
    for known in _KNOWN:
        if all(any(re.search(pattern, name[:1000]) for name in found) for pattern in known.patterns):
            return known.stranger
    return None
