"""Postprocessing of NumPy arrays against that of tensors: the same boxes, scores and detections."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from box_strategies import random_boxes
from multibox.array_nms import select_arrays
from multibox.array_postprocess import ArrayPostprocess, array_scores
from multibox.coder import BOX_CODES, BoxCode, Coder
from multibox.nms import DetectionSettings, select
from multibox.output_rules import OutputRules
from multibox.postprocess import postprocess
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.scores import ScoreFunction, class_scores
from multibox.size import Size

MAPS = (
    PriorMap(Size(6, 5), Step(50.0, 60.0), 40.0, 90.0, (2.0,), variances=(0.2, 0.3, 0.1, 0.4)),
    PriorMap(Size(2, 2), Step(150.0, 150.0), 120.0, None, ()),
)
RULES = OutputRules(PriorSpec(Size(300, 300), MAPS))


def coder_of(rules: OutputRules) -> Coder:
    return Coder(rules.priors, variances=rules.variances, code=rules.box_code)


def outputs(seed: int, *, scale: float = 2.0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    offsets = torch.randn(2, RULES.priors.count, 4, generator=generator)
    return offsets, scale * torch.randn(2, RULES.priors.count, 5, generator=generator)


@pytest.mark.parametrize("code", BOX_CODES)
def test_decoded_boxes(code: BoxCode):
    """Boxes of every code, with variances that differ between maps, within 1e-6 of the coder's."""
    rules = replace(RULES, box_code=code)
    offsets, _ = outputs(0)
    found = ArrayPostprocess(rules).decode(offsets.numpy())
    np.testing.assert_allclose(found, coder_of(rules).decode(offsets), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
def test_scores(function: ScoreFunction):
    """Scores within 1e-6 of those of tensors, also for logits whose exponential is infinite."""
    _, logits = outputs(1, scale=20)
    logits[0, 0, 0], logits[0, 1, 2] = 200, -200
    with np.errstate(over="ignore"):
        found = array_scores(logits.numpy(), function)
    np.testing.assert_allclose(found, class_scores(logits, function), atol=1e-6)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
@pytest.mark.parametrize("code", BOX_CODES)
def test_detections(code: BoxCode, function: ScoreFunction, clip: bool):
    """Labels, priors and order are those of tensors, boxes and scores are within 1e-6, for limits and thresholds."""
    for seed, settings in enumerate(
        (
            DetectionSettings(),
            DetectionSettings(score_threshold=0.0, per_class=11, per_image=30),
            DetectionSettings(score_threshold=0.4, nms_threshold=0.2),
            DetectionSettings(nms_threshold=0.7, eta=0.8),
            DetectionSettings(score_threshold=1.0),
        )
    ):
        rules = replace(RULES, box_code=code, score_function=function, clip=clip, detection=settings)
        offsets, logits = outputs(seed)
        wanted = postprocess(
            offsets, logits, coder=coder_of(rules), settings=settings, clip=clip, score_function=function
        )
        for found, expected in zip(ArrayPostprocess(rules)(offsets.numpy(), logits.numpy()), wanted, strict=True):
            assert found.labels.tolist() == expected.labels.tolist()
            assert found.priors.tolist() == expected.priors.tolist()
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
            np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-6)


@pytest.mark.parametrize("eta", [1.0, 0.7])
@pytest.mark.parametrize("count", [0, 100, 5000])
def test_selection_is_the_same_bit_for_bit(count: int, eta: float):
    """The detections of `select` for the same boxes and scores, with many ties, more than the first look takes."""
    rng = np.random.default_rng(count)
    boxes = random_boxes(rng, count, largest=0.3)
    scores = rng.integers(0, 1000, (count, 2)).astype(np.float32) / 1000
    settings = DetectionSettings(per_class=1500, per_image=1000, nms_threshold=0.6, eta=eta)
    found = select_arrays(boxes, scores, settings=settings)
    expected = select(torch.from_numpy(boxes), torch.from_numpy(scores), settings=settings)
    for ours, part in zip(found, expected, strict=True):
        assert np.array_equal(ours, part.numpy())
    assert (len(found.scores) > 500) == (count == 5000)


def test_values_that_are_not_finite():
    """NaN and infinite outputs raise and warn about nothing; finite priors beside them are found."""
    offsets, logits = (part.numpy() for part in outputs(3))
    offsets[0, ::3], logits[0, ::4] = np.inf, np.nan
    offsets[0, 1], logits[0, 1] = 0, [0, 9, 0, 0, 0]
    found, _ = ArrayPostprocess(RULES)(offsets, logits)
    assert 1 in found.priors
    assert np.isfinite(found.scores).all()
