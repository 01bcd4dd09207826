"""The first state of a run: a new model, given weights, or a checkpoint."""

from collections.abc import Callable

import torch
from torch import Tensor

from multibox.data.dataset import Dataset
from multibox.data.holdout import LARGEST_SHARE
from multibox.errors import UsageError
from multibox.experiments.facts import same_metric
from multibox.experiments.folder import Memory
from multibox.experiments.recipe import Recipe
from multibox.models.config import ModelConfig
from multibox.models.ssd import SSD
from multibox.system.distributed import Processes
from multibox.training.loop import ignore
from multibox.training.run import Run


def check_recipe(recipe: Recipe, *, processes: int) -> None:
    """Raise UsageError if settings contradict each other, or if the processes cannot share the batch."""
    loop = recipe.loop
    if recipe.holdout and not 0 < recipe.holdout <= LARGEST_SHARE:
        raise UsageError(f"holdout={recipe.holdout:g} must be 0, or a share of at most {LARGEST_SHARE:g}")
    if recipe.holdout and recipe.validation_split:
        raise UsageError(
            f"holdout={recipe.holdout:g} holds out images, and validation_split={recipe.validation_split} names some: "
            "set one of them"
        )
    if loop.patience and not ((recipe.validation_split or recipe.holdout) and loop.validate_every):
        raise UsageError(
            f"loop.patience={loop.patience} counts validations, and this recipe makes none before its end: "
            "set validation_split or holdout, and loop.validate_every"
        )
    if recipe.optimizer.momentum_rule == "caffe" and recipe.optimizer.kind != "sgd":
        raise UsageError(
            f"optimizer.momentum_rule=caffe is a rule of SGD, and optimizer.kind is {recipe.optimizer.kind}: "
            "choose torch, or sgd"
        )
    normalizes = recipe.model.base.has_batch_norm
    if loop.share(processes) == 1 and normalizes and recipe.model.priors.maps[-1].cells == (1, 1):
        raise UsageError(
            f"loop.batch_size={loop.batch_size} leaves one image at a time for each process, too few for the "
            f"batch normalization of {recipe.model.name}: at least {2 * loop.accumulate * processes}"
        )


def start_run(
    recipe: Recipe,
    dataset: Dataset,
    memory: Memory,
    *,
    device: torch.device,
    processes: Processes,
    on_message: Callable[[str], object] = ignore,
) -> Run:
    """Return a run at its first step, or at the checkpoint of `memory`."""
    torch.manual_seed(recipe.seed)
    model = SSD(recipe.model, dataset.class_names)
    if not memory.state and (recipe.base_weights or recipe.start_weights):
        _load_weights(model, recipe, processes, on_message)
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
        if not same_metric(memory.facts, recipe):
            run.best, run.stale = -1.0, 0
        if memory.best_lost:
            run.best = -1.0
    return run


def _load_weights(model: SSD, recipe: Recipe, processes: Processes, on_message: Callable[[str], object]) -> None:
    """Load the weights that the recipe starts from; the first process fetches them for all."""

    def load() -> tuple[ModelConfig, dict[str, Tensor]]:
        from multibox.weights.origins.imagenet.load import load_base
        from multibox.weights.remap import load_start

        if recipe.base_weights:
            load_base(model, recipe.base_weights)
        if recipe.start_weights and (new := load_start(model, recipe.start_weights)):
            on_message(
                f"{recipe.start_weights} has another input size, and other priors or no layers for source "
                f"{'map' if len(new) == 1 else 'maps'} {', '.join(str(i + 1) for i in new)}: what it lacks starts from "
                "random values"
            )
        return model.config, model.state_dict()

    config, values = processes.from_first(load)
    if not processes.first:
        model.normalize_with(mean=config.mean, std=config.std)
        model.load_state_dict(values)
