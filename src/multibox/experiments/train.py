"""A recipe brought to life: data, model, training, evaluation and the files of a run folder."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from torch import Tensor

from multibox.check.check import cheap_check
from multibox.data.dataset import Dataset
from multibox.data.load import choose_classes, load_dataset
from multibox.data.loading.loader import Batch, batches
from multibox.errors import DataError, TrainingError, UsageError, WeightsError
from multibox.experiments.folder import (
    Memory,
    changes,
    claim_folder,
    facts_of,
    held,
    judges_alike,
    open_folder,
    write_recipe,
)
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes import find_recipe
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.system.atomic import remove_unfinished
from multibox.system.device import choose_device
from multibox.system.distributed import Processes, joined
from multibox.system.process import keep_freed_memory, one_blas_thread
from multibox.training.checkpoint import remove_damaged
from multibox.training.loop import Run, fit
from multibox.training.progress import Nowhere, ProgressLine, keep_metrics_until, read_metrics
from multibox.weights.file import read_metadata, save_weights

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHOWN_PROBLEMS = 10


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
) -> SSD:
    """Train a recipe on a data set and return the model; `out` holds the weights, metrics and checkpoint.

    `data` is a path in any format the package reads, or a data set. Samples are made by `workers` processes, each of
    which keeps up to `cache_mb` MiB of decoded images. With `resume` the run in `out` goes on from its checkpoint,
    or begins anew where it had none; `accept_changes` lets it go on with another recipe or other data, but never with
    another model or other classes. The first SIGINT or SIGTERM writes a checkpoint and raises Stopped.
    Processes that a launcher such as torchrun started train as one: each call of this function takes its share of every
    batch, and the first process writes.
    Raises TrainingError where `out` holds another run, where the loss is not finite or the disk is full; UsageError for
    unknown names and settings that exclude each other.
    """
    recipe = find_recipe(recipe) if isinstance(recipe, str) else recipe
    folder = Path(out)
    _check_patience(recipe)
    target = choose_device(device)
    with joined(target) as processes, ExitStack() as stack:
        _check_share(recipe, processes)
        memory = processes.from_first(lambda: open_folder(folder, resume=resume))
        changes(memory.facts, facts_of(recipe), folder=folder, accept=accept_changes)
        dataset = _load(recipe, data, split=recipe.train_split)
        progress = ProgressLine(steps=recipe.schedule.iterations, stream=None if processes.first else Nowhere())
        _refuse_harm(dataset, progress)
        validate = _validator(recipe, data, processes)
        keep_freed_memory()
        one_blas_thread()
        facts = facts_of(recipe, dataset)
        changed = changes(memory.facts, facts, folder=folder, accept=accept_changes)
        run = _begin(recipe, dataset, memory, device=target, processes=processes)
        run.facts = facts
        keep = _keeper(recipe, dataset, folder) if processes.first else _keep_nothing
        for line in memory.notes:
            progress.say(line)

        def settle() -> float:
            with _room(run, folder):
                stack.enter_context(held(folder))
                if memory.state is None:
                    open_folder(folder, resume=resume)  # it may have become another run's since
                _settle_folder(run, recipe, folder, memory, keep=keep, changed=changed, progress=progress)
            return run.best

        run.best = processes.from_first(settle)
        stream = _stream(recipe, dataset, run, workers=workers, cache_mb=cache_mb)
        progress.say(_headline(recipe, dataset, folder))
        if run.step:
            progress.say(f"going on after step {run.step} of {recipe.schedule.iterations}")
        with _room(run, folder):
            fit(run, stream, folder=folder, validate=validate, keep=keep, progress=progress)
        if skipped := run.watch.skipped:
            progress.say(f"{skipped} of {run.step} steps were left out: their loss or gradient was not finite")
    return run.result


def _stream(recipe: Recipe, dataset: Dataset, run: Run, *, workers: int, cache_mb: int) -> Iterator[Batch]:
    """This process's share of each part, from the run's step on."""
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


def _load(recipe: Recipe, data: Path | str | Dataset, *, split: str | None) -> Dataset:
    dataset = data if isinstance(data, Dataset) else load_dataset(data, split=split, pixels=recipe.pixels)
    return dataset if recipe.classes is None else choose_classes(dataset, classes=recipe.classes)


def _begin(recipe: Recipe, dataset: Dataset, memory: Memory, *, device: torch.device, processes: Processes) -> Run:
    """A run at its first step, or at its last checkpoint."""
    torch.manual_seed(recipe.seed)
    model = SSD(recipe.model, dataset.class_names)
    if not memory.state and (recipe.base_weights or recipe.start_weights):
        _load_weights(model, recipe, processes)
    run = Run(
        model.to(device),
        loop=recipe.loop,
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        loss=recipe.loss,
        processes=processes,
    )
    if memory.state:
        run.restore(memory.state)
        if not judges_alike(memory.facts, recipe):
            run.best, run.stale = -1.0, 0
    return run


def _settle_folder(
    run: Run,
    recipe: Recipe,
    folder: Path,
    memory: Memory,
    *,
    keep: Callable[[SSD, str, float | None], None],
    changed: list[str],
    progress: ProgressLine,
) -> None:
    """Make all files of the folder agree with the run's state."""
    if memory.state is None:
        claim_folder(folder, recipe)
        return
    remove_unfinished(folder)
    if memory.notes:
        remove_damaged(folder)
    rows = memory.state.get("metrics")
    keep_metrics_until(folder, run.step, rows=read_metrics(folder) if rows is None else json.loads(rows))
    keep(run.result, "last", None)
    if run.best >= 0 and not _is_whole(folder / "best.safetensors"):
        progress.say(f"{folder / 'best.safetensors'} is missing or damaged: the next validation writes it anew")
        run.best = -1.0
    if changed:
        progress.say(f"going on with changes: {'; '.join(changed)}")
        write_recipe(folder, recipe)
        run.save(folder)


