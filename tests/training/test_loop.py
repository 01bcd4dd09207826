"""The training loop on a network small enough to step in milliseconds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from multibox.data.loading.batch import Batch
from multibox.errors import TrainingError
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import OptimizerConfig
from multibox.training.run import LoopConfig, Run
from tiny_training import LOOP, make_batch, make_run, restore, train


def test_loss_falls(tmp_path: Path):
    """The loss of the last reports against that of the first: squares are learnable."""
    train(make_run(iterations=40, loop=LOOP), tmp_path)
    losses = [row["loss"] for row in read_metrics(tmp_path)]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])


def test_a_resumed_run_ends_with_the_same_bits(tmp_path: Path):
    """Weights, average and metrics of a run in two pieces against those of one without a break."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "pieces").mkdir()
    whole = make_run(iterations=9, loop=LOOP)
    train(whole, tmp_path / "whole")

    broken = make_run(iterations=9, loop=LOOP)
    broken.schedule = replace(broken.schedule, iterations=6)
    train(broken, tmp_path / "pieces")
    resumed = make_run(iterations=9, loop=LOOP)
    restore(resumed, tmp_path / "pieces")
    assert resumed.step == 6
    train(resumed, tmp_path / "pieces", start=6)

    for name, value in whole.result.state_dict().items():
        assert torch.equal(value, resumed.result.state_dict()[name]), name
    speedless = [
        [{k: v for k, v in row.items() if k != "images_per_second"} for row in read_metrics(tmp_path / name)]
        for name in ("whole", "pieces")
    ]
    assert speedless[0] == speedless[1]


def test_caffes_momentum_survives_a_break_at_a_milestone(tmp_path: Path):
    """Weights of a run whose rate drops right after its break against those of one without a break, bit for bit."""

    def run_with_drop(iterations: int) -> Run:
        run = make_run(iterations=9, loop=LOOP, optimizer=OptimizerConfig(momentum_rule="caffe"))
        run.schedule = replace(run.schedule, iterations=iterations, milestones=(6,))
        return run

    whole, broken, resumed = run_with_drop(9), run_with_drop(6), run_with_drop(9)
    (tmp_path / "whole").mkdir()
    (tmp_path / "pieces").mkdir()
    train(whole, tmp_path / "whole")
    train(broken, tmp_path / "pieces")
    restore(resumed, tmp_path / "pieces")
    train(resumed, tmp_path / "pieces", start=6)
    for name, value in whole.result.state_dict().items():
        assert torch.equal(value, resumed.result.state_dict()[name]), name


def test_accumulation_with_the_global_normalizer_is_the_big_batch(tmp_path: Path):
    """Weights and metrics of four parts of four images, one of them without objects, against one batch of 16."""
    parts = [make_batch(number) for number in range(8)]
    parts[1] = replace(parts[1], valid=torch.zeros_like(parts[1].valid))
    parts[6] = replace(parts[6], boxes=parts[6].boxes * 0.4)  # small objects match fewer priors than large ones
    whole = [joined(parts[:4]), joined(parts[4:])]
    runs = {}
    for name, batches, accumulate in (("parts", parts, 4), ("whole", whole, 1)):
        loop = LoopConfig(batch_size=16, accumulate=accumulate, normalizer="global", report_every=1)
        runs[name] = make_run(iterations=2, loop=loop, batch_norm=False)
        (tmp_path / name).mkdir()
        train(runs[name], tmp_path / name, batches=iter(batches))
    for name, value in runs["whole"].model.state_dict().items():
        torch.testing.assert_close(runs["parts"].model.state_dict()[name], value, rtol=1e-4, atol=1e-6, msg=name)
    for row, expected in zip(*(read_metrics(tmp_path / name) for name in ("parts", "whole")), strict=True):
        for key in ("loss", "location_loss", "confidence_loss", "positives"):
            assert row[key] == pytest.approx(expected[key], rel=1e-4), key


def joined(batches: list[Batch]) -> Batch:
    """One batch of the images of several."""
    names = ("images", "boxes", "labels", "valid", "difficult")
    tensors = {name: torch.cat([getattr(batch, name) for batch in batches]) for name in names}
    return replace(batches[0], **tensors, names=[name for batch in batches for name in batch.names])


