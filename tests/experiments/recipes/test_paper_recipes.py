"""The paper's recipes against what the paper and the official scripts say, written down here a second time."""

import inspect
from statistics import mean

import numpy as np
import pytest
import torch

from multibox.data.augmentation.augmentation import AUGMENTATIONS
from multibox.experiments.recipes import PAPER, find_recipe
from multibox.models.bases.vgg import VGG16Config
from multibox.models.ssd import SSD
from multibox.paper import printed as paper
from multibox.paper.tables import TABLES
from multibox.priors import make_prior_corners

K = 1000
VOC0712 = "2007:trainval+2012:trainval"
PLUS = "2007:trainval+2007:test+2012:trainval"
SCHEDULES = {
    "table1-ssd300-07": (60 * K, (40 * K, 50 * K), "2007:trainval", "voc07"),
    "table1-ssd512-0712": (60 * K, (40 * K, 50 * K), VOC0712, "voc07"),
    "table3-1-source-inside": (60 * K, (40 * K, 50 * K), VOC0712, "voc07"),
    "table4-ssd512": (80 * K, (60 * K,), PLUS, "voc10"),
    "table5-ssd300": (240 * K, (160 * K, 200 * K), "trainval35k", "coco"),
    "table6-ssd300-0712-plus-coco": (160 * K, (120 * K,), PLUS, "voc10"),
    "table6-ssd512-coco": (480 * K, (320 * K, 400 * K), "trainval35k", "coco"),
    "ssd512-voc": (120 * K, (80 * K, 100 * K), VOC0712, "voc07"),
    "ssd300-coco": (400 * K, (280 * K, 360 * K), "trainval35k", "coco"),
    "ilsvrc-ssd300": (440 * K, (320 * K, 400 * K), "train+val1", "voc10"),
}
BOXES_PER_CELL = {
    "table1-ssd300-0712": ((4, 6, 6, 6, 4, 4), 8732),
    "table2-only-squares": ((2, 2, 2, 2, 2, 2), 3880),
    "table2-no-ratio-3": ((4, 4, 4, 4, 4, 4), 7760),
    "table2-no-atrous": ((4, 6, 6, 6, 4, 4), 8732),
    "table3-5-sources": ((4, 6, 6, 6, 8), 8764),
    "table3-4-sources": ((4, 6, 6, 16), 8942),
    "table3-3-sources": ((4, 8, 12), 9864),
    "table3-2-sources": ((4, 9), 9025),
    "table3-1-source": ((0, 24), 8664),
}
FROM_COCO = {
    "table1-ssd300-0712-coco",
    "table1-ssd512-0712-coco",
    "table4-ssd300-coco",
    "table4-ssd512-coco",
    "table6-ssd300-0712-coco",
    "table6-ssd300-0712-plus-coco",
    "table6-ssd512-0712-coco",
    "table6-ssd512-0712-plus-coco",
}
ON_OTHER_DATA = {
    "table5-ssd300",
    "table5-ssd512",
    "table6-ssd300-coco",
    "table6-ssd512-coco",
    "ilsvrc-ssd300",
    "ilsvrc-ssd300-voc-sizes",
}
CELLS = (38, 19, 10, 5, 3, 1)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_and_data(name: str):
    """Steps, milestones, training data and metric against the paper's sections 3.1 to 3.6 and the official scripts."""
    recipe = find_recipe(name)
    assert (recipe.schedule.iterations, recipe.schedule.milestones, recipe.train_split, recipe.metric) == SCHEDULES[
        name
    ]


@pytest.mark.parametrize("name", PAPER)
def test_what_all_share(name: str):
    """Rate, momentum, decay, batch, bounds of the loss and start of every row against section 3."""
    recipe = find_recipe(name)
    assert (recipe.schedule.rate, recipe.schedule.gamma, recipe.schedule.shape) == (1e-3, 0.1, "steps")
    assert (recipe.optimizer.momentum, recipe.optimizer.weight_decay) == (0.9, 5e-4)
    assert (recipe.loop.batch_size, recipe.loop.micro_batch) == (32, 8)
    assert (recipe.loss.match_threshold, recipe.loss.negative_ratio) == (0.5, 3.0)
    assert (recipe.base_weights is None, recipe.start_weights is None) == (name in FROM_COCO, name not in FROM_COCO)
    assert recipe.use_difficult == (name not in ON_OTHER_DATA)  # VOC's scripts alone learn difficult objects


@pytest.mark.parametrize("name", PAPER)
def test_zoom_out_came_with_table_6(name: str):
    """Augmentation of every row: patches and distortion, a canvas in Table 6 only, and flips alone in one row."""
    used = find_recipe(name).augmentation
    assert used.zoom_out == (0.5 if name.startswith("table6") else 0.0)
    if name == "table2-only-flips":
        assert used == AUGMENTATIONS["flip"]
    else:
        assert used.crop is not None
        assert used.color is not None
        assert used.crop.scale == ((0.3, 1.0) if name.startswith("table6") else (0.1, 1.0))