def _is_whole(weights: Path) -> bool:
    try:
        read_metadata(weights)
    except WeightsError:
        return False
    return True


@contextmanager
def _room(run: Run, folder: Path) -> Iterator[None]:
    """Turn the OSError of a full disk into one line that says what is needed and how to go on."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise TrainingError(
            f"no room to write {error.filename} ({error.strerror}): a checkpoint and weights need about "
            f"{run.size / 1e6:.0f} MB, {shutil.disk_usage(folder).free / 1e6:.0f} MB are free; what was there is kept: "
            "make room and go on with --resume"
        ) from None


def _check_patience(recipe: Recipe) -> None:
    if recipe.loop.patience and not (recipe.validation_split and recipe.loop.validate_every):
        raise UsageError(
            f"loop.patience={recipe.loop.patience} counts validations, and this recipe makes none before its end: "
            "set validation_split and loop.validate_every"
        )


def _check_share(recipe: Recipe, processes: Processes) -> None:
    """Raise UsageError where parts cannot be dealt out, or a share has no spread for batch normalization to measure."""
    normalizes = recipe.model.batch_norm or recipe.model.lite
    if recipe.loop.share(processes.count) == 1 and normalizes and recipe.model.priors.maps[-1].cells == (1, 1):
        raise UsageError(
            f"loop.batch_size={recipe.loop.batch_size} leaves one image at a time for each process, too few for the "
            f"batch normalization of {recipe.model.name}: at least {2 * recipe.loop.accumulate * processes.count}"
        )


def _refuse_harm(dataset: Dataset, progress: ProgressLine) -> None:
    """Say what the quick part of the data check found; DataError where it would crash or poison the training."""
    problems = [problem for problem in cheap_check(dataset) if problem.severity != "note"]
    for problem in problems[:_SHOWN_PROBLEMS]:
        progress.say(f"{problem.severity}: {problem}")
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise DataError(
            f"{dataset.name} has problems that would spoil training ({len(errors)}), the first: {errors[0]}; "
            "`multibox data check` lists all"
        )


def _load_weights(model: SSD, recipe: Recipe, processes: Processes) -> None:
    """Give the model the values that the recipe starts from; the first process fetches them for all."""

    def load() -> tuple[ModelConfig, dict[str, Tensor]]:
        from multibox.weights.origins.base import load_base
        from multibox.weights.start import load_start

        if recipe.base_weights:
            load_base(model, recipe.base_weights)
        if recipe.start_weights:
            load_start(model, recipe.start_weights)
        return model.config, model.state_dict()

    config, values = processes.from_first(load)
    if not processes.first:
        model.normalize_with(mean=config.mean, std=config.std)
        model.load_state_dict(values)


def _headline(recipe: Recipe, dataset: Dataset, folder: Path) -> str:
    return (
        f"training {recipe.name} ({recipe.model.name}, {recipe.model.priors.count} priors) on {dataset.name}: "
        f"{len(dataset)} images, {dataset.num_objects} objects, {len(dataset.class_names)} classes, into {folder}"
    )


def _validator(recipe: Recipe, data: Path | str | Dataset, processes: Processes) -> Callable[[SSD], float] | None:
    """Scores a model on the held-out split, whose images the processes share; the first one's score counts."""
    if recipe.validation_split is None:
        return None
    if isinstance(data, Dataset):
        raise UsageError("a recipe with a validation split needs the path of a data set, not one in memory")
    from multibox.detection.detector import Detector
    from multibox.detection.shared import SharedDetector
    from multibox.evaluation.evaluate import evaluate

    held_out = _load(recipe, data, split=recipe.validation_split)

    def score(model: SSD) -> float:
        found = evaluate(SharedDetector(Detector(model), processes), held_out, metric=recipe.metric)
        return processes.from_first(lambda: found.mean)

    return score


def _keeper(recipe: Recipe, dataset: Dataset, folder: Path) -> Callable[[SSD, str, float | None], None]:
    info = {"recipe": recipe.to_json(), "data": dataset.name, "images": len(dataset), "objects": dataset.num_objects}

    def keep(model: SSD, name: str, score: float | None) -> None:
        save_weights(folder / f"{name}.safetensors", model, info={**info, "metric": recipe.metric, "score": score})

    return keep


def _keep_nothing(_model: SSD, _name: str, _score: float | None) -> None:
    """What all processes but the first do with weights."""
