"""A table of the paper from data to numbers, with noise images and a network that trains in milliseconds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from devkit import tiny_settings, write_coco, write_devkit
from multibox.errors import TrainingError, UsageError
from multibox.evaluation.results.voc import read_voc_results
from multibox.experiments.recipes.original import times
from multibox.paper import estimate
from multibox.paper import reproduce as reproduce_module
from multibox.paper.outcome import Results
from multibox.paper.plan import plan
from multibox.paper.plot import plot_table
from multibox.paper.reproduce import finish, reproduce
from multibox.paper.request import Request, chosen_rows, prepare
from multibox.paper.splits import find_split, thinned
from multibox.paper.submission import images_without_annotations
from multibox.paper.tables import TABLES
from multibox.paper.write import as_json, as_markdown, write_table
from multibox.training.metrics import read_metrics
from multibox.training.optimizer import Schedule


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    years = {"2007": {"trainval": 6, "test": 4}, "2012": {"trainval": 3, "test": 3}}
    return write_devkit(tmp_path_factory.mktemp("VOCdevkit"), years=years, unlabeled=("2012:test",))


@pytest.fixture
def request_(devkit: Path, tmp_path: Path) -> Request:
    return Request(devkit, tmp_path / "out", settings=tiny_settings(), device="cpu")


def test_an_interrupted_table_continues(request_: Request, monkeypatch: pytest.MonkeyPatch):
    """Two rows, interrupted in the second and called again: each row is trained once, and both have numbers."""
    table, rows = TABLES["table2"], ["table2-only-*"]
    train = reproduce_module.train
    trained: list[str] = []

    def second_breaks(recipe, **others):  # type: ignore[no-untyped-def]
        trained.append(recipe.name)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train(recipe, **others)

    written: list[Results] = []
    monkeypatch.setattr(reproduce_module, "train", second_breaks)
    with pytest.raises(KeyboardInterrupt):
        reproduce(table, request_, rows=rows, on_results=written.append, on_message=print)
    assert list(written[0].done) == ["table2-only-flips"]
    results = reproduce(table, request_, rows=rows, on_results=written.append, on_message=print)
    assert set(results.done) == {"table2-only-flips", "table2-only-squares"}
    assert results.failed == {}
    assert trained == ["table2-only-flips", "table2-only-squares", "table2-only-squares"]
    for outcome in results.done.values():
        assert (outcome.train_images, outcome.test_images) == (9, 4)
        assert set(outcome.numbers) == {"mAP"}
        assert 0 <= outcome.numbers["mAP"] <= 100


def test_a_stopped_training_continues(request_: Request, monkeypatch: pytest.MonkeyPatch):
    """A row whose loader failed at step 3 of 4 against the recorded steps: the second try starts at checkpoint 2."""
    row = chosen_rows(TABLES["table2"], ["table2-only-flips"])[0]
    from multibox.experiments import train as run

    batches = run.batches

    def three(*arguments, **others):  # type: ignore[no-untyped-def]
        stream = batches(*arguments, **others)
        for _ in range(3):
            yield next(stream)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "batches", three)
    with pytest.raises(KeyboardInterrupt):
        finish(row, request_, on_message=print)
    monkeypatch.setattr(run, "batches", batches)
    finish(row, request_, on_message=print)
    steps = [line["step"] for line in read_metrics(request_.folder("table2-only-flips")) if "loss" in line]
    assert steps == [1, 2, 3, 4]


def test_finished_rows_are_kept_and_never_mixed(request_: Request):
    """A second call against the first outcome, and other settings against an error that names the folder."""
    row = chosen_rows(TABLES["table1"], ["table1-ssd300-07"])[0]
    first = finish(row, request_, on_message=print)
    assert finish(row, request_, on_message=print) == first
    assert first.train_images == 6
    other = replace(request_, settings=(*request_.settings, "seed=1"))
    with pytest.raises(
        TrainingError, match=r"table1-ssd300-07 holds the result of another run .* choose another --out"
    ):
        finish(row, other, on_message=print)


def test_every_file_of_a_rehearsal_says_so(request_: Request, tmp_path: Path):
    """Markdown, JSON and chart of a rehearsal against the differences in its request."""
    rehearsal = replace(request_, scale=0.5, settings=(*request_.settings, "schedule.iterations=1"))
    table = TABLES["table2"]
    results = reproduce(
        table,
        rehearsal,
        rows=["table2-only-flips"],
        on_results=lambda so_far: write_table(table, so_far, request=rehearsal),
        on_message=print,
    )
    text = (rehearsal.out / "table2.md").read_text()
    assert text.startswith("# Rehearsal of Table 2")
    assert "This is a rehearsal, not a reproduction:** 50 % of the images and steps; model=" in text
    fields = json.loads((rehearsal.out / "table2.json").read_text())
    assert fields["rehearsal"][0] == "50 % of the images and steps"
    assert "schedule.iterations=1" in fields["rehearsal"]
    first, *others = fields["rows"]
    assert first["difference"]["mAP"] == pytest.approx(first["ours"]["mAP"] - 65.5)
    assert [row["ours"] for row in others] == [None] * 4
    plot_table(tmp_path / "table2.png", table, results, stamp=rehearsal.stamp)
    assert (tmp_path / "table2.png").read_bytes().startswith(b"\x89PNG")


def test_the_experiment_itself_has_no_stamp():
    """The paper's own experiment has no stamp, and its files do not mention a rehearsal."""
    whole = Request(Path("data"), Path("out"), workers=4)
    nothing = Results({}, {})
    assert whole.stamp == ()
    for table in TABLES.values():
        assert as_json(table, nothing, stamp=whole.stamp)["rehearsal"] is None
        assert "rehears" not in as_markdown(table, nothing, stamp=whole.stamp).lower()


