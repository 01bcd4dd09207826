"""Training a recipe: the data, the model, the run and the files in its folder."""

import errno
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from multibox.check.loaded import check_loaded
from multibox.data.dataset import Dataset
from multibox.data.loading.batch import Batch
from multibox.data.loading.loader import batches
from multibox.errors import DataError, TrainingError
from multibox.experiments.data import load_run_data
from multibox.experiments.ended import describe_end, nothing_left
from multibox.experiments.facts import facts_of, find_changes
from multibox.experiments.folder import Memory, clear_folder, open_folder, rewind_folder, write_recipe
from multibox.experiments.logs.following import Following
from multibox.experiments.logs.log import Broadcast, Opening, check_logs, opened_logs
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes import find_recipe
from multibox.experiments.start import check_recipe, start_run
from multibox.models.ssd import SSD
from multibox.system.device import choose_device
from multibox.system.distributed import Processes, joined
from multibox.system.process import keep_freed_memory, one_blas_thread
from multibox.training.loop import Hooks, fit, ignore
from multibox.training.optimizer import describe_rates
from multibox.training.run import Run
from multibox.weights.file import save_weights

_NO_ROOM_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST_SHOWN_PROBLEMS = 10


def train(
    recipe: Recipe | str,
    *,
    data: Path | str | Dataset,
    out: Path | str,
    resume: bool = False,
    accept_changes: bool = False,
    workers: int = 0,
    cache_mb: int = 0,
    device: str | None = None,
    logs: Sequence[str] = (),
    on_report: Callable[[dict[str, Any]], object] = ignore,
    on_message: Callable[[str], object] = ignore,
) -> SSD:
    """Train a recipe on a data set and return the model; `out` receives the weights, metrics and checkpoints.

    `data` is a path in any format the package reads, or a data set. `workers` processes make the samples, each of
    which caches up to `cache_mb` MiB of decoded images. With `resume`, the run in `out` continues from its checkpoint,
    or starts from the beginning if it has none. `accept_changes` lets it continue with another recipe or other data,
    but not with another model or other classes. The first SIGINT or SIGTERM writes a checkpoint and raises Stopped.

    `logs` names the logs that also get losses, rates, scores, images of the validation set with detections, and the
    recipe: "tensorboard" and "mlflow". `on_report` is called with each row of the metrics: losses, rate and images per
    second, or the score of a validation. `on_message` is called with each line for people. An exception from either
    ends the run. If a launcher such as torchrun started several processes, they train together: each call takes its
    share of every batch. Only the first process writes files and calls the two functions.

    Raises TrainingError if `out` holds another run, if the loss is not finite or if the disk is full; DataError if the
    data cannot be used; UsageError for unknown names and settings that contradict each other.
    """
    check_logs(logs)
    recipe = find_recipe(recipe) if isinstance(recipe, str) else recipe
    folder, target = Path(out), choose_device(device)
    with joined(target) as processes, ExitStack() as stack:
        if not processes.first:
            on_report = on_message = ignore
        check_recipe(recipe, processes=processes.count)
        memory = processes.from_first(lambda: stack.enter_context(open_folder(folder, resume=resume)))
        chosen = load_run_data(recipe, data)
        dataset = chosen.train
        _refuse_unusable(dataset, on_message, classes_chosen=recipe.classes is not None)
        facts = facts_of(recipe, dataset)
        changed = find_changes(
            memory.facts, facts, folder=folder, accept=accept_changes, steps=memory.state["step"] if memory.state else 0
        )
        keep_freed_memory()
        one_blas_thread()
        run = start_run(recipe, dataset, memory, device=target, processes=processes, on_message=on_message)
        run.facts = facts
        if changed and run.done:
            raise nothing_left(run, folder)
        for line in (
            *memory.notes,
            *([chosen.line] if chosen.line else []),
            *_headlines(recipe, dataset, folder, run=run, changed=changed),
        ):
            on_message(line)
        keep = _keeper(recipe, dataset, folder) if processes.first else _keep_nothing
        with _explained_disk_errors(run, folder):
            processes.from_first(lambda: _prepare(folder, run, recipe, memory, changed=changed, keep=keep))
            opening = Opening(folder, recipe, run.step)
            follow = _following(stack, logs, opening, chosen.validation, processes, on_report, on_message)
            validate = _validator(recipe, chosen.validation, processes, see=follow.see)
            stream = _stream(recipe, dataset, run, workers=workers, cache_mb=cache_mb)
            fit(run, stream, folder=folder, hooks=Hooks(keep, validate, follow.report, on_message))
        if skipped := run.watch.skipped:
            on_message(f"{skipped} of {run.step} steps were skipped: their loss or gradient was not finite")
    return run.result


