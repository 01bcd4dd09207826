"""A whole small SSD300 against the network of the official scripts, run by OpenCV."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from multibox.models.config import ModelConfig, ssd300_config
from multibox.models.layers import L2Norm
from multibox.models.ssd import SSD
from multibox.nms import DetectionSettings
from oracles.caffe_net import run
from oracles.caffe_ssd import as_rows, in_order, official_ssd300

SIDES = {"location": "loc", "confidence": "conf"}


def as_blobs(model: SSD) -> dict[str, tuple[str, list[np.ndarray]]]:
    """Our weights under the official names; the official bodies count the extra layers from 6."""
    blobs: dict[str, tuple[str, list[np.ndarray]]] = {}
    names = {f"base.{n}": n for n, _ in model.base.named_children()}
    names |= {f"extras.{i}.{j}": f"conv{i + 6}_{1 + j // 2}" for i in range(4) for j in (0, 2)}
    names |= {f"heads.location.{i}": f"loc{i}" for i in range(6)} | {
        f"heads.confidence.{i}": f"conf{i}" for i in range(6)
    }
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            arrays = [module.weight.detach().numpy(), module.bias.detach().numpy()]
            blobs[names[name]] = ("Convolution", arrays)
    assert isinstance(model.norm, L2Norm)
    return blobs | {"norm": ("Normalize", [model.norm.weight.detach().numpy()])}


def test_whole_ssd300() -> None:
    """A narrow SSD300 with random weights finds what OpenCV finds with the same weights in the official layers.

    It covers rounding up in pooling (75 to 38), pool5, the dilated fc6, the order of the sources and all that follows.
    Classes are equal, scores and boxes within 1e-4.
    """
    torch.manual_seed(3)
    width, classes = 1 / 16, 3
    settings = DetectionSettings(score_threshold=0.3)
    model = SSD(narrow(ssd300_config(), width, settings), [f"class {i}" for i in range(classes)])
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("bias"):
                values.normal_(0, 0.2)
            elif name.startswith("heads"):
                values *= 0.1  # scores far from 1 are far from each other
    image = torch.rand(1, 3, 300, 300) * 255
    ours = as_rows(model.detect(image))
    data = (image - model.mean).numpy()
    theirs = run(official_ssd300(width, classes, settings), {"data": data}, output="found", blobs=as_blobs(model))
    expected = in_order(theirs.reshape(-1, 7))
    expected[:, 3:] = expected[:, 3:].clip(0, 1)
    assert len(expected) > 20
    assert np.array_equal(ours[:, 1], expected[:, 1])
    np.testing.assert_allclose(ours[:, 2:], expected[:, 2:], rtol=1e-4, atol=1e-4)


def narrow(config: ModelConfig, width: float, settings: DetectionSettings) -> ModelConfig:
    extras = tuple(replace(e, squeeze=round(e.squeeze * width), out=round(e.out * width)) for e in config.extras)
    return replace(config, base=replace(config.base, width=width), extras=extras, detection=settings)
