"""The loss, its gradients and mining against slow loops in double precision."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from box_strategies import grid_boxes
from multibox.coder import Coder
from multibox.loss import LossConfig, MultiBoxLoss, hard_negatives, multibox_loss
from multibox.matching import IGNORED, UNMATCHED, Matches
from multibox.priors import PriorMap, PriorSpec, Step
from multibox.scores import ScoreFunction
from multibox.size import Size
from oracles import slow

# Priors on a grid of eighths, some across the boundary; their overlaps with grid boxes are exact.
SPEC = PriorSpec(
    Size(64, 64),
    (
        PriorMap(Size(4, 4), Step(16.0, 16.0), 16.0, None, ()),
        PriorMap(Size(2, 2), Step(32.0, 32.0), 48.0, None, (4.0,)),
    ),
)
CLASSES = 3
OFFICIAL = LossConfig()
CLASS_LOSSES = {"softmax": slow.cross_entropy, "sigmoid": slow.binary_cross_entropies}
WITHIN = [all(0 <= v <= 1 for v in p) for p in Coder(SPEC).corners.tolist()]


class Batch(NamedTuple):
    """Predictions and objects of some images."""

    offsets: torch.Tensor
    logits: torch.Tensor
    objects: list[np.ndarray]
    labels: list[list[int]]
    score_function: ScoreFunction = "softmax"

    def loss(self, config: LossConfig = OFFICIAL) -> MultiBoxLoss:
        rows = max(map(len, self.objects))
        boxes, labels = torch.zeros(len(self.objects), rows, 4), torch.zeros(len(self.objects), rows, dtype=torch.int64)
        valid = torch.zeros_like(labels, dtype=torch.bool)
        for i, (image, names) in enumerate(zip(self.objects, self.labels, strict=True)):
            here = slice(0, len(image))
            boxes[i, here], labels[i, here] = torch.from_numpy(image), torch.tensor(names, dtype=torch.int64)
            valid[i, here] = True
        return multibox_loss(
            self.offsets,
            self.logits,
            boxes,
            labels,
            valid,
            coder=Coder(SPEC),
            config=config,
            score_function=self.score_function,
        )

    def slow_loss(self, *, if_none: int = 0, skip_boundary: bool = False) -> tuple[float, float, int, int]:
        coder = Coder(SPEC)
        return slow.multibox_loss(
            self.offsets.double().detach().numpy(),
            self.logits.double().detach().numpy(),
            [image.tolist() for image in self.objects],
            self.labels,
            priors=coder.corners.tolist(),
            variances=coder.variances.tolist(),
            if_none=if_none,
            usable=WITHIN if skip_boundary else None,
            class_loss=CLASS_LOSSES[self.score_function],
        )


def batch(objects: list[np.ndarray], seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    offsets = torch.from_numpy(rng.normal(0, 2, (len(objects), SPEC.count, 4)).astype(np.float32))
    logits = torch.from_numpy(rng.normal(0, 3, (len(objects), SPEC.count, CLASSES + 1)).astype(np.float32))
    labels = [rng.integers(0, CLASSES, len(image)).tolist() for image in objects]
    return Batch(offsets.requires_grad_(), logits.requires_grad_(), objects, labels)


images = st.lists(grid_boxes(most=5), min_size=1, max_size=3)


@given(images, st.integers(0, 999), st.sampled_from([0, 4]), st.booleans(), st.sampled_from(["softmax", "sigmoid"]))
def test_value(
    objects: list[np.ndarray], seed: int, if_none: int, skip_boundary: bool, function: ScoreFunction
) -> None:
    """Both parts (1e-5 relative) and both counts equal the slow loop's, with empty images, repeats and ties.

    Priors that cross the boundary take part or not.
    """
    given_batch = batch(objects, seed)._replace(score_function=function)
    loss = given_batch.loss(LossConfig(background_negatives=if_none, skip_boundary=skip_boundary))
    location, confidence, positives, negatives = given_batch.slow_loss(if_none=if_none, skip_boundary=skip_boundary)
    assert (loss.positives, loss.negatives) == (positives, negatives)
    np.testing.assert_allclose([loss.location.item(), loss.confidence.item()], [location, confidence], rtol=1e-5)
    np.testing.assert_allclose(loss.total.item(), location + confidence, rtol=1e-5)


@pytest.mark.parametrize(("seed", "function"), [(0, "softmax"), (1, "softmax"), (2, "softmax"), (3, "sigmoid")])
def test_gradients(seed: int, function: ScoreFunction) -> None:
    """Gradients are the central differences of the slow loss in double precision, within 1e-5."""
    objects = [np.array(rows, dtype=np.float32) / 8 for rows in ([[0, 0, 3, 3], [4, 2, 8, 8]], [[1, 1, 2, 7]])]
    given_batch = batch(objects, seed)._replace(score_function=function)
    given_batch.loss().total.backward()
    rng = np.random.default_rng(seed)
    for ours in (given_batch.offsets, given_batch.logits):
        assert ours.grad is not None
        busy = ours.grad.abs().sum(-1).nonzero()
        for b, p in [*rng.permutation(busy)[:4].tolist(), [1, 0]]:
            for k in range(ours.shape[-1]):
                assert difference(given_batch, ours, (b, p, k)) == pytest.approx(ours.grad[b, p, k].item(), abs=1e-5)


def difference(given_batch: Batch, of: torch.Tensor, at: tuple[int, int, int], step: float = 1e-4) -> float:
    """The slow loss a little above minus a little below, divided by the distance (in double: no float32 noise)."""
    values = []
    for sign in (1, -1):
        moved = of.detach().double().clone()
        moved[at] += sign * step
        field = "offsets" if of is given_batch.offsets else "logits"
        location, confidence, _, _ = given_batch._replace(**{field: moved}).slow_loss()
        values.append(location + confidence)
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize("rows", [0, 2])
def test_no_objects(rows: int) -> None:
    """Without objects, with padding or without, loss and all gradients are exactly 0."""
    given_batch = batch([np.zeros((0, 4), dtype=np.float32)] * 2, seed=0)
    boxes, labels = torch.rand(2, rows, 4), torch.zeros(2, rows, dtype=torch.int64)
    loss = multibox_loss(
        given_batch.offsets,
        given_batch.logits,
        boxes,
        labels,
        torch.zeros(2, rows, dtype=torch.bool),
        coder=Coder(SPEC),
    )
    loss.total.backward()
    assert loss.total == loss.location == loss.confidence == loss.positives == loss.negatives == 0
    for predictions in (given_batch.offsets, given_batch.logits):
        assert predictions.grad is not None
        assert not predictions.grad.any()


def test_empty_images_can_teach() -> None:
    """With `background_negatives` 5 an image without objects uses its 5 priors of highest loss; N stays at least 1."""
    given_batch = batch([np.zeros((0, 4), dtype=np.float32)] * 2, seed=1)
    loss = given_batch.loss(LossConfig(background_negatives=5))
    cost = -given_batch.logits.log_softmax(-1)[..., 0]
    assert loss.negatives == 10
    torch.testing.assert_close(loss.total, cost.topk(5, dim=1).values.sum())


def test_padding_does_not_matter() -> None:
    """The contents of rows that are not valid do not change the loss, not even boxes without a size or NaN."""
    given_batch = batch([np.array([[1, 1, 5, 6]], dtype=np.float32) / 8], seed=2)
    expected = given_batch.loss()
    for padding in (0.0, 0.3, float("nan")):
        boxes = torch.full((1, 3, 4), padding)
        boxes[0, 1] = torch.from_numpy(given_batch.objects[0][0])
        labels = torch.tensor([[0, given_batch.labels[0][0], 0]])
        loss = multibox_loss(
            given_batch.offsets,
            given_batch.logits,
            boxes,
            labels,
            torch.tensor([[False, True, False]]),
            coder=Coder(SPEC),
        )
        assert torch.equal(loss.total, expected.total)


def test_weight_of_location() -> None:
    """The total is confidence plus α times location; the parts do not change."""
    given_batch = batch([np.array([[0, 0, 4, 4]], dtype=np.float32) / 8], seed=3)
    plain, heavy = given_batch.loss(), given_batch.loss(LossConfig(location_weight=2.5))
    assert (plain.location, plain.confidence) == (heavy.location, heavy.confidence)
    torch.testing.assert_close(heavy.total, plain.confidence + 2.5 * plain.location)


def test_normalizer() -> None:
    """Another N divides both parts: half the loss if N is doubled."""
    given_batch = batch([np.array([[0, 0, 4, 4]], dtype=np.float32) / 8], seed=4)
    tensors = torch.from_numpy(given_batch.objects[0])[None], torch.tensor([given_batch.labels[0]])
    halved = multibox_loss(
        given_batch.offsets,
        given_batch.logits,
        *tensors,
        torch.tensor([[True]]),
        coder=Coder(SPEC),
        normalizer=lambda positives: positives * 2.0,
    )
    torch.testing.assert_close(halved.total * 2, given_batch.loss().total)


def test_half_precision_is_widened() -> None:
    """Predictions in bfloat16 have the loss of the same values in float32, and gradients in bfloat16."""
    given_batch = batch([np.array([[0, 0, 4, 4]], dtype=np.float32) / 8], seed=5)
    rounded = given_batch._replace(
        offsets=given_batch.offsets.detach().bfloat16().requires_grad_(),
        logits=given_batch.logits.detach().bfloat16().requires_grad_(),
    )
    wide = rounded._replace(offsets=rounded.offsets.float(), logits=rounded.logits.float())
    loss = rounded.loss()
    assert loss.total.dtype == torch.float32
    assert torch.equal(loss.total, wide.loss().total)
    loss.total.backward()
    assert rounded.logits.grad is not None
    assert rounded.logits.grad.dtype == torch.bfloat16


costs = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.0]), min_size=12, max_size=12)
overlaps = st.lists(st.sampled_from([0.0, 0.25, 0.49, 0.5, 0.8]), min_size=12, max_size=12)
indices = st.lists(st.sampled_from([UNMATCHED] * 4 + [IGNORED, 0, 1]), min_size=12, max_size=12)


@given(costs, overlaps, indices, st.sampled_from([1.0, 2.5, 3.0]), st.integers(0, 3))
def test_mining(cost: list[float], overlap: list[float], index: list[int], ratio: float, if_none: int) -> None:
    """The negatives are the slow loop's: only candidates, largest loss first, lowest prior among equals."""
    chosen = hard_negatives(
        torch.tensor([cost]),
        Matches(torch.tensor([index]), torch.tensor([overlap])),
        config=LossConfig(negative_ratio=ratio, background_negatives=if_none),
    )
    expected = slow.mine(cost, index, overlap, ratio=ratio, if_none=if_none)
    assert chosen[0].nonzero().squeeze(1).tolist() == expected


