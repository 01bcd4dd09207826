"""A run in MLflow, on the server that MLFLOW_TRACKING_URI names, by default in the folder that MLflow chooses."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from multibox.experiments.logs.log import Images, Opening
from multibox.images.write import write_image
from multibox.system.atomic import write_atomically

EXPERIMENT = "multibox"
_RUN = ".mlflow-run"
_LONGEST = 500


class MlflowLog:
    """Writes metrics, images and the recipe's settings as parameters. A resumed run continues the run of MLflow."""

    def __init__(self, opening: Opening) -> None:
        import mlflow

        if "MLFLOW_EXPERIMENT_NAME" not in os.environ and "MLFLOW_EXPERIMENT_ID" not in os.environ:
            mlflow.set_experiment(EXPERIMENT)
        self._client = mlflow.MlflowClient()
        file = opening.folder / _RUN
        if opening.step and file.is_file():
            self._run = file.read_text().strip()
            self._client.update_run(self._run, status="RUNNING")
            return
        started = mlflow.start_run(run_name=opening.folder.resolve().name)
        self._run = started.info.run_id
        mlflow.end_run("RUNNING")
        write_atomically(file, self._run.encode())
        for key, value in _flat(opening.recipe.to_json()):
            self._client.log_param(self._run, key, str(value)[:_LONGEST])

    def numbers(self, step: int, row: Mapping[str, float]) -> None:
        for name, value in row.items():
            self._client.log_metric(self._run, name, value, step=step)

    def images(self, step: int, images: Images) -> None:
        with TemporaryDirectory() as folder:
            for name, image in images.items():
                path = Path(folder) / f"{step:06}-{name}.jpg"
                write_image(path, image)
                self._client.log_artifact(self._run, str(path), "validation")

    def close(self, *, finished: bool) -> None:
        self._client.set_terminated(self._run, status="FINISHED" if finished else "KILLED")


def open_log(opening: Opening) -> MlflowLog:
    """The log of a run."""
    return MlflowLog(opening)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of a recipe by their names in --set."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
