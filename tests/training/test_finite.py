"""Values that are not finite end a run or are skipped, and are never written."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from multibox.data.loading.batch import Batch
from multibox.errors import TrainingError
from multibox.training.finite import MOST_OVERFLOWS_IN_A_ROW, MOST_SKIPPED_IN_A_ROW, FiniteWatch, check_finite
from multibox.training.metrics import read_metrics
from multibox.training.run import Run
from tiny_training import LOOP, make_batch, make_run, restore, stream, train

SKIP = replace(LOOP, non_finite="skip", report_every=1)


def poisoned(*steps: int) -> Iterator[Batch]:
    """Yield the usual batches, with boxes that are not finite in some steps."""
    for number, batch in enumerate(stream()):
        yield replace(batch, boxes=torch.full_like(batch.boxes, torch.nan)) if number in steps else batch


def values(run: Run) -> dict[str, torch.Tensor]:
    """Weights, running statistics and momenta."""
    state = {name: value.clone() for name, value in run.model.state_dict().items()}
    for number, moments in run.optimizer.state_dict()["state"].items():
        state[f"momentum {number}"] = moments["momentum_buffer"].clone()
    return state


@pytest.mark.parametrize("first", [0, 2])
def test_a_skipped_step_changes_nothing(tmp_path: Path, first: int):
    """Weights, running statistics and momenta after a poisoned step, also the first one, against those before."""
    run = make_run(iterations=first + 1, loop=SKIP)
    before = {}

    def watched() -> Iterator[Batch]:
        for number, batch in enumerate(poisoned(first)):
            if number == first:
                before.update(values(run))
            yield batch

    train(run, tmp_path, batches=watched())
    after = values(run)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), name


def test_skipping_changes_nothing_if_all_is_finite(tmp_path: Path):
    """The weights of a run with the rule "skip" against those of a run with the rule "stop", bit for bit."""
    (tmp_path / "skip").mkdir()
    (tmp_path / "stop").mkdir()
    skip, stop = make_run(iterations=5, loop=SKIP), make_run(iterations=5, loop=replace(SKIP, non_finite="stop"))
    train(skip, tmp_path / "skip")
    train(stop, tmp_path / "stop")
    for name, value in values(skip).items():
        assert torch.equal(value, values(stop)[name]), name


def test_skipped_steps_are_counted_and_named(tmp_path: Path):
    """Two poisoned steps of six against the counts in the metrics, the messages and the resumed run."""
    run, lines = make_run(iterations=6, loop=SKIP), []
    train(run, tmp_path, batches=poisoned(1, 4), on_message=lines.append)
    assert [row.get("skipped", 0) for row in read_metrics(tmp_path)] == [0, 1, 1, 1, 2, 2]
    assert ["loss" in row for row in read_metrics(tmp_path)] == [True, False, True, True, False, True]
    assert lines[1].startswith("the loss of step 4 is nan for the images image 4.0, image 4.1")
    assert all(value.isfinite().all() for value in values(run).values())
    resumed = make_run(iterations=6, loop=SKIP)
    restore(resumed, tmp_path)
    assert resumed.watch.skipped == 2


def test_means_leave_out_skipped_steps(tmp_path: Path):
    """The report over four steps with a poisoned one against the mean of the other three."""
    run = make_run(iterations=4, loop=replace(SKIP, report_every=4), rate=0.0)
    train(run, tmp_path, batches=poisoned(2))
    single = []
    for number in (0, 1, 3):
        (tmp_path / str(number)).mkdir()
        alone = make_run(iterations=1, loop=replace(SKIP, report_every=1), rate=0.0)
        train(alone, tmp_path / str(number), batches=iter([make_batch(number)]))
        single.append(read_metrics(tmp_path / str(number))[0])
    row = read_metrics(tmp_path)[0]
    for key in ("loss", "location_loss", "confidence_loss", "positives"):
        assert row[key] == pytest.approx(sum(one[key] for one in single) / 3, rel=1e-4, abs=0.01), key


def test_too_many_in_a_row_end_the_run(tmp_path: Path):
    """Steps that are poisoned from step 3 on against the error that ends the run."""
    run = make_run(iterations=50, loop=SKIP)
    with pytest.raises(
        TrainingError, match=f"step {3 + MOST_SKIPPED_IN_A_ROW - 1} is nan .* the {MOST_SKIPPED_IN_A_ROW}th such step"
    ):
        train(run, tmp_path, batches=poisoned(*range(3, 50)))


def test_the_next_check_names_the_first_bad_step(tmp_path: Path):
    """Reports each 20 steps and a poisoned step 4 against an error that names step 4, and no file."""
    run = make_run(iterations=40, loop=replace(LOOP, report_every=20, checkpoint_every=20))
    with pytest.raises(TrainingError, match=r"the loss of step 4 is nan for the images image 4\.0.*schedule\.rate"):
        train(run, tmp_path, batches=poisoned(4))
    assert list(tmp_path.iterdir()) == []


def test_poisoned_statistics_are_not_written(tmp_path: Path):
    """A running variance that overflowed while loss and gradient stayed finite against an error that names it."""
    run = make_run(iterations=3, loop=LOOP)
    name, buffer = next((name, b) for name, b in run.model.named_buffers() if name.endswith("running_var"))
    buffer.fill_(torch.inf)
    with pytest.raises(TrainingError, match=f"{name} is not finite after step 3"):
        train(run, tmp_path)
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_gradient_too_large_for_a_scale_is_expected():
    """Gradients that overflow while the scale of a loss falls against no complaint, up to the limit."""
    watch = FiniteWatch("stop", scaled=True)
    for step in range(MOST_OVERFLOWS_IN_A_ROW):
        watch.record(step, ["a"], loss=torch.tensor(1.0), norm=torch.tensor(torch.inf))
        if step == 2:
            assert watch.check() == []
    with pytest.raises(TrainingError, match=f"the gradient of step {MOST_OVERFLOWS_IN_A_ROW - 1} is inf"):
        watch.check()
    watch.record(50, ["b"], loss=torch.tensor(torch.nan), norm=torch.tensor(1.0))
    with pytest.raises(TrainingError, match="the loss of step 50 is nan for the images b"):
        watch.check()


def test_finite_models_pass():
    """A fresh model against no error."""
    check_finite(make_run(iterations=1, loop=LOOP).model, step=0)