def test_accumulation_averages_the_gradients_of_parts(tmp_path: Path):
    """Two parts of four images against the mean of the two gradients, without batch normalization."""
    run = make_run(iterations=1, loop=LoopConfig(batch_size=8, accumulate=2), batch_norm=False, rate=1.0)
    start = {name: value.clone() for name, value in run.model.state_dict().items()}
    gradients = []
    for number in (0, 1):
        other = make_run(iterations=1, loop=LoopConfig(batch_size=4), batch_norm=False)
        batch = make_batch(number)
        from multibox.loss import multibox_loss

        offsets, logits = other.model(batch.images)
        multibox_loss(offsets, logits, batch.boxes, batch.labels, batch.valid, coder=other.model.coder).total.backward()
        gradients.append({name: p.grad for name, p in other.model.named_parameters()})
    train(run, tmp_path)
    for name, value in run.model.named_parameters():
        factor, decay = (2, 0) if name.endswith("bias") else (1, 5e-4)
        gradient = (gradients[0][name] + gradients[1][name]) / 2
        expected = start[name] - 0.1 * factor * (gradient + decay * start[name])
        torch.testing.assert_close(value.detach(), expected, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(tmp_path: Path):
    """A poisoned image at step 4 against an error that names step and image, and an intact checkpoint of step 3."""
    run = make_run(iterations=9, loop=LOOP)

    def poisoned() -> Iterator[Batch]:
        for number in range(9):
            batch = make_batch(number)
            if number == 4:
                batch = replace(batch, boxes=torch.full_like(batch.boxes, torch.nan))
            yield batch

    with pytest.raises(TrainingError, match=r"step 4 .*image 4\.0"):
        train(run, tmp_path, batches=poisoned())
    fresh = make_run(iterations=9, loop=LOOP)
    restore(fresh, tmp_path)
    assert fresh.step == 3
    assert all(value.isfinite().all() for value in fresh.model.state_dict().values())


def test_best_and_last_are_kept(tmp_path: Path):
    """The kept weights against scores that rise, fall and rise again."""
    run = make_run(iterations=8, loop=replace(LOOP, validate_every=2, checkpoint_every=4))
    scores = iter([0.2, 0.1, 0.3, 0.25])
    kept = train(run, tmp_path, validate=lambda model: next(scores))
    assert kept == [("best", 0.2), ("last", None), ("best", 0.3), ("last", None)]
    assert (run.best, run.stale) == (0.3, 1)
    assert [row["score"] for row in read_metrics(tmp_path) if "score" in row] == [0.2, 0.1, 0.3, 0.25]


def test_callbacks_receive_what_is_written(tmp_path: Path):
    """Rows and lines of the two callbacks against the metrics in the folder and the scores of the validations."""
    run = make_run(iterations=4, loop=replace(LOOP, validate_every=2))
    rows: list[dict[str, object]] = []
    lines: list[str] = []
    scores = iter([0.2, 0.1])
    train(run, tmp_path, validate=lambda model: next(scores), on_report=rows.append, on_message=lines.append)
    assert rows == read_metrics(tmp_path)
    assert [list(row) for row in rows[:2]] == [
        ["step", "rate", "loss", "location_loss", "confidence_loss", "positives", "images_per_second"],
        ["step", "score"],
    ]
    assert lines == ["step 2: score 0.2000 (best so far)", "step 4: score 0.1000"]


def test_an_exception_of_a_callback_ends_the_run(tmp_path: Path):
    """A callback that raises at step 6, as a search does to prune a run, against its exception and a checkpoint."""

    class Pruned(Exception):
        pass

    def prune(row: dict[str, object]) -> None:
        if row["step"] == 6:
            raise Pruned

    with pytest.raises(Pruned):
        train(make_run(iterations=9, loop=LOOP), tmp_path, on_report=prune)
    fresh = make_run(iterations=9, loop=LOOP)
    restore(fresh, tmp_path)
    assert fresh.step == 3


def test_training_in_bfloat16(tmp_path: Path):
    """The bfloat16 loop against a loss that stays finite and weights that stay float32."""
    run = make_run(iterations=4, loop=replace(LOOP, precision="bf16"))
    train(run, tmp_path)
    assert all(p.dtype == torch.float32 and p.isfinite().all() for p in run.model.parameters())