def test_scale_shrinks_steps_and_images(request_: Request):
    """Steps, milestones and images at a hundredth against the whole; settings override the scale."""
    assert times(Schedule(60_000, milestones=(40_000, 50_000), warmup=100), 0.01) == Schedule(
        600, milestones=(400, 500), warmup=1
    )
    small = replace(request_, scale=0.01, settings=("schedule.rate=0.5",))
    recipe = prepare("table4-ssd300", small)
    assert (recipe.schedule.iterations, recipe.schedule.milestones, recipe.schedule.rate) == (800, (600,), 0.5)
    assert prepare("table4-ssd300", replace(small, settings=("schedule.iterations=7",))).schedule.iterations == 7


def test_the_subset_is_even_and_deterministic(devkit: Path):
    """A share of the images against evenly spaced ones, and a tiny share against the minimum number."""
    from multibox.data.load import load_dataset

    dataset = load_dataset(devkit, split="2007:trainval+2007:test+2012:trainval")
    assert len(dataset) == 13
    assert [example.id for example in thinned(dataset, 0.75)] == [dataset[k * 13 // 10].id for k in range(10)]
    assert len(thinned(dataset, 1e-6)) == 8
    assert thinned(dataset, 1.0) is dataset


def test_detections_for_an_evaluation_server(request_: Request):
    """Table 4, whose test images have no annotations, against result files for each class instead of numbers."""
    row = chosen_rows(TABLES["table4"], ["table4-ssd300"])[0]
    outcome = finish(row, request_, on_message=print)
    assert (outcome.numbers, outcome.test_images) == ({}, 3)
    assert outcome.train_images == 13
    folder = Path(str(outcome.submission))
    assert len(list(folder.glob("comp4_det_test_*.txt"))) == 20
    images = images_without_annotations(find_split("voc", "2012:test", request_.data))
    assert images is not None
    read_voc_results(folder, dataset=images)
    page = as_markdown(TABLES["table4"], Results({outcome.recipe: outcome}, {}), stamp=request_.stamp)
    assert "| 72.4 | to be scored by the server |" in page


def test_a_row_whose_data_are_missing_does_not_stop_the_others(request_: Request):
    """Three rows of Table 1, one of which needs COCO, against two outcomes and a reason."""
    results = reproduce(
        TABLES["table1"], request_, rows=["table1-ssd300-07*"], on_results=lambda so_far: None, on_message=print
    )
    assert set(results.done) == {"table1-ssd300-07", "table1-ssd300-0712"}
    assert list(results.failed) == ["table1-ssd300-0712-coco"]
    assert "needs trainval35k" in results.failed["table1-ssd300-0712-coco"]
    assert "holds no COCO" in results.failed["table1-ssd300-0712-coco"]


def test_rows_from_coco_train_on_coco_first(request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A row "+COCO" and then Table 5's own row: COCO is trained once, its weights are the start, both have numbers."""
    root = write_coco(tmp_path / "data" / "coco", splits={"train2017": 4, "val2017": 3}).parent
    (root / "VOCdevkit").symlink_to(request_.data)
    both = replace(request_, data=root, settings=tiny_settings(iterations=1))
    train = reproduce_module.train
    trained: list[tuple[str, str | None]] = []

    def listed(recipe, **others):  # type: ignore[no-untyped-def]
        trained.append((recipe.name, recipe.start_weights))
        return train(recipe, **others)

    monkeypatch.setattr(reproduce_module, "train", listed)
    finish(chosen_rows(TABLES["table1"], ["table1-ssd300-0712-coco"])[0], both, on_message=print)
    weights = both.folder("table5-ssd300") / "last.safetensors"
    assert trained == [("table5-ssd300", None), ("table1-ssd300-0712-coco", str(weights))]
    before = weights.read_bytes()
    outcome = finish(chosen_rows(TABLES["table5"], ["table5-ssd300"])[0], both, on_message=print)
    assert weights.read_bytes() == before
    assert (outcome.train_images, outcome.test_images) == (4, 3)
    assert {"AP", "AP50", "AR100"} <= set(outcome.numbers)


def test_the_plan_lists_data_and_times(request_: Request):
    """A plan on a devkit without COCO against its images, missing splits and times."""
    row = chosen_rows(TABLES["table1"], ["table1-ssd300-07"])[0]
    finish(row, request_, on_message=print)
    steps = {step.recipe: step for step in plan(TABLES["table1"], request_, rows=["table1-ssd300-*"])}
    assert list(steps) == [
        "table1-ssd300-07",
        "table1-ssd300-0712",
        "table5-ssd300",
        "table1-ssd300-0712-coco",
    ]
    assert (steps["table1-ssd300-07"].state, steps["table1-ssd300-07"].seconds) == ("finished", 0)
    waiting = steps["table1-ssd300-0712"]
    assert (waiting.state, waiting.images) == ("to do", 16)
    assert waiting.seconds > 0
    assert [(needed.split, needed.images) for needed in waiting.splits] == [
        ("2007:trainval+2012:trainval", 9),
        ("2007:test", 4),
    ]
    assert waiting.problems == ()
    assert "holds no COCO" in steps["table5-ssd300"].problems[0]
    json.dumps([step.to_json() for step in steps.values()])


def test_the_estimate_is_operations_divided_by_the_rate(request_: Request, monkeypatch: pytest.MonkeyPatch):
    """Seconds of a plan at a rate of 100 GFLOP/s, measured once, against operations counted by PyTorch's counter."""
    rates: list[str] = []

    def rate(precision: torch.dtype, *, device: torch.device) -> float:
        rates.append(str(precision))
        return 100.0

    monkeypatch.setattr(estimate, "convolution_rate", rate)
    whole = replace(request_, settings=())
    steps = plan(TABLES["table1"], whole, rows=["table1-ssd300-07", "table1-ssd512-07"])
    assert rates == ["torch.float32"]
    for step, operations in zip(steps, (62.8, 180.4), strict=True):
        images = step.images * 3 + 4952  # the devkit's 4 test images are fewer than the paper's
        assert step.seconds == pytest.approx(step.images * 3 * operations / 100, rel=0.01), images


def test_a_plan_measures_steps_on_request(request_: Request):
    """A measured plan against a line for the one network, and a positive time."""
    lines: list[str] = []
    steps = plan(TABLES["table2"], request_, rows=["table2-only-*"], measure=True, on_message=lines.append)
    assert [step.seconds > 0 for step in steps] == [True, True]
    assert len(lines) == 1
    assert lines[0].startswith("measuring tiny with 20 classes for table2-only-")


def test_the_plan_counts_what_is_left(request_: Request):
    """Images and time of a plan with 400,000 steps."""
    longer = replace(request_, settings=(*request_.settings, "schedule.iterations=400000"))
    steps = plan(TABLES["table2"], longer, rows=["table2-only-flips"])
    assert steps[0].images == 1_600_000
    assert steps[0].seconds > 1


def test_other_folders_need_other_splits(tmp_path: Path):
    """A single VOC folder against the paper's splits, which it lacks, and its own splits."""
    root = write_devkit(tmp_path / "mine", years={"2012": {"trainval": 5, "test": 2}})
    assert "year '2007' is not in" in str(find_split("voc", "2007:trainval", root).problem)
    assert find_split("voc", "trainval", root).images == 5
    assert find_split("voc", "trainval", root).problem is None
    assert "winter" in str(find_split("voc", "winter", root).problem)
    assert find_split("coco", "trainval", root).folder is None
    assert find_split("coco", "trainval", root, any_family=True).folder == root
    assert find_split("coco", "trainval", tmp_path / "nowhere", any_family=True).folder is None


def test_unknown_rows_are_named():
    """A pattern that matches no row against an error that lists the rows."""
    with pytest.raises(
        UsageError, match=r"'table2-everything' matches no row of table2: choose from table2-only-flips"
    ):
        chosen_rows(TABLES["table2"], ["table2-everything"])
