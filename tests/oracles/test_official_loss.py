"""The loss, its gradients, its targets and the mined negatives against the official MultiBoxLoss layer."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pytest
import torch

from multibox.coder import Coder
from multibox.loss import LossConfig, MultiBoxLoss, hard_negatives, multibox_loss
from multibox.matching import Matches, match
from multibox.priors import SPECS
from oracles.official import EDITIONS, Official, official, padded

CASES = [(edition, batch) for edition in EDITIONS for batch in range(6) if (edition, batch) != ("compact", 5)]
every_batch = pytest.mark.parametrize(("edition", "batch"), CASES)
load = cache(official)


@dataclass
class Problem:
    """One official batch as our tensors, the coder of the priors that it holds, and their numbers among the 8732."""

    arrays: Official
    prefix: str
    kept: np.ndarray
    coder: Coder
    offsets: torch.Tensor
    logits: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor
    valid: torch.Tensor
    rows: np.ndarray

    def official(self, name: str) -> np.ndarray:
        return self.arrays[f"{self.prefix}{name}"]

    @cached_property
    def matches(self) -> Matches:
        return match(self.coder.corners, self.boxes, self.valid)

    @cached_property
    def negatives(self) -> np.ndarray:
        background = -self.logits.detach().log_softmax(dim=-1)[..., 0]
        return hard_negatives(background, self.matches, config=LossConfig()).numpy()

    @cached_property
    def loss(self) -> MultiBoxLoss:
        """The loss; taking it also fills the gradients of offsets and logits."""
        loss = multibox_loss(self.offsets, self.logits, self.boxes, self.labels, self.valid, coder=self.coder)
        loss.total.backward()
        return loss

    def places(self, side: str) -> tuple[np.ndarray, np.ndarray]:
        """Image and position among the kept priors of each stored gradient row."""
        return self.official(f"{side}_image"), np.searchsorted(self.kept, self.official(f"{side}_prior"))


@cache
def problem(edition: str, batch: int) -> Problem:
    arrays = load("multibox_loss", edition=edition)
    prefix, letter = f"b{batch}_", str(arrays[f"b{batch}_pred"])
    kept = arrays.kept(letter, 8732)
    coder = Coder(SPECS["ssd300-voc"])
    coder.priors, coder.corners = coder.priors[kept], coder.corners[kept]
    offsets = torch.from_numpy(arrays[f"loc_i8_{letter}"] / np.float32(32)).requires_grad_()
    logits = torch.from_numpy(arrays[f"conf_i8_{letter}"] / np.float32(4)).requires_grad_()
    rows = arrays[f"{prefix}gt"]
    boxes, labels, valid, numbers = padded(rows, 4, difficult=bool(arrays[f"{prefix}use_difficult_gt"]))
    tensors = (torch.from_numpy(a) for a in (boxes, labels, valid))
    return Problem(arrays, prefix, kept, coder, offsets, logits, *tensors, numbers)


@every_batch
def test_value(edition: str, batch: int) -> None:
    """Loss and both sums are the official float32 ones within 3e-6 relative; the counts are equal."""
    given = problem(edition, batch)
    loss = given.loss
    divisor = max(1, int(given.official("num_matches")))
    ours = [loss.total.item(), loss.location.item() * divisor, loss.confidence.item() * divisor]
    expected = [given.official(name) for name in ("loss", "loc_loss_sum", "conf_loss_sum")]
    np.testing.assert_allclose(ours, expected, rtol=3e-6, atol=0)
    assert loss.positives == given.official("num_matches")
    assert loss.positives + loss.negatives == given.official("num_conf")


@every_batch
def test_matches(edition: str, batch: int) -> None:
    """Each prior learns exactly the official object (its row of the label blob), and each image as many."""
    given = problem(edition, batch)
    index = given.matches.index.numpy()
    rows = np.take_along_axis(given.rows, index.clip(0), axis=1) if given.rows.shape[1] else index
    assert np.array_equal(np.where(index >= 0, rows, -1), given.official("match_row"))
    assert np.array_equal((index >= 0).sum(axis=1), given.official("num_pos_per_image"))


@every_batch
def test_mined_negatives(edition: str, batch: int) -> None:
    """The mined negatives are exactly the official ones."""
    given = problem(edition, batch)
    chosen = given.negatives
    image, place = np.nonzero(chosen)
    assert np.array_equal(image, given.official("neg_image"))
    assert np.array_equal(given.kept[place], given.official("neg_prior"))
    assert np.array_equal(chosen.sum(axis=1), given.official("num_neg_per_image"))


@every_batch
@pytest.mark.parametrize(("side", "tolerance"), [("conf", 1e-6), ("loc", 5e-6)])
def test_gradients(edition: str, batch: int, side: str, tolerance: float) -> None:
    """Stored gradient rows within 1e-6 / N (scores) and 5e-6 / N (offsets); all rows that must be 0 are exactly 0."""
    given = problem(edition, batch)
    assert given.loss.total.isfinite()
    gradient = (given.logits if side == "conf" else given.offsets).grad
    assert gradient is not None
    scale = max(1, int(given.official("num_matches")))
    image, place = given.places(f"grad_{side}")
    np.testing.assert_allclose(
        gradient.numpy()[image, place], given.official(f"grad_{side}"), rtol=0, atol=tolerance / scale
    )
    absolute = gradient.double().abs().sum()
    np.testing.assert_allclose(absolute, given.official(f"grad_{side}_abs_sum"), rtol=1e-6, atol=0)
    learns = given.matches.positive.numpy() | (given.negatives if side == "conf" else False)
    assert not gradient.numpy()[~learns].any()


@every_batch
def test_targets(edition: str, batch: int) -> None:
    """Encoded targets of the positives are the official ones within 2e-5 absolute (they are as large as 15)."""
    given = problem(edition, batch)
    if batch == 2:
        assert given.official("num_matches") == 0
        return
    image, place = given.places("grad_loc")
    index = given.matches.index
    boxes = given.boxes.gather(1, index.clamp(min=0)[..., None].expand(-1, -1, 4))
    ours = given.coder.encode(boxes)[image, place]
    np.testing.assert_allclose(ours, given.official("loc_target"), rtol=1e-6, atol=2e-5)


@pytest.mark.parametrize("edition", EDITIONS)
def test_ranking_loss(edition: str) -> None:
    """The ranking value of negatives, -log softmax of background, is the official number within 2e-6 relative."""
    given = problem(edition, 0)
    background = -given.logits.detach().log_softmax(dim=-1)[..., 0].numpy()
    free = given.official("match_row") < 0
    np.testing.assert_allclose(background[free], given.official("rank_loss")[free], rtol=2e-6, atol=2e-6)
