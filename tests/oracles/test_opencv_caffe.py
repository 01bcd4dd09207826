"""Priors, L2 normalization and detections against the Caffe layers that OpenCV runs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from multibox.coder import Coder
from multibox.models.heads import Heads
from multibox.models.layers import L2Norm
from multibox.nms import DetectionSettings, select
from multibox.priors import SPECS, PriorMap, PriorSpec, Step, make_prior_corners
from multibox.size import Size
from oracles.caffe_net import layer, run
from oracles.caffe_ssd import NORMALIZE, as_rows, detection_output, heads_text, in_order, prior_box

OBLONG = PriorSpec(
    Size(200, 320),
    (
        PriorMap(Size(5, 8), Step(40.0, 40.0), 40.5, 77.7, (2.0, 3.0)),
        PriorMap(Size(3, 4), Step(66.0, 80.0), 77.7, None, (1.5,)),
    ),
)


class Channels(nn.Module):
    """A replacement for a predictor that returns some of the channels."""

    def __init__(self, start: int, stop: int | None) -> None:
        super().__init__()
        self.part = slice(start, stop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, self.part]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("spec", [*SPECS.values(), OBLONG], ids=[*SPECS, "oblong"])
def test_priors(spec: PriorSpec, clip: bool) -> None:
    """Corners of every map, untruncated, clipped or not, square or not, within 1e-6 of OpenCV's PriorBox."""
    data = np.zeros((1, 3, *spec.input_size))
    theirs = [
        run([prior_box(m, "p", "map", clip=clip)], {"data": data, "map": np.zeros((1, 1, *m.cells))}, output="p")
        for m in spec.maps
    ]
    expected = np.concatenate([boxes[0, 0].reshape(-1, 4) for boxes in theirs])
    ours = make_prior_corners(replace(spec, truncate=False, clip=clip))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


def test_l2_norm() -> None:
    """Values within 2e-6 relative of OpenCV's Normalize, a scale for each channel, at zero and tiny positions too."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 24, 5, 7)).astype(np.float32)
    x[0, :, 1, 2], x[1, :, 3, 3] = 0, 1e-6
    scale = rng.uniform(1, 30, 24).astype(np.float32)
    norm = L2Norm(24)
    with torch.no_grad():
        norm.weight.copy_(torch.from_numpy(scale))
        ours = norm(torch.from_numpy(x))
    theirs = run([layer("Normalize", "n", ["x"], NORMALIZE)], {"x": x}, output="n", blobs={"n": ("Normalize", [scale])})
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings",
    [DetectionSettings(), DetectionSettings(0.02, 0.3, 15, 40), DetectionSettings(0.3, 0.6, 400, 200)],
    ids=["official", "tight limits", "few"],
)
def test_detections(seed: int, settings: DetectionSettings) -> None:
    """From random predictor maps to detections: order of heads, softmax, decoding, NMS and both limits as in OpenCV.

    Classes are equal and scores and boxes within 1e-5; the order among equal scores is not compared (there are none).
    """
    rng = np.random.default_rng(seed)
    classes = 4
    maps = {}
    for i, m in enumerate(OBLONG.maps):
        for side, numbers, spread in (("loc", 4, 1.5), ("conf", classes + 1, 2.0)):
            maps[f"{side}{i}"] = rng.normal(0, spread, (1, m.boxes_per_cell * numbers, *m.cells)).astype(np.float32)
    theirs = run(
        [*heads_text(OBLONG.maps, classes), detection_output(settings, classes)],
        maps | {"data": np.zeros((1, 3, *OBLONG.input_size))},
        output="found",
    ).reshape(-1, 7)

    heads = Heads([1, 1], [m.boxes_per_cell for m in OBLONG.maps], outputs=classes + 1)
    heads.location = nn.ModuleList(Channels(0, 4 * m.boxes_per_cell) for m in OBLONG.maps)
    heads.confidence = nn.ModuleList(Channels(4 * m.boxes_per_cell, None) for m in OBLONG.maps)
    both = [np.concatenate([maps[f"loc{i}"], maps[f"conf{i}"]], axis=1) for i in range(2)]
    offsets, logits = heads([torch.from_numpy(x) for x in both])
    boxes = Coder(OBLONG).decode(offsets[0])
    ours = as_rows([select(boxes, logits[0].softmax(-1)[:, 1:], settings=settings)])

    assert len(ours) > 5
    expected = in_order(theirs)
    assert np.array_equal(ours[:, 1], expected[:, 1])
    np.testing.assert_allclose(ours[:, 2:], expected[:, 2:], rtol=1e-5, atol=1e-5)
