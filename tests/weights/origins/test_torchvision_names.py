"""torchvision's detectors by the names and shapes of their state dicts, for machines without torchvision.

The names come from torchvision 0.28 (torchvision_state_dicts.json). oracles/test_torchvision_detector.py compares what
the models compute.
"""

import json
from itertools import product
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.data.classes.published import COCO_BY_ID
from multibox.weights.origins.foreign_weights import ForeignWeights
from multibox.weights.origins.recognize import convert, origin_of

STATES = json.loads((Path(__file__).parents[2] / "data_files" / "torchvision_state_dicts.json").read_text())
SCALES = {"ssd300_vgg16": (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
          "ssdlite320_mobilenet_v3_large": (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)}  # fmt: skip
GRIDS = {"ssd300_vgg16": tuple(zip((38, 19, 10, 5, 3, 1), (300 / s for s in (8, 16, 32, 64, 100, 300)), strict=True)),
         "ssdlite320_mobilenet_v3_large": tuple((n, n) for n in (20, 10, 5, 3, 2, 1))}  # fmt: skip


def foreign(kind: str) -> ForeignWeights:
    """Tensors of the right shapes, each filled with a different number."""
    shapes = STATES[kind].items()
    return ForeignWeights(f"{kind}.pth", {name: torch.full(shape, float(i)) for i, (name, shape) in enumerate(shapes)})


def slow_priors(kind: str) -> np.ndarray:
    """Centers and sides, sides cut to 1, in a loop over maps, rows, columns and ratios."""
    rows, scales = [], SCALES[kind]
    for k, (cells, across) in enumerate(GRIDS[kind]):
        ratios = (2, 3) if kind != "ssd300_vgg16" or k in (1, 2, 3) else (2,)
        sides = [(scales[k], scales[k]), (sqrt(scales[k] * scales[k + 1]),) * 2]
        for ratio in ratios:
            wide, narrow = scales[k] * sqrt(ratio), scales[k] / sqrt(ratio)
            sides += [(wide, narrow), (narrow, wide)]
        for i, j in product(range(cells), repeat=2):
            rows += [((j + 0.5) / across, (i + 0.5) / across, min(w, 1), min(h, 1)) for w, h in sides]
    return np.array(rows)


@pytest.mark.parametrize("kind", STATES)
def test_every_tensor_has_its_place(kind: str) -> None:
    """Each of their tensors is in the model exactly once, and the model has no other tensors."""
    given = foreign(kind)
    assert origin_of(given) == "torchvision"
    model = convert(given)
    found = sorted(float(value.flatten()[0]) for value in model.state_dict().values())
    assert found == [float(i) for i in range(len(given.tensors))]
    assert model.class_names == COCO_BY_ID


@pytest.mark.parametrize("kind", STATES)
def test_priors_and_settings(kind: str) -> None:
    """Priors equal a slow loop; thresholds, clipping and normalization are those of torchvision's builders."""
    model = convert(foreign(kind))
    np.testing.assert_allclose(model.coder.priors, slow_priors(kind), atol=1e-6)
    config, found = model.config, model.config.detection
    lite = kind != "ssd300_vgg16"
    assert config.clip
    assert (found.score_threshold, found.nms_threshold) == ((0.001, 0.55) if lite else (0.01, 0.45))
    assert (found.per_class, found.per_image) == ((300, 300) if lite else (400, 200))
    expected = [[127.5] * 3, [127.5] * 3] if lite else [[122.99925, 116.9991, 103.9992], [1.0] * 3]
    np.testing.assert_allclose([config.mean, config.std], expected, rtol=1e-6)
