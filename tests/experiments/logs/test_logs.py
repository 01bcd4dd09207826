"""Logs of a training run against metrics.jsonl: TensorBoard's event files, MLflow's store, and logs that fail."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from experiments.test_train import tiny_recipe
from multibox.data.scenes.scenes import write_scenes
from multibox.errors import TrainingError, UsageError
from multibox.experiments.logs import log
from multibox.experiments.recipe import Recipe
from multibox.experiments.recipes.quick import quick
from multibox.experiments.train import train
from multibox.size import Size
from multibox.training.metrics import read_metrics

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, count=6, seed=0, size=Size(80, 96), split="train")
    write_scenes(folder, count=3, seed=0, size=Size(80, 96), split="val")
    return folder


def recipe(*, iterations: int = 4) -> Recipe:
    """A run that validates after every second step."""
    base = tiny_recipe(quick(), iterations=iterations)
    loop = replace(base.loop, validate_every=2)
    return replace(base, train_split="train", validation_split="val", loop=loop)


def rows_of(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The numbers in metrics.jsonl by name, with their steps."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in read_metrics(folder):
        for name, value in row.items():
            if name != "step":
                found.setdefault(name, []).append((row["step"], value))
    return found


def test_tensorboard_has_the_numbers_of_the_run(scenes: Path, tmp_path: Path):
    """Scalars, images and text of the event files, also of a resumed run, against metrics.jsonl."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = tmp_path / "run"
    train(recipe(iterations=2), data=scenes, out=out, logs=["tensorboard"])
    train(recipe(iterations=6), data=scenes, out=out, logs=["tensorboard"], resume=True, accept_changes=True)
    events = accumulator.EventAccumulator(str(out / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    expected = rows_of(out)
    assert set(events.Tags()["scalars"]) == set(expected)
    for name in ("loss", "rate", "score"):
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in found] == [step for step, _ in expected[name]]
        np.testing.assert_allclose([value for _, value in found], [value for _, value in expected[name]], rtol=1e-5)
    assert sorted(events.Tags()["images"]) == [f"validation/val_0000{number}" for number in range(3)]
    assert [event.step for event in events.Images("validation/val_00000")] == [2, 4, 6]
    assert events.Tags()["tensors"] == ["recipe/text_summary"]


def test_mlflow_has_the_numbers_of_the_run(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Metrics, parameters, images and status of an MLflow run, also of a resumed one, against metrics.jsonl."""
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    out = tmp_path / "run"
    train(recipe(iterations=2), data=scenes, out=out, logs=["mlflow"])
    train(recipe(iterations=4), data=scenes, out=out, logs=["mlflow"], resume=True, accept_changes=True)
    client = mlflow.MlflowClient()
    (experiment,) = [one for one in client.search_experiments() if one.name == "multibox"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run")
    assert run.data.params["loop.batch_size"] == "4"
    for name, expected in rows_of(out).items():
        assert [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)] == expected
    images = [Path(one.path).name for one in client.list_artifacts(run.info.run_id, "validation")]
    assert len(images) == 2 * 3


class Broken:
    """A log that works once."""

    def __init__(self) -> None:
        self.calls = 0

    def numbers(self, step: int, row: Mapping[str, float]) -> None:
        self.calls += 1
        if self.calls == 2:
            raise ConnectionError("the server\nis gone")

    def images(self, step: int, images: Any) -> None: ...

    def close(self, *, finished: bool) -> None: ...


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A log called other, in a module of its own."""
    import sys

    module = ModuleType("multibox.experiments.logs.to_other")
    monkeypatch.setitem(log.LOGS, "other", "json")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_log_that_fails_is_left_out(scenes: Path, tmp_path: Path, other: ModuleType):
    """A log that raises on the way against one message, a complete run, and no further call."""
    broken = Broken()
    other.open_log = lambda opening: broken  # type: ignore[attr-defined]
    said: list[str] = []
    train(recipe(), data=scenes, out=tmp_path / "run", logs=["other"], on_message=said.append)
    assert [line for line in said if "other" in line] == [
        "warning: other failed (ConnectionError: the server is gone); the run continues without it"
    ]
    assert broken.calls == 2
    assert read_metrics(tmp_path / "run")[-1]["step"] == 4


def test_a_log_that_does_not_open_stops_the_run(scenes: Path, tmp_path: Path, other: ModuleType):
    """A log that cannot be opened against one line before the first step."""

    def open_log(opening: object) -> None:
        raise OSError("no server")

    other.open_log = open_log  # type: ignore[attr-defined]
    with pytest.raises(TrainingError, match=r"--log other cannot be opened \(OSError: no server\)"):
        train(recipe(), data=scenes, out=tmp_path / "run", logs=["other"])
    assert read_metrics(tmp_path / "run") == []


def test_unknown_and_missing_logs_are_wrong_use(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An unknown name, and a package that is not there, against UsageError before anything is written."""
    with pytest.raises(UsageError, match="log 'wandb' is not known: choose tensorboard or mlflow"):
        train(recipe(), data=scenes, out=tmp_path / "run", logs=["wandb"])
    monkeypatch.setitem(log.LOGS, "mlflow", "no_such_package")
    with pytest.raises(UsageError, match="pip install mlflow-skinny"):
        train(recipe(), data=scenes, out=tmp_path / "run", logs=["mlflow"])
    assert not (tmp_path / "run").exists()


def test_logs_do_not_change_the_training(scenes: Path, tmp_path: Path):
    """Weights of a run with a log against those of a run without, bit by bit."""
    pytest.importorskip("tensorboard")
    plain = train(recipe(), data=scenes, out=tmp_path / "plain")
    logged = train(recipe(), data=scenes, out=tmp_path / "logged", logs=["tensorboard"])
    for name, value in plain.state_dict().items():
        assert value.equal(logged.state_dict()[name]), name
