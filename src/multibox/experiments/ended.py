"""A run that is resumed although no step is left to take."""

from pathlib import Path

from multibox.errors import TrainingError
from multibox.training.run import Run


def describe_end(run: Run) -> str:
    """Return why nothing is trained, and how the run can continue."""
    return f"nothing is left to train: {_reason(run)}; for more steps add {_setting(run)} and --accept-changes"


def nothing_left(run: Run, folder: Path) -> TrainingError:
    """Return the error for accepted changes that have no effect, because the run takes no step with them."""
    return TrainingError(
        f"{folder} holds a run that would train nothing with these changes: {_reason(run)}; add {_setting(run)}, or "
        "use its weights as they are; nothing was changed"
    )


def _reason(run: Run) -> str:
    if run.step >= run.schedule.iterations:
        return f"it is at step {run.step}, and schedule.iterations={run.schedule.iterations}"
    return f"its last {run.stale} validations gave no better score, and loop.patience={run.loop.patience}"


def _setting(run: Run) -> str:
    if run.step >= run.schedule.iterations:
        return f"--set schedule.iterations=N with N above {run.step}"
    return f"--set loop.patience=N with N above {run.stale}"
