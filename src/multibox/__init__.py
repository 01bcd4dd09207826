"""SSD, the Single Shot MultiBox Detector (Liu et al., ECCV 2016).

Detect      Detector, Detections, explain, export
Batch       run_batch, DetectBatch
Data        load_dataset, join, Dataset, Example
Train       train, find_recipe, Recipe, Stopped
Evaluate    evaluate, Evaluation
Weights     load_weights, save_weights, import_weights, load_base
Models      SSD, ssd, ssd300, ssd512, ssdlite320, Size
Video       video.frames, video.Tracker
Errors      MultiboxError, UsageError, InputError, DataError, WeightsError, TrainingError, ProcessError, StoppedError

Each name is imported when it is first used, so that `import multibox` and `multibox --help` are fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from multibox._version import __version__

if TYPE_CHECKING:
    from multibox.batch.detect_batch import DetectBatch
    from multibox.batch.run import run_batch
    from multibox.data.dataset import Dataset, Example
    from multibox.data.load import join, load_dataset
    from multibox.detection.detector import Detector
    from multibox.detection.explain.explain import explain
    from multibox.detection.export.export import export
    from multibox.detections import Detections
    from multibox.errors import (
        DataError,
        InputError,
        MultiboxError,
        ProcessError,
        StoppedError,
        TrainingError,
        UsageError,
        WeightsError,
    )
    from multibox.evaluation.evaluate import evaluate
    from multibox.evaluation.evaluation import Evaluation
    from multibox.experiments.recipe import Recipe
    from multibox.experiments.recipes import find_recipe
    from multibox.experiments.train import train
    from multibox.models.any_size import ssd
    from multibox.models.ssd import SSD, ssd300, ssd512, ssdlite320
    from multibox.size import Size
    from multibox.training.stopping import Stopped
    from multibox.weights.file import load_weights, save_weights
    from multibox.weights.origins.imagenet.load import load_base
    from multibox.weights.origins.recognize import import_weights

_MODULES = {
    "batch.detect_batch": ("DetectBatch",),
    "batch.run": ("run_batch",),
    "data.dataset": ("Dataset", "Example"),
    "data.load": ("join", "load_dataset"),
    "detection.detector": ("Detector",),
    "detection.explain.explain": ("explain",),
    "detection.export.export": ("export",),
    "detections": ("Detections",),
    "errors": (
        "DataError",
        "InputError",
        "MultiboxError",
        "ProcessError",
        "StoppedError",
        "TrainingError",
        "UsageError",
        "WeightsError",
    ),
    "evaluation.evaluate": ("evaluate",),
    "evaluation.evaluation": ("Evaluation",),
    "experiments.recipe": ("Recipe",),
    "experiments.recipes": ("find_recipe",),
    "experiments.train": ("train",),
    "models.any_size": ("ssd",),
    "models.ssd": ("SSD", "ssd300", "ssd512", "ssdlite320"),
    "size": ("Size",),
    "training.stopping": ("Stopped",),
    "weights.file": ("load_weights", "save_weights"),
    "weights.origins.imagenet.load": ("load_base",),
    "weights.origins.recognize": ("import_weights",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "SSD",
    "DataError",
    "Dataset",
    "DetectBatch",
    "Detections",
    "Detector",
    "Evaluation",
    "Example",
    "InputError",
    "MultiboxError",
    "ProcessError",
    "Recipe",
    "Size",
    "Stopped",
    "StoppedError",
    "TrainingError",
    "UsageError",
    "WeightsError",
    "__version__",
    "evaluate",
    "explain",
    "export",
    "find_recipe",
    "import_weights",
    "join",
    "load_base",
    "load_dataset",
    "load_weights",
    "run_batch",
    "save_weights",
    "ssd",
    "ssd300",
    "ssd512",
    "ssdlite320",
    "train",
]


_ROOMS = ("video",)
"""Folders whose own names are public: `multibox.video.frames`."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"multibox.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'multibox' has no attribute {name!r}")
    return getattr(import_module(f"multibox.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
