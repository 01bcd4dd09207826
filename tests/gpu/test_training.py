"""Training on a CUDA device: against the processor, in each precision, compiled, resumed, and from worker processes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cuda_device import CUDA, NEEDS_CUDA, PRECISIONS, REHEARSAL, deterministic, exact_float32
from cuda_training import assert_close, make_run, values
from devkit import write_devkit
from multibox.data.loading.batch import Batch
from multibox.detection.detector import Detector
from multibox.experiments.recipes import find_recipe
from multibox.experiments.train import train as train_recipe
from multibox.models.config import slim300_config
from tiny_training import LOOP, restore, stream, train

pytestmark = NEEDS_CUDA


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_same_weights_as_on_the_processor(tmp_path: Path, kind: str) -> None:
    """Six steps in float32 on both devices."""
    rate = 0.005 if kind == "sgd" else 1e-4
    with exact_float32():
        runs = [make_run(device=device, rate=rate, kind=kind) for device in (CUDA, torch.device("cpu"))]
        for name, run in zip(("cuda", "cpu"), runs, strict=True):
            (tmp_path / name).mkdir()
            train(run, tmp_path / name)
    if kind == "sgd":
        assert_close(*runs, rtol=1e-2, atol=1e-4)
    else:  # AdamW turns the rounding of a gradient near zero into a whole step, so only the mean is comparable
        pairs = zip(values(runs[0]).values(), values(runs[1]).values(), strict=True)
        assert max(float((one - other).abs().mean()) for one, other in pairs) < 1e-4


@pytest.mark.parametrize("precision", PRECISIONS)
def test_loss_falls(tmp_path: Path, precision: str) -> None:
    """150 steps in each precision: the losses at the end are under half of those at the start."""
    loop = replace(LOOP, precision=precision, report_every=10, checkpoint_every=150)  # type: ignore[arg-type]
    run = make_run(iterations=150, loop=loop, batch_norm=True, rate=0.02)
    train(run, tmp_path)
    rows = [line for line in (tmp_path / "metrics.jsonl").read_text().splitlines() if '"loss"' in line]
    losses = [float(row.split('"loss": ')[1].split(",")[0]) for row in rows]
    assert losses[-1] < 0.5 * losses[0], losses


@pytest.mark.parametrize("precision", PRECISIONS)
def test_steps_do_not_wait(tmp_path: Path, precision: str) -> None:
    """All steps except the first and the last; any wait for the device is an error."""
    loop = replace(LOOP, precision=precision, report_every=8, checkpoint_every=8)  # type: ignore[arg-type]
    run = make_run(iterations=8, loop=loop, batch_norm=True)

    def batches() -> Iterator[Batch]:
        for number, batch in enumerate(stream()):
            pinned = batch if REHEARSAL else batch.pin_memory()
            _make_waiting_an_error(1 <= number < 7)
            yield pinned

    try:
        train(run, tmp_path, batches=batches())
    finally:
        _make_waiting_an_error(False)
    assert run.step == 8


def _make_waiting_an_error(on: bool, /) -> None:
    if not REHEARSAL:
        torch.cuda.set_sync_debug_mode("error" if on else "default")


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    """With the rule "skip", weights before and after a batch whose pixels are not finite."""
    loop = replace(LOOP, non_finite="skip", report_every=1, checkpoint_every=100)
    run = make_run(iterations=3, loop=loop)
    seen: list[dict[str, torch.Tensor]] = []

    def batches() -> Iterator[Batch]:
        for number, batch in enumerate(stream()):
            seen.append(values(run))
            yield replace(batch, images=batch.images.float() * float("nan")) if number == 1 else batch

    train(run, tmp_path, batches=batches())
    assert run.watch.skipped == 1
    assert all(torch.equal(value, seen[2][name]) for name, value in seen[1].items())
    assert not torch.equal(seen[0]["base.conv1_1.weight"], seen[1]["base.conv1_1.weight"])


def test_resume(tmp_path: Path) -> None:
    """Six steps in one run against three, a checkpoint, and three in a new run, with deterministic algorithms."""
    with exact_float32(), deterministic():
        whole, first, second = (make_run(batch_norm=True) for _ in range(3))
        folders = [tmp_path / name for name in ("whole", "half")]
        for folder in folders:
            folder.mkdir()
        train(whole, folders[0])
        first.schedule = replace(first.schedule, iterations=3)
        train(first, folders[1])
        restore(second, folders[1])
        assert second.step == 3
        train(second, folders[1], start=3)
    assert_close(second, whole, rtol=1e-5, atol=1e-6)


def test_recipe_with_worker_processes(tmp_path: Path) -> None:
    """A run from JPEG files with two workers, pinned memory and validation; then the weights detect on the device."""
    write_devkit(tmp_path / "devkit", years={"2007": {"trainval": 8, "test": 2}})
    recipe = find_recipe("quick")
    recipe = replace(
        recipe,
        model=slim300_config(width=1 / 32),
        schedule=replace(recipe.schedule, iterations=6, warmup=0, rate=0.001),
        loop=replace(recipe.loop, batch_size=4, validate_every=3, report_every=2),
        train_split="2007:trainval",
        validation_split="2007:test",
    )
    train_recipe(recipe, data=tmp_path / "devkit", out=tmp_path / "run", workers=2, device=str(CUDA))
    detector = Detector.load(tmp_path / "run" / "last.safetensors", device=str(CUDA))
    image = next((tmp_path / "devkit").rglob("*.jpg"))
    assert len(detector([image])) == 1