def test_negative_overlap() -> None:
    """A lower limit keeps priors that overlap an object that much from being negatives."""
    matches = Matches(torch.tensor([[0, UNMATCHED, UNMATCHED]]), torch.tensor([[1.0, 0.3, 0.2]]))
    config = replace(LossConfig(), negative_overlap=0.3)
    assert hard_negatives(torch.ones(1, 3), matches, config=config).tolist() == [[False, False, True]]


@pytest.mark.parametrize("score_function", ["softmax", "sigmoid"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_ways_to_the_loss(
    monkeypatch: pytest.MonkeyPatch, score_function: ScoreFunction, dtype: torch.dtype
) -> None:
    """From the selected priors, as on a processor, against all priors, as on a GPU: gradients are equal bit by bit."""
    boxes = [np.array([[1, 1, 5, 6], [0, 0, 8, 8]], dtype=np.float32) / 8, np.zeros((0, 4), dtype=np.float32)]
    given_batch = batch(boxes, seed=6)._replace(score_function=score_function)
    losses, gradients = [], []
    for on_host in (True, False):
        monkeypatch.setattr("multibox.loss._host_may_wait", lambda _, on_host=on_host: on_host)
        leaves = [values.detach().to(dtype).requires_grad_() for values in (given_batch.offsets, given_batch.logits)]
        loss = given_batch._replace(offsets=leaves[0], logits=leaves[1]).loss(LossConfig(background_negatives=4))
        loss.total.backward()
        losses.append(loss)
        gradients.append([leaf.grad for leaf in leaves])
    assert losses[0].negatives == losses[1].negatives > 4
    torch.testing.assert_close(losses[0], losses[1])
    for own, reference in zip(*gradients, strict=True):
        assert own is not None
        assert torch.equal(own, reference)


@pytest.mark.parametrize("on_host", [True, False])
def test_predictions_that_are_not_finite_show(monkeypatch: pytest.MonkeyPatch, on_host: bool) -> None:
    """NaN and infinity in one prediction of a prior that is not selected, against a loss that is not."""
    monkeypatch.setattr("multibox.loss._host_may_wait", lambda _: on_host)
    given_batch = batch([np.array([[0, 0, 2, 2]], dtype=np.float32) / 8], seed=7)
    for value in (float("nan"), float("inf")):
        for field in ("offsets", "logits"):
            wrong = getattr(given_batch, field).detach().clone()
            wrong[0, -1, -1] = value
            assert not given_batch._replace(**{field: wrong}).loss().total.isfinite()
