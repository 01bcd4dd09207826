"""Extra layers and predictors."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from multibox.models.heads import Extra, Heads, extra_layer, lite_extra_layer, lite_predictor, predictor
from multibox.priors import SPECS, PriorMap, PriorSpec, Step, cell_sizes, make_priors
from multibox.size import Size

OBLONG = PriorSpec(
    Size(200, 320),
    (
        PriorMap(Size(5, 8), Step(40.0, 40.0), 40.5, 77.7, (2.0, 3.0)),
        PriorMap(Size(3, 4), Step(66.0, 80.0), 77.7, None, (1.5,)),
    ),
)


class Labeler(nn.Module):
    """A replacement for a predictor: the values of a box are its map, row, column and box index, then zeros."""

    def __init__(self, position: int, boxes: int, numbers: int) -> None:
        super().__init__()
        self.position, self.boxes, self.numbers = position, boxes, numbers

    def forward(self, x: Tensor) -> Tensor:
        _, _, height, width = x.shape
        out = torch.zeros(len(x), self.boxes * self.numbers, height, width)
        for box in range(self.boxes):
            for row in range(height):
                for column in range(width):
                    label = torch.tensor([self.position, row, column, box], dtype=torch.float32)
                    start = box * self.numbers
                    out[:, start : start + 4, row, column] = label
        return out


@pytest.mark.parametrize("spec", [OBLONG, SPECS["ssd300-voc"].keep([2, 3, 4, 5])], ids=["oblong", "ssd300"])
def test_rows_are_those_of_the_priors(spec: PriorSpec) -> None:
    """Map, cell and box of each output row against the center and size of the prior with the same index."""
    per_cell = [m.boxes_per_cell for m in spec.maps]
    heads = Heads([1] * len(per_cell), per_cell, outputs=6)
    heads.location = nn.ModuleList(Labeler(i, boxes, 4) for i, boxes in enumerate(per_cell))
    heads.confidence = nn.ModuleList(Labeler(i, boxes, 6) for i, boxes in enumerate(per_cell))
    offsets, logits = heads([torch.zeros(2, 1, *m.cells) for m in spec.maps])
    assert offsets.shape == (2, spec.count, 4)
    assert logits.shape == (2, spec.count, 6)
    assert torch.equal(offsets, logits[..., :4])
    height, width = spec.input_size
    expected = []
    for position, row, column, box in offsets[1].int().tolist():
        source = spec.maps[position]
        w, h = cell_sizes(source)[box]
        x, y = (column + 0.5) * source.step[1], (row + 0.5) * source.step[0]
        expected.append([x / width, y / height, w / width, h / height])
    np.testing.assert_allclose(make_priors(spec), expected, rtol=1e-5, atol=1e-6)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_predictors() -> None:
    """3 x 3 convolutions that keep the size, or depthwise ones; parameters against the formula."""
    plain, lite = predictor(32, 24), lite_predictor(32, 24)
    assert count(plain) == 9 * 32 * 24 + 24
    assert count(lite) == (9 * 32 + 2 * 32) + (32 * 24 + 24)
    for layer in (plain, lite):
        assert layer(torch.zeros(1, 32, 5, 7)).shape == (1, 24, 5, 7)


@pytest.mark.parametrize(
    ("extra", "side", "expected"),
    [(Extra(256, 512), 19, 10), (Extra(128, 256, 3, 1, 0), 5, 3), (Extra(128, 256, 4, 1, 1), 2, 1)],
    ids=["conv8", "conv10", "conv12"],
)
def test_extra_layers(extra: Extra, side: int, expected: int) -> None:
    """Sides 19 to 10, 5 to 3 and 2 to 1 as in the paper; parameters against the formula, with normalization or not."""
    for batch_norm in (False, True):
        layer = extra_layer(64, extra, batch_norm=batch_norm)
        assert layer(torch.zeros(2, 64, side, side)).shape == (2, extra.out, expected, expected)
        weights = 64 * extra.squeeze + extra.kernel**2 * extra.squeeze * extra.out
        assert count(layer) == weights + (2 if batch_norm else 1) * (extra.squeeze + extra.out)


def test_extra_layers_end_with_relu() -> None:
    """The output of an extra layer is never negative and not all zero."""
    torch.manual_seed(0)
    out = extra_layer(8, Extra(8, 16), batch_norm=False)(torch.randn(1, 8, 9, 9))
    assert (out >= 0).all()
    assert out.any()


def test_lite_extra_layer() -> None:
    """The depthwise form: half the side rounded up; parameters against the formula (2 for each normalized channel)."""
    layer = lite_extra_layer(32, Extra(16, 24))
    assert layer(torch.zeros(2, 32, 5, 5)).shape == (2, 24, 3, 3)
    assert count(layer) == 32 * 16 + 9 * 16 + 16 * 24 + 2 * (16 + 16 + 24)


def test_a_source_too_few() -> None:
    """Heads of two maps raise an error for one map."""
    with pytest.raises(ValueError, match="shorter"):
        Heads([4, 4], [4, 6], outputs=3)([torch.zeros(1, 4, 2, 2)])
