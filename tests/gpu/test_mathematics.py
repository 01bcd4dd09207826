"""Priors, matching, loss and suppression on a CUDA device against the same functions on the processor."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from cuda_device import CUDA, NEEDS_CUDA, no_waiting
from multibox.batched_nms import select_batch
from multibox.bench.lifelike import lifelike_outputs
from multibox.boxes import iou
from multibox.coder import Coder
from multibox.loss import LossConfig, multibox_loss
from multibox.matching import match
from multibox.models.config import ssd300_config
from multibox.nms import DetectionSettings, select
from multibox.priors import SPECS

pytestmark = NEEDS_CUDA

CLASSES = 20


class Truth(NamedTuple):
    boxes: Tensor
    labels: Tensor
    valid: Tensor

    def to(self, device: torch.device) -> "Truth":
        return Truth(*(part.to(device) for part in self))


def truth(*, batch: int, objects: int) -> Truth:
    """Objects of all sizes; the last row of each image is padding, and the last image has no objects."""
    generator = torch.Generator().manual_seed(0)
    corner = 0.7 * torch.rand(batch, objects, 2, generator=generator)
    size = 0.02 + 0.28 * torch.rand(batch, objects, 2, generator=generator)
    labels = torch.randint(0, CLASSES, (batch, objects), generator=generator)
    valid = torch.ones(batch, objects, dtype=torch.bool)
    valid[:, -1] = valid[-1] = False
    return Truth(torch.cat([corner, corner + size], dim=2), labels, valid)


def test_coder_and_iou() -> None:
    """Encoded and decoded boxes and their IoU, to rounding."""
    coder = Coder(SPECS["ssd300-voc"])
    boxes = coder.corners * 0.9 + 0.05 * torch.rand(coder.corners.shape, generator=torch.Generator().manual_seed(0))
    offsets = coder.encode(boxes)
    decoded, overlaps = coder.decode(offsets), iou(boxes[:500], coder.corners)
    coder.to(CUDA)
    torch.testing.assert_close(coder.encode(boxes.to(CUDA)).cpu(), offsets, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(coder.decode(offsets.to(CUDA)).cpu(), decoded, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(iou(boxes[:500].to(CUDA), coder.corners).cpu(), overlaps, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("boundary", [False, True])
def test_matching(boundary: bool) -> None:
    """Which prior learns which object: the same indices, with 30 objects and padding, without waiting."""
    corners, given = Coder(SPECS["ssd300-voc"]).corners, truth(batch=8, objects=30)
    usable = ((corners >= 0) & (corners <= 1)).all(dim=1) if boundary else None
    expected = match(corners, given.boxes, given.valid, usable=usable)
    there, usable = given.to(CUDA), None if usable is None else usable.to(CUDA)
    arguments = corners.to(CUDA), there.boxes, there.valid
    with no_waiting():
        found = match(*arguments, usable=usable)
    assert (found.index.cpu() != expected.index).float().mean() < 1e-4  # an IoU of 0.5 may fall to either side
    torch.testing.assert_close(found.overlap.cpu(), expected.overlap, rtol=1e-5, atol=1e-6)


def test_loss_and_gradients() -> None:
    """All parts of the loss and the gradients of the outputs, to 1e-4, without waiting."""
    coder, given = Coder(SPECS["ssd300-voc"]), truth(batch=8, objects=12)
    generator = torch.Generator().manual_seed(1)
    offsets = torch.randn(8, len(coder.corners), 4, generator=generator)
    logits = 3 * torch.randn(8, len(coder.corners), CLASSES + 1, generator=generator)
    results = []
    for device in (torch.device("cpu"), CUDA):
        coder.to(device)
        outputs = [offsets.to(device).requires_grad_(), logits.to(device).requires_grad_()]
        there = given.to(device)
        loss = multibox_loss(*outputs, *there, coder=coder, config=LossConfig(background_negatives=3))
        gradients = torch.autograd.grad(loss.total, outputs)
        results.append([part.detach().cpu() for part in (*loss, *gradients)])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    with no_waiting():
        multibox_loss(*outputs, *there, coder=coder)


@pytest.mark.parametrize("candidates", [100, 700, 5000])
def test_suppression(candidates: int) -> None:
    """Image by image on both devices, and all images in fixed shapes, from the same boxes and scores."""
    config = ssd300_config()
    generator = torch.Generator().manual_seed(0)
    offsets, logits = lifelike_outputs(config, classes=CLASSES, images=6, candidates=candidates, generator=generator)
    boxes = Coder(config.priors).decode(offsets)
    scores = logits.softmax(dim=-1)[..., 1:].contiguous()
    there = boxes.to(CUDA), scores.to(CUDA)
    with no_waiting():
        batched = select_batch(*there)
    complete = 0
    for image, count in enumerate(batched.counts.tolist()):
        expected = select(boxes[image], scores[image])
        found = select(there[0][image], there[1][image])
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one.cpu(), other, rtol=0, atol=0)
        if batched.complete[image]:
            complete += 1
            assert torch.equal(batched.boxes[image, :count].cpu(), expected.boxes)
            assert torch.equal(batched.scores[image, :count].cpu(), expected.scores)
            assert torch.equal(batched.labels[image, :count].cpu(), expected.labels)
    assert complete == 6 or candidates > 1000


def test_batched_selection_in_bounds() -> None:
    """Tight limits and no candidates at all: counts of what `select` keeps."""
    generator = torch.Generator().manual_seed(2)
    corner = torch.rand(2, 50, 2, generator=generator)
    boxes = torch.cat([corner, corner + 0.3], dim=2).to(CUDA)
    scores = torch.rand(2, 50, 3, generator=generator).to(CUDA)
    for settings in (DetectionSettings(per_class=5, per_image=7), DetectionSettings(score_threshold=2.0)):
        found = select_batch(boxes, scores, settings=settings)
        expected = [len(select(b, s, settings=settings).scores) for b, s in zip(boxes, scores, strict=True)]
        assert found.counts.tolist() == expected
        assert found.complete.all()