def _refuse_unusable(dataset: Dataset, on_message: Callable[[str], object], *, classes_chosen: bool) -> None:
    """Report what the quick part of the data check found; DataError if it would crash or spoil the training."""
    problems = [
        problem for problem in check_loaded(dataset, classes_chosen=classes_chosen) if problem.severity != "note"
    ]
    for problem in problems[:_MOST_SHOWN_PROBLEMS]:
        on_message(f"{problem.severity}: {problem}")
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DataError(
            f"{dataset.name} has problems that would spoil training ({len(errors)}), the first: {errors[0]}; "
            "`multibox data check` lists all"
        )


def _following(
    stack: ExitStack,
    logs: Sequence[str],
    opening: Opening,
    held_out: Dataset | None,
    processes: Processes,
    on_report: Callable[[dict[str, Any]], object],
    on_message: Callable[[str], object],
) -> Following:
    """Open the logs in the first process; they are closed with `stack`."""
    broadcast = Broadcast({}, on_message)

    def open_all() -> None:
        nonlocal broadcast
        broadcast = stack.enter_context(opened_logs(logs, opening, on_message=on_message))

    processes.from_first(open_all)
    return Following(broadcast, on_report, held_out)


def _validator(
    recipe: Recipe, held_out: Dataset | None, processes: Processes, *, see: Callable[[SSD], None]
) -> Callable[[SSD], float] | None:
    """Return a function that scores a model on the validation images, and shows it to `see`; processes share them."""
    if held_out is None:
        return None
    from multibox.detection.detector import Detector
    from multibox.detection.distributed import DistributedDetector
    from multibox.evaluation.evaluate import evaluate

    def score(model: SSD) -> float:
        evaluation = evaluate(DistributedDetector(Detector(model), processes), held_out, metric=recipe.metric)
        see(model)
        return processes.from_first(lambda: evaluation.mean)

    return score


def _headlines(recipe: Recipe, dataset: Dataset, folder: Path, *, run: Run, changed: list[str]) -> Iterator[str]:
    if changed:
        yield f"continuing with changes: {'; '.join(changed)}"
    yield (
        f"training {recipe.name} ({recipe.model.name}, {recipe.model.priors.count} priors) on {dataset.name}: "
        f"{len(dataset)} images, {dataset.num_objects} objects, {len(dataset.class_names)} classes, into {folder}"
    )
    yield from describe_rates(run.model, recipe.optimizer)
    if run.done:
        yield describe_end(run)
    elif run.step:
        yield f"continuing after step {run.step} of {recipe.schedule.iterations}"


def _keeper(recipe: Recipe, dataset: Dataset, folder: Path) -> Callable[[SSD, str, float | None], None]:
    """Return a function that writes a weight file with the facts of the run."""
    info = {"recipe": recipe.to_json(), "data": dataset.name, "images": len(dataset), "objects": dataset.num_objects}

    def keep(model: SSD, name: str, score: float | None) -> None:
        save_weights(folder / f"{name}.safetensors", model, info={**info, "metric": recipe.metric, "score": score})

    return keep


def _keep_nothing(_model: SSD, _name: str, _score: float | None) -> None:
    """Write no weights, in all processes but the first."""


@contextmanager
def _explained_disk_errors(run: Run, folder: Path) -> Iterator[None]:
    """Turn the OSError of a full disk into one line that tells how much room is needed and how to continue."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM_ERRORS:
            raise
        raise TrainingError(
            f"no room to write {error.filename} ({error.strerror}): a checkpoint and weights need about "
            f"{run.size / 1e6:.0f} MB, {shutil.disk_usage(folder).free / 1e6:.0f} MB are free; the last checkpoint is "
            "kept: free some room and continue with --resume"
        ) from None


def _prepare(
    folder: Path,
    run: Run,
    recipe: Recipe,
    memory: Memory,
    *,
    changed: list[str],
    keep: Callable[[SSD, str, float | None], None],
) -> None:
    """Make all files in the folder agree with the state of the run."""
    if memory.state is None:
        clear_folder(folder, recipe)
        return
    rewind_folder(folder, memory)
    keep(run.result, "last", None)
    if changed:
        write_recipe(folder, recipe)
        run.save(folder)


def _stream(recipe: Recipe, dataset: Dataset, run: Run, *, workers: int, cache_mb: int) -> Iterator[Batch]:
    """Yield this process's share of each micro-batch, starting at the run's step."""
    rank, count = run.processes.rank, run.processes.count
    return batches(
        dataset,
        augmentation=recipe.augmentation,
        input_size=recipe.model.input_size,
        batch_size=recipe.loop.share(count),
        seed=recipe.seed,
        workers=workers,
        start=run.step * recipe.loop.accumulate * count + rank,
        stride=count,
        use_difficult=recipe.use_difficult,
        cache_mb=cache_mb,
    )
