"""Detections from raw outputs, against all priors going through softmax and suppression."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multibox.batched_nms import select_batch
from multibox.coder import Coder
from multibox.nms import DetectionSettings, select
from multibox.postprocess import postprocess, postprocess_batch
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.scores import ScoreFunction
from multibox.size import Size

MAPS = (
    PriorMap(Size(6, 5), Step(50.0, 60.0), 40.0, 90.0, (2.0,)),
    PriorMap(Size(2, 2), Step(150.0, 150.0), 120.0, None, ()),
)


@pytest.fixture(scope="module")
def coder() -> Coder:
    return Coder(PriorSpec(Size(300, 300), MAPS))


@given(
    seed=st.integers(0, 2**16),
    background=st.floats(-3, 12),
    threshold=st.sampled_from([0.0, 0.001, 0.01, 0.3, 0.9]),
    clip=st.booleans(),
    function=st.sampled_from(["softmax", "sigmoid"]),
)
def test_dropping_impossible_priors_changes_nothing(
    coder: Coder, seed: int, background: float, threshold: float, clip: bool, function: ScoreFunction
):
    """Random outputs of two images, from full of candidates to none, against the same without a shortcut, bit for bit.

    `priors` name the prior that made each detection: decoding it alone returns the same box.
    """
    settings = DetectionSettings(score_threshold=threshold, per_class=20)
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.randn(2, coder.spec.count, 4, generator=generator)
    logits = 2 * torch.randn(2, coder.spec.count, 4, generator=generator)
    logits[..., 0] += background
    found = postprocess(offsets, logits, coder=coder, settings=settings, clip=clip, score_function=function)
    for i, selection in enumerate(found):
        decoded = coder.decode(offsets[i])
        boxes = decoded.clamp(0, 1) if clip else decoded
        scores = logits[i].softmax(dim=-1) if function == "softmax" else logits[i].sigmoid()
        expected = select(boxes, scores[:, 1:], settings=settings)
        assert_same_scores(selection.scores, expected.scores, function)
        assert torch.equal(selection.labels, expected.labels)
        assert torch.equal(selection.priors, expected.priors)
        assert torch.equal(selection.boxes, expected.boxes.clamp(0, 1))
        assert torch.equal(selection.boxes, decoded[selection.priors].clamp(0, 1))


def assert_same_scores(found: torch.Tensor, expected: torch.Tensor, function: ScoreFunction) -> None:
    """Bit for bit with softmax. PyTorch's sigmoid rounds the last numbers of an array differently from the others."""
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 if function == "sigmoid" else 0)


def test_outputs_in_16_bits_are_widened_first(coder: Coder):
    """Outputs in bfloat16 against the same numbers in float32, bit for bit."""
    generator = torch.Generator().manual_seed(0)
    outputs = [2 * torch.randn(1, coder.spec.count, n, generator=generator).bfloat16() for n in (4, 4)]
    narrow, wide = (
        postprocess(*pair, coder=coder, settings=DetectionSettings())[0]
        for pair in (outputs, [x.float() for x in outputs])
    )
    assert len(narrow.scores) > 10
    for one, other in zip(narrow, wide, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("candidates", [4, 1024])
@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(
    ("background", "function"), [(-3.0, "softmax"), (4.0, "softmax"), (12.0, "softmax"), (0.0, "sigmoid")]
)
def test_batches(
    coder: Coder,
    monkeypatch: pytest.MonkeyPatch,
    background: float,
    function: ScoreFunction,
    clip: bool,
    candidates: int,
):
    """A batch in fixed shapes, also one with more candidates than these hold, against image by image, bit for bit."""
    monkeypatch.setattr("multibox.postprocess.select_batch", partial(select_batch, candidates=candidates))
    settings = DetectionSettings(per_class=20, per_image=30)
    generator = torch.Generator().manual_seed(0)
    offsets = torch.randn(3, coder.spec.count, 4, generator=generator)
    logits = 3 * torch.randn(3, coder.spec.count, 5, generator=generator)
    logits[..., 0] += background
    rules = {"coder": coder, "settings": settings, "clip": clip, "score_function": function}
    found = postprocess_batch(offsets, logits, **rules)
    expected = postprocess(offsets, logits, **rules)
    for one, other in zip(found, expected, strict=True):
        assert_same_scores(one.scores, other.scores, function)
        for name in ("boxes", "labels", "priors"):
            assert torch.equal(getattr(one, name), getattr(other, name))