@pytest.mark.parametrize("name", BOXES_PER_CELL)
def test_priors_of_tables_2_and_3(name: str):
    """Boxes of a cell, their total, and the centers of each map against the solutions of the paper's totals."""
    model = find_recipe(name).model
    per_cell, total = BOXES_PER_CELL[name]
    counted = [0] * len(per_cell)
    for source, tiles in zip(model.sources or range(6), model.priors.maps, strict=True):
        assert tiles.cells == (CELLS[source], CELLS[source])
        counted[source] += tiles.boxes_per_cell
    assert tuple(counted) == per_cell
    assert sum(n * cells * cells for n, cells in zip(per_cell, CELLS, strict=False)) == total
    assert len(make_prior_corners(model.priors)) == model.priors.count == total


@pytest.mark.parametrize("name", BOXES_PER_CELL)
def test_every_network_of_tables_2_and_3_fits_its_priors(name: str):
    """Shapes of a forward pass, without numbers, against the number of priors."""
    model = find_recipe(name).model
    with torch.device("meta"):
        offsets, logits = SSD(model, ("cat", "dog"))(torch.empty(1, 3, 300, 300))
    assert offsets.shape == (1, model.priors.count, 4)
    assert logits.shape == (1, model.priors.count, 3)


def test_rows_without_boundary_boxes_differ_in_that_alone():
    """The right column of Table 3 against the left: the same recipe with one setting."""
    for sources in ("5-sources", "4-sources", "3-sources", "2-sources", "1-source"):
        with_all, inside = find_recipe(f"table3-{sources}"), find_recipe(f"table3-{sources}-inside")
        assert (with_all.loss.skip_boundary, inside.loss.skip_boundary) == (False, True)
        assert (with_all.model, with_all.schedule) == (inside.model, inside.schedule)
    assert find_recipe("table3-6-sources-inside").model == find_recipe("table1-ssd300-0712").model


def test_no_atrous_needs_the_whole_vgg16():
    """The base, its weights and the sources of Table 2's fourth row against section 3.2's description."""
    recipe = find_recipe("table2-no-atrous")
    assert (recipe.model.base, recipe.base_weights) == (VGG16Config(atrous=False), "vgg16-torchvision")
    assert len(recipe.model.extras) == 3  # conv4_3, conv5_3 and fc7 are sources before them


def test_sizes_of_priors_by_data_set():
    """First and second scale of each network as a part of its input, against footnotes 3 and 5 of the paper."""
    scales = {
        "table1-ssd300-0712": (0.1, 0.2),
        "table5-ssd300": (0.07, 0.15),
        "table1-ssd512-0712": (0.07, 0.15),
        "table5-ssd512": (0.04, 0.1),
        "table4-ssd512-small": (0.04, 0.1),
        "table6-ssd512-0712-plus-small": (0.04, 0.1),
        "ilsvrc-ssd300": (0.07, 0.15),
        "ilsvrc-ssd300-voc-sizes": (0.1, 0.2),
    }
    for name, wanted in scales.items():
        priors = find_recipe(name).model.priors
        found = [m.min_size / priors.input_size[0] for m in priors.maps[:2]]
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_class_rows_average_to_the_printed_score():
    """Means of the 20 printed class APs against the printed mAP, to rounding."""
    for row in (*paper.TABLE1, *paper.TABLE4):
        assert len(row.classes) == 20
        assert mean(row.classes.values()) == pytest.approx(row.numbers["mAP"], abs=0.0501), row.method


def test_every_row_has_a_recipe_that_says_its_score_and_its_command():
    """Docstrings against the recipe's name and the number that the paper prints for the row."""
    named = {row.recipe for table in TABLES.values() for row in table.rows if row.recipe}
    assert set(PAPER) - named == {"table4-ssd512-small", "table6-ssd512-0712-plus-small"}
    for table in TABLES.values():
        for row in table.rows:
            if row.recipe is None or row.recipe.startswith("ssd"):
                continue
            text = inspect.getdoc(PAPER[row.recipe]) or ""
            assert f"multibox train {row.recipe} --data " in text
            assert f"--out runs/{row.recipe}\n" in f"{text}\n"
            assert str(next(iter(row.numbers.values()))) in text, row.recipe


def test_coco_comes_first_where_the_data_say_so():
    """Every row with "+COCO" starts from the file of a COCO recipe with the same network."""
    for table in TABLES.values():
        for row in table.rows:
            if row.recipe and "+COCO" in row.label:
                recipe = find_recipe(row.recipe)
                start = (recipe.start_weights or "").split("/")[1]
                assert recipe.start_weights == f"runs/{start}/last.safetensors"
                assert find_recipe(start).train_split == "trainval35k"
                assert find_recipe(start).model.name == recipe.model.name
                assert (find_recipe(start).augmentation.zoom_out > 0) == row.recipe.startswith("table6")


def test_printed_differences_of_table_2():
    """The numbers of Table 2 against the differences that section 3.2 gives in words: 8.8, 2.1 and 0.6."""
    scores = {name: score for name, (_, score) in paper.TABLE2.items()}
    assert scores["table1-ssd300-0712"] - scores["table2-only-flips"] == pytest.approx(8.8)
    assert scores["table2-no-ratio-3"] - scores["table2-only-squares"] == pytest.approx(2.1)
    assert scores["table1-ssd300-0712"] - scores["table2-no-ratio-3"] == pytest.approx(0.6)
