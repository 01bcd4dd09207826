"""The tables of docs/paper.md: the paper's numbers, our measured numbers, and what each training needs."""

from functools import cache

import torch

from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes import find_recipe
from multibox.experiments.recipes.original import COCO, ILSVRC, class_count
from multibox.models.config import ModelConfig
from multibox.models.operations import count_training_operations
from multibox.models.ssd import SSD
from multibox.paper.outcome import Results
from multibox.paper.printed import TABLE7
from multibox.paper.request import written_start
from multibox.paper.tables import Row, Table

EXA_A_DAY = 4.32
"""10¹⁸ operations per day at 50 · 10¹² per second; an assumption, not a measurement."""

_SPLITS = {COCO: "COCO trainval35k", ILSVRC: "ILSVRC DET train + val1"}


def page_table(table: Table, results: Results) -> str:
    """Return a line for each row: the paper's headline number, ours or "not run", and what the training needs.

    Rows with different headline numbers are in tables of their own.
    """
    headlines = dict.fromkeys(next(iter(row.numbers)) for row in table.rows)
    return "\n\n".join(_part(table, results, key) for key in headlines)


def _part(table: Table, results: Results, key: str) -> str:
    lines = [
        f"| | paper, {key} | ours | recipe | learns from | starts from | 10⁶ images | 10¹⁸ operations | GPU days |",
        "|---|---:|---:|---|---|---|---:|---:|---:|",
    ]
    return "\n".join([*lines, *(_line(row, results) for row in table.rows if key in row.numbers)])


def page_speeds() -> str:
    """Return the rows of Table 7."""
    lines = ["| | paper, mAP | paper, FPS on a Titan X | batch | boxes | input |", "|---|---:|---:|---:|---:|---|"]
    lines += [
        f"| {s.method} | {s.score} | {s.frames_per_second} | {s.batch} | {s.boxes} | {s.input_size} |" for s in TABLE7
    ]
    return "\n".join(lines)


def _line(row: Row, results: Results) -> str:
    printed = next(iter(row.numbers.values()))
    if row.recipe is None:
        return f"| {row.label} | {printed:.1f} | | | | | | | |"
    recipe = find_recipe(row.recipe)
    work = training_work(recipe)
    cells = (
        row.label,
        f"{printed:.1f}",
        _ours(row, results),
        f"`{row.recipe}`",
        _data(recipe),
        f"`{written_start(recipe) or recipe.base_weights}`",
        f"{images(recipe) / 1e6:.2f}",
        f"{work:.2f}",
        f"{work / EXA_A_DAY:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _ours(row: Row, results: Results) -> str:
    outcome = results.done.get(row.recipe or "")
    return f"{next(iter(outcome.numbers.values())):.1f}" if outcome and outcome.numbers else "not run"


def _data(recipe: Recipe) -> str:
    split = str(recipe.train_split)
    return _SPLITS.get(split) or "VOC " + split.replace("+", ", ").replace(":", " ")


def images(recipe: Recipe) -> int:
    """Return the number of samples that the training sees."""
    return recipe.schedule.iterations * recipe.loop.batch_size


def training_work(recipe: Recipe) -> float:
    """Count the additions and multiplications of all convolutions in the whole training, in units of 10¹⁸."""
    each = _operations(recipe.model, class_count(recipe))
    return images(recipe) * each / 1e9


@cache
def _operations(model: ModelConfig, classes: int) -> float:
    with torch.device("meta"):
        return count_training_operations(SSD(model, [str(number) for number in range(classes)]))
