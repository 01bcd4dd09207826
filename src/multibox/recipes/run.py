"""A recipe brought to life: data, model, training, evaluation and the files of a run folder."""

import json
from collections.abc import Callable
from pathlib import Path

import torch

from multibox.data.check import cheap_check
from multibox.data.dataset import Dataset
from multibox.data.load import choose_classes, load_dataset
from multibox.data.loader import batches
from multibox.device import choose_device
from multibox.errors import DataError, TrainingError, UsageError
from multibox.models.ssd import SSD
from multibox.process import keep_freed_memory, one_blas_thread
from multibox.recipes import find_recipe
from multibox.recipes.recipe import Recipe
from multibox.training.checkpoint import CHECKPOINT
from multibox.training.loop import Run, fit
from multibox.training.progress import METRICS, ProgressLine
from multibox.weights.file import save_weights

RECIPE = "recipe.json"
_SHOWN_PROBLEMS = 10


def train(
    recipe: Recipe | str,
    *,
    data: Path | str | Dataset,
    out: Path | str,
    resume: bool = False,
    workers: int = 0,
    cache_mb: int = 0,
    device: str | None = None,
) -> SSD:
    """Train a recipe on a data set and return the model; `out` holds the weights, metrics and checkpoint.

    `data` is a path in any format the package reads, or a data set. Samples are made by `workers` processes, each of
    which keeps up to `cache_mb` MiB of decoded pictures. Raises TrainingError where `out` holds another run,
    or where the loss is not finite; UsageError for unknown names.
    """
    recipe = find_recipe(recipe) if isinstance(recipe, str) else recipe
    folder = Path(out)
    _check_folder(folder, recipe, resume=resume)
    dataset = _load(recipe, data, split=recipe.train_split)
    progress = ProgressLine(steps=recipe.schedule.iterations)
    _refuse_harm(dataset, progress)
    validate = _validator(recipe, data)
    keep_freed_memory()
    one_blas_thread()
    run = _begin(recipe, dataset, folder, resume=resume, device=device)
    stream = batches(
        dataset,
        augmentation=recipe.augmentation,
        input_size=recipe.model.input_size,
        batch_size=recipe.loop.part,
        seed=recipe.seed,
        workers=workers,
        start=run.step * recipe.loop.accumulate,
        use_difficult=recipe.use_difficult,
        cache_mb=cache_mb,
    )
    progress.say(_headline(recipe, dataset, folder))
    fit(
        run,
        stream,
        folder=folder,
        validate=validate,
        keep=_keeper(recipe, dataset, folder),
        progress=progress,
    )
    return run.result


def _load(recipe: Recipe, data: Path | str | Dataset, *, split: str | None) -> Dataset:
    dataset = data if isinstance(data, Dataset) else load_dataset(data, split=split, pixels=recipe.pixels)
    return dataset if recipe.classes is None else choose_classes(dataset, classes=recipe.classes)


def _begin(recipe: Recipe, dataset: Dataset, folder: Path, *, resume: bool, device: str | None) -> Run:
    """A run at its first step, in a folder that is now its own, or at its last checkpoint."""
    goes_on = resume and (folder / CHECKPOINT).exists()  # one that stopped before its first checkpoint begins anew
    torch.manual_seed(recipe.seed)
    model = SSD(recipe.model, dataset.class_names)
    if recipe.base_weights and not goes_on:
        _load_base(model, recipe.base_weights)
    if recipe.start_weights and not goes_on:
        _load_start(model, recipe.start_weights)
    run = Run(
        model.to(choose_device(device)),
        loop=recipe.loop,
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        loss=recipe.loss,
    )
    if goes_on:
        run.load(folder)
    else:
        _claim_folder(folder, recipe)
    return run


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


def _check_folder(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """A new run needs an empty place, a resumed one the folder of this very recipe."""
    written = folder / RECIPE
    if resume:
        if not written.exists():
            raise TrainingError(f"{folder} holds no run to resume; start one without --resume")
        _compare(Recipe.from_json(json.loads(written.read_text(encoding="utf-8"))), recipe, folder)
    elif folder.exists() and any(folder.iterdir()):
        raise TrainingError(f"{folder} is not empty: go on with --resume or choose another --out; nothing was changed")


def _claim_folder(folder: Path, recipe: Recipe) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(json.dumps(recipe.to_json(), indent=1) + "\n", encoding="utf-8")
    (folder / METRICS).unlink(missing_ok=True)


def _compare(old: Recipe, new: Recipe, folder: Path) -> None:
    before, now = _flat(old.to_json()), _flat(new.to_json())
    changed = [f"{key} was {before.get(key)}, is {now.get(key)}" for key in now if before.get(key) != now.get(key)]
    if changed:
        raise TrainingError(
            f"{folder} was trained with another recipe ({'; '.join(changed[:3])}): choose another --out"
        )


def _flat(fields: dict[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in fields.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return flat


def _load_base(model: SSD, source: str) -> None:
    from multibox.weights.base import load_base

    load_base(model, source)


def _load_start(model: SSD, source: str) -> None:
    from multibox.weights.start import load_start

    load_start(model, source)


def _headline(recipe: Recipe, dataset: Dataset, folder: Path) -> str:
    return (
        f"training {recipe.name} ({recipe.model.name}, {recipe.model.priors.count} priors) on {dataset.name}: "
        f"{len(dataset)} images, {dataset.num_objects} objects, {len(dataset.class_names)} classes, into {folder}"
    )


def _validator(recipe: Recipe, data: Path | str | Dataset) -> Callable[[SSD], float] | None:
    if recipe.validation_split is None:
        return None
    if isinstance(data, Dataset):
        raise UsageError("a recipe with a validation split needs the path of a data set, not one in memory")
    from multibox.evaluation.evaluate import evaluate
    from multibox.runtime.detector import Detector

    held_out = _load(recipe, data, split=recipe.validation_split)
    return lambda model: evaluate(Detector(model), held_out, metric=recipe.metric).mean


def _keeper(recipe: Recipe, dataset: Dataset, folder: Path) -> Callable[[SSD, str, float | None], None]:
    info = {"recipe": recipe.to_json(), "data": dataset.name, "images": len(dataset), "objects": dataset.num_objects}

    def keep(model: SSD, name: str, score: float | None) -> None:
        save_weights(folder / f"{name}.safetensors", model, info={**info, "metric": recipe.metric, "score": score})

    return keep
